//! The pages of a module's package: first screen, a page for each function, trace, assumptions. They show what the JSON files hold.

use super::module::Contents;
use super::page::{Pages, State, navigation};
use super::plot::bars;
use super::summary::FunctionEvidence;
use super::trace::{Entry, FunctionTrace, Origins, Role};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use synth_validator::ladder::Rung;

const TEMPLATES: [(&str, &str); 4] = [
    ("index.html", include_str!("templates/index.html")),
    ("function.html", include_str!("templates/function.html")),
    ("trace.html", include_str!("templates/trace.html")),
    ("assumptions.html", include_str!("templates/assumptions.html")),
];
/// Pages that the navigation leads to.
const NAVIGATION: [(&str, &str); 3] =
    [("index.html", "Summary"), ("assumptions.html", "For the integrator"), ("trace.html", "Code without operator")];
/// How many functions a plot shows: the largest.
const PLOTTED_MAX: usize = 15;
/// How many functions that are not proved the first screen lists.
const OPEN_MAX: usize = 10;
/// Characters of a function's name in a plot.
const LABEL_CHARS: usize = 20;

/// Path and text of every page.
pub fn pages(contents: &Contents<'_>) -> Vec<(String, String)> {
    let pages = Pages::new(&TEMPLATES);
    let mut out = vec![
        ("index.html".to_string(), pages.render("index.html", &index(contents))),
        ("trace.html".to_string(), pages.render("trace.html", &trace(contents))),
        ("assumptions.html".to_string(), pages.render("assumptions.html", &assumptions(contents))),
    ];
    for f in &contents.summary.functions {
        out.push((f.pages[0].clone(), pages.render("function.html", &function(contents, f))));
    }
    out
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_string(), |name| name.to_string_lossy().into_owned())
}

/// `normal 12, smt 3`: the rungs that closed something, in order.
fn rungs(rungs: &BTreeMap<String, u32>) -> String {
    let used = Rung::ALL.iter().filter_map(|rung| {
        let n = *rungs.get(rung.name())?;
        (n > 0).then(|| format!("{} {n}", rung.name()))
    });
    used.collect::<Vec<_>>().join(", ")
}

fn range(f: &FunctionEvidence) -> String {
    match (f.certified.start, f.certified.end) {
        (Some(start), Some(end)) => format!("{start:#x}..{end:#x}"),
        _ => "not in the file".to_string(),
    }
}

fn stack(f: &FunctionEvidence) -> String {
    match &f.stack {
        None => "not known".to_string(),
        Some(stack) => match stack.bytes {
            None => "no bound".to_string(),
            Some(bytes) => format!("{bytes}{}", if stack.outside.is_empty() { "" } else { " +" }),
        },
    }
}

/// Bars of the functions that have most of something.
fn largest(contents: &Contents<'_>, unit: &str, of: impl Fn(&FunctionEvidence) -> u32) -> String {
    let mut functions: Vec<&FunctionEvidence> = contents.summary.functions.iter().collect();
    functions.sort_by_key(|f| std::cmp::Reverse(of(f)));
    let label = |f: &FunctionEvidence| -> String { f.certified.name.chars().take(LABEL_CHARS).collect() };
    let rows: Vec<(String, u64)> = functions.iter().take(PLOTTED_MAX).map(|f| (label(f), of(f).into())).collect();
    bars(&rows, unit)
}

#[derive(Serialize)]
struct Row {
    index: u32,
    name: String,
    verdict: String,
    detail: String,
    page: String,
    range: String,
    bytes: u32,
    obligations: u32,
    rungs: String,
    cuts: u32,
    passes: String,
    stack: String,
    traps: usize,
}

fn row(f: &FunctionEvidence) -> Row {
    Row {
        index: f.certified.index,
        name: f.certified.name.clone(),
        verdict: f.certified.said.verdict.clone(),
        detail: f.certified.said.detail.clone(),
        page: f.pages[0].clone(),
        range: range(f),
        bytes: f.code_bytes,
        obligations: f.obligations,
        rungs: rungs(&f.rungs),
        cuts: f.certified.links.iter().map(|l| l.cuts).sum(),
        passes: f.passes.applied.join(", "),
        stack: stack(f),
        traps: f.traps.len(),
    }
}

