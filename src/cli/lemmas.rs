//! `synth lemmas`: the rewrite lemmas and the selection rules, and their proofs.

use super::diagnostic::Diagnostic;
use super::output::progress;
use super::{Format, JSON_SCHEMA, Status, output, table};
use crate::evidence::release::lemmas::{Judged, judge_lemma, judge_rule};
use crate::selection::Rule;
use serde::Serialize;
use synth_lemmas::Lemma;
use synth_validator::prove_all::with_deep_stack;

/// Arguments of `synth lemmas`.
#[derive(clap::Args)]
pub struct Args {
    /// What to do
    #[arg(value_enum, default_value_t = Action::List)]
    action: Action,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What can be done with lemmas.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Name each lemma, its family and its source
    List,
    /// Prove each lemma, and refute its broken twin by execution
    Prove,
}

/// A lemma and what was shown of it.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    family: &'a str,
    source: &'a str,
    width_bits: u32,
    users: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    solver_steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_twin: Option<&'static str>,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    lemmas: &'a [Entry<'a>],
}

fn entry(lemma: &Lemma, action: Action) -> Entry<'_> {
    let Lemma { name, family, source, .. } = lemma;
    let users = match (lemma.usage.rewrite, lemma.usage.proof) {
        (true, true) => "both",
        (true, false) => "rewrite",
        _ => "proof",
    };
    let width_bits = lemma.width();
    entry_of((name, family, source), width_bits, users, proving(action, || judge_lemma(lemma)))
}

/// What proving gives, if it is asked for.
fn proving(action: Action, judge: impl FnOnce() -> Judged) -> Option<Judged> {
    (action == Action::Prove).then(judge)
}

fn entry_of<'a>(
    (name, family, source): (&'a str, &'a str, &'a str),
    width_bits: u32,
    users: &'static str,
    judged: Option<Judged>,
) -> Entry<'a> {
    let judged = judged.as_ref();
    Entry {
        name,
        family,
        source,
        width_bits,
        users,
        verdict: judged.map(|j| j.verdict),
        rung: judged.and_then(|j| j.rung),
        solver_steps: judged.and_then(|j| j.solver_steps),
        broken_twin: judged.map(|j| j.broken_twin),
    }
}

/// A selection rule, as an entry.
fn rule_entry(rule: &Rule, action: Action) -> Entry<'_> {
    let Rule { name, family, source, left, .. } = rule;
    let width_bits = if left.len() > 1 { 64 } else { left.iter().map(|t| t.width()).max().unwrap_or(32) };
    entry_of((name, family, source), width_bits, "selection", proving(action, || judge_rule(rule)))
}

/// Runs the command.
///
/// # Errors
/// None.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let lemmas = synth_lemmas::all();
    let rules = crate::selection::load().expect("invariant: the rules parse, as a test shows");
    let bar = progress((lemmas.len() + rules.len()) as u64, "lemmas");
    let entries: Vec<Entry<'_>> = with_deep_stack(|| {
        let step = |name: &String| {
            bar.inc(1);
            bar.set_message(name.clone());
        };
        let made = lemmas.iter().inspect(|l| step(&l.name)).map(|lemma| entry(lemma, args.action));
        made.chain(rules.iter().inspect(|r| step(&r.name)).map(|rule| rule_entry(rule, args.action))).collect()
    });
    bar.finish_and_clear();
    let proving = args.action == Action::Prove;
    let fine = |e: &&Entry<'_>| e.verdict == Some("Proved") && e.broken_twin == Some("Refuted");
    let fine = entries.iter().filter(fine).count();
    match args.format {
        Format::Json => output::print_json(&Report { schema: JSON_SCHEMA, command: "lemmas", lemmas: &entries }),
        Format::Text => {
            let head = if proving {
                vec!["lemma", "family", "width", "users", "verdict", "rung", "steps", "broken twin"]
            } else {
                vec!["lemma", "family", "width", "users", "source"]
            };
            let mut rows = vec![head.into_iter().map(String::from).collect::<Vec<_>>()];
            rows.extend(entries.iter().map(|e| {
                let mut row =
                    vec![e.name.to_string(), e.family.to_string(), e.width_bits.to_string(), e.users.to_string()];
                match proving {
                    true => row.extend([
                        e.verdict.unwrap_or("-").to_string(),
                        e.rung.unwrap_or("-").to_string(),
                        e.solver_steps.map_or("-".to_string(), |steps| steps.to_string()),
                        e.broken_twin.unwrap_or("-").to_string(),
                    ]),
                    false => row.push(e.source.to_string()),
                }
                row
            }));
            let total = match proving {
                true => format!("{fine} of {} lemmas proved, with their broken twins refuted\n", entries.len()),
                false => format!("{} lemmas\n", entries.len()),
            };
            output::print(&(table::columns(&rows, if proving { &[2, 6] } else { &[2] }) + &total));
        }
    }
    Ok(if proving && fine < entries.len() { Status::NotProved } else { Status::Done })
}
