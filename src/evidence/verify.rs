//! Verification of a package: every proof again, every file made again from the roots, every byte compared.
//!
//! The roots are module, object, claim and the build's record. The manifest has the digest of each file, so damage to a root is named as
//! such; damage to any other file, the manifest's own included, shows because the file is made again. A package is not signed: one that
//! was made anew as a whole, from other roots, is another package with other digests.

use super::build_record::{Build, deciding};
use super::manifest::{self, Manifest};
use super::module::{BUILD, MODULE, OBJECTS, Package, Proofs, SOLVERS, claim_path, package};
use super::obligation;
use super::page::State;
use super::run_record::{self, Run};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::certificate::{Certificate, first_difference, sha256};
use synth_validator::claim::Claim;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::{Timed, prove_all, with_deep_stack};
use synth_validator::validate::{InputError, Session};

/// Something in a package that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Damage {
    /// Path of the file in the package.
    pub path: String,
    /// The field of a JSON file, if it can be told.
    pub field: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// What verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Damage, ascending by path; nothing if the package is whole.
    pub damage: Vec<Damage>,
    /// Files that would be others with the damaged roots.
    pub follows: usize,
    /// What the package made again says; nothing if it could not be made.
    pub state: Option<State>,
    /// Why it could not be made again.
    pub not_made: Option<String>,
    /// Whether other sources of the tool made it, so that files may differ without damage.
    pub other_sources: bool,
}

impl Verified {
    /// Whether the package is whole and nothing in it is open.
    pub fn ok(&self) -> bool {
        self.damage.is_empty() && self.state.as_ref().is_some_and(|s| s.ok)
    }
}

/// Proves an object from its claim: certificate and reports.
///
/// # Errors
/// What cannot be read.
pub fn prove(
    (module, object): (&[u8], &[u8]),
    claim: &Claim,
    limits: Limits,
    threads: usize,
    done: &(dyn Fn(&Timed) + Sync),
) -> Result<(Certificate, Vec<Timed>), InputError> {
    with_deep_stack(|| {
        let session = Session::new(module, object, Some(claim.clone()), limits)?;
        let image = session.image();
        let reports = prove_all(&session, threads, done);
        Ok((Certificate::new(&session, module, object, limits, &image, &reports), reports))
    })
}

/// A record that has to have the one form in which it is written.
fn canonical<T: Serialize + DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, String> {
    let record: T = serde_json::from_slice(bytes).map_err(|e| format!("{path} is no such record: {e}"))?;
    match super::json(&record).as_bytes() == bytes {
        true => Ok(record),
        false => Err(format!("{path} is not in canonical form")),
    }
}

/// A package made again.
struct Again {
    package: Package,
    /// How the record of the run is one of another package.
    run: Option<String>,
}

/// Makes the package again from roots.
///
/// # Errors
/// Why it cannot be made.
fn again(files: &BTreeMap<String, Vec<u8>>, run: Option<&Run>, threads: usize) -> Result<Again, String> {
    let file = |path: &str| files.get(path).ok_or_else(|| format!("{path} is missing"));
    let objects: Vec<&&str> = OBJECTS.iter().filter(|path| files.contains_key(**path)).collect();
    let [object] = objects[..] else {
        return Err(format!("one of {} has to be there, and there are {}", OBJECTS.join(", "), objects.len()));
    };
    let (module, object) = (file(MODULE)?, file(object)?);
    let build: Build = canonical(BUILD, file(BUILD)?)?;
    let solvers = files.get(SOLVERS).map(|bytes| canonical(SOLVERS, bytes)).transpose()?;
    let this = env!("CARGO_PKG_VERSION");
    if build.tool.version != this {
        return Err(format!(
            "it was made by synth {}, and this is synth {this}; verify it with that version",
            build.tool.version
        ));
    }
    let claim = Claim::decode(file(&claim_path())?)?;
    if let Some(compilation) = &build.compilation {
        let read = synth_validator::wasm::reader::read(module).map_err(|e| format!("{MODULE}: {}", e.message))?;
        compilation.fits(&read, &claim).map_err(|why| format!("{BUILD}: compilation: {why}"))?;
    }
    let (certificate, reports) =
        prove((module, object), &claim, build.limits, threads, &|_| {}).map_err(|e| e.to_string())?;
    let exported = obligation::exported(module, object, &claim, build.limits, threads).map_err(|e| e.to_string())?;
    let reports = reports.iter().map(|t| &t.report).collect();
    let proofs = Proofs { claim: &claim, certificate: &certificate, reports, exported, solvers };
    let package = package(module, object, &build, &proofs).map_err(|e| e.to_string())?;
    Ok(Again { package, run: run.and_then(|run| foreign_run(run, &build, &certificate)) })
}

/// How a record is one of another run than the one that made a package with this build and certificate.
fn foreign_run(run: &Run, build: &Build, certificate: &Certificate) -> Option<String> {
    if deciding(&run.command) != build.command {
        return Some(format!("command: is not the one of {BUILD}"));
    }
    let timed = run.proofs.iter().map(|p| p.function);
    let proved = certificate.functions.iter().map(|f| f.index);
    (!timed.eq(proved)).then(|| "proofs: are not those of the package's functions".to_string())
}

