//! The meaning of a decoded function, as a [`Program`] over any domain.
//!
//! Families: [`super::data`], [`super::multiply`], [`super::load_store`], [`super::branch`]. The state is r0 to r14,
//! the flags, the frame (words by offset from the entry sp) and the world. Points are instructions; *micro* points
//! split instructions that do several things: a conditional one is first a branch on its condition.
//! Not modelled: Q, GE and the FPU; interrupts (they preserve the state and may write below sp, whose contents are
//! therefore forgotten); faults other than what [`Fact`]s require not to happen.
//!
//! Requirement TOR-ARM-MEANING: What instructions do to registers, flags, memory and control flow shall be what an independent
//! implementation of Armv7-M does, IT blocks included.
//!
//! Requirement TOR-ARM-ROLES: What an instruction reads and writes shall be derived from its meaning alone, from no table that the
//! compiler shares.
//!
//! Requirement TOR-ARM-FLAGS: Flags shall be what the last instruction that writes them left, in and out of IT blocks; code whose flags
//! are overwritten between comparison and use shall not be proved.

use super::abi::{self, Slot};
use super::decode::{Code, Helper};
use super::insn::*;
use crate::bounds;
use crate::contract::Contract;
use crate::domain::{BinOp, Domain, Place, Space};
use crate::ir::Type;
use crate::program::{Fact, Program, Step, Unsupported, World};
use crate::wasm::module::Module;
use crate::witness::Loc;
use std::collections::BTreeMap;

/// Condition flags.
#[derive(Clone, Debug)]
pub struct Flags<B> {
    /// Negative.
    pub n: B,
    /// Zero.
    pub z: B,
    /// Carry.
    pub c: B,
    /// Overflow.
    pub v: B,
}

/// The state of a machine function.
pub struct State<D: Domain> {
    /// r0 to r12, sp, lr.
    pub regs: [D::W; 15],
    /// Condition flags.
    pub flags: Flags<D::B>,
    /// Known words of the frame by byte offset from the entry sp, multiples of 4.
    pub frame: BTreeMap<i32, D::W>,
    /// The world.
    pub world: World<D>,
    /// While a call is made: argument bytes on the stack.
    pub(super) outgoing_bytes: u32,
}

impl<D: Domain> Clone for State<D> {
    fn clone(&self) -> Self {
        State {
            regs: self.regs.clone(),
            flags: self.flags.clone(),
            frame: self.frame.clone(),
            world: World {
                memory: self.world.memory.clone(),
                memory_bytes: self.world.memory_bytes.clone(),
                cells: self.world.cells.clone(),
                results: self.world.results.clone(),
            },
            outgoing_bytes: self.outgoing_bytes,
        }
    }
}

/// An instruction, or a step within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point {
    /// Offset from the start of the function.
    pub offset: u32,
    /// 0 for the whole instruction; [`UNCONDITIONAL`], [`TAIL_RETURN`] or [`TABLE`] and up for a step within.
    pub micro: u32,
}

/// How far below its value at entry sp may be, in bytes: no core has more memory for a stack than this, and no sum of offsets wraps.
const FRAME_BYTES_MAX: i32 = 1 << 24;

/// The instruction after its condition was found true.
pub const UNCONDITIONAL: u32 = 1;
/// The return after a tail call.
pub const TAIL_RETURN: u32 = 2;
/// First of the comparisons of a table branch.
pub const TABLE: u32 = 3;

/// A machine function as a program.
#[derive(Clone, Debug)]
pub struct Function<'a> {
    /// Its instructions.
    pub code: &'a Code,
    /// The module that it belongs to.
    pub module: &'a Module,
    /// The object contract.
    pub contract: &'a Contract,
    /// Its index in the module (imports first).
    pub index: u32,
    /// Claimed canonical type index of each indirect call, by offset; the refinement check compares it with the
    /// type that the left side calls.
    pub indirect_types: BTreeMap<u32, u32>,
    /// Parameter types.
    pub(super) params: Vec<Type>,
    /// Result words.
    pub(super) result_words: usize,
}

