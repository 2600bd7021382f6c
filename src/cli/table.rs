//! Verdict tables.

use super::proof::Proof;
pub use crate::listing::tidy;
use crate::pass_report::PassOutcome;
use crate::pipeline::OPTIMIZER;
use crate::proof_cache::Uses;
use crate::refusal::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use synth_validator::certificate::{Certificate, FunctionEntry};
use synth_validator::ladder::Rung;
use synth_validator::validate::FunctionReport;

/// `normal 12, smt 3`: the rungs that closed something, in order.
pub fn rungs(rungs: &BTreeMap<String, u32>) -> String {
    let used = Rung::ALL.iter().filter_map(|rung| {
        let n = *rungs.get(rung.name())?;
        (n > 0).then(|| format!("{} {n}", rung.name()))
    });
    used.collect::<Vec<_>>().join(", ")
}

/// Columns, each as wide as its widest cell; numbers to the right, by column.
pub fn columns(rows: &[Vec<String>], right: &[usize]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(c, cell)| match right.contains(&c) {
            true => format!("{cell:>0$}", widths[c]),
            false => format!("{cell:<0$}", widths[c]),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Names of links in the order of the chain: what every function has, the optimizer's passes, the program at the end.
fn link_names(certificate: &Certificate) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for link in certificate.functions.iter().flat_map(|f| &f.links) {
        if !names.contains(&link.name.as_str()) {
            names.push(&link.name);
        }
    }
    let place = |name: &str| OPTIMIZER.iter().position(|p| p.name == name).map_or(0, |at| at + 1);
    names.sort_by_key(|name| if *name == "machine" { usize::MAX } else { place(name) });
    names
}

fn row(function: &FunctionEntry, links: &[&str], shared: &[&String]) -> Vec<String> {
    let mut row = vec![function.index.to_string(), tidy(&function.name)];
    for name in links {
        let link = function.links.iter().find(|l| l.name == *name);
        row.push(link.map_or("-", |l| &l.said.verdict).to_string());
    }
    let mut sums: BTreeMap<String, u32> = BTreeMap::new();
    for (rung, n) in function.links.iter().flat_map(|l| &l.rungs) {
        *sums.entry(rung.clone()).or_default() += n;
    }
    row.push(function.said.verdict.clone());
    row.push(sums.values().sum::<u32>().to_string());
    row.push(rungs(&sums));
    let own: Vec<&str> = function.assumptions.iter().filter(|a| !shared.contains(a)).map(String::as_str).collect();
    row.push(own.join(", "));
    row
}

/// The verdicts of a proof: a line per function, what is not proved, totals.
pub fn verdicts(proof: &Proof) -> String {
    let certificate = &proof.certificate;
    let links = link_names(certificate);
    let everywhere = |a: &&String| certificate.functions.iter().all(|f| f.assumptions.contains(a));
    let shared: Vec<&String> = certificate.totals.assumptions.iter().filter(everywhere).collect();
    let mut rows = vec![
        ["", "function"]
            .iter()
            .chain(&links)
            .chain(&["verdict", "obligations", "rungs", ""])
            .map(|c| c.to_string())
            .collect(),
    ];
    rows.extend(certificate.functions.iter().map(|f| row(f, &links, &shared)));
    let mut out = columns(&rows, &[0, links.len() + 3]);
    let _ = writeln!(out, "image: {}", certificate.image.verdict);
    let left_out = proof.left_out();
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(|name| tidy(name)).collect();
        let _ = writeln!(out, "not in the image: {}", names.join(", "));
    }
    out.push_str(&failures(certificate));
    let totals = &certificate.totals;
    if let Some(share) = proof.share() {
        let (all, partition) = (share.all_functions.len(), &share.partition);
        let _ = writeln!(out, "{partition}: {} of {all} functions, nothing is said of the others", totals.functions);
    }
    let _ = writeln!(
        out,
        "{} of {} functions proved; {} cut points, {} obligations ({})",
        totals.proved,
        totals.functions,
        totals.cuts,
        totals.obligations,
        rungs(&totals.rungs)
    );
    let shared: Vec<&str> = shared.iter().map(|a| a.as_str()).collect();
    let _ = writeln!(out, "assumptions: {}\ncontract: {}", shared.join(", "), certificate.contract);
    if let Some(uses) = proof.uses() {
        out.push_str(&proof_cache(uses));
    }
    out
}

/// The assumptions on which proofs between modules rest: a line.
pub fn assumptions<'a>(reports: impl Iterator<Item = &'a FunctionReport>) -> String {
    let names: BTreeSet<&str> = reports.flat_map(|r| &r.assumptions).map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    format!("assumptions: {}\n", if names.is_empty() { "none".to_string() } else { names.join(", ") })
}

/// What a store of proofs did.
pub fn proof_cache(uses: &Uses) -> String {
    let (hits, attempted) = (uses.hits.len(), uses.attempted.len());
    let rests = if hits > 0 { "; what is taken rests on it until it is proved again" } else { "" };
    format!(
        "proof cache: {hits} functions taken from {}, {attempted} attempted in this run{rests}\n",
        uses.folder.display()
    )
}

/// A line per optimizer pass: functions it changed, functions it had nothing to do for, functions for which it was refused, or why it
/// was not run; then the refusals.
pub fn passes(passes: &[PassOutcome], refusals: &[Refusal]) -> String {
    let mut rows = vec![["pass", "applied", "unchanged", "refused", ""].map(String::from).to_vec()];
    for p in passes {
        let counts = [&p.applied, &p.unchanged, &p.refused].map(|list| list.len().to_string());
        let note = match p.not_run {
            Some("level") => format!("not run: from -O{}", p.from),
            Some(_) => "not run: left out".to_string(),
            None => String::new(),
        };
        rows.push([vec![p.pass.to_string()], counts.to_vec(), vec![note]].concat());
    }
    let mut out = columns(&rows, &[1, 2, 3]);
    for r in refusals {
        let _ = writeln!(
            out,
            "refused: {} in function {} ({}): {}: {}",
            r.pass,
            r.function,
            tidy(&r.name),
            r.verdict,
            r.detail
        );
        if let Some(example) = &r.counterexample {
            let _ = writeln!(out, "  {}", example.trim_end().replace('\n', "\n  "));
        }
    }
    out
}

/// What is not proved, and why.
pub fn failures(certificate: &Certificate) -> String {
    let mut out = String::new();
    if !certificate.image.is_proved() {
        let _ = writeln!(out, "not proved: image: {}: {}", certificate.image.verdict, certificate.image.detail);
    }
    for f in certificate.functions.iter().filter(|f| !f.said.is_proved()) {
        let failed = f.links.iter().filter(|l| !l.said.is_proved());
        let name = tidy(&f.name);
        let links: Vec<_> = failed.collect();
        let place = links.first().filter(|l| l.said == f.said).map_or(String::new(), |l| format!(", link {}", l.name));
        let _ =
            writeln!(out, "not proved: function {} ({name}){place}: {}: {}", f.index, f.said.verdict, f.said.detail);
        for link in links.into_iter().filter(|l| l.said != f.said) {
            let _ = writeln!(out, "  link {}: {}: {}", link.name, link.said.verdict, link.said.detail);
        }
    }
    out
}
