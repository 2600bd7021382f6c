//! `synth report merge`: joins the shares of a divided proof to the certificate that one run would have written.

use crate::cli::diagnostic::Diagnostic;
use crate::cli::{Format, JSON_SCHEMA, Status, output};
use crate::partition;
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::Certificate;

/// Arguments of `synth report merge`.
#[derive(clap::Args)]
pub struct Args {
    /// Folders that `synth validate --partition hash:K/N --certificate` wrote, for every K
    #[arg(required = true, value_name = "DIR")]
    shares: Vec<PathBuf>,
    /// Folder of the certificate to write; it must not have files yet
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    shares: &'a [PathBuf],
    output: &'a Path,
    written: bool,
    validation: &'a Certificate,
}

/// Runs the command.
///
/// # Errors
/// Shares that do not join, with the folder; what cannot be written.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let folder = &args.output;
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Diagnostic::new("the folder is not empty")
            .file(folder)
            .help("give another one with -o, or remove it"));
    }
    let (certificate, claim) = partition::merge(&args.shares).map_err(|e| {
        Diagnostic::new(format!("the shares do not join: {e}"))
            .help("prove what is missing or damaged with `synth validate --partition`")
    })?;
    let is_proved = certificate.is_proved();
    if is_proved {
        certificate.write(folder, &claim).map_err(|e| Diagnostic::file_system("write the certificate", folder, &e))?;
    }
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "report merge",
            shares: &args.shares,
            output: folder,
            written: is_proved,
            validation: &certificate,
        }),
        Format::Text => {
            let (shares, totals) = (args.shares.len(), &certificate.totals);
            let written = if is_proved { "written" } else { "not written" };
            output::print(&format!(
                "{shares} shares, {} of {} functions proved: the certificate {} was {written}\n",
                totals.proved,
                totals.functions,
                folder.display()
            ));
        }
    }
    Ok(if is_proved { Status::Done } else { Status::NotProved })
}
