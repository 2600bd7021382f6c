//! Builds the IR of one function from its WebAssembly body, with the witness of link 0.
//!
//! The operand stack and the locals hold IR values. Joins are made at the ends of blocks and at loop headers: a local
//! becomes a parameter of the join only where incoming values differ, or, for loops, where the loop assigns it.
//! Changes of locals are logged, so that the state at a label's start is restored by undoing. Code that cannot be
//! reached is skipped. Checks are explicit, as the contract's bounds mode demands.

mod bulk;
mod call;
mod control;
mod finish;
mod memory;
mod numeric;

use crate::error::CompileError;
use crate::faults;
use crate::module::{Module, ValType};
use control::Frame;
use rustc_hash::FxHashMap;
use synth_validator::contract::Contract;
use synth_validator::domain::{BinOp, Symbol};
use synth_validator::ir::{self, Block, Cond, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;
use synth_validator::witness::Witness;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Steps of bookkeeping for joins, and stored words, that one function may take: both grow with locals times joins.
const WORK_MAX: u64 = 1 << 24;

/// A function in IR form and the witness that it refines the WebAssembly body.
#[derive(Clone, Debug)]
pub struct Built {
    /// The function.
    pub func: ir::Func,
    /// Cuts: left the offset in the module of the next operator, right the block index.
    pub witness: Witness,
}

/// Builds the defined function `index` (imports first) of `module`, which was decoded from `bytes`.
///
/// # Errors
/// `Unsupported` for types and operators other than the integer ones, `Limit` for functions with too many locals
/// times joins.
pub fn build(bytes: &[u8], module: &Module, contract: &Contract, index: u32) -> Result<Built, CompileError> {
    let range = module.functions[index as usize].body.clone();
    let body = FunctionBody::new(BinaryReader::new(&bytes[range.clone()], range.start as _));
    let mut b = Builder::new(module, contract, index);
    b.origin = range.start as u32;
    b.declare(&body)?;
    b.assigned = control::assigned_in_loops(&body, &mut b.work).ok_or_else(|| b.limit())?;
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        b.origin = offset as u32;
        b.next = reader.original_position() as u64;
        b.operator(&operator)?;
    }
    b.finish()
}

/// The state of a join or loop header at its start.
struct Snapshot {
    block: Block,
    /// Offset of the next operator.
    at: u64,
    locals: Vec<Value>,
    stack: Vec<Value>,
}

/// A change of a local: the local, its value before, and `Builder::logged` before.
struct Change(u32, Value, usize);

/// The function under construction.
struct Builder<'m> {
    module: &'m Module,
    contract: &'m Contract,
    func: ir::Func,
    /// Block that instructions are added to; meaningless if not `reachable`.
    block: Block,
    reachable: bool,
    /// Open frames within code that is not reachable.
    skipped: u32,
    /// Offset of the current operator and of the next one.
    origin: u32,
    next: u64,
    local_types: Vec<Type>,
    /// Current value of each local.
    env: Vec<Value>,
    log: Vec<Change>,
    /// Position + 1 in `log` of each local's last change.
    logged: Vec<usize>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// Values of constants.
    known: FxHashMap<Value, u64>,
    /// Constants whose numbers instructions have taken in: code depends on them though nothing uses the values.
    taken: Vec<Value>,
    /// Constants that exist in the current block.
    constants: FxHashMap<(Type, u64), Value>,
    /// Locals assigned in each loop, by the offset of its operator.
    assigned: FxHashMap<u32, Vec<u32>>,
    snapshots: Vec<Snapshot>,
    work: u64,
}

impl<'m> Builder<'m> {
    fn new(module: &'m Module, contract: &'m Contract, index: u32) -> Self {
        Builder {
            module,
            contract,
            func: ir::Func { index, results: Vec::new(), values: Vec::new(), blocks: Vec::new() },
            block: Block(0),
            reachable: true,
            skipped: 0,
            origin: 0,
            next: 0,
            local_types: Vec::new(),
            env: Vec::new(),
            log: Vec::new(),
            logged: Vec::new(),
            stack: Vec::new(),
            frames: Vec::new(),
            known: FxHashMap::default(),
            taken: Vec::new(),
            constants: FxHashMap::default(),
            assigned: FxHashMap::default(),
            snapshots: Vec::new(),
            work: 0,
        }
    }

