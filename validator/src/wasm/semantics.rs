//! A WebAssembly function as a [`Program`]: the meaning of control, variables, memory and calls, over any domain.
//!
//! An instruction that may trap first passes its *guards* in order ([`guard`]), one branch each, and then executes
//! ([`execute`]); `br_table` compares its operand with one entry after the other. The phase of a point says how far an
//! instruction has come. Conditions that a domain knows are decided at once, without copying the state.
//! Source: WebAssembly Core 2.0, 4.4 (instructions); `docs/abi.md`, bounds and traps.
//!
//! Requirement TOR-WASM-SUITE: The meaning of modules shall be that of the official specification suite, in all directives about what
//! is supported.
//!
//! Requirement TOR-WASM-TRAPS: Division, memory accesses, bulk operations and indirect calls shall trap exactly when the specification
//! says, with its kind, before anything is written.
//!
//! Requirement TOR-WASM-GROW: `memory.grow` shall succeed up to the contract's capacity or the declared maximum and fail beyond, and
//! the size shall be constant only where the memory cannot grow.

use super::code::{Body, Instr, Label, Operator};
use super::module::{Mode, Module};
use super::operators::{divide32, extend, numeric, pop32, pop64, push64};
use crate::bounds;
use crate::contract::{Bounds, Contract, PAGE_BYTES};
use crate::domain::{BinOp, CmpOp, DivOp, Domain, Space, Symbol, UnOp, Width};
use crate::ir::{Cond, Type};
use crate::pair;
use crate::program::{Callee, Fact, Program, Step, Unsupported, World};
use crate::trap::TrapKind;
use crate::witness::Loc;

/// How far an instruction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// So many of its guards or table entries are behind it.
    Passed(u32),
    /// It traps.
    Trap(TrapKind),
}

/// A point of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point {
    /// Index of the instruction executed next.
    pub index: u32,
    /// How far it has come.
    pub phase: Phase,
}

impl Point {
    /// The start of an instruction.
    pub fn start(index: u32) -> Point {
        Point { index, phase: Phase::Passed(0) }
    }
}

/// State of a function between instructions.
#[derive(Clone, Debug)]
pub struct State<D: Domain> {
    /// Words of the locals.
    pub locals: Vec<D::W>,
    /// Words of the operand stack, from its bottom.
    pub stack: Vec<D::W>,
    /// What is shared with the environment.
    pub world: World<D>,
}

impl<D: Domain> State<D> {
    /// The word `depth` words under the top of the stack.
    fn peek(&self, depth: usize) -> &D::W {
        &self.stack[self.stack.len() - 1 - depth]
    }
    fn pop(&mut self) -> D::W {
        pop32(&mut self.stack)
    }
    fn pop_many(&mut self, words: u32) -> Vec<D::W> {
        self.stack.split_off(self.stack.len() - words as usize)
    }
    /// Drops what lies between a label's height and the words it keeps.
    fn unwind(&mut self, label: &Label) {
        let kept = self.stack.len() - label.keep as usize;
        if kept > label.height as usize {
            self.stack.drain(label.height as usize..kept);
        }
    }
}

/// A function of a module under an object contract.
#[derive(Clone, Copy, Debug)]
pub struct Function<'m> {
    module: &'m Module,
    body: &'m Body,
    contract: &'m Contract,
}

/// What stands before an instruction's effect.
enum Guard<D: Domain> {
    /// Traps if the condition holds.
    Trap(D::B, TrapKind),
    /// The conditions are assumed to hold, by the assumption with this name, or under a mask intended.
    Assume(Vec<D::B>, &'static str),
}

type Next<D> = Step<D, Point, State<D>>;

impl<'m> Function<'m> {
    /// The function with this body.
    pub fn new(module: &'m Module, body: &'m Body, contract: &'m Contract) -> Self {
        Function { module, body, contract }
    }

    /// Its body.
    pub fn body(&self) -> &'m Body {
        self.body
    }

