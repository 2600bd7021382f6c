//! What `synth-check` is told about foreign solvers, and what it prints of them.

use super::solver::{AskError, Foreign, LIMIT_SECONDS, Plan, Tally, ask_all};
use crate::certificate::{Certificate, read_claim};
use crate::check_command::printable;
use crate::ladder::Rung;
use crate::prove_all::with_deep_stack;
use crate::validate::Session;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The flags.
pub const USAGE: &str = "[--solver NAME[=PROGRAM]]… [--solver-limit SECONDS] [--path-rung] [--keep DIR]
  --solver NAME[=PROGRAM]  give every obligation beyond the rung path to z3, cvc5 or bitwuzla as well (repeatable)
  --solver-limit SECONDS   time of a solver for one obligation [default: 10]
  --path-rung              give solvers the obligations of the rung path, too
  --keep DIR               write obligations on which a solver disagrees or fails to this folder";

/// Flags that say nothing without a solver.
const SOLVER_FLAGS: [&str; 3] = ["--solver-limit", "--path-rung", "--keep"];

/// Which solvers are asked, and how. By default none.
#[derive(Clone, Debug)]
pub struct Asking {
    solvers: Vec<Foreign>,
    limit: u32,
    least: Rung,
    keep: Option<PathBuf>,
}

impl Asking {
    /// Reads arguments. Result: those that are no flags, and what the flags say.
    ///
    /// # Errors
    /// A flag that does not exist, or that says nothing.
    pub fn parse(args: &[OsString]) -> Result<(Vec<PathBuf>, Asking), String> {
        let (mut files, mut args) = (Vec::new(), args.iter());
        let mut asking = Asking { solvers: Vec::new(), limit: LIMIT_SECONDS, least: Rung::Egraph, keep: None };
        let mut about_solvers = None;
        while let Some(arg) = args.next() {
            about_solvers = about_solvers.or(SOLVER_FLAGS.into_iter().find(|flag| arg.to_str() == Some(flag)));
            let mut value = || args.next().ok_or_else(|| format!("{} needs a value", arg.to_string_lossy()));
            match arg.to_str() {
                Some("--solver") => asking.solvers.push(value()?.to_string_lossy().parse()?),
                Some("--solver-limit") => {
                    let text = value()?.to_string_lossy();
                    let seconds = text.parse().ok().filter(|s| (1..=86_400).contains(s));
                    asking.limit = seconds.ok_or(format!("{text:?} is no number of seconds from 1 to 86400"))?;
                }
                Some("--path-rung") => asking.least = Rung::Path,
                Some("--keep") => asking.keep = Some(PathBuf::from(value()?)),
                Some(flag) if flag.starts_with("--") => return Err(format!("{flag} is no flag")),
                _ => files.push(PathBuf::from(arg)),
            }
        }
        match about_solvers.filter(|_| asking.solvers.is_empty()) {
            Some(flag) => Err(format!("{flag} is about solvers, and there is no --solver")),
            None => Ok((files, asking)),
        }
    }

    /// Looks for all solvers.
    ///
    /// # Errors
    /// The first that is missing, and how to install it.
    pub fn find(&self) -> Result<(), String> {
        self.solvers.iter().try_for_each(Foreign::find)
    }

    /// Asks about the obligations of a certificate that was checked, and prints counts. Result: the exit code.
    pub fn run(
        &self,
        folder: &Path,
        certificate: &Certificate,
        files: (&[u8], &[u8]),
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> u8 {
        if self.solvers.is_empty() {
            return 0;
        }
        match self.ask(folder, certificate, files) {
            Ok(tallies) => {
                tallies.iter().for_each(|tally| {
                    let _ = writeln!(out, "{tally}");
                });
                if tallies.iter().any(|tally| tally.asked == 0) {
                    let _ = writeln!(out, "no obligation lies beyond the rung path; --path-rung asks about that one");
                }
                u8::from(!tallies.iter().all(Tally::is_agreement))
            }
            Err(why) => {
                let _ = writeln!(err, "error: {}", printable(&why.to_string()));
                if matches!(why, AskError::NotAttempted(..) | AskError::Missed(..) | AskError::Keep(..)) {
                    1
                } else {
                    2
                }
            }
        }
    }

    fn ask(
        &self,
        folder: &Path,
        proved: &Certificate,
        (module, object): (&[u8], &[u8]),
    ) -> Result<Vec<Tally>, AskError> {
        let claim = read_claim(folder).map_err(|damage| AskError::Changed(damage.to_string()))?;
        let limit = Duration::from_secs(self.limit.into());
        let plan = Plan { solvers: &self.solvers, least: self.least, limit, keep: self.keep.as_deref() };
        with_deep_stack(|| {
            let session = Session::new(module, object, Some(claim), proved.limits);
            let tallies = ask_all(&session.map_err(|e| AskError::Changed(e.to_string()))?, &plan, &|_| {})?;
            let asked = Rung::ALL.iter().filter(|rung| **rung >= self.least);
            let counted = asked.filter_map(|rung| proved.totals.rungs.get(rung.name())).sum();
            match tallies.iter().find(|tally| tally.counted != counted) {
                Some(tally) => Err(AskError::Missed(tally.counted, counted)),
                None => Ok(tallies),
            }
        })
    }
}