fn index(contents: &Contents<'_>) -> Value {
    let Contents { summary, build, integrator, .. } = contents;
    let rows: Vec<Row> = summary.functions.iter().map(row).collect();
    let verdicts: BTreeSet<&str> = rows.iter().map(|r| r.verdict.as_str()).collect();
    let by_rung = Rung::ALL
        .map(|rung| (rung.name().to_string(), u64::from(summary.totals.rungs.get(rung.name()).copied().unwrap_or(0))));
    let paths = |f: &FunctionEvidence| f.certified.links.iter().map(|l| l.paths).sum();
    let plots = [
        (bars(&by_rung, "obligations"), "Obligations by the rung that closed them, cheapest first"),
        (largest(contents, "bytes", |f| f.code_bytes), "Bytes of code of the largest functions"),
        (largest(contents, "obligations", |f| f.obligations), "Cost of proofs: obligations of the functions with most"),
        (largest(contents, "paths", paths), "Cost of proofs: paths explored of the functions with most"),
    ];
    let plots: Vec<Value> = plots.iter().map(|(svg, caption)| json!({ "svg": svg, "caption": caption })).collect();
    let unproved: Vec<&Row> = rows.iter().filter(|r| r.verdict != "Proved").collect();
    let unproved_more = unproved.len().saturating_sub(OPEN_MAX);
    let compilation = build.compilation.as_ref();
    let mut identity = vec![
        ("Module", summary.module.sha256.clone()),
        (if summary.is_linked { "Linked image" } else { "Object" }, summary.object.sha256.clone()),
        ("Claim", summary.claim_sha256.clone()),
        ("Tool", format!("{} {}, {}", summary.tool.name, summary.tool.version, summary.tool.sha256)),
        (
            "Tool's sources",
            format!("{}; commit {}, changed: {}", summary.tool.source_sha256, summary.tool.commit, summary.tool.dirty),
        ),
        ("Validator", summary.validator.clone()),
        ("Solver", summary.tool.z3.clone()),
        ("Command", build.command.join(" ")),
    ];
    if let Some(c) = compilation {
        identity.push(("Target and level", format!("{}, -O{}", c.core, c.level)));
        identity.extend(c.linker.clone().map(|linker| ("Linker", linker)));
    }
    let extension = if summary.contract.dsp { "Armv7E-M, with the DSP extension" } else { "Armv7-M" };
    identity.push(("Instructions", extension.to_string()));
    let limits = &summary.limits;
    identity.push((
        "Limits",
        format!(
            "{} solver steps uninterpreted, {} interpreted, {} steps of a region, {} queries of a link",
            limits.smt_steps, limits.full_steps, limits.region_steps, limits.queries
        ),
    ));
    let mut machine_files = vec![
        ("evidence.json", "this page's contents"),
        ("manifest.json", "every file by digest, versions, command, stages"),
        ("certificate/certificate.json", "the certificate, which synth-check checks without the compiler"),
        ("trace.json", "operators and code, piece by piece"),
        ("assumptions.json", "assumptions, memory map, imports, exports, stack"),
        ("obligations/index.json", "obligations exported for other solvers"),
        ("findings.sarif", "findings, for code hosts"),
        ("junit.xml", "verdicts as test cases, for CI"),
        ("build.json", "record of the build"),
        ("run.json", "times and host of this run; the only file that differs from run to run"),
        ("evidence.schema.json", "the schema of these files"),
    ];
    if compilation.is_some() {
        machine_files.insert(6, ("passes.json", "what became of each optimizer pass"));
    }
    json!({
        "title": format!("Evidence: {}", file_name(&build.input)),
        "nav": navigation(&NAVIGATION, "index.html"),
        "state": summary.state,
        "summary": summary,
        "integrator": integrator,
        "recorded": compilation.is_some(),
        "input": build.input,
        "output": build.output,
        "unproved": unproved[..unproved.len() - unproved_more],
        "unproved_more": unproved_more,
        "all_proved": unproved.is_empty() && summary.image.is_proved(),
        "verdicts": verdicts,
        "rows": rows,
        "plots": plots,
        "identity": identity,
        "machine_files": machine_files,
    })
}

/// A role as a person reads it; the same text stands in the filter.
fn role_text(role: Role) -> String {
    let value = serde_json::to_value(role).expect("invariant: serialization to memory does not fail");
    value.as_str().unwrap_or_default().replace('-', " ")
}

fn note(entry: &Entry) -> String {
    let role = entry.role.map(role_text).unwrap_or_default();
    match (role.is_empty(), entry.trap) {
        (false, Some(trap)) => format!("{role}: {trap}"),
        _ => role,
    }
}

