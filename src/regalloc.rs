//! Register allocation: graph coloring, and where registers run out the better of it and of the `regalloc2` crate.
//!
//! r12 is for parallel moves and expansions; lr is not allocated. Whatever the answer is, the final link's proof decides.

mod backtracking;
mod coloring;
mod copies;
mod graph;
mod sets;

use crate::error::CompileError;
use crate::machine::{Inst, MachineFunc, Reg};

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A core register.
    Reg(u8),
    /// A spill slot of 4 bytes.
    Slot(u32),
}

/// A step of an allocated block.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The instruction, with core registers.
    Inst(Inst, u32),
    /// A move of the allocator; never from slot to slot.
    Move(Place, Place),
}

/// An allocated function.
#[derive(Clone, Debug)]
pub struct Allocated {
    /// By machine block: its steps.
    pub blocks: Vec<Vec<Step>>,
    /// By machine block: the place of each live virtual register at its start.
    pub live: Vec<Vec<(Reg, Place)>>,
    /// Number of spill slots.
    pub slots: u32,
}

/// Allocates registers. `values` are the virtual registers whose places at block starts are wanted.
///
/// # Errors
/// `Internal` if the machine function is not well formed.
pub fn allocate(machine: &MachineFunc, values: &[Reg], function: u32) -> Result<Allocated, CompileError> {
    improved(machine, values, color(machine, values), function)
}

/// Allocates by coloring, if that goes.
pub fn color(machine: &MachineFunc, values: &[Reg]) -> Option<Allocated> {
    coloring::allocate(machine, values)
}

/// The better one of a coloring, if there is one, and of the other allocator's answer, which is asked for only if registers run out.
///
/// # Errors
/// `Internal` if the machine function is not well formed.
pub fn improved(
    machine: &MachineFunc,
    values: &[Reg],
    colored: Option<Allocated>,
    function: u32,
) -> Result<Allocated, CompileError> {
    match colored {
        Some(colored) if colored.slots == 0 => Ok(colored),
        Some(colored) => {
            let other = backtracking::allocate(machine, values, function)?;
            Ok(if cost(machine, &other) < cost(machine, &colored) { other } else { colored })
        }
        None => backtracking::allocate(machine, values, function),
    }
}

/// Moves, loads, stores and constants of an allocation, by how often they are likely to be executed.
pub fn cost(machine: &MachineFunc, allocated: &Allocated) -> u64 {
    let added = |step: &&Step| match step {
        Step::Move(..) => true,
        Step::Inst(inst, _) => matches!(inst, Inst::Const { .. } | Inst::SymbolAddress { .. }),
    };
    let blocks = machine.blocks.iter().zip(&allocated.blocks);
    blocks.map(|(block, steps)| block.frequency() * steps.iter().filter(added).count() as u64).sum()
}