    fn instr(&self, index: u32) -> &'m Instr {
        &self.body.instrs[index as usize]
    }

    /// Whether an access of `bytes` bytes at address `x` plus `offset` is outside linear memory.
    fn outside<D: Domain>(&self, d: &mut D, state: &State<D>, x: &D::W, offset: u32, bytes: u32) -> D::B {
        let end = u64::from(offset) + u64::from(bytes);
        if end > u64::from(self.contract.capacity_bytes) {
            return d.bool(true);
        }
        let size = &state.world.memory_bytes;
        let last = d.bin_const(BinOp::Sub, size, end as u32);
        let past = d.cmp(CmpOp::Ult, &last, x);
        let min_pages = self.module.memories.first().map_or(0, |m| m.min_pages);
        if end <= min_pages * u64::from(PAGE_BYTES) {
            return past; // The memory never has less than its minimum.
        }
        let small = d.cmp_const(CmpOp::Ult, size, end as u32);
        d.or(&small, &past)
    }

    /// A guard for an access that is `outside`. Masked addresses cannot leave the reserve; bulk operations, whose
    /// addresses are not masked, are checked there too.
    fn bounds_guard<D: Domain>(&self, d: &mut D, outside: D::B, bulk: bool) -> Guard<D> {
        match self.contract.bounds {
            Bounds::Software => Guard::Trap(outside, TrapKind::OutOfBoundsMemory),
            Bounds::Mask if bulk => Guard::Trap(outside, TrapKind::OutOfBoundsMemory),
            Bounds::Mask | Bounds::Mpu | Bounds::None => Guard::Assume(vec![d.not(&outside)], "A-BOUNDS"),
        }
    }

    /// The index of the first byte of an access at address `x` plus `offset`.
    fn index<D: Domain>(&self, d: &mut D, space: Space, x: &D::W, offset: u32) -> D::W {
        let index = d.bin_const(BinOp::Add, x, offset);
        match self.contract.bounds {
            _ if space == Space::Host => d.host_index(&index),
            Bounds::Mask => d.bin_const(BinOp::And, &index, self.contract.capacity_bytes.wrapping_sub(1)),
            Bounds::Software | Bounds::Mpu | Bounds::None => index,
        }
    }

    /// The guard number `n` of an instruction, in the order in which they are passed.
    fn guard<D: Domain>(&self, d: &mut D, instr: &Instr, state: &State<D>, n: u32) -> Option<Guard<D>> {
        let access = |d: &mut D, below: usize, offset: u32, bytes: u32| {
            let address = state.peek(below);
            if instr.space == Space::Host {
                let address = relocated(d, instr, address.clone());
                let permitted = bounds::host(d, &state.world.memory, &address, offset, (bytes, instr.stores()));
                return Some(Guard::Assume(permitted, "A-NATIVE"));
            }
            let outside = self.outside(d, state, address, offset, bytes);
            Some(self.bounds_guard(d, outside, false))
        };
        let operator = &instr.operator;
        match (operator, n) {
            (Operator::Unreachable, 0) => Some(Guard::Trap(d.bool(true), TrapKind::Unreachable)),
            (Operator::Div32(_), 0) => {
                let zero = d.cmp_const(CmpOp::Eq, state.peek(0), 0);
                Some(Guard::Trap(zero, TrapKind::IntegerDivideByZero))
            }
            (Operator::Div32(DivOp::SQuot), 1) => {
                let minus_one = d.cmp_const(CmpOp::Eq, state.peek(0), u32::MAX);
                let least = d.cmp_const(CmpOp::Eq, state.peek(1), 1 << 31);
                Some(Guard::Trap(d.and(&least, &minus_one), TrapKind::IntegerOverflow))
            }
            (Operator::Div64(_), 0) => {
                let zero = is_constant(d, state, 0, 0);
                Some(Guard::Trap(zero, TrapKind::IntegerDivideByZero))
            }
            (Operator::Div64(DivOp::SQuot), 1) => {
                let minus_one = is_constant(d, state, 0, u64::MAX);
                let least = is_constant(d, state, 2, 1 << 63);
                Some(Guard::Trap(d.and(&least, &minus_one), TrapKind::IntegerOverflow))
            }
            (Operator::Load { width, offset, .. }, 0) => access(d, 0, *offset, width.bytes()),
            (Operator::Load64(offset), 0) => access(d, 0, *offset, 8),
            (Operator::Store { ty, width, offset }, 0) => access(d, ty.words(), *offset, width.bytes()),
            (Operator::Store64(offset), 0) => access(d, 2, *offset, 8),
            (Operator::MemoryFill, 0) => {
                let outside = range_outside(d, &state.world.memory_bytes, state.peek(2), state.peek(0));
                Some(self.bounds_guard(d, outside, true))
            }
            (Operator::MemoryCopy | Operator::MemoryInit(_), 0) => {
                let source_bytes = match operator {
                    Operator::MemoryInit(segment) => self.segment_bytes(d, &state.world, *segment),
                    _ => state.world.memory_bytes.clone(),
                };
                let to = range_outside(d, &state.world.memory_bytes, state.peek(2), state.peek(0));
                let from = range_outside(d, &source_bytes, state.peek(1), state.peek(0));
                let outside = d.or(&to, &from);
                Some(self.bounds_guard(d, outside, true))
            }
            (Operator::CallIndirect { table, .. }, 0) => {
                let entries = self.module.tables[*table as usize].min as u32;
                let inside = d.cmp_const(CmpOp::Ult, state.peek(0), entries);
                Some(Guard::Trap(d.not(&inside), TrapKind::OutOfBoundsTable))
            }
            _ => None,
        }
    }

    /// Executes an instruction whose first `passed` guards or entries are behind it.
    fn advance<D: Domain>(
        &self,
        d: &mut D,
        index: u32,
        passed: u32,
        mut state: State<D>,
        facts: &mut Vec<Fact<D>>,
    ) -> Next<D> {
        let instr = self.instr(index);
        let operator = &instr.operator;
        let mut passed = passed;
        while let Some(guard) = self.guard(d, instr, &state, passed) {
            passed += 1;
            let (traps, kind) = match guard {
                Guard::Trap(traps, kind) => (traps, kind),
                Guard::Assume(conditions, name) => {
                    let open = conditions.into_iter().filter(|c| d.as_bool(c) != Some(true));
                    // Masked code keeps to the reserve whatever the address is.
                    let is_masked = self.contract.bounds == Bounds::Mask && instr.space == Space::Linear;
                    let fact: fn(D::B, &'static str) -> Fact<D> = if is_masked { Fact::Intend } else { Fact::Assume };
                    facts.extend(open.map(|condition| fact(condition, name)));
                    continue;
                }
            };
            match d.as_bool(&traps) {
                Some(false) => {}
                Some(true) => return Step::Trap(kind, state),
                None => {
                    let trap = Point { index, phase: Phase::Trap(kind) };
                    let next = Point { index, phase: Phase::Passed(passed) };
                    return Step::Branch(traps, (trap, state.clone()), (next, state));
                }
            }
        }
        let next = Point::start(index + 1);
        match operator {
            Operator::Br(label) => jump(label, state),
            Operator::BrIf(label) => {
                let condition = state.pop();
                let taken = d.nonzero(&condition);
                branch(d, taken, state, |s| jump_to(label, s), |s| (next, s))
            }
            Operator::If(label) => {
                let condition = state.pop();
                let first = d.nonzero(&condition);
                branch(d, first, state, |s| (next, s), |s| jump_to(label, s))
            }
            Operator::BrTable(labels) => br_table(d, index, passed, labels, state),
            Operator::Return(words) => Step::Return(state.pop_many(*words), state),
            Operator::Call { func, params, results } => {
                let args = state.pop_many(*params);
                Step::Call { callee: Callee::Function(*func), args, results: *results as usize, next, state }
            }
            Operator::CallIndirect { .. } => call_indirect(d, operator, index, passed, state),
            _ => {
                self.execute(d, instr, &mut state);
                Step::Next(next, state)
            }
        }
    }

    /// Executes an instruction that continues with the next one, its guards passed.
    fn execute<D: Domain>(&self, d: &mut D, instr: &Instr, state: &mut State<D>) {
        let State { locals, stack, world } = state;
        let words = |range: &std::ops::Range<u32>| range.start as usize..range.end as usize;
        match &instr.operator {
            Operator::Nop => {}
            Operator::Numeric(op) => {
                numeric(d, *op, stack);
                if instr.is_relocated {
                    let constant = pop32(stack);
                    stack.push(relocated(d, instr, constant));
                }
            }
            Operator::Div32(op) => {
                let (b, a) = (pop32(stack), pop32(stack));
                stack.push(divide32(d, *op, &a, &b));
            }
            Operator::Div64(op) => {
                let (b, a) = (pop64(stack), pop64(stack));
                push64(stack, pair::div(d, *op, &a, &b));
            }
            Operator::Drop(words) => stack.truncate(stack.len() - *words as usize),
            Operator::Select(words) => {
                let condition = pop32(stack);
                let first = d.nonzero(&condition);
                let b = stack.split_off(stack.len() - *words as usize);
                let a = stack.split_off(stack.len() - *words as usize);
                stack.extend(a.iter().zip(&b).map(|(a, b)| d.ite(&first, a, b)));
            }
            Operator::LocalGet(range) => stack.extend_from_slice(&locals[words(range)]),
            Operator::LocalSet(range) => {
                let value = stack.len() - range.len();
                locals[words(range)].clone_from_slice(&stack[value..]);
                stack.truncate(value);
            }
            Operator::LocalTee(range) => locals[words(range)].clone_from_slice(&stack[stack.len() - range.len()..]),
            Operator::GlobalGet(range) => stack.extend_from_slice(&world.cells[words(range)]),
            Operator::GlobalSet(range) => {
                let value = stack.len() - range.len();
                world.cells[words(range)].clone_from_slice(&stack[value..]);
                stack.truncate(value);
            }
            Operator::DataDrop(cell) => world.cells[*cell as usize] = d.word(1),
            Operator::HostAddress(global) => stack.push(d.symbol(Symbol::HostData(*global))),
            Operator::MemorySize => stack.push(d.bin_const(BinOp::Lshr, &world.memory_bytes, 16)),
            Operator::MemoryGrow => {
                let pages = pop32(stack);
                let old = self.grow(d, world, &pages);
                stack.push(old);
            }
            _ => self.execute_access(d, instr, state),
        }
    }

    /// Executes an access to memory, its guards passed. Wide accesses are two words, low first.
    fn execute_access<D: Domain>(&self, d: &mut D, instr: &Instr, state: &mut State<D>) {
        let State { stack, world, .. } = state;
        let Instr { operator, space, .. } = instr;
        match operator {
            Operator::Load { ty, width, signed, offset } => {
                let x = relocated(d, instr, pop32(stack));
                let index = self.index(d, *space, &x, *offset);
                let value = d.load(&world.memory, *width, &index);
                let value = match (width, signed) {
                    (Width::Byte, true) => d.un(UnOp::Sext8, &value),
                    (Width::Half, true) => d.un(UnOp::Sext16, &value),
                    _ => value,
                };
                match ty {
                    Type::I32 => stack.push(value),
                    Type::I64 => push64(stack, extend(d, *signed, value)),
                }
            }
            Operator::Load64(offset) => {
                let x = relocated(d, instr, pop32(stack));
                let index = self.index(d, *space, &x, *offset);
                let low = d.load(&world.memory, Width::Word, &index);
                let index = d.bin_const(BinOp::Add, &index, 4);
                push64(stack, (low, d.load(&world.memory, Width::Word, &index)));
            }
            Operator::Store { ty, width, offset } => {
                let value = match ty {
                    Type::I32 => pop32(stack),
                    Type::I64 => pop64(stack).0,
                };
                let x = relocated(d, instr, pop32(stack));
                let index = self.index(d, *space, &x, *offset);
                world.memory = d.store(&world.memory, *width, &index, &value);
            }
            Operator::Store64(offset) => {
                let value = pop64(stack);
                let x = relocated(d, instr, pop32(stack));
                let index = self.index(d, *space, &x, *offset);
                world.memory = d.store(&world.memory, Width::Word, &index, &value.0);
                let index = d.bin_const(BinOp::Add, &index, 4);
                world.memory = d.store(&world.memory, Width::Word, &index, &value.1);
            }
            Operator::MemoryFill | Operator::MemoryCopy | Operator::MemoryInit(_) => {
                let (len, from, to) = (pop32(stack), pop32(stack), pop32(stack));
                world.memory = match operator {
                    Operator::MemoryFill => d.fill(&world.memory, &to, &from, &len),
                    Operator::MemoryCopy => d.copy(&world.memory, &to, &from, &len),
                    // The guard leaves a length of 0, for which nothing is copied.
                    Operator::MemoryInit(segment) if !self.is_passive(*segment) => world.memory.clone(),
                    Operator::MemoryInit(segment) => d.init(&world.memory, *segment, &to, &from, &len),
                    _ => unreachable!("invariant: the outer arm lists these three"),
                };
            }
            _ => unreachable!("invariant: advance and execute handle every other operator"),
        }
    }

    fn is_passive(&self, segment: u32) -> bool {
        self.module.data[segment as usize].mode == Mode::Passive
    }

    /// Bytes that `memory.init` finds in a data segment: none if it is active, because instantiation drops it.
    fn segment_bytes<D: Domain>(&self, d: &mut D, world: &World<D>, segment: u32) -> D::W {
        let data = &self.module.data[segment as usize];
        let (none, all) = (d.word(0), d.word(data.bytes.len() as u32));
        match data.dropped {
            _ if !self.is_passive(segment) => none,
            None => all,
            Some(cell) => {
                let present = d.cmp_const(CmpOp::Eq, &world.cells[cell as usize], 0);
                d.ite(&present, &all, &none)
            }
        }
    }

    /// `memory.grow`: succeeds exactly if the new size is at most the capacity and the declared maximum.
    /// Result: the old size in pages, or -1.
    fn grow<D: Domain>(&self, d: &mut D, world: &mut World<D>, pages: &D::W) -> D::W {
        let capacity = u64::from(self.contract.capacity_bytes / PAGE_BYTES);
        let declared = self.module.memories.first().and_then(|m| m.max_pages);
        let most = declared.map_or(capacity, |max| max.min(capacity)) as u32;
        let old = d.bin_const(BinOp::Lshr, &world.memory_bytes, 16);
        let most = d.word(most);
        let room = d.bin(BinOp::Sub, &most, &old);
        let fails = d.cmp(CmpOp::Ult, &room, pages);
        let added = d.bin_const(BinOp::Shl, pages, 16);
        let grown = d.bin(BinOp::Add, &world.memory_bytes, &added);
        world.memory_bytes = d.ite(&fails, &world.memory_bytes, &grown);
        let failure = d.word(u32::MAX);
        d.ite(&fails, &failure, &old)
    }
}

