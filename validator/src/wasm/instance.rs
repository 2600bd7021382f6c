//! Runs whole modules: [`super::semantics`] over the concrete domain, with instantiation and calls around it.
//!
//! This is the meaning that proofs rest on, made executable, so that it can be tested against the specification's
//! test suite and other engines. Calls use a stack of frames of its own, of bounded depth; steps are bounded by fuel.

use super::code::{self, Body};
use super::module::{ConstExpr, ExportKind, ImportName, Mode, Module};
use super::semantics::{Function, Point, State};
use crate::concrete::{Bytes, Concrete};
use crate::contract::{Contract, PAGE_BYTES};
use crate::domain::{Domain, Symbol, Width};
use crate::program::{Callee, Fact, Program, Step, World};
use crate::trap::TrapKind;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Calls under way at once before [`TrapKind::CallStackExhausted`].
pub const CALL_DEPTH_MAX: usize = 512;

/// Why execution ended without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It trapped.
    Trap(TrapKind),
    /// The fuel is used up.
    Fuel,
    /// A named assumption does not hold on this run.
    Assumption(&'static str),
    /// The module uses something that cannot be executed.
    Unsupported(String),
    /// The caller or the host does not fit the module: no such export, or a wrong number of words.
    Mismatch(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Trap(kind) => write!(f, "trap: {}", kind.name()),
            Stop::Fuel => write!(f, "the fuel is used up"),
            Stop::Assumption(name) => write!(f, "the assumption {name} does not hold"),
            Stop::Unsupported(what) => write!(f, "{what}"),
            Stop::Mismatch(what) => write!(f, "mismatch: {what}"),
        }
    }
}

impl std::error::Error for Stop {}

/// The world outside a module: its imported functions.
pub trait Host {
    /// Calls the import with this name and function index. `args` and the result are words, `i64` as low, high.
    /// Linear memory is `memory`, its size `world.memory_bytes`, the defined globals `world.cells`.
    /// # Errors
    /// The reason for which the import does not return.
    fn call(
        &mut self,
        import: &ImportName,
        func: u32,
        args: &[u32],
        world: &mut World<Concrete>,
        memory: &mut Bytes,
    ) -> Result<Vec<u32>, Stop>;

    /// The value of the imported immutable `i32` global with this name: an address of the host's choice. `None` leaves
    /// the choice to the interpreter.
    fn global(&self, _: &ImportName) -> Option<u32> {
        None
    }

    /// The values of a module's imported globals, by index.
    fn globals(&self, module: &Module) -> BTreeMap<u32, u32> {
        let globals = module.globals.iter().zip(0..);
        globals.filter_map(|(global, index)| Some((index, self.global(global.import.as_ref()?)?))).collect()
    }
}

/// A host without imports.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        _: &[u32],
        _: &mut World<Concrete>,
        _: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        Err(Stop::Mismatch(format!("no import {}.{}", import.module, import.field)))
    }
}

/// An instantiated module.
#[derive(Debug)]
pub struct Instance<'m, H> {
    module: &'m Module,
    contract: Contract,
    /// By function index; `None` for imports.
    bodies: Vec<Option<Result<Body, code::Unsupported>>>,
    domain: Concrete,
    world: World<Concrete>,
    /// The imports.
    pub host: H,
    /// Steps that may still be executed.
    pub fuel: u64,
}

/// A function being executed.
struct Frame {
    func: u32,
    point: Point,
    state: State<Concrete>,
}

impl<'m, H: Host> Instance<'m, H> {
    /// Instantiates a module read from `bytes`: globals, element and data segments in order, start function.
    /// # Errors
    /// A trap of a segment or of the start function; an initial memory past the capacity; what is not supported.
    /// Source: WebAssembly Core 2.0, 4.5.4 (instantiation).
    pub fn new(module: &'m Module, bytes: &[u8], contract: Contract, host: H, fuel: u64) -> Result<Self, Stop> {
        let min_pages = module.memories.first().map_or(0, |m| m.min_pages);
        let memory_bytes = u32::try_from(min_pages * u64::from(PAGE_BYTES)).unwrap_or(u32::MAX);
        if memory_bytes > contract.capacity_bytes {
            return Err(Stop::Unsupported(format!("initial memory of {min_pages} pages is more than the capacity")));
        }
        let body = |func: usize| match module.functions[func].import {
            Some(_) => None,
            None => Some(code::body(module, bytes, func as u32)),
        };
        let capacity = if module.memories.is_empty() { 0 } else { contract.capacity_bytes as usize };
        let mut domain = Concrete::new(Bytes::Dense(vec![0; capacity]));
        domain.segments = Arc::new(segments(module, bytes));
        domain.host_data = Arc::new(host.globals(module));
        domain.memory_is_host = module.relocations.in_host;
        let bodies = (0..module.functions.len()).map(body).collect();
        let world = World { memory: (), memory_bytes, cells: Vec::new(), results: Vec::new() };
        let mut instance = Instance { module, contract, bodies, domain, world, host, fuel };
        instance.initialize(bytes)?;
        if let Some(start) = module.start {
            instance.call(start, &[])?;
        }
        Ok(instance)
    }