/// Halfwords as the manual writes them.
fn halfwords(hex: &str) -> String {
    let bytes: Vec<&str> = (0..hex.len() / 2).map(|n| &hex[2 * n..2 * n + 2]).collect();
    bytes.chunks(2).map(|half| half.iter().rev().copied().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn covered(trace: &FunctionTrace, entry: &Entry) -> String {
    match (entry.covered_by.is_empty(), entry.role) {
        (true, Some(Role::Padding)) => "never executed".to_string(),
        (true, _) => "nothing".to_string(),
        (false, _) => {
            let cuts: Vec<String> = entry.covered_by.iter().map(u32::to_string).collect();
            format!("{}: {}", trace.link, cuts.join(", "))
        }
    }
}

fn listing(trace: &FunctionTrace) -> Vec<Value> {
    let mut last = None;
    let mut rows = Vec::new();
    for entry in &trace.code {
        let is_new = entry.origin != last && entry.origin.is_some();
        last = entry.origin;
        let cut = trace.cuts.iter().position(|cut| *cut == entry.offset);
        let mut classes = Vec::new();
        classes.extend(cut.map(|_| "cut"));
        classes.extend(entry.role.map(|_| "orphan"));
        let cut = cut.map_or(String::new(), |n| format!("cut {n}  "));
        rows.push(json!({
            "offset": entry.offset,
            "origin": if is_new { entry.origin.map_or(String::new(), |at| format!("{at:#06x}")) } else { String::new() },
            "operator": if is_new { entry.operator.clone().unwrap_or_default() } else { String::new() },
            "address": format!("{:#x}", entry.address),
            "bytes": halfwords(&entry.bytes),
            "text": entry.text,
            "role": entry.role.map_or("operator".to_string(), role_text),
            "note": format!("{cut}{}", note(entry)).trim_end().to_string(),
            "covered": covered(trace, entry),
            "classes": classes.join(" "),
        }));
    }
    rows
}

/// Roles of rows, for a filter.
fn roles(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().filter_map(|r| r["role"].as_str()).map(str::to_string).collect()
}

fn function(contents: &Contents<'_>, f: &FunctionEvidence) -> Value {
    let index = f.certified.index;
    let recorded = contents.build.compilation.is_some();
    let trace = contents.trace.functions.iter().find(|t| t.index == index && t.link == "machine");
    let file = contents.functions.iter().find(|file| file.index == index);
    let (whole, relations) = file.map_or((&[][..], &[][..]), |file| (&file.whole, &file.links));
    let links: Vec<Value> = f
        .certified
        .links
        .iter()
        .enumerate()
        .map(|(n, l)| {
            json!({
                "name": l.name, "verdict": l.said.verdict, "detail": l.said.detail, "cuts": l.cuts, "paths": l.paths,
                "rungs": rungs(&l.rungs),
                "lemmas": relations.get(n).filter(|r| r.name == l.name).map_or(String::new(), |r| r.lemmas.join(", ")),
            })
        })
        .collect();
    let refused: Vec<_> = contents.summary.refused.iter().filter(|r| r.function == index).collect();
    let exported: Vec<_> = contents.exported.iter().filter(|o| o.function == index).collect();
    let listing = trace.map_or(Vec::new(), listing);
    let hex = |addresses: &[u32]| addresses.iter().map(|a| format!("{a:#x}")).collect::<Vec<_>>().join(", ");
    let operators: Vec<Value> = trace
        .map_or(&[][..], |t| &t.operators)
        .iter()
        .map(|o| json!({ "offset": o.offset, "text": o.text, "addresses": hex(&o.addresses) }))
        .collect();
    let origins = match trace.map(|t| t.origins) {
        Some(Origins::Compiler) => "Origins are those of the compiler's record; no proof rests on them.",
        _ => "Origins are known at cut points only: the object was given without a record of its build.",
    };
    let proved = f.certified.said.is_proved();
    let state = State {
        ok: proved,
        headline: format!("{}: {}", f.certified.said.verdict, f.certified.name),
        reasons: Vec::new(),
        notes: refused.iter().map(|r| format!("The pass {} was refused, and the code made without.", r.pass)).collect(),
    };
    json!({
        "title": f.certified.name,
        "nav": navigation(&NAVIGATION, &f.pages[0]),
        "state": state,
        "f": f,
        "facts": facts(contents, f),
        "recorded": recorded,
        "input": contents.build.input,
        "refused": refused,
        "links": links,
        "roles": roles(&listing),
        "listing": listing,
        "origins": origins,
        "whole": whole,
        "relations": relations,
        "exported": exported,
        "operators": operators,
    })
}

/// Name, value, and whether it is a digest.
fn facts(contents: &Contents<'_>, f: &FunctionEvidence) -> Vec<(&'static str, String, bool)> {
    let name = |index: &u32| {
        let found = contents.stacks.iter().find(|s| s.index == *index);
        found.map_or_else(|| format!("function {index}"), |s| s.name.clone())
    };
    let way = |indices: &[u32]| indices.iter().map(name).collect::<Vec<_>>().join(" > ");
    let stack_text = match &f.stack {
        None => "not known".to_string(),
        Some(s) => {
            let outside: Vec<String> = s.outside.iter().map(|(name, bytes)| format!("{name} at {bytes}")).collect();
            let outside = if outside.is_empty() { String::new() } else { format!("; outside: {}", outside.join(", ")) };
            match s.bytes {
                Some(bytes) => format!("{} bytes own, {bytes} in all ({}){outside}", s.own_bytes, way(&s.path)),
                None => format!("{} bytes own, no bound: {}{outside}", s.own_bytes, way(&s.circle)),
            }
        }
    };
    let exports = if f.exports.is_empty() { "none".to_string() } else { f.exports.join(", ") };
    let rules: Vec<String> = f.rules.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    let or_none = |list: String| if list.is_empty() { "none".to_string() } else { list };
    let recorded = contents.build.compilation.is_some();
    let rules = if recorded { or_none(rules.join(", ")) } else { "not recorded: the object was given".to_string() };
    let is_from_cache = contents.summary.from_cache.contains(&f.certified.index);
    let found = match is_from_cache {
        true => "was taken from a proof cache, and not proved in the run that made the package",
        false => "was found in the run that made the package",
    };
    let traps: Vec<String> = f.traps.iter().map(|t| format!("{} at {:#x}", t.kind, t.address)).collect();
    vec![
        ("Exported as", exports, false),
        ("Body in the module", format!("{:#x}..{:#x}", f.body.0, f.body.1), false),
        ("Addresses", format!("{}, {} bytes", range(f), f.code_bytes), false),
        ("SHA-256 of its code", f.certified.code_sha256.clone().unwrap_or_else(|| "not in the file".to_string()), true),
        ("The verdict", found.to_string(), false),
        ("Obligations", format!("{} ({})", f.obligations, rungs(&f.rungs)), false),
        ("Lemmas cited", or_none(f.lemmas.iter().cloned().collect::<Vec<_>>().join(", ")), false),
        ("Selection rules", rules, false),
        ("Runs before the proof", format!("{} entry states, both sides agreed", f.certified.agreed_runs), false),
        ("Assumptions", f.certified.assumptions.join(", "), false),
        ("Stack", stack_text, false),
        ("Trap sites", or_none(traps.join(", ")), false),
    ]
}

fn trace(contents: &Contents<'_>) -> Value {
    let mut rows = Vec::new();
    for t in &contents.trace.functions {
        for entry in t.code.iter().filter(|e| e.role.is_some()) {
            let origin = entry.origin.map_or(String::new(), |at| format!("{at:#06x} "));
            rows.push(json!({
                "function": t.name,
                "address": format!("{:#x}", entry.address),
                "bytes": halfwords(&entry.bytes),
                "text": entry.text,
                "role": entry.role.map_or(String::new(), role_text),
                "note": note(entry),
                "operator": format!("{origin}{}", entry.operator.as_deref().unwrap_or_default()),
                "covered": covered(t, entry),
            }));
        }
    }
    let by_role: Vec<(String, u64)> =
        contents.trace.without_operator.iter().map(|(role, n)| (role_text(*role), u64::from(*n))).collect();
    json!({
        "title": "Code without an operator of its own",
        "nav": navigation(&NAVIGATION, "trace.html"),
        "state": null,
        "input": contents.build.input,
        "trace": { "sections": contents.trace.sections },
        "plot": bars(&by_role, "bytes"),
        "roles": roles(&rows),
        "rows": rows,
    })
}

fn assumptions(contents: &Contents<'_>) -> Value {
    json!({
        "title": "For the integrator",
        "nav": navigation(&NAVIGATION, "assumptions.html"),
        "state": null,
        "input": contents.build.input,
        "integrator": contents.integrator,
    })
}
