//! `synth validate`: proves a given object, or one in a linked image, against its module.

use super::diagnostic::Diagnostic;
use super::proof::{LimitArgs, prove};
use super::{Format, JSON_SCHEMA, Status, input, output, table};
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::{CERTIFICATE_FILE, CLAIM_FILE, Certificate, read_claim};

/// Arguments of `synth validate`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Relocatable object, or linked image with the object in it
    object: PathBuf,
    /// Folder of a certificate: its claim is used and its verdicts are compared; if there is none and all is
    /// proved, one is written
    #[arg(long, value_name = "DIR")]
    certificate: Option<PathBuf>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    input: &'a Path,
    object: &'a Path,
    validation: &'a Certificate,
    /// Functions that were compiled and are not in the file, so nothing is said of them: a linker leaves out what nothing needs.
    not_in_image: &'a [String],
}

/// Runs the command.
///
/// # Errors
/// Bad input; a certificate that says something else.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    let object = input::read(&args.object)?;
    let claim = match &args.certificate {
        Some(folder) if folder.join(CLAIM_FILE).exists() => {
            let claim = read_claim(folder)
                .map_err(|d| Diagnostic::new(format!("the certificate is damaged: {d}")).file(folder))?;
            Some(claim)
        }
        _ => None,
    };
    let proof = prove((&args.input, &module.bytes), (&args.object, &object), claim, &args.limits)?;
    match args.format {
        Format::Text => output::print(&table::verdicts(&proof)),
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "validate",
            input: &args.input,
            object: &args.object,
            validation: &proof.certificate,
            not_in_image: proof.left_out(),
        }),
    }
    // What is not proved gets no certificate, but is compared with one that is there.
    let settled = |folder: &&PathBuf| proof.status() == Status::Done || folder.join(CERTIFICATE_FILE).exists();
    if let Some(folder) = args.certificate.as_ref().filter(settled) {
        proof.settle(folder, true)?;
    }
    Ok(proof.status())
}
