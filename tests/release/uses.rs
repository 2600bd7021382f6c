//! Which functions use which lemma and which rule, on modules in which that is plain.

use synth::evidence::release::uses::{Entry, of_programs};

#[test]
fn functions_are_named_by_the_rules_and_lemmas_that_they_use() {
    let program = |name: &str, body: &str| {
        let text = format!(r#"(module (func (export "f") (param i32 i32) (result i32) {body}))"#);
        (name.to_string(), wat::parse_str(text).expect("a module"))
    };
    let mix = "(i32.add (i32.or (local.get 0) (local.get 1)) (i32.and (local.get 0) (local.get 1)))";
    let programs = [program("mix", mix), program("xor", "(i32.xor (local.get 0) (local.get 1))")];
    let uses = of_programs(&programs, &|| ()).expect("proved");
    let all = synth_lemmas::all();
    let lemmas: Vec<&str> =
        all.iter().map(|l| l.name.as_str()).filter(|n| !uses.of(Entry::Lemma, n).is_empty()).collect();
    assert!(!lemmas.is_empty() && lemmas.iter().all(|n| uses.of(Entry::Lemma, n) == ["mix f"]), "{lemmas:?}");
    let rules = synth::selection::load().expect("well formed");
    let of = |function: &str| -> Vec<&str> {
        let names = rules.iter().map(|r| r.name.as_str());
        names.filter(|n| uses.of(Entry::Rule, n).contains(&function)).collect()
    };
    // One addition, one exclusive or, and nothing of the other's.
    let (mix, xor) = (of("mix f"), of("xor f"));
    assert!(mix.len() == 1 && xor.len() == 1 && mix != xor, "{mix:?} and {xor:?}");
    assert!(of_programs(&[("broken".to_string(), vec![0])], &|| ()).expect_err("no module").contains("broken"));
}
