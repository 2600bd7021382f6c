//! Induction variables: parameters of a loop's header to which every edge back adds the same constant, with all their uses.

use crate::cfg::{self, Dominators};
use crate::faults;
use crate::loops::{Loop, loops};
use crate::prune::{Known, known_values};
use rustc_hash::FxHashMap;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Edge, Func, Inst, Op, Type, Value};

/// Variables of one loop that are looked at.
const VARIABLES_MAX: usize = 32;

/// An induction variable.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The number of the parameter.
    pub at: usize,
    /// The parameter.
    pub param: Value,
    /// What an iteration adds.
    pub step: u32,
    /// The sums that edges back bring.
    pub next: Vec<Value>,
}

impl Variable {
    /// The parameter and the sums.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        [self.param].into_iter().chain(self.next.iter().copied())
    }
}

/// A loop with at least two induction variables.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The loop.
    pub inside: Loop,
    /// Its variables, in order of parameters.
    pub variables: Vec<Variable>,
}

/// Where a value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// As an operand, by number, of an instruction.
    Inst(Block, usize, usize),
    /// By the terminator itself.
    Operand(Block),
    /// As an argument of an edge: numbers of edge and argument.
    Edge(Block, usize, usize),
}

/// The loops of a function, and what is known of their variables.
pub struct Variables<'a> {
    /// The function.
    pub func: &'a Func,
    /// Its dominators.
    pub dominators: Dominators,
    /// What is known of each value.
    pub known: Vec<Option<Known>>,
    /// Inner loops before those around them.
    pub loops: Vec<Counted>,
    /// By value: the block that defines it, and the number of the instruction; none for parameters.
    definition: Vec<Option<(Block, Option<usize>)>>,
    uses: FxHashMap<Value, Vec<Use>>,
}

impl<'a> Variables<'a> {
    /// Finds the variables; nothing if no loop has two.
    pub fn find(func: &'a Func) -> Option<Variables<'a>> {
        let dominators = Dominators::new(func);
        let mut found = loops(func, &dominators);
        found.retain(|l| func.blocks[l.header.0 as usize].params.len() > 1);
        if found.is_empty() {
            return None;
        }
        let definition = definitions(func);
        let known = known_values(func);
        let uses = FxHashMap::default();
        let mut variables = Variables { func, dominators, known, loops: Vec::new(), definition, uses };
        for inside in found {
            let of_loop = variables.of_loop(&inside);
            if of_loop.len() > 1 {
                variables.loops.push(Counted { inside, variables: of_loop });
            }
        }
        variables.gather_uses();
        (!variables.loops.is_empty()).then_some(variables)
    }

    fn of_loop(&self, l: &Loop) -> Vec<Variable> {
        let edges = l.blocks.iter().flat_map(|b| cfg::edges(&self.func.blocks[b.0 as usize].end));
        let back: Vec<&Edge> = edges.filter(|e| e.block == l.header).collect();
        let mut found = Vec::new();
        for (at, param) in self.func.blocks[l.header.0 as usize].params.iter().enumerate() {
            let steps = back.iter().map(|e| self.step(*param, e.args[at]));
            if found.len() == VARIABLES_MAX {
                break;
            }
            let Some(steps) = steps.collect::<Option<Vec<u32>>>() else { continue };
            let is_same = steps.iter().all(|s| *s == steps[0]) || faults::on("induction-first-step");
            if is_same && steps[0] != 0 && self.func.type_of(*param) == Type::I32 {
                let mut next: Vec<Value> = back.iter().map(|e| e.args[at]).collect();
                next.sort_unstable();
                next.dedup();
                found.push(Variable { at, param: *param, step: steps[0], next });
            }
        }
        found
    }
    /// What was added to a parameter to make a sum.
    fn step(&self, param: Value, sum: Value) -> Option<u32> {
        let inst = self.instruction(sum)?;
        match (&inst.op, &inst.args[..]) {
            (Op::Bin(BinOp::Add), [a, k] | [k, a]) if *a == param => self.constant(*k),
            (Op::Bin(BinOp::Sub), [a, k]) if *a == param => Some(self.constant(*k)?.wrapping_neg()),
            _ => None,
        }
    }
    /// The constant that a word is.
    pub fn constant(&self, v: Value) -> Option<u32> {
        match self.known[v.0 as usize] {
            Some(Known::Const(Type::I32, k)) => Some(k as u32),
            _ => None,
        }
    }
    /// The instruction that computes a value.
    pub fn instruction(&self, v: Value) -> Option<&'a Inst> {
        let (block, at) = self.definition[v.0 as usize]?;
        self.func.blocks[block.0 as usize].insts.get(at?)
    }
    /// The block that defines a value.
    pub fn home(&self, v: Value) -> Option<Block> {
        self.definition[v.0 as usize].map(|(block, _)| block)
    }
    /// Whether a value is defined above the instruction of this number of a block.
    pub fn is_above(&self, v: Value, (block, at): (Block, usize)) -> bool {
        match self.definition[v.0 as usize] {
            Some((home, place)) if home == block => place.is_none_or(|p| p < at),
            Some((home, _)) => self.dominators.dominates(home, block),
            None => false,
        }
    }
    /// All uses of a variable's values.
    pub fn uses<'s>(&'s self, variable: &'s Variable) -> impl Iterator<Item = (Value, Use)> + 's {
        variable.values().flat_map(|v| self.uses.get(&v).into_iter().flatten().map(move |u| (v, *u)))
    }
    /// The edges that enter a loop.
    pub fn entries(&self, l: &Loop) -> impl Iterator<Item = &'a Edge> {
        let (func, header) = (self.func, l.header);
        let mut entries = l.entries.clone();
        entries.dedup();
        entries.into_iter().flat_map(|b| cfg::edges(&func.blocks[b.0 as usize].end)).filter(move |e| e.block == header)
    }

    fn gather_uses(&mut self) {
        let values = self.loops.iter().flat_map(|l| &l.variables).flat_map(Variable::values);
        self.uses = values.map(|v| (v, Vec::new())).collect();
        let mut note = |v: &Value, place: Use| {
            if let Some(uses) = self.uses.get_mut(v) {
                uses.push(place);
            }
        };
        for b in cfg::reverse_postorder(self.func) {
            let data = &self.func.blocks[b.0 as usize];
            for (i, inst) in data.insts.iter().enumerate() {
                inst.args.iter().enumerate().for_each(|(n, v)| note(v, Use::Inst(b, i, n)));
            }
            cfg::operands(&data.end).iter().for_each(|v| note(v, Use::Operand(b)));
            for (e, edge) in cfg::edges(&data.end).into_iter().enumerate() {
                edge.args.iter().enumerate().for_each(|(n, v)| note(v, Use::Edge(b, e, n)));
            }
        }
    }
}

fn definitions(func: &Func) -> Vec<Option<(Block, Option<usize>)>> {
    let mut definition = vec![None; func.values.len()];
    for b in cfg::reverse_postorder(func) {
        let data = &func.blocks[b.0 as usize];
        data.params.iter().for_each(|p| definition[p.0 as usize] = Some((b, None)));
        for (i, inst) in data.insts.iter().enumerate() {
            inst.results.iter().for_each(|r| definition[r.0 as usize] = Some((b, Some(i))));
        }
    }
    definition
}
