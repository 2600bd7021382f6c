//! A store of proofs on disk: what was proved once need not be proved again, as long as nothing that the proof rests on has changed.
//!
//! A function's proof has a [`Key`]: the digest of everything that it depends on. Of two inputs that differ in any of it not even one
//! byte of the keys has to agree, so a changed obligation is never found. In doubt more is put in than needed. Only `Proved` is stored.
//!
//! The store is a folder with a file for each proof, named by its key. Files are written beside their place and renamed onto it, so that any number of
//! processes may read and write at the same time, and one that is stopped leaves no half entry; an embedded database would let one process in
//! at a time. An entry is bound to its key by a digest: one that was damaged is named, and not used. One that was made up, digest and
//! all, is not noticed here: a verdict with entries of a store in it rests on the store, until `synth-check`, which knows
//! no store, or [`Cached::rechecking`] proves it again. Nothing of the store is in certificates.

use crate::beside;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use synth_validator::certificate::sha256;
use synth_validator::claim::FunctionClaim;
use synth_validator::evidence::{VALIDATOR_SHA256, solver_version};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::Functions;
use synth_validator::validate::{FunctionReport, LinkReport, Session, Verdict};
use synth_validator::wasm::module::Module;
use wasmparser::Parser;

/// Version of entries and of what keys are made of. Rises with every change of either.
const SCHEMA: u32 = 1;
/// Number of the code section.
const CODE_SECTION: u8 = 10;

/// The digest of all that a proof depends on, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

/// Who proves. Proofs of another validator or solver are other proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prover {
    /// Digest of the validator's sources, the lemmas and the versions of what it is built from.
    pub validator_sha256: String,
    /// Version of the solver that is linked in.
    pub solver: String,
}

impl Prover {
    /// This program.
    pub fn this() -> Prover {
        Prover { validator_sha256: VALIDATOR_SHA256.to_string(), solver: solver_version().to_string() }
    }
}

/// A digest of parts that cannot run into each other.
struct Parts(Sha256);

impl Parts {
    fn part(&mut self, name: &str, bytes: &[u8]) {
        for piece in [name.as_bytes(), bytes] {
            self.0.update((piece.len() as u64).to_le_bytes());
            self.0.update(piece);
        }
    }
    fn encoded(&mut self, name: &str, value: &impl Serialize) {
        let bytes = postcard::to_allocvec(value).expect("invariant: serialization to memory does not fail");
        self.part(name, &bytes);
    }
}

/// Makes the keys of a session's functions.
pub struct Keys<'s> {
    session: &'s Session<'s>,
    module: &'s [u8],
    /// What all functions depend on.
    shared: Sha256,
    /// Claims by function; none if a function has two.
    claims: FxHashMap<u32, &'s FunctionClaim>,
}

