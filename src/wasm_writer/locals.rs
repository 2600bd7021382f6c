//! Which local a value lies in: liveness, interference, coalescing of parameters with their arguments, colouring.
//!
//! Also which locals are still zero, as every local is at the start: an argument 0 for such a local needs no code.

use super::Kept;
use super::stackify::{Item, StackBlock};
use crate::cfg;
use rustc_hash::FxHashMap;
use synth_validator::ir::{Block, Func, Type, Value};

/// Values in locals that one function may have.
const VALUES_MAX: usize = 1 << 13;

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set(Vec<u64>);

impl Set {
    fn new(count: usize) -> Set {
        Set(vec![0; count.div_ceil(64)])
    }
    fn insert(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }
    fn remove(&mut self, i: usize) {
        self.0[i / 64] &= !(1 << (i % 64));
    }
    fn add(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
    fn meets(&self, other: &Set) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }
    fn iter(&self) -> impl Iterator<Item = usize> {
        let bits = |(i, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |b| word >> b & 1 != 0).map(move |b| i * 64 + b)
        };
        self.0.iter().enumerate().flat_map(bits)
    }
}

/// Where values lie.
#[derive(Clone, Debug, Default)]
pub struct Locals {
    /// Local of each value that has one.
    pub of: FxHashMap<Value, u32>,
    /// Types of all locals, the function's parameters first.
    pub types: Vec<Type>,
    /// By block: values in locals at its start, its parameters among them.
    pub live: Vec<Vec<Value>>,
    /// By block: locals that are zero at its start on every way to it.
    pub zero: Vec<Vec<u32>>,
    /// By block: the same at its end, before arguments are passed on.
    pub zero_after: Vec<Vec<u32>>,
}

impl Locals {
    /// First word of each local.
    pub fn words(&self) -> Vec<u32> {
        let next = |sum: &mut u32, ty: &Type| {
            let first = *sum;
            *sum += ty.words() as u32;
            Some(first)
        };
        self.types.iter().scan(0, next).collect()
    }
    /// Whether an argument needs no code: it lies where the parameter does, or is the zero that is there.
    pub fn is_in_place(&self, from: Block, param: Value, arg: &[Item]) -> bool {
        let [item] = arg else { return false };
        let local = self.of.get(&param);
        match item {
            Item::Get(v) => self.of.get(v) == local,
            item if is_zero(item) => local.is_some_and(|l| self.zero_after[from.0 as usize].binary_search(l).is_ok()),
            _ => false,
        }
    }
}

fn is_zero(item: &Item) -> bool {
    use super::op::WasmOp;
    matches!(item, Item::Op(WasmOp::Const32(0) | WasmOp::Const64(0)))
}

struct Assigner<'a> {
    shape: &'a Func,
    blocks: &'a [StackBlock],
    order: Vec<Block>,
    /// Numbers of the values that lie in locals, and back.
    number: FxHashMap<Value, usize>,
    values: Vec<Value>,
    live_in: Vec<Set>,
    interferes: Vec<Set>,
}

/// Gives values locals.
///
/// # Errors
/// If there are too many values.
pub fn assign(shape: &Func, blocks: &[StackBlock]) -> Result<Locals, Kept> {
    let order = cfg::reverse_postorder(shape);
    let mut a = Assigner {
        shape,
        blocks,
        order,
        number: FxHashMap::default(),
        values: Vec::new(),
        live_in: Vec::new(),
        interferes: Vec::new(),
    };
    a.gather();
    if a.values.len() > VALUES_MAX {
        return Err(Kept::Large);
    }
    a.liveness();
    a.interference();
    let mut locals = a.colour();
    locals.live = a.live_in.iter().map(|set| set.iter().map(|i| a.values[i]).collect()).collect();
    a.zeros(&mut locals);
    Ok(locals)
}