impl<'a> Function<'a> {
    /// A function of a module.
    ///
    /// # Errors
    /// If its type is not all integers, or there is no such function.
    pub fn new(
        code: &'a Code,
        module: &'a Module,
        contract: &'a Contract,
        index: u32,
        indirect_types: BTreeMap<u32, u32>,
    ) -> Result<Self, Unsupported> {
        if index as usize >= module.functions.len() {
            return Err(Unsupported(format!("no function {index}")));
        }
        let (params, result_words) = integer_type(module, module.functions[index as usize].type_index)?;
        Ok(Function { code, module, contract, index, indirect_types, params, result_words })
    }
    /// A function of the object that takes and returns nothing and is not a function of the module.
    pub fn without_index(code: &'a Code, module: &'a Module, contract: &'a Contract) -> Self {
        let (params, result_words, indirect_types) = (Vec::new(), 0, BTreeMap::new());
        Function { code, module, contract, index: u32::MAX, indirect_types, params, result_words }
    }
    /// Whether it is a function of the module, and not the start-up function.
    pub(super) fn is_of_module(&self) -> bool {
        (self.index as usize) < self.module.functions.len()
    }
    /// Run-time helpers that it calls: they rest on assumption `A-RT`.
    pub fn helpers_used(&self) -> Vec<Helper> {
        self.code.helpers_used()
    }
    /// Bytes of incoming stack arguments.
    pub fn incoming_bytes(&self) -> u32 {
        abi::arguments(&self.params).1
    }
}

/// Parameter types and number of result words of a type.
pub(super) fn integer_type(module: &Module, index: u32) -> Result<(Vec<Type>, usize), Unsupported> {
    let Some(ty) = module.types.get(index as usize) else {
        return Err(Unsupported(format!("no type {index}")));
    };
    let ints = || Ok::<_, &str>((ty.int_params()?, ty.int_results()?));
    let (params, results) = ints().map_err(|name| Unsupported(format!("type {name}")))?;
    Ok((params, results.iter().map(|t| t.words()).sum()))
}

/// What an instruction did.
pub(super) enum Flow<D: Domain> {
    /// The next instruction follows.
    Next,
    /// To a point.
    Jump(Point),
    /// To the first point if the condition holds, else to the second.
    Branch(D::B, Point, Point),
    /// A call; continues at the point.
    Call(crate::program::Callee<D::W>, Vec<D::W>, usize, Point),
    /// Return.
    Return(Vec<D::W>),
    /// Trap.
    Trap(crate::trap::TrapKind),
}

/// One instruction being executed.
pub(super) struct Cpu<'c, D: Domain> {
    pub d: &'c mut D,
    pub f: &'c Function<'c>,
    pub insn: &'c Insn,
    pub state: State<D>,
    pub facts: &'c mut Vec<Fact<D>>,
}

