//! What an instruction reads and writes, derived from its meaning.
//!
//! [`Taint`] is a domain whose words and booleans are not values but the sets of locations that they come from. The
//! semantics of `synth_validator::arm` runs over it as it is. A location that holds another word afterwards was
//! written; the locations that reach a written one, an address, a condition or a target were read. No operation is
//! simplified: `eors r0, r0` reads r0. Control flow and pc are not locations here.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};
use synth_validator::arm::decode::{Code, Literal, Relocation, RelocationKind, Target};
use synth_validator::arm::insn::{Address, Cond, Insn, Op};
use synth_validator::arm::semantics::{Flags, Function, Point, State, UNCONDITIONAL};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::*;
use synth_validator::ir::Type;
use synth_validator::program::{Callee, Fact, Program, Step, Unsupported, World};
use synth_validator::wasm::module::{FuncType, Function as Declared, Module, ValType};

/// Locations: bits 0 to 14 the registers, then the flags, then memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set(pub u32);

impl Set {
    /// N, Z, C and V.
    pub const FLAGS: Set = Set(15 << 16);
    /// Memory: linear memory, the frame and the cells.
    pub const MEMORY: Set = Set(1 << 20);
    /// The registers.
    pub const REGISTERS: Set = Set(0x7fff);
    /// The flags N, Z, C, V by number.
    pub fn flag(n: u32) -> Set {
        Set(1 << (16 + n))
    }
    /// A register.
    pub fn register(n: u32) -> Set {
        Set(1 << n)
    }
    /// Whether a location is common to both.
    pub fn meets(self, other: Set) -> bool {
        self & other != Set(0)
    }
}
impl BitOr for Set {
    type Output = Set;
    fn bitor(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
}
impl BitAnd for Set {
    type Output = Set;
    fn bitand(self, other: Set) -> Set {
        Set(self.0 & other.0)
    }
}
impl BitOrAssign for Set {
    fn bitor_assign(&mut self, other: Set) {
        self.0 |= other.0;
    }
}
impl Not for Set {
    type Output = Set;
    fn not(self) -> Set {
        Set(!self.0)
    }
}
impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let registers = (0..15).filter(|n| self.0 >> n & 1 == 1).map(|n| format!("r{n}"));
        let rest = [(16, "N"), (17, "Z"), (18, "C"), (19, "V"), (20, "memory")];
        let rest = rest.iter().filter(|(n, _)| self.0 >> n & 1 == 1).map(|(_, name)| name.to_string());
        f.write_str(&registers.chain(rest).collect::<Vec<_>>().join(" "))
    }
}

/// A word: where it comes from. Every operation makes a new one, and a copy knows that it is one: so `mov r0, r0` shows
/// as a write of r0.
#[derive(Debug)]
pub struct Word {
    id: u32,
    copied: bool,
    from: Set,
    known: Option<u32>,
    /// Offset from the stack pointer at entry.
    frame: Option<i32>,
    /// The condition of a choice, and where the word comes from if it holds and if it does not.
    choice: Option<(i32, Set, Set)>,
}
impl Clone for Word {
    fn clone(&self) -> Word {
        Word { copied: true, ..*self }
    }
}
impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        self.id == other.id
    }
}

/// A boolean. The negation has the negated number; equal formulas have equal numbers.
#[derive(Clone, Debug)]
pub struct Truth {
    id: i32,
    from: Set,
    known: Option<bool>,
}
impl PartialEq for Truth {
    fn eq(&self, other: &Truth) -> bool {
        self.id == other.id
    }
}

/// Linear memory: what reached it since the start.
#[derive(Clone, Debug)]
pub struct Contents {
    id: u32,
    from: Set,
}

/// Stack pointer in [`Taint`] if the frame is in use, in bytes from the entry.
const SP: i32 = -0x400;

