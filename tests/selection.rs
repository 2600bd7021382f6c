//! Every rule of the selection table is proved and its broken twin refuted; what is not proved is not loaded.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use synth::selection::pattern::{Root, Shape};
use synth::selection::proof::{Verdict, prove};
use synth::selection::{Rule, Table, load, parse};
use synth_validator::prove_all::{STACK_BYTES, with_deep_stack};

fn rules() -> Vec<Rule> {
    load().unwrap_or_else(|e| panic!("{e}"))
}

/// The list of proved rules is what this run proves. With `BLESS=1` it is written.
///
/// Covers TOR-SELECT-*.
#[test]
fn the_list_of_proved_rules_is_true() {
    let rules = rules();
    let threads = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build().expect("threads");
    let verdicts: Vec<Verdict> = threads.install(|| rules.par_iter().map(prove).collect());
    let (mut list, mut open) = (String::new(), Vec::new());
    for (rule, verdict) in rules.iter().zip(verdicts) {
        match verdict {
            Verdict::Proved(..) => list += &(rule.listing() + "\n"),
            other => open.push(format!("{}: {other:?}", rule.name)),
        }
    }
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lemmas/selection/proved.list");
        std::fs::write(path, &list).expect("the list is written");
    } else {
        assert_eq!(synth_lemmas::SELECTION_PROVED, list, "`make tables` writes it");
    }
    assert!(open.is_empty(), "{open:#?}");
}

/// Covers TOR-SELECT-*.
#[test]
fn every_broken_twin_is_refuted_by_execution() {
    for rule in rules() {
        let verdict = with_deep_stack(|| prove(&rule.broken_twin()));
        assert!(matches!(verdict, Verdict::Refuted(_)), "{}: {verdict:?}", rule.name);
    }
}

#[test]
fn all_rules_are_loaded_and_every_operation_has_one_for_registers() {
    let table = Table::shipped();
    assert!(table.dropped.is_empty(), "{:?}", table.dropped);
    assert_eq!(table.rules.len(), rules().len());
    for root in Root::all() {
        assert!(table.candidates(root, Shape::Plain, Shape::Plain).next().is_some(), "{root:?}");
    }
}

/// A wrong rule is not loaded, not even under the name of a proved one; nor one whose cost or class was changed.
///
/// Covers TOR-SELECT-*.
#[test]
fn a_rule_that_is_not_proved_is_not_loaded() {
    let rules = rules();
    let add = rules.iter().find(|r| r.name == "add_imm12").expect("it is shipped");
    let wrong = [
        add.broken_twin(),
        Rule { right: add.broken.clone(), ..add.clone() },
        Rule { bytes: 2, ..add.clone() },
        Rule { classes: vec![("k".to_string(), synth::selection::constants::Class::Modified)], ..add.clone() },
    ];
    for rule in wrong {
        let table = Table::new(&[add.clone(), rule.clone()], synth_lemmas::SELECTION_PROVED);
        assert_eq!((table.rules.len(), table.dropped.as_slice()), (1, [rule.name.clone()].as_slice()));
    }
}

/// Rules that hold for most constants, words or registers, and not for all.
#[test]
fn near_misses_are_not_proved() {
    let check = |text: &str, expected: fn(&Verdict) -> bool| {
        let text = format!("select near\n{text}\n source none\n broken mvn rd, ?x");
        let text = if text.contains(" : ") { text.replace("mvn rd, ?x", "cmp ?x, #0 : eq") } else { text };
        let rule = &parse("near", &text).unwrap_or_else(|e| panic!("{e}"))[0];
        let verdict = with_deep_stack(|| prove(rule));
        assert!(expected(&verdict), "{text}: {verdict:?}");
    };
    let refuted = |v: &Verdict| matches!(v, Verdict::Refuted(_));
    let unknown = |v: &Verdict| matches!(v, Verdict::Unknown(_));
    check(" rule (sub ?x ?y) => sub rd, ?y, ?x\n cost 2 1", refuted);
    // One amount of 31 is wrong.
    check(" rule (lshr ?x #n) => ubfx rd, ?x, #n, #(sub 31 #n)\n class #n amount\n cost 4 1", |v| {
        !matches!(v, Verdict::Proved(..))
    });
    // The least number has no negation.
    check(" rule (slt ?x #k) => cmn ?x, #(sub 0 #k) : lt\n class #k minus_modified\n cost 4 1", refuted);
    // An immediate that the instruction does not take.
    check(" rule (and ?x #k) => and rd, ?x, #k\n class #k imm12\n cost 4 1", unknown);
    check(" rule (shl ?x #n) => lsl rd, ?x, #n\n class #n beyond\n cost 2 1", unknown);
    // The result is written while an operand is still to be read, where both share a register.
    check(" rule (add ?x (mul ?y ?y)) => mul t0, ?y, ?y ; add rd, ?x, t0\n cost 2 2", unknown);
    check(" rule (add ?x ?y) => add rd, ?x, ?y\n cost 4 1", unknown);
}

#[test]
fn errors_name_file_and_line() {
    let check = |text: &str, line: usize, expected: &str| {
        let error = parse("shift", text).expect_err(text);
        assert_eq!((error.file.as_str(), error.line), ("selection/shift.select", line), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let rest = "cost 2 1\n source s\n broken mvn rd, ?x";
    check("rule (add ?x ?y) => add rd, ?x, ?y", 1, "UnexpectedLine");
    check(&format!("select a\n rule (add ?x ?y)\n {rest}"), 2, "NoArrow");
    check(&format!("select a\n rule (add ?x ?y) => add rd, ?x, ?z\n {rest}"), 2, "?z");
    check(&format!("select a\n rule (add ?x ?y) => adx rd, ?x, ?y\n {rest}"), 2, "adx");
    check(&format!("select a\n rule (add ?x #k) => add rd, ?x, #k\n {rest}"), 2, "Class");
    check(&format!("select a\n rule (add ?x #k) => add rd, ?x, #k\n class #k huge\n {rest}"), 3, "huge");
    check(&format!("select a\n rule (shl ?x ?n) => lsl rd, ?x, ?n\n {rest}"), 2, "Left");
    check(&format!("select a\n rule (add ?x ?y) => cmp ?x, ?y : eq\n {rest}"), 2, "Right");
    check("select a\n rule (add ?x ?y) => add rd, ?x, ?y\n cost 2\n source s\n broken mvn rd, ?x", 3, "Cost");
    check("select a\n rule (add ?x ?y) => add rd, ?x, ?y\n cost 2 1\n source s", 1, "broken");
}
