//! `synth validate`: proves a given object, or one in a linked image, against its module.

use super::diagnostic::Diagnostic;
use super::proof::{CacheArgs, LimitArgs, prove};
use super::{Format, JSON_SCHEMA, Status, input, output, table};
use crate::partition::{Partition, Share};
use crate::proof_cache::Uses;
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::{CERTIFICATE_FILE, CLAIM_FILE, Certificate, SHARE_FILE, read_claim};

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
    /// Prove only this share of the functions, one of N, and the image; --certificate then takes a share, which
    /// `synth report merge` joins
    #[arg(long, value_name = "hash:K/N")]
    partition: Option<Partition>,
    #[command(flatten)]
    cache: CacheArgs,
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
    /// Absent for a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'a Certificate>,
    /// Verdicts on a share of the functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<&'a Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_cache: Option<&'a Uses>,
    /// Functions that were compiled and are not in the file, so nothing is said of them: a linker leaves out what nothing needs.
    not_in_image: &'a [String],
}

/// Runs the command.
///
/// # Errors
/// Bad input; a certificate that says something else.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let claim = match &args.certificate {
        Some(folder) if folder.join(CLAIM_FILE).exists() => {
            let claim = read_claim(folder)
                .map_err(|d| Diagnostic::new(format!("the certificate is damaged: {d}")).file(folder))?;
            Some(claim)
        }
        _ => None,
    };
    let store = args.cache.open(true)?;
    let scope = args.cache.scope(store.as_ref(), args.partition);
    let proof = prove((&args.input, &module.bytes), (&args.object, &object), claim, &args.limits, scope)?;
    let share = proof.share();
    proof.warn();
    match args.format {
        Format::Text => output::print(&table::verdicts(&proof)),
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "validate",
            input: &args.input,
            object: &args.object,
            validation: share.is_none().then_some(&proof.certificate),
            share: share.as_ref(),
            proof_cache: proof.uses(),
            not_in_image: proof.left_out(),
        }),
    }
    // What is not proved gets no certificate, but is compared with one that is there.
    let is_there = |folder: &PathBuf| [CERTIFICATE_FILE, SHARE_FILE].iter().any(|file| folder.join(file).exists());
    let settled = |folder: &&PathBuf| proof.status() == Status::Done || is_there(folder);
    if let Some(folder) = args.certificate.as_ref().filter(settled) {
        proof.settle(folder, true)?;
    }
    Ok(proof.status())
}
