//! What differs from run to run, `run.json`: times, threads, host, the command line word for word. The one file of a package that is no
//! function of its roots. It carries a digest of its own contents, so that damage shows.

use super::build_record::deciding;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use synth_validator::certificate::sha256;

/// The file's name.
pub const FILE: &str = "run.json";

/// Time of a function's proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofTime {
    /// Function index (imports first).
    pub function: u32,
    /// Wall-clock microseconds.
    pub microseconds: u64,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// `run`.
    pub kind: String,
    /// When the package was made: seconds since 1970-01-01 00:00 UTC.
    pub unix_seconds: u64,
    /// Wall-clock microseconds from the start of the command to the package.
    pub microseconds: u64,
    /// Times of the proofs, ascending by function.
    pub proofs: Vec<ProofTime>,
    /// Threads that proved.
    pub threads: usize,
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// The command line word for word.
    pub command: Vec<String>,
    /// SHA-256 of this file's text with this field empty.
    pub sha256: String,
}

impl Run {
    /// The record of this run. `started`: when the command began; `proofs`: index and time of each function.
    pub fn new(
        started: SystemTime,
        threads: usize,
        proofs: impl Iterator<Item = (u32, Duration)>,
        command: Vec<String>,
    ) -> Run {
        let since = |from: SystemTime| SystemTime::now().duration_since(from).unwrap_or_default();
        let time = |(function, time): (u32, Duration)| ProofTime { function, microseconds: time.as_micros() as u64 };
        let run = Run {
            schema: super::SCHEMA.to_string(),
            kind: "run".to_string(),
            unix_seconds: since(UNIX_EPOCH).as_secs(),
            microseconds: since(started).as_micros() as u64,
            proofs: proofs.map(time).collect(),
            threads,
            os: std::env::consts::OS.to_string(),
            arch: std::env::consts::ARCH.to_string(),
            command,
            sha256: String::new(),
        };
        Run { sha256: run.digest(), ..run }
    }

    fn digest(&self) -> String {
        let bare = Run { sha256: String::new(), ..self.clone() };
        sha256(super::json(&bare).as_bytes())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// How it is damaged, with the field if it can be told.
    pub fn read(bytes: &[u8]) -> Result<Run, String> {
        let run: Run = serde_json::from_slice(bytes).map_err(|e| format!("is no record of a run: {e}"))?;
        let digest = run.digest();
        if digest != run.sha256 {
            return Err(format!("sha256: says {}, but its contents have {digest}", run.sha256));
        }
        match super::json(&run).as_bytes() == bytes {
            true => Ok(run),
            false => Err("is not in canonical form".to_string()),
        }
    }
}

/// The command line of this process, word for word, and what of it decides verdicts.
pub fn command_lines() -> (Vec<String>, Vec<String>) {
    let exact: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let deciding = deciding(&exact);
    (exact, deciding)
}
