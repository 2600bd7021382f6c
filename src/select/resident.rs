//! Addresses and constants that stay in a register across blocks.
//!
//! A first selection makes them anew wherever no block above has made them, and notes where. What is made several times, or in a
//! loop that does not need to, is made once instead, in a block that dominates its uses and lies outside of their loops. The second selection
//! finds it there.

use super::Cached;
use crate::cfg::Dominators;
use crate::loops::{Loop, loops};
use std::collections::BTreeMap;
use synth_validator::ir::{Block, Func};

/// What is made once: what it is, and the block that makes it.
pub type Plan = Vec<(Cached, Block)>;

/// Dominators and loops of a function.
pub struct Flow {
    dominators: Dominators,
    loops: Vec<Loop>,
    /// By block: loops around it.
    depth: Vec<u32>,
}

impl Flow {
    /// Computes them.
    pub fn new(func: &Func) -> Flow {
        let dominators = Dominators::new(func);
        let loops = loops(func, &dominators);
        let mut depth = vec![0; func.blocks.len()];
        loops.iter().flat_map(|l| &l.blocks).for_each(|b| depth[b.0 as usize] += 1);
        Flow { dominators, loops, depth }
    }
    /// Whether every path from the entry to `b` passes `a`.
    pub(super) fn dominates(&self, a: Block, b: Block) -> bool {
        self.dominators.dominates(a, b)
    }
    /// Loops around a block.
    pub(super) fn depth(&self, b: u32) -> u32 {
        self.depth[b as usize]
    }
}

/// Plans from what a selection without a plan has made, and where.
pub fn plan(func: &Func, flow: &Flow, made: &[(Cached, Block)]) -> Plan {
    let mut places: BTreeMap<Cached, Vec<Block>> = BTreeMap::new();
    for (what, block) in made {
        places.entry(*what).or_default().push(*block);
    }
    let Flow { dominators, loops, depth } = flow;
    let depth = |b: Block| depth[b.0 as usize];
    let definitions = definitions(func);
    let mut plan = Plan::new();
    for (what, blocks) in places {
        let above = match what {
            Cached::Element(v) => definitions[v.0 as usize],
            Cached::Constant(_) | Cached::Address(..) => Block(0),
            Cached::MemoryBytes | Cached::Entry(..) => continue,
        };
        let common = blocks.iter().copied().reduce(|a, b| nearest(dominators, a, b)).unwrap_or(above);
        let block = hoisted(dominators, loops, common, above);
        let saves = blocks.len() > 1 || depth(block) < depth(common);
        if saves {
            plan.push((what, block));
        }
    }
    plan
}

/// By value: the block that defines it.
fn definitions(func: &Func) -> Vec<Block> {
    let mut definitions = vec![Block(0); func.values.len()];
    for (b, block) in (0..).zip(&func.blocks) {
        let results = block.insts.iter().flat_map(|i| &i.results);
        block.params.iter().chain(results).for_each(|v| definitions[v.0 as usize] = Block(b));
    }
    definitions
}

/// The nearest block that dominates both.
fn nearest(dominators: &Dominators, mut a: Block, b: Block) -> Block {
    while !dominators.dominates(a, b) {
        match dominators.immediate[a.0 as usize] {
            Some(above) if above != a => a = above,
            _ => return Block(0),
        }
    }
    a
}

/// The block before the outermost loop around `block` that `above` is not in.
fn hoisted(dominators: &Dominators, loops: &[Loop], block: Block, above: Block) -> Block {
    // Outer loops stand behind inner ones.
    let around = loops.iter().rfind(|l| l.contains(block) && !l.contains(above));
    let before = around.and_then(|l| dominators.immediate[l.header.0 as usize].filter(|b| *b != l.header));
    before.unwrap_or(block)
}
