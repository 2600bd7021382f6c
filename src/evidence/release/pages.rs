//! The pages of the package and the JSON beside each.

mod configuration;
mod index;
mod plan;
mod requirements;
mod results;

use super::coverage::Covered;
use super::data::Data;
use super::document::Document;
use super::state::Standing;
use super::{Inputs, json};
use crate::evidence::page::{Pages, State, navigation};
use serde_json::Value;
use std::collections::BTreeMap;

/// Pages in the order of the navigation: file, text.
const PAGES: [(&str, &str); 13] = [
    ("index.html", "Summary"),
    ("tqp.html", "Plan"),
    ("tor.html", "Requirements"),
    ("semantics.html", "Semantics"),
    ("lemmas.html", "Lemmas"),
    ("tests.html", "Tests"),
    ("coverage.html", "Coverage"),
    ("trace.html", "Traceability"),
    ("configuration.html", "Configuration"),
    ("licences.html", "Licences"),
    ("problems.html", "Problems"),
    ("objectives.html", "Objectives"),
    ("tables.html", "Committed tables"),
];

/// What pages are made of.
struct View<'a> {
    inputs: &'a Inputs,
    standing: &'a Standing,
    data: &'a Data,
    coverage: Option<&'a Vec<Covered>>,
    state: &'a State,
}

/// All pages and their JSON.
pub fn all(
    inputs: &Inputs,
    standing: &Standing,
    data: &Data,
    coverage: Option<&Vec<Covered>>,
    state: &State,
) -> BTreeMap<String, Vec<u8>> {
    let view = View { inputs, standing, data, coverage, state };
    let templates = Pages::new(&[("document.html", include_str!("document.html"))]);
    let makers: [(&str, fn(&View<'_>) -> (Document, Value)); 13] = [
        ("index", index::summary),
        ("tqp", plan::plan),
        ("tor", requirements::list),
        ("semantics", results::semantics),
        ("lemmas", results::lemmas),
        ("tests", results::tests),
        ("coverage", results::coverage),
        ("trace", requirements::trace),
        ("configuration", configuration::index),
        ("licences", configuration::licences),
        ("problems", plan::problems),
        ("objectives", plan::objectives),
        ("tables", results::tables),
    ];
    let mut files = BTreeMap::new();
    for (name, make) in makers {
        let page = format!("{name}.html");
        let (mut document, value) = make(&view);
        document.nav = navigation(&PAGES, &page);
        files.insert(page, templates.render("document.html", &document).into_bytes());
        let kind = if name == "index" { "release" } else { name };
        files.insert(format!("{kind}.json"), json(kind, value));
    }
    files
}

/// The anchor of an id.
fn anchor(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}
