//! Cheaper forms of expressions, found by equality saturation with the proved lemmas.
//!
//! Before: `v2 = const 8; v3 = udiv v1, v2`. After: `v4 = const 3; v3 = lshr v1, v4`. It stands after cleaning, which has folded
//! what is constant. The values of a block are read into terms, one after the other; where a lemma promises a cheaper form, egg
//! saturates the term within fixed limits, and the equal term that costs least on the target takes its place. Values from other
//! blocks, loads and results of calls are leaves.
//!
//! Obligation: refinement. The witness has for each new expression egg's explanation, a chain of lemmas; the validator replays it
//! where the old form has computed the value.

mod cost;
mod heads;
mod narrow;
mod read;
mod search;
mod write;

use crate::cfg;
use crate::faults;
use crate::liveness::{LIVE_MAX, live_in};
use crate::pass::{Cx, Form, witness};
use crate::prune;
use cost::{Setting, Weights};
use read::{Definitions, Read, is_expression, read};
use search::{Found, Lemmas, cheaper};
use synth_lemmas::{Op as Operation, Term};
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator, Type, Value};
use synth_validator::replay::{Proof, Step};
use synth_validator::witness::{Loc, Rewrite};
use write::Writer;

/// Rewrites expressions; nothing if none becomes cheaper.
pub fn rewrite(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let mut rewriter = Rewriter::new(func, cx);
    for b in cfg::reverse_postorder(func) {
        rewriter.block(b.0);
    }
    let Rewriter { new, values, renamed, rewrites, .. } = rewriter;
    let mut new = Func { blocks: new, values, results: func.results.clone(), index: func.index };
    if !rewrites.is_empty() {
        rename(&mut new, &renamed);
        prune::remove_dead(&mut new);
    }
    if narrow::narrow(&mut new) {
        prune::remove_dead(&mut new);
    } else if rewrites.is_empty() {
        return None;
    }
    let kept = |v: Value| (v.0 as usize) < func.values.len();
    let mut witness = witness(&new, |b| u64::from(b.0), |v| kept(v).then_some(v))?;
    let is_renamed = |v: &Value| renamed[v.0 as usize] != *v;
    if (0..renamed.len() as u32).map(Value).any(|v| is_renamed(&v)) {
        let live = live_in(func, LIVE_MAX)?;
        for cut in &mut witness.cuts {
            let right: Vec<Loc> = cut.equal.iter().map(|(_, right)| *right).collect();
            for v in live[cut.left as usize].iter().filter(|v| is_renamed(v)) {
                let word = Loc::Value(resolve(&renamed, *v), 0);
                if right.contains(&word) {
                    cut.equal.push((Loc::Value(*v, 0), word));
                }
            }
        }
    }
    witness.rewrites = rewrites;
    Some((new, witness).into())
}

fn resolve(renamed: &[Value], mut v: Value) -> Value {
    while renamed[v.0 as usize] != v {
        v = renamed[v.0 as usize];
    }
    v
}

fn rename(func: &mut Func, renamed: &[Value]) {
    for block in &mut func.blocks {
        let args = block.insts.iter_mut().flat_map(|i| &mut i.args);
        args.for_each(|v| *v = resolve(renamed, *v));
        cfg::operands_mut(&mut block.end).iter_mut().for_each(|v| *v = resolve(renamed, *v));
        let edges = cfg::edges_mut(&mut block.end).into_iter().flat_map(|e| &mut e.args);
        edges.for_each(|v| *v = resolve(renamed, *v));
    }
}

/// The lemmas that a function is searched with.
enum Searched {
    Shipped,
    /// The faults: a wrong lemma.
    Wrong(Box<Lemmas>),
}

impl Searched {
    fn of_faults() -> Searched {
        let name = match () {
            () if faults::on("rewrite-broken-twin") => "udiv_by_power",
            () if faults::on("rewrite-dropped-condition") => "lshr_drops_mask",
            () => return Searched::Shipped,
        };
        let lemma = synth_lemmas::all().into_iter().find(|l| l.name == name).expect("invariant: it is shipped");
        let mut twin = lemma.broken_twin();
        twin.name = lemma.name;
        Searched::Wrong(Box::new(Lemmas::searching(vec![twin])))
    }
    fn get(&self) -> &Lemmas {
        match self {
            Searched::Shipped => Lemmas::shipped(),
            Searched::Wrong(lemmas) => lemmas,
        }
    }
}