impl<D: Domain> Cpu<'_, D> {
    pub fn fail<T>(&self, why: &str) -> Result<T, Unsupported> {
        Err(Unsupported(format!("{:#x}: {}: {why}", self.insn.offset, self.insn.text)))
    }
    /// A register's word; pc is never an ordinary operand.
    pub fn reg(&self, r: Reg) -> Result<D::W, Unsupported> {
        match self.state.regs.get(usize::from(r.0)) {
            Some(w) => Ok(w.clone()),
            None => self.fail("reads pc as an operand"),
        }
    }
    /// Writes a register. What lies below a raised stack pointer is forgotten.
    pub fn set(&mut self, r: Reg, value: D::W) -> Result<(), Unsupported> {
        if r == Reg::PC {
            return self.fail("writes pc");
        }
        self.state.regs[usize::from(r.0)] = value;
        if r == Reg::SP {
            let sp = self.sp()?;
            self.state.frame.retain(|offset, _| *offset >= sp);
        }
        Ok(())
    }
    /// The stack pointer as an offset from its value at entry.
    pub fn sp(&mut self) -> Result<i32, Unsupported> {
        match self.d.locate(&self.state.regs[13]) {
            Place::Frame(offset) if offset % 4 == 0 && (-FRAME_BYTES_MAX..=0).contains(&offset) => Ok(offset),
            _ => self.fail("sp is not a multiple of 4 below its value at entry, by 16 MiB at most"),
        }
    }
    pub fn require(&mut self, holds: D::B, why: &'static str) {
        if self.d.as_bool(&holds) != Some(true) {
            self.facts.push(Fact::Require(holds, why));
        }
    }
    /// Requires that an access to memory is permitted.
    pub fn access(&mut self, space: Space, permitted: D::B) {
        if self.d.as_bool(&permitted) != Some(true) {
            self.facts.push(bounds::fact(self.f.contract, space, permitted));
        }
    }
    pub fn require_equal(&mut self, a: D::W, b: D::W, why: &'static str) {
        if a != b {
            self.facts.push(Fact::RequireEqual(a, b, why));
        }
    }
    /// The instruction's next point.
    pub fn next(&self) -> Point {
        Point { offset: self.insn.end(), micro: 0 }
    }

    /// ConditionPassed. Source: DDI 0403E, A7.3.1.
    pub fn holds(&mut self, cond: Cond) -> D::B {
        let Flags { n, z, c, v } = self.state.flags.clone();
        let d = &mut *self.d;
        match cond {
            Cond::Eq => z,
            Cond::Ne => d.not(&z),
            Cond::Cs => c,
            Cond::Cc => d.not(&c),
            Cond::Mi => n,
            Cond::Pl => d.not(&n),
            Cond::Vs => v,
            Cond::Vc => d.not(&v),
            Cond::Hi => {
                let other = d.not(&z);
                d.and(&c, &other)
            }
            Cond::Ls => {
                let other = d.not(&c);
                d.or(&other, &z)
            }
            Cond::Lt => d.xor(&n, &v),
            Cond::Ge => {
                let less = d.xor(&n, &v);
                d.not(&less)
            }
            Cond::Le => {
                let less = d.xor(&n, &v);
                d.or(&z, &less)
            }
            Cond::Gt => {
                let less = d.xor(&n, &v);
                let not_greater = d.or(&z, &less);
                d.not(&not_greater)
            }
            Cond::Al => d.bool(true),
        }
    }

    /// Executes the instruction, its condition being true.
    fn execute(&mut self) -> Result<Flow<D>, Unsupported> {
        match self.insn.op {
            Op::Alu { .. }
            | Op::MovHalf { .. }
            | Op::ShiftReg { .. }
            | Op::Unary { .. }
            | Op::Extend { .. }
            | Op::Extract { .. }
            | Op::Insert { .. }
            | Op::Saturate { .. } => self.data().map(|()| Flow::Next),
            Op::Adr { .. } => self.fail("address of code or literal as a value"),
            Op::Multiply { .. } | Op::MultiplyLong { .. } | Op::Divide { .. } => self.multiply().map(|()| Flow::Next),
            Op::Load { .. } | Op::Store { .. } | Op::Dual { .. } | Op::Multiple { .. } => self.load_store(),
            Op::B { .. }
            | Op::Bl { .. }
            | Op::Bx { .. }
            | Op::Blx { .. }
            | Op::Cbz { .. }
            | Op::TableBranch { .. }
            | Op::Udf(_) => self.branch(),
            // The conditions of the block stand in its instructions.
            Op::It { .. } | Op::Nop => Ok(Flow::Next),
        }
    }
}

/// Whether an instruction only computes registers and flags, so that its condition may select its results.
fn only_computes(op: &Op) -> bool {
    match op {
        Op::Alu { rd, .. } => *rd != Reg::SP,
        Op::MovHalf { .. }
        | Op::ShiftReg { .. }
        | Op::Unary { .. }
        | Op::Extend { .. }
        | Op::Extract { .. }
        | Op::Insert { .. }
        | Op::Saturate { .. }
        | Op::Multiply { .. }
        | Op::MultiplyLong { .. }
        | Op::Divide { .. }
        | Op::Nop => true,
        Op::Adr { .. }
        | Op::Load { .. }
        | Op::Store { .. }
        | Op::Dual { .. }
        | Op::Multiple { .. }
        | Op::B { .. }
        | Op::Bl { .. }
        | Op::Bx { .. }
        | Op::Blx { .. }
        | Op::Cbz { .. }
        | Op::It { .. }
        | Op::TableBranch { .. }
        | Op::Udf(_) => false,
    }
}