/// A summand of an instruction's constant, or the constant: plus the address of linear memory, if the constant is an address there.
fn relocated<D: Domain>(d: &mut D, instr: &Instr, word: D::W) -> D::W {
    if !instr.is_relocated {
        return word;
    }
    let base = d.symbol(Symbol::Memory);
    d.bin(BinOp::Add, &base, &word)
}

/// Whether the `i64` with its high word `depth` words under the top of the stack is this constant.
fn is_constant<D: Domain>(d: &mut D, state: &State<D>, depth: usize, value: u64) -> D::B {
    let a = (state.peek(depth + 1).clone(), state.peek(depth).clone());
    let value = pair::constant(d, value);
    pair::compare(d, Cond::Eq, &a, &value)
}

/// Whether `len` bytes at `at` are not all within `size` bytes.
fn range_outside<D: Domain>(d: &mut D, size: &D::W, at: &D::W, len: &D::W) -> D::B {
    let long = d.cmp(CmpOp::Ult, size, len);
    let last = d.bin(BinOp::Sub, size, len);
    let past = d.cmp(CmpOp::Ult, &last, at);
    d.or(&long, &past)
}

fn jump_to<D: Domain>(label: &Label, mut state: State<D>) -> (Point, State<D>) {
    state.unwind(label);
    (Point::start(label.target), state)
}

