//! The first page: whether everything is as it has to be, what the package is about, and where to find what.

use super::View;
use crate::evidence::release::document::{Document, Section, Table, code, link, text};
use crate::evidence::release::record::Outcome;
use crate::evidence::release::state::Result;
use serde_json::{Value, json};

/// What each page answers.
const CONTENTS: [(&str, &str); 13] = [
    ("tqp.html", "For which use, under which assumptions, through which interface can a project qualify the tool?"),
    ("tor.html", "What shall the tool do, and which tests show it?"),
    ("semantics.html", "What do operators and instructions mean, and against what was that run?"),
    ("lemmas.html", "Which lemmas may proofs cite, how is each proved, and is its broken twin refuted?"),
    ("tests.html", "Which tests ran, with which results?"),
    ("coverage.html", "What do the tests cover, of requirements and of the validator's code?"),
    ("trace.html", "Which test belongs to which requirement, both ways?"),
    ("configuration.html", "Of which files, tools and libraries is the tool made?"),
    ("licences.html", "Under which licences is what is linked in?"),
    ("problems.html", "What is known to be wrong or limited, and was my function affected?"),
    ("objectives.html", "Which objective rows are achieved, with the user, not required, not done?"),
    ("quality.html", "How good is the code, beside native code of the same sources?"),
    ("tables.html", "What do the committed tables of the examination count?"),
];

/// The summary.
pub fn summary(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, state, .. } = view;
    let record = &inputs.record;
    let outcomes = || record.runs.iter().flat_map(|r| &r.binaries).flat_map(|b| b.tests.values());
    let (ran, passed) = (outcomes().count(), outcomes().filter(|o| **o == Outcome::Ok).count());
    let fine = inputs.dossier.entries.iter().filter(|e| e.judged.is_fine()).count();
    let identity = [
        ("Program", format!("synth {}, {} build", env!("CARGO_PKG_VERSION"), inputs.profile)),
        ("Program, SHA-256", inputs.program_sha256.clone()),
        ("Sources, SHA-256", crate::evidence::release::SOURCE_SHA256.to_string()),
        ("Commit", inputs.commit.clone()),
        ("Tests of the record", format!("{passed} of {ran} passed ({})", record.selection)),
        (
            "Requirements",
            format!(
                "{} of {} covered by tests that passed",
                standing.count(Result::Passed),
                inputs.traced.requirements.len()
            ),
        ),
        (
            "Lemmas and rules",
            format!(
                "{fine} of {} proved anew for this report, with their broken twins refuted",
                inputs.dossier.entries.len()
            ),
        ),
    ];
    let mut table = Table::new("identity-table", "What this package is about", &["", "Value"]);
    identity.iter().for_each(|(name, value)| table.row("", "", vec![text(name), code(value)]));
    let mut contents = Table::new("contents-table", "Where to find what", &["Page", "Answers"]);
    for (page, question) in CONTENTS {
        contents.row("", "", vec![link(page, page), text(question)]);
    }
    contents.row("", "", vec![link("sbom.cdx.json", "sbom.cdx.json"), text("Bill of materials, CycloneDX 1.5")]);
    contents.row(
        "",
        "",
        vec![
            link("environment.json", "environment.json"),
            text("Date and host of the test run; nothing else depends on them"),
        ],
    );
    contents.row("", "", vec![link("manifest.json", "manifest.json"), text("SHA-256 of every other file")]);
    let schema = link("release.schema.json", "release.schema.json");
    contents.row("", "", vec![schema, text("The schema of the JSON files, one beside each page")]);
    let document = Document {
        title: format!("synth {}: evidence about the tool", env!("CARGO_PKG_VERSION")),
        state: Some((*state).clone()),
        sections: vec![
            Section::new("identity", "What this is about", &[]).with(table),
            Section::new("contents", "Contents", &[]).with(contents),
        ],
        ..Document::default()
    };
    let value = json!({
        "ok": state.ok, "headline": state.headline, "reasons": state.reasons, "notes": state.notes,
        "version": env!("CARGO_PKG_VERSION"), "profile": inputs.profile, "program_sha256": inputs.program_sha256,
        "source_sha256": crate::evidence::release::SOURCE_SHA256, "commit": inputs.commit,
        "tests": { "recorded": ran, "passed": passed, "selection": record.selection },
        "requirements": {
            "all": inputs.traced.requirements.len(), "passed": standing.count(Result::Passed),
            "not_run": standing.count(Result::NotRun), "failed": standing.count(Result::Failed),
        },
        "lemmas": { "all": inputs.dossier.entries.len(), "fine": fine },
    });
    (document, value)
}