/// What words are as addresses. The semantics gives no meaning to some instructions under one view and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Every word, sp too, is an address of linear memory.
    Linear,
    /// sp and what is a constant away from it are in the frame, other words are addresses of linear memory.
    Framed,
    /// Every word is in the frame: one that is not a constant away from sp is where sp was.
    Frame,
}

impl Addresses {
    /// All views, in the order in which they are tried.
    pub const ALL: [Addresses; 3] = [Addresses::Linear, Addresses::Framed, Addresses::Frame];
}

/// The domain.
#[derive(Clone, Debug)]
pub struct Taint {
    last: u32,
    booleans: HashMap<(u8, i32, i32), i32>,
    addresses: Addresses,
}

impl Taint {
    fn fresh(&mut self, from: Set) -> Word {
        self.last += 1;
        Word { id: self.last, copied: false, from, known: None, frame: None, choice: None }
    }
    fn truth(&mut self, from: Set) -> Truth {
        self.last += 1;
        Truth { id: self.last as i32, from, known: None }
    }
    fn connective(&mut self, op: u8, a: &Truth, b: &Truth, known: fn(bool, bool) -> bool) -> Truth {
        if let (Some(a), Some(b)) = (a.known, b.known) {
            return self.bool(known(a, b));
        }
        let fresh = self.truth(a.from | b.from);
        let id = *self.booleans.entry((op, a.id.min(b.id), a.id.max(b.id))).or_insert(fresh.id);
        Truth { id, ..fresh }
    }
}

impl Domain for Taint {
    type W = Word;
    type B = Truth;
    type M = Contents;

