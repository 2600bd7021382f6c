//! Proving an object for a command: the session, progress, the certificate.

use super::Status;
use super::compile::build;
use super::diagnostic::Diagnostic;
use super::input::Module;
use super::output::{print_error, progress};
use crate::native;
use crate::partition::{Partition, Share};
use crate::pipeline::{Compiled, Options};
use crate::proof_cache::{Cached, Keys, ProofCache, Prover, Uses};
use crate::refusal::{Refusal, settle};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use synth_validator::certificate::{self, CERTIFICATE_FILE, CLAIM_FILE, Certificate, SHARE_FILE};
use synth_validator::claim::Claim;
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::{Functions, Timed, prove_all, with_deep_stack};
use synth_validator::validate::{FunctionReport, Session};

/// Limits of a proof, in steps, so that verdicts repeat.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LimitArgs {
    /// Solver steps per query while multiplication is uninterpreted
    #[arg(long, value_name = "STEPS", default_value_t = Limits::default().smt_steps, help_heading = "Limits")]
    pub limit_smt_steps: u32,
    /// Solver steps per query with everything interpreted
    #[arg(long, value_name = "STEPS", default_value_t = Limits::default().full_steps, help_heading = "Limits")]
    pub limit_full_steps: u32,
    /// Nodes explored per region, on either side
    #[arg(long, value_name = "STEPS", default_value_t = Limits::default().region_steps, help_heading = "Limits")]
    pub limit_region_steps: u32,
    /// Queries of one link that need a solver.
    #[arg(long, value_name = "QUERIES", default_value_t = Limits::default().queries, help_heading = "Limits")]
    pub limit_queries: u32,
    /// Threads that compile and prove; verdicts and bytes do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Limits")]
    pub threads: Option<u16>,
}

impl LimitArgs {
    /// The validator's limits.
    pub fn limits(&self) -> Limits {
        Limits {
            smt_steps: self.limit_smt_steps,
            full_steps: self.limit_full_steps,
            region_steps: self.limit_region_steps,
            queries: self.limit_queries,
        }
    }
    /// How many threads.
    pub fn threads(&self) -> usize {
        LimitArgs::threads_or_all(self.threads)
    }
    /// So many threads as are asked for, or as there are cores.
    pub fn threads_or_all(threads: Option<u16>) -> usize {
        threads.map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()), usize::from)
    }
}

/// Where proofs are stored.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CacheArgs {
    /// Take verdicts on functions from this folder if nothing that their proofs rest on has changed, and store new ones there
    #[arg(long, value_name = "DIR")]
    proof_cache: Option<PathBuf>,
    /// Prove what the proof cache has as well, and compare
    #[arg(long, requires = "proof_cache")]
    proof_cache_check: bool,
}

impl CacheArgs {
    /// The store, if there is one.
    ///
    /// # Errors
    /// A store for a command that proves nothing; a folder that cannot be made.
    pub fn open(&self, proves: bool) -> Result<Option<ProofCache>, Diagnostic> {
        if self.proof_cache.is_some() && !proves {
            return Err(Diagnostic::new("--proof-cache is about proofs, and none are asked for").help("add --validate"));
        }
        let open = |folder: &PathBuf| {
            ProofCache::open(folder).map_err(|e| Diagnostic::file_system("open the proof cache", folder, &e))
        };
        self.proof_cache.as_ref().map(open).transpose()
    }
    /// What is proved, with a store.
    pub fn scope<'a>(&self, store: Option<&'a ProofCache>, partition: Option<Partition>) -> Scope<'a> {
        Scope { store, rechecks: self.proof_cache_check, partition }
    }
}

/// What of an object is proved, and what a store may do for it. By default everything, without a store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    store: Option<&'a ProofCache>,
    rechecks: bool,
    partition: Option<Partition>,
}

/// What proofs showed.
pub struct Proof {
    /// The certificate.
    pub certificate: Certificate,
    /// The functions' reports and times, in the order of the certificate's functions.
    pub reports: Vec<Timed>,
    /// The claim that was proved.
    pub claim: Claim,
    /// Functions that were compiled and that the file does not have: a linker may leave them out.
    left_out: Vec<String>,
    /// The partition, if the certificate is about a share of the functions only, and all functions.
    share: Option<(Partition, Vec<u32>)>,
    /// What a store did, if there was one.
    uses: Option<Uses>,
}

impl Proof {
    /// Time of each function's proof.
    pub fn times(&self) -> impl Iterator<Item = Duration> {
        self.reports.iter().map(|t| t.time)
    }