fn jump<D: Domain>(label: &Label, state: State<D>) -> Next<D> {
    let (point, state) = jump_to(label, state);
    Step::Next(point, state)
}

/// Branches; decides at once if the condition is known.
fn branch<D: Domain>(
    d: &mut D,
    condition: D::B,
    state: State<D>,
    then: impl FnOnce(State<D>) -> (Point, State<D>),
    otherwise: impl FnOnce(State<D>) -> (Point, State<D>),
) -> Next<D> {
    let next = |(point, state)| Step::Next(point, state);
    match d.as_bool(&condition) {
        Some(true) => next(then(state)),
        Some(false) => next(otherwise(state)),
        None => Step::Branch(condition, then(state.clone()), otherwise(state)),
    }
}

/// `br_table`, whose first `passed` entries do not match.
fn br_table<D: Domain>(d: &mut D, index: u32, passed: u32, labels: &[Label], mut state: State<D>) -> Next<D> {
    let default = labels.len() - 1;
    let choice = match d.as_word(state.peek(0)) {
        Some(known) => Some((known as usize).min(default)),
        None if passed as usize == default => Some(default),
        None => None,
    };
    if let Some(choice) = choice {
        state.pop();
        return jump(&labels[choice], state);
    }
    let matches = d.cmp_const(CmpOp::Eq, state.peek(0), passed);
    let matching = |mut s: State<D>| {
        s.pop();
        jump_to(&labels[passed as usize], s)
    };
    let next = Point { index, phase: Phase::Passed(passed + 1) };
    branch(d, matches, state, matching, |s| (next, s))
}