    fn word(&mut self, value: u32) -> Word {
        Word { known: Some(value), ..self.fresh(Set(0)) }
    }
    fn as_word(&self, w: &Word) -> Option<u32> {
        w.known
    }
    fn bool(&mut self, value: bool) -> Truth {
        Truth { id: if value { 1 } else { -1 }, from: Set(0), known: Some(value) }
    }
    fn as_bool(&self, b: &Truth) -> Option<bool> {
        b.known
    }
    fn bin(&mut self, op: BinOp, a: &Word, b: &Word) -> Word {
        let moved = match (op, a.frame, b.known) {
            (BinOp::Add, Some(offset), Some(k)) => Some(offset.wrapping_add(k as i32)),
            (BinOp::Sub, Some(offset), Some(k)) => Some(offset.wrapping_sub(k as i32)),
            _ => None,
        };
        let frame = moved.filter(|o| o % 4 == 0 && (2 * SP..=0).contains(o));
        Word { frame, ..self.fresh(a.from | b.from) }
    }
    fn un(&mut self, _: UnOp, a: &Word) -> Word {
        self.fresh(a.from)
    }
    fn div64(&mut self, _: DivOp, _: bool, a: [&Word; 2], b: [&Word; 2]) -> Word {
        self.fresh(a[0].from | a[1].from | b[0].from | b[1].from)
    }
    fn cmp(&mut self, _: CmpOp, a: &Word, b: &Word) -> Truth {
        self.truth(a.from | b.from)
    }
    fn add_overflow(&mut self, a: &Word, b: &Word, carry: &Truth) -> Truth {
        self.truth(a.from | b.from | carry.from)
    }
    fn sub_overflow(&mut self, a: &Word, b: &Word, carry: &Truth) -> Truth {
        self.truth(a.from | b.from | carry.from)
    }
    fn not(&mut self, a: &Truth) -> Truth {
        Truth { id: -a.id, from: a.from, known: a.known.map(|k| !k) }
    }
    fn and(&mut self, a: &Truth, b: &Truth) -> Truth {
        self.connective(0, a, b, |a, b| a && b)
    }
    fn xor(&mut self, a: &Truth, b: &Truth) -> Truth {
        self.connective(1, a, b, |a, b| a != b)
    }
    fn ite(&mut self, c: &Truth, a: &Word, b: &Word) -> Word {
        // A choice inside a choice by the same condition, as `ite` blocks make it, is decided.
        let given = |w: &Word, id: i32| match w.choice {
            Some((choice, yes, _)) if choice == id => yes,
            Some((choice, _, no)) if choice == -id => no,
            _ => w.from,
        };
        let (yes, no) = (given(a, c.id), given(b, -c.id));
        Word { choice: Some((c.id, yes, no)), ..self.fresh(c.from | yes | no) }
    }
    fn ite_bool(&mut self, c: &Truth, a: &Truth, b: &Truth) -> Truth {
        self.truth(c.from | a.from | b.from)
    }
    fn load(&mut self, m: &Contents, _: Width, index: &Word) -> Word {
        self.fresh(Set::MEMORY | m.from | index.from)
    }
    fn store(&mut self, m: &Contents, _: Width, index: &Word, value: &Word) -> Contents {
        Contents { id: self.fresh(Set(0)).id, from: m.from | index.from | value.from }
    }
    fn fill(&mut self, m: &Contents, dst: &Word, value: &Word, len: &Word) -> Contents {
        Contents { id: self.fresh(Set(0)).id, from: m.from | dst.from | value.from | len.from }
    }
    fn copy(&mut self, m: &Contents, dst: &Word, src: &Word, len: &Word) -> Contents {
        Contents { id: self.fresh(Set(0)).id, from: m.from | dst.from | src.from | len.from | Set::MEMORY }
    }
    fn init(&mut self, m: &Contents, _: u32, dst: &Word, src: &Word, len: &Word) -> Contents {
        self.fill(m, dst, src, len)
    }
    fn table_type(&mut self, _: u32, index: &Word) -> Word {
        self.fresh(index.from)
    }
    fn table_function(&mut self, _: u32, index: &Word) -> Word {
        self.fresh(index.from)
    }
    fn symbol(&mut self, _: Symbol) -> Word {
        self.fresh(Set(0))
    }
    fn entry_register(&mut self, _: u8) -> Word {
        self.fresh(Set(0))
    }
    fn havoc(&mut self) -> Word {
        self.fresh(Set(0))
    }
    fn locate(&mut self, address: &Word) -> Place<Word> {
        match (self.addresses, address.frame) {
            (_, Some(offset)) => Place::Frame(offset),
            (Addresses::Frame, None) => Place::Frame(SP),
            (_, None) => Place::Symbol(Symbol::Memory, address.clone()),
        }
    }
    fn is_host(&mut self, _: &Contents, index: &Word, _: u32, _: bool) -> Truth {
        self.truth(index.from)
    }
    fn split_stride(&mut self, _: &Word, _: u32) -> Option<(Word, u32)> {
        None
    }
}

/// What was read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Locations on whose old contents the effect depends.
    pub reads: Set,
    /// Locations that hold something else, or nothing defined, afterwards.
    pub writes: Set,
    /// Of the locations read, those on which the next instruction depends.
    pub decides: Set,
    /// Of a call: locations that the callee may change. Source: IHI 0042, 6.1.1.
    pub callee_writes: Set,
    /// Locations that a callee or caller is given by the procedure call standard.
    pub passes: Set,
}

/// A module of two functions: with 512 `i32`, so that most of the frame may be accessed, and four `i32` results; and
/// with nothing, to be called.
pub fn module() -> Module {
    let ints = |n| vec![ValType::Int(Type::I32); n];
    let types = vec![FuncType { params: ints(512), results: ints(4) }, FuncType { params: vec![], results: vec![] }];
    let functions = [0, 1].map(|type_index| Declared { type_index, import: None, body: 0..0 }).to_vec();
    Module { types, canonical: vec![0, 1], functions, ..Module::default() }
}

/// An object contract under which no access is checked: checks are not effects.
pub fn contract() -> Contract {
    Contract::new(Bounds::None, MemoryOwner::Own, 65536)
}

