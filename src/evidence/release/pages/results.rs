//! Semantics dossier, lemma dossier, tests, coverage, committed tables.

use super::{View, anchor};
use crate::evidence::plot;
use crate::evidence::release::coverage::percent;
use crate::evidence::release::document::{Document, Section, Table, code, link, links, text, verdict};
use crate::evidence::release::lemmas::Entry;
use crate::evidence::release::quality::Compared;
use crate::evidence::release::state::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synth_validator::certificate::sha256;

/// How many files a plot shows.
const PLOTTED_MAX: usize = 20;
/// How many functions a cell names.
const NAMED_MAX: usize = 4;

/// The section of the specification that gives an operator its meaning.
/// Source: WebAssembly Core 2.0, 4.3 and 4.4.
fn section_of(operator: &str) -> &'static str {
    let (family, rest) = operator.split_once('.').unwrap_or(("", operator));
    match (family, rest) {
        ("local" | "global", _) => "WebAssembly Core 2.0, 4.4.5 (variable instructions)",
        ("memory" | "data", _) => "WebAssembly Core 2.0, 4.4.7 (memory instructions)",
        ("i32" | "i64" | "f32" | "f64", rest) if rest.starts_with("load") || rest.starts_with("store") => {
            "WebAssembly Core 2.0, 4.4.7 (memory instructions)"
        }
        ("i32" | "i64" | "f32" | "f64", _) => {
            "WebAssembly Core 2.0, 4.3.2 (integer operations), 4.4.1 (numeric instructions)"
        }
        (_, "drop" | "select" | "typed_select") => "WebAssembly Core 2.0, 4.4.4 (parametric instructions)",
        _ => "WebAssembly Core 2.0, 4.4.8 (control instructions)",
    }
}

/// What operators and instructions mean, and against what that was run.
pub fn semantics(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, .. } = view;
    let head = ["Name", "Requirement", "Result", "#Cases", "#Differ", "Defined by", "Meaning at", "Cases"];
    let mut operators = Table::new("operators", "WebAssembly operators", &head);
    let mut encodings = Table::new("encodings", "Arm encodings", &head);
    let mut values = Vec::new();
    for (r, result) in inputs.traced.requirements.iter().zip(&standing.requirements) {
        let (name, table, source) = match (r.id.strip_prefix("TOR-OP-"), r.id.strip_prefix("TOR-ENC-")) {
            (Some(name), _) => (name.to_string(), &mut operators, section_of(name)),
            (_, Some(pattern)) => {
                (pattern.replace('.', " "), &mut encodings, "DDI 0403E, A5.2, A5.3 (encodings), A7.7 (instructions)")
            }
            _ => continue,
        };
        let (count, differences, what) =
            r.cases.as_ref().map_or((0, 0, "none"), |c| (c.count, c.differences, c.what.as_str()));
        let refused = r.text.split(" Refused are ").nth(1).map(|t| format!(" Refused: {t}")).unwrap_or_default();
        let cells = vec![
            code(&name),
            link(&r.id, format!("tor.html#{}", anchor(&r.id))),
            verdict(result.name()),
            text(count),
            text(differences),
            text(source),
            text(&r.place),
            text(format!("{what}{refused}")),
        ];
        table.row(&anchor(&r.id), result.name(), cells);
        values.push(json!({ "name": name, "requirement": r.id, "source": source, "place": r.place, "cases": r.cases, "text": r.text }));
    }
    let sections = vec![
        Section::new(
            "about",
            "How the meanings were examined",
            &[
                "The meaning of each operator and instruction is written once. With numbers it is executed: operators against the official specification suite, in four ways (docs/conformance/spec-suite.md), instructions against QEMU's Cortex-M4 from random states (docs/conformance/arm-encodings.md). With terms it is what proofs use: the terms of a step are compared with the numbers of the same step by the evaluator and by z3 (docs/conformance/symbolic.md).",
                "Cases are those of the committed tables; the tests of the record compare the tables with what they count.",
            ],
        ),
        Section::new("by-operator", "Operators", &[]).with(operators),
        Section::new("by-encoding", "Encodings", &["Numbers before the pattern are bits of the instruction."])
            .with(encodings),
    ];
    (Document { title: "Semantics".to_string(), sections, ..Document::default() }, json!({ "entries": values }))
}

