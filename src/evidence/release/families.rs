//! Requirements that are made from tables: one per WebAssembly operator, per Arm encoding, per lemma and per selection rule.
//!
//! The rows are those of the validator's tables and of the lemma files, their cases those of the tables in `docs/conformance` that tests
//! write and compare. So a new operator, encoding or rule is a new requirement by itself, and one without cases is a problem, as is a
//! row of cases for something that is not required.

use super::requirements::{Cases, Place, Problem, Requirement, Tree};
use crate::operator_name::spelled;
use std::collections::{BTreeMap, BTreeSet};

/// Where operators are given their meaning.
const OPERATORS: [&str; 2] = ["validator/src/wasm/decode.rs", "validator/src/wasm/code.rs"];
/// Where encodings stand.
const ENCODINGS: &str = "validator/src/arm/encoding.rs";
/// Cases of operators.
const OPERATOR_CASES: &str = "docs/conformance/symbolic.md";
/// Cases of encodings.
const ENCODING_CASES: &str = "docs/conformance/arm-encodings.md";

/// Requirements of the families and what is wrong with their tables.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Requirements.
    pub requirements: Vec<Requirement>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A row of a Markdown table: the cells, without the backticks around names.
pub fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|l| l.starts_with('|') && !l.starts_with("|---"));
    lines.map(|l| l.trim_matches('|').split('|').map(|c| c.trim().trim_matches('`')).collect())
}

/// The part of a document from a heading of the second level to the next.
pub fn section<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let start = text.find(&format!("\n## {heading}\n"))?;
    let rest = &text[start + 1..];
    Some(rest[2..].find("\n## ").map_or(rest, |end| &rest[..end + 2]))
}

fn number(row: &[&str], column: usize) -> Option<u64> {
    row.get(column)?.parse().ok()
}

/// Reads all families.
pub fn read(tree: &Tree) -> Made {
    let mut made = Made::default();
    operators(tree, &mut made);
    encodings(tree, &mut made);
    lemmas(tree, &mut made);
    rules(tree, &mut made);
    for requirement in &made.requirements {
        match &requirement.cases {
            None => {
                made.problems.push(Problem::NoCases(requirement.id.clone(), "no table has cases for it".to_string()))
            }
            Some(cases) if cases.differences > 0 || cases.count == 0 => {
                let why = format!("{} has {} cases, {} differences", cases.table, cases.count, cases.differences);
                made.problems.push(Problem::NoCases(requirement.id.clone(), why));
            }
            Some(_) => {}
        }
    }
    made
}

/// A table's text, or a problem.
fn table<'a>(tree: &'a Tree, path: &str, made: &mut Made) -> &'a str {
    match tree.get(path) {
        Some(text) => text,
        None => {
            made.problems.push(Problem::Table(path.to_string(), "it is not there".to_string()));
            ""
        }
    }
}

/// Names of the operators that a source file names as `Wasm::Name`, with their first lines.
fn operator_names(text: &str) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    let code = (1..).zip(text.lines()).filter(|(_, l)| !l.trim_start().starts_with("//"));
    for (line, content) in code {
        for part in content.split("Wasm::").skip(1) {
            let end = part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len());
            if part.starts_with(|c: char| c.is_ascii_uppercase()) {
                names.entry(spelled(&part[..end])).or_insert(line);
            }
        }
    }
    names
}

/// Operators that the validator's tables name, with their places.
pub fn operator_places(tree: &Tree) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for file in OPERATORS {
        for (name, line) in tree.get(file).map(|text| operator_names(text)).unwrap_or_default() {
            places.entry(name).or_insert(Place { file: file.to_string(), line });
        }
    }
    places
}

fn operators(tree: &Tree, made: &mut Made) {
    let places = operator_places(tree);
    if places.is_empty() {
        made.problems.push(Problem::Table(OPERATORS[0].to_string(), "it names no operator".to_string()));
    }
    let counted = section(table(tree, OPERATOR_CASES, made), "WebAssembly operators").unwrap_or_default();
    let mut cases = BTreeMap::new();
    // Columns: operator, forms, without meaning, by the evaluator, in IT, by z3, differ.
    for row in rows(counted).filter(|row| number(row, 1).is_some() && row[0] != "**all**") {
        let [forms, evaluated, asked, differences] = [1, 3, 5, 6].map(|column| number(&row, column).unwrap_or(0));
        let what = format!(
            "{forms} forms: the terms of a step against the numbers of the same step, {evaluated} by the evaluator, {asked} by z3"
        );
        let (table, count) = (OPERATOR_CASES.to_string(), evaluated + asked);
        cases.insert(row[0].to_string(), Cases { table, count, differences, what });
    }
    for name in cases.keys().filter(|name| !places.contains_key(*name)) {
        made.problems.push(Problem::OrphanRow(OPERATOR_CASES.to_string(), name.clone()));
    }
    for (name, place) in places {
        let text = format!(
            "The validator shall take the operator `{name}` to mean what WebAssembly Core 2.0 says, in execution and in proofs."
        );
        let cases = cases.remove(&name);
        made.requirements.push(Requirement { id: format!("TOR-OP-{name}"), text, place, cases });
    }
}

/// Bit patterns of a source file's table of encodings, with their lines and the instruction's length in bits.
pub fn encoding_places(tree: &Tree) -> Vec<(String, Place)> {
    let text = tree.get(ENCODINGS).map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let pattern = content.strip_prefix("    (\"").and_then(|rest| rest.split_once('"')).map(|(pattern, _)| pattern);
        let is_pattern = |p: &&str| p.bytes().all(|b| b.is_ascii_lowercase() || b" 01".contains(&b));
        if let Some(pattern) = pattern.filter(is_pattern) {
            found.push((pattern.to_string(), Place { file: ENCODINGS.to_string(), line }));
        }
    }
    found
}