    /// Functions that were compiled and that the file does not have.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What was found, as a share, if it is one of a partition.
    pub fn share(&self) -> Option<Share> {
        let (partition, all) = self.share.as_ref()?;
        Some(Share::new(*partition, all.clone(), self.certificate.clone()))
    }
    /// What a store did, if there was one.
    pub fn uses(&self) -> Option<&Uses> {
        self.uses.as_ref()
    }

    /// `Done` only if everything is proved, and no stored verdict is contradicted.
    pub fn status(&self) -> Status {
        let contradicted = self.uses.as_ref().is_some_and(|uses| !uses.contradicted.is_empty());
        if self.certificate.is_proved() && !contradicted { Status::Done } else { Status::NotProved }
    }

    /// Warns of damaged entries of a store, and of those that proofs contradict.
    pub fn warn(&self) {
        for (function, text) in self.uses.iter().flat_map(|uses| &uses.damaged) {
            print_error(&format!("warning: the proof cache, function {function}: {text}\n"));
        }
        for (function, text) in self.uses.iter().flat_map(|uses| &uses.contradicted) {
            print_error(&format!("error: the proof cache is wrong about function {function}: {text}\n"));
        }
    }

    /// The proof of an image into which this object was linked.
    ///
    /// # Errors
    /// What cannot be read, or a contract that is not the object's.
    pub fn of_image(
        &self,
        module: &Module,
        image: (&Path, &[u8]),
        limits: &LimitArgs,
        scope: Scope<'_>,
    ) -> Result<Proof, Diagnostic> {
        let proof = prove((&module.path, &module.bytes), image, None, limits, scope)?;
        let (found, wanted) = (&proof.claim.contract, &self.claim.contract);
        if found == wanted {
            return Ok(proof);
        }
        let other = Diagnostic::new(format!("the image's contract is `{found}`, that of the object is `{wanted}`"));
        Err(other.file(image.0).help("the linker has put another object into the image"))
    }

    /// Writes the certificate into a folder, or compares it with the one that is there.
    ///
    /// # Errors
    /// What the file system says, or the first difference, which is a failure to prove what was claimed.
    pub fn settle(&self, folder: &Path, compare: bool) -> Result<(), Diagnostic> {
        let (other, what) = match self.share {
            Some(_) => (CERTIFICATE_FILE, "a whole certificate"),
            None => (SHARE_FILE, "a share of a certificate"),
        };
        if folder.join(other).exists() {
            let occupied = Diagnostic::new(format!("the folder has {what}")).file(folder);
            return Err(occupied.help("give a folder of its own for each share and for the certificate"));
        }
        if let Some(share) = self.share() {
            return self.settle_share(folder, &share.to_json());
        }
        let file = folder.join(CERTIFICATE_FILE);
        if compare && file.exists() {
            let stored = std::fs::read_to_string(&file)
                .map_err(|e| Diagnostic::file_system("read the certificate", &file, &e))?;
            return certificate::compare(&stored, &self.certificate).map_err(|damage| {
                let mut differs = Diagnostic::new(format!("the certificate does not hold: {damage}")).file(folder);
                differs.exit_code = 1;
                differs.help("remove the folder to have a new certificate written")
            });
        }
        let written = self.certificate.write(folder, &self.claim);
        written.map_err(|e| Diagnostic::file_system("write the certificate", folder, &e))
    }
    fn settle_share(&self, folder: &Path, text: &str) -> Result<(), Diagnostic> {
        let file = folder.join(SHARE_FILE);
        if file.exists() {
            let stored = std::fs::read(&file).map_err(|e| Diagnostic::file_system("read the share", &file, &e))?;
            let mut differs = Diagnostic::new("the share does not say what is found").file(&file);
            differs.exit_code = 1;
            let differs = differs.help("remove the folder to have a new share written");
            return if stored == text.as_bytes() { Ok(()) } else { Err(differs) };
        }
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            std::fs::write(folder.join(CLAIM_FILE), self.claim.encode())?;
            std::fs::write(&file, text)
        });
        written.map_err(|e| Diagnostic::file_system("write the share", folder, &e))
    }
}

