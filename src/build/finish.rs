//! Cleans a built function and writes the witness of link 0.

use super::{Builder, Built, WORK_MAX};
use crate::error::CompileError;
use crate::prune::{self, Known, Renaming};
use crate::{cfg, liveness};
use synth_validator::ir::{Func, Type, Value};
use synth_validator::witness::{Cut, Loc, Witness};

impl Builder<'_> {
    /// The function without redundant parameters and dead code, and its cuts.
    ///
    /// At a cut, every value used later is that of a local or an operand, because WebAssembly has nothing else; a
    /// constant is listed as such, and made anew in each block. Constants that were taken in are listed at all cuts.
    pub(super) fn finish(mut self) -> Result<Built, CompileError> {
        let known = prune::known_values(&self.func);
        let mut renaming = prune::redundant_params(&self.func, &known);
        prune::rename(&mut self.func, &mut renaming);
        prune::remove_dead(&mut self.func);
        let live = liveness::live_in(&self.func, WORK_MAX as usize).ok_or_else(|| self.limit())?;
        let preds = cfg::predecessors(&self.func);
        let mut taken: Vec<Value> = self.taken.iter().map(|v| renaming.get(*v)).collect();
        taken.sort_unstable();
        taken.dedup();
        let local_words = first_words(&self.local_types);
        let mut cuts = Vec::new();
        for snapshot in &self.snapshots {
            let i = snapshot.block.0 as usize;
            if preds[i].len() < 2 {
                continue;
            }
            let mut used = live[i].clone();
            used.extend(self.func.blocks[i].params.iter().chain(&taken));
            used.sort_unstable();
            let state = State { func: &self.func, known: &known, renaming: &renaming, used: &used };
            let mut equal = Vec::new();
            for (v, word) in snapshot.locals.iter().zip(&local_words) {
                state.relate(*v, |half| Loc::WasmLocal(word + half), &mut equal);
            }
            let types: Vec<Type> = snapshot.stack.iter().map(|v| self.func.type_of(*v)).collect();
            for (v, word) in snapshot.stack.iter().zip(first_words(&types)) {
                state.relate(*v, |half| Loc::WasmStack(word + half), &mut equal);
            }
            cuts.push(Cut { left: snapshot.at, right: u64::from(snapshot.block.0), equal, ..Cut::default() });
        }
        prune::rematerialize(&mut self.func, &known);
        Ok(Built { func: self.func, witness: Witness { cuts, ..Witness::default() } })
    }
}

/// Number of the first word of each value in a row of values of these types.
fn first_words(types: &[Type]) -> Vec<u32> {
    let next = |sum: &mut u32, ty: &Type| {
        let first = *sum;
        *sum += ty.words() as u32;
        Some(first)
    };
    types.iter().scan(0, next).collect()
}

/// What relates the two sides at a cut.
struct State<'b> {
    func: &'b Func,
    known: &'b [Option<Known>],
    renaming: &'b Renaming,
    /// Values used from the cut on, in index order.
    used: &'b [Value],
}

impl State<'_> {
    /// Relates the words of a local or operand to the value that it has here, if that is used from here on.
    fn relate(&self, v: Value, left: impl Fn(u32) -> Loc, equal: &mut Vec<(Loc, Loc)>) {
        let v = self.renaming.get(v);
        if self.used.binary_search(&v).is_err() {
            return;
        }
        for half in 0..self.func.type_of(v).words() as u32 {
            let right = match self.known[v.0 as usize] {
                Some(Known::Const(_, k)) => Loc::Const((k >> (32 * half)) as u32),
                Some(Known::Address(symbol)) => Loc::Address(symbol),
                None => Loc::Value(v, half as u8),
            };
            equal.push((left(half), right));
        }
    }
}
