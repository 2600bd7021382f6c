//! Every rule of the selection table is proved and its broken twin refuted; what is not proved is not loaded.

use synth::selection::proof::{Verdict, prove};
use synth::selection::{Rule, load};
use synth_validator::prove_all::with_deep_stack;

fn rules() -> Vec<Rule> {
    load().unwrap_or_else(|e| panic!("{e}"))
}

/// The list of proved rules is what this run proves. With `BLESS=1` it is written.
#[test]
fn the_list_of_proved_rules_is_true() {
    let rules = rules();
    let verdicts: Vec<Verdict> = with_deep_stack(|| rules.iter().map(prove).collect());
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

#[test]
fn every_broken_twin_is_refuted_by_execution() {
    for rule in rules() {
        let verdict = with_deep_stack(|| prove(&rule.broken_twin()));
        assert!(matches!(verdict, Verdict::Refuted(_)), "{}: {verdict:?}", rule.name);
    }
}
