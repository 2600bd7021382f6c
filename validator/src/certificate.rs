//! Certificates: what was proved about which bytes, on disk, so that another tool can do it again.
//!
//! A certificate is a folder with two files: [`CERTIFICATE_FILE`], verdicts and digests for people and machines, and
//! [`CLAIM_FILE`], the claim from which the proofs start. Neither is believed: [`check`] reads both again, compares
//! digests, proves every function from scratch and demands the same certificate, byte for byte.
//!
//! Requirement TOR-CERT-DIGESTS: A certificate shall bind its verdicts to SHA-256 digests of module, object and claim.
//!
//! Requirement TOR-CERT-DAMAGE: A certificate that was changed in any byte or field shall be refused with the file or field that is
//! wrong, also where digests were made to fit.
//!
//! Requirement TOR-CERT-REPROVED: A certificate shall hold only if every function and the image are proved anew and the certificate
//! says exactly what was found.

use crate::claim::Claim;
use crate::contract::Contract;
use crate::ladder::{Limits, Rung};
use crate::prove_all::{Timed, prove_all};
use crate::refinement::Effort;
use crate::validate::{FunctionReport, Session, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::path::Path;

/// Version of the certificate's form. Rises with every change of a field's name or meaning.
pub const SCHEMA: u32 = 1;
/// The file with verdicts and digests.
pub const CERTIFICATE_FILE: &str = "certificate.json";
/// The file with verdicts on a share of the functions, in place of [`CERTIFICATE_FILE`]. No check takes it for a certificate.
pub const SHARE_FILE: &str = "share.json";
/// The file with the claim.
pub const CLAIM_FILE: &str = "claim.bin";

/// A verdict as a certificate says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The verdict's name.
    pub verdict: String,
    /// What is said beside it; empty if proved.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl From<&Verdict> for Said {
    fn from(verdict: &Verdict) -> Said {
        Said { verdict: verdict.name().to_string(), detail: verdict.detail().to_string() }
    }
}

impl Said {
    /// Whether it is `Proved`.
    pub fn is_proved(&self) -> bool {
        self.verdict == Verdict::Proved.name()
    }
}

/// The verdict on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEntry {
    /// Pass that made the right side; `machine` for the final link.
    pub name: String,
    /// The verdict.
    #[serde(flatten)]
    pub said: Said,
    /// Cut points, the entry included.
    pub cuts: u32,
    /// Paths of the right side.
    pub paths: u32,
    /// Obligations by the rung that closed them.
    pub rungs: BTreeMap<String, u32>,
}

/// The verdict on a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionEntry {
    /// Function index (imports first).
    pub index: u32,
    /// Name for people.
    pub name: String,
    /// Offset of its first byte in its section; absent if the object does not define it.
    pub start: Option<u32>,
    /// Offset past its last byte.
    pub end: Option<u32>,
    /// SHA-256 of its bytes, before relocation.
    pub code_sha256: Option<String>,
    /// The verdict.
    #[serde(flatten)]
    pub said: Said,
    /// Links in order.
    pub links: Vec<LinkEntry>,
    /// Assumptions on which it rests, by name.
    pub assumptions: Vec<String>,
    /// Entry states from which module and code were executed, and agreed, before the proof.
    pub agreed_runs: u32,
}

/// Sums over the functions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Functions.
    pub functions: u32,
    /// Functions proved.
    pub proved: u32,
    /// Obligations.
    pub obligations: u32,
    /// Obligations by the rung that closed them.
    pub rungs: BTreeMap<String, u32>,
    /// Cut points.
    pub cuts: u32,
    /// All assumptions, by name.
    pub assumptions: Vec<String>,
}