impl<'s> Keys<'s> {
    /// Keys for a session that was made from these bytes under these limits. `None` if its claim is not in order: then nothing of it
    /// is looked up or stored.
    pub fn new(
        session: &'s Session<'s>,
        module: &'s [u8],
        object: &[u8],
        limits: &Limits,
        prover: &Prover,
    ) -> Option<Keys<'s>> {
        let mut parts = Parts(Sha256::new());
        parts.encoded("schema", &SCHEMA);
        parts.part("validator", prover.validator_sha256.as_bytes());
        parts.part("solver", prover.solver.as_bytes());
        parts.encoded("limits", limits);
        parts.encoded("contract", session.contract());
        // A function's assumptions name what is called before it, and no form is inlined of which any claim ignores words.
        parts.part("start-up", format!("{:?}", session.object().init()).as_bytes());
        let stages = session.claim().functions.iter().flat_map(|f| &f.stages);
        parts.encoded("ignoring", &stages.flat_map(|s| &s.ignoring).collect::<Vec<_>>());
        declarations(&mut parts, session.module(), module)?;
        if session.module().has_host_accesses() || !session.contract().native.is_empty() {
            // Whose address an access has is found by looking at all bodies.
            parts.part("module", module);
        }
        if session.object().is_linked {
            // Fields that a linker filled in are confirmed by all of the image.
            parts.part("image", object);
            parts.encoded("linkage", &session.claim().linkage);
        }
        let mut claims = FxHashMap::default();
        for claim in &session.claim().functions {
            if claims.insert(claim.index, claim).is_some() {
                return None;
            }
        }
        Some(Keys { session, module, shared: parts.0, claims })
    }

    /// The key of a function. `None` if its proof has no firm basis, such as a claim.
    pub fn of(&self, index: u32) -> Option<Key> {
        let object = self.session.object();
        let mut parts = Parts(self.shared.clone());
        parts.encoded("function", &index);
        parts.part("name", self.session.module().display_name(index).as_bytes());
        parts.part("code", format!("{:?}", object.functions.get(&index)?).as_bytes());
        parts.part("place", format!("{:?}", object.places.get(&index)).as_bytes());
        let callees = self.relied_upon(index)?;
        parts.encoded("functions relied upon", &(callees.len() as u64));
        for callee in callees {
            let body = &self.session.module().functions.get(callee as usize)?.body;
            parts.encoded("body", &(callee, body.start as u64));
            parts.part("code of the module", self.module.get(body.clone())?);
            parts.encoded("claim", *self.claims.get(&callee)?);
        }
        let digest = parts.0.finalize();
        Some(Key(digest.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The function, and all whose bodies or claims its proof looks at.
    fn relied_upon(&self, index: u32) -> Option<BTreeSet<u32>> {
        let (mut found, mut open) = (BTreeSet::from([index]), vec![index]);
        while let Some(function) = open.pop() {
            for stage in &self.claims.get(&function)?.stages {
                let inlined = stage.inlined.iter().map(|i| i.callee);
                open.extend(inlined.chain(stage.ignoring.iter().map(|i| i.callee)).filter(|c| found.insert(*c)));
            }
        }
        Some(found)
    }
}

/// All of a module but the bodies of its functions, and what its reader finds out by looking at all of them.
fn declarations(parts: &mut Parts, module: &Module, bytes: &[u8]) -> Option<()> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Some((id, range)) = payload.ok()?.as_section().filter(|(id, _)| *id != CODE_SECTION) {
            parts.encoded("section", &id);
            let contents = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            parts.part("contents", bytes.get(contents)?);
        }
    }
    // All fields, so that a new one is noticed. What is not named is made of the sections above.
    let Module {
        types: _,
        canonical: _,
        functions: _,
        globals: _,
        cells,
        memories: _,
        tables: _,
        elements: _,
        data: _,
        exports: _,
        start: _,
        import_prefix,
        export_symbols,
        host_accesses,
        relocations,
        names: _,
        grows,
        drops,
        writes_tables,
    } = module;
    parts.encoded("found in bodies", &(cells, grows, drops, writes_tables, host_accesses));
    let relocations = format!("{relocations:?}");
    parts.encoded("from the contract", &(import_prefix, export_symbols, relocations));
    Some(())
}

/// What a file of the store holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    schema: u32,
    key: String,
    /// Of key and report.
    sha256: String,
    report: FunctionReport,
}

impl Entry {
    fn new(key: &Key, report: &FunctionReport) -> Entry {
        let text = serde_json::to_string(report).expect("invariant: serialization to memory does not fail");
        let sha256 = sha256(format!("{}\n{text}", key.0).as_bytes());
        Entry { schema: SCHEMA, key: key.0.clone(), sha256, report: report.clone() }
    }
    fn text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("invariant: serialization to memory does not fail");
        text.push('\n');
        text
    }
}

/// What a store has under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A report, which says `Proved`.
    Report(Box<FunctionReport>),
    /// Nothing.
    Nothing,
    /// A file that is no entry of this key: which, and why.
    Damaged(PathBuf, String),
}

/// A store.
#[derive(Debug)]
pub struct ProofCache {
    folder: PathBuf,
    /// Keys that this process has stored itself.
    own: Mutex<BTreeSet<Key>>,
}

impl ProofCache {
    /// The store in a folder, which is made if there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> std::io::Result<ProofCache> {
        std::fs::create_dir_all(folder)?;
        Ok(ProofCache { folder: folder.to_path_buf(), own: Mutex::default() })
    }
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// The file of a key.
    pub fn file(&self, key: &Key) -> PathBuf {
        self.folder.join(&key.0[..2]).join(&key.0).with_extension("json")
    }

    /// Looks a proof up.
    pub fn find(&self, key: &Key, index: u32) -> Found {
        let file = self.file(key);
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
            Err(e) => return Found::Damaged(file, e.to_string()),
        };
        let entry = match serde_json::from_slice::<Entry>(&text) {
            Ok(entry) => entry,
            Err(e) => return Found::Damaged(file, format!("is no entry: {e}")),
        };
        // The one text that an entry of this key and report has.
        if Entry::new(key, &entry.report).text().as_bytes() != text {
            return Found::Damaged(file, "its digest, key or form is not right".to_string());
        }
        let links = &entry.report.links;
        let is_proved = |l: &LinkReport| l.verdict == Verdict::Proved && l.effort.obligations() > 0;
        let all_proved = !links.is_empty() && links.iter().all(is_proved);
        if entry.report.verdict != Verdict::Proved || !all_proved || entry.report.index != index {
            return Found::Damaged(file, "it is no proof of this function".to_string());
        }
        Found::Report(Box::new(entry.report))
    }

    /// Stores a proof, if it is one.
    ///
    /// # Errors
    /// What the file system says. The store is then as it was.
    pub fn store(&self, key: &Key, report: &FunctionReport) -> std::io::Result<()> {
        if report.verdict != Verdict::Proved {
            return Ok(());
        }
        let file = self.file(key);
        std::fs::create_dir_all(file.parent().unwrap_or(&self.folder))?;
        beside::write(&file, Entry::new(key, report).text().as_bytes())?;
        self.own.lock().expect("invariant: no thread panics with the lock").insert(key.clone());
        Ok(())
    }
    fn is_own(&self, key: &Key) -> bool {
        self.own.lock().expect("invariant: no thread panics with the lock").contains(key)
    }
}

