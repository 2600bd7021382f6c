//! Parts of packages by themselves: plots, the record of the run, command lines, the list of assumptions, what covers code.

use crate::{made, page, value};
use std::time::{Duration, SystemTime};
use synth::evidence::assumption::{ASSUMPTIONS, about, named};
use synth::evidence::build_record::deciding;
use synth::evidence::plot::bars;
use synth::evidence::relation::function_file;
use synth::evidence::run_record::Run;
use synth::evidence::trace::trace;
use synth::pipeline::{Options, compile};
use synth_validator::domain::BinOp;
use synth_validator::ir::Op;
use synth_validator::validate::Session;
use synth_validator::witness::{Loc, Step, Word};

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
    // The output of `report module` is the package itself.
    for output in ["-o d", "-od", "-o=d", "--output d", "--output=d"] {
        let given = format!("/x/synth report module a.wasm {output} a.o --certificate c --replace");
        let given: Vec<String> = given.split(' ').map(str::to_string).collect();
        assert_eq!(deciding(&given), ["synth", "report", "module", "a.wasm", "a.o", "--certificate", "c"], "{output}");
    }
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

/// Rules and lemmas of a function are entries of the tables; code that was given has no record of rules.
#[test]
fn rules_and_lemmas_of_functions_are_named() {
    use std::collections::BTreeSet;
    let lemmas: BTreeSet<String> = synth_lemmas::all().into_iter().map(|l| l.name).collect();
    let rules: BTreeSet<String> = synth::selection::load().expect("well formed").into_iter().map(|r| r.name).collect();
    let package = crate::made(|_| {}, None);
    let summary = crate::value(&package.files, "evidence.json");
    let function = |name: &str| {
        let all = summary["functions"].as_array().expect("functions");
        all.iter().find(|f| f["name"] == name).expect("is there").clone()
    };
    let mut counted = 0;
    for f in summary["functions"].as_array().expect("functions") {
        for (rule, n) in f["rules"].as_object().expect("rules") {
            assert!(rules.contains(rule) && n.as_u64() > Some(0), "{rule}");
            counted += 1;
        }
        for lemma in f["lemmas"].as_array().expect("lemmas") {
            assert!(lemmas.contains(lemma.as_str().expect("a name")), "{lemma}");
        }
    }
    assert!(counted > 3, "{counted}");
    // (a | b) + (a & b) is a + b: by a lemma, and one addition.
    let mix = function("mix");
    assert_eq!(mix["rules"].as_object().map(|r| r.len()), Some(1), "{mix}");
    assert!(!mix["lemmas"].as_array().expect("a list").is_empty(), "{mix}");
    let page = crate::page(&package.files, mix["pages"][0].as_str().expect("a path"));
    let rule = mix["rules"].as_object().and_then(|r| r.keys().next()).expect("a rule");
    let lemma = mix["lemmas"][0].as_str().expect("a lemma");
    assert!(page.contains(rule.as_str()) && page.contains(lemma), "{rule} and {lemma}");
    let given = crate::made(|b| b.compilation = None, None);
    let summary = crate::value(&given.files, "evidence.json");
    assert!(summary["functions"].as_array().expect("functions").iter().all(|f| f["rules"] == serde_json::json!({})));
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

/// Covers TOR-ASSUME-STACK.
#[test]
fn the_stack_of_all_that_the_host_calls_is_listed() {
    let files = made(|_| {}, None).files;
    let said = value(&files, "assumptions.json");
    assert_eq!(said["start_up"], "__synth_instance_init");
    let start_up = &said["start_up_stack"];
    assert!(start_up["bytes"].is_u64() && start_up["own_bytes"].is_u64(), "{start_up}");
    let exports = said["exports"].as_array().expect("a list");
    let export = |name: &str| exports.iter().find(|e| e["name"] == name).expect("an export");
    // An exported import takes what the host's function takes.
    let import = export("tick_again");
    assert_eq!((&import["stack_bytes"], &import["outside"]), (&0.into(), &serde_json::json!({ "tick": 0 })));
    assert!(export("sum")["stack_bytes"].is_u64());
    let page = page(&files, "assumptions.html");
    assert!(page.contains("__synth_instance_init</td><td>() → ()"), "{page}");
}

/// Steps of a right claim use earlier ones. Of a damaged one that uses itself, or whose text would double with every step, what is written
/// ends.
#[test]
fn relations_of_damaged_claims_end() {
    let text = r#"(module (memory 1) (func (export "sum") (param i32 i32) (result i32) (local i32)
        (loop $l
            (local.set 2 (i32.add (local.get 2) (i32.load (local.get 0))))
            (local.set 0 (i32.add (local.get 0) (i32.const 4)))
            (br_if $l (i32.lt_u (local.get 0) (local.get 1))))
        (local.get 2)))"#;
    let claim = compile(&wat::parse_str(text).expect("a module"), &Options::default()).expect("compiles").claim;
    let right = &claim.functions[0];
    let written = |steps: Vec<Step>| {
        let mut claim = right.clone();
        let cut = claim.witness.cuts.first_mut().expect("the loop's");
        let place = cut.equal.first().expect("a place").1;
        cut.computed = vec![(Word::Step(steps.len() as u32 - 1, 0), place)];
        cut.steps = steps;
        let file = function_file(right.index, Some(&claim));
        file.links.last().expect("the last link").cuts[0].equal.last().expect("the computed word").left.clone()
    };
    let sum = |a: Word, b: Word| Step { op: Op::Bin(BinOp::Add), args: vec![a, b], defines: None };
    let register = |n: u8| Word::Loc(Loc::Reg(n));
    let earlier = |n: u32| Word::Step(n, 0);
    let chain: Vec<Step> =
        (0..6).map(|n| sum(if n == 0 { register(1) } else { earlier(n - 1) }, register(2))).collect();
    assert_eq!(written(chain), "r1 + r2 + r2 + r2 + r2 + r2 + r2", "what is not damaged is written whole");
    assert_eq!(written(vec![sum(earlier(0), register(1))]).matches("r1").count(), 8, "a step that uses itself");
    assert_eq!(written(vec![sum(earlier(7), register(1))]), "… + r1", "a step that there is not");
    let doubling: Vec<Step> =
        (0..64).map(|n: u32| sum(earlier(n.saturating_sub(1)), earlier(n.saturating_sub(1)))).collect();
    assert_eq!(written(doubling).matches('…').count(), 256, "two operands of two operands, eight times");
}