/// Lemmas and rules.
pub fn lemmas(view: &View<'_>) -> (Document, Value) {
    let entries = &view.inputs.dossier.entries;
    let mut rungs: BTreeMap<&str, u64> = BTreeMap::new();
    entries.iter().filter_map(|e| e.judged.rung).for_each(|rung| *rungs.entry(rung).or_default() += 1);
    let bars: Vec<(String, u64)> = rungs.into_iter().map(|(rung, n)| (rung.to_string(), n)).collect();
    let head = [
        "Name",
        "Kind",
        "Statement",
        "Source",
        "Users",
        "Verdict",
        "Rung",
        "#Solver steps",
        "Broken twin",
        "Twin is",
        "Obligation",
        "#Functions of the corpus",
        "Among them",
    ];
    let uses = &view.inputs.uses;
    let unused: Vec<&str> = entries.iter().filter(|e| e.used_by(uses).is_empty()).map(|e| e.name.as_str()).collect();
    let mut table = Table::new("lemma-table", "Lemmas and selection rules", &head);
    for e in entries {
        let obligation = match (&e.obligation, e.judged.instances) {
            (Some(path), _) => link("SMT-LIB", path),
            (None, Some(n)) => text(format!("{n} choices of constants and registers")),
            (None, None) => text("-"),
        };
        let cells = vec![
            link(&e.name, format!("tor.html#{}", anchor(&e.requirement))),
            text(format!("{}, {}", e.kind, e.family)),
            code(&e.statement),
            text(&e.source),
            text(e.users),
            verdict(e.judged.verdict),
            text(e.judged.rung.unwrap_or("-")),
            text(e.judged.solver_steps.map_or("-".to_string(), |n| n.to_string())),
            code(&e.broken),
            text(e.judged.broken_twin),
            obligation,
            text(e.used_by(uses).len()),
            text(e.used_by(uses).into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ")),
        ];
        table.row(&anchor(&e.name), e.kind, cells);
    }
    let section = Section::new(
        "lemmas",
        "What proofs and the compiler may cite",
        &[
            "Every entry was proved anew when this report was made, and its broken twin refuted by a model that was executed. Rungs are those of the validator's ladder.",
            "The obligation of a lemma is given as SMT-LIB: a second formulation, from the documentation of the operations, that any solver can answer. A selection rule has no such text: its obligations are executions of the encoded bytes by the validator's semantics.",
            "Functions of the corpus use a lemma if their proof cites it, with all passes on, and a selection rule if it made code of them; lemmas.json has all of them.",
            &format!(
                "{} of {} entries are used in the corpus. Not used: {}.",
                entries.len() - unused.len(),
                entries.len(),
                if unused.is_empty() { "none".to_string() } else { unused.join(", ") }
            ),
        ],
    );
    let section = section
        .picture(plot::bars(&bars, "lemmas and rules by the last rung they needed"), "Lemmas and rules by rung")
        .with(table);
    let document = Document { title: "Lemmas".to_string(), sections: vec![section], ..Document::default() };
    let with_uses = |e: &Entry| {
        let mut value = json!(e);
        value["used_by"] = json!(e.used_by(uses));
        value
    };
    (document, json!({ "entries": entries.iter().map(with_uses).collect::<Vec<_>>() }))
}

/// Tests and their results.
pub fn tests(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, .. } = view;
    let traced = &inputs.traced;
    let mut table =
        Table::new("test-table", "Tests of the sources", &["Test", "About", "Result", "#Requirements", "Recorded as"]);
    let mut values = Vec::new();
    for (((test, ran), result), of) in
        traced.tests.iter().zip(&standing.ran).zip(&standing.tests).zip(&traced.requirements_of)
    {
        let recorded: Vec<String> = ran
            .iter()
            .map(|r| {
                let with = if r.features.is_empty() { String::new() } else { format!(" with {}", r.features) };
                format!("{} {}{with}", r.program, r.name)
            })
            .collect();
        let id = test.id();
        let cells = vec![
            link(&id, format!("trace.html#{}", anchor(&id))),
            text(if test.about.is_empty() { test.name.replace('_', " ") } else { test.about.clone() }),
            verdict(result.name()),
            text(of.len()),
            text(recorded.join("; ")),
        ];
        table.row(&anchor(&id), result.name(), cells);
        values.push(json!({
            "id": id, "line": test.place.line, "about": test.about, "result": result, "ran": ran,
            "requirements": of.iter().map(|i| &traced.requirements[*i].id).collect::<Vec<_>>(),
        }));
    }
    let mut programs = Table::new(
        "program-table",
        "Test programs of the record",
        &["Program", "Features", "#Tests", "#Passed", "Ended"],
    );
    for run in &inputs.record.runs {
        for b in &run.binaries {
            let passed = b.tests.values().filter(|o| **o == crate::evidence::release::record::Outcome::Ok).count();
            let end = if b.ended_well { "pass" } else { "fail" };
            let cells = vec![text(&b.source), text(&run.features), text(b.tests.len()), text(passed), verdict(end)];
            programs.row("", "", cells);
        }
    }
    let sections = vec![
        Section::new(
            "about",
            "The record",
            &[
                &format!(
                    "Commit {}. Selection: {}. Date and host are in environment.json.",
                    inputs.record.commit, inputs.record.selection
                ),
                "A test passes in every run in which it is part, with and without the feature faults. Expected is that it passes; what it compares, with inputs and expected values, stands in its function and in the files it names. Expectations are from outside the tool or worked out by hand.",
            ],
        ),
        Section::new("programs", "Test programs", &[]).with(programs),
        Section::new("tests", "Tests", &[]).with(table),
    ];
    (
        Document { title: "Tests".to_string(), sections, ..Document::default() },
        json!({ "commit": inputs.record.commit, "selection": inputs.record.selection, "tests": values }),
    )
}