impl Totals {
    /// Sums over the links that certificates list.
    pub fn of(functions: &[FunctionEntry]) -> Totals {
        let links = || functions.iter().flat_map(|f| &f.links);
        let closed = |rung: &Rung| links().filter_map(|l| l.rungs.get(rung.name())).sum();
        let rungs: BTreeMap<String, u32> = Rung::ALL.iter().map(|r| (r.name().to_string(), closed(r))).collect();
        let assumptions: BTreeSet<&String> = functions.iter().flat_map(|f| &f.assumptions).collect();
        Totals {
            functions: functions.len() as u32,
            proved: functions.iter().filter(|f| f.said.is_proved()).count() as u32,
            obligations: rungs.values().sum(),
            rungs,
            cuts: links().map(|l| l.cuts).sum(),
            assumptions: assumptions.into_iter().cloned().collect(),
        }
    }
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Name and version of the validator.
    pub tool: String,
    /// SHA-256 of the module in binary form.
    pub module_sha256: String,
    /// SHA-256 of the object file.
    pub object_sha256: String,
    /// SHA-256 of the claim.
    pub claim_sha256: String,
    /// Contract.
    pub contract: Contract,
    /// Limits under which the proofs ran.
    pub limits: Limits,
    /// Verdict on the initial image, the exports and the start-up function.
    pub image: Said,
    /// Functions, ascending by index.
    pub functions: Vec<FunctionEntry>,
    /// Sums.
    pub totals: Totals,
}

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn rungs(effort: &Effort) -> BTreeMap<String, u32> {
    Rung::ALL.iter().zip(effort.rungs).map(|(rung, n)| (rung.name().to_string(), n)).collect()
}

fn function_entry(session: &Session<'_>, report: &FunctionReport) -> FunctionEntry {
    let object = session.object();
    let bytes = object.functions.get(&report.index).map(|f| f.bytes.as_slice());
    let start = object.places.get(&report.index).map(|(_, offset)| *offset);
    let link = |l: &crate::validate::LinkReport| LinkEntry {
        name: l.name.clone(),
        said: (&l.verdict).into(),
        cuts: l.effort.cuts,
        paths: l.effort.paths,
        rungs: rungs(&l.effort),
    };
    FunctionEntry {
        index: report.index,
        name: report.name.clone(),
        start,
        end: start.zip(bytes).map(|(start, bytes)| start.saturating_add(bytes.len() as u32)),
        code_sha256: bytes.map(sha256),
        said: (&report.verdict).into(),
        links: report.links.iter().map(link).collect(),
        assumptions: report.assumptions.clone(),
        agreed_runs: report.agreed_runs,
    }
}

impl Certificate {
    /// States what a session's proofs showed. `module` and `object` are the bytes that the session was made from.
    pub fn new(
        session: &Session<'_>,
        module: &[u8],
        object: &[u8],
        limits: Limits,
        image: &Verdict,
        reports: &[Timed],
    ) -> Certificate {
        let functions: Vec<FunctionEntry> = reports.iter().map(|t| function_entry(session, &t.report)).collect();
        Certificate {
            schema: SCHEMA,
            tool: format!("synth-validator {}", env!("CARGO_PKG_VERSION")),
            module_sha256: sha256(module),
            object_sha256: sha256(object),
            claim_sha256: sha256(&session.claim().encode()),
            contract: session.contract().clone(),
            limits,
            image: image.into(),
            totals: Totals::of(&functions),
            functions,
        }
    }

    /// Whether the image and all functions are proved.
    pub fn is_proved(&self) -> bool {
        self.image.is_proved() && self.functions.iter().all(|f| f.said.is_proved())
    }

    /// The text of [`CERTIFICATE_FILE`].
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("invariant: serialization to memory does not fail");
        text.push('\n');
        text
    }

    /// Writes the folder, which is made if there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path, claim: &Claim) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(CLAIM_FILE), claim.encode())?;
        std::fs::write(folder.join(CERTIFICATE_FILE), self.to_json())
    }
}

/// A certificate that holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The certificate.
    pub certificate: Certificate,
    /// Names of functions of the module of which it says nothing, see [`Session::left_out`].
    pub left_out: Vec<String>,
}

/// Why a certificate does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File or field.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Damage {}

fn damage(place: impl Into<String>, message: impl Into<String>) -> Damage {
    Damage { place: place.into(), message: message.into() }
}

/// The first difference between what a certificate says and what it should say, as a path of fields.
pub fn first_difference(path: &str, said: &serde_json::Value, found: &serde_json::Value) -> Option<Damage> {
    use serde_json::Value::{Array, Object};
    match (said, found) {
        (Object(a), Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| {
                let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => first_difference(&place, a, b),
                    (a, _) => Some(damage(place, if a.is_some() { "does not belong here" } else { "is missing" })),
                }
            })
        }
        (Array(a), Array(b)) => {
            let pairs = a.iter().zip(b).enumerate();
            let inside = pairs.filter_map(|(i, (a, b))| first_difference(&format!("{path}[{i}]"), a, b)).next();
            let lengths = || damage(path, format!("has {} entries, not {}", a.len(), b.len()));
            inside.or_else(|| (a.len() != b.len()).then(lengths))
        }
        _ => (said != found).then(|| damage(path, format!("says {said}, but {found} is found"))),
    }
}