/// Compiles and proves; where a pass is refused for a function of the scope, again without it. Result: what was compiled, its proof,
/// the refusals.
///
/// # Errors
/// Bad input, with its place.
pub fn compile_and_prove(
    module: &Module,
    object_path: &Path,
    options: Options,
    limits: &LimitArgs,
    scope: Scope<'_>,
) -> Result<(Compiled, Proof, Vec<Refusal>), Diagnostic> {
    // What is found out about the store holds although a pass is refused and all is compiled again.
    let (mut damaged, mut contradicted) = (BTreeMap::new(), BTreeMap::new());
    let attempt = |options: &Options| {
        let compiled = build(module, options, limits.threads())?;
        let mut proof = prove((&module.path, &module.bytes), (object_path, &compiled.object), None, limits, scope)?;
        if asked_for(&module.bytes, options).as_ref() != Some(&proof.claim.contract) {
            return Err(Diagnostic::new("the object's contract is not the one that was asked for, which is a defect"));
        }
        if let Some(uses) = &mut proof.uses {
            damaged.append(&mut uses.damaged);
            contradicted.append(&mut uses.contradicted);
            (uses.damaged, uses.contradicted) = (damaged.clone(), contradicted.clone());
        }
        Ok::<_, Diagnostic>((compiled, proof))
    };
    fn reports((_, proof): &(Compiled, Proof)) -> Vec<&FunctionReport> {
        proof.reports.iter().map(|t| &t.report).collect()
    }
    let ((compiled, proof), refusals) = settle(options, attempt, reports)?;
    Ok((compiled, proof, refusals))
}

/// The contract that options ask for, made without the compiler's help, which has to keep it.
fn asked_for(module: &[u8], options: &Options) -> Option<Contract> {
    let memories = synth_validator::wasm::reader::read(module).ok()?.memories;
    let (min, max, imported) =
        memories.first().map_or((0, Some(0), false), |m| (m.min_pages, m.max_pages, m.import.is_some()));
    let pages = u64::from(options.memory_pages_max.unwrap_or(0)).max(min).min(max.unwrap_or(u64::MAX));
    let pages = if options.bounds == Bounds::Mask { pages.next_power_of_two() } else { pages };
    Some(Contract {
        bounds: options.bounds,
        memory: if imported { MemoryOwner::Extern } else { options.memory },
        capacity_bytes: u32::try_from(pages).ok()?.checked_mul(PAGE_BYTES)?,
        import_prefix: options.import_prefix.clone(),
        export_symbols: options.export_symbols.clone(),
        native: native::find(module, &options.native).ok()?.native,
        dsp: options.core.has_dsp(),
    })
}

/// Reads a module and an object.
///
/// # Errors
/// What cannot be read.
pub fn session<'a>(
    (module_path, module): (&Path, &'a [u8]),
    (object_path, object): (&Path, &[u8]),
    claim: Option<Claim>,
    limits: Limits,
) -> Result<Session<'a>, Diagnostic> {
    let session = Session::new(module, object, claim, limits);
    session.map_err(|e| Diagnostic::input(&e, module_path, module, object_path))
}

/// Proves an object, or what the scope says of it.
///
/// # Errors
/// What cannot be read.
pub fn prove(
    module: (&Path, &[u8]),
    object: (&Path, &[u8]),
    claim: Option<Claim>,
    limits: &LimitArgs,
    scope: Scope<'_>,
) -> Result<Proof, Diagnostic> {
    let (steps, threads) = (limits.limits(), limits.threads());
    with_deep_stack(|| {
        let session = session(module, object, claim, steps)?;
        let image = session.image();
        let all = session.functions();
        let module_sha256 = certificate::sha256(module.1);
        let is_in_scope = |index: &&u32| {
            scope.partition.is_none_or(|p| p.has(&module_sha256, **index, &session.module().display_name(**index)))
        };
        let mut functions = Cached::new(&session, all.iter().filter(is_in_scope).copied().collect());
        if let Some(store) = scope.store {
            let keys = Keys::new(&session, module.1, object.1, &steps, &Prover::this());
            functions = functions.with(store, keys).rechecking(scope.rechecks);
        }
        let bar = progress(functions.indices().len() as u64, "proving");
        let reports = prove_all(&functions, threads, &|timed| {
            bar.set_message(timed.report.name.clone());
            bar.inc(1);
        });
        bar.finish_and_clear();
        let uses = scope.store.map(|_| functions.uses());
        let certificate = Certificate::new(&session, module.1, object.1, steps, &image, &reports);
        let claim = session.claim().clone();
        let left_out = session.left_out().into_values().collect();
        let share = scope.partition.map(|p| (p, all));
        Ok(Proof { certificate, claim, left_out, reports, share, uses })
    })
}
