//! `make test` runs the tests that only a build with faults has.

use super::{root, tree, with};
use synth::evidence::release::requirements::Tree;

const FEATURE: &str = "#[cfg(feature = \"faults\")]";

/// Name and program of every test that only a build with faults has.
fn tests_with_faults(tree: &Tree) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, text) in tree {
        let Some(rest) = path.strip_prefix("tests/") else { continue };
        let program = rest.split('/').next().expect("a part").trim_end_matches(".rs");
        let mut attributes = Vec::new();
        for line in text.lines().map(str::trim) {
            match line.strip_prefix("fn ") {
                _ if line.starts_with("#[") => attributes.push(line),
                Some(function) if attributes.contains(&"#[test]") && attributes.contains(&FEATURE) => {
                    let name = function.split('(').next().expect("a part");
                    found.push((name.to_string(), program.to_string()));
                    attributes.clear();
                }
                _ => attributes.clear(),
            }
        }
    }
    found
}

/// Those of them that no command of `make test` runs.
fn left_out(tree: &Tree, makefile: &str) -> Vec<String> {
    let commands = makefile.lines().filter_map(|l| l.strip_prefix("\tcargo test --features faults "));
    let commands: Vec<Vec<&str>> = commands.map(|l| l.split_whitespace().collect()).collect();
    let runs = |command: &[&str], name: &str, program: &str| {
        let is_named = command.windows(2).any(|w| w == ["--test", program]);
        let filter = command.len() % 2 == 1;
        is_named && (!filter || command.last().is_some_and(|filter| name.contains(filter)))
    };
    let tests = tests_with_faults(tree).into_iter();
    let left = tests.filter(|(name, program)| !commands.iter().any(|c| runs(c, name, program)));
    left.map(|(name, program)| format!("{program}: {name}")).collect()
}

#[test]
fn tests_of_a_build_with_faults_are_run() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("readable");
    assert!(tests_with_faults(&tree()).len() >= 6, "{:?}", tests_with_faults(&tree()));
    assert_eq!(left_out(&tree(), &makefile), Vec::<String>::new());
    // Another name, and a command that is gone.
    let renamed = with("tests/optimize.rs", "fn faults_of_passes_are_refused", "fn wrong_passes_are_refused");
    assert_eq!(left_out(&renamed, &makefile), ["optimize: wrong_passes_are_refused"]);
    let shorter = makefile.replace(" --test ignored_words", "");
    assert!(left_out(&tree(), &shorter).iter().all(|t| t.starts_with("ignored_words: ")));
    assert!(!left_out(&tree(), &shorter).is_empty());
}
