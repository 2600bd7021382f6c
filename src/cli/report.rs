//! `synth report`: evidence as folders of files.

mod merge;

use super::diagnostic::Diagnostic;
use super::{Format, Status};
use clap::Subcommand;

/// Arguments of `synth report`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join the shares of a divided proof to one certificate
    Merge(merge::Args),
}

impl Args {
    /// Form of the results.
    pub(super) fn format(&self) -> Format {
        match &self.command {
            Command::Merge(args) => args.format,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input; what cannot be written.
pub(super) fn execute(args: &Args) -> Result<Status, Diagnostic> {
    match &args.command {
        Command::Merge(args) => merge::execute(args),
    }
}
