//! Proof of the rules: for all words, all members of the constants' classes, and several choices of registers.
//!
//! The instructions of a rule are encoded by the compiler's encoder for every choice of constants, one behind the other; the bytes
//! are decoded by the validator and executed by its semantics with unknown words in all registers. What stands in the result
//! registers must equal the left side, as the validator's lemmas mean it, on its ladder. Registers are chosen low, high, and with the
//! result in the register of each operand that it may share.

use super::assembly::Hole;
use super::{Compiled, Rule};
use crate::branch_relax::layout;
use crate::emit::emit;
use crate::frame::Frame;
use crate::machine::{Inst, MachineBlock, MachineFunc, Reg, Role};
use crate::regalloc::{Allocated, Step};
use std::collections::BTreeMap;
use synth_lemmas::Term;
use synth_validator::arm::decode::{Code, FunctionBytes, decode};
use synth_validator::arm::semantics::{Function, Point, State};
use synth_validator::concrete::{Bytes, Concrete, mix};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::Domain;
use synth_validator::ladder::{Limits, Open, Path, Rung, prove_equal};
use synth_validator::lemma::{Value, evaluate};
use synth_validator::program::{Program, Step as Next, World};
use synth_validator::term::{Graph, T, Var};
use synth_validator::wasm::module::Module;
use synth_validator::witness::Loc;

/// Choices of constants in one function, so that its literals are in reach.
const INSTANCES_MAX: usize = 400;
/// Registers in the order in which they are given to operands, results and what is between, where low ones are wanted.
const LOW: [u32; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14];
/// The same, where high ones are wanted.
const HIGH: [u32; 13] = [8, 9, 10, 11, 14, 7, 6, 5, 4, 3, 2, 1, 0];
/// Executions of a rule before its proof, if each choice of constants has one.
const TRIALS: u32 = 1000;
/// Bytes that make a word of a truth value.
const TO_WORD_BYTES: u32 = 6;
/// Words that operands have when a rule is tried, besides some that look random.
const EDGES: [u32; 12] = [0, 1, 2, 31, 32, 0xff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

/// What is known of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, by this last rung; for so many choices of constants and registers.
    Proved(Rung, usize),
    /// It does not: constants and operands for which execution shows it.
    Refuted(String),
    /// Neither was shown.
    Unknown(String),
}

impl Verdict {
    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Proved(..) => "Proved",
            Verdict::Refuted(_) => "Refuted",
            Verdict::Unknown(_) => "Unknown",
        }
    }
}

/// Which register stands for what.
type Placing = BTreeMap<Hole, u32>;

/// A function that computes a rule for many choices of constants, one after the other.
struct Instances {
    code: Code,
    constants: Vec<Vec<u32>>,
    /// By choice of constants: where its instructions start; and where the last ends.
    starts: Vec<u32>,
}

/// Tries a rule on numbers, then proves it.
pub fn prove(rule: &Rule) -> Verdict {
    match judged(rule) {
        Ok(verdict) => verdict,
        Err(why) => Verdict::Unknown(why),
    }
}

fn judged(rule: &Rule) -> Result<Verdict, String> {
    let compiled = Compiled::new(rule).map_err(|wrong| format!("{wrong:?}"))?;
    let all = choices(&compiled);
    if all.is_empty() {
        return Err("no constant satisfies the conditions".to_string());
    }
    let placings = placings(&compiled);
    let mut sizes = vec![u32::MAX; all.len()];
    let mut functions = Vec::new();
    for placing in &placings {
        for (n, constants) in all.chunks(INSTANCES_MAX).enumerate() {
            let instances = Instances::new(&compiled, placing, constants)?;
            let sizes = &mut sizes[n * INSTANCES_MAX..];
            sizes.iter_mut().zip(instances.starts.windows(2)).for_each(|(s, w)| *s = (*s).min(w[1] - w[0]));
            functions.push((placing, instances));
        }
    }
    for (placing, instances) in &functions {
        if let Some(model) = tried(rule, &compiled, placing, instances)? {
            return Ok(Verdict::Refuted(model));
        }
    }
    let mut last = Rung::Normal;
    for (placing, instances) in &functions {
        match proved(rule, &compiled, placing, instances)? {
            Ok(rung) => last = last.max(rung),
            Err(verdict) => return Ok(verdict),
        }
    }
    let bytes = sizes.into_iter().max().unwrap_or(0) - if compiled.template.is_test { TO_WORD_BYTES } else { 0 };
    if bytes != rule.bytes {
        return Err(format!("it takes {bytes} bytes, not {}", rule.bytes));
    }
    Ok(Verdict::Proved(last, all.len() * placings.len()))
}

/// All choices of constants that satisfy classes and conditions.
fn choices(rule: &Compiled) -> Vec<Vec<u32>> {
    let mut all = vec![Vec::new()];
    for class in &rule.classes {
        let words = class.words();
        all = all.iter().flat_map(|chosen| words.iter().map(move |w| [chosen.as_slice(), &[*w]].concat())).collect();
    }
    all.retain(|constants| rule.conditions.iter().all(|c| c.value(constants) != 0));
    all
}