/// `call_indirect`, its index in range. Phases: 1 compare the types, 2 call, 3 tell null from another type.
fn call_indirect<D: Domain>(d: &mut D, operator: &Operator, index: u32, phase: u32, mut state: State<D>) -> Next<D> {
    let Operator::CallIndirect { table, type_index, params, results } = operator else {
        unreachable!("invariant: called for this operator only")
    };
    let at = |phase| Point { index, phase };
    if phase == 2 {
        let entry = state.pop();
        let address = d.table_function(*table, &entry);
        let args = state.pop_many(*params);
        let callee = Callee::Address { address, type_index: *type_index };
        return Step::Call { callee, args, results: *results as usize, next: Point::start(index + 1), state };
    }
    let found = d.table_type(*table, state.peek(0));
    if phase == 1 {
        let equal = d.cmp_const(CmpOp::Eq, &found, type_index + 1);
        return branch(d, equal, state, |s| (at(Phase::Passed(2)), s), |s| (at(Phase::Passed(3)), s));
    }
    let null = d.cmp_const(CmpOp::Eq, &found, 0);
    let trap = |kind| move |s| (at(Phase::Trap(kind)), s);
    branch(d, null, state, trap(TrapKind::UninitializedElement), trap(TrapKind::IndirectCallTypeMismatch))
}

