//! `synth bench`: code quality beside other compilers, and the speed of compiling and proving.

mod code;
mod report;
mod speed;

use super::diagnostic::Diagnostic;
use super::{Format, Status};
use clap::Subcommand;

/// Arguments of `synth bench`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    which: Option<Which>,
    #[command(flatten)]
    code: code::Args,
}

#[derive(Subcommand)]
enum Which {
    /// Compare the corpus' code with what other compilers emit, on an emulated core (this is done without a command too)
    Code(code::Args),
    /// Measure compile and proof speed over the corpus, beside the budgets
    Speed(speed::Args),
}

impl Args {
    /// Form of the results.
    pub fn format(&self) -> Format {
        match &self.which {
            None => self.code.format(),
            Some(Which::Code(args)) => args.format(),
            Some(Which::Speed(args)) => args.format,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read, a tool that is missing.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    match &args.which {
        None => code::execute(&args.code),
        Some(Which::Code(args)) => code::execute(args),
        Some(Which::Speed(args)) => speed::execute(args),
    }
}
