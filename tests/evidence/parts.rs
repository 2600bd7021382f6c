//! Parts of packages by themselves: plots, the record of the run, command lines, the list of assumptions, what covers code.

use std::time::{Duration, SystemTime};
use synth::evidence::assumption::{ASSUMPTIONS, about, named};
use synth::evidence::build_record::deciding;
use synth::evidence::plot::bars;
use synth::evidence::run_record::Run;
use synth::evidence::trace::trace;
use synth::pipeline::{Options, compile};
use synth_validator::validate::Session;

#[test]
fn every_row_of_a_plot_has_a_bar_of_its_length() {
    for count in [1, 2, 15] {
        let rows: Vec<(String, u64)> = (1..=count).map(|n| (format!("<row {n}>"), n)).collect();
        let svg = bars(&rows, "bytes");
        let bar = svg.lines().filter(|l| l.starts_with("<rect") && l.contains("#3A6EA5"));
        let width = |l: &str| l.split(" width=\"").nth(1).and_then(|w| w.split('"').next()?.parse::<u64>().ok());
        let mut widths: Vec<u64> = bar.filter_map(width).collect();
        widths.sort();
        let longest = *widths.last().expect("a bar");
        let wanted: Vec<u64> = (1..=count).map(|n| longest * n / count).collect();
        let fits = widths.len() == wanted.len() && widths.iter().zip(&wanted).all(|(a, b)| a.abs_diff(*b) <= 1);
        assert!(fits && longest > 100, "{widths:?}, not {wanted:?}");
        assert!(svg.contains("&lt;row 1&gt;"), "labels are escaped: {svg}");
    }
    assert_eq!(bars(&[], "bytes"), "");
}

#[test]
fn every_flipped_bit_of_the_record_of_a_run_shows() {
    let proofs = [(3, Duration::from_micros(5))].into_iter();
    let run = Run::new(SystemTime::now(), 2, proofs, vec!["synth".to_string()]);
    let text = synth::evidence::json(&run).into_bytes();
    assert_eq!(Run::read(&text), Ok(run));
    for at in 0..text.len() * 8 {
        let mut damaged = text.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        assert!(Run::read(&damaged).is_err(), "bit {at}");
    }
}

#[test]
fn only_deciding_arguments_are_kept() {
    let given = "/x/synth compile a.wasm --threads 2 -o a.o --evidence=d --validate --replace-evidence --format json";
    let given: Vec<String> = given.split(' ').map(str::to_string).collect();
    assert_eq!(deciding(&given), ["synth", "compile", "a.wasm", "-o", "a.o", "--validate"]);
}

/// The table of the overview and the one that packages show have the same names.
#[test]
fn the_overview_lists_the_same_assumptions() {
    let text = include_str!("../../docs/ARCHITECTURE.md");
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `A-")?.split(['`', '(']).next());
    let mut listed: Vec<String> = rows.map(|name| format!("A-{name}")).collect();
    listed.sort();
    assert_eq!(listed, ASSUMPTIONS.map(|a| a.name.to_string()));
}

#[test]
fn assumptions_are_found_with_what_they_are_about() {
    let name = "A-RT(__aeabi_uldivmod, __aeabi_memmove)";
    assert_eq!((named(name).map(|a| a.name), about(name)), (Some("A-RT"), "__aeabi_uldivmod, __aeabi_memmove"));
    assert_eq!((named("A-OTHER"), about("A-CORE")), (None, ""));
}

/// Behind a call of something unknown nothing is followed: that code is covered by nothing, and the trace says so.
#[test]
fn code_that_no_cut_point_leads_to_is_named() {
    let module = wat::parse_str(
        r#"(module (table 1 funcref) (type $t (func (result i32))) (memory 1)
          (func (export "f") (result i32) (i32.add (call_indirect (type $t) (i32.const 0)) (i32.load (i32.const 8)))))"#,
    )
    .expect("a module");
    let compiled = compile(&module, &Options::default()).expect("compiles");
    let build = crate::made(|_| {}, None);
    let build = serde_json::from_slice(&build.files["build.json"]).expect("a record");
    let uncovered = |claim| {
        let session = Session::new(&module, &compiled.object, Some(claim), Default::default()).expect("reads");
        trace(&session, &module, &compiled.object, &build).uncovered
    };
    assert_eq!(uncovered(compiled.claim.clone()), []);
    let mut claim = compiled.claim.clone();
    assert!(!claim.functions[0].indirect_types.is_empty(), "the call is there");
    claim.functions[0].indirect_types.clear();
    assert!(!uncovered(claim).is_empty());
}
