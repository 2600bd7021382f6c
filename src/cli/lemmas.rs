//! `synth lemmas`: the rewrite lemmas, and their proofs.

use super::diagnostic::Diagnostic;
use super::output::progress;
use super::{Format, JSON_SCHEMA, Status, output, table};
use serde::Serialize;
use synth_lemmas::Lemma;
use synth_validator::ladder::Open;
use synth_validator::lemma::{prove, refutes};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<&'static str>,
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
    let mut entry = Entry { name, family, source, verdict: None, rung: None, broken_twin: None };
    if action == Action::Prove {
        let result = prove(lemma);
        entry.rung = result.as_ref().ok().map(|rung| rung.name());
        entry.verdict = Some(match &result {
            Ok(_) => "Proved",
            Err(Open::Model(model)) if refutes(lemma, model) => "Refuted",
            Err(_) => "Unknown",
        });
        let twin = lemma.broken_twin();
        entry.broken_twin = Some(match prove(&twin) {
            Err(Open::Model(model)) if refutes(&twin, &model) => "Refuted",
            Ok(_) => "Proved",
            Err(_) => "Unknown",
        });
    }
    entry
}

/// Runs the command.
///
/// # Errors
/// None.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let lemmas = synth_lemmas::all();
    let bar = progress(lemmas.len() as u64, "lemmas");
    let entries: Vec<Entry<'_>> = with_deep_stack(|| {
        let made = lemmas.iter().map(|lemma| {
            bar.set_message(lemma.name.clone());
            let made = entry(lemma, args.action);
            bar.inc(1);
            made
        });
        made.collect()
    });
    bar.finish_and_clear();
    let proving = args.action == Action::Prove;
    let fine = |e: &&Entry<'_>| e.verdict == Some("Proved") && e.broken_twin == Some("Refuted");
    let fine = entries.iter().filter(fine).count();
    match args.format {
        Format::Json => output::print_json(&Report { schema: JSON_SCHEMA, command: "lemmas", lemmas: &entries }),
        Format::Text => {
            let head = if proving {
                vec!["lemma", "family", "verdict", "rung", "broken twin"]
            } else {
                vec!["lemma", "family", "source"]
            };
            let mut rows = vec![head.into_iter().map(String::from).collect::<Vec<_>>()];
            rows.extend(entries.iter().map(|e| {
                match proving {
                    true => [Some(e.name), Some(e.family), e.verdict, Some(e.rung.unwrap_or("-")), e.broken_twin],
                    false => [Some(e.name), Some(e.family), Some(e.source), None, None],
                }
                .into_iter()
                .flatten()
                .map(String::from)
                .collect()
            }));
            let total = match proving {
                true => format!("{fine} of {} lemmas proved, with their broken twins refuted\n", entries.len()),
                false => format!("{} lemmas\n", entries.len()),
            };
            output::print(&(table::columns(&rows, &[]) + &total));
        }
    }
    Ok(if proving && fine < entries.len() { Status::NotProved } else { Status::Done })
}