/// Compares with the manifest: files that differ, are missing or are not listed.
fn listed(files: &BTreeMap<String, Vec<u8>>) -> Vec<Damage> {
    let damage = |path: &str, what: String| Damage { path: path.to_string(), field: None, what };
    let Some(bytes) = files.get(manifest::FILE) else {
        return vec![damage(manifest::FILE, "is missing".to_string())];
    };
    let manifest: Manifest = match serde_json::from_slice(bytes) {
        Ok(manifest) => manifest,
        Err(e) => return vec![damage(manifest::FILE, format!("is no manifest: {e}"))],
    };
    let mut found = Vec::new();
    let known: BTreeMap<&str, &manifest::Listed> = manifest.files.iter().map(|f| (f.path.as_str(), f)).collect();
    for (path, listed) in &known {
        match files.get(*path) {
            None => found.push(damage(path, "is missing".to_string())),
            Some(bytes) if sha256(bytes) != listed.sha256 => {
                let what = format!("has SHA-256 {}, but the manifest lists {}", sha256(bytes), listed.sha256);
                found.push(damage(path, what));
            }
            Some(_) => {}
        }
    }
    let own = [manifest::FILE, run_record::FILE];
    for path in files.keys().filter(|path| !known.contains_key(path.as_str()) && !own.contains(&path.as_str())) {
        found.push(damage(path, "does not belong to the package".to_string()));
    }
    found
}

/// How a stored file differs from the one made again.
fn difference(path: &str, stored: Option<&Vec<u8>>, anew: Option<&Vec<u8>>) -> Option<Damage> {
    let damage = |field: Option<String>, what: String| Some(Damage { path: path.to_string(), field, what });
    let (stored, anew) = match (stored, anew) {
        (Some(stored), Some(anew)) => (stored, anew),
        (None, _) => return damage(None, "is missing".to_string()),
        (_, None) => return damage(None, "does not belong to the package".to_string()),
    };
    if stored == anew {
        return None;
    }
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
    if path.ends_with(".json") || path.ends_with(".sarif") {
        let said = match value(stored) {
            Ok(said) => said,
            Err(e) => return damage(None, format!("is no JSON: {e}")),
        };
        if let Some(first) = value(anew).ok().and_then(|anew| first_difference("", &said, &anew)) {
            return damage(Some(first.place), first.message);
        }
        return damage(None, "is not in canonical form".to_string());
    }
    let at = stored.iter().zip(anew).position(|(a, b)| a != b).unwrap_or(stored.len().min(anew.len()));
    damage(None, format!("differs from what the proofs show at byte {at}"))
}

/// Verifies a package: path and contents of every file.
pub fn verify(files: &BTreeMap<String, Vec<u8>>, threads: usize) -> Verified {
    let mut damage = listed(files);
    let run = files.get(run_record::FILE).map(|bytes| Run::read(bytes));
    let run = run.unwrap_or_else(|| Err("is missing".to_string()));
    let (mut follows, mut state, mut not_made, mut foreign) = (0, None, None, None);
    match again(files, run.as_ref().ok(), threads) {
        Err(why) => {
            if damage.is_empty() {
                damage.push(Damage { path: String::new(), field: None, what: format!("cannot be made again: {why}") });
            }
            not_made = Some(why);
        }
        Ok(Again { package: anew, run }) => {
            foreign = run;
            let paths: BTreeSet<&String> = files.keys().chain(anew.files.keys()).collect();
            let compared = paths.into_iter().filter(|path| *path != run_record::FILE);
            let differing: Vec<Damage> =
                compared.filter_map(|path| difference(path, files.get(path), anew.files.get(path))).collect();
            state = Some(anew.state);
            let claim = claim_path();
            let is_root =
                |d: &&Damage| [MODULE, BUILD, SOLVERS, &claim].contains(&&*d.path) || OBJECTS.contains(&&*d.path);
            let only_manifest = matches!(&differing[..], [one] if one.path == manifest::FILE);
            if only_manifest || !damage.iter().any(|d| is_root(&d)) {
                // What the manifest says of intact files is the manifest's damage. What is made again says where a file differs.
                damage = differing;
            } else {
                let named: BTreeSet<String> = damage.iter().map(|d| d.path.clone()).collect();
                follows = differing.iter().filter(|d| !named.contains(&d.path)).count();
            }
        }
    }
    let run = run.err().or(foreign);
    damage.extend(run.map(|what| Damage { path: run_record::FILE.to_string(), field: None, what }));
    damage.sort();
    let build = files.get(BUILD).and_then(|bytes| serde_json::from_slice::<Build>(bytes).ok());
    let other_sources = build.is_some_and(|build| build.tool.source_sha256 != super::release::SOURCE_SHA256);
    Verified { damage, follows, state, not_made, other_sources }
}
