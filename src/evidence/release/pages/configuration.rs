//! Configuration index and licences.

use super::View;
use crate::evidence::release::SOURCE_SHA256;
use crate::evidence::release::document::{Document, Section, Table, code, text};
use crate::evidence::release::sbom;
use serde_json::{Value, json};

/// The configuration index.
pub fn index(view: &View<'_>) -> (Document, Value) {
    let inputs = view.inputs;
    let mut identity = Table::new("identity-table", "The program", &["", "Value"]);
    let rows = [
        ("Program, SHA-256", inputs.program_sha256.clone()),
        ("Build", inputs.profile.clone()),
        ("Sources, SHA-256", SOURCE_SHA256.to_string()),
        ("Commit", inputs.commit.clone()),
    ];
    rows.iter().for_each(|(name, value)| identity.row("", "", vec![text(name), code(value)]));
    let mut tools = Table::new("tool-table", "Tools and libraries", &["Name", "Version"]);
    inputs.toolchain.iter().for_each(|(name, version)| tools.row("", "", vec![text(name), text(version)]));
    let mut parts =
        Table::new("part-table", "Packages", &["Package", "Version", "Role", "Licence", "SHA-256 of the archive"]);
    for part in &inputs.parts {
        let role = if part.is_linked { "linked" } else { "build" };
        let cells = vec![
            text(&part.name),
            text(&part.version),
            text(role),
            text(part.licence.as_deref().unwrap_or("-")),
            code(part.sha256.as_deref().unwrap_or("-")),
        ];
        parts.row("", role, cells);
    }
    let mut files = Table::new("file-table", "Files of the commit", &["File", "#Bytes", "SHA-256"]);
    inputs.files.iter().for_each(|f| files.row("", "", vec![text(&f.path), text(f.bytes), code(&f.sha256)]));
    let sections = vec![
        Section::new("program", "Program", &[
            "docs/rebuild.md tells how the program is built again in another folder and digests are compared, and whether that was done. The digest of the sources can be had without this tool, as the head of src/evidence/release/source_parts.rs says.",
        ])
        .with(identity),
        Section::new("tools", "Tools", &["Compiler and libraries of this build; the tools of the test run are in environment.json."]).with(tools),
        Section::new("packages", "Packages", &["By Cargo.lock. The same is in sbom.cdx.json."]).with(parts),
        Section::new("files", "Sources, corpus, tests, documents", &[]).with(files),
    ];
    let value = json!({
        "program_sha256": inputs.program_sha256, "profile": inputs.profile, "source_sha256": SOURCE_SHA256, "commit": inputs.commit,
        "toolchain": inputs.toolchain.iter().map(|(n, v)| json!({ "name": n, "version": v })).collect::<Vec<_>>(),
        "packages": inputs.parts, "files": inputs.files,
    });
    (Document { title: "Configuration index".to_string(), sections, ..Document::default() }, value)
}

/// Licences of what is linked in.
pub fn licences(view: &View<'_>) -> (Document, Value) {
    let licences = sbom::licences(&view.inputs.parts);
    let mut table = Table::new("licence-table", "Licences", &["SPDX expression", "#Packages", "Packages"]);
    for (licence, packages) in &licences {
        table.row("", "", vec![code(licence), text(packages.len()), text(packages.join(", "))]);
    }
    let section = Section::new(
        "licences",
        "Licences of what is linked in",
        &[
            "As the packages state them, by SPDX expression. libz3 is the system's library, whose licence is stated here by hand.",
        ],
    );
    let document =
        Document { title: "Licences".to_string(), sections: vec![section.with(table)], ..Document::default() };
    (document, json!({ "licences": licences }))
}
