//! What the compiler claims about an object: IR stages and witnesses, all untrusted. It travels in the object's section
//! [`crate::contract::WITNESS_SECTION`] and in certificates, in the `postcard` wire format.
//!
//! Requirement TOR-INPUT-CLAIM: The claim, wherever it comes from, shall not be believed: no claim shall make code that does not refine
//! its module proved.
//!
//! Requirement TOR-VERDICT-EMPTY: A claim without functions, stages, cut points or equations shall prove nothing.

use crate::arm::linked::Linkage;
use crate::contract::Contract;
use crate::ir::Func;
use crate::witness::Witness;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One form of a function on the way to machine code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The pass that made it.
    pub name: String,
    /// The form.
    pub func: Func,
    /// That it refines the form before it (the first one: the module's function).
    pub witness: Witness,
    /// Calls of the form before it in whose place the callee is executed on the left side of this link.
    pub inlined: Vec<Inlined>,
    /// Forms of callees on which this link relies for what they ignore: in direct calls of such a callee, words that the form
    /// does not read need not be equal.
    pub ignoring: Vec<Ignoring>,
}

/// A call replaced by the callee's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inlined {
    /// Block of the call, numbered through the bodies so far: those of the form, then those of the list's earlier entries.
    pub block: u32,
    /// Instruction of the call in its block.
    pub inst: u32,
    /// The callee's index.
    pub callee: u32,
    /// Number of the callee's stage that is its body; less than the number of the stage that this is in.
    pub stage: u32,
}

/// A callee's form that may leave argument words unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ignoring {
    /// The callee's index.
    pub callee: u32,
    /// Number of the callee's stage; less than the number of the stage that this is in.
    pub stage: u32,
}

/// The claim for one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionClaim {
    /// Function index (imports first); the number of functions for the start-up function.
    pub index: u32,
    /// IR stages in order; at least one.
    pub stages: Vec<Stage>,
    /// That the code refines the last stage.
    pub witness: Witness,
    /// Canonical type of each indirect call, by code offset of the call.
    pub indirect_types: BTreeMap<u32, u32>,
}

/// The claim for an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Contract under which it was compiled.
    pub contract: Contract,
    /// Functions, ascending by index.
    pub functions: Vec<FunctionClaim>,
    /// What finds the object in a linked image.
    pub linkage: Linkage,
}

impl Claim {
    /// The wire format.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("invariant: serialization to memory does not fail")
    }
    /// Reads the wire format.
    ///
    /// # Errors
    /// The decoder's message, for bytes that are no claim.
    pub fn decode(bytes: &[u8]) -> Result<Claim, String> {
        match postcard::take_from_bytes(bytes) {
            Ok((claim, [])) => Ok(claim),
            Ok((_, rest)) => Err(format!("{} bytes are left over after the claim", rest.len())),
            Err(e) => Err(format!("the claim is damaged: {e}")),
        }
    }
    /// Reads claims one after another, as linkers put sections together.
    ///
    /// # Errors
    /// The decoder's message, for bytes that are no claims.
    pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<Claim>, String> {
        let mut claims = Vec::new();
        while !bytes.is_empty() {
            let (claim, rest) = postcard::take_from_bytes(bytes).map_err(|e| format!("a claim is damaged: {e}"))?;
            claims.push(claim);
            bytes = rest;
        }
        Ok(claims)
    }
}

/// One module on the way to an optimized one, and the claim that it refines the module before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The module's bytes.
    pub module: Vec<u8>,
    /// The claim.
    pub claim: Claim,
}

/// The claim that a module refines another: refinement by refinement, the last module is the refining one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds(
    /// In order.
    pub Vec<Round>,
);

impl Rounds {
    /// The wire format.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("invariant: serialization to memory does not fail")
    }
    /// Reads the wire format.
    ///
    /// # Errors
    /// The decoder's message, for bytes that are no such claim.
    pub fn decode(bytes: &[u8]) -> Result<Rounds, String> {
        match postcard::take_from_bytes(bytes) {
            Ok((rounds, [])) => Ok(rounds),
            Ok((_, rest)) => Err(format!("{} bytes are left over after the claim", rest.len())),
            Err(e) => Err(format!("the claim is damaged: {e}")),
        }
    }
}
