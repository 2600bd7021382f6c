//! The meaning of the IR: a [`Program`] over any domain. One clause per operation.
//!
//! A program is a function and, for the link that inlines, the functions executed in place of some of its calls: *bodies*. Blocks
//! and values of all bodies are numbered through, body after body. A call at a site that has a body binds the body's
//! parameters and goes on there; its return binds the results of the call. All other calls are events.

mod operations;

pub use operations::compute;

use crate::bounds;
use crate::contract::Contract;
use crate::domain::*;
use crate::ir::*;
use crate::program::*;
use crate::trap::TrapKind;
use crate::wasm::module::Module;
use crate::witness::Loc;
use operations::{accesses, change, out_of_bounds, word};

/// What an IR function needs to know of its module: types of the functions that it calls, sizes of tables.
pub trait Signatures {
    /// Result types of a function of the module.
    fn results_of(&self, func: u32) -> Option<Vec<Type>>;
    /// Result types of a canonical type.
    fn results_of_type(&self, type_index: u32) -> Option<Vec<Type>>;
    /// Entries of a table.
    fn entries_of(&self, table: u32) -> Option<u32>;
    /// Bytes of a data segment.
    fn bytes_of(&self, segment: u32) -> Option<u32>;
}

impl Signatures for Module {
    fn results_of(&self, func: u32) -> Option<Vec<Type>> {
        self.results_of_type(self.functions.get(func as usize)?.type_index)
    }
    fn results_of_type(&self, type_index: u32) -> Option<Vec<Type>> {
        self.types.get(type_index as usize)?.int_results().ok()
    }
    fn entries_of(&self, table: u32) -> Option<u32> {
        self.tables.get(table as usize).map(|t| u32::try_from(t.min).unwrap_or(u32::MAX))
    }
    fn bytes_of(&self, segment: u32) -> Option<u32> {
        self.data.get(segment as usize).map(|data| data.bytes.len() as u32)
    }
}

/// A function within a program.
struct Body<'a> {
    func: &'a Func,
    /// Number of its first block and first value.
    block_base: u32,
    value_base: u32,
    /// Block (numbered through) and instruction of the call in whose place it is executed; none for the first body.
    site: Option<(u32, u32)>,
}

/// An IR function as a program.
pub struct IrProgram<'a> {
    bodies: Vec<Body<'a>>,
    /// The contract, for bounds checks.
    contract: &'a Contract,
    /// Bytes that linear memory has at least.
    memory_bytes_min: u32,
    /// Types of callees.
    signatures: &'a dyn Signatures,
}

/// Instruction numbers from here on are the points at which the trap of that number (less this) is taken.
const TRAP_POINTS: u32 = 1 << 31;

/// Before an instruction (or the end) of a block; `arm` counts the targets of a switch already passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IrPoint {
    /// Block.
    pub block: u32,
    /// Instruction; their number at the end.
    pub inst: u32,
    /// Target of a switch.
    pub arm: u32,
}

/// Values, each low and high word, and the world.
#[derive(Clone)]
pub struct IrState<D: Domain> {
    values: Vec<[Option<D::W>; 2]>,
    world: World<D>,
    /// Where the results of the call under way go: values, numbered through, with their words.
    pending: Vec<(usize, usize)>,
}

fn unsupported<T>(text: impl Into<String>) -> Result<T, Unsupported> {
    Err(Unsupported(text.into()))
}

