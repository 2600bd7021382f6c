//! Proves all functions of a session on a few threads. Verdicts do not depend on how many.
//!
//! Walks of terms are recursive, so the threads have deep stacks; they are made here and nowhere else. Stacks are
//! reserved, not used: memory grows with the depth that is reached.
//!
//! Requirement TOR-ENV-THREADS: Bytes and verdicts shall not depend on the number of threads.
//!
//! Requirement TOR-ENV-REPEAT: The same inputs and options shall give the same bytes and verdicts.

use crate::validate::module::ModuleSession;
use crate::validate::{FunctionReport, Session, Verdict};
use crate::wasm::module::Module;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes of address space for the stack of a proving thread.
pub const STACK_BYTES: usize = 1 << 30;

/// A function's report, and how long it took.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The report.
    pub report: FunctionReport,
    /// Wall-clock time of the proof. Not part of any verdict.
    pub time: Duration,
}

/// Runs something on a thread with a deep stack.
///
/// # Panics
/// If the system gives no thread, or if `work` panics.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        match thread.expect("invariant: the system gives a thread").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What has functions to be proved, from any thread.
pub trait Functions: Sync {
    /// The module's declarations.
    fn declared(&self) -> &Module;
    /// The functions.
    fn indices(&self) -> Vec<u32>;
    /// Proves one.
    fn prove(&self, index: u32) -> FunctionReport;
}

impl Functions for Session<'_> {
    fn declared(&self) -> &Module {
        self.module()
    }
    fn indices(&self) -> Vec<u32> {
        self.functions()
    }
    fn prove(&self, index: u32) -> FunctionReport {
        self.function(index)
    }
}

impl Functions for ModuleSession<'_> {
    fn declared(&self) -> &Module {
        self.module()
    }
    fn indices(&self) -> Vec<u32> {
        self.functions().collect()
    }
    fn prove(&self, index: u32) -> FunctionReport {
        self.function(index)
    }
}

/// Proves a function. A panic is a defect of the validator and no proof; it says nothing about the other functions.
fn one(session: &impl Functions, index: u32) -> FunctionReport {
    let proof = std::panic::AssertUnwindSafe(|| session.prove(index));
    std::panic::catch_unwind(proof).unwrap_or_else(|_| FunctionReport {
        index,
        name: session.declared().display_name(index),
        verdict: Verdict::Unknown("the validator has a defect: it panicked".to_string()),
        links: Vec::new(),
        assumptions: Vec::new(),
        agreed_runs: 0,
        counterexample: None,
    })
}

/// Proves all functions, on `threads` threads, in ascending order of index. `done` is called after each, from any thread.
pub fn prove_all(session: &impl Functions, threads: usize, done: &(dyn Fn(&Timed) + Sync)) -> Vec<Timed> {
    let indices: Vec<u32> = session.indices();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::with_capacity(indices.len()));
    let work = || {
        while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            let timed = Timed { report: one(session, index), time: start.elapsed() };
            done(&timed);
            reports.lock().expect("invariant: no thread panics with the lock").push(timed);
        }
    };
    std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let started: Vec<_> = (0..threads.clamp(1, indices.len().max(1))).map(spawn).collect();
        for thread in started {
            if let Err(panic) = thread.expect("invariant: the system gives a thread").join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let mut reports = reports.into_inner().expect("invariant: no thread panicked");
    reports.sort_by_key(|t| t.report.index);
    reports
}
