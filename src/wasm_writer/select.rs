//! From IR operations to WebAssembly operators, block by block.
//!
//! The IR makes explicit what operators do by themselves: checks before accesses and divisions, masked shift amounts, both
//! steps of a remainder, the search for a callee. What belongs to one operator is found again and becomes one (`fuse.rs`); only
//! what lies in one block, so that at every cut point each value is still that of the IR.

use super::function::{WasmFunc, WasmInst};
use super::fuse::Fused;
use super::op::{self, WasmOp};
use super::{Kept, encode};
use crate::cfg;
use crate::faults;
use crate::module::Module;
use crate::pass::Cx;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::{BinOp, Symbol, UnOp, Width};
use synth_validator::ir::{Cond, Func, Inst, Op, Terminator, Type, Value};
use synth_validator::trap::TrapKind;

/// Selection of one function.
pub(super) struct Selector<'a> {
    pub(super) func: &'a Func,
    pub(super) module: &'a Module,
    bytes: &'a [u8],
    /// Block and number of the instruction that defines a value.
    defined: FxHashMap<Value, (usize, usize)>,
    /// By block: edges to it.
    pub(super) incoming: Vec<u32>,
    /// Uses of each value.
    pub(super) uses: Vec<u32>,
    /// Block being selected.
    pub(super) block: usize,
    shape: Func,
    out: Vec<WasmInst>,
}

/// Selects operators.
///
/// # Errors
/// What has no operator.
pub fn select(func: &Func, bytes: &[u8], cx: &Cx<'_>) -> Result<WasmFunc, Kept> {
    let mut shape = func.clone();
    shape.blocks.iter_mut().for_each(|b| b.insts.clear());
    let mut s = Selector {
        func,
        module: cx.module,
        bytes,
        defined: FxHashMap::default(),
        incoming: vec![0; func.blocks.len()],
        uses: vec![0; func.values.len()],
        block: 0,
        shape,
        out: Vec::new(),
    };
    s.count();
    let mut insts = vec![Vec::new(); func.blocks.len()];
    let mut taken_in = vec![false; func.blocks.len()];
    for block in cfg::reverse_postorder(func) {
        if taken_in[block.0 as usize] {
            continue;
        }
        let mut at = block.0 as usize;
        while let Some(next) = s.whole_block(at)?.or_else(|| s.only_successor(at)) {
            taken_in[next] = true;
            at = next;
        }
        s.block = at;
        s.shape.blocks[block.0 as usize].end = s.end(&func.blocks[at].end);
        insts[block.0 as usize] = std::mem::take(&mut s.out);
    }
    let mut selected = WasmFunc { shape: s.shape, insts, held: Vec::new() };
    selected.remove_dead();
    selected.hold_constants();
    Ok(selected)
}

impl<'a> Selector<'a> {
    fn count(&mut self) {
        for block in cfg::reverse_postorder(self.func) {
            let data = &self.func.blocks[block.0 as usize];
            for (i, inst) in data.insts.iter().enumerate() {
                self.defined.extend(inst.results.iter().map(|r| (*r, (block.0 as usize, i))));
                inst.args.iter().for_each(|v| self.uses[v.0 as usize] += 1);
            }
            let edges = cfg::edges(&data.end);
            edges.iter().for_each(|e| self.incoming[e.block.0 as usize] += 1);
            let args = edges.iter().flat_map(|e| &e.args).chain(cfg::operands(&data.end));
            args.for_each(|v| self.uses[v.0 as usize] += 1);
        }
    }

    /// Number and instruction of a value's definition, if it is in the block being selected.
    pub(super) fn here(&self, v: Value) -> Option<(usize, &'a Inst)> {
        let (block, i) = *self.defined.get(&v)?;
        (block == self.block).then(|| (i, &self.func.blocks[block].insts[i]))
    }

    /// The constant that a value is.
    pub(super) fn constant(&self, v: Value) -> Option<u64> {
        let (block, i) = *self.defined.get(&v)?;
        match self.func.blocks[block].insts[i].op {
            Op::Const(k) => Some(u64::from(k)),
            Op::Const64(k) => Some(k),
            _ => None,
        }
    }

    /// Whether two values are one, or equal constants.
    pub(super) fn same(&self, a: Value, b: Value) -> bool {
        a == b || self.constant(a).is_some_and(|k| self.constant(b) == Some(k))
    }

