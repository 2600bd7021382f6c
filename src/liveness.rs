//! Values live at the start of blocks.

use crate::cfg;
use synth_validator::ir::{Block, Func, Value};

/// Words live at block starts that a witness may list in all.
pub const LIVE_MAX: usize = 1 << 22;

/// Where values are defined and used, by block.
#[derive(Clone, Debug)]
pub struct Uses {
    /// By value; a block that does not exist if it has no definition.
    defined: Vec<Block>,
    uses: Vec<(Value, Block)>,
    /// The reachable blocks.
    order: Vec<Block>,
}

impl Uses {
    /// Those of a function.
    pub fn of(func: &Func) -> Uses {
        let order = cfg::reverse_postorder(func);
        let mut places =
            Uses { defined: vec![Block(u32::MAX); func.values.len()], uses: Vec::new(), order: Vec::new() };
        for &block in &order {
            let data = &func.blocks[block.0 as usize];
            data.params.iter().for_each(|v| places.defined[v.0 as usize] = block);
            for inst in &data.insts {
                inst.results.iter().for_each(|v| places.defined[v.0 as usize] = block);
            }
            // Definitions come before uses in this order; those of the same block make nothing live.
            let mut used = |v: &Value| {
                if places.defined[v.0 as usize] != block {
                    places.uses.push((*v, block));
                }
            };
            data.insts.iter().for_each(|inst| inst.args.iter().for_each(&mut used));
            cfg::edges(&data.end).iter().for_each(|edge| edge.args.iter().for_each(&mut used));
            cfg::operands(&data.end).iter().for_each(used);
        }
        places.order = order;
        places
    }
    /// Adds something that is known of values, with the number of a value and from this block on.
    pub fn define(&mut self, block: Block) -> Value {
        self.defined.push(block);
        Value(self.defined.len() as u32 - 1)
    }
    /// Adds a use.
    pub fn add(&mut self, v: Value, block: Block) {
        self.uses.push((v, block));
    }
    /// For each block, the values defined elsewhere and used in it or after it, in index order; a block's own
    /// parameters are not among them. `None` if there are more than `max` in all.
    ///
    /// Each value is followed from its uses back to its definition, so that the work is that of the result.
    pub fn live_in(self, func: &Func, max: usize) -> Option<Vec<Vec<Value>>> {
        let Uses { defined, uses, order } = self;
        let preds = cfg::predecessors_among(func, &order);
        // In the order of values, so that a block's are ascending.
        let mut found: Vec<(Value, Block)> = Vec::new();
        let mut counts = vec![0; func.blocks.len()];
        let mut last = vec![None; func.blocks.len()];
        let mut open = Vec::new();
        for (v, block) in by_value(&uses, defined.len()) {
            open.push(block);
            while let Some(b) = open.pop() {
                let at = b.0 as usize;
                if defined[v.0 as usize] == b || last[at] == Some(v) {
                    continue;
                }
                last[at] = Some(v);
                counts[at] += 1;
                found.push((v, b));
                if found.len() > max {
                    return None;
                }
                open.extend(&preds[at]);
            }
        }
        let mut live: Vec<Vec<Value>> = counts.into_iter().map(Vec::with_capacity).collect();
        found.into_iter().for_each(|(v, b)| live[b.0 as usize].push(v));
        Some(live)
    }
}

/// Uses in the order of their values.
fn by_value(uses: &[(Value, Block)], values: usize) -> Vec<(Value, Block)> {
    let mut next = vec![0; values + 1];
    uses.iter().for_each(|(v, _)| next[v.0 as usize + 1] += 1);
    (0..values).for_each(|v| next[v + 1] += next[v]);
    let mut sorted = vec![(Value(0), Block(0)); uses.len()];
    for used in uses {
        let place = &mut next[used.0.0 as usize];
        sorted[*place] = *used;
        *place += 1;
    }
    sorted
}

/// The values live at the start of each block; see [`Uses::live_in`].
pub fn live_in(func: &Func, max: usize) -> Option<Vec<Vec<Value>>> {
    Uses::of(func).live_in(func, max)
}