impl<'a> IrProgram<'a> {
    /// A function whose calls are all events. `signatures` has the types of callees.
    pub fn new(
        func: &'a Func,
        contract: &'a Contract,
        memory_bytes_min: u32,
        signatures: &'a dyn Signatures,
    ) -> IrProgram<'a> {
        let body = Body { func, block_base: 0, value_base: 0, site: None };
        IrProgram { bodies: vec![body], contract, memory_bytes_min, signatures }
    }

    /// Executes `body`, a form of the function with index `callee`, in place of the call that is instruction `inst` of block
    /// `block` (numbered through).
    ///
    /// # Errors
    /// If there is no call of that function, or the site has a body already, or the numbers run out.
    pub fn inline(&mut self, block: u32, inst: u32, callee: u32, body: &'a Func) -> Result<(), Unsupported> {
        let caller = self.body_of(block)?;
        let data = &caller.func.blocks[(block - caller.block_base) as usize];
        match data.insts.get(inst as usize).map(|i| &i.op) {
            Some(Op::Call { func }) if *func == callee => {}
            _ => return unsupported(format!("no call of function {callee} to inline")),
        }
        if self.site(block, inst).is_some() {
            return unsupported("a call inlined twice");
        }
        let last = self.bodies.last().expect("invariant: there is a first body");
        let block_base = last.block_base.checked_add(last.func.blocks.len() as u32);
        let value_base = last.value_base.checked_add(last.func.values.len() as u32);
        let (Some(block_base), Some(value_base)) = (block_base, value_base) else {
            return unsupported("too many inlined bodies");
        };
        self.bodies.push(Body { func: body, block_base, value_base, site: Some((block, inst)) });
        Ok(())
    }

    fn body_of(&self, block: u32) -> Result<&Body<'a>, Unsupported> {
        let after = self.bodies.partition_point(|b| b.block_base <= block);
        let body = after.checked_sub(1).and_then(|i| self.bodies.get(i));
        match body.filter(|b| ((block - b.block_base) as usize) < b.func.blocks.len()) {
            Some(body) => Ok(body),
            None => unsupported("IR point outside"),
        }
    }
    /// The body executed in place of a call.
    fn site(&self, block: u32, inst: u32) -> Option<&Body<'a>> {
        self.bodies.iter().find(|b| b.site == Some((block, inst)))
    }
    /// Type of a value, numbered through.
    fn type_of(&self, v: u32) -> Option<Type> {
        let body = self.bodies.iter().rfind(|b| b.value_base <= v)?;
        body.func.values.get((v - body.value_base) as usize).copied()
    }
    fn activation<'p>(&'p self, body: &'p Body<'a>) -> Activation<'p, 'a> {
        Activation { program: self, body, func: body.func }
    }
}

/// A body being executed.
struct Activation<'p, 'a> {
    program: &'p IrProgram<'a>,
    body: &'p Body<'a>,
    func: &'a Func,
}

