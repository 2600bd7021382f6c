//! `synth passes`: the optimizer's passes in their order.

use super::diagnostic::Diagnostic;
use super::{Format, JSON_SCHEMA, Status, output, table};
use crate::pipeline::OPTIMIZER;
use clap::builder::{PossibleValue, PossibleValuesParser};
use serde::Serialize;

/// Arguments of `synth passes`.
#[derive(clap::Args)]
pub struct Args {
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report {
    schema: u32,
    command: &'static str,
    passes: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    /// The lowest level that runs it, as after `-O`.
    from: &'static str,
}

/// Accepts the names of passes; a wrong one is an error that lists them.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(OPTIMIZER.iter().map(|p| PossibleValue::new(p.name)))
}

/// Runs the command.
///
/// # Errors
/// None.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let passes: Vec<Entry> = OPTIMIZER.iter().map(|p| Entry { name: p.name, from: p.from.name() }).collect();
    match args.format {
        Format::Json => output::print_json(&Report { schema: JSON_SCHEMA, command: "passes", passes }),
        Format::Text => {
            let head = ["pass", "from"].map(String::from).to_vec();
            let row = |p: &Entry| vec![p.name.to_string(), format!("-O{}", p.from)];
            let rows: Vec<Vec<String>> = std::iter::once(head).chain(passes.iter().map(row)).collect();
            output::print(&table::columns(&rows, &[]));
        }
    }
    Ok(Status::Done)
}
