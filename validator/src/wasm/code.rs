//! Function bodies in the form in which they are executed: a flat list of instructions with resolved branches.
//!
//! Locals and operand stack are vectors of words: an `i32` takes one, an `i64` two, low word first. The types on the
//! stack are followed here, so an executed instruction knows which words it means. Code that validation calls
//! unreachable (after an unconditional branch, up to the matching `else` or `end`) is left out; every other operator
//! is one instruction, so that each byte offset of reachable code names a point. Nothing is executed here.
//!
//! Requirement TOR-WASM-REFUSED: Floating-point arithmetic, SIMD, reference types, tail calls and what else has no meaning here shall
//! be refused by the operator's name and place; a function that has it shall not be proved.
//!
//! Requirement TOR-WASM-OFFSETS: Each operator of reachable code shall be one point of execution, found by its byte offset.

use super::decode::{III, fixed, numeric};
use super::module::{FuncType, Module, ValType};
use super::operators::Numeric;
use super::reader::{features, val_type};
use crate::domain::{DivOp, Space, Width};
use crate::ir::Type;
use std::fmt;
use std::ops::Range;
use wasmparser::{BinaryReader, BlockType, FunctionBody, Operator as Wasm};

/// Where a branch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Index of the instruction executed next.
    pub target: u32,
    /// Words of the operand stack below the values that the label takes.
    pub height: u32,
    /// Words on top of the stack that are kept; what lies between is dropped.
    pub keep: u32,
}

/// What an instruction does. Numbers of words are static.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `nop`, `block`, `loop`, and an `end` that is not the last one.
    Nop,
    /// `unreachable`.
    Unreachable,
    /// `br`, and `else` at the end of the first arm.
    Br(Label),
    /// `br_if`: branches if the popped word is not zero.
    BrIf(Label),
    /// `if`: branches to the second arm if the popped word is zero.
    If(Label),
    /// `br_table`: the popped word chooses; the last label is the default.
    BrTable(Vec<Label>),
    /// `return`, and the last `end`: this many words are the results.
    Return(u32),
    /// `drop` of this many words.
    Drop(u32),
    /// `select` between values of this many words.
    Select(u32),
    /// `local.get`: words of the locals.
    LocalGet(Range<u32>),
    /// `local.set`: words of the locals.
    LocalSet(Range<u32>),
    /// `local.tee`: words of the locals.
    LocalTee(Range<u32>),
    /// `global.get` of a defined global: its cells.
    GlobalGet(Range<u32>),
    /// `global.get` of the imported immutable `i32` global with this index: an address.
    HostAddress(u32),
    /// `global.set`: its cells.
    GlobalSet(Range<u32>),
    /// An operator without traps.
    Numeric(Numeric),
    /// `i32` division, which may trap.
    Div32(DivOp),
    /// `i64` division, which may trap.
    Div64(DivOp),
    /// A load of at most 32 bits.
    Load {
        /// Type of the result.
        ty: Type,
        /// Bits read.
        width: Width,
        /// Whether they are sign-extended.
        signed: bool,
        /// Constant added to the address.
        offset: u32,
    },
    /// `i64.load` with this constant offset.
    Load64(u32),
    /// A store of at most 32 bits.
    Store {
        /// Type of the operand.
        ty: Type,
        /// Bits written.
        width: Width,
        /// Constant added to the address.
        offset: u32,
    },
    /// `i64.store` with this constant offset.
    Store64(u32),
    /// `memory.size`.
    MemorySize,
    /// `memory.grow`.
    MemoryGrow,
    /// `memory.copy`.
    MemoryCopy,
    /// `memory.fill`.
    MemoryFill,
    /// `memory.init` from this data segment.
    MemoryInit(u32),
    /// `data.drop` of a segment that this cell says is dropped.
    DataDrop(u32),
    /// `call`.
    Call {
        /// Function index.
        func: u32,
        /// Argument words.
        params: u32,
        /// Result words.
        results: u32,
    },
    /// `call_indirect`.
    CallIndirect {
        /// Table index.
        table: u32,
        /// Canonical type index.
        type_index: u32,
        /// Argument words.
        params: u32,
        /// Result words.
        results: u32,
    },
}

