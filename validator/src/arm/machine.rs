//! Runs the functions of an object: [`super::semantics`] over the concrete domain, with calls between functions.
//!
//! The same observation as [`crate::wasm::instance`]: results or trap, memory, its size, globals. What a step requires
//! (bounds, callee-saved registers, the frame's discipline) is checked as it goes. Each function has a frame of its own
//! at the same concrete stack pointer (assumption `A-FRAME`).

use super::decode::{Code, Target, decode};
use super::insn::Op;
use super::object::{DataObject, ObjectFile};
use super::semantics::{Function, Point, State};
use crate::concrete::{Bytes, Concrete, MEMORY_BASE};
use crate::contract::Contract;
use crate::domain::{Domain, Symbol};
use crate::program::{Callee, Fact, Program, Step, Unsupported, World};
use crate::trap::TrapKind;
use crate::wasm::instance::{self, CALL_DEPTH_MAX, Host, Stop};
use crate::wasm::module::{ExportKind, Module};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object ready to run.
#[derive(Debug)]
pub struct Machine<'m, H> {
    module: &'m Module,
    contract: Contract,
    /// Decoded functions; [`INIT`] is the start-up function.
    codes: BTreeMap<u32, Result<Code, Unsupported>>,
    domain: Concrete,
    world: World<Concrete>,
    /// The imports.
    pub host: H,
    /// Steps that may still be executed.
    pub fuel: u64,
}

/// Key of the start-up function.
const INIT: u32 = u32::MAX;

struct Frame {
    func: u32,
    point: Point,
    state: State<Concrete>,
}

fn no_world() -> World<Concrete> {
    World { memory: (), memory_bytes: 0, cells: Vec::new(), results: Vec::new() }
}

/// The words of a data object, relocated.
fn words(d: &mut Concrete, data: &DataObject) -> Vec<u32> {
    let word = |i: u32| {
        let addend = data.word(4 * i as usize);
        match data.relocations.get(&(4 * i)).map(|r| r.target) {
            Some(Target::Symbol(symbol)) => d.symbol(symbol).wrapping_add(addend),
            Some(Target::Helper(_)) | None => addend,
        }
    };
    (0..data.size / 4).map(word).collect()
}

/// The bytes of a data object in which words are addresses in linear memory.
fn relocated(data: &DataObject) -> Vec<u8> {
    let mut bytes = data.bytes.clone();
    for at in data.relocations.keys().map(|at| *at as usize) {
        if let Some(word) = bytes.get_mut(at..at + 4) {
            word.copy_from_slice(&data.word(at).wrapping_add(MEMORY_BASE).to_le_bytes());
        }
    }
    bytes
}

impl<'m, H: Host> Machine<'m, H> {
    /// Loads an object; runs its start-up function if it has one.
    ///
    /// # Errors
    /// Why the start-up function did not return.
    pub fn new(module: &'m Module, object: &ObjectFile, contract: Contract, host: H, fuel: u64) -> Result<Self, Stop> {
        let codes = object.functions.iter().map(|(f, bytes)| (*f, decode(bytes)));
        let mut codes: BTreeMap<u32, _> = codes.collect();
        if let Some(init) = object.init() {
            codes.insert(INIT, decode(&init.code));
        }
        let mut memory = object.data.get(&Symbol::Memory).map_or(Vec::new(), relocated);
        let capacity = if module.memories.is_empty() { 0 } else { contract.capacity_bytes as usize };
        memory.resize(capacity, 0);
        let mut domain = Concrete::new(Bytes::Dense(memory));
        domain.host_data = Arc::new(host.globals(module));
        domain.memory_is_host = module.relocations.in_host;
        let mut load = |symbol| object.data.get(&symbol).map(|data| words(&mut domain, data));
        let cells = load(Symbol::Globals).unwrap_or_default();
        let pages = module.memories.first().map_or(0, |m| m.min_pages as u32);
        let memory_bytes = load(Symbol::MemoryBytes).and_then(|w| w.first().copied());
        let tables = (0..module.tables.len() as u32).map(|t| load(Symbol::Table(t)).unwrap_or_default());
        let tables: Vec<Vec<u32>> = tables.collect();
        let tables = tables.iter().map(|t| t.chunks_exact(2).map(|e| (e[0], e[1])).collect()).collect();
        domain.tables = Arc::new(tables);
        let segment = |k| object.data.get(&Symbol::Data(k)).map_or(Vec::new(), relocated);
        domain.segments = Arc::new((0..module.data.len() as u32).map(segment).collect());
        let memory_bytes = memory_bytes.unwrap_or(pages.wrapping_mul(crate::contract::PAGE_BYTES));
        let world = World { memory: (), memory_bytes, cells, results: Vec::new() };
        let mut machine = Machine { module, contract, codes, domain, world, host, fuel };
        if object.init().is_some() {
            machine.call(INIT, &[])?;
        }
        Ok(machine)
    }