impl Assigner<'_> {
    fn items(block: &StackBlock) -> impl Iterator<Item = &Item> {
        block.code.iter().chain(&block.operands).chain(block.edges.iter().flat_map(|e| e.args.iter().flatten()))
    }

    fn gather(&mut self) {
        let mut found: Vec<Value> = self.shape.blocks[0].params.to_vec();
        for b in &self.order {
            found.extend(&self.shape.blocks[b.0 as usize].params);
            found.extend(Self::items(&self.blocks[b.0 as usize]).filter_map(|item| match item {
                Item::Get(v) | Item::Set(v) | Item::Tee(v) => Some(*v),
                Item::Op(_) | Item::Drop => None,
            }));
        }
        for v in found {
            let next = self.values.len();
            if *self.number.entry(v).or_insert(next) == next {
                self.values.push(v);
            }
        }
    }

    /// Goes back through a block; `defined` is told of each definition and what is live after it.
    fn back(&self, b: Block, mut defined: impl FnMut(usize, &Set)) -> Set {
        let block = &self.blocks[b.0 as usize];
        let mut live = Set::new(self.values.len());
        let step = |item: &Item, live: &mut Set, defined: &mut dyn FnMut(usize, &Set)| match item {
            Item::Get(v) => live.insert(self.number[v]),
            Item::Set(v) | Item::Tee(v) => {
                let n = self.number[v];
                live.remove(n);
                defined(n, live);
            }
            Item::Op(_) | Item::Drop => {}
        };
        for edge in &block.edges {
            let params: Vec<usize> =
                self.shape.blocks[edge.block.0 as usize].params.iter().map(|p| self.number[p]).collect();
            let mut here = self.live_in[edge.block.0 as usize].clone();
            params.iter().for_each(|p| here.insert(*p));
            for p in &params {
                let mut others = here.clone();
                others.remove(*p);
                defined(*p, &others);
            }
            params.iter().for_each(|p| here.remove(*p));
            // An argument that lies where its parameter does is not pushed: it stays there while others are computed.
            for arg in &edge.args {
                if let [Item::Get(v)] = arg[..] {
                    here.insert(self.number[&v]);
                }
            }
            for item in edge.args.iter().flatten().rev() {
                step(item, &mut here, &mut defined);
            }
            live.add(&here);
        }
        for item in block.code.iter().chain(&block.operands).rev() {
            step(item, &mut live, &mut defined);
        }
        live
    }

    fn liveness(&mut self) {
        self.live_in = vec![Set::new(self.values.len()); self.blocks.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for b in self.order.iter().rev() {
                let live = self.back(*b, |_, _| {});
                let known = &mut self.live_in[b.0 as usize];
                changed |= *known != live;
                *known = live;
            }
        }
    }

    fn interference(&mut self) {
        let count = self.values.len();
        let mut interferes = vec![Set::new(count); count];
        let mut define = |n: usize, live: &Set| {
            interferes[n].add(live);
            live.iter().for_each(|m| interferes[m].insert(n));
        };
        for b in &self.order {
            self.back(*b, &mut define);
        }
        for p in &self.shape.blocks[0].params {
            let mut others = self.live_in[0].clone();
            others.remove(self.number[p]);
            define(self.number[p], &others);
        }
        self.interferes = interferes;
    }

    fn type_of(&self, n: usize) -> Type {
        self.shape.type_of(self.values[n])
    }

    /// Classes of values that share a local because one is passed to the other.
    fn coalesce(&mut self) -> Vec<usize> {
        let count = self.values.len();
        let params = self.shape.blocks[0].params.len();
        let mut class: Vec<usize> = (0..count).collect();
        let mut members: Vec<Set> = (0..count)
            .map(|n| {
                let mut set = Set::new(count);
                set.insert(n);
                set
            })
            .collect();
        let place: FxHashMap<Block, usize> = self.order.iter().enumerate().map(|(i, b)| (*b, i)).collect();
        let mut copies: Vec<(bool, usize, usize)> = Vec::new();
        for (i, b) in self.order.iter().enumerate() {
            for edge in &self.blocks[b.0 as usize].edges {
                let to = &self.shape.blocks[edge.block.0 as usize].params;
                for (param, arg) in to.iter().zip(&edge.args) {
                    if let [Item::Get(v)] = arg[..] {
                        copies.push((place[&edge.block] > i, self.number[param], self.number[&v]));
                    }
                }
            }
        }
        // Edges back to loop headers first.
        copies.sort_by_key(|c| c.0);
        for (_, param, arg) in copies {
            let (a, b) = (class[param], class[arg]);
            // The function's parameters are the first values, and stay the first of their classes.
            let (a, b) = (a.min(b), a.max(b));
            let fixed = b < params;
            if a == b || fixed || self.type_of(a) != self.type_of(b) || self.interferes[a].meets(&members[b]) {
                continue;
            }
            let moved = std::mem::take(&mut members[b]);
            moved.iter().for_each(|m| class[m] = a);
            members[a].add(&moved);
            let interferes = std::mem::take(&mut self.interferes[b]);
            interferes.iter().for_each(|m| self.interferes[m].insert(a));
            self.interferes[a].add(&interferes);
            members[b] = Set::new(count);
            self.interferes[b] = interferes;
        }
        class
    }

    fn colour(&mut self) -> Locals {
        let class = self.coalesce();
        let params = &self.shape.blocks[0].params;
        let mut types: Vec<Type> = params.iter().map(|p| self.shape.type_of(*p)).collect();
        // By local: the values in it.
        let mut held: Vec<Set> = Vec::new();
        let mut local = vec![usize::MAX; self.values.len()];
        for n in 0..self.values.len() {
            if class[n] != n {
                continue;
            }
            let ty = self.type_of(n);
            let is_param = n < params.len();
            let free = |l: &usize| types[*l] == ty && held.get(*l).is_none_or(|h| !self.interferes[n].meets(h));
            let chosen = if is_param { n } else { (0..types.len()).find(free).unwrap_or(types.len()) };
            if chosen == types.len() {
                types.push(ty);
            }
            held.resize(types.len().max(held.len()), Set::new(self.values.len()));
            for m in (0..class.len()).filter(|m| class[*m] == n) {
                held[chosen].insert(m);
                local[m] = chosen;
            }
        }
        // Locals past the parameters stand by type.
        let fixed = params.len();
        let mut places: Vec<usize> = (fixed..types.len()).collect();
        places.sort_by_key(|l| types[*l] == Type::I64);
        let mut moved: Vec<u32> = (0..types.len() as u32).collect();
        for (i, l) in places.iter().enumerate() {
            moved[*l] = (fixed + i) as u32;
        }
        let sorted = (0..fixed).chain(places).map(|l| types[l]).collect();
        let of = self.values.iter().zip(&local).map(|(v, l)| (*v, moved[*l])).collect();
        Locals { of, types: sorted, ..Locals::default() }
    }

    /// Finds the locals that are zero at the starts and ends of blocks.
    fn zeros(&self, locals: &mut Locals) {
        let count = locals.types.len();
        let mut all = Set::new(count);
        (self.shape.blocks[0].params.len()..count).for_each(|l| all.insert(l));
        let mut zero = vec![all.clone(); self.blocks.len()];
        let mut after = zero.clone();
        let mut changed = true;
        while changed {
            changed = false;
            let mut reached: Vec<Option<Set>> = vec![None; self.blocks.len()];
            reached[0] = Some(all.clone());
            for b in &self.order {
                let block = &self.blocks[b.0 as usize];
                let mut now = zero[b.0 as usize].clone();
                for item in Self::items(block) {
                    if let Item::Set(v) | Item::Tee(v) = item {
                        now.remove(locals.of[v] as usize);
                    }
                }
                after[b.0 as usize] = now.clone();
                let params = |e: &super::stackify::StackEdge| &self.shape.blocks[e.block.0 as usize].params;
                let mut passed = now;
                let same = |p: &Value, arg: &[Item]| matches!(arg, [Item::Get(v)] if locals.of[v] == locals.of[p]);
                for edge in &block.edges {
                    for (p, _) in params(edge).iter().zip(&edge.args).filter(|(p, arg)| !same(p, arg)) {
                        passed.remove(locals.of[p] as usize);
                    }
                }
                for edge in &block.edges {
                    let mut here = passed.clone();
                    for (p, _) in
                        params(edge).iter().zip(&edge.args).filter(|(_, arg)| matches!(&arg[..], [i] if is_zero(i)))
                    {
                        here.insert(locals.of[p] as usize);
                    }
                    match &mut reached[edge.block.0 as usize] {
                        Some(known) => known.0.iter_mut().zip(&here.0).for_each(|(a, b)| *a &= b),
                        unknown => *unknown = Some(here),
                    }
                }
            }
            for (known, new) in zero.iter_mut().zip(reached) {
                let new = new.unwrap_or_else(|| Set::new(count));
                changed |= *known != new;
                *known = new;
            }
        }
        let list = |sets: &[Set]| sets.iter().map(|s| s.iter().map(|l| l as u32).collect()).collect();
        (locals.zero, locals.zero_after) = (list(&zero), list(&after));
    }
}
