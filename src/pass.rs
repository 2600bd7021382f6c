//! What a pass is: it makes the next form of a function, with the witness that the next form refines the one before.
//!
//! A pass is a guess. Its link is proved like every other; a link that is not proved costs the function this pass, and nothing
//! else (`refusal.rs`).

use crate::ir_facts::Facts;
use crate::liveness::{LIVE_MAX, live_in};
use crate::module::Module;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use synth_validator::claim::{Inlined, Stage};
use synth_validator::contract::Contract;
use synth_validator::ir::{Block, Func, Value};
use synth_validator::witness::{Cut, Loc, Witness};

/// Optimization levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What code generation needs, and cleaning.
    O0,
    /// Passes that make code smaller and faster.
    O1,
    /// All passes.
    #[default]
    O2,
    /// All passes; smaller code is preferred to faster code.
    Os,
}

/// What a pass may look at besides the function.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// The module's declarations.
    pub module: &'a Module,
    /// The object contract.
    pub contract: &'a Contract,
    /// The level.
    pub level: Level,
    /// Forms of all defined functions before inlining, by number of the function among the defined ones. Empty until all functions
    /// have come so far; a function's are empty if it has none.
    pub forms: &'a [Vec<Stage>],
    /// Calls of each function in these forms.
    pub calls: &'a FxHashMap<u32, u32>,
    /// Functions that others than the module's may call.
    pub roots: &'a BTreeSet<u32>,
    /// Functions that the user wants inlined.
    pub hinted: &'a BTreeSet<u32>,
    /// The fault that is switched on.
    pub fault: Option<&'static str>,
}

impl Cx<'_> {
    /// Whether a fault is switched on: a wrong step that the validator must refuse. Never in a release build.
    pub fn fault(&self, name: &'static str) -> bool {
        cfg!(debug_assertions) && self.fault == Some(name)
    }
    /// Whether linear memory always has the size that it starts with: nothing grows it, or it has its capacity from the start.
    pub fn memory_is_constant(&self) -> bool {
        crate::pipeline::memory_is_constant(self.module, self.contract)
    }
    /// The last form of a function before inlining, with its number; none for imports.
    pub fn form(&self, index: u32) -> Option<(u32, &Func)> {
        let place = index.checked_sub(self.module.imported_functions())?;
        let stages = self.forms.get(place as usize)?;
        let (last, before) = stages.split_last()?;
        Some((before.len() as u32, &last.func))
    }
}

/// The next form of a function.
#[derive(Clone, Debug)]
pub struct Form {
    /// The form.
    pub func: Func,
    /// That it refines the form before.
    pub witness: Witness,
    /// Calls of the form before that it executes in place.
    pub inlined: Vec<Inlined>,
}

impl From<(Func, Witness)> for Form {
    /// A form that inlines nothing.
    fn from((func, witness): (Func, Witness)) -> Form {
        Form { func, witness, inlined: Vec::new() }
    }
}

/// The witness that says of each live word at each cut point of a form which word of the form before it equals. `left` gives a
/// block's point in the form before, `value` a value's value there, if it has one. Nothing if too many words are live.
pub fn witness(func: &Func, left: impl Fn(Block) -> u64, value: impl Fn(Value) -> Option<Value>) -> Option<Witness> {
    let live = live_in(func, LIVE_MAX)?;
    let facts = Facts::new(func);
    let mut cuts = Vec::new();
    for (i, block) in func.blocks.iter().enumerate().filter(|(i, _)| facts.is_cut(*i as u32)) {
        let here = block.params.iter().chain(&live[i]);
        let words = here.flat_map(|v| (0..func.type_of(*v).words() as u8).map(|half| (*v, half)));
        let equal = words.filter_map(|(v, h)| Some((Loc::Value(value(v)?, h), Loc::Value(v, h)))).collect();
        cuts.push(Cut { left: left(Block(i as u32)), right: i as u64, equal, ..Cut::default() });
    }
    Some(Witness { cuts })
}

/// A pass: the next form, or nothing if it changes nothing.
pub type Run = fn(&Func, &Cx<'_>) -> Option<Form>;

/// The name of a fault, which starts with its pass's, and what is done wrong.
pub type Fault = (&'static str, &'static str);

/// A pass and where it runs.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name, also that of its link.
    pub name: &'static str,
    /// The lowest level that runs it.
    pub from: Level,
    /// The pass.
    pub run: Run,
    /// Faults that can be switched on in development builds, each of which the validator must refuse.
    pub faults: &'static [Fault],
}