    /// Linear memory.
    pub fn memory(&self) -> &Bytes {
        &self.domain.memory
    }

    /// Linear memory, for a host to write. Bytes past [`Self::memory_bytes`] must stay zero.
    pub fn memory_mut(&mut self) -> &mut Bytes {
        &mut self.domain.memory
    }

    /// Size of linear memory in bytes.
    pub fn memory_bytes(&self) -> u32 {
        self.world.memory_bytes
    }

    /// Words of the defined globals (empty if the object has none).
    pub fn cells(&self) -> &[u32] {
        &self.world.cells
    }

    /// Words of a defined global of numeric type.
    pub fn global(&self, index: u32) -> Option<Vec<u32>> {
        instance::global(self.module, &self.world.cells, index)
    }

    /// Calls an exported function. Arguments and results are words, `i64` as low, high.
    ///
    /// # Errors
    /// Why it did not return.
    pub fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        let mut exports = self.module.exports.iter();
        match exports.find(|e| e.kind == ExportKind::Function && e.name == export) {
            Some(e) => self.call(e.index, args),
            None => Err(Stop::Mismatch(format!("no exported function {export}"))),
        }
    }

    /// Calls a function by index.
    ///
    /// # Errors
    /// Why it did not return.
    pub fn call(&mut self, func: u32, args: &[u32]) -> Result<Vec<u32>, Stop> {
        let mut world = std::mem::replace(&mut self.world, no_world());
        let outcome = self.run(func, args, &mut world);
        self.world = world;
        outcome
    }

    /// A function of the object. An indirect call at `point` gets the type of the function that it will reach.
    fn program(&self, func: u32, point: Option<(Point, &State<Concrete>)>) -> Result<Function<'_>, Stop> {
        let code = match self.codes.get(&func) {
            Some(Ok(code)) => code,
            Some(Err(e)) => return Err(Stop::Unsupported(e.0.clone())),
            None => return Err(Stop::Mismatch(format!("func[{func}] is not in the object"))),
        };
        if func == INIT {
            return Ok(Function::without_index(code, self.module, &self.contract));
        }
        let mut types = BTreeMap::new();
        if let Some((at, state)) = point
            && let Some(Op::Blx { rm } | Op::Bx { rm, .. }) = code.insns.get(&at.offset).map(|i| i.op)
            && let Some(callee) = state.regs.get(usize::from(rm.0)).and_then(|w| Concrete::function_of(*w))
            && let Some(function) = self.module.functions.get(callee as usize)
        {
            types.insert(at.offset, self.module.canonical[function.type_index as usize]);
        }
        Function::new(code, self.module, &self.contract, func, types).map_err(|e| Stop::Unsupported(e.0))
    }

    fn run(&mut self, func: u32, args: &[u32], world: &mut World<Concrete>) -> Result<Vec<u32>, Stop> {
        if self.is_import(func) {
            return self.call_host(func, args, world);
        }
        let mut callers: Vec<Frame> = Vec::new();
        let mut frame = self.enter(func, args, world)?;
        loop {
            let Frame { func, point, state } = frame;
            if self.fuel == 0 {
                *world = state.world;
                return Err(Stop::Fuel);
            }
            self.fuel -= 1;
            let mut facts = Vec::new();
            let mut domain = std::mem::replace(&mut self.domain, Concrete::new(Bytes::Dense(Vec::new())));
            let program = self.program(func, Some((point, &state)));
            let step =
                program.and_then(|p| p.step(&mut domain, point, state, &mut facts).map_err(|e| Stop::Unsupported(e.0)));
            self.domain = domain;
            let step = step?;
            if let Some(why) = facts.iter().find_map(broken) {
                return Err(Stop::Mismatch(format!(
                    "func[{func}] at {:#x} breaks a condition of the proofs: {why}",
                    point.offset
                )));
            }
            frame = match step {
                Step::Next(point, state) => Frame { func, point, state },
                Step::Branch(true, (point, state), _) | Step::Branch(false, _, (point, state)) => {
                    Frame { func, point, state }
                }
                Step::Trap(kind, state) => {
                    *world = state.world;
                    return Err(Stop::Trap(kind));
                }
                Step::Return(results, state) => {
                    *world = state.world;
                    match callers.pop() {
                        None => return Ok(results),
                        Some(caller) => self.resume(caller, &results, world)?,
                    }
                }
                Step::Call { callee, args, next, mut state, .. } => {
                    std::mem::swap(world, &mut state.world);
                    let caller = Frame { func, point: next, state };
                    let callee = match callee {
                        Callee::Function(f) => Some(f),
                        Callee::Address { address, .. } => Concrete::function_of(address),
                    };
                    let Some(callee) = callee else {
                        return Err(Stop::Mismatch("not a function word".to_string()));
                    };
                    if self.is_import(callee) {
                        let results = self.call_host(callee, &args, world)?;
                        self.resume(caller, &results, world)?
                    } else if callers.len() + 1 >= CALL_DEPTH_MAX {
                        return Err(Stop::Trap(TrapKind::CallStackExhausted));
                    } else {
                        callers.push(caller);
                        self.enter(callee, &args, world)?
                    }
                }
            };
        }
    }

    fn is_import(&self, func: u32) -> bool {
        self.module.functions.get(func as usize).is_some_and(|f| f.import.is_some())
    }

    fn enter(&mut self, func: u32, args: &[u32], world: &mut World<Concrete>) -> Result<Frame, Stop> {
        let mut domain = registers_only(&self.domain);
        let program = self.program(func, None)?;
        let world = std::mem::replace(world, no_world());
        let point = <Function as Program<Concrete>>::entry(&program);
        let state = program.entry_state(&mut domain, args, world);
        self.domain.havoc_seed = domain.havoc_seed;
        Ok(Frame { func, point, state })
    }

    fn resume(&mut self, caller: Frame, results: &[u32], world: &mut World<Concrete>) -> Result<Frame, Stop> {
        let Frame { func, point, state } = caller;
        let mut domain = registers_only(&self.domain);
        let program = self.program(func, None)?;
        let world = std::mem::replace(world, no_world());
        let state = program.resume(&mut domain, state, results, world, &mut |d| d.havoc());
        self.domain.havoc_seed = domain.havoc_seed;
        Ok(Frame { func, point, state })
    }

    fn call_host(&mut self, func: u32, args: &[u32], world: &mut World<Concrete>) -> Result<Vec<u32>, Stop> {
        let Some(import) = &self.module.functions[func as usize].import else {
            return Err(Stop::Mismatch(format!("func[{func}] is not an import")));
        };
        self.host.call(import, func, args, world, &mut self.domain.memory)
    }
}

/// A domain for what needs no memory.
fn registers_only(domain: &Concrete) -> Concrete {
    Concrete { havoc_seed: domain.havoc_seed, ..Concrete::new(Bytes::Dense(Vec::new())) }
}

/// The text of a fact that does not hold.
fn broken(fact: &Fact<Concrete>) -> Option<&'static str> {
    match fact {
        Fact::Require(false, why)
        | Fact::Access(false, why)
        | Fact::LateAccess(false, why)
        | Fact::Assume(false, why) => Some(why),
        Fact::RequireEqual(a, b, why) if a != b => Some(why),
        _ => None,
    }
}
