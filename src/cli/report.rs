//! `synth report`: evidence as folders of files.

mod release;

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
    /// Write the evidence about this program, from its sources and a record of their tests
    Release(release::Args),
}

impl Args {
    /// Form of the results.
    pub(super) fn format(&self) -> Format {
        match &self.command {
            Command::Release(args) => args.format,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input; what cannot be written.
pub(super) fn execute(args: &Args) -> Result<Status, Diagnostic> {
    match &args.command {
        Command::Release(args) => release::execute(args),
    }
}