/// Compares the text of a stored certificate with one made anew.
///
/// # Errors
/// The first difference.
pub fn compare(stored: &str, anew: &Certificate) -> Result<(), Damage> {
    let said: serde_json::Value =
        serde_json::from_str(stored).map_err(|e| damage(CERTIFICATE_FILE, format!("is no JSON: {e}")))?;
    let found = serde_json::to_value(anew).expect("invariant: serialization to memory does not fail");
    if let Some(difference) = first_difference("", &said, &found) {
        return Err(Damage { place: format!("{CERTIFICATE_FILE}, {}", difference.place), ..difference });
    }
    match stored == anew.to_json() {
        true => Ok(()),
        false => Err(damage(CERTIFICATE_FILE, "is not in canonical form")),
    }
}

/// Reads the claim of a certificate's folder.
///
/// # Errors
/// What cannot be read, with the file.
pub fn read_claim(folder: &Path) -> Result<Claim, Damage> {
    let bytes = std::fs::read(folder.join(CLAIM_FILE)).map_err(|e| damage(CLAIM_FILE, e.to_string()))?;
    Claim::decode(&bytes).map_err(|e| damage(CLAIM_FILE, e))
}

/// Checks a certificate's folder against a module in binary form and an object: digests, then every proof from
/// scratch, then that both certificates are equal. `done` is called after each function.
///
/// # Errors
/// The first damage, or the first verdict that is not `Proved`.
pub fn check(
    folder: &Path,
    module: &[u8],
    object: &[u8],
    threads: usize,
    done: &(dyn Fn(&Timed) + Sync),
) -> Result<Held, Damage> {
    let (file, share) = (folder.join(CERTIFICATE_FILE), folder.join(SHARE_FILE));
    if share.exists() && !file.exists() {
        return Err(damage(
            SHARE_FILE,
            "is about a share of the functions and no certificate; `synth report merge` joins shares",
        ));
    }
    let stored = std::fs::read(file).map_err(|e| damage(CERTIFICATE_FILE, e.to_string()))?;
    let stored = String::from_utf8(stored).map_err(|e| damage(CERTIFICATE_FILE, format!("is no text: {e}")))?;
    let said: Certificate =
        serde_json::from_str(&stored).map_err(|e| damage(CERTIFICATE_FILE, format!("is no certificate: {e}")))?;
    if said.schema != SCHEMA {
        return Err(damage(CERTIFICATE_FILE, format!("has schema {}, this tool reads {SCHEMA}", said.schema)));
    }
    let claim_bytes = std::fs::read(folder.join(CLAIM_FILE)).map_err(|e| damage(CLAIM_FILE, e.to_string()))?;
    for (place, bytes, wanted) in [
        ("the module", module, &said.module_sha256),
        ("the object", object, &said.object_sha256),
        (CLAIM_FILE, &claim_bytes, &said.claim_sha256),
    ] {
        let found = sha256(bytes);
        if found != *wanted {
            return Err(damage(place, format!("has SHA-256 {found}, but the certificate is about {wanted}")));
        }
    }
    let claim = Claim::decode(&claim_bytes).map_err(|e| damage(CLAIM_FILE, e))?;
    let session = Session::new(module, object, Some(claim), said.limits).map_err(|e| damage("input", e.to_string()))?;
    let image = session.image();
    let reports = prove_all(&session, threads, done);
    let anew = Certificate::new(&session, module, object, said.limits, &image, &reports);
    compare(&stored, &anew)?;
    if !anew.image.is_proved() {
        return Err(damage("image", format!("{}: {}", anew.image.verdict, anew.image.detail)));
    }
    match anew.functions.iter().find(|f| !f.said.is_proved()) {
        Some(f) => {
            Err(damage(format!("function {} ({})", f.index, f.name), format!("{}: {}", f.said.verdict, f.said.detail)))
        }
        None => {
            let left_out = session.left_out().into_values().collect();
            Ok(Held { certificate: anew, left_out })
        }
    }
}