/// Coverage of requirements and of structure.
pub fn coverage(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, data, structure, .. } = view;
    let all = inputs.traced.requirements.len();
    let passed = standing.count(Result::Passed);
    let requirements = format!(
        "{passed} of {all} requirements are covered by tests that passed, {} have tests that did not run, {} have tests that failed or none.",
        standing.count(Result::NotRun),
        standing.count(Result::Failed)
    );
    let mut sections = vec![Section::new("requirements", "Requirements", &[&requirements])];
    let mut value = json!({
        "requirements": { "all": all, "passed": passed }, "structure": null, "gaps": data.gaps,
        "without_reason": structure.without_reason(),
    });
    match view.coverage {
        None => sections.push(Section::new(
            "structure",
            "Structure",
            &["Not done: there is no table of structural coverage."],
        )),
        Some(files) => {
            let head = [
                "File",
                "#Functions",
                "#hit",
                "#%",
                "#Regions",
                "#hit",
                "#%",
                "#Lines",
                "#hit",
                "#%",
                "#Branches",
                "#hit",
                "#%",
            ];
            let mut table = Table::new("structure-table", "Structural coverage of the validator", &head);
            for f in files {
                let parts = [f.functions, f.regions, f.lines, f.branches];
                let mut cells = vec![code(&f.file)];
                for part in parts {
                    cells.extend([text(part.0), text(part.1), text(percent(part))]);
                }
                table.row(&anchor(&f.file), "", cells);
            }
            let mut shares: Vec<(String, u64)> = files
                .iter()
                .filter(|f| f.regions.0 > 0)
                .map(|f| (f.file.trim_start_matches("validator/src/").to_string(), 100 * f.regions.1 / f.regions.0))
                .collect();
            shares.sort_by_key(|(_, share)| *share);
            shares.truncate(PLOTTED_MAX);
            let plot = plot::bars(&shares, "regions executed, in per cent");
            sections.push(
                Section::new("structure", "Structure", &[
                    "From docs/conformance/coverage.md, which scripts/coverage.sh writes. Regions are finer than statements; branches are outcomes of conditions. The table is of the commit at which it was written; it is no part of the record.",
                ])
                .picture(plot, "Regions that tests execute: the files with the smallest shares, and all")
                .with(table),
            );
            value["structure"] = json!(files);
        }
    }
    let mut gaps =
        Table::new("gap-table", "Classes of gaps", &["Class", "Files", "Why it may stay, or what is missing"]);
    for gap in &data.gaps {
        let files = gap.files.iter().map(|f| (f.clone(), format!("#{}", anchor(f)))).collect();
        gaps.row("", "", vec![text(&gap.class), links(files), text(&gap.justification)]);
    }
    let open = structure.without_reason().iter().map(|f| (f.clone(), format!("#{}", anchor(f)))).collect::<Vec<_>>();
    if !open.is_empty() {
        let missing = "Nobody has looked at these gaps yet: structural coverage is not done.";
        gaps.row("", "", vec![verdict("not done"), links(open), text(missing)]);
    }
    sections.push(Section::new("gaps", "Gaps", &[]).with(gaps));
    (Document { title: "Coverage".to_string(), sections, ..Document::default() }, value)
}

