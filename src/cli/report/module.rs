//! `synth report module`: the evidence of a given object or linked image.

use super::super::diagnostic::Diagnostic;
use super::super::evidence::{Destination, Subject};
use super::super::proof::{LimitArgs, Scope, prove};
use super::super::{Format, JSON_SCHEMA, Status, input, output, table};
use crate::evidence::page::State;
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::read_claim;
use synth_validator::evidence::solver::Foreign;

/// Arguments of `synth report module`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Relocatable object, or linked image with the object in it
    object: PathBuf,
    /// Folder to write
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Folder of a certificate whose claim is used [default: the claim in the file]
    #[arg(long, value_name = "DIR")]
    certificate: Option<PathBuf>,
    /// Replace a package of other evidence that is there
    #[arg(long)]
    replace: bool,
    /// Ask z3, cvc5 or bitwuzla about the exported obligations as well; may be given several times
    #[arg(long, value_name = "NAME[=PROGRAM]")]
    solver: Vec<Foreign>,
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
    output: &'a Path,
    state: &'a State,
}

/// Runs the command.
///
/// # Errors
/// Bad input; a folder that may not be written.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let destination = Destination::new(&args.output, (args.replace, "--replace"), &args.solver)?;
    let module = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let claim = args.certificate.as_ref().map(|folder| {
        read_claim(folder).map_err(|d| Diagnostic::new(format!("the certificate is damaged: {d}")).file(folder))
    });
    let proof = prove(
        (&args.input, &module.bytes),
        (&args.object, &object),
        claim.transpose()?,
        &args.limits,
        Scope::default(),
    )?;
    let subject = Subject {
        module: (&args.input, &module.bytes),
        object: (&args.object, &object),
        proof: &proof,
        compilation: None,
        gate: None,
    };
    let evidence = destination.package(subject, &args.limits)?;
    evidence.write()?;
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "report module",
            input: &args.input,
            object: &args.object,
            output: &args.output,
            state: evidence.state(),
        }),
        Format::Text => {
            output::print(&table::failures(&proof.certificate));
            evidence.print();
        }
    }
    Ok(if evidence.state().ok { Status::Done } else { Status::NotProved })
}
