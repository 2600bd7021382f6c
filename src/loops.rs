//! Natural loops of a function.

use crate::cfg::{self, Dominators};
use synth_validator::ir::{Block, Func};

/// A natural loop: the blocks from which its header is reached again without leaving what the header dominates.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its header.
    pub header: Block,
    /// Its blocks, ascending, the header included.
    pub blocks: Vec<Block>,
    /// The sources of edges that enter it.
    pub entries: Vec<Block>,
}

impl Loop {
    /// Whether a block is in it.
    pub fn contains(&self, block: Block) -> bool {
        self.blocks.binary_search(&block).is_ok()
    }
}

/// The loops of a function, inner ones before those around them, else by header. Loops with one header are one.
pub fn loops(func: &Func, dominators: &Dominators) -> Vec<Loop> {
    let preds = cfg::predecessors(func);
    let mut found = Vec::new();
    for header in dominators.order.iter().copied() {
        if !preds[header.0 as usize].iter().any(|p| dominators.dominates(header, *p)) {
            continue;
        }
        let (back, entries): (Vec<Block>, Vec<Block>) =
            preds[header.0 as usize].iter().partition(|p| dominators.dominates(header, **p));
        let mut inside = vec![false; func.blocks.len()];
        inside[header.0 as usize] = true;
        let mut open = back;
        while let Some(b) = open.pop() {
            if !std::mem::replace(&mut inside[b.0 as usize], true) {
                open.extend(&preds[b.0 as usize]);
            }
        }
        let blocks = (0..).zip(&inside).filter(|(_, inside)| **inside).map(|(b, _)| Block(b)).collect();
        found.push(Loop { header, blocks, entries });
    }
    found.sort_by_key(|l| (l.blocks.len(), l.header));
    found
}
