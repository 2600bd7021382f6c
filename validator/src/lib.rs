//! The meaning of WebAssembly, of the IR and of Thumb-2 code, and the proofs that one refines the other.
//!
//! Method. Each side of a link is a [`program::Program`]: a step function written once, generic over a
//! [`domain::Domain`] of values. With [`concrete::Concrete`] it is an interpreter; with [`term::Graph`] it builds
//! terms. A witness pairs *cut points* of the two sides and equates locations. For every pair the refinement check
//! ([`refinement`]) explores both sides up to the next cut points as decision trees, walks the trees together and
//! discharges each equality on the ladder ([`ladder`]). If all regions of all links close, then by induction over
//! the number of regions executed
//!
//!   ELF ⊑ IR_n ⊑ … ⊑ IR_0 ⊑ module
//!
//! in the sense of `docs/ARCHITECTURE.md`. Nothing the compiler says is believed: IR and witnesses are guesses.
//!
//! Requirement TOR-INPUT-NOPANIC: No module, object, claim or certificate, however damaged, shall end the validator with a panic; it
//! shall be refused or judged.
//!
//! Requirement TOR-ENV-INDEPENDENT: The validator shall not depend on the compiler, in its manifest or in its sources.
//!
//! Requirement TOR-ENV-SIZE: The trusted part, validator and lemmas, shall stay below the committed number of lines.
//!
//! Requirement TOR-SENSE-BREAKS: A wrong clause in what proofs trust shall be noticed by a test against the outside.

pub mod arm;
pub mod bounds;
pub mod certificate;
pub mod check_command;
pub mod claim;
pub mod concrete;
pub mod contract;
pub mod domain;
pub mod egraph;
pub mod eval;
pub mod evidence;
pub mod integer;
pub mod interval;
pub mod ir;
pub mod ir_semantics;
pub mod ladder;
pub mod lemma;
pub mod pair;
pub mod program;
pub mod prove_all;
pub mod refinement;
pub mod refute;
pub mod replay;
pub mod ring;
pub mod smt;
pub mod sweep;
pub mod term;
pub mod trap;
pub mod validate;
pub mod wasm;
pub mod witness;
