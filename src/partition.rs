//! Proofs of one object divided among runs: which run proves which function, what it writes, and how that is joined.
//!
//! Run K of N proves the functions whose number, a hash of module, index and name, leaves K - 1 modulo N, and the initial image. It
//! writes no certificate but a [`Share`]: a file of another name and form, which says what it is a share of and lists all functions that
//! the object has to have proved. All N shares of one object join to the certificate that one run would write, byte for byte. Shares are
//! believed as little as certificates are: `synth-check` proves everything once more.

use crate::proof_cache::Prover;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use synth_validator::certificate::{CLAIM_FILE, Certificate, FunctionEntry, SHARE_FILE, Totals, sha256};
use synth_validator::claim::Claim;
use synth_validator::ladder::Rung;

/// Version of a share's form. Rises with every change of a field's name or meaning.
const SCHEMA: u32 = 2;
/// Runs among which a proof may be divided.
const RUNS_MAX: u32 = 65_536;

/// Run `number` of `of`, as text `hash:2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From 1.
    number: u32,
    of: u32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hash:{}/{}", self.number, self.of)
    }
}

impl FromStr for Partition {
    type Err = String;
    fn from_str(text: &str) -> Result<Partition, String> {
        let numbers = text.strip_prefix("hash:").and_then(|t| t.split_once('/'));
        let number = |t: &str| t.parse().ok().filter(|n: &u32| n.to_string() == t);
        match numbers.map(|(number_text, of)| (number(number_text), number(of))) {
            Some((Some(number), Some(of))) if (1..=of).contains(&number) && of <= RUNS_MAX => {
                Ok(Partition { number, of })
            }
            _ => Err(format!("{text:?} is not hash:K/N with 1 <= K <= N <= {RUNS_MAX}")),
        }
    }
}

impl Partition {
    /// Whether a function is in this share. `module_sha256` is that of the module in binary form, as in certificates.
    pub fn has(&self, module_sha256: &str, index: u32, name: &str) -> bool {
        let digest = Sha256::digest(format!("{module_sha256} {index} {name}"));
        let first = digest.iter().take(8).fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
        first % u64::from(self.of) == u64::from(self.number - 1)
    }
}

/// What one run found: verdicts on its functions, and on the initial image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Version of the form: 2.
    pub schema: u32,
    /// Who proved: shares of other provers are shares of other proofs.
    pub prover: Prover,
    /// Which share it is: `hash:2/4`.
    pub partition: String,
    /// Indices of all functions of the undivided proof, ascending.
    pub all_functions: Vec<u32>,
    /// What an undivided run would write if there were no other functions.
    pub verdicts: Certificate,
}

impl Share {
    /// The share of a partition.
    pub fn new(partition: Partition, all_functions: Vec<u32>, verdicts: Certificate) -> Share {
        Share { schema: SCHEMA, prover: Prover::this(), partition: partition.to_string(), all_functions, verdicts }
    }
    /// The text of its file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("invariant: serialization to memory does not fail");
        text.push('\n');
        text
    }
}