impl<'a> Activation<'_, 'a> {
    fn slot(&self, v: Value) -> usize {
        self.body.value_base as usize + v.0 as usize
    }
    fn word<D: Domain>(&self, s: &IrState<D>, v: Value, half: usize) -> Result<D::W, Unsupported> {
        match s.values.get(self.slot(v)).and_then(|w| w[half].clone()) {
            Some(w) => Ok(w),
            None => unsupported(format!("IR value v{} has no known word here", v.0)),
        }
    }
    fn words_of<D: Domain>(&self, s: &IrState<D>, values: &[Value]) -> Result<Vec<D::W>, Unsupported> {
        let mut words = Vec::new();
        for &v in values {
            for half in 0..self.func.type_of(v).words() {
                words.push(self.word(s, v, half)?);
            }
        }
        Ok(words)
    }
    fn bind<D: Domain>(&self, s: &mut IrState<D>, values: &[Value], words: Vec<D::W>) -> Result<(), Unsupported> {
        let mut words = words.into_iter();
        for &v in values {
            let slot = &mut s.values[self.slot(v)];
            for half in slot.iter_mut().take(self.func.type_of(v).words()) {
                match words.next() {
                    Some(word) => *half = Some(word),
                    None => return unsupported("IR operation with the wrong number of results"),
                }
            }
        }
        match words.next() {
            None => Ok(()),
            Some(_) => unsupported("IR operation with the wrong number of results"),
        }
    }
    fn enter<D: Domain>(&self, s: &mut IrState<D>, edge: &Edge) -> Result<IrPoint, Unsupported> {
        let Some(target) = self.func.blocks.get(edge.block.0 as usize) else {
            return unsupported("IR edge to a missing block");
        };
        let words = self.words_of(s, &edge.args)?;
        self.bind(s, &target.params, words)?;
        Ok(IrPoint { block: self.body.block_base + edge.block.0, inst: 0, arm: 0 })
    }

    /// Goes on in the body at the site of a call, with these arguments; its values are forgotten first.
    fn call_body<D: Domain>(&self, mut s: IrState<D>, args: Vec<D::W>) -> Outcome<D> {
        let base = self.body.value_base as usize;
        s.values[base..base + self.func.values.len()].fill([None, None]);
        let params = self.func.blocks.first().map_or(&[][..], |b| &b.params);
        self.bind(&mut s, params, args)?;
        Ok(Step::Next(IrPoint { block: self.body.block_base, inst: 0, arm: 0 }, s))
    }
    /// Returns: from the program, or to the call in whose place the body is executed.
    fn leave<D: Domain>(&self, mut s: IrState<D>, words: Vec<D::W>) -> Outcome<D> {
        let Some((block, inst)) = self.body.site else {
            return Ok(Step::Return(words, s));
        };
        let caller = self.program.activation(self.program.body_of(block)?);
        let call = &caller.func.blocks[(block - caller.body.block_base) as usize].insts[inst as usize];
        caller.bind(&mut s, &call.results, words)?;
        Ok(Step::Next(IrPoint { block, inst: inst + 1, arm: 0 }, s))
    }

    fn end<D: Domain>(&self, d: &mut D, at: IrPoint, mut s: IrState<D>) -> Outcome<D> {
        Ok(match &self.func.blocks[(at.block - self.body.block_base) as usize].end {
            Terminator::Jump(edge) => Step::Next(self.enter(&mut s, edge)?, s),
            Terminator::Branch(c, yes, no) => {
                let c = self.word(&s, *c, 0)?;
                let c = d.nonzero(&c);
                self.fork(d, c, yes, |me, s| me.enter(s, no), s)?
            }
            Terminator::Switch(index, targets, default) => match targets.get(at.arm as usize) {
                None => Step::Next(self.enter(&mut s, default)?, s),
                Some(target) => {
                    let index = self.word(&s, *index, 0)?;
                    let here = d.cmp_const(CmpOp::Eq, &index, at.arm);
                    self.fork(d, here, target, |_, _| Ok(IrPoint { arm: at.arm + 1, ..at }), s)?
                }
            },
            Terminator::Return(values) => {
                let words = self.words_of(&s, values)?;
                return self.leave(s, words);
            }
            Terminator::Trap(kind) => Step::Trap(*kind, s),
        })
    }
    /// Enters `yes` if `c` holds, else goes where `no` says.
    fn fork<D: Domain>(
        &self,
        d: &mut D,
        c: D::B,
        yes: &Edge,
        no: impl Fn(&Self, &mut IrState<D>) -> Result<IrPoint, Unsupported>,
        mut s: IrState<D>,
    ) -> Outcome<D> {
        match d.as_bool(&c) {
            Some(true) => Ok(Step::Next(self.enter(&mut s, yes)?, s)),
            Some(false) => Ok(Step::Next(no(self, &mut s)?, s)),
            None => {
                let mut taken = s.clone();
                let yes = self.enter(&mut taken, yes)?;
                let no = no(self, &mut s)?;
                Ok(Step::Branch(c, (yes, taken), (no, s)))
            }
        }
    }
    /// Traps if `c` holds.
    fn trap_if<D: Domain>(&self, d: &mut D, c: D::B, kind: TrapKind, next: IrPoint, s: IrState<D>) -> Outcome<D> {
        Ok(match d.as_bool(&c) {
            Some(false) => Step::Next(next, s),
            Some(true) => Step::Trap(kind, s),
            None => {
                let trap = IrPoint { inst: TRAP_POINTS + kind as u32, ..next };
                Step::Branch(c, (trap, s.clone()), (next, s))
            }
        })
    }

    fn inst<D: Domain>(
        &self,
        d: &mut D,
        inst: &Inst,
        at: IrPoint,
        mut s: IrState<D>,
        facts: &mut Vec<Fact<D>>,
    ) -> Outcome<D> {
        let next = IrPoint { inst: at.inst + 1, ..at };
        let args = self.words_of(&s, &inst.args)?;
        let (space, conditions) = accesses(d, &inst.op, &args, self.program, &s.world)?;
        for condition in conditions.into_iter().filter(|c| d.as_bool(c) != Some(true)) {
            facts.push(bounds::fact(self.program.contract, space, condition));
        }
        if let Op::TableType { table } | Op::TableFunction { table } = inst.op {
            let Some(entries) = self.program.signatures.entries_of(table) else {
                return unsupported("IR access to a missing table");
            };
            let (inside, why) = bounds::entry(d, entries, word(&args, 0)?);
            if d.as_bool(&inside) != Some(true) {
                facts.push(Fact::LateAccess(inside, why));
            }
        }
        if let Op::DivPair(_) | Op::Bin64(Bin64::Div(_)) = inst.op {
            facts.extend(bounds::divisor(d, word(&args, 2)?, word(&args, 3)?));
        }
        let memory_bytes_min = self.program.memory_bytes_min;
        if let Some(words) = compute(d, &inst.op, &args, &s.world)? {
            let cells = matches!(inst.op, Op::GlobalGet { .. });
            let wanted: usize = inst.results.iter().map(|v| self.func.type_of(*v).words()).sum();
            let words = if cells { words.into_iter().take(wanted).collect() } else { words };
            self.bind(&mut s, &inst.results, words)?;
            return Ok(Step::Next(next, s));
        }
        match &inst.op {
            Op::BoundsCheck { offset, bytes } => {
                let limits = (self.program.contract, memory_bytes_min);
                let out = out_of_bounds(d, limits, &s.world.memory_bytes, word(&args, 0)?, *offset, *bytes);
                return self.trap_if(d, out, TrapKind::OutOfBoundsMemory, next, s);
            }
            Op::TrapIf(kind) => {
                let c = d.nonzero(word(&args, 0)?);
                return self.trap_if(d, c, *kind, next, s);
            }
            Op::Call { func } => {
                if let Some(body) = self.program.site(at.block, at.inst) {
                    return self.program.activation(body).call_body(s, args);
                }
                let Some(types) = self.program.signatures.results_of(*func) else {
                    return unsupported("IR call of a missing function");
                };
                return self.call(Callee::Function(*func), args, &types, inst, next, s);
            }
            Op::CallIndirect { type_index } => {
                let Some(types) = self.program.signatures.results_of_type(*type_index) else {
                    return unsupported("IR call of a missing type");
                };
                let callee = Callee::Address { address: word(&args, 0)?.clone(), type_index: *type_index };
                return self.call(callee, args[1..].to_vec(), &types, inst, next, s);
            }
            op => change(d, op, &args, &mut s.world)?,
        }
        self.bind(&mut s, &inst.results, vec![])?;
        Ok(Step::Next(next, s))
    }
    fn call<D: Domain>(
        &self,
        callee: Callee<D::W>,
        args: Vec<D::W>,
        types: &[Type],
        inst: &Inst,
        next: IrPoint,
        mut state: IrState<D>,
    ) -> Outcome<D> {
        state.pending = inst
            .results
            .iter()
            .map(|v| self.slot(*v))
            .zip(inst.results.iter())
            .map(|(slot, v)| (slot, self.func.type_of(*v).words()))
            .collect();
        let results = types.iter().map(|t| t.words()).sum();
        Ok(Step::Call { callee, args, results, next, state })
    }
}

