//! Findings as SARIF 2.1.0, so that code hosts show them in reviews: what is not proved, what was refused, what is open otherwise.
//!
//! Places are byte offsets in the module. Rule identifiers are permanent. Source: OASIS SARIF 2.1.0, 3.13 to 3.30.

use super::build_record::Build;
use super::summary::Summary;
use serde_json::{Value, json};
use synth_validator::validate::LIMIT_REACHED;

/// The rules: identifier, level, what a finding of it means.
const RULES: [(&str, &str, &str); 8] = [
    ("synth/refuted", "error", "Module and code were executed from the same state and differ."),
    ("synth/not-proved", "error", "It is not proved that the code does what the module says."),
    ("synth/limit-reached", "error", "A limit of the proof was reached before it ended."),
    ("synth/image", "error", "The initial image, an export or the start-up function is not what the module says."),
    (
        "synth/refused-pass",
        "warning",
        "The validator did not prove a rewrite of the optimizer; the code was made without it.",
    ),
    ("synth/fault", "error", "The object was made by a build with faults, or with a fault switched on."),
    ("synth/gate", "error", "A gate of the command stopped the build."),
    ("synth/open", "error", "Something that the first screen of the evidence names is open."),
];

/// The file of a package.
pub fn sarif(summary: &Summary, build: &Build) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(id, level, text)| {
            json!({
                "id": id,
                "shortDescription": { "text": text },
                "defaultConfiguration": { "level": level },
            })
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "synth", "version": summary.tool.version, "rules": rules } },
            "invocations": [{ "executionSuccessful": true, "exitCode": if summary.state.ok { 0 } else { 1 } }],
            "artifacts": [{
                "location": { "uri": uri(&build.input) },
                "length": summary.module.bytes,
                "hashes": { "sha-256": summary.module.sha256 },
            }],
            "results": results(summary, build),
        }],
    })
}

/// A path as a relative reference. Source: RFC 3986, 3.3: what is unreserved or a separator of paths stands for itself.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().fold(String::new(), |uri, byte| match plain(byte) {
        true => uri + &char::from(byte).to_string(),
        false => uri + &format!("%{byte:02X}"),
    })
}

/// A finding of the rule with this identifier, about a function or the whole module.
fn finding(rule: &str, text: String, function: Option<u32>, summary: &Summary, build: &Build) -> Value {
    let index = RULES.iter().position(|(id, ..)| *id == rule).expect("invariant: findings are of rules");
    let of = function.and_then(|index| summary.functions.iter().find(|f| f.certified.index == index));
    let (start, end) = of.map_or((0, summary.module.bytes as u32), |f| f.body);
    let name = of.map(|f| f.certified.name.clone());
    let logical: Vec<Value> = name.iter().map(|name| json!({ "name": name, "kind": "function" })).collect();
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&build.input), "index": 0 },
            "region": { "byteOffset": start, "byteLength": end.saturating_sub(start) },
        },
    });
    if !logical.is_empty() {
        location["logicalLocations"] = logical.into();
    }
    json!({
        "ruleId": rule,
        "ruleIndex": index,
        "level": RULES[index].1,
        "message": { "text": text },
        "locations": [location],
    })
}

fn results(summary: &Summary, build: &Build) -> Vec<Value> {
    let mut results = Vec::new();
    let mut add = |rule: &str, text: String, function| results.push(finding(rule, text, function, summary, build));
    if !summary.image.is_proved() {
        add("synth/image", format!("{}: {}", summary.image.verdict, summary.image.detail), None);
    }
    for f in summary.functions.iter().filter(|f| !f.certified.said.is_proved()) {
        let said = &f.certified.said;
        let rule = match (said.verdict.as_str(), said.detail.starts_with(LIMIT_REACHED)) {
            ("Refuted", _) => "synth/refuted",
            (_, true) => "synth/limit-reached",
            _ => "synth/not-proved",
        };
        add(rule, format!("{}: {}: {}", f.certified.name, said.verdict, said.detail), Some(f.certified.index));
    }
    for r in &summary.refused {
        let example = r.counterexample.as_ref().map_or(String::new(), |c| format!("\n{c}"));
        let text = format!("{}: {} refused: {}: {}{example}", r.name, r.pass, r.verdict, r.detail);
        add("synth/refused-pass", text, Some(r.function));
    }
    if let Some(fault) = build.compilation.as_ref().and_then(|c| c.fault.as_ref()) {
        add("synth/fault", format!("the fault {fault} was switched on"), None);
    } else if summary.tool.faults {
        add("synth/fault", "made by a build with faults".to_string(), None);
    }
    if let Some(gate) = &build.gate {
        add("synth/gate", gate.clone(), None);
    }
    if results.is_empty() {
        results
            .extend(summary.state.reasons.iter().map(|why| finding("synth/open", why.clone(), None, summary, build)));
    }
    results
}
