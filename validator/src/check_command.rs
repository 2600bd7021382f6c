//! `synth-check DIR in.wasm out.o`: does a certificate's proofs again, without the compiler, and gives their obligations to foreign
//! solvers if told to.
//!
//! Exit code 0: all digests agree, everything is proved from scratch, the certificate says exactly that, and every solver agrees on
//! all obligations that it could answer; 1: damaged, not proved, or a solver disagreed or failed; 2: usage, files that cannot be
//! read, a solver that is missing.

use crate::certificate::{Certificate, check, read_claim};
use crate::evidence::solver::{AskError, Foreign, LIMIT_SECONDS, Plan, Tally, ask_all};
use crate::ladder::Rung;
use crate::prove_all::with_deep_stack;
use crate::validate::Session;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const USAGE: &str = "usage: synth-check DIR in.wasm out.o [--solver NAME[=PROGRAM]]… [--solver-limit SECONDS] [--path-rung] [--keep DIR]
  --solver NAME[=PROGRAM]  give every obligation beyond the rung path to z3, cvc5 or bitwuzla as well (repeatable)
  --solver-limit SECONDS   time of a solver for one obligation [default: 10]
  --path-rung              give solvers the obligations of the rung path, too
  --keep DIR               write obligations on which a solver disagrees or fails to this folder";

struct Arguments {
    folder: PathBuf,
    module: PathBuf,
    object: PathBuf,
    solvers: Vec<Foreign>,
    limit: u32,
    least: Rung,
    keep: Option<PathBuf>,
}

fn parse(args: &[OsString]) -> Result<Arguments, String> {
    let (mut files, mut args) = (Vec::new(), args.iter());
    let (mut solvers, mut limit, mut least, mut keep) = (Vec::new(), LIMIT_SECONDS, Rung::Egraph, None);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{} needs a value", arg.to_string_lossy()));
        match arg.to_str() {
            Some("--solver") => solvers.push(value()?.to_string_lossy().parse()?),
            Some("--solver-limit") => {
                let text = value()?.to_string_lossy();
                limit = text
                    .parse()
                    .ok()
                    .filter(|s| (1..=86_400).contains(s))
                    .ok_or(format!("{text:?} is no number of seconds from 1 to 86400"))?;
            }
            Some("--path-rung") => least = Rung::Path,
            Some("--keep") => keep = Some(PathBuf::from(value()?)),
            Some(flag) if flag.starts_with("--") => return Err(format!("{flag} is no flag")),
            _ => files.push(PathBuf::from(arg)),
        }
    }
    if solvers.is_empty() && (keep.is_some() || least == Rung::Path) {
        return Err("--path-rung and --keep are about solvers, and there is no --solver".to_string());
    }
    match <[PathBuf; 3]>::try_from(files) {
        Ok([folder, module, object]) => Ok(Arguments { folder, module, object, solvers, limit, least, keep }),
        Err(files) => Err(format!("a folder, a module and an object are expected, not {} files", files.len())),
    }
}

fn read_module(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path)?;
    match bytes.starts_with(b"\0asm") {
        true => Ok(bytes),
        false => wat::parse_bytes(&bytes).map(|b| b.into_owned()).map_err(|e| format!("the module is refused: {e}")),
    }
}
fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// Runs the command. Result: the exit code. A stream that is closed is no failure.
pub fn run(args: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let args = match parse(args) {
        Ok(args) => args,
        Err(why) => {
            let _ = writeln!(err, "error: {why}\n{USAGE}");
            return 2;
        }
    };
    let missing = args.solvers.iter().find_map(|s| s.find().err());
    let files = read_module(&args.module).and_then(|module| Ok((module, read(&args.object)?)));
    let (module, object) = match (files, missing) {
        (Ok(files), None) => files,
        (Err(e), _) | (_, Some(e)) => {
            let _ = writeln!(err, "error: {e}");
            return 2;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let certificate = match check(&args.folder, &module, &object, threads, &|_| {}) {
        Ok(certificate) => certificate,
        Err(damage) => {
            let _ = writeln!(err, "error: the certificate does not hold: {damage}");
            return 1;
        }
    };
    let totals = &certificate.totals;
    let _ =
        writeln!(out, "{} functions and the image: Proved again, {} obligations", totals.functions, totals.obligations);
    let _ = writeln!(out, "assumptions: {}", totals.assumptions.join(", "));
    if args.solvers.is_empty() {
        return 0;
    }
    match ask(&args, &certificate, &module, &object) {
        Ok(tallies) => {
            tallies.iter().for_each(|tally| {
                let _ = writeln!(out, "{tally}");
            });
            u8::from(!tallies.iter().all(Tally::is_agreement))
        }
        Err(why) => {
            let _ = writeln!(err, "error: {why}");
            if matches!(why, AskError::NotAttempted(..)) { 1 } else { 2 }
        }
    }
}

fn ask(args: &Arguments, proved: &Certificate, module: &[u8], object: &[u8]) -> Result<Vec<Tally>, AskError> {
    let claim = read_claim(&args.folder).map_err(|damage| AskError::Changed(damage.to_string()))?;
    let plan = Plan {
        solvers: &args.solvers,
        least: args.least,
        limit: Duration::from_secs(args.limit.into()),
        keep: args.keep.as_deref(),
    };
    with_deep_stack(|| {
        let session = Session::new(module, object, Some(claim), proved.limits);
        ask_all(&session.map_err(|e| AskError::Changed(e.to_string()))?, &plan, &|_| {})
    })
}