type Outcome<D> = Result<Step<D, IrPoint, IrState<D>>, Unsupported>;

impl<D: Domain> Program<D> for IrProgram<'_> {
    type Point = IrPoint;
    type State = IrState<D>;

    fn entry(&self) -> IrPoint {
        IrPoint { block: 0, inst: 0, arm: 0 }
    }
    fn entry_state(&self, _d: &mut D, args: &[D::W], world: World<D>) -> IrState<D> {
        let count = self.bodies.iter().map(|b| b.func.values.len()).sum();
        let mut state = IrState { values: vec![[None, None]; count], world, pending: vec![] };
        let first = self.bodies[0].func;
        let mut args = args.iter().cloned();
        for v in first.blocks.first().map_or(&[][..], |b| &b.params) {
            for half in 0..first.type_of(*v).words() {
                state.values[v.0 as usize][half] = args.next();
            }
        }
        state
    }
    /// The low half of a code is the block, the high half the instruction.
    fn point(&self, code: u64) -> Option<IrPoint> {
        let (block, inst) = (code as u32, (code >> 32) as u32);
        let body = self.body_of(block).ok()?;
        let insts = body.func.blocks[(block - body.block_base) as usize].insts.len();
        (inst as usize <= insts).then_some(IrPoint { block, inst, arm: 0 })
    }
    /// Values that the witness does not name are unknown, and may yet be used by what is dead on the other side.
    fn blank_state(
        &self,
        d: &mut D,
        _at: IrPoint,
        world: World<D>,
        fresh: &mut dyn FnMut(&mut D) -> D::W,
    ) -> IrState<D> {
        let blank = |ty: &Type| [Some(fresh(d)), (*ty == Type::I64).then(|| fresh(d))];
        let types = self.bodies.iter().flat_map(|b| &b.func.values);
        IrState { values: types.map(blank).collect(), world, pending: vec![] }
    }
    fn set(&self, state: &mut IrState<D>, loc: &Loc, value: D::W) -> Option<()> {
        let Loc::Value(v, half) = loc else {
            return None;
        };
        if usize::from(*half) >= self.type_of(v.0)?.words() {
            return None;
        }
        state.values[v.0 as usize][usize::from(*half)] = Some(value);
        Some(())
    }
    fn get(&self, _d: &mut D, state: &IrState<D>, loc: &Loc) -> Option<D::W> {
        let Loc::Value(v, half) = loc else {
            return None;
        };
        state.values.get(v.0 as usize)?.get(usize::from(*half))?.clone()
    }
    fn world<'s>(&self, state: &'s IrState<D>) -> &'s World<D> {
        &state.world
    }
    fn step(&self, d: &mut D, at: IrPoint, s: IrState<D>, facts: &mut Vec<Fact<D>>) -> Outcome<D> {
        let body = self.body_of(at.block)?;
        if let Some(kind) = at.inst.checked_sub(TRAP_POINTS).and_then(|k| TrapKind::from_code(k as u8)) {
            return Ok(Step::Trap(kind, s));
        }
        let activation = self.activation(body);
        match body.func.blocks[(at.block - body.block_base) as usize].insts.get(at.inst as usize) {
            Some(inst) => activation.inst(d, inst, at, s, facts),
            None => activation.end(d, at, s),
        }
    }
    fn resume(
        &self,
        _d: &mut D,
        mut state: IrState<D>,
        results: &[D::W],
        world: World<D>,
        _fresh: &mut dyn FnMut(&mut D) -> D::W,
    ) -> IrState<D> {
        state.world = world;
        let pending = std::mem::take(&mut state.pending);
        let mut words = results.iter().cloned();
        for (slot, halves) in pending {
            for half in state.values[slot].iter_mut().take(halves) {
                *half = words.next();
            }
        }
        state
    }
    fn describe(&self, at: IrPoint) -> String {
        match at.inst.checked_sub(TRAP_POINTS).and_then(|k| TrapKind::from_code(k as u8)) {
            Some(kind) => format!("IR block {} trap {}", at.block, kind.name()),
            None => format!("IR block {} instruction {}", at.block, at.inst),
        }
    }
}
