//! `synth corpus run --miscompiles`: the known miscompiles, each right program beside its wrong artefacts.

use super::diagnostic::Diagnostic;
use super::{Format, JSON_SCHEMA, Status, output, table};
use crate::examination::miscompiles::{Case, Outcome, cases};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;
use synth_validator::prove_all::STACK_BYTES;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    cases: Vec<Row<'a>>,
    caught: usize,
    not_caught: usize,
    false_alarms: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    lines: &'a [u32],
    history: &'a str,
    /// What is to be said against the right program.
    #[serde(skip_serializing_if = "Option::is_none")]
    false_alarm: Option<&'a str>,
    wrong: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    what: &'a str,
    caught: bool,
    /// The difference that was found, or why none was.
    detail: &'a str,
}

/// Examines the cases of a corpus, those of these names if there are any.
///
/// # Errors
/// A case that cannot be read; a name that no case has.
pub fn execute(corpus: &Path, only: &[String], threads: usize, format: Format) -> Result<Status, Diagnostic> {
    let mut cases = cases(&corpus.join("miscompiles")).map_err(Diagnostic::new)?;
    if let Some(name) = only.iter().find(|name| cases.iter().all(|c| c.name != **name)) {
        return Err(
            Diagnostic::new(format!("no case {name}")).help("names are those of the folders in corpus/miscompiles")
        );
    }
    cases.retain(|c| only.is_empty() || only.contains(&c.name));
    if cases.is_empty() {
        return Err(Diagnostic::new("there are no known miscompiles").file(&corpus.join("miscompiles")));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|e| Diagnostic::new(format!("no threads: {e}")))?;
    let bar = output::progress(cases.len() as u64, "examining");
    let outcomes: Vec<Outcome> = pool.install(|| {
        let examined = cases.par_iter().map(|case| {
            let outcome = case.examine();
            bar.set_message(case.name.clone());
            bar.inc(1);
            outcome
        });
        examined.collect()
    });
    bar.finish_and_clear();
    let wrong = || outcomes.iter().flat_map(|o| &o.wrong);
    let caught = wrong().filter(|w| w.found.is_ok()).count();
    let not_caught = wrong().count() - caught;
    let false_alarms = outcomes.iter().filter(|o| o.right.is_err()).count();
    match format {
        Format::Json => {
            let rows = cases.iter().zip(&outcomes).map(|(c, o)| row(c, o)).collect();
            let command = "corpus run --miscompiles";
            output::print_json(&Report { schema: JSON_SCHEMA, command, cases: rows, caught, not_caught, false_alarms });
        }
        Format::Text => {
            output::print(&text(&cases, &outcomes));
            let proved = cases.len() - false_alarms;
            output::print(&format!(
                "{} cases: {proved} right programs proved or refused as they must be, {false_alarms} false alarms; \
                 {} wrong artefacts, {caught} caught, {not_caught} not caught\n",
                cases.len(),
                caught + not_caught,
            ));
        }
    }
    Ok(if not_caught + false_alarms == 0 { Status::Done } else { Status::NotProved })
}

fn row<'a>(case: &'a Case, outcome: &'a Outcome) -> Row<'a> {
    let wrong = outcome.wrong.iter().map(|w| {
        let (Ok(detail) | Err(detail)) = &w.found;
        Wrong { what: &w.what, caught: w.found.is_ok(), detail }
    });
    Row {
        name: &case.name,
        lines: &case.lines,
        history: case.history.trim(),
        false_alarm: outcome.right.as_ref().err().map(String::as_str),
        wrong: wrong.collect(),
    }
}

fn text(cases: &[Case], outcomes: &[Outcome]) -> String {
    let mut rows = vec![["case", "right", "wrong", ""].map(String::from).to_vec()];
    for (case, outcome) in cases.iter().zip(outcomes) {
        let right = match &outcome.right {
            Ok(()) if case.is_refused() => "refused".to_string(),
            Ok(()) => "Proved".to_string(),
            Err(why) => format!("FALSE ALARM: {why}"),
        };
        if outcome.wrong.is_empty() {
            rows.push(vec![case.name.clone(), right.clone()]);
        }
        for (n, wrong) in outcome.wrong.iter().enumerate() {
            let (verdict, detail) = match &wrong.found {
                Ok(what) => ("caught", what),
                Err(why) => ("NOT CAUGHT", why),
            };
            let first = |text: &str| if n == 0 { text.to_string() } else { String::new() };
            let detail = format!("{}: {detail}", wrong.what);
            rows.push(vec![first(&case.name), first(&right), verdict.to_string(), detail]);
        }
    }
    table::columns(&rows, &[])
}
