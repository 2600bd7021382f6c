//! Requirements, and the traces between them and the tests.

use super::{View, anchor};
use crate::evidence::release::document::{Document, Section, Table, link, links, text, verdict};
use crate::evidence::release::requirements::{FAMILIES, Test};
use serde_json::{Value, json};

/// Tests that a cell names; the rest is counted.
const NAMED_MAX: usize = 6;

fn test_link(test: &Test) -> (String, String) {
    (test.id(), format!("tests.html#{}", anchor(&test.id())))
}

/// The operational requirements.
pub fn list(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, .. } = view;
    let traced = &inputs.traced;
    let head = ["Id", "Requirement", "Result", "#Tests", "Cases", "Stated in"];
    let mut stated = Table::new("stated", "Requirements that are stated by hand", &head);
    let mut made = Table::new("made", "Requirements that are made from tables", &head);
    let mut values = Vec::new();
    for ((r, tests), result) in traced.requirements.iter().zip(&traced.tests_of).zip(&standing.requirements) {
        let is_made = FAMILIES.iter().any(|f| r.id.starts_with(f));
        let table = if is_made { &mut made } else { &mut stated };
        let cases =
            r.cases.as_ref().map(|c| format!("{}, {} differ: {}", c.count, c.differences, c.what)).unwrap_or_default();
        let cells = vec![
            link(&r.id, format!("trace.html#{}", anchor(&r.id))),
            text(&r.text),
            verdict(result.name()),
            text(tests.len()),
            text(cases),
            text(&r.place),
        ];
        table.row(&anchor(&r.id), result.name(), cells);
        values.push(json!({
            "id": r.id, "text": r.text, "place": r.place, "cases": r.cases, "result": result,
            "tests": tests.iter().map(|t| traced.tests[*t].id()).collect::<Vec<_>>(),
        }));
    }
    let withdrawn: Vec<String> =
        traced.withdrawn.iter().map(|l| format!("{}: {}", l.id, l.withdrawn.as_deref().unwrap_or_default())).collect();
    let gone = if withdrawn.is_empty() { "No id was ever withdrawn.".to_string() } else { withdrawn.join("; ") };
    let sections = vec![
        Section::new("about", "How to read this", &[
            "Each requirement stands in the sources beside what it requires, and its id is permanent: the list of all ids that were ever used is docs/requirements.list. A requirement passes if every test that covers it passed in the record.",
            &gone,
        ]),
        Section::new("by-hand", "Behaviour", &[]).with(stated),
        Section::new("by-table", "Operators, encodings, lemmas, selection rules", &[
            "One requirement for each row of the validator's tables and of the lemma files. Cases are those of the committed tables, which the tests compare in each run.",
        ])
        .with(made),
    ];
    (
        Document { title: "Operational requirements".to_string(), sections, ..Document::default() },
        json!({ "requirements": values, "withdrawn": withdrawn }),
    )
}

/// Traces both ways, and what is wrong with them.
pub fn trace(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, .. } = view;
    let traced = &inputs.traced;
    let mut problems = Table::new("problem-table", "What is wrong with the traces", &["Problem"]);
    traced.problems.iter().for_each(|p| problems.row("", "", vec![text(p)]));
    let mut forward = Table::new("forward", "Tests by requirement", &["Requirement", "Result", "Tests"]);
    for ((r, tests), result) in traced.requirements.iter().zip(&traced.tests_of).zip(&standing.requirements) {
        let named = tests.iter().map(|t| test_link(&traced.tests[*t])).collect();
        let cells = vec![link(&r.id, format!("tor.html#{}", anchor(&r.id))), verdict(result.name()), links(named)];
        forward.row(&anchor(&r.id), result.name(), cells);
    }
    let mut backward = Table::new("backward", "Requirements by test", &["Test", "Result", "#Requirements", "Which"]);
    let mut without = 0;
    for ((t, of), result) in traced.tests.iter().zip(&traced.requirements_of).zip(&standing.tests) {
        without += usize::from(of.is_empty());
        let mut named: Vec<(String, String)> = Vec::new();
        for i in of.iter().take(NAMED_MAX) {
            let id = &traced.requirements[*i].id;
            named.push((id.clone(), format!("tor.html#{}", anchor(id))));
        }
        if of.len() > NAMED_MAX {
            named.push((format!("and {} more", of.len() - NAMED_MAX), String::new()));
        }
        let (id, to) = test_link(t);
        backward.row(
            &anchor(&t.id()),
            result.name(),
            vec![link(id, to), verdict(result.name()), text(of.len()), links(named)],
        );
    }
    let wrong = match traced.problems.len() {
        0 => "None: every requirement has a test, every id that a test names is stated, no id has vanished, no row of a table is without a requirement.".to_string(),
        n => format!("{n}."),
    };
    let mut sections = vec![Section::new("problems", "Problems", &[&wrong])];
    if !traced.problems.is_empty() {
        sections[0].table = Some(problems);
    }
    sections.push(Section::new("by-requirement", "From requirements to tests", &[]).with(forward));
    let about = format!(
        "{without} of {} tests cover no requirement: they are about the compiler, for which no credit is sought, or about tests themselves.",
        traced.tests.len()
    );
    sections.push(Section::new("by-test", "From tests to requirements", &[&about]).with(backward));
    let links: Vec<Value> = traced
        .tests
        .iter()
        .zip(&traced.requirements_of)
        .map(|(t, of)| json!({ "test": t.id(), "requirements": of.iter().map(|i| &traced.requirements[*i].id).collect::<Vec<_>>() }))
        .collect();
    let problems: Vec<String> = traced.problems.iter().map(ToString::to_string).collect();
    (
        Document { title: "Traceability".to_string(), sections, ..Document::default() },
        json!({ "problems": problems, "links": links }),
    )
}