    fn unsupported(&self, what: impl Into<String>) -> CompileError {
        CompileError::Unsupported { function: Some(self.func.index), offset: self.origin as u64, what: what.into() }
    }

    fn limit(&self) -> CompileError {
        CompileError::Limit { function: Some(self.func.index), what: "locals live at joins", limit: WORK_MAX }
    }

    /// Counts steps of bookkeeping.
    fn spend(&mut self, steps: usize) -> Result<(), CompileError> {
        self.work += steps as u64;
        if self.work > WORK_MAX { Err(self.limit()) } else { Ok(()) }
    }

    /// Makes the entry block, parameters and locals.
    fn declare(&mut self, body: &FunctionBody<'_>) -> Result<(), CompileError> {
        let ty = self.module.type_of(self.func.index);
        let params = ty.int_params().map_err(|t| self.unsupported(t))?;
        self.func.results = ty.int_results().map_err(|t| self.unsupported(t))?;
        self.block = self.new_block();
        for ty in params {
            let v = self.func.value(ty);
            self.func.blocks[0].params.push(v);
            self.local_types.push(ty);
            self.env.push(v);
        }
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            let (ValType::Int(ty) | ValType::Float(ty)) = ValType::from(ty) else {
                return Err(self.unsupported("a local of a vector or reference type"));
            };
            let zero = if count > 0 {
                self.constant(ty, u64::from(faults::on("build-local-start")))
            } else {
                continue;
            };
            self.local_types.extend(std::iter::repeat_n(ty, count as usize));
            self.env.extend(std::iter::repeat_n(zero, count as usize));
        }
        self.logged = vec![0; self.env.len()];
        self.frames.push(Frame::function(self.func.results.clone()));
        Ok(())
    }

    /// Adds an empty block.
    fn new_block(&mut self) -> Block {
        self.func.blocks.push(ir::BlockData {
            params: Values::new(),
            insts: Vec::new(),
            end: Terminator::Trap(TrapKind::Unreachable),
            end_origin: self.origin,
        });
        Block(self.func.blocks.len() as u32 - 1)
    }

    /// Continues in a block.
    fn enter(&mut self, block: Block) {
        self.block = block;
        self.reachable = true;
        self.constants.clear();
    }

    /// Ends the current block.
    fn end(&mut self, end: Terminator) {
        let block = &mut self.func.blocks[self.block.0 as usize];
        block.end = end;
        block.end_origin = self.origin;
        self.reachable = false;
    }

    /// Adds an instruction.
    fn emit(&mut self, op: Op, args: &[Value], types: &[Type]) -> Values {
        let results: Values = types.iter().map(|t| self.func.value(*t)).collect();
        let inst = Inst { op, args: args.into(), results: results.clone(), origin: self.origin };
        self.func.blocks[self.block.0 as usize].insts.push(inst);
        results
    }

    /// Adds an instruction with one `I32` result.
    fn word(&mut self, op: Op, args: &[Value]) -> Value {
        self.emit(op, args, &[Type::I32])[0]
    }

    /// Adds an instruction with one `I64` result.
    fn long(&mut self, op: Op, args: &[Value]) -> Value {
        self.emit(op, args, &[Type::I64])[0]
    }

    /// A constant, made once in a block.
    fn constant(&mut self, ty: Type, k: u64) -> Value {
        if let Some(v) = self.constants.get(&(ty, k)) {
            return *v;
        }
        let v = match ty {
            Type::I32 => self.word(Op::Const(k as u32), &[]),
            Type::I64 => self.long(Op::Const64(k), &[]),
        };
        self.constants.insert((ty, k), v);
        self.known.insert(v, k);
        v
    }

    /// The number of a constant, to be taken in.
    fn take(&mut self, v: Value) -> Option<u64> {
        let k = *self.known.get(&v)?;
        self.taken.push(v);
        Some(k)
    }

    /// An `I32` constant.
    fn k(&mut self, k: u32) -> Value {
        self.constant(Type::I32, k as u64)
    }

    fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        self.word(Op::Bin(op), &[a, b])
    }

    fn bin_k(&mut self, op: BinOp, a: Value, k: u32) -> Value {
        let k = self.k(k);
        self.bin(op, a, k)
    }

    fn cmp(&mut self, cond: Cond, a: Value, b: Value) -> Value {
        self.word(Op::Cmp(cond), &[a, b])
    }

    fn trap_if(&mut self, kind: TrapKind, condition: Value) {
        self.emit(Op::TrapIf(kind), &[condition], &[]);
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().expect("invariant: the module is valid")
    }

    fn push(&mut self, v: Value) {
        self.stack.push(v);
    }

    /// Translates one operator.
    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), CompileError> {
        if self.control(operator)? || !self.reachable {
            return Ok(());
        }
        match *operator {
            // Floating-point numbers are their bits.
            Operator::Nop
            | Operator::I32ReinterpretF32
            | Operator::I64ReinterpretF64
            | Operator::F32ReinterpretI32
            | Operator::F64ReinterpretI64 => {}
            Operator::Drop => drop(self.pop()),
            Operator::Select | Operator::TypedSelect { .. } => {
                let (c, mut b, mut a) = (self.pop(), self.pop(), self.pop());
                if faults::on("build-select-exchanged") {
                    (a, b) = (b, a);
                }
                let ty = self.func.type_of(a);
                let v = self.emit(Op::Select, &[c, a, b], &[ty])[0];
                self.push(v);
            }
            Operator::LocalGet { local_index } => self.push(self.env[local_index as usize]),
            Operator::LocalSet { local_index } => {
                let v = self.pop();
                self.set_local(local_index, v);
            }
            Operator::LocalTee { local_index } => {
                let v = *self.stack.last().expect("invariant: the module is valid");
                self.set_local(local_index, v);
            }
            Operator::GlobalGet { global_index } => self.global_get(global_index)?,
            Operator::GlobalSet { global_index } => {
                let v = self.pop();
                let Some(cell) = self.module.globals[global_index as usize].cell else {
                    return Err(self.unsupported("a global of a vector or reference type"));
                };
                self.emit(Op::GlobalSet { cell }, &[v], &[]);
            }
            Operator::Call { function_index } => self.call(function_index)?,
            Operator::CallIndirect { type_index, table_index } => self.call_indirect(type_index, table_index)?,
            _ => {
                if !self.numeric(operator) && !self.access(operator) && !self.bulk(operator) {
                    return Err(self.unsupported(operator_name(operator)));
                }
            }
        }
        Ok(())
    }

    fn global_get(&mut self, index: u32) -> Result<(), CompileError> {
        let global = &self.module.globals[index as usize];
        let Some(ty) = global.ty.bits() else {
            return Err(self.unsupported("a global of a vector or reference type"));
        };
        let op = match global.cell {
            Some(cell) => Op::GlobalGet { cell },
            None if global.ty == ValType::Int(Type::I32) => {
                Op::Address(Symbol::HostData(self.module.same_global(index)))
            }
            None => return Err(self.unsupported("an imported global of a type other than i32")),
        };
        let v = self.emit(op, &[], &[ty])[0];
        self.push(v);
        Ok(())
    }

    /// Changes a local, noting the value before once in each frame.
    fn set_local(&mut self, local: u32, v: Value) {
        let i = local as usize;
        let start = self.frames.last().map_or(0, |f| f.log);
        if self.logged[i] <= start {
            self.log.push(Change(local, self.env[i], self.logged[i]));
            self.logged[i] = self.log.len();
        }
        self.env[i] = v;
    }

    /// Takes back the changes of locals after position `to`.
    fn undo(&mut self, to: usize) {
        while self.log.len() > to {
            let Change(local, before, logged) = self.log.pop().expect("invariant: longer than `to`");
            self.env[local as usize] = before;
            self.logged[local as usize] = logged;
        }
    }
}

/// The operator's name, for messages.
fn operator_name(operator: &Operator<'_>) -> String {
    format!("operator {}", crate::operator_name::name(operator))
}