/// `new` if `c`, else `old`.
fn select<D: Domain>(d: &mut D, c: &D::B, mut new: State<D>, old: &State<D>) -> State<D> {
    for (n, o) in new.regs.iter_mut().zip(&old.regs) {
        if n != o {
            *n = d.ite(c, n, o);
        }
    }
    let mut flag = |n: &mut D::B, o: &D::B| {
        if n != o {
            *n = d.ite_bool(c, n, o);
        }
    };
    flag(&mut new.flags.n, &old.flags.n);
    flag(&mut new.flags.z, &old.flags.z);
    flag(&mut new.flags.c, &old.flags.c);
    flag(&mut new.flags.v, &old.flags.v);
    new
}

/// The bytes of sp above which a call's arguments lie, dropped when it returns.
fn forget<D: Domain>(d: &mut D, state: &mut State<D>) {
    if let Place::Frame(sp) = d.locate(&state.regs[13]) {
        let end = sp + state.outgoing_bytes as i32;
        state.frame.retain(|offset, _| *offset >= end);
    } else {
        state.frame.clear();
    }
    state.outgoing_bytes = 0;
}

impl<D: Domain> Program<D> for Function<'_> {
    type Point = Point;
    type State = State<D>;

    fn entry(&self) -> Point {
        Point { offset: 0, micro: 0 }
    }

    fn entry_state(&self, d: &mut D, args: &[D::W], world: World<D>) -> State<D> {
        let mut state = self.blank_state(d, Point { offset: 0, micro: 0 }, world, &mut |d| d.havoc());
        for n in (4..=11).chain([13, 14]) {
            state.regs[usize::from(n)] = d.entry_register(n);
        }
        for (slot, word) in abi::arguments(&self.params).0.into_iter().zip(args) {
            match slot {
                Slot::Reg(n) => state.regs[usize::from(n)] = word.clone(),
                Slot::Stack(offset) => {
                    state.frame.insert(offset as i32, word.clone());
                }
            }
        }
        state
    }

    fn point(&self, code: u64) -> Option<Point> {
        let offset = u32::try_from(code).ok()?;
        let insn = self.code.insns.get(&offset)?;
        (!insn.in_it).then_some(Point { offset, micro: 0 })
    }

    fn blank_state(&self, d: &mut D, _at: Point, world: World<D>, fresh: &mut dyn FnMut(&mut D) -> D::W) -> State<D> {
        let regs = std::array::from_fn(|_| fresh(d));
        let mut flag = || {
            let w = fresh(d);
            d.nonzero(&w)
        };
        let flags = Flags { n: flag(), z: flag(), c: flag(), v: flag() };
        State { regs, flags, frame: BTreeMap::new(), world, outgoing_bytes: 0 }
    }

    fn set(&self, state: &mut State<D>, loc: &Loc, value: D::W) -> Option<()> {
        match *loc {
            Loc::Reg(n) if n < 15 => state.regs[usize::from(n)] = value,
            Loc::Sp => state.regs[13] = value,
            Loc::Frame(offset) if offset % 4 == 0 && offset < self.incoming_bytes() as i32 => {
                state.frame.insert(offset, value);
            }
            _ => return None,
        }
        Some(())
    }

    fn get(&self, d: &mut D, state: &State<D>, loc: &Loc) -> Option<D::W> {
        match *loc {
            Loc::Reg(n) => state.regs.get(usize::from(n)).cloned(),
            Loc::Sp => Some(state.regs[13].clone()),
            Loc::Frame(offset) => state.frame.get(&offset).cloned(),
            Loc::Entry(n, k) if (4..=11).contains(&n) || n == 13 || n == 14 => {
                let w = d.entry_register(n);
                Some(d.bin_const(BinOp::Add, &w, k as u32))
            }
            Loc::Const(k) => Some(d.word(k)),
            Loc::Address(symbol) => Some(d.symbol(symbol)),
            Loc::Entry(..) | Loc::WasmLocal(_) | Loc::WasmStack(_) | Loc::Value(..) => None,
        }
    }

    fn world<'s>(&self, state: &'s State<D>) -> &'s World<D> {
        &state.world
    }

    fn step(
        &self,
        d: &mut D,
        at: Point,
        state: State<D>,
        facts: &mut Vec<Fact<D>>,
    ) -> Result<Step<D, Point, State<D>>, Unsupported> {
        let Some(insn) = self.code.insns.get(&at.offset) else {
            return Err(Unsupported(format!("{:#x}: no instruction", at.offset)));
        };
        if insn.op.needs_dsp() && !self.contract.dsp {
            return Err(Unsupported(format!("{:#x}: {} on a core without the DSP extension", at.offset, insn.text)));
        }
        // The contract names no core; those without the extension are Cortex-M3.
        if insn.op.loses_base() && !self.contract.dsp {
            return Err(Unsupported(format!("{:#x}: {}: Cortex-M3 erratum 602117", at.offset, insn.text)));
        }
        let mut cpu = Cpu { d, f: self, insn, state, facts };
        let flow = match at.micro {
            TAIL_RETURN => Flow::Return(cpu.result_words()?),
            TABLE.. => cpu.table_branch(at.micro - TABLE)?,
            micro => {
                let condition = if micro == UNCONDITIONAL { Cond::Al } else { insn.cond };
                let holds = cpu.holds(condition);
                match cpu.d.as_bool(&holds) {
                    Some(true) => cpu.execute()?,
                    Some(false) => Flow::Next,
                    None if only_computes(&insn.op) => {
                        let old = cpu.state.clone();
                        let flow = cpu.execute()?;
                        cpu.state = select(cpu.d, &holds, cpu.state, &old);
                        flow
                    }
                    None => {
                        let taken = Point { offset: at.offset, micro: UNCONDITIONAL };
                        Flow::Branch(holds, taken, cpu.next())
                    }
                }
            }
        };
        let (next, state) = (cpu.next(), cpu.state);
        Ok(match flow {
            Flow::Next => Step::Next(next, state),
            Flow::Jump(point) => Step::Next(point, state),
            Flow::Branch(holds, yes, no) => Step::Branch(holds, (yes, state.clone()), (no, state)),
            Flow::Call(callee, args, results, next) => Step::Call { callee, args, results, next, state },
            Flow::Return(words) => Step::Return(words, state),
            Flow::Trap(kind) => Step::Trap(kind, state),
        })
    }

    fn resume(
        &self,
        d: &mut D,
        mut state: State<D>,
        results: &[D::W],
        world: World<D>,
        fresh: &mut dyn FnMut(&mut D) -> D::W,
    ) -> State<D> {
        state.world = world;
        state.world.results = results.get(4..).unwrap_or(&[]).to_vec();
        forget(d, &mut state);
        clobber(d, &mut state, fresh);
        for (register, word) in state.regs.iter_mut().zip(results.iter().take(4)) {
            *register = word.clone();
        }
        state
    }

    fn describe(&self, at: Point) -> String {
        let text = self.code.insns.get(&at.offset).map_or("no instruction", |i| i.text.as_str());
        let micro = if at.micro == 0 { String::new() } else { format!(" (step {})", at.micro) };
        format!("{:#010x}: {text}{micro}", at.offset)
    }
}

/// What a callee may change besides its results: r0 to r3, r12, lr, the flags. Source: IHI 0042, 6.1.1.
pub(super) fn clobber<D: Domain>(d: &mut D, state: &mut State<D>, fresh: &mut dyn FnMut(&mut D) -> D::W) {
    for n in [0, 1, 2, 3, 12, 14] {
        state.regs[n] = fresh(d);
    }
    let mut flag = || {
        let w = fresh(d);
        d.nonzero(&w)
    };
    state.flags = Flags { n: flag(), z: flag(), c: flag(), v: flag() };
}

impl<D: Domain> Cpu<'_, D> {
    /// A call of a helper: no event, no stack arguments. Everything that a callee may change is lost.
    pub fn clobber(&mut self) {
        forget(self.d, &mut self.state);
        clobber(self.d, &mut self.state, &mut |d| d.havoc());
        // A helper is not code of this object and does not write the result cells.
    }
}