/// The code that consists of one instruction, with the literal or table that it needs.
pub fn alone(insn: &Insn) -> Code {
    let mut code = Code::default();
    code.insns.insert(insn.offset, insn.clone());
    if let Op::Load { address: Address::Literal(imm), .. } | Op::Dual { address: Address::Literal(imm), .. } = insn.op {
        let at = code.pc_relative(insn, imm) as u32;
        for at in [at, at.wrapping_add(4)] {
            code.literals.insert(at, Literal { word: 0x1234_5678, symbol: None });
        }
    }
    if let (Op::Bl { .. }, None) = (insn.op, insn.relocation) {
        let target = Target::Symbol(Symbol::Function(1));
        let relocation = Some(Relocation { kind: RelocationKind::ThmCall, target });
        code.insns.insert(insn.offset, Insn { relocation, ..insn.clone() });
    }
    if let Op::TableBranch { .. } = insn.op {
        code.tables.insert(insn.offset, vec![insn.end() + 4, insn.end() + 8]);
    }
    code
}

/// A run of instructions over [`Taint`].
pub struct Run<'a> {
    program: Function<'a>,
    d: Taint,
    first: State<Taint>,
    state: State<Taint>,
    /// What all steps read to decide and pass, and what callees may write.
    sum: Roles,
}

impl<'a> Run<'a> {
    /// From a state in which every location comes from itself.
    pub fn new(program: Function<'a>, addresses: Addresses) -> Self {
        let mut d = Taint { last: 1, booleans: HashMap::new(), addresses };
        let memory = Contents { id: d.fresh(Set(0)).id, from: Set(0) };
        let world = World { memory, memory_bytes: d.fresh(Set::MEMORY), cells: vec![], results: vec![] };
        let start = Point { offset: 0, micro: 0 };
        let mut state = program.blank_state(&mut d, start, world, &mut |d| d.havoc());
        for n in 0..15 {
            state.regs[n] = d.fresh(Set::register(n as u32));
        }
        let [n, z, c, v] = [0, 1, 2, 3].map(|k| d.truth(Set::flag(k)));
        state.flags = Flags { n, z, c, v };
        if addresses != Addresses::Linear {
            state.regs[13].frame = Some(SP);
            state.frame = (2 * SP / 4..0x200).map(|slot| (4 * slot, d.fresh(Set::MEMORY))).collect();
        }
        Run { program, d, first: state.clone(), state, sum: Roles::default() }
    }

    /// Executes the instruction at an offset, a conditional one too; of a branch, the way that is not taken.
    ///
    /// # Errors
    /// What the semantics refuses.
    pub fn step(&mut self, offset: u32) -> Result<Roles, Unsupported> {
        let (mut roles, mut facts) = (Roles::default(), Vec::new());
        self.state.regs.iter_mut().for_each(|w| w.copied = false);
        let before = self.state.clone();
        let program = self.program.clone();
        let first =
            program.step(&mut self.d, Point { offset, micro: 0 }, take(&mut self.state, &before), &mut facts)?;
        let (step, condition) = match first {
            Step::Branch(c, (Point { micro: UNCONDITIONAL, .. }, _), _) => {
                let mut state = before.clone();
                state.regs.iter_mut().for_each(|w| w.copied = false);
                let point = Point { offset, micro: UNCONDITIONAL };
                (program.step(&mut self.d, point, state, &mut facts)?, Some(c.from))
            }
            step => (step, None),
        };
        let called = matches!(step, Step::Call { .. });
        let state = match step {
            Step::Next(_, state) | Step::Trap(_, state) => state,
            Step::Branch(c, _, (_, state)) => {
                roles.decides |= c.from;
                state
            }
            Step::Return(words, state) => {
                words.iter().for_each(|w| roles.passes |= w.from);
                state
            }
            Step::Call { callee, args, results, state, .. } => {
                if let Callee::Address { address, .. } = callee {
                    roles.decides |= address.from;
                }
                args.iter().for_each(|w| roles.passes |= w.from);
                let results: Vec<Word> = (0..results).map(|_| self.d.havoc()).collect();
                let world = state.world.clone();
                program.resume(&mut self.d, state, &results, world, &mut |d| d.havoc())
            }
        };
        // The first of the facts about a return is the target, the others are the procedure call standard's.
        for fact in &facts {
            if let Fact::RequireEqual(target, _, "returns to its caller") = fact {
                roles.decides |= target.from;
            }
        }
        roles.reads = roles.decides;
        changes(&before, &state, Set(0), &mut roles);
        if called {
            roles.callee_writes = std::mem::take(&mut roles.writes);
            roles.writes = Set::register(14);
        }
        if let Some(condition) = condition {
            // What is not written if the condition fails keeps its old contents.
            roles.reads |= condition | roles.writes & !Set::MEMORY;
        }
        self.state = state;
        self.sum.decides |= roles.decides;
        self.sum.reads |= roles.decides;
        self.sum.passes |= roles.passes;
        self.sum.callee_writes |= roles.callee_writes;
        Ok(roles)
    }