/// Why shares are not joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeError {
    /// A file cannot be read, or is not what it should be.
    Damaged(PathBuf, String),
    /// A share is there twice.
    Double(Partition, [PathBuf; 2]),
    /// Shares are not there.
    Missing(Vec<Partition>),
    /// A share is about something else than the first one; the field in which they differ.
    Foreign(PathBuf, &'static str),
    /// A share contradicts itself or the first one.
    Contradicting(PathBuf, String),
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::Damaged(path, why) => write!(f, "{}: {why}", path.display()),
            MergeError::Double(partition, [a, b]) => {
                write!(f, "{partition} is there twice: in {} and in {}", a.display(), b.display())
            }
            MergeError::Missing(which) => {
                let which: Vec<String> = which.iter().map(Partition::to_string).collect();
                write!(f, "not all shares are there, missing: {}", which.join(", "))
            }
            MergeError::Foreign(path, field) => {
                write!(f, "{} is a share of something else: it differs from the first in {field}", path.display())
            }
            MergeError::Contradicting(path, why) => {
                write!(f, "{} contradicts the others or itself: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for MergeError {}

/// A share as it was read.
struct Read {
    folder: PathBuf,
    partition: Partition,
    share: Share,
    claim: Vec<u8>,
}

fn read(folder: &Path) -> Result<Read, MergeError> {
    let damaged = |file: &str, why: String| MergeError::Damaged(folder.join(file), why);
    let bytes = |file: &str| std::fs::read(folder.join(file)).map_err(|e| damaged(file, e.to_string()));
    let text = String::from_utf8(bytes(SHARE_FILE)?).map_err(|e| damaged(SHARE_FILE, format!("is no text: {e}")))?;
    let share: Share = serde_json::from_str(&text).map_err(|e| damaged(SHARE_FILE, format!("is no share: {e}")))?;
    if share.schema != SCHEMA {
        return Err(damaged(SHARE_FILE, format!("has schema {}, this tool reads {SCHEMA}", share.schema)));
    }
    if share.to_json() != text {
        return Err(damaged(SHARE_FILE, "is not in canonical form".to_string()));
    }
    let partition = share.partition.parse().map_err(|e| damaged(SHARE_FILE, e))?;
    let claim = bytes(CLAIM_FILE)?;
    let (found, wanted) = (sha256(&claim), &share.verdicts.claim_sha256);
    if found != *wanted {
        return Err(damaged(CLAIM_FILE, format!("has SHA-256 {found}, but the share is about {wanted}")));
    }
    Ok(Read { folder: folder.to_path_buf(), partition, share, claim })
}

impl Read {
    /// Whether it is about the same proof as the first one.
    fn belongs(&self, first: &Read) -> Result<(), MergeError> {
        let (a, b) = (&first.share.verdicts, &self.share.verdicts);
        let same = [
            ("module_sha256", a.module_sha256 == b.module_sha256),
            ("object_sha256", a.object_sha256 == b.object_sha256),
            ("claim_sha256", a.claim_sha256 == b.claim_sha256),
            ("tool", a.tool == b.tool && a.schema == b.schema),
            ("validator_sha256", first.share.prover.validator_sha256 == self.share.prover.validator_sha256),
            ("solver", first.share.prover.solver == self.share.prover.solver),
            ("contract", a.contract == b.contract),
            ("limits", a.limits == b.limits),
            ("partition: the number of shares", first.partition.of == self.partition.of),
        ];
        if let Some((field, _)) = same.iter().find(|(_, same)| !same) {
            return Err(MergeError::Foreign(self.folder.clone(), field));
        }
        let contradicts = |why: String| Err(MergeError::Contradicting(self.folder.clone(), why));
        if a.image != b.image {
            return contradicts(format!(
                "its verdict on the initial image is {}, the first one's {}",
                b.image.verdict, a.image.verdict
            ));
        }
        if first.share.all_functions != self.share.all_functions {
            return contradicts("all_functions are not those of the first one".to_string());
        }
        Ok(())
    }
    /// Whether it lists the functions that it has to, each once, and adds up.
    fn is_whole(&self) -> Result<(), MergeError> {
        let verdicts = &self.share.verdicts;
        let contradicts = |why: String| Err(MergeError::Contradicting(self.folder.clone(), why));
        if !verdicts.functions.is_sorted_by(|a, b| a.index < b.index)
            || !self.share.all_functions.is_sorted_by(|a, b| a < b)
        {
            return contradicts("its functions are not in order, each once".to_string());
        }
        for f in &verdicts.functions {
            if !self.partition.has(&verdicts.module_sha256, f.index, &f.name)
                || !self.share.all_functions.contains(&f.index)
            {
                return contradicts(format!("function {} ({}) is not one of {}", f.index, f.name, self.partition));
            }
        }
        let known: BTreeSet<&str> = Rung::ALL.iter().map(|rung| rung.name()).collect();
        let mut links = verdicts.functions.iter().flat_map(|f| &f.links);
        if links.any(|link| !link.rungs.keys().map(String::as_str).eq(known.iter().copied())) {
            return contradicts("a link's obligations are not counted by rung".to_string());
        }
        let rests = |f: &FunctionEntry| !f.links.is_empty() && f.links.iter().all(|link| link.said.is_proved());
        if let Some(f) = verdicts.functions.iter().find(|f| f.said.is_proved() && !rests(f)) {
            return contradicts(format!("function {} ({}) is proved and its links are not", f.index, f.name));
        }
        if verdicts.totals != Totals::of(&verdicts.functions) {
            return contradicts("its totals are not the sums of its functions".to_string());
        }
        Ok(())
    }
}

/// Joins the shares in folders. Result: the certificate of the undivided proof, and the claim.
///
/// # Errors
/// Why that cannot be done, with the folder.
pub fn merge(folders: &[PathBuf]) -> Result<(Certificate, Claim), MergeError> {
    let shares = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = shares.first() else {
        return Err(MergeError::Missing(vec![]));
    };
    let mut found: BTreeMap<u32, &Read> = BTreeMap::new();
    for share in &shares {
        share.belongs(first)?;
        share.is_whole()?;
        if let Some(other) = found.insert(share.partition.number, share) {
            return Err(MergeError::Double(share.partition, [other.folder.clone(), share.folder.clone()]));
        }
    }
    let of = first.partition.of;
    let missing = (1..=of).filter(|number| !found.contains_key(number)).map(|number| Partition { number, of });
    let missing: Vec<Partition> = missing.collect();
    if !missing.is_empty() {
        return Err(MergeError::Missing(missing));
    }
    let mut functions: Vec<_> = found.values().flat_map(|s| &s.share.verdicts.functions).cloned().collect();
    functions.sort_by_key(|f| f.index);
    if let Some(index) = first.share.all_functions.iter().find(|i| functions.iter().all(|f| f.index != **i)) {
        let why = format!("function {index} is in none of the shares");
        return Err(MergeError::Contradicting(first.folder.clone(), why));
    }
    if !functions.iter().map(|f| f.index).eq(first.share.all_functions.iter().copied()) {
        let why = "the shares do not have each function once".to_string();
        return Err(MergeError::Contradicting(first.folder.clone(), why));
    }
    let claim = Claim::decode(&first.claim).map_err(|e| MergeError::Damaged(first.folder.join(CLAIM_FILE), e))?;
    let totals = Totals::of(&functions);
    Ok((Certificate { functions, totals, ..first.share.verdicts.clone() }, claim))
}
