//! Proves an object against its module, or what a test made of either, and says what came of it as one verdict.

use synth_validator::claim::Claim;
use synth_validator::ladder::Limits;
use synth_validator::validate::{FunctionReport, InputError, Session, Verdict};

/// Stack for the recursion of term walks.
const STACK_BYTES: usize = 1 << 30;

/// Runs `work` with a stack that proofs need.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        match thread.expect("starts").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Distributes `items` over two deep threads; results in order.
pub fn deep_map<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(Vec::new());
    let worker = || {
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let result = work(item);
            results.lock().expect("no panic").push((at, result));
        }
    };
    std::thread::scope(|scope| {
        let start = || std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker).expect("starts");
        for thread in [start(), start()] {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let mut results = results.into_inner().expect("no panic");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What was found for an object.
#[derive(Clone, Debug)]
pub struct Proof {
    /// On initial image, exports and start-up.
    pub image: Verdict,
    /// One per function that the module defines.
    pub functions: Vec<FunctionReport>,
}

impl Proof {
    /// The first verdict that is not `Proved`, image first.
    pub fn verdict(&self) -> Verdict {
        let all = std::iter::once(&self.image).chain(self.functions.iter().map(|f| &f.verdict));
        all.into_iter().find(|v| **v != Verdict::Proved).unwrap_or(&Verdict::Proved).clone()
    }
}

/// Proves all functions. The claim is the object's own unless one is given.
///
/// # Errors
/// What cannot be read.
pub fn prove(wasm: &[u8], object: &[u8], claim: Option<Claim>, limits: Limits) -> Result<Proof, InputError> {
    let session = Session::new(wasm, object, claim, limits)?;
    let functions = session.functions().into_iter().map(|index| session.function(index)).collect();
    Ok(Proof { image: session.image(), functions })
}

/// As `prove`, as one verdict: an object that is refused is one more way not to be proved.
pub fn verdict(wasm: &[u8], object: &[u8], claim: Option<Claim>) -> Verdict {
    match prove(wasm, object, claim, Limits::default()) {
        Ok(proof) => proof.verdict(),
        Err(refused) => Verdict::Unknown(format!("refused: {refused}")),
    }
}

/// Whether an object or an image is proved with the claim in it; prints what was found.
pub fn is_proved(wasm: &[u8], object: &[u8]) -> bool {
    told(&verdict(wasm, object, None))
}

/// As `is_proved`, with a claim instead of the object's own.
pub fn is_proved_by(wasm: &[u8], object: &[u8], claim: Claim) -> bool {
    told(&verdict(wasm, object, Some(claim)))
}

fn told(found: &Verdict) -> bool {
    println!("{}: {}", found.name(), found.detail());
    *found == Verdict::Proved
}