/// Choices of registers: operands, results and what is between apart in low and in high registers; the result in the register of
/// each operand, if all other operands are read before it is written.
fn placings(rule: &Compiled) -> Vec<Placing> {
    let roles = rule.template.roles();
    let apart = |pool: &[u32]| {
        let (mut placing, mut pool) = (Placing::new(), pool.iter());
        for inst in &roles {
            let mut seen = Vec::new();
            for (hole, role) in inst {
                let tied = if let Role::DefTied(n) = role { Some(placing[&seen[*n]]) } else { None };
                seen.push(*hole);
                placing.entry(*hole).or_insert_with(|| {
                    tied.unwrap_or_else(|| *pool.next().expect("invariant: a rule has few operands"))
                });
            }
        }
        placing
    };
    let low = apart(&LOW);
    let mut all = vec![low.clone(), apart(&HIGH)];
    let last = roles.last().map_or(&[][..], Vec::as_slice);
    let written = |hole: &Hole| last.iter().any(|(h, role)| h == hole && *role == Role::Def);
    let earlier = |hole: &Hole| roles[..roles.len() - 1].iter().flatten().any(|(h, _)| h == hole);
    for result in (0..2).map(Hole::Result).filter(|r| written(r) && !earlier(r)) {
        for operand in (0..rule.operands).map(Hole::Operand).filter(|o| low.contains_key(o)) {
            // A result that is tied already has its register.
            if low.iter().any(|(hole, r)| *hole != operand && *r == low[&operand]) {
                continue;
            }
            let mut shared = low.clone();
            shared.insert(result, low[&operand]);
            all.push(shared);
        }
    }
    all
}

impl Instances {
    /// # Errors
    /// What the encoder does not take, or the decoder does not read.
    fn new(rule: &Compiled, placing: &Placing, constants: &[Vec<u32>]) -> Result<Instances, String> {
        let mut steps = Vec::new();
        for (n, values) in (1..).zip(constants) {
            let filled = rule.template.filled(values, &mut |hole| Reg(placing[&hole]));
            steps.extend(filled.into_iter().map(|inst| Step::Inst(inst, n)));
        }
        let end = constants.len() as u32 + 1;
        steps.push(Step::Inst(Inst::Return { results: vec![] }, end));
        let machine = MachineFunc { blocks: vec![MachineBlock::default()], ..MachineFunc::default() };
        let allocated = Allocated { blocks: vec![steps], live: vec![], slots: 0 };
        let frame = Frame { saved: 0, filler: 0, local_bytes: 0, outgoing_bytes: 0 };
        let emitted = emit(&machine, &allocated, &frame, &[false], 0).map_err(|e| e.to_string())?;
        let out = layout(&emitted.items, emitted.labels, true).map_err(|_| "literals out of reach".to_string())?;
        let lines: BTreeMap<u32, u32> = out.lines.iter().rev().map(|(offset, origin)| (*origin, *offset)).collect();
        let start = |n: u32| lines.get(&n).copied().ok_or("an instance without code");
        let starts = (1..=end).map(start).collect::<Result<Vec<_>, _>>()?;
        let bytes = FunctionBytes { bytes: out.bytes, ..FunctionBytes::default() };
        let code = decode(&bytes).map_err(|e| e.0)?;
        Ok(Instances { code, constants: constants.to_vec(), starts })
    }
    /// Executes an instance. Result: what the result registers hold.
    fn run<D: Domain>(&self, d: &mut D, n: usize, state: State<D>, results: &[u32]) -> Result<Vec<D::W>, String> {
        let (module, contract) = surroundings();
        let program = Function::without_index(&self.code, &module, &contract);
        let end = self.starts[n + 1];
        let (mut at, mut state, mut facts) = (Point { offset: self.starts[n], micro: 0 }, state, Vec::new());
        while at.offset < end {
            let next = program.step(d, at, state, &mut facts).map_err(|e| e.0)?;
            let Next::Next(point, after) = next else { return Err("it does not go on".to_string()) };
            (at, state) = (point, after);
        }
        if !facts.is_empty() {
            return Err("it depends on more than its operands".to_string());
        }
        let word = |r: &u32| program.get(d, &state, &Loc::Reg(*r as u8)).ok_or("no such register".to_string());
        results.iter().map(word).collect()
    }
    /// A state in which everything is unknown but the operands and the words in registers.
    fn state<D: Domain>(&self, d: &mut D, memory: D::M, words: &[(u32, D::W)]) -> State<D> {
        let (module, contract) = surroundings();
        let program = Function::without_index(&self.code, &module, &contract);
        let memory_bytes = d.word(0);
        let world = World { memory, memory_bytes, cells: vec![], results: vec![] };
        let mut state = program.blank_state(d, Point { offset: 0, micro: 0 }, world, &mut |d| d.havoc());
        for (register, word) in words {
            program
                .set(&mut state, &Loc::Reg(*register as u8), word.clone())
                .expect("invariant: it is a core register");
        }
        state
    }
}

fn surroundings() -> (Module, Contract) {
    let contract = Contract::new(Bounds::None, MemoryOwner::Own, 0);
    (Module::default(), contract)
}