    /// What the steps so far read and wrote together, apart from what they read to write locations that are `free`.
    pub fn effect(&self, free: Set) -> Roles {
        let mut roles = self.sum;
        changes(&self.first, &self.state, free, &mut roles);
        roles
    }
}

/// Adds the locations that differ between two states, and where their contents come from.
fn changes(before: &State<Taint>, after: &State<Taint>, free: Set, roles: &mut Roles) {
    let mut written = |location: Set, from: Set| {
        roles.writes |= location;
        if !free.meets(location) {
            roles.reads |= from;
        }
    };
    for (n, (old, new)) in before.regs.iter().zip(&after.regs).enumerate() {
        if new.copied || old != new {
            written(Set::register(n as u32), new.from);
        }
    }
    let flags = |f: &Flags<Truth>| [f.n.clone(), f.z.clone(), f.c.clone(), f.v.clone()];
    for (n, (old, new)) in flags(&before.flags).iter().zip(&flags(&after.flags)).enumerate() {
        if old != new {
            written(Set::flag(n as u32), new.from);
        }
    }
    if before.world.memory.id != after.world.memory.id {
        written(Set::MEMORY, after.world.memory.from);
    }
    for (at, new) in &after.frame {
        if before.frame.get(at) != Some(new) {
            written(Set::MEMORY, new.from);
        }
    }
}

/// The state, with a placeholder left behind.
fn take(state: &mut State<Taint>, placeholder: &State<Taint>) -> State<Taint> {
    std::mem::replace(state, placeholder.clone())
}

/// The roles of one instruction.
///
/// # Errors
/// What the semantics refuses: an address of code as a value, and what breaks the discipline of the frame.
pub fn of(insn: &Insn) -> Result<Roles, Unsupported> {
    let (module, contract, code) = (module(), contract(), alone(insn));
    // Without a claimed type, `bx` is a return.
    let types = matches!(insn.op, Op::Blx { .. }).then_some((insn.offset, 1)).into_iter().collect();
    let program = Function::new(&code, &module, &contract, 0, types)?;
    under_some_view(|addresses| Run::new(program.clone(), addresses).step(insn.offset))
}

/// The result under the first view that gives one, else the last refusal.
///
/// # Errors
/// What the semantics refuses.
pub fn under_some_view<R>(f: impl Fn(Addresses) -> Result<R, Unsupported>) -> Result<R, Unsupported> {
    let [linear, framed, frame] = Addresses::ALL;
    f(linear).or_else(|_| f(framed)).or_else(|_| f(frame))
}

/// The instruction with this operation at an offset that leaves room for what it refers to.
pub fn instruction(op: Op, size: u8, cond: Cond) -> Insn {
    Insn { offset: AT, size, cond, in_it: cond != Cond::Al, op, text: String::new(), relocation: None }
}

/// Where [`instruction`] stands.
pub const AT: u32 = 0x10000;
