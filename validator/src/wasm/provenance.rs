//! Which loads and stores have addresses of the host's, under a contract that says which words at functions' borders do.
//!
//! This is part of what the contract means. A word is a host address if it is such a parameter or result, an imported
//! immutable `i32` global (the address of the host's symbol), or the sum or difference of a host address and a number. A load or store whose
//! address operand is one on every way to it accesses the host's memory at that address plus its constant offset, modulo 2^32; where it is
//! one on some ways only, or was computed otherwise from one, there is no telling and the module is refused. All others access linear memory.
//!
//! If everything is a host address, all loads and stores are such, and what only linear memory has (its size, `memory.copy` and so on) is
//! refused.
//!
//! Words are followed through locals and operand stack of each function and through calls' results, which are, through a table, what any
//! function that may be called there returns; not through memory and globals: what is loaded or comes from there is a number.
//!
//! Requirement TOR-CLAUSE-HOST: Accesses through host addresses shall be those that the contract names, found by the validator itself;
//! code shall access nothing there that the module does not.
//!
//! Requirement TOR-CLAUSE-HOSTMIX: An address that may be the host's or linear memory's, and callers and callees that disagree about
//! it, shall be refused.

mod origin;

use super::code::{self, Body, Instr, Label, Operator};
use super::module::{Module, ValType};
use super::operators::{Bin32, Numeric};
use crate::contract::Native;
use crate::ir::Type;
pub use origin::{Origin, Other, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An access of which it cannot be said whose address it has, or that may not have the host's; or a word of which two sides say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    /// Function index.
    pub func: u32,
    /// Byte offset of the operator.
    pub offset: u32,
    /// What its address is.
    pub origin: Origin,
    /// The parameter of which caller and callee, or the result of which contract and function, do not agree whether it is a host address.
    pub word: Option<Native>,
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word {
            Some(Native::Param(func, n)) => {
                return write!(
                    f,
                    "caller and callee do not agree whether parameter {n} of function {func} is a host address"
                );
            }
            Some(Native::Result(func, n)) => {
                return write!(
                    f,
                    "function {func} returns something else than a host address as result {n}, named as one"
                );
            }
            Some(Native::Everything) | None => {}
        }
        match self.origin {
            Origin::Mixed(source, other, at) => {
                write!(
                    f,
                    "the address is the host address {source} on some ways and {other} on others, which meet at {at:#x}"
                )
            }
            Origin::Sum(source, other, at) => {
                write!(f, "the address is a sum of the host address {source} and {other}, made at {at:#x}")
            }
            Origin::Computed(source, at) => write!(
                f,
                "the address was computed from the host address {source}, at {at:#x}, otherwise than by adding a number"
            ),
            origin => {
                let source = origin.source().map_or(String::new(), |s| format!(" ({s})"));
                write!(
                    f,
                    "memory.copy, memory.fill, memory.init, memory.size and memory.grow take no host address{source}"
                )
            }
        }
    }
}

impl std::error::Error for Ambiguous {}

/// Who may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The function with this index.
    Function(u32),
    /// A function of this canonical type, through this table.
    Table(u32, u32),
}

impl Target {
    /// The functions that a call may reach.
    fn callees(self, module: &Module) -> Vec<u32> {
        let type_of = |func: u32| module.canonical[module.functions[func as usize].type_index as usize];
        let entries = module.elements.iter().flat_map(|e| e.funcs.iter().flatten().copied());
        match self {
            Target::Function(func) => vec![func],
            Target::Table(_, type_index) => entries.filter(|f| type_of(*f) == type_index).collect(),
        }
    }
    /// Those of the module's own among them.
    pub fn own(self, module: &Module) -> Vec<u32> {
        let mut callees = self.callees(module);
        callees.retain(|f| module.functions[*f as usize].import.is_none());
        callees
    }
}

/// A word that a call passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Byte offset of the call.
    pub offset: u32,
    /// Who is called.
    pub callee: Target,
    /// Number of the argument word.
    pub word: u32,
    /// What it is.
    pub origin: Origin,
}