/// Registers that hold something at the start: operands, then words.
fn given<W: Clone>(
    rule: &Compiled,
    placing: &Placing,
    operands: &[W],
    mut word: impl FnMut(u32) -> W,
) -> Vec<(u32, W)> {
    let operands = operands.iter().enumerate().map(|(n, w)| (Hole::Operand(n), w.clone()));
    let words: Vec<(Hole, W)> = (0..).map(Hole::Word).zip(rule.template.words.iter().map(|w| word(*w))).collect();
    operands.chain(words).filter_map(|(hole, w)| Some((*placing.get(&hole)?, w))).collect()
}

/// The registers of the results.
fn results(rule: &Rule, placing: &Placing) -> Vec<u32> {
    (0..rule.left.len()).map(|n| placing[&Hole::Result(n)]).collect()
}

/// What the left side computes: a truth value is 1 or 0.
fn left<D: Domain>(d: &mut D, rule: &Rule, operands: &[D::W], constants: &[u32]) -> Vec<D::W> {
    let names = rule.names().expect("invariant: the rule is checked");
    let value = |d: &mut D, term: &Term| {
        let value = evaluate(d, term, &mut |d, atom| match atom {
            Term::Var(name) => {
                let n = names.operands.iter().position(|o| o == name)?;
                Some(Value::Word(operands[n].clone()))
            }
            Term::Imm(name) => {
                let n = names.constants.iter().position(|c| c == name)?;
                Some(Value::Word(d.word(constants[n])))
            }
            _ => None,
        });
        match value.expect("invariant: names and sorts are checked") {
            Value::Word(w) => w,
            Value::Bool(b) => d.bit(&b),
        }
    };
    rule.left.iter().map(|term| value(d, term)).collect()
}

/// Executes every instance on some words. Result: where left and right side differ, if they do.
fn tried(rule: &Rule, compiled: &Compiled, placing: &Placing, all: &Instances) -> Result<Option<String>, String> {
    let tuples = (TRIALS / all.constants.len() as u32).clamp(1, 150);
    for n in 0..all.constants.len() {
        for tuple in 0..tuples {
            let seed = |i: u32| mix(tuple * 31 + i * 7 + n as u32 * 1009);
            let word = |i: u32| {
                let random = seed(i);
                if random % 3 == 0 { EDGES[(random / 3) as usize % EDGES.len()] } else { mix(random) }
            };
            let operands: Vec<u32> = (0..compiled.operands as u32).map(word).collect();
            if let Some(model) = differs(rule, compiled, placing, all, n, &operands)? {
                return Ok(Some(model));
            }
        }
    }
    Ok(None)
}

/// Executes an instance. Result: the difference, if there is one.
fn differs(
    rule: &Rule,
    compiled: &Compiled,
    placing: &Placing,
    all: &Instances,
    n: usize,
    operands: &[u32],
) -> Result<Option<String>, String> {
    let constants = &all.constants[n];
    let mut d = Concrete { havoc_seed: mix(n as u32), ..Concrete::new(Bytes::Dense(vec![])) };
    let given = given(compiled, placing, operands, |w| w);
    let state = all.state(&mut d, (), &given);
    let right = all.run(&mut d, n, state, &results(rule, placing))?;
    let left = left(&mut d, rule, operands, constants);
    let text = || format!("operands {operands:x?}, constants {constants:x?}: {left:x?}, not {right:x?}");
    Ok((left != right).then(text))
}

/// Proves every instance for all words.
fn proved(
    rule: &Rule,
    compiled: &Compiled,
    placing: &Placing,
    all: &Instances,
) -> Result<Result<Rung, Verdict>, String> {
    let mut g = Graph::new();
    let operands: Vec<T> = (0..compiled.operands as u32).map(|i| g.var(Var::Argument(i))).collect();
    let given = given(compiled, placing, &operands, |w| g.word(w));
    let memory = g.var(Var::Memory(0));
    let start = all.state(&mut g, memory, &given);
    let mut last = Rung::Normal;
    for (n, constants) in all.constants.iter().enumerate() {
        let right = all.run(&mut g, n, start.clone(), &results(rule, placing))?;
        let left = left(&mut g, rule, &operands, constants);
        for (left, right) in left.into_iter().zip(right) {
            match prove_equal(&mut g, &Path::default(), left, right, &Limits::default()) {
                Ok(rung) => last = last.max(rung),
                Err(Open::Model(model)) => {
                    let value = |i| model.words.iter().find(|(v, _)| *v == Var::Argument(i)).map_or(0, |(_, w)| *w);
                    let words: Vec<u32> = (0..compiled.operands as u32).map(value).collect();
                    let unconfirmed =
                        || Verdict::Unknown(format!("not confirmed: {words:x?}, constants {constants:x?}"));
                    let found = differs(rule, compiled, placing, all, n, &words)?;
                    return Ok(Err(found.map_or_else(unconfirmed, Verdict::Refuted)));
                }
                Err(Open::Exhausted) => {
                    return Ok(Err(Verdict::Unknown(format!("constants {constants:x?}: limit reached"))));
                }
            }
        }
    }
    Ok(Ok(last))
}
