//! `synth refine`: proves that one module refines another.
//!
//! The proof starts from a witness, such as `synth optimize --witness` writes. Without one, only functions without joins and loops, or
//! with the same bytes, or that nothing calls, can be proved.

use super::diagnostic::Diagnostic;
use super::proof::LimitArgs;
use super::{Format, JSON_SCHEMA, Status, input, output, table};
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::sha256;
use synth_validator::claim::Rounds;
use synth_validator::prove_all::{Timed, prove_all, with_deep_stack};
use synth_validator::validate::module::ModuleSession;
use synth_validator::validate::{FunctionReport, Verdict};

/// Arguments of `synth refine`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    before: PathBuf,
    /// Module that is to refine it
    after: PathBuf,
    /// What the proof starts from
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
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
    before: &'a Path,
    after: &'a Path,
    before_sha256: String,
    after_sha256: String,
    declarations: &'a Verdict,
    /// By round.
    functions: Vec<Vec<&'a FunctionReport>>,
}

/// Runs the command.
///
/// # Errors
/// Bad input.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let (before, after) = (input::module(&args.before)?, input::module(&args.after)?);
    let unaided = ModuleSession::unaided(&before.bytes, &after.bytes);
    let unaided = unaided.map_err(|e| Diagnostic::new(e).file(&args.after))?;
    let rounds = match &args.witness {
        None => unaided,
        Some(file) => match Rounds::decode(&input::read(file)?) {
            Err(e) => return Err(Diagnostic::new(e).file(file)),
            // A witness of no round says that the modules are the same, which is proved as any other pair is.
            Ok(rounds) if rounds.0.is_empty() && before.bytes == after.bytes => unaided,
            Ok(rounds) => rounds,
        },
    };
    if rounds.0.last().map_or(&before.bytes, |r| &r.module) != &after.bytes {
        let mut other = Diagnostic::new("the witness is about another module").file(&args.after);
        other.exit_code = 1;
        return Err(other);
    }
    let mut declarations = Verdict::Proved;
    let mut reports: Vec<Vec<Timed>> = Vec::new();
    let mut from = &before.bytes;
    for round in &rounds.0 {
        let (declared, proved) = with_deep_stack(|| {
            let session = ModuleSession::new(from, &round.module, round.claim.clone(), args.limits.limits());
            let session = session.map_err(|e| Diagnostic::input(&e, &args.before, from, &args.after))?;
            Ok::<_, Diagnostic>((session.declarations(), prove_all(&session, args.limits.threads(), &|_| {})))
        })?;
        if declared != Verdict::Proved {
            declarations = declared;
        }
        reports.push(proved);
        from = &round.module;
    }
    let open: Vec<&FunctionReport> =
        reports.iter().flatten().map(|t| &t.report).filter(|r| r.verdict != Verdict::Proved).collect();
    let proved = declarations == Verdict::Proved && open.is_empty();
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "refine",
            before: &args.before,
            after: &args.after,
            before_sha256: sha256(&before.bytes),
            after_sha256: sha256(&after.bytes),
            declarations: &declarations,
            functions: reports.iter().map(|r| r.iter().map(|t| &t.report).collect()).collect(),
        }),
        Format::Text => {
            for report in &open {
                let (verdict, name) = (&report.verdict, table::tidy(&report.name));
                output::print(&format!("{}  {name}  {}: {}\n", report.index, verdict.name(), verdict.detail()));
            }
            let all: usize = reports.iter().map(Vec::len).sum();
            output::print(&format!(
                "declarations {}; {} of {all} function proofs in {} rounds\n",
                declarations.name(),
                all - open.len(),
                reports.len(),
            ));
            output::print(&table::assumptions(reports.iter().flatten().map(|t| &t.report)));
        }
    }
    Ok(if proved { Status::Done } else { Status::NotProved })
}
