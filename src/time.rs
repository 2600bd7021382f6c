//! How many cycles functions take at most, from the machine code of an object; or why no bound can be told.
//!
//! Instructions cost what [`cost`] says. A loop costs its longest round as many times as [`rounds`] can count; a function the longest
//! way through it, loops taken as one step each, and with each call the callee. What functions of the host and run-time helpers take is
//! not known: they are named, each with the most calls of it. Loops without provable bound and recursion are named as well.

pub mod cost;
pub mod flow;
pub mod rounds;

use crate::compile::Core;
use crate::stack::frame::next;
use crate::stack::{Callee, FunctionStack};
use flow::Flow;
use std::collections::BTreeMap;
use synth_validator::arm::decode::{Code, decode};
use synth_validator::arm::object::ObjectFile;
use synth_validator::claim::Claim;

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopTime {
    /// Code offset of its header.
    pub offset: u32,
    /// Rounds at most; nothing if that cannot be told.
    pub rounds: Option<u64>,
}

/// How long a function takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTime {
    /// Function index, as [`FunctionStack`] has it.
    pub index: u32,
    /// Cycles at most, without those of functions outside; nothing if there is no bound.
    pub cycles: Option<u64>,
    /// Why there is no bound.
    pub why: Vec<Decline>,
    /// Its loops.
    pub loops: Vec<LoopTime>,
    /// Calls of functions outside, at most, by symbol.
    pub outside: BTreeMap<String, u64>,
}

/// Why there is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decline {
    /// A loop's rounds cannot be counted: code offset of its header.
    Loop(u32),
    /// A loop is entered in its middle: code offset.
    Irreducible(u32),
    /// Calls can go round.
    Recursion,
    /// A callee has no bound: its index.
    Callee(u32),
    /// The manual of the core has no table of cycles.
    Core,
    /// The code cannot be followed, and why.
    Code(String),
    /// The bound does not fit 64 bits.
    TooLarge,
}

/// Bounds of functions, ascending by index. Operand `stacks`: what [`crate::stack::usage`] tells of them.
pub fn bounds(object: &ObjectFile, claim: &Claim, stacks: &[FunctionStack], core: Core) -> Vec<FunctionTime> {
    let mut done: BTreeMap<u32, FunctionTime> = BTreeMap::new();
    let mut open: Vec<&FunctionStack> = stacks.iter().rev().collect();
    while let Some(function) = open.last().copied() {
        let inside = |c: &Callee| if let Callee::Function(f) = c { Some(*f) } else { None };
        let callees = function.calls.iter().flat_map(|c| &c.callees).filter_map(inside);
        let is_circle = function.total.circle.first() == Some(&function.index);
        let waits: Vec<&FunctionStack> = match is_circle {
            true => Vec::new(),
            false => {
                callees.filter(|f| !done.contains_key(f)).filter_map(|f| stacks.iter().find(|s| s.index == f)).collect()
            }
        };
        if waits.is_empty() {
            open.pop();
            let time = if is_circle {
                declined(function.index, Decline::Recursion)
            } else {
                one(object, claim, function, &done, core)
            };
            done.entry(function.index).or_insert(time);
        }
        open.extend(waits);
    }
    done.into_values().collect()
}

fn declined(index: u32, why: Decline) -> FunctionTime {
    FunctionTime { index, cycles: None, why: vec![why], loops: Vec::new(), outside: BTreeMap::new() }
}

fn one(
    object: &ObjectFile,
    claim: &Claim,
    function: &FunctionStack,
    done: &BTreeMap<u32, FunctionTime>,
    core: Core,
) -> FunctionTime {
    let index = function.index;
    let Some(bytes) = function.code(object) else {
        return declined(index, Decline::Code("it is not in the object".to_string()));
    };
    let none = BTreeMap::new();
    let types = claim.functions.iter().find(|f| f.index == index).map_or(&none, |f| &f.indirect_types);
    let code = match decode(bytes) {
        Ok(code) => code,
        Err(e) => return declined(index, Decline::Code(e.0)),
    };
    let flow = match edges(&code, types).map(|edges| Flow::new(&edges)) {
        Ok(Ok(flow)) => flow,
        Ok(Err(offset)) => return declined(index, Decline::Irreducible(offset)),
        Err(why) => return declined(index, Decline::Code(why)),
    };
    let rounds = rounds::rounds(&code, &flow);
    let loops: Vec<LoopTime> = flow
        .loops
        .iter()
        .zip(&rounds)
        .map(|(l, rounds)| LoopTime { offset: flow.offsets[l.header], rounds: *rounds })
        .collect();
    let mut why: Vec<Decline> = loops.iter().filter(|l| l.rounds.is_none()).map(|l| Decline::Loop(l.offset)).collect();
    let costs: Option<Vec<u64>> = flow.offsets.iter().map(|at| cost::cycles(core, &code.insns[at])).collect();
    let Some(mut costs) = costs else { return FunctionTime { loops, ..declined(index, Decline::Core) } };
    let mut calls: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for call in &function.calls {
        let Some(node) = flow.offsets.iter().position(|at| *at == call.offset) else { continue };
        let (mut most, mut of_callees): (u64, BTreeMap<&String, u64>) = (0, BTreeMap::new());
        for callee in &call.callees {
            match callee {
                Callee::Outside(name) => {
                    *of_callees.entry(name).or_insert(0) = of_callees.get(name).map_or(1, |n| 1.max(*n))
                }
                Callee::Function(f) => {
                    let Some(time) = done.get(f) else { continue };
                    match time.cycles {
                        Some(cycles) => most = most.max(cycles),
                        None if !why.contains(&Decline::Callee(*f)) => why.push(Decline::Callee(*f)),
                        None => {}
                    }
                    for (name, times) in &time.outside {
                        let entry = of_callees.entry(name).or_insert(0);
                        *entry = (*entry).max(*times);
                    }
                }
            }
        }
        costs[node] = costs[node].saturating_add(most);
        for (name, times) in of_callees {
            calls.entry(name.clone()).or_insert_with(|| vec![0; flow.offsets.len()])[node] = times;
        }
    }
    let mut time = FunctionTime { index, cycles: None, why, loops, outside: BTreeMap::new() };
    let Some(rounds) = rounds.into_iter().collect::<Option<Vec<u64>>>().filter(|_| time.why.is_empty()) else {
        return time;
    };
    time.cycles = flow.longest(&costs, &rounds).filter(|cycles| *cycles < u64::MAX);
    for (name, weights) in calls {
        match flow.longest(&weights, &rounds) {
            Some(times) => drop(time.outside.insert(name, times)),
            None => time.cycles = None,
        }
    }
    if time.cycles.is_none() {
        time.why.push(Decline::TooLarge);
    }
    time
}

/// Where each instruction that can be reached leads.
///
/// # Errors
/// What cannot be followed.
pub fn edges(code: &Code, types: &BTreeMap<u32, u32>) -> Result<BTreeMap<u32, Vec<u32>>, String> {
    let mut edges = BTreeMap::new();
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        if edges.contains_key(&at) {
            continue;
        }
        let insn = code.insns.get(&at).ok_or_else(|| format!("{at:#x}: no instruction"))?;
        let (to, _) = next(code, insn, types)?;
        open.extend(&to);
        edges.insert(at, to);
    }
    Ok(edges)
}