impl Instr {
    /// Whether it is a store.
    pub fn stores(&self) -> bool {
        matches!(self.operator, Operator::Store { .. } | Operator::Store64(_))
    }
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instr {
    /// What it does.
    pub operator: Operator,
    /// Byte offset of its operator in the module.
    pub offset: u32,
    /// Words on the operand stack before it.
    pub height: u32,
    /// For a load or store of at most 64 bits: whose address it has ([`super::provenance`]).
    pub space: Space,
    /// Whether its constant is an address in linear memory ([`super::relocations`]).
    pub is_relocated: bool,
}

/// A function body, resolved for execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Function index (imports first).
    pub func: u32,
    /// Instructions by offset; the last is the last `end`, which returns.
    pub instrs: Vec<Instr>,
    /// Words of the parameters, which come first among the locals.
    pub param_words: u32,
    /// Words of all locals.
    pub local_words: u32,
    /// Words of the results.
    pub result_words: u32,
    /// First word of each local, and its type.
    pub locals: Vec<(u32, Type)>,
    /// Byte offset in the module just after the body.
    pub end_offset: u32,
}

impl Body {
    /// The instruction whose operator is at this byte offset of the module. The offset just after the body names the
    /// last `end`, which does what falling off the body does.
    pub fn index_of_offset(&self, offset: u32) -> Option<usize> {
        if offset == self.end_offset {
            return Some(self.instrs.len() - 1);
        }
        self.instrs.binary_search_by_key(&offset, |i| i.offset).ok()
    }
}

/// Why a body has no executable form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Function index.
    pub func: u32,
    /// Byte offset in the module.
    pub offset: usize,
    /// The operator or type.
    pub what: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unsupported: {} in func[{}] at byte offset {:#x}", self.what, self.func, self.offset)
    }
}

impl std::error::Error for Unsupported {}

/// A block that is open.
struct Frame {
    /// Number of its branch label in [`Reader::targets`].
    label: usize,
    /// For an `if` whose `else` has not come: the label of the second arm.
    otherwise: Option<usize>,
    is_loop: bool,
    /// Values on the stack below its parameters, and their words.
    base: usize,
    height: u32,
    params: Vec<Type>,
    results: Vec<Type>,
}

/// State of resolving one body.
struct Reader<'m> {
    module: &'m Module,
    body: Body,
    /// Types on the operand stack, and their words.
    types: Vec<Type>,
    height: u32,
    frames: Vec<Frame>,
    /// Instruction that each label names. Until the end, [`Label::target`] is an index into this.
    targets: Vec<u32>,
    /// How many blocks are open in code that cannot be reached; 0 with `dead` is the frame itself.
    dead: Option<u32>,
}

/// Resolves the body of a defined function of a module that [`super::reader::read`] accepted, from the same bytes.
/// # Errors
/// The first operator or type in the function that is not supported, with its offset.
/// Source: WebAssembly Core 2.0, 3.3 (instructions), 4.4.8 (blocks), 5.4 (binary format).
pub fn body(module: &Module, bytes: &[u8], func: u32) -> Result<Body, Unsupported> {
    let range = module.functions[func as usize].body.clone();
    let fail = |offset: usize, what: &str| Unsupported { func, offset, what: what.to_string() };
    let malformed = |e: wasmparser::Error| fail(e.offset() as usize, e.message());
    let code = bytes.get(range.clone()).filter(|c| !c.is_empty());
    let code = code.ok_or_else(|| fail(range.start, "a function without a body"))?;
    let code = FunctionBody::new(BinaryReader::new_features(code, range.start as u64, features()));
    let ty = module.type_of(func);
    let params = ty.int_params().map_err(|t| fail(range.start, &format!("parameter of type {t}")))?;
    let results = ty.int_results().map_err(|t| fail(range.start, &format!("result of type {t}")))?;
    let mut body = Body {
        func,
        instrs: Vec::new(),
        param_words: words(&params),
        local_words: 0,
        result_words: words(&results),
        locals: Vec::new(),
        end_offset: range.end as u32,
    };
    let mut declare = |ty: Type| {
        body.locals.push((body.local_words, ty));
        body.local_words += ty.words() as u32;
    };
    params.iter().for_each(|t| declare(*t));
    let mut locals = code.get_locals_reader().map_err(malformed)?;
    for _ in 0..locals.get_count() {
        let offset = locals.original_position() as usize;
        let (count, ty) = locals.read().map_err(malformed)?;
        match val_type(ty) {
            ValType::Int(t) | ValType::Float(t) => (0..count).for_each(|_| declare(t)),
            ValType::Other(_) if count == 0 => {}
            ValType::Other(name) => return Err(fail(offset, &format!("local of type {name}"))),
        }
    }
    let outermost =
        Frame { label: 0, otherwise: None, is_loop: false, base: 0, height: 0, params: Vec::new(), results };
    let frames = vec![outermost];
    let mut reader = Reader { module, body, types: Vec::new(), height: 0, frames, targets: vec![0], dead: None };
    let mut ops = code.get_operators_reader().map_err(malformed)?;
    while !ops.eof() {
        let (op, offset) = ops.read_with_offset().map_err(malformed)?;
        reader.operator(&op, offset as u32).map_err(|what| fail(offset as usize, &what))?;
    }
    Ok(reader.finish())
}

