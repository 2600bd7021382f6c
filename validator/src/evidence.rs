//! Evidence beside the certificate: the obligations of a proof as text, and foreign solvers that are asked about it.
//!
//! No verdict and no certificate depends on what is here; it only looks at proofs that are made once more. It is in this crate because
//! `synth-check` has it, which does not depend on the compiler.

pub mod asking;
pub mod obligations;
pub mod smtlib;
pub mod solver;
pub mod source_digest;

/// [Digest](source_digest) of what verdicts rest on, taken when the validator was built: its sources, the lemmas, and the versions of
/// what it is built from.
pub const VALIDATOR_SHA256: &str = env!("SYNTH_VALIDATOR_SHA256");

/// What the solver that is linked in says its version is.
pub fn solver_version() -> &'static str {
    z3::full_version()
}