/// What following the words of a function yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Accesses with host addresses: byte offset, and where the address comes from.
    pub host: BTreeMap<u32, Source>,
    /// Accesses that are refused, ascending by offset.
    pub ambiguous: Vec<Ambiguous>,
    /// Argument words of calls, in order.
    pub passed: Vec<Passed>,
    /// Byte offsets at which a host address goes to linear memory or a global, from where it comes back as a number.
    pub kept: Vec<u32>,
    /// Result words.
    pub results: Vec<Origin>,
}

/// Follows the words of all functions that can be executed, by function index.
pub fn follow(module: &Module, bytes: &[u8], native: &BTreeSet<Native>) -> BTreeMap<u32, Followed> {
    let defined = module.imported_functions()..module.functions.len() as u32;
    let bodies: Vec<Body> = defined.filter_map(|f| code::body(module, bytes, f).ok()).collect();
    // What functions return depends on what others return, and only ever becomes more.
    let nothing = |body: &Body| (body.func, vec![Origin::Never; body.result_words as usize]);
    let mut returned: BTreeMap<u32, Vec<Origin>> = bodies.iter().map(nothing).collect();
    loop {
        let one = |body: &Body| (body.func, Following { module, native, body, returned: &returned }.run());
        let followed: BTreeMap<u32, Followed> = bodies.iter().map(one).collect();
        let mut next = returned.clone();
        for (known, found) in next.values_mut().zip(followed.values()) {
            known.iter_mut().zip(&found.results).for_each(|(known, word)| *known = known.or(*word, 0));
        }
        if next == returned {
            return followed;
        }
        returned = next;
    }
}

/// Byte offsets of the accesses with host addresses.
///
/// # Errors
/// The first access of which it cannot be said.
pub fn host_accesses(module: &Module, bytes: &[u8], native: &BTreeSet<Native>) -> Result<BTreeSet<u32>, Ambiguous> {
    if native.contains(&Native::Everything) {
        return all_accesses(module, bytes);
    }
    let imports_address = |g: &super::module::Global| g.import.is_some() && !g.mutable;
    if native.is_empty() && !module.globals.iter().any(imports_address) {
        return Ok(BTreeSet::new());
    }
    let followed = follow(module, bytes, native);
    let ambiguous = followed.values().flat_map(|f| &f.ambiguous).next().copied();
    match ambiguous.or_else(|| disagreement(module, native, &followed)) {
        Some(refused) => Err(refused),
        None => Ok(followed.values().flat_map(|f| f.host.keys()).copied().collect()),
    }
}

/// The first word on which two sides do not agree: one that a call passes to a function of the module's own, or a result that the
/// contract names.
pub fn disagreement(
    module: &Module,
    native: &BTreeSet<Native>,
    followed: &BTreeMap<u32, Followed>,
) -> Option<Ambiguous> {
    followed.iter().find_map(|(func, found)| {
        let passed = found.passed.iter().flat_map(|p| {
            let param = |f: u32| Some(Native::Param(f, value_of(&module.type_of(f).params, p.word)?));
            let params: Vec<Native> = p.callee.own(module).into_iter().filter_map(param).collect();
            params.into_iter().map(|param| (p.offset, p.origin, param))
        });
        let start = module.functions[*func as usize].body.start as u32;
        let results = found.results.iter().zip(0..).filter_map(|(origin, word)| {
            let result = Native::Result(*func, value_of(&module.type_of(*func).results, word)?);
            native.contains(&result).then_some((start, *origin, result))
        });
        let mut words = passed.chain(results);
        let (offset, origin, word) = words.find(|(_, origin, word)| !agree(native, *origin, *word))?;
        Some(Ambiguous { func: *func, offset, origin, word: Some(word) })
    })
}

/// Whether a word may be a parameter or result that the contract names or does not name: host addresses become such that it names, and
/// nothing does that may lie on the module's stack. What was made of a host address, is one on some ways only, or may be a number of
/// linear memory as well, becomes neither.
fn agree(native: &BTreeSet<Native>, origin: Origin, word: Native) -> bool {
    let is_named = native.contains(&word);
    match origin {
        Origin::Never | Origin::Zero | Origin::Number => true,
        Origin::Host(_) => is_named,
        Origin::Global | Origin::Derived => !is_named,
        Origin::Computed(..) | Origin::Mixed(..) | Origin::Sum(..) => false,
    }
}