struct Rewriter<'a> {
    old: &'a Func,
    new: Vec<BlockData>,
    values: Vec<Type>,
    /// By value: what stands in its place.
    renamed: Vec<Value>,
    /// By value: uses, and those among them that are not tests.
    uses: Vec<u32>,
    plain_uses: Vec<u32>,
    definitions: Definitions,
    rewrites: Vec<Rewrite>,
    weights: Weights,
    lemmas: Searched,
}

impl<'a> Rewriter<'a> {
    fn new(func: &'a Func, cx: &'a Cx<'a>) -> Rewriter<'a> {
        let count = func.values.len();
        let mut rewriter = Rewriter {
            old: func,
            new: func.blocks.clone(),
            values: func.values.clone(),
            renamed: (0..count as u32).map(Value).collect(),
            uses: vec![0; count],
            plain_uses: vec![0; count],
            definitions: Definitions::default(),
            rewrites: Vec::new(),
            weights: Weights::of(cx.level),
            lemmas: Searched::of_faults(),
        };
        for b in cfg::reverse_postorder(func) {
            let data = &func.blocks[b.0 as usize];
            data.insts.iter().for_each(|inst| rewriter.count(inst, 1));
            let tests = matches!(data.end, Terminator::Branch(..));
            cfg::operands(&data.end).iter().for_each(|v| rewriter.count_one(*v, tests, 1));
            let args = cfg::edges(&data.end).into_iter().flat_map(|e| &e.args);
            args.for_each(|v| rewriter.count_one(*v, false, 1));
        }
        rewriter
    }
    fn count_one(&mut self, v: Value, tested: bool, by: i32) {
        let at = v.0 as usize;
        self.uses[at] = self.uses[at].wrapping_add_signed(by);
        if !tested {
            self.plain_uses[at] = self.plain_uses[at].wrapping_add_signed(by);
        }
    }
    /// Counts the uses that an instruction makes.
    fn count(&mut self, inst: &Inst, by: i32) {
        for (i, v) in inst.args.iter().enumerate() {
            let tested = i == 0 && matches!(inst.op, Op::Select | Op::TrapIf(_));
            self.count_one(*v, tested, by);
        }
    }

    fn block(&mut self, b: u32) {
        self.definitions = Definitions::default();
        let insts = std::mem::take(&mut self.new[b as usize].insts);
        let mut done = Vec::with_capacity(insts.len());
        for (i, mut inst) in insts.into_iter().enumerate() {
            for v in &mut inst.args {
                *v = resolve(&self.renamed, *v);
            }
            let words = inst.results.iter().all(|r| self.old.type_of(*r) == Type::I32);
            let at = u64::from(b) | (i as u64 + 1) << 32;
            if is_expression(&inst.op) && words && self.expression(&inst, at, &mut done) {
                continue;
            }
            self.definitions.add(&inst);
            done.push(inst);
        }
        self.new[b as usize].insts = done;
    }

    /// Puts cheaper instructions in place of one; whether it did. `at` is the old form's point behind it.
    fn expression(&mut self, inst: &Inst, at: u64, done: &mut Vec<Inst>) -> bool {
        let heads = &self.lemmas.get().heads;
        let promised = |result| heads.promise(inst, result, &self.definitions);
        match inst.results.len() {
            1 => promised(0) && self.word(inst, at, done),
            2 => (promised(0) || promised(1)) && self.pair(inst, at, done),
            _ => false,
        }
    }
    fn word(&mut self, inst: &Inst, at: u64, done: &mut Vec<Inst>) -> bool {
        let v = inst.results[0];
        let read = self.read(inst, 0);
        let tested = self.uses[v.0 as usize] == 1 && self.plain_uses[v.0 as usize] == 0;
        match self.search(&read, tested) {
            Some(found) => self.replace(inst, vec![(v, read, found)], at, done),
            None => false,
        }
    }
    /// Both words, if they cost less by themselves.
    fn pair(&mut self, inst: &Inst, at: u64, done: &mut Vec<Inst>) -> bool {
        let reads: Vec<Read> = (0..2).map(|i| self.read(inst, i)).collect();
        let mut parts = Vec::new();
        let (mut cost, mut before) = (0u32, 0u32);
        for (v, read) in inst.results.iter().zip(reads) {
            if self.uses[v.0 as usize] == 0 {
                continue;
            }
            let setting = Setting { weights: self.weights, free: &read.free, tested: false };
            let own = setting.cost(&read.term);
            before = before.max(own);
            // The low word of a sum, difference or product may stay as it is.
            let stays = |op: &Operation| matches!(op, Operation::Add | Operation::Sub | Operation::Mul);
            let found = match self.search(&read, false) {
                Some(found) => found,
                None if matches!(&read.term, Term::Apply(op, _) if stays(op)) => {
                    let proof = Proof { start: String::new(), steps: Vec::new() };
                    Found { term: read.term.clone(), cost: own, proof }
                }
                None => return false,
            };
            cost += found.cost;
            parts.push((*v, read, found));
        }
        cost < before && self.replace(inst, parts, at, done)
    }

    fn read(&self, inst: &Inst, result: usize) -> Read {
        read(inst, result, &self.definitions, &self.uses, self.old.values.len() as u32)
    }
    fn search(&self, read: &Read, tested: bool) -> Option<Found> {
        let setting = Setting { weights: self.weights, free: &read.free, tested };
        match &self.lemmas {
            Searched::Wrong(lemmas) => lemmas.cheaper(&read.term, &setting),
            Searched::Shipped => cheaper(&read.term, &setting),
        }
    }
    /// Writes the terms of an instruction's values in its place. Nothing happens if one of them cannot be written.
    fn replace(&mut self, inst: &Inst, parts: Vec<(Value, Read, Found)>, at: u64, done: &mut Vec<Inst>) -> bool {
        let count = self.values.len();
        let mut written = Vec::new();
        for (v, read, found) in &parts {
            let mut writer = Writer { read, values: &mut self.values, insts: Vec::new(), origin: inst.origin };
            let Some(value) = writer.word(&found.term) else {
                self.values.truncate(count);
                return false;
            };
            written.push((*v, value, writer.insts));
        }
        for v in count..self.values.len() {
            self.renamed.push(Value(v as u32));
        }
        self.uses.resize(self.values.len(), 0);
        self.plain_uses.resize(self.values.len(), 0);
        self.count(inst, -1);
        for (v, value, mut insts) in written {
            match insts.last_mut().and_then(|last| last.results.iter_mut().find(|r| **r == value)) {
                Some(result) => *result = v,
                None => {
                    self.renamed[v.0 as usize] = value;
                    let (uses, plain) = (self.uses[v.0 as usize], self.plain_uses[v.0 as usize]);
                    self.uses[value.0 as usize] += uses;
                    self.plain_uses[value.0 as usize] += plain;
                }
            }
            for inst in insts {
                self.count(&inst, 1);
                self.definitions.add(&inst);
                done.push(inst);
            }
        }
        for (v, read, found) in parts.into_iter().filter(|(.., found)| !found.proof.steps.is_empty()) {
            let leaves = read.leaves.iter().map(|l| Loc::Value(*l, 0)).collect();
            let proof = self.tampered(found.proof);
            self.rewrites.push(Rewrite { at, loc: Loc::Value(v, 0), leaves, proof });
        }
        true
    }
    /// The faults: a proof that says something else.
    fn tampered(&self, mut proof: Proof) -> Proof {
        if faults::on("rewrite-unknown-lemma") {
            proof.steps[0].rule.push_str("_of_mine");
        }
        if faults::on("rewrite-other-value") {
            proof = Proof {
                start: "(sub 0 (sub 0 @0))".into(),
                steps: vec![Step { rule: "negate_twice".into(), reversed: false, position: vec![], term: "@0".into() }],
            };
        }
        proof
    }
}