    /// The block that a block jumps to, if nothing else does.
    fn only_successor(&self, block: usize) -> Option<usize> {
        match &self.func.blocks[block].end {
            Terminator::Jump(edge) if self.incoming[edge.block.0 as usize] == 1 => Some(edge.block.0 as usize),
            _ => None,
        }
    }

    fn fresh(&mut self, ty: Type) -> Value {
        self.shape.value(ty)
    }

    fn put(&mut self, op: WasmOp, args: &[Value], results: &[Value]) {
        self.out.push(WasmInst { op, args: args.into(), results: results.into() });
    }

    fn put_new(&mut self, op: WasmOp, args: &[Value], ty: Type) -> Value {
        let v = self.fresh(ty);
        self.put(op, args, &[v]);
        v
    }

    /// Selects a block's instructions. Result: the block after it, if it ends in the search of an indirect call.
    fn whole_block(&mut self, block: usize) -> Result<Option<usize>, Kept> {
        self.block = block;
        let (mut fused, next) = Fused::of_block(self);
        let func = self.func;
        for (i, inst) in func.blocks[block].insts.iter().enumerate() {
            if let Some(mut instead) = fused.instead.remove(&i) {
                if instead.op == WasmOp::MemoryGrow && instead.results.is_empty() {
                    instead.results.push(self.fresh(Type::I32));
                }
                self.out.push(instead);
            } else if !fused.left_out[i] {
                self.instruction(inst)?;
            }
        }
        Ok(next)
    }

    /// The alignment hint of the module's own access, or the natural alignment.
    pub(super) fn alignment(&self, inst: &Inst, natural: u8) -> u8 {
        op::alignment_at(self.bytes, inst.origin).map_or(natural, |hint| hint.min(natural))
    }

    fn load(&self, inst: &Inst, ty: Type, width: Option<Width>, signed: bool, offset: u32) -> WasmOp {
        let (code, natural) = op::load(ty, width, signed);
        WasmOp::Load(code, self.alignment(inst, natural), offset)
    }

    /// The load of an `I64` from fewer bits.
    pub(super) fn wide_load(&self, inst: &Inst, signed: bool) -> Option<WasmOp> {
        let Op::Load { width, offset, .. } = inst.op else { return None };
        Some(self.load(inst, Type::I64, Some(width), signed, offset))
    }

    fn instruction(&mut self, inst: &Inst) -> Result<(), Kept> {
        if self.access(inst) {
            return Ok(());
        }
        let (args, results) = (&inst.args, &inst.results);
        let simple = match &inst.op {
            Op::Const(k) => WasmOp::Const32(*k),
            Op::Const64(k) => WasmOp::Const64(*k),
            Op::Address(Symbol::HostData(global)) => WasmOp::GlobalGet(*global),
            Op::Bin(op) => return self.binary(*op, inst),
            Op::Un(UnOp::Clz) => return self.clz(inst),
            Op::Un(UnOp::Rbit) => return Ok(()),
            Op::Un(op) => op::unary(*op).ok_or(Kept::Operation("a reversal of bytes"))?,
            Op::Cmp(cond) => return self.compare(Type::I32, *cond, inst),
            Op::Cmp64(cond) => return self.compare(Type::I64, *cond, inst),
            Op::Select => {
                let (c, swapped) = self.condition(args[0]);
                let (a, b) = if swapped { (args[2], args[1]) } else { (args[1], args[2]) };
                self.put(WasmOp::Select, &[a, b, c], results);
                return Ok(());
            }
            Op::Bin64(op) => op::binary64(*op),
            Op::Un64(op) => op::unary64(*op),
            Op::Join => return self.join(inst),
            Op::Split => {
                self.split(inst);
                return Ok(());
            }
            Op::TrapIf(kind) if encode::can_trap(*kind) => WasmOp::TrapIf(*kind),
            Op::GlobalGet { cell } => WasmOp::GlobalGet(self.global(*cell)?),
            Op::GlobalSet { cell } => WasmOp::GlobalSet(self.global(*cell)?),
            Op::MemoryBytes => {
                let pages = self.put_new(WasmOp::MemorySize, &[], Type::I32);
                let bits = self.put_new(WasmOp::Const32(16), &[], Type::I32);
                self.put(op::binary(BinOp::Shl).expect("invariant: a shift"), &[pages, bits], results);
                return Ok(());
            }
            Op::MemoryCopy => WasmOp::MemoryCopy,
            Op::MemoryFill => WasmOp::MemoryFill,
            Op::MemoryInit { segment } => WasmOp::MemoryInit(*segment),
            Op::Call { func } => WasmOp::Call(*func),
            Op::CallIndirect { type_index } => return self.call_indirect(*type_index, inst),
            // What a call through a table needs of it is part of the call.
            Op::TableFunction { .. } => return Ok(()),
            Op::TableType { .. } => return Err(Kept::Operation("a table entry's type")),
            Op::SetMemoryBytes => return Err(Kept::Operation("a change of the memory's size")),
            Op::TrapIf(_) => return Err(Kept::Operation("a trap that only a call can make")),
            _ => return Err(Kept::Operation("an operation on pairs of words")),
        };
        self.put(simple, args, results);
        Ok(())
    }

