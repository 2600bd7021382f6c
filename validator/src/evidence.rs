//! Evidence beside the certificate: the obligations of a proof as text, and foreign solvers that are asked about it.
//!
//! No verdict and no certificate depends on what is here; it only looks at proofs that are made once more. It is in this crate because
//! `synth-check` has it, which does not depend on the compiler.

pub mod obligations;
pub mod smtlib;
pub mod solver;