/// The id of an encoding: its length in bits and its pattern, which is the manual's.
pub fn encoding_id(pattern: &str) -> String {
    let bits = pattern.bytes().filter(|b| *b != b' ').count();
    format!("TOR-ENC-{bits}-{}", pattern.replace(' ', "."))
}

fn encodings(tree: &Tree, made: &mut Made) {
    let text = table(tree, ENCODING_CASES, made);
    let places = encoding_places(tree);
    if places.is_empty() {
        made.problems.push(Problem::Table(ENCODINGS.to_string(), "it has no encoding".to_string()));
    }
    let patterns: BTreeSet<&str> = places.iter().map(|(pattern, _)| pattern.as_str()).collect();
    // Columns: encoding, instruction, forms, cases, in IT, faults, retried, differences; and after those: encoding, form, reason.
    let (mut cases, mut forms, mut refused) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for row in rows(text) {
        if row[0] == "several" || row[0] == "Encoding" {
            continue;
        }
        if !patterns.contains(row[0]) {
            made.problems.push(Problem::OrphanRow(ENCODING_CASES.to_string(), row[0].to_string()));
            continue;
        }
        match (number(&row, 3), number(&row, 7)) {
            (Some(count), Some(differences)) => {
                let entry = cases.entry(row[0]).or_insert((0, 0));
                *entry = (entry.0 + count, entry.1 + differences);
                forms.entry(row[0]).or_insert_with(Vec::new).push(format!("`{}`", row[1]));
            }
            _ => refused.entry(row[0]).or_insert_with(Vec::new).push(format!("`{}` ({})", row[1], row[2])),
        }
    }
    for (pattern, place) in &places {
        let forms = forms.get(pattern.as_str()).map(|f| f.join(", ")).unwrap_or_default();
        let refused = refused.get(pattern.as_str()).map(|f| f.join(", "));
        let cases = match (cases.get(pattern.as_str()), &refused) {
            (Some((count, differences)), _) => Some(Cases {
                table: ENCODING_CASES.to_string(),
                count: *count,
                differences: *differences,
                what: format!("against QEMU's Cortex-M4: {forms}"),
            }),
            // An encoding of which every form is refused.
            (None, Some(refused)) => Some(Cases {
                table: ENCODING_CASES.to_string(),
                count: 1,
                differences: 0,
                what: format!("every form is refused: {refused}"),
            }),
            (None, None) => None,
        };
        let also = refused.filter(|_| !forms.is_empty()).map(|r| format!(" Refused are {r}.")).unwrap_or_default();
        let text = format!(
            "The validator shall read the encoding `{pattern}` as DDI 0403E does and give what it accepts the meaning that the manual \
             gives, and refuse all else of it.{also}"
        );
        made.requirements.push(Requirement { id: encoding_id(pattern), text, place: place.clone(), cases });
    }
}

/// Families of a folder of lemma files: stem, path, text.
pub fn entry_files<'a>(tree: &'a Tree, folder: &str, kind: &str) -> Vec<(String, &'a str, &'a str)> {
    let stem = |path: &str| Some(path.strip_prefix(folder)?.strip_suffix(kind)?.to_string());
    tree.iter().filter_map(|(path, text)| Some((stem(path)?, path.as_str(), text.as_str()))).collect()
}

fn proved(tree: &Tree, path: &str, listing: &str, what: &str, made: &mut Made) -> Option<Cases> {
    let listed = table(tree, path, made).lines().any(|line| line == listing);
    listed.then(|| Cases { table: path.to_string(), count: 1, differences: 0, what: what.to_string() })
}

fn lemmas(tree: &Tree, made: &mut Made) {
    const LIST: &str = "lemmas/rules/proved.list";
    for (family, path, text) in entry_files(tree, "lemmas/rules/", ".lemma") {
        let lemmas = match synth_lemmas::parse(&family, text) {
            Ok(lemmas) => lemmas,
            Err(error) => {
                made.problems.push(Problem::Table(path.to_string(), error.to_string()));
                continue;
            }
        };
        for lemma in lemmas {
            let what = "proved for all operand values; its broken twin is refuted";
            let cases = proved(tree, LIST, &synth_validator::lemma::listing(&lemma), what, made);
            let text = format!(
                "A proof shall rest on the lemma `{}` only once it is proved for all operand values under its conditions: {}.",
                lemma.name,
                lemma.statement()
            );
            let place = Place { file: path.to_string(), line: lemma.line };
            made.requirements.push(Requirement { id: format!("TOR-LEMMA-{}", lemma.name), text, place, cases });
        }
    }
}

fn rules(tree: &Tree, made: &mut Made) {
    const LIST: &str = "lemmas/selection/proved.list";
    for (family, path, text) in entry_files(tree, "lemmas/selection/", ".select") {
        let rules = match crate::selection::parse(&family, text) {
            Ok(rules) => rules,
            Err(error) => {
                made.problems.push(Problem::Table(path.to_string(), error.to_string()));
                continue;
            }
        };
        for rule in rules {
            let what = "proved on the bytes of its instructions; its broken twin is refuted";
            let cases = proved(tree, LIST, &rule.listing(), what, made);
            let text = format!(
                "The selection rule `{}` shall be used only if it is proved on the bytes of its instructions, for all words and all \
                 constants of its classes.",
                rule.name
            );
            let place = Place { file: path.to_string(), line: rule.line };
            made.requirements.push(Requirement { id: format!("TOR-SELECT-{}", rule.name), text, place, cases });
        }
    }
}