/// The corpus' code beside native code.
pub fn quality(view: &View<'_>) -> (Document, Value) {
    let mut about = vec![
        "From docs/code-quality.md, which synth bench code writes: it builds the programs of the corpus with synth -O2 without bounds checks and with clang -O2, runs both on an emulated core and compares results. Less than 1 is better than clang. The document is of the commit at which it was written; it is no part of the record, and nothing of it is a claim about correctness.",
    ];
    let mut section = Section::new("quality", "Code of the corpus beside native code", &[]);
    let mut sections = Vec::new();
    match view.quality {
        None => about.push("Not done: there is no such document."),
        Some(quality) => {
            let mut table =
                Table::new("quality-table", "Ratios to clang by program", &["Program", "#Bytes", "#Cycles, Cortex-M4"]);
            let ratio = |ratio: Option<f64>| text(ratio.map_or("-".to_string(), |r| format!("{r:.3}")));
            for p in quality.programs.iter().chain([&quality.means]) {
                table.row("", "", vec![text(&p.program), ratio(p.bytes), ratio(p.cycles)]);
            }
            let percents = |of: fn(&Compared) -> Option<f64>| -> Vec<(String, u64)> {
                let percent = |p: &Compared| Some((p.program.clone(), (100.0 * of(p)?).round() as u64));
                quality.programs.iter().chain([&quality.means]).filter_map(percent).collect()
            };
            let plots = [
                ("bytes", "Bytes beside clang's", plot::bars(&percents(|p| p.bytes), "bytes, in per cent of clang's")),
                (
                    "cycles",
                    "Cycles beside clang's",
                    plot::bars(&percents(|p| p.cycles), "cycles, in per cent of clang's"),
                ),
            ];
            sections.extend(plots.map(|(id, heading, svg)| Section::new(id, heading, &[]).picture(svg, heading)));
            section = section.with(table);
        }
    }
    section.text = about.into_iter().map(str::to_string).collect();
    sections.insert(0, section);
    let document = Document { title: "Code quality".to_string(), sections, ..Document::default() };
    (document, json!({ "quality": view.quality }))
}

/// The committed tables that tests write and compare.
pub fn tables(view: &View<'_>) -> (Document, Value) {
    let mut table = Table::new("tables-table", "Tables in docs/conformance", &["File", "Subject", "#Rows", "SHA-256"]);
    let mut values = Vec::new();
    for (path, content) in view.inputs.tree.iter().filter(|(path, _)| path.starts_with("docs/conformance/")) {
        let subject = content.lines().find_map(|l| l.strip_prefix("# ")).unwrap_or_default();
        let rows = content.lines().filter(|l| l.starts_with('|') && !l.starts_with("|---")).count();
        let digest = sha256(content.as_bytes());
        table.row("", "", vec![text(path), text(subject), text(rows), code(&digest)]);
        values.push(json!({ "path": path, "subject": subject, "rows": rows, "sha256": digest }));
    }
    let section = Section::new(
        "tables",
        "Committed tables",
        &[
            "Tests write these tables when they are told to and compare them in every run, but for those of long runs (mutants, fuzzing, coverage), which say so themselves.",
        ],
    );
    let document =
        Document { title: "Committed tables".to_string(), sections: vec![section.with(table)], ..Document::default() };
    (document, json!({ "tables": values }))
}