    /// Selects an access to linear memory or a check without one; false if it is none.
    fn access(&mut self, inst: &Inst) -> bool {
        let (args, results) = (&inst.args, &inst.results);
        let (op, args) = match &inst.op {
            Op::BoundsCheck { offset, bytes } => {
                let width = [Width::Byte, Width::Half, Width::Word].into_iter().find(|w| w.bytes() == *bytes);
                let ty = if width.is_some() { Type::I32 } else { Type::I64 };
                let op = self.load(inst, ty, width, false, *offset);
                self.put_new(op, args, ty);
                return true;
            }
            Op::Load { width, signed, offset, .. } => {
                (self.load(inst, Type::I32, Some(*width), *signed, *offset), args.clone())
            }
            Op::Load64 { offset, .. } => (self.load(inst, Type::I64, None, false, *offset), args.clone()),
            Op::Store { width, offset, .. } => {
                let (value, ty) = self.stored(args[1]);
                let exchanged = faults::on("wasm-writer-store-operands") && ty == Type::I32;
                let args = if exchanged { smallvec![value, args[0]] } else { smallvec![args[0], value] };
                (self.store(inst, ty, Some(*width), *offset), args)
            }
            Op::Store64 { offset, .. } => (self.store(inst, Type::I64, None, *offset), args.clone()),
            _ => return false,
        };
        self.put(op, &args, results);
        true
    }

    fn store(&self, inst: &Inst, ty: Type, width: Option<Width>, offset: u32) -> WasmOp {
        let (code, natural) = op::store(ty, width);
        WasmOp::Store(code, self.alignment(inst, natural), offset)
    }

    fn compare(&mut self, ty: Type, cond: Cond, inst: &Inst) -> Result<(), Kept> {
        if cond == Cond::Eq && self.constant(inst.args[1]) == Some(0) {
            self.put(op::eqz(ty), &inst.args[..1], &inst.results);
        } else {
            self.put(op::compare(ty, cond), &inst.args, &inst.results);
        }
        Ok(())
    }

    fn call_indirect(&mut self, type_index: u32, inst: &Inst) -> Result<(), Kept> {
        let Some((_, Inst { op: Op::TableFunction { table }, args: entry, .. })) = self.here(inst.args[0]) else {
            return Err(Kept::Operation("a call through a computed word"));
        };
        let args = [&inst.args[1..], &entry[..1]].concat();
        self.put(WasmOp::CallIndirect(type_index, *table), &args, &inst.results);
        Ok(())
    }

    fn global(&self, cell: u32) -> Result<u32, Kept> {
        let place = self.module.globals.iter().position(|g| g.cell == Some(cell));
        place.map(|i| i as u32).ok_or(Kept::Operation("half a global"))
    }

    fn binary(&mut self, op: BinOp, inst: &Inst) -> Result<(), Kept> {
        let [a, b] = inst.args[..] else { return Err(Kept::Operation("an operation without operands")) };
        let (wasm, args) = match op {
            BinOp::Shl | BinOp::Lshr | BinOp::Ashr => {
                if let (BinOp::Lshr, Some((_, Inst { op: Op::MemoryBytes, .. })), Some(16)) =
                    (op, self.here(a), self.constant(b))
                {
                    self.put(WasmOp::MemorySize, &[], &inst.results);
                    return Ok(());
                }
                (op::binary(op), [a, self.amount(b)?])
            }
            BinOp::Ror => match self.here(b) {
                Some((_, Inst { op: Op::Bin(BinOp::Sub), args: minus, .. })) if self.constant(minus[0]) == Some(0) => {
                    (Some(op::I32_ROTL), [a, minus[1]])
                }
                _ => (op::binary(op), [a, b]),
            },
            _ => (op::binary(op), [a, b]),
        };
        let wasm = wasm.ok_or(Kept::Operation("a high word of a product"))?;
        self.put(wasm, &args, &inst.results);
        Ok(())
    }

