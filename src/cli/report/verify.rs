//! `synth report verify`: is a package of evidence whole, and does it say what the proofs show?

use super::super::diagnostic::Diagnostic;
use super::super::proof::LimitArgs;
use super::super::{Format, JSON_SCHEMA, Status, output};
use crate::evidence::folder;
use crate::evidence::verify::{Verified, verify};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `synth report verify`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the package
    folder: PathBuf,
    /// Threads that prove [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    folder: &'a Path,
    /// Whether the package is whole and nothing in it is open.
    ok: bool,
    #[serde(flatten)]
    verified: &'a Verified,
}

/// Runs the command.
///
/// # Errors
/// The folder cannot be read.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let files =
        folder::read(&args.folder).map_err(|e| Diagnostic::file_system("read the package", &args.folder, &e))?;
    if files.is_empty() {
        return Err(Diagnostic::new("the folder is empty").file(&args.folder));
    }
    let verified = verify(&files, LimitArgs::threads_or_all(args.threads));
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "report verify",
            folder: &args.folder,
            ok: verified.ok(),
            verified: &verified,
        }),
        Format::Text => output::print(&text(&args.folder, files.len(), &verified)),
    }
    Ok(if verified.ok() { Status::Done } else { Status::NotProved })
}

fn text(folder: &Path, count: usize, verified: &Verified) -> String {
    let mut out = String::new();
    for d in &verified.damage {
        let place = d.field.as_ref().map_or_else(|| d.path.clone(), |field| format!("{}, {field}", d.path));
        let place = if place.is_empty() { "the package".to_string() } else { place };
        let _ = writeln!(out, "damaged: {place}: {}", d.what);
    }
    if verified.follows > 0 {
        let _ = writeln!(out, "{} other files do not fit what is damaged", verified.follows);
    }
    if let (Some(why), false) = (&verified.not_made, verified.damage.is_empty()) {
        let _ = writeln!(out, "it was not proved again: {why}");
    }
    if verified.other_sources && !verified.damage.is_empty() {
        let _ = writeln!(
            out,
            "other sources of this tool made the package: verify it with those before it is called damaged"
        );
    }
    if let (Some(state), true) = (&verified.state, verified.damage.is_empty()) {
        let _ = writeln!(
            out,
            "{}: {count} files are whole; made again from proofs from scratch, they are the same",
            folder.display()
        );
        let _ = writeln!(out, "{}", state.headline);
        for reason in &state.reasons {
            let _ = writeln!(out, "  open: {reason}");
        }
    }
    out
}
