//! Plan, objective tables, known problems.

use super::{View, anchor};
use crate::evidence::assumption::ASSUMPTIONS;
use crate::evidence::release::document::{Document, Section, Table, code, link, links, text, verdict};
use crate::evidence::release::picture;
use crate::evidence::release::requirements::assumption_id;
use serde_json::{Value, json};

/// The qualification plan.
pub fn plan(view: &View<'_>) -> (Document, Value) {
    let View { inputs, data, .. } = view;
    let (trusted, compiler) = inputs.lines;
    let filled = |t: &String| {
        t.replace("{trusted_lines}", &trusted.to_string()).replace("{compiler_lines}", &compiler.to_string())
    };
    let mut sections = Vec::new();
    for part in &data.plan.section {
        let paragraphs: Vec<String> = part.text.iter().map(filled).collect();
        let mut section =
            Section { id: part.id.clone(), heading: part.heading.clone(), text: paragraphs, ..Section::default() };
        if part.figure.as_deref() == Some("boundary") {
            section = section.picture(picture::boundary(&data.plan.boxes), "What is trusted and what is not");
        }
        match part.id.as_str() {
            "formal" => {
                let head = ["Name", "Says", "The integrator sees to it", "Requirement"];
                let mut table = Table::new("assumptions", "Assumptions", &head);
                for a in &ASSUMPTIONS {
                    let id = assumption_id(a.name);
                    let cells = vec![code(a.name), text(a.says), text(a.duty), link(&id, format!("tor.html#{id}"))];
                    table.row(a.name, "", cells);
                }
                section = section.with(table);
            }
            "interface" => {
                let mut table =
                    Table::new("interface-table", "Commands and options", &["Option", "Command", "Values", "For"]);
                for command in &inputs.interface {
                    table.row(
                        "",
                        &command.name,
                        vec![code(&command.name), code(&command.name), text(""), text(&command.about)],
                    );
                    for option in &command.options {
                        let cells = vec![
                            code(&option.name),
                            code(&command.name),
                            code(option.values.join(" ")),
                            text(&option.help),
                        ];
                        table.row("", &command.name, cells);
                    }
                }
                section = section.with(table);
            }
            "data" => {
                let mut table = Table::new("data-table", "Life-cycle data", &["Item", "Where", "Who"]);
                for item in &data.plan.data {
                    table.row("", "", vec![text(&item.item), text(&item.place), text(&item.who)]);
                }
                section = section.with(table);
            }
            _ => {}
        }
        sections.push(section);
    }
    let operators: Vec<&str> = inputs.traced.requirements.iter().filter_map(|r| r.id.strip_prefix("TOR-OP-")).collect();
    sections.push(Section::new(
        "scope",
        "WebAssembly operators and Arm encodings in scope",
        &[
            &format!("{} operators: {}.", operators.len(), operators.join(", ")),
            "Encodings and their forms are listed on the page Semantics. Everything else is refused by name.",
        ],
    ));
    let value = json!({
        "plan": data.plan, "assumptions": ASSUMPTIONS, "interface": inputs.interface, "operators": operators,
        "lines_of_code": { "trusted": trusted, "compiler": compiler },
    });
    (Document { title: "Qualification plan".to_string(), sections, ..Document::default() }, value)
}

/// The checklist of objectives, which is the draft of an accomplishment summary.
pub fn objectives(view: &View<'_>) -> (Document, Value) {
    let View { inputs, standing, data, .. } = view;
    let head = ["Row", "Objective, in our words", "TQL-4", "TQL-5", "Status", "Evidence", "Remark"];
    let mut table = Table::new("objective-table", "Objectives by table and row", &head);
    let mut rows = Vec::new();
    for row in &data.objectives {
        let status = standing.status(row, inputs);
        let evidence = match row.evidence.as_str() {
            "-" => text("-"),
            page => link(page.split('#').next().unwrap_or_default(), page),
        };
        let cells = vec![
            text(format!("{} row {}", row.table, row.row)),
            text(&row.objective),
            text(&row.tql4),
            text(&row.tql5),
            verdict(status),
            evidence,
            text(&row.note),
        ];
        table.row("", status, cells);
        rows.push(json!({
            "table": row.table, "row": row.row, "objective": row.objective, "tql4": row.tql4, "tql5": row.tql5,
            "status": status, "evidence": row.evidence, "note": row.note,
        }));
    }
    let section = Section::new(
        "objectives",
        "Conformity checklist and draft of an accomplishment summary",
        &[
            "Numbers of tables and rows are those that openly published qualification kits show; the wording is ours. All of it is to be checked against the standard, DO-330, which was not at hand.",
            "A row is achieved only if its conditions hold in this report: a failed test, an uncovered requirement or a stale link makes it `not done`.",
        ],
    );
    let document =
        Document { title: "Objectives".to_string(), sections: vec![section.with(table)], ..Document::default() };
    (document, json!({ "rows": rows, "to_be_checked_against": "DO-330" }))
}

/// Known problems.
pub fn problems(view: &View<'_>) -> (Document, Value) {
    let known = &view.inputs.known_problems;
    let head = [
        "Id",
        "Problem",
        "State",
        "Requirements",
        "What becomes of verdicts",
        "Workaround",
        "Was my function affected?",
    ];
    let mut table = Table::new("problem-table", "Known problems", &head);
    for p in &known.problem {
        let requirements = p.requirements.iter().map(|id| (id.clone(), format!("tor.html#{}", anchor(id)))).collect();
        let cells = vec![
            text(&p.id),
            text(&p.title),
            text(&p.state),
            links(requirements),
            text(&p.verdicts),
            text(&p.workaround),
            text(&p.query),
        ];
        table.row(&p.id, &p.state, cells);
    }
    let section = Section::new(
        "problems",
        "Problem reports and known problems",
        &[
            "The last column names the functions of a user that a problem can have affected, and where to look for them.",
        ],
    );
    let document =
        Document { title: "Known problems".to_string(), sections: vec![section.with(table)], ..Document::default() };
    (document, json!(known))
}