    /// A shift amount, which the operator takes modulo 32 by itself.
    fn amount(&self, n: Value) -> Result<Value, Kept> {
        if let Some((_, Inst { op: Op::Bin(BinOp::And), args, .. })) = self.here(n) {
            for (n, mask) in [(args[0], args[1]), (args[1], args[0])] {
                if self.constant(mask) == Some(31) {
                    return Ok(n);
                }
            }
        }
        match self.constant(n) {
            Some(k) if k < 32 => Ok(n),
            _ => Err(Kept::Operation("a shift by an amount that may exceed 31")),
        }
    }

    fn clz(&mut self, inst: &Inst) -> Result<(), Kept> {
        match self.here(inst.args[0]) {
            Some((_, Inst { op: Op::Un(UnOp::Rbit), args, .. })) => self.put(op::I32_CTZ, args, &inst.results),
            _ => {
                let clz = op::unary(UnOp::Clz).expect("invariant: there is an operator");
                self.put(clz, &inst.args, &inst.results);
            }
        }
        Ok(())
    }

    /// A condition without comparisons with zero, and whether it is negated.
    fn condition(&self, mut c: Value) -> (Value, bool) {
        let mut negated = false;
        while let Some((_, Inst { op: Op::Cmp(cond @ (Cond::Eq | Cond::Ne)), args, .. })) = self.here(c) {
            if self.constant(args[1]) != Some(0) || self.uses[c.0 as usize] != 1 {
                break;
            }
            c = args[0];
            negated ^= *cond == Cond::Eq;
        }
        (c, negated)
    }

    fn join(&mut self, inst: &Inst) -> Result<(), Kept> {
        let [low, high] = inst.args[..] else { return Err(Kept::Operation("an operation without operands")) };
        let is_sign = |high: Value| match self.here(high) {
            Some((_, Inst { op: Op::Bin(BinOp::Ashr), args, .. })) => {
                args[0] == low && self.constant(args[1]) == Some(31)
            }
            _ => false,
        };
        if self.constant(high) == Some(0) {
            self.put(op::I64_EXTEND_U, &[low], &inst.results);
        } else if is_sign(high) {
            self.put(op::I64_EXTEND_S, &[low], &inst.results);
        } else {
            use synth_validator::ir::Bin64;
            let low = self.put_new(op::I64_EXTEND_U, &[low], Type::I64);
            let high = self.put_new(op::I64_EXTEND_U, &[high], Type::I64);
            let bits = self.put_new(WasmOp::Const64(32), &[], Type::I64);
            let high = self.put_new(op::binary64(Bin64::Shl), &[high, bits], Type::I64);
            self.put(op::binary64(Bin64::Or), &[low, high], &inst.results);
        }
        Ok(())
    }

    fn split(&mut self, inst: &Inst) {
        use synth_validator::ir::Bin64;
        self.put(op::I32_WRAP, &inst.args, &inst.results[..1]);
        let bits = self.put_new(WasmOp::Const64(32), &[], Type::I64);
        let high = self.put_new(op::binary64(Bin64::ShrU), &[inst.args[0], bits], Type::I64);
        self.put(op::I32_WRAP, &[high], &inst.results[1..]);
    }

    /// What a narrow store stores: the `I64` whose low word is stored, or the word.
    fn stored(&self, v: Value) -> (Value, Type) {
        match self.here(v) {
            Some((_, Inst { op: Op::Split, args, results, .. })) if results[0] == v && self.uses[v.0 as usize] == 1 => {
                (args[0], Type::I64)
            }
            _ => (v, Type::I32),
        }
    }

    fn end(&mut self, end: &Terminator) -> Terminator {
        match end {
            Terminator::Branch(c, yes, no) => {
                let (c, swapped) = self.condition(*c);
                let (yes, no) = if swapped { (no, yes) } else { (yes, no) };
                let exchanged = faults::on("wasm-writer-branch-arms");
                let (yes, no) = if exchanged { (no, yes) } else { (yes, no) };
                Terminator::Branch(c, yes.clone(), no.clone())
            }
            _ => end.clone(),
        }
    }
}

/// Whether a trap stands for the end of a block.
pub(super) fn is_trap(end: &Terminator) -> Option<TrapKind> {
    match end {
        Terminator::Trap(kind) => Some(*kind),
        _ => None,
    }
}
