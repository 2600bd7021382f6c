//! The meaning of the IR: a [`Program`] over any domain. One clause per operation.

use crate::contract::{Bounds, Contract};
use crate::domain::*;
use crate::ir::*;
use crate::pair;
use crate::program::*;
use crate::trap::TrapKind;
use crate::witness::Loc;

/// Types of the functions that an IR function calls.
pub trait Signatures {
    /// Result types of a function of the module.
    fn results_of(&self, func: u32) -> Option<Vec<Type>>;
    /// Result types of a canonical type.
    fn results_of_type(&self, type_index: u32) -> Option<Vec<Type>>;
}

/// An IR function as a program.
pub struct IrProgram<'a> {
    /// The function.
    pub func: &'a Func,
    /// The contract, for bounds checks.
    pub contract: &'a Contract,
    /// Bytes that linear memory has at least.
    pub memory_bytes_min: u32,
    /// Types of callees.
    pub signatures: &'a dyn Signatures,
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
    /// Where the results of the call under way go.
    pending: Vec<Value>,
}

fn unsupported<T>(text: impl Into<String>) -> Result<T, Unsupported> {
    Err(Unsupported(text.into()))
}

impl<'a> IrProgram<'a> {
    fn word<D: Domain>(&self, s: &IrState<D>, v: Value, half: usize) -> Result<D::W, Unsupported> {
        match s.values.get(v.0 as usize).and_then(|w| w[half].clone()) {
            Some(w) => Ok(w),
            None => unsupported(format!("IR value v{} has no known word here", v.0)),
        }
    }
    fn pair<D: Domain>(&self, s: &IrState<D>, v: Value) -> Result<pair::Pair<D>, Unsupported> {
        Ok((self.word(s, v, 0)?, self.word(s, v, 1)?))
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
            let slot = &mut s.values[v.0 as usize];
            for half in slot.iter_mut().take(self.func.type_of(v).words()) {
                *half = words.next();
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
        Ok(IrPoint { block: edge.block.0, inst: 0, arm: 0 })
    }

    fn end<D: Domain>(&self, d: &mut D, at: IrPoint, mut s: IrState<D>) -> Outcome<D> {
        Ok(match &self.func.blocks[at.block as usize].end {
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
            Terminator::Return(values) => Step::Return(self.words_of(&s, values)?, s),
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

    fn inst<D: Domain>(&self, d: &mut D, inst: &Inst, next: IrPoint, mut s: IrState<D>) -> Outcome<D> {
        let arg = |n: usize| match inst.args.get(n) {
            Some(v) => Ok(*v),
            None => unsupported("IR operation with too few operands"),
        };
        let w = |s: &IrState<D>, n: usize| self.word(s, arg(n)?, 0);
        let quad = |s: &IrState<D>| Ok(((w(s, 0)?, w(s, 1)?), (w(s, 2)?, w(s, 3)?)));
        let both = |p: pair::Pair<D>| vec![p.0, p.1];
        let words: Vec<D::W> = match &inst.op {
            Op::Const(c) => vec![d.word(*c)],
            Op::Const64(c) => both(pair::constant(d, *c)),
            Op::Address(symbol) => vec![d.symbol(*symbol)],
            Op::Bin(op @ (BinOp::Shl | BinOp::Lshr | BinOp::Ashr)) => {
                vec![pair::shift_by_byte(d, *op, &w(&s, 0)?, &w(&s, 1)?)]
            }
            Op::Bin(op) => vec![d.bin(*op, &w(&s, 0)?, &w(&s, 1)?)],
            Op::Un(op) => vec![d.un(*op, &w(&s, 0)?)],
            Op::Cmp(cond) => {
                let holds = compare(d, *cond, &w(&s, 0)?, &w(&s, 1)?);
                vec![d.bit(&holds)]
            }
            Op::Select => {
                let c = d.nonzero(&w(&s, 0)?);
                let (a, b) = (self.words_of(&s, &[arg(1)?])?, self.words_of(&s, &[arg(2)?])?);
                a.iter().zip(&b).map(|(a, b)| d.ite(&c, a, b)).collect()
            }
            Op::Bin64(op) => both(pair::bin(d, *op, &self.pair(&s, arg(0)?)?, &self.pair(&s, arg(1)?)?)),
            Op::Un64(op) => both(pair::un(d, *op, &self.pair(&s, arg(0)?)?)),
            Op::Cmp64(cond) => {
                let holds = pair::compare(d, *cond, &self.pair(&s, arg(0)?)?, &self.pair(&s, arg(1)?)?);
                vec![d.bit(&holds)]
            }
            Op::Join => vec![w(&s, 0)?, w(&s, 1)?],
            Op::Split => both(self.pair(&s, arg(0)?)?),
            Op::AddPair => {
                let (a, b) = quad(&s)?;
                both(pair::add(d, &a, &b))
            }
            Op::SubPair => {
                let (a, b) = quad(&s)?;
                both(pair::sub(d, &a, &b))
            }
            Op::MulWide => both(pair::mul_wide(d, &w(&s, 0)?, &w(&s, 1)?)),
            Op::DivPair(op) => {
                let (a, b) = quad(&s)?;
                both(pair::div(d, *op, &a, &b))
            }
            Op::CmpPair(cond) => {
                let (a, b) = quad(&s)?;
                let holds = pair::compare(d, *cond, &a, &b);
                vec![d.bit(&holds)]
            }
            Op::BoundsCheck { offset, bytes } => {
                let out = out_of_bounds(d, self, &s.world.memory_bytes, &w(&s, 0)?, *offset, *bytes);
                return self.trap_if(d, out, TrapKind::OutOfBoundsMemory, next, s);
            }
            Op::TrapIf(kind) => {
                let c = d.nonzero(&w(&s, 0)?);
                return self.trap_if(d, c, *kind, next, s);
            }
            Op::Load { width, signed, offset } => {
                let index = d.bin_const(BinOp::Add, &w(&s, 0)?, *offset);
                let value = d.load(&s.world.memory, *width, &index);
                vec![if *signed { sign_extend(d, *width, value) } else { value }]
            }
            Op::Store { width, offset } => {
                let index = d.bin_const(BinOp::Add, &w(&s, 0)?, *offset);
                s.world.memory = d.store(&s.world.memory, *width, &index, &w(&s, 1)?);
                vec![]
            }
            Op::Load64 { offset } => {
                let index = d.bin_const(BinOp::Add, &w(&s, 0)?, *offset);
                let low = d.load(&s.world.memory, Width::Word, &index);
                let index = d.bin_const(BinOp::Add, &index, 4);
                vec![low, d.load(&s.world.memory, Width::Word, &index)]
            }
            Op::Store64 { offset } => {
                let value = self.pair(&s, arg(1)?)?;
                let index = d.bin_const(BinOp::Add, &w(&s, 0)?, *offset);
                s.world.memory = d.store(&s.world.memory, Width::Word, &index, &value.0);
                let index = d.bin_const(BinOp::Add, &index, 4);
                s.world.memory = d.store(&s.world.memory, Width::Word, &index, &value.1);
                vec![]
            }
            Op::GlobalGet { cell } => {
                let words = inst.results.iter().map(|v| self.func.type_of(*v).words()).sum::<usize>();
                match s.world.cells.get(*cell as usize..*cell as usize + words) {
                    Some(cells) => cells.to_vec(),
                    None => return unsupported("IR global outside the globals"),
                }
            }
            Op::GlobalSet { cell } => {
                let words = self.words_of(&s, &inst.args)?;
                match s.world.cells.get_mut(*cell as usize..*cell as usize + words.len()) {
                    Some(cells) => cells.clone_from_slice(&words),
                    None => return unsupported("IR global outside the globals"),
                }
                vec![]
            }
            Op::MemoryBytes => vec![s.world.memory_bytes.clone()],
            Op::SetMemoryBytes => {
                s.world.memory_bytes = w(&s, 0)?;
                vec![]
            }
            Op::MemoryCopy => {
                s.world.memory = d.copy(&s.world.memory, &w(&s, 0)?, &w(&s, 1)?, &w(&s, 2)?);
                vec![]
            }
            Op::MemoryFill => {
                s.world.memory = d.fill(&s.world.memory, &w(&s, 0)?, &w(&s, 1)?, &w(&s, 2)?);
                vec![]
            }
            Op::MemoryInit { segment } => {
                s.world.memory = d.init(&s.world.memory, *segment, &w(&s, 0)?, &w(&s, 1)?, &w(&s, 2)?);
                vec![]
            }
            Op::TableType { table } => vec![d.table_type(*table, &w(&s, 0)?)],
            Op::TableFunction { table } => vec![d.table_function(*table, &w(&s, 0)?)],
            Op::Call { func } => {
                let Some(types) = self.signatures.results_of(*func) else {
                    return unsupported("IR call of a missing function");
                };
                let args = self.words_of(&s, &inst.args)?;
                return self.call(Callee::Function(*func), args, &types, inst, next, s);
            }
            Op::CallIndirect { type_index } => {
                let Some(types) = self.signatures.results_of_type(*type_index) else {
                    return unsupported("IR call of a missing type");
                };
                let callee = Callee::Address { address: w(&s, 0)?, type_index: *type_index };
                let args = self.words_of(&s, &inst.args[1..])?;
                return self.call(callee, args, &types, inst, next, s);
            }
        };
        self.bind(&mut s, &inst.results, words)?;
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
        state.pending = inst.results.clone();
        let results = types.iter().map(|t| t.words()).sum();
        Ok(Step::Call { callee, args, results, next, state })
    }
}

type Outcome<D> = Result<Step<D, IrPoint, IrState<D>>, Unsupported>;

/// Whether `index + offset .. + bytes` (no wrap) leaves linear memory: `size < k` or `size - k < index`, where
/// `k = offset + bytes`.
fn out_of_bounds<D: Domain>(
    d: &mut D,
    program: &IrProgram<'_>,
    size: &D::W,
    index: &D::W,
    offset: u32,
    bytes: u32,
) -> D::B {
    let end = u64::from(offset) + u64::from(bytes);
    if end > u64::from(program.contract.capacity_bytes) {
        return d.bool(true);
    }
    let last = d.bin_const(BinOp::Sub, size, end as u32);
    let past = d.cmp(CmpOp::Ult, &last, index);
    if end <= u64::from(program.memory_bytes_min) {
        return past;
    }
    let small = d.cmp_const(CmpOp::Ult, size, end as u32);
    d.or(&small, &past)
}

/// Whether the condition holds for two words.
pub fn compare<D: Domain>(d: &mut D, cond: Cond, a: &D::W, b: &D::W) -> D::B {
    let (op, exchanged, negated) = cond.parts();
    let holds = if exchanged { d.cmp(op, b, a) } else { d.cmp(op, a, b) };
    if negated { d.not(&holds) } else { holds }
}

/// The sign extension of a loaded value.
pub fn sign_extend<D: Domain>(d: &mut D, width: Width, value: D::W) -> D::W {
    match width {
        Width::Byte => d.un(UnOp::Sext8, &value),
        Width::Half => d.un(UnOp::Sext16, &value),
        Width::Word => value,
    }
}

impl<D: Domain> Program<D> for IrProgram<'_> {
    type Point = IrPoint;
    type State = IrState<D>;

    fn entry(&self) -> IrPoint {
        IrPoint { block: 0, inst: 0, arm: 0 }
    }
    fn entry_state(&self, _d: &mut D, args: &[D::W], world: World<D>) -> IrState<D> {
        let mut state = IrState { values: vec![[None, None]; self.func.values.len()], world, pending: vec![] };
        let mut args = args.iter().cloned();
        for v in self.func.blocks.first().map_or(&[][..], |b| &b.params) {
            for half in 0..self.func.type_of(*v).words() {
                state.values[v.0 as usize][half] = args.next();
            }
        }
        state
    }
    fn point(&self, code: u64) -> Option<IrPoint> {
        let block = u32::try_from(code).ok()?;
        ((block as usize) < self.func.blocks.len()).then_some(IrPoint { block, inst: 0, arm: 0 })
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
        IrState { values: self.func.values.iter().map(blank).collect(), world, pending: vec![] }
    }
    fn set(&self, state: &mut IrState<D>, loc: &Loc, value: D::W) -> Option<()> {
        let Loc::Value(v, half) = loc else {
            return None;
        };
        if usize::from(*half) >= self.func.values.get(v.0 as usize)?.words() {
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
        let _ = facts;
        let Some(block) = self.func.blocks.get(at.block as usize) else {
            return unsupported("IR point outside");
        };
        if let Some(kind) = at.inst.checked_sub(TRAP_POINTS).and_then(|k| TrapKind::from_code(k as u8)) {
            return Ok(Step::Trap(kind, s));
        }
        match block.insts.get(at.inst as usize) {
            Some(inst) => self.inst(d, inst, IrPoint { inst: at.inst + 1, ..at }, s),
            None => self.end(d, at, s),
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
        for v in pending {
            for half in 0..self.func.type_of(v).words() {
                state.values[v.0 as usize][half] = words.next();
            }
        }
        state
    }
    fn describe(&self, at: IrPoint) -> String {
        format!("IR block {} instruction {}", at.block, at.inst)
    }
}

/// Whether accesses under this mode rest on `A-BOUNDS`.
pub fn assumes_bounds(bounds: Bounds) -> bool {
    bounds != Bounds::Software
}