/// What a store did for one proof of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uses {
    /// Folder of the store.
    pub folder: PathBuf,
    /// Functions whose verdicts were taken from it.
    pub hits: Vec<u32>,
    /// Functions that were proved in this run.
    pub attempted: Vec<u32>,
    /// Entries that were damaged or could not be written, by function; those functions were proved.
    pub damaged: BTreeMap<u32, String>,
    /// Entries that a proof contradicts, by function.
    pub contradicted: BTreeMap<u32, String>,
}

/// The functions of a session, or a share of them, of which a store knows some.
pub struct Cached<'s> {
    session: &'s Session<'s>,
    indices: Vec<u32>,
    store: Option<(&'s ProofCache, Keys<'s>)>,
    rechecks: bool,
    uses: Mutex<Uses>,
}

impl<'s> Cached<'s> {
    /// These functions, without a store.
    pub fn new(session: &'s Session<'s>, indices: Vec<u32>) -> Cached<'s> {
        Cached { session, indices, store: None, rechecks: false, uses: Mutex::default() }
    }
    /// With a store.
    pub fn with(mut self, store: &'s ProofCache, keys: Option<Keys<'s>>) -> Cached<'s> {
        self.uses = Mutex::new(Uses { folder: store.folder().to_path_buf(), ..Uses::default() });
        self.store = keys.map(|keys| (store, keys));
        self
    }
    /// Proves what the store has, too, and compares. Verdicts are those of the proofs.
    pub fn rechecking(mut self, rechecks: bool) -> Cached<'s> {
        self.rechecks = rechecks;
        self
    }
    /// What the store did.
    pub fn uses(self) -> Uses {
        let mut uses = self.uses.into_inner().expect("invariant: no thread panics with the lock");
        uses.hits.sort_unstable();
        uses.attempted.sort_unstable();
        uses
    }
    fn note(&self, note: impl FnOnce(&mut Uses)) {
        note(&mut self.uses.lock().expect("invariant: no thread panics with the lock"));
    }
}

impl Functions for Cached<'_> {
    fn declared(&self) -> &Module {
        self.session.module()
    }
    fn indices(&self) -> Vec<u32> {
        self.indices.clone()
    }
    fn prove(&self, index: u32) -> FunctionReport {
        let keyed = self.store.as_ref().and_then(|(store, keys)| Some((store, keys.of(index)?)));
        let Some((store, key)) = keyed else {
            self.note(|uses| uses.attempted.push(index));
            return self.session.function(index);
        };
        let found = store.find(&key, index);
        match &found {
            Found::Report(report) if !self.rechecks => {
                self.note(|uses| if store.is_own(&key) { uses.attempted.push(index) } else { uses.hits.push(index) });
                return (**report).clone();
            }
            Found::Report(_) | Found::Nothing => {}
            Found::Damaged(file, why) => {
                self.note(|uses| drop(uses.damaged.insert(index, format!("{}: {why}", file.display()))));
            }
        }
        let report = self.session.function(index);
        self.note(|uses| uses.attempted.push(index));
        match found {
            Found::Report(stored) if *stored != report => {
                let (file, verdict) = (store.file(&key), report.verdict.name());
                let why = format!("{}: the entry does not say what the proof finds, {verdict}", file.display());
                self.note(|uses| drop(uses.contradicted.insert(index, why)));
                // Nobody is to take it again.
                let replaced = std::fs::remove_file(store.file(&key)).and_then(|()| store.store(&key, &report));
                if let Err(e) = replaced {
                    let why = format!("{}: cannot be replaced: {e}", store.file(&key).display());
                    self.note(|uses| drop(uses.damaged.insert(index, why)));
                }
            }
            Found::Report(_) => {}
            Found::Nothing | Found::Damaged(..) => {
                if let Err(e) = store.store(&key, &report) {
                    let why = format!("{}: cannot be written: {e}", store.file(&key).display());
                    self.note(|uses| drop(uses.damaged.insert(index, why)));
                }
            }
        }
        report
    }
}