impl<D: Domain> Program<D> for Function<'_> {
    type Point = Point;
    type State = State<D>;

    fn entry(&self) -> Point {
        Point::start(0)
    }

    fn entry_state(&self, d: &mut D, args: &[D::W], world: World<D>) -> State<D> {
        let mut locals = args.to_vec();
        let zero = d.word(0);
        locals.resize(self.body.local_words as usize, zero);
        State { locals, stack: Vec::new(), world }
    }

    fn point(&self, code: u64) -> Option<Point> {
        let index = self.body.index_of_offset(u32::try_from(code).ok()?)?;
        Some(Point::start(index as u32))
    }

    fn blank_state(&self, d: &mut D, at: Point, world: World<D>, fresh: &mut dyn FnMut(&mut D) -> D::W) -> State<D> {
        let locals = (0..self.body.local_words).map(|_| fresh(d)).collect();
        let stack = (0..self.instr(at.index).height).map(|_| fresh(d)).collect();
        State { locals, stack, world }
    }

    fn set(&self, state: &mut State<D>, loc: &Loc, value: D::W) -> Option<()> {
        let word = match loc {
            Loc::WasmLocal(n) => state.locals.get_mut(*n as usize)?,
            Loc::WasmStack(n) => state.stack.get_mut(*n as usize)?,
            _ => return None,
        };
        *word = value;
        Some(())
    }

    fn get(&self, d: &mut D, state: &State<D>, loc: &Loc) -> Option<D::W> {
        match loc {
            Loc::WasmLocal(n) => state.locals.get(*n as usize).cloned(),
            Loc::WasmStack(n) => state.stack.get(*n as usize).cloned(),
            Loc::Const(value) => Some(d.word(*value)),
            Loc::Address(symbol) => Some(d.symbol(*symbol)),
            _ => None,
        }
    }

    fn world<'s>(&self, state: &'s State<D>) -> &'s World<D> {
        &state.world
    }

    fn step(&self, d: &mut D, at: Point, state: State<D>, facts: &mut Vec<Fact<D>>) -> Result<Next<D>, Unsupported> {
        Ok(match at.phase {
            Phase::Trap(kind) => Step::Trap(kind, state),
            Phase::Passed(passed) => self.advance(d, at.index, passed, state, facts),
        })
    }

    fn resume(
        &self,
        _: &mut D,
        mut state: State<D>,
        results: &[D::W],
        world: World<D>,
        _: &mut dyn FnMut(&mut D) -> D::W,
    ) -> State<D> {
        state.stack.extend_from_slice(results);
        state.world = world;
        state
    }

    fn describe(&self, at: Point) -> String {
        let instr = self.instr(at.index);
        let operator = format!("{:?}", instr.operator);
        let name = operator.split([' ', '[']).next().unwrap_or_default().trim_end_matches('(');
        match at.phase {
            Phase::Passed(_) => format!("wasm offset {:#x} ({name})", instr.offset),
            Phase::Trap(kind) => {
                format!("wasm offset {:#x} ({name}: {})", instr.offset, kind.name())
            }
        }
    }
}