/// Words of values of these types.
fn words(types: &[Type]) -> u32 {
    types.iter().map(|t| t.words() as u32).sum()
}

/// An operator's name: its first word as `wasmparser` prints it.
fn name(op: &Wasm) -> String {
    let text = format!("{op:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_string()
}

impl Reader<'_> {
    /// Replaces label numbers by instruction indices.
    fn finish(mut self) -> Body {
        let targets = self.targets;
        for instr in &mut self.body.instrs {
            match &mut instr.operator {
                Operator::Br(l) | Operator::BrIf(l) | Operator::If(l) => l.target = targets[l.target as usize],
                Operator::BrTable(labels) => labels.iter_mut().for_each(|l| l.target = targets[l.target as usize]),
                _ => {}
            }
        }
        self.body
    }

    /// Appends an instruction that takes and leaves values of these types.
    fn emit(&mut self, offset: u32, operator: Operator, pops: &[Type], pushes: &[Type]) {
        let space = if self.module.host_accesses.contains(&offset) { Space::Host } else { Space::Linear };
        let is_relocated = self.module.relocations.operators.contains(&offset);
        self.body.instrs.push(Instr { operator, offset, height: self.height, space, is_relocated });
        self.types.truncate(self.types.len() - pops.len());
        self.types.extend_from_slice(pushes);
        self.height = self.height - words(pops) + words(pushes);
    }

    fn next_index(&self) -> u32 {
        self.body.instrs.len() as u32
    }

    fn new_label(&mut self) -> usize {
        self.targets.push(0);
        self.targets.len() - 1
    }

    /// The label `depth` blocks outward.
    fn label(&self, depth: u32) -> Label {
        let frame = &self.frames[self.frames.len() - 1 - depth as usize];
        let taken = if frame.is_loop { &frame.params } else { &frame.results };
        Label { target: frame.label as u32, height: frame.height, keep: words(taken) }
    }

    /// Parameters and results of a block.
    fn block_type(&self, ty: BlockType) -> Result<(Vec<Type>, Vec<Type>), String> {
        match ty {
            BlockType::Empty => Ok((Vec::new(), Vec::new())),
            BlockType::Type(t) => match val_type(t) {
                ValType::Int(t) | ValType::Float(t) => Ok((Vec::new(), vec![t])),
                ValType::Other(name) => Err(format!("block of type {name}")),
            },
            BlockType::FuncType(index) => self.signature(&self.module.types[index as usize], "block"),
        }
    }

    fn signature(&self, ty: &FuncType, what: &str) -> Result<(Vec<Type>, Vec<Type>), String> {
        let params = ty.int_params().map_err(|t| format!("{what} with a parameter of type {t}"))?;
        let results = ty.int_results().map_err(|t| format!("{what} with a result of type {t}"))?;
        Ok((params, results))
    }

    /// Opens a block whose parameters are on the stack.
    fn open(&mut self, ty: BlockType, is_loop: bool, otherwise: Option<usize>) -> Result<(), String> {
        let (params, results) = self.block_type(ty)?;
        let (base, height) = (self.types.len() - params.len(), self.height - words(&params));
        let label = self.new_label();
        self.frames.push(Frame { label, otherwise, is_loop, base, height, params, results });
        Ok(())
    }

    /// Makes the stack what the innermost block leaves on it: its results or, for a second arm, its parameters.
    fn reset(&mut self, to_params: bool) {
        let frame = self.frames.last().expect("invariant: a validated body closes only open blocks");
        let top = if to_params { &frame.params } else { &frame.results };
        self.types.truncate(frame.base);
        self.types.extend_from_slice(top);
        self.height = frame.height + words(top);
    }

    /// `else`: the end of the first arm and the target of the `if`.
    fn otherwise(&mut self, offset: u32) {
        self.dead = None;
        self.reset(false);
        let label = self.label(0);
        self.emit(offset, Operator::Br(label), &[], &[]);
        self.reset(true);
        let next = self.next_index();
        if let Some(frame) = self.frames.last_mut()
            && let Some(arm) = frame.otherwise.take()
        {
            self.targets[arm] = next;
        }
    }

    /// `end`: closes a block, or the function.
    fn end(&mut self, offset: u32) {
        self.dead = None;
        self.reset(false);
        let function = self.frames.len() == 1;
        let after = self.next_index() + u32::from(!function);
        let operator = if function { Operator::Return(self.body.result_words) } else { Operator::Nop };
        self.emit(offset, operator, &[], &[]);
        let frame = self.frames.pop().expect("invariant: a validated body closes only open blocks");
        if !frame.is_loop {
            self.targets[frame.label] = after;
        }
        if let Some(arm) = frame.otherwise {
            self.targets[arm] = after;
        }
    }

    /// Skips an operator in unreachable code. Returns whether it was skipped.
    fn skip(&mut self, op: &Wasm) -> bool {
        let Some(depth) = self.dead else { return false };
        match op {
            Wasm::Block { .. } | Wasm::Loop { .. } | Wasm::If { .. } => self.dead = Some(depth + 1),
            Wasm::End if depth > 0 => self.dead = Some(depth - 1),
            Wasm::End | Wasm::Else if depth == 0 => return false,
            _ => {}
        }
        true
    }

    /// Takes in one operator.
    fn operator(&mut self, op: &Wasm, offset: u32) -> Result<(), String> {
        if self.skip(op) {
            return Ok(());
        }
        if let Some(numeric) = numeric(op) {
            let (pops, pushes) = numeric.signature();
            self.emit(offset, Operator::Numeric(numeric), pops, pushes);
            return Ok(());
        }
        if let Some((operator, pops, pushes)) = fixed(op) {
            self.emit(offset, operator, pops, pushes);
            return Ok(());
        }
        match op {
            Wasm::Else => self.otherwise(offset),
            Wasm::End => self.end(offset),
            Wasm::Block { blockty } => {
                self.emit(offset, Operator::Nop, &[], &[]);
                self.open(*blockty, false, None)?;
            }
            Wasm::Loop { blockty } => {
                self.emit(offset, Operator::Nop, &[], &[]);
                self.open(*blockty, true, None)?;
                let label = self.targets.len() - 1;
                self.targets[label] = self.next_index();
            }
            Wasm::If { blockty } => {
                let (params, arm) = (words(&self.block_type(*blockty)?.0), self.new_label());
                let label = Label { target: arm as u32, height: self.height - 1 - params, keep: params };
                self.emit(offset, Operator::If(label), &[Type::I32], &[]);
                self.open(*blockty, false, Some(arm))?;
            }
            Wasm::Br { .. } | Wasm::BrTable { .. } | Wasm::Return | Wasm::Unreachable => self.leave(op, offset)?,
            Wasm::BrIf { relative_depth } => {
                let label = self.label(*relative_depth);
                self.emit(offset, Operator::BrIf(label), &[Type::I32], &[]);
            }
            Wasm::Drop => {
                let ty = self.top(0);
                self.emit(offset, Operator::Drop(ty.words() as u32), &[ty], &[]);
            }
            Wasm::Select | Wasm::TypedSelect { .. } => {
                let ty = self.top(1);
                self.emit(offset, Operator::Select(ty.words() as u32), &[ty, ty, Type::I32], &[ty]);
            }
            Wasm::LocalGet { local_index } | Wasm::LocalSet { local_index } | Wasm::LocalTee { local_index } => {
                let (word, ty) = self.body.locals[*local_index as usize];
                let range = word..word + ty.words() as u32;
                match op {
                    Wasm::LocalGet { .. } => self.emit(offset, Operator::LocalGet(range), &[], &[ty]),
                    Wasm::LocalSet { .. } => self.emit(offset, Operator::LocalSet(range), &[ty], &[]),
                    _ => self.emit(offset, Operator::LocalTee(range), &[], &[]),
                }
            }
            Wasm::GlobalGet { global_index } | Wasm::GlobalSet { global_index } => {
                let global = &self.module.globals[*global_index as usize];
                let is_get = matches!(op, Wasm::GlobalGet { .. });
                match (global.ty, global.cell) {
                    (ValType::Int(ty) | ValType::Float(ty), Some(cell)) => {
                        let range = cell..cell + ty.words() as u32;
                        match is_get {
                            true => self.emit(offset, Operator::GlobalGet(range), &[], &[ty]),
                            false => self.emit(offset, Operator::GlobalSet(range), &[ty], &[]),
                        }
                    }
                    (ValType::Int(Type::I32), None) => {
                        let global = self.module.same_global(*global_index);
                        self.emit(offset, Operator::HostAddress(global), &[], &[Type::I32]);
                    }
                    (ValType::Int(Type::I64), None) => {
                        return Err("an imported i64 global".to_string());
                    }
                    (ValType::Float(_), None) => return Err("an imported floating-point global".to_string()),
                    (ValType::Other(name), _) => return Err(format!("a global of type {name}")),
                }
            }
            Wasm::Call { function_index: func } => {
                let (pops, pushes) = self.signature(self.module.type_of(*func), "call of a function")?;
                let operator =
                    Operator::Call { func: self.module.callee(*func), params: words(&pops), results: words(&pushes) };
                self.emit(offset, operator, &pops, &pushes);
            }
            Wasm::CallIndirect { .. } if self.module.writes_tables => {
                return Err("CallIndirect in a module that changes tables".to_string());
            }
            Wasm::CallIndirect { type_index, table_index: table } => {
                let type_index = self.module.canonical[*type_index as usize];
                let (mut pops, pushes) = self.signature(&self.module.types[type_index as usize], "indirect call")?;
                let (params, results) = (words(&pops), words(&pushes));
                pops.push(Type::I32);
                self.emit(
                    offset,
                    Operator::CallIndirect { table: *table, type_index, params, results },
                    &pops,
                    &pushes,
                );
            }
            Wasm::MemoryInit { data_index, .. } => self.emit(offset, Operator::MemoryInit(*data_index), III, &[]),
            Wasm::DataDrop { data_index } => {
                // An active segment is dropped at instantiation.
                let dropped = self.module.data[*data_index as usize].dropped;
                self.emit(offset, dropped.map_or(Operator::Nop, Operator::DataDrop), &[], &[]);
            }
            // Only `table.init` can tell a dropped segment.
            Wasm::ElemDrop { .. } if !self.module.writes_tables => self.emit(offset, Operator::Nop, &[], &[]),
            _ => return Err(name(op)),
        }
        Ok(())
    }

    /// An operator after which code is unreachable.
    fn leave(&mut self, op: &Wasm, offset: u32) -> Result<(), String> {
        let operator = match op {
            Wasm::Br { relative_depth } => Operator::Br(self.label(*relative_depth)),
            Wasm::BrTable { targets } => {
                let depths: Result<Vec<u32>, _> = targets.targets().collect();
                let depths = depths.map_err(|e| e.message().to_string())?;
                let all = depths.into_iter().chain([targets.default()]);
                Operator::BrTable(all.map(|depth| self.label(depth)).collect())
            }
            Wasm::Return => Operator::Return(self.body.result_words),
            _ => Operator::Unreachable,
        };
        self.emit(offset, operator, &[], &[]);
        self.dead = Some(0);
        Ok(())
    }

    /// The type `below` values under the top of the stack.
    fn top(&self, below: usize) -> Type {
        self.types[self.types.len() - 1 - below]
    }
}