/// All loads and stores.
fn all_accesses(module: &Module, bytes: &[u8]) -> Result<BTreeSet<u32>, Ambiguous> {
    let mut found = BTreeSet::new();
    for func in module.imported_functions()..module.functions.len() as u32 {
        let Ok(body) = code::body(module, bytes, func) else { continue };
        for Instr { operator, offset, .. } in body.instrs {
            match operator {
                Operator::Load { .. } | Operator::Load64(_) | Operator::Store { .. } | Operator::Store64(_) => {
                    found.insert(offset);
                }
                Operator::MemoryCopy
                | Operator::MemoryFill
                | Operator::MemoryInit(_)
                | Operator::MemorySize
                | Operator::MemoryGrow => return Err(Ambiguous { func, offset, origin: Origin::Number, word: None }),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Whether a contract's words are `i32` parameters and results of the module's functions.
pub fn fits(module: &Module, native: Native) -> bool {
    let (Native::Param(func, n) | Native::Result(func, n)) = native else {
        return true;
    };
    if func as usize >= module.functions.len() {
        return false;
    }
    let ty = module.type_of(func);
    let types = if matches!(native, Native::Param(..)) { &ty.params } else { &ty.results };
    types.get(n as usize) == Some(&ValType::Int(Type::I32))
}

/// Number of the value that begins with this word; `None` within one.
pub fn value_of(types: &[ValType], word: u32) -> Option<u32> {
    let mut at = 0;
    for (n, ty) in types.iter().enumerate() {
        if at == word {
            return Some(n as u32);
        }
        at += ty.bits().map_or(1, Type::words) as u32;
    }
    None
}

/// Locals and operand stack.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    locals: Vec<Origin>,
    stack: Vec<Origin>,
}

impl Words {
    fn pop(&mut self) -> Origin {
        self.stack.pop().expect("invariant: a validated body pops what it pushed")
    }
    fn take(&mut self, words: u32) -> Vec<Origin> {
        self.stack.split_off(self.stack.len() - words as usize)
    }
    fn push(&mut self, words: usize, origin: Origin) {
        self.stack.extend(std::iter::repeat_n(origin, words));
    }
}

/// One function being followed.
struct Following<'a> {
    module: &'a Module,
    native: &'a BTreeSet<Native>,
    body: &'a Body,
    /// What functions return, as far as it is known.
    returned: &'a BTreeMap<u32, Vec<Origin>>,
}

impl Following<'_> {
    fn run(&self) -> Followed {
        let params = &self.module.type_of(self.body.func).params;
        let param = |word: u32| match value_of(params, word) {
            Some(n) if self.native.contains(&Native::Param(self.body.func, n)) => Origin::Host(Source::Param(n)),
            _ => Origin::Number,
        };
        let locals =
            (0..self.body.local_words).map(|w| if w < self.body.param_words { param(w) } else { Origin::Zero });
        let start = Words { locals: locals.collect(), stack: Vec::new() };
        let mut reached: Vec<Option<Words>> = vec![None; self.body.instrs.len()];
        reached[0] = Some(start);
        let mut open = BTreeSet::from([0]);
        while let Some(index) = open.pop_first() {
            let words = reached[index as usize].clone().expect("invariant: open instructions are reached");
            for (to, words) in self.step(index, words, &mut Followed::default()) {
                let slot = &mut reached[to as usize];
                let at = self.body.instrs[to as usize].offset;
                let met = match slot.as_ref() {
                    None => words,
                    Some(old) => meet(old, &words, at),
                };
                if slot.as_ref() != Some(&met) {
                    *slot = Some(met);
                    open.insert(to);
                }
            }
        }
        let mut found =
            Followed { results: vec![Origin::Never; self.body.result_words as usize], ..Followed::default() };
        for (index, words) in reached.into_iter().enumerate() {
            if let Some(words) = words {
                self.step(index as u32, words, &mut found);
            }
        }
        found
    }

    /// Executes an instruction. Result: where execution goes on, and with what.
    fn step(&self, index: u32, mut words: Words, found: &mut Followed) -> Vec<(u32, Words)> {
        let instr = &self.body.instrs[index as usize];
        let jump = |label: &Label, words: &Words| {
            let mut words = words.clone();
            let kept = words.stack.len() - label.keep as usize;
            words.stack.drain(label.height as usize..kept);
            (label.target, words)
        };
        match &instr.operator {
            Operator::Br(label) => vec![jump(label, &words)],
            Operator::BrIf(label) | Operator::If(label) => {
                words.pop();
                vec![jump(label, &words), (index + 1, words)]
            }
            Operator::BrTable(labels) => {
                words.pop();
                labels.iter().map(|label| jump(label, &words)).collect()
            }
            Operator::Unreachable => Vec::new(),
            Operator::Return(count) => {
                let returned = words.take(*count);
                for (known, word) in found.results.iter_mut().zip(returned) {
                    *known = known.or(word, instr.offset);
                }
                Vec::new()
            }
            _ => {
                self.straight(instr, &mut words, found);
                vec![(index + 1, words)]
            }
        }
    }

    /// Executes an instruction that goes on with the next one.
    fn straight(&self, instr: &Instr, words: &mut Words, found: &mut Followed) {
        let at = instr.offset;
        let range = |r: &std::ops::Range<u32>| r.start as usize..r.end as usize;
        match &instr.operator {
            Operator::Numeric(op) => numeric(*op, at, words),
            Operator::Div32(_) => {
                let operands = words.take(2);
                words.push(1, Origin::computed(&operands, at));
            }
            Operator::Div64(_) => {
                let operands = words.take(4);
                words.push(2, Origin::computed(&operands, at));
            }
            Operator::Drop(count) => drop(words.take(*count)),
            Operator::Select(count) => {
                words.pop();
                let (b, a) = (words.take(*count), words.take(*count));
                words.stack.extend(a.into_iter().zip(b).map(|(a, b)| a.or(b, at)));
            }
            Operator::LocalGet(r) => words.stack.extend_from_slice(&words.locals[range(r)]),
            Operator::LocalSet(r) => {
                let values = words.take(r.len() as u32);
                words.locals[range(r)].copy_from_slice(&values);
            }
            Operator::LocalTee(r) => {
                let first = words.stack.len() - r.len();
                words.locals[range(r)].copy_from_slice(&words.stack[first..]);
            }
            Operator::GlobalGet(r) => words.push(r.len(), Origin::Global),
            Operator::GlobalSet(r) => {
                let values = words.take(r.len() as u32);
                found.keep(&values, at);
            }
            Operator::HostAddress(global) => words.push(1, Origin::Host(Source::Global(*global))),
            Operator::Load { ty, .. } => {
                found.access(self.body.func, at, words.pop());
                words.push(ty.words(), Origin::Number);
            }
            Operator::Load64(_) => {
                found.access(self.body.func, at, words.pop());
                words.push(2, Origin::Number);
            }
            Operator::Store { ty, .. } => self.store(ty.words() as u32, at, words, found),
            Operator::Store64(_) => self.store(2, at, words, found),
            Operator::MemorySize => words.push(1, Origin::Number),
            Operator::MemoryGrow => {
                words.pop();
                words.push(1, Origin::Number);
            }
            Operator::MemoryFill | Operator::MemoryCopy | Operator::MemoryInit(_) => {
                let operands = words.take(3);
                let addresses = if instr.operator == Operator::MemoryCopy { &operands[..2] } else { &operands[..1] };
                let host = addresses.iter().copied().filter(|o| o.source().is_some());
                let refused = |origin| Ambiguous { func: self.body.func, offset: at, origin, word: None };
                found.ambiguous.extend(host.map(refused));
            }
            Operator::Call { func, params, results } => {
                let args = words.take(*params);
                found.pass(at, Target::Function(*func), &args);
                (0..*results).for_each(|word| words.push(1, self.returned(*func, word, at)));
            }
            Operator::CallIndirect { table, type_index, params, results } => {
                words.pop();
                let args = words.take(*params);
                let target = Target::Table(*table, *type_index);
                found.pass(at, target, &args);
                let callees = target.callees(self.module);
                for word in 0..*results {
                    let returned = callees.iter().map(|f| self.returned(*f, word, at));
                    words.push(1, returned.reduce(|a, b| a.or(b, at)).unwrap_or(Origin::Number));
                }
            }
            Operator::Nop | Operator::DataDrop(_) => {}
            Operator::Br(_)
            | Operator::BrIf(_)
            | Operator::If(_)
            | Operator::BrTable(_)
            | Operator::Return(_)
            | Operator::Unreachable => unreachable!("invariant: step handles what goes on elsewhere"),
        }
    }

    fn store(&self, value_words: u32, at: u32, words: &mut Words, found: &mut Followed) {
        let values = words.take(value_words);
        let address = words.pop();
        found.access(self.body.func, at, address);
        if !matches!(address, Origin::Host(_)) {
            found.keep(&values, at);
        }
    }

    /// What a result word of a call is.
    fn returned(&self, func: u32, word: u32, at: u32) -> Origin {
        let named = value_of(&self.module.type_of(func).results, word);
        if named.is_some_and(|n| self.native.contains(&Native::Result(func, n))) {
            return Origin::Host(Source::Call(at));
        }
        match self.returned.get(&func).and_then(|words| words.get(word as usize)) {
            Some(Origin::Host(_)) => Origin::Host(Source::Call(at)),
            Some(origin) if origin.source().is_some() => Origin::Mixed(Source::Call(at), Other::Returned, at),
            Some(origin) => *origin,
            // An import, or a function that is not supported.
            None => Origin::Number,
        }
    }
}

impl Followed {
    fn access(&mut self, func: u32, offset: u32, origin: Origin) {
        match origin {
            Origin::Host(source) => drop(self.host.insert(offset, source)),
            _ if origin.source().is_some() => self.ambiguous.push(Ambiguous { func, offset, origin, word: None }),
            _ => {}
        }
    }
    fn keep(&mut self, values: &[Origin], at: u32) {
        if values.iter().any(|o| matches!(o, Origin::Host(_))) {
            self.kept.push(at);
        }
    }
    fn pass(&mut self, offset: u32, callee: Target, args: &[Origin]) {
        let words = args.iter().zip(0..);
        self.passed.extend(words.map(|(origin, word)| Passed { offset, callee, word, origin: *origin }));
    }
}

/// What is known where ways meet at an offset.
fn meet(a: &Words, b: &Words, at: u32) -> Words {
    let all = |a: &[Origin], b: &[Origin]| a.iter().zip(b).map(|(a, b)| a.or(*b, at)).collect();
    Words { locals: all(&a.locals, &b.locals), stack: all(&a.stack, &b.stack) }
}

fn numeric(op: Numeric, at: u32, words: &mut Words) {
    let (pops, pushes) = op.signature();
    let count = |types: &[Type]| types.iter().map(|t| t.words()).sum::<usize>();
    let operands = words.take(count(pops) as u32);
    match (op, &operands[..]) {
        (Numeric::Const32(0), _) => words.push(1, Origin::Zero),
        (Numeric::Binary32(Bin32::Add), [a, b]) => words.push(1, a.plus(*b, at)),
        (Numeric::Binary32(Bin32::Sub), [a, b]) => words.push(1, a.minus(*b, at)),
        (Numeric::Wrap, [low, _]) => words.push(1, *low),
        (Numeric::ExtendU, [low]) => words.stack.extend([*low, Origin::Zero]),
        (Numeric::Eqz32 | Numeric::Eqz64 | Numeric::Compare32(_) | Numeric::Compare64(_), _) => {
            words.push(1, Origin::Number);
        }
        _ => words.push(count(pushes), Origin::computed(&operands, at)),
    }
}