    /// Gives globals, tables and memory their initial contents.
    fn initialize(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.world.cells = initial_cells(self.module, &mut self.domain)?;
        self.domain.tables = Arc::new(initial_tables(self.module, &self.world.cells, &mut self.domain)?);
        for data in &self.module.data {
            let Mode::Active { offset, .. } = data.mode else {
                continue;
            };
            let at = constant(self.module, &self.world.cells, &offset, &mut self.domain)?[0];
            let contents = &bytes[data.bytes.clone()];
            if u64::from(at) + contents.len() as u64 > u64::from(self.world.memory_bytes) {
                return Err(Stop::Trap(TrapKind::OutOfBoundsMemory));
            }
            for (i, byte) in contents.iter().enumerate() {
                self.domain.memory.set(at + i as u32, *byte);
            }
            for word in self.module.relocations.in_segment(data) {
                let address = self.domain.symbol(Symbol::Memory);
                let index = at + word;
                let address = address.wrapping_add(self.domain.load(&(), Width::Word, &index));
                self.domain.store(&(), Width::Word, &index, &address);
            }
        }
        Ok(())
    }

    /// Linear memory. Bytes past [`Self::memory_bytes`] are zero.
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

    /// Words of the defined globals.
    pub fn cells(&self) -> &[u32] {
        &self.world.cells
    }

    /// Words of a defined global of numeric type.
    pub fn global(&self, index: u32) -> Option<Vec<u32>> {
        global(self.module, &self.world.cells, index)
    }

    /// Calls an exported function. Arguments and results are words, `i64` as low, high. After a trap the instance may
    /// be used on, as the specification says.
    /// # Errors
    /// Why it did not return.
    pub fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        let named = |e: &&super::module::Export| e.kind == ExportKind::Function && e.name == export;
        match self.module.exports.iter().find(named) {
            Some(e) => self.call(e.index, args),
            None => Err(Stop::Mismatch(format!("no exported function {export}"))),
        }
    }

    /// Calls a function by index.
    /// # Errors
    /// Why it did not return.
    pub fn call(&mut self, func: u32, args: &[u32]) -> Result<Vec<u32>, Stop> {
        let ty = self.module.type_of(func);
        let params = ty.int_params().map_err(|t| Stop::Unsupported(format!("unsupported: parameter of type {t}")))?;
        let words: usize = params.iter().map(|t| t.words()).sum();
        if words != args.len() {
            return Err(Stop::Mismatch(format!("func[{func}] takes {words} words, not {}", args.len())));
        }
        let mut world = std::mem::replace(&mut self.world, no_world());
        let outcome = self.run(func, args.to_vec(), &mut world);
        self.world = world;
        outcome
    }

    /// Runs a function. The world is in the innermost frame's state while that runs, and in `world` otherwise.
    fn run(&mut self, func: u32, args: Vec<u32>, world: &mut World<Concrete>) -> Result<Vec<u32>, Stop> {
        if self.bodies[func as usize].is_none() {
            return self.call_host(func, &args, world);
        }
        let mut callers: Vec<Frame> = Vec::new();
        let mut frame = self.enter(func, &args, world)?;
        let mut facts = Vec::new();
        loop {
            let Frame { func, point, state } = frame;
            if self.fuel == 0 {
                *world = state.world;
                return Err(Stop::Fuel);
            }
            self.fuel -= 1;
            let program = Function::new(self.module, body(&self.bodies, func)?, &self.contract);
            let step = program.step(&mut self.domain, point, state, &mut facts);
            let step = step.map_err(|e| Stop::Unsupported(e.0))?;
            let broken = facts.drain(..).find_map(|fact| match fact {
                Fact::Assume(false, name) | Fact::Intend(false, name) => Some(name),
                _ => None,
            });
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
                    let callee = callee_index(&callee)?;
                    if self.bodies[callee as usize].is_none() {
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
            if let Some(name) = broken {
                *world = frame.state.world;
                return Err(Stop::Assumption(name));
            }
        }
    }

    /// The frame of a defined function at its entry.
    fn enter(&mut self, func: u32, args: &[u32], world: &mut World<Concrete>) -> Result<Frame, Stop> {
        let program = Function::new(self.module, body(&self.bodies, func)?, &self.contract);
        let point = <Function as Program<Concrete>>::entry(&program);
        let state = program.entry_state(&mut self.domain, args, std::mem::replace(world, no_world()));
        Ok(Frame { func, point, state })
    }

    /// The caller's frame after a call returned.
    fn resume(&mut self, caller: Frame, results: &[u32], world: &mut World<Concrete>) -> Result<Frame, Stop> {
        let Frame { func, point, state } = caller;
        let program = Function::new(self.module, body(&self.bodies, func)?, &self.contract);
        let world = std::mem::replace(world, no_world());
        let state = program.resume(&mut self.domain, state, results, world, &mut |d| d.havoc());
        Ok(Frame { func, point, state })
    }

    /// Calls an import.
    fn call_host(&mut self, func: u32, args: &[u32], world: &mut World<Concrete>) -> Result<Vec<u32>, Stop> {
        let ty = self.module.type_of(func).int_results();
        let ty = ty.map_err(|t| Stop::Unsupported(format!("unsupported: result of type {t}")))?;
        let words: usize = ty.iter().map(|t| t.words()).sum();
        let import = self.module.functions[func as usize].import.as_ref();
        let import = import.ok_or_else(|| Stop::Mismatch(format!("func[{func}] is not imported")))?;
        let results = self.host.call(import, func, args, world, &mut self.domain.memory)?;
        match results.len() == words {
            true => Ok(results),
            false => Err(Stop::Mismatch(format!("import {} gave {} words, not {words}", import.field, results.len()))),
        }
    }
}

