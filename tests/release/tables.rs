//! Documents that the package takes figures from: structural coverage with its reasons, code beside native code.

use super::*;
use synth::evidence::release::coverage::{self, Structure, TABLE};
use synth::evidence::release::data::Gap;
use synth::evidence::release::quality::{self, DOCUMENT};

/// Every file with gaps has a class or is told; a class that names a file without gaps is an error.
#[test]
fn gaps_without_a_reason_are_told() {
    let table = |second: &str| {
        let row = |file: &str, hit: u32| {
            format!("| `{file}` | 2 | {hit} | 50.0 | 2 | 2 | 100.0 | 2 | 2 | 100.0 | 0 | 0 | - |\n")
        };
        let sums = "| **all** | 4 | 3 | 75.0 | 4 | 4 | 100.0 | 4 | 4 | 100.0 | 0 | 0 | - |\n";
        Tree::from([(TABLE.to_string(), format!("{}{}{sums}", row("a.rs", 1), row(second, 2)))])
    };
    let files = coverage::read(&table("b.rs")).expect("well formed").expect("is there");
    let gap =
        |file: &str| Gap { class: "c".to_string(), files: vec![file.to_string()], justification: "j".to_string() };
    let said = |gaps: &[Gap]| Structure::new(Some(&files), gaps);
    assert_eq!(said(&[]), Ok(Structure::Measured(vec!["a.rs".to_string()])));
    assert_eq!(said(&[gap("a.rs")]), Ok(Structure::Measured(vec![])));
    assert!(said(&[gap("b.rs")]).expect_err("no gap").contains("gaps.toml names b.rs"));
    assert!(said(&[gap("c.rs")]).expect_err("no such file").contains("gaps.toml names c.rs"));
    assert_eq!(Structure::new(None, &[]), Ok(Structure::NotMeasured));
    assert!(Structure::NotMeasured.to_string().contains("not done"));

    // A new gap in the committed table shows on the first screen and on the page.
    let before = package(&inputs()).expect("made");
    let notes = |package: &release::Package| package.state.notes.join("\n");
    let mut other = inputs();
    let table = other.tree.get_mut(TABLE).expect("there");
    let (row, sums) = ("| `validator/src/arm/abi.rs` | 2 | 2 |", "| **all** | ");
    let all: u32 = table.split(sums).nth(1).and_then(|t| t.split(" |").nth(1)?.trim().parse().ok()).expect("a number");
    assert!(table.contains(row), "the row of a file without gaps");
    *table = table.replace(row, "| `validator/src/arm/abi.rs` | 2 | 1 |");
    let functions = table.split(sums).nth(1).and_then(|t| t.split(" |").next()).expect("a number").to_string();
    let from = format!("{sums}{functions} | {all} |");
    *table = table.replace(&from, &format!("{sums}{functions} | {} |", all - 1));
    let after = package(&other).expect("made");
    assert_ne!(notes(&before), notes(&after));
    assert!(notes(&after).contains("gaps without a reason"), "{}", notes(&after));
    assert!(text(&after, "coverage.json").contains("\"validator/src/arm/abi.rs\""));
    let without = |package: &release::Package| -> Vec<String> {
        let value: serde_json::Value = serde_json::from_str(text(package, "coverage.json")).expect("JSON");
        serde_json::from_value(value["content"]["without_reason"].clone()).expect("a list")
    };
    assert!(!without(&before).contains(&"validator/src/arm/abi.rs".to_string()));
    assert!(without(&after).contains(&"validator/src/arm/abi.rs".to_string()));
}

#[test]
fn ratios_are_those_of_the_document() {
    let document = |row: &str| {
        let text = format!(
            "# Code quality\n\n## synth -O2 beside clang -O2, by program\n\n|  | executed | / native | bytes | / native | cycles M4 | / native |\n\
             |---|---:|---:|---:|---:|---:|---:|\n| one | 5 | 9.9 | 7 | 0.500 | 8 | 1.250 |\n| two | 5 | - | 7 | - | 8 | - |\n{row}\n## Next\n\n| three | 1 |\n"
        );
        quality::read(&Tree::from([(DOCUMENT.to_string(), text)]))
    };
    let found =
        document("| geometric mean |  | 9.9 |  | 0.500 |  | 1.250 |\n").expect("well formed").expect("is there");
    let programs: Vec<_> = found.programs.iter().map(|p| (p.program.as_str(), p.bytes, p.cycles)).collect();
    assert_eq!(programs, [("one", Some(0.5), Some(1.25)), ("two", None, None)]);
    assert_eq!((found.means.bytes, found.means.cycles), (Some(0.5), Some(1.25)));
    assert!(document("").expect_err("no means").contains("means"));
    assert_eq!(quality::read(&Tree::new()), Ok(None));
    let none = Tree::from([(DOCUMENT.to_string(), "# Code quality\n".to_string())]);
    assert!(quality::read(&none).expect_err("no section").contains("by program"));
    // The committed one can be read.
    let tree = tree();
    let committed = quality::read(&tree).expect("well formed").expect("is there");
    assert!(committed.programs.len() > 30 && committed.programs.iter().filter(|p| p.cycles.is_some()).count() > 20);
}
