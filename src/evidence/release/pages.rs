//! The pages of the package and the JSON beside each.

mod configuration;
mod index;
mod plan;
mod requirements;
mod results;

use super::coverage::{Covered, Structure};
use super::data::Data;
use super::document::Document;
use super::quality::Quality;
use super::state::Standing;
use super::{Inputs, json};
use crate::evidence::page::{Pages, State, navigation};
use serde_json::Value;
use std::collections::BTreeMap;

/// Pages in the order of the navigation: file, text.
const PAGES: [(&str, &str); 14] = [
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
    ("quality.html", "Code quality"),
    ("tables.html", "Committed tables"),
];

/// What pages are made of.
pub struct View<'a> {
    /// What the package is made of.
    pub inputs: &'a Inputs,
    /// Where tests and requirements stand.
    pub standing: &'a Standing,
    /// Prose.
    pub data: &'a Data,
    /// The table of structural coverage.
    pub coverage: Option<&'a [Covered]>,
    /// How far that has come.
    pub structure: &'a Structure,
    /// The corpus' code beside native code.
    pub quality: Option<&'a Quality>,
    /// The first screen's answer.
    pub state: &'a State,
}

/// All pages and their JSON.
pub fn all(view: &View<'_>) -> BTreeMap<String, Vec<u8>> {
    let templates = Pages::new(&[("document.html", include_str!("document.html"))]);
    let makers: [(&str, fn(&View<'_>) -> (Document, Value)); 14] = [
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
        ("quality", results::quality),
        ("tables", results::tables),
    ];
    let mut files = BTreeMap::new();
    for (name, make) in makers {
        let page = format!("{name}.html");
        let (mut document, value) = make(view);
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