/// The words of a defined global of numeric type among these cells.
pub(crate) fn global(module: &Module, cells: &[u32], index: u32) -> Option<Vec<u32>> {
    let global = module.globals.get(index as usize)?;
    let first = global.cell? as usize;
    let ty = global.ty.bits()?;
    Some(cells.get(first..first + ty.words())?.to_vec())
}

/// The words of a constant expression; globals that it names are initialized already.
fn constant(module: &Module, cells: &[u32], init: &ConstExpr, host: &mut Concrete) -> Result<Vec<u32>, Stop> {
    match init {
        ConstExpr::I32(v) => Ok(vec![*v]),
        ConstExpr::I64(v) => Ok(vec![*v as u32, (*v >> 32) as u32]),
        ConstExpr::Global(g) => match global(module, cells, *g) {
            Some(words) => Ok(words),
            None => Ok(vec![host.symbol(Symbol::HostData(*g))]),
        },
        ConstExpr::Other(what) => Err(Stop::Unsupported(format!("unsupported initial value: {what}"))),
    }
}

/// Words of the defined globals after instantiation, before the start function. `host` has the imported ones.
/// # Errors
/// An initial value that is not supported.
pub fn initial_cells(module: &Module, host: &mut Concrete) -> Result<Vec<u32>, Stop> {
    let mut cells = Vec::new();
    for (index, global) in (0..).zip(&module.globals).filter(|(_, g)| g.cell.is_some()) {
        let mut words = constant(module, &cells, &global.init, host)?;
        if module.relocations.stack_pointer == Some(index) {
            words[0] = words[0].wrapping_add(host.symbol(Symbol::Memory));
        }
        if global.ty.bits().is_none_or(|ty| ty.words() != words.len()) {
            return Err(Stop::Unsupported("unsupported initial value: an imported global that is no i32".to_string()));
        }
        cells.extend(words);
    }
    cells.extend(module.data.iter().filter_map(|d| d.dropped.map(|_| 0)));
    Ok(cells)
}

/// The tables after instantiation: (type word, function word) by entry. `host` has the imported globals.
/// # Errors
/// A trap of an element segment; an offset that is not supported.
pub fn initial_tables(module: &Module, cells: &[u32], host: &mut Concrete) -> Result<Vec<Vec<(u32, u32)>>, Stop> {
    let mut tables: Vec<_> = module.tables.iter().map(|t| vec![(0, 0); t.min as usize]).collect();
    for element in &module.elements {
        let Mode::Active { index, offset } = element.mode else {
            continue;
        };
        let at = constant(module, cells, &offset, host)?[0] as usize;
        let entries = tables[index as usize].get_mut(at..).and_then(|t| t.get_mut(..element.funcs.len()));
        let entries = entries.ok_or(Stop::Trap(TrapKind::OutOfBoundsTable))?;
        for (entry, func) in entries.iter_mut().zip(&element.funcs) {
            let word = |f: u32| {
                let ty = module.functions[f as usize].type_index;
                (1 + module.canonical[ty as usize], Concrete::function_word(module.callee(f)))
            };
            *entry = func.map_or((0, 0), word);
        }
    }
    Ok(tables)
}

/// Contents of the passive data segments of a module read from `bytes`; active ones count as dropped and are empty.
pub fn segments(module: &Module, bytes: &[u8]) -> Vec<Vec<u8>> {
    let contents = |s: &super::module::Data| match s.mode {
        Mode::Passive => bytes[s.bytes.clone()].to_vec(),
        _ => Vec::new(),
    };
    module.data.iter().map(contents).collect()
}

/// What stands in for a world that is elsewhere.
fn no_world() -> World<Concrete> {
    World { memory: (), memory_bytes: 0, cells: Vec::new(), results: Vec::new() }
}

fn body(bodies: &[Option<Result<Body, code::Unsupported>>], func: u32) -> Result<&Body, Stop> {
    match &bodies[func as usize] {
        Some(Ok(body)) => Ok(body),
        Some(Err(e)) => Err(Stop::Unsupported(e.to_string())),
        None => Err(Stop::Mismatch(format!("func[{func}] is imported"))),
    }
}

fn callee_index(callee: &Callee<u32>) -> Result<u32, Stop> {
    match callee {
        Callee::Function(func) => Ok(*func),
        Callee::Address { address, .. } => {
            let func = Concrete::function_of(*address);
            func.ok_or_else(|| Stop::Mismatch(format!("{address:#x} is not a function word")))
        }
    }
}
