//! `synth report`: evidence as folders of files.

mod merge;
mod module;
mod release;
mod verify;

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
    /// Prove a given object, and write the evidence
    Module(module::Args),
    /// Prove a package of evidence again, make each of its files again, compare all bytes
    Verify(verify::Args),
    /// Write the evidence about this program, from its sources and a record of their tests
    Release(release::Args),
    /// Join the shares of a divided proof to one certificate
    Merge(merge::Args),
}

impl Args {
    /// Form of the results.
    pub(super) fn format(&self) -> Format {
        match &self.command {
            Command::Module(args) => args.format,
            Command::Verify(args) => args.format,
            Command::Release(args) => args.format,
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
        Command::Module(args) => module::execute(args),
        Command::Verify(args) => verify::execute(args),
        Command::Release(args) => release::execute(args),
        Command::Merge(args) => merge::execute(args),
    }
}
