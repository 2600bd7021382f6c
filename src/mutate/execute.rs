//! Runs functions of a changed object beside those of the module, with all that they call, and compares what a host could see: results
//! or trap, linear memory, its size, globals, calls of imports and what these see, and preserved registers.

use super::Request;
use super::inputs::{Input, Material};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use synth_validator::arm::decode::{Code, Target, decode};
use synth_validator::arm::object::{DataObject, ObjectFile};
use synth_validator::arm::semantics::Function as Arm;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::PAGE_BYTES;
use synth_validator::domain::{Domain, Symbol};
use synth_validator::ir::Type;
use synth_validator::program::{Callee, Fact, Program, Step, World};
use synth_validator::trap::TrapKind;
use synth_validator::validate::Session;
use synth_validator::wasm::code::{Body, Operator};
use synth_validator::wasm::instance;
use synth_validator::wasm::module::{Mode, Module};
use synth_validator::wasm::operators::Numeric;
use synth_validator::wasm::semantics::Function as Wasm;
use synth_validator::witness::Loc;

/// Steps of the module's side of one input.
const LEFT_STEPS_MAX: u64 = 20_000;
/// Steps of the module's side over all inputs of a function.
const LEFT_STEPS_TOTAL: u64 = 3_000_000;
/// Inputs for a mutant that the validator has refuted.
const INPUTS_REFUTED: usize = 400;
/// Calls in calls; deeper ones say nothing.
const DEPTH_MAX: usize = 100;
/// Linear memories with more bytes than this are not run with their initial contents.
const IMAGE_BYTES_MAX: u32 = 1 << 20;

/// What the runs of a mutant came to.
pub enum Compared {
    /// One differs.
    Differs(String),
    /// None does.
    Agrees {
        /// How many there were.
        inputs: u32,
        /// In how many a changed instruction was executed.
        reached: u32,
    },
    /// None was made.
    NotRun(String),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Return(Vec<u32>),
    Trap(TrapKind),
    /// It breaks what code must keep to.
    Broken(String),
    /// It ran long.
    Fuel,
    /// It says nothing.
    Nothing(String),
}

/// A call of an import: function, arguments, and digests of what it sees.
#[derive(Clone, Debug, PartialEq)]
struct HostCall {
    func: u32,
    args: Vec<u32>,
    memory: u64,
    cells: Vec<u32>,
    memory_bytes: u32,
}

/// What a run shows.
#[derive(Clone, Debug)]
struct Shown {
    end: End,
    calls: Vec<HostCall>,
    memory: u64,
    cells: Vec<u32>,
    memory_bytes: u32,
    steps: u64,
}

/// An input and what the module does with it.
struct Case {
    input: Input,
    left: Shown,
}

/// What all runs of one side have in common.
struct Setup {
    tables: Arc<Vec<Vec<(u32, u32)>>>,
    segments: Arc<Vec<Vec<u8>>>,
}

/// Runs mutants of one object.
pub struct Examiner<'a> {
    module: &'a Module,
    bodies: &'a [Option<Body>],
    left: Vec<Option<Wasm<'a>>>,
    codes: &'a [Option<Code>],
    request: Request,
    setup: Setup,
    image: Arc<Vec<u8>>,
    cells: Vec<u32>,
    capacity_bytes: u32,
    /// Inputs by function, made when first needed.
    cases: Vec<OnceLock<Vec<Case>>>,
}

fn word_at(d: &mut Concrete, data: &DataObject, i: u32) -> u32 {
    let addend = data.word(4 * i as usize);
    match data.relocations.get(&(4 * i)).map(|r| r.target) {
        Some(Target::Symbol(symbol)) => d.symbol(symbol).wrapping_add(addend),
        Some(Target::Helper(_)) | None => addend,
    }
}

/// The words of a data object of a file.
fn words_of(object: &ObjectFile, symbol: Symbol) -> Option<Vec<u32>> {
    let mut d = Concrete::new(Bytes::Dense(Vec::new()));
    let data = object.data.get(&symbol)?;
    Some((0..data.size / 4).map(|i| word_at(&mut d, data, i)).collect())
}

/// Tables and segments as a file has them; what it does not have is the module's.
fn setup_of(object: &ObjectFile, module: &Module, left: &Setup) -> Setup {
    let table = |t: usize| {
        let words = words_of(object, Symbol::Table(t as u32));
        words.map_or(left.tables[t].clone(), |w| w.chunks_exact(2).map(|e| (e[0], e[1])).collect())
    };
    let segment =
        |k: usize| object.data.get(&Symbol::Data(k as u32)).map_or(left.segments[k].clone(), |data| data.bytes.clone());
    Setup {
        tables: Arc::new((0..module.tables.len()).map(table).collect()),
        segments: Arc::new((0..module.data.len()).map(segment).collect()),
    }
}

fn hints(body: &Body) -> Vec<u32> {
    let mut hints = Vec::new();
    for instr in &body.instrs {
        match &instr.operator {
            Operator::Numeric(Numeric::Const32(word)) => hints.push(*word),
            Operator::Numeric(Numeric::Const64(value)) => hints.extend([*value as u32, (*value >> 32) as u32]),
            Operator::Load { offset, .. } | Operator::Store { offset, .. } => hints.push(*offset),
            _ => {}
        }
    }
    hints.sort_unstable();
    hints.dedup();
    hints
}

/// A digest that does not depend on the order of a sparse memory.
fn digest(memory: &Bytes) -> u64 {
    let mixed = |x: u64| {
        let z = (x ^ x >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    match memory {
        Bytes::Sparse { written, .. } => written
            .iter()
            .fold(0, |sum, (at, byte)| sum.wrapping_add(mixed(u64::from(*at) << 8 | u64::from(*byte) | 1 << 40))),
        Bytes::Dense(bytes) => bytes.chunks(8).fold(0, |hash, chunk| {
            let word = chunk.iter().rev().fold(0u64, |w, b| w << 8 | u64::from(*b));
            (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        }),
    }
}

impl<'a> Examiner<'a> {
    /// For a session of the right object.
    pub fn new(
        session: &'a Session<'_>,
        bytes: &[u8],
        bodies: &'a [Option<Body>],
        codes: &'a [Option<Code>],
        request: Request,
    ) -> Examiner<'a> {
        let module = session.module();
        let mut host = Concrete::new(Bytes::Dense(Vec::new()));
        let cells = instance::initial_cells(module, &mut host).unwrap_or_default();
        let tables = instance::initial_tables(module, &cells, &mut host).unwrap_or_default();
        let setup = Setup { tables: Arc::new(tables), segments: Arc::new(instance::segments(module, bytes)) };
        let min = module.memories.first().map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        let mut image = Vec::new();
        if min <= IMAGE_BYTES_MAX {
            image.resize(min as usize, 0);
            for (at, contents) in active_data(module, bytes, &cells) {
                if let Some(place) = image.get_mut(at as usize..at as usize + contents.len()) {
                    place.copy_from_slice(&contents);
                }
            }
        }
        let left = bodies.iter().map(|b| b.as_ref().map(|b| Wasm::new(module, b, session.contract()))).collect();
        Examiner {
            module,
            bodies,
            left,
            codes,
            request,
            setup,
            image: Arc::new(image),
            cells,
            capacity_bytes: session.contract().capacity_bytes,
            cases: (0..module.functions.len()).map(|_| OnceLock::new()).collect(),
        }
    }

    fn material(&self, func: u32) -> Material {
        let module = self.module;
        let params = module.type_of(func).int_params().unwrap_or_default();
        let memory = module.memories.first();
        let min = memory.map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        let changes = module.resizes();
        let mut fixed = vec![false; self.cells.len()];
        for global in module.globals.iter().filter(|g| !g.mutable) {
            if let (Some(first), Some(ty)) = (global.cell, global.ty.bits()) {
                fixed[first as usize..first as usize + ty.words()].fill(true);
            }
        }
        let mut flags = vec![false; self.cells.len()];
        module.data.iter().filter_map(|d| d.dropped).for_each(|cell| flags[cell as usize] = true);
        let active = active_data(module, &[], &self.cells);
        Material {
            args: params.iter().map(|t: &Type| t.words()).sum(),
            cells: self.cells.clone(),
            fixed,
            flags,
            sizes: (min, if changes && memory.is_some() { self.capacity_bytes } else { min }),
            data: active.iter().map(|(at, contents)| (*at, *at + contents.len() as u32)).collect(),
            hints: self.bodies[func as usize].as_ref().map_or(Vec::new(), hints),
            has_image: min > 0 && !self.image.is_empty(),
        }
    }

    /// The inputs of a function with which the module's side comes to an end.
    fn cases(&self, func: u32) -> &[Case] {
        self.cases[func as usize].get_or_init(|| {
            let material = self.material(func);
            let (mut found, mut steps) = (Vec::new(), 0);
            for number in 0..2 * u64::from(self.request.inputs) {
                if found.len() == self.request.inputs as usize || steps > LEFT_STEPS_TOTAL {
                    break;
                }
                let input = material.input(self.request.seed ^ u64::from(func) << 40, number);
                let run = Run { module: self.module, setup: &self.setup, image: &self.image };
                let of = |f: u32| self.left.get(f as usize)?.as_ref();
                let left = run.run(of, func, &input, LEFT_STEPS_MAX, |_, _| {}, |_, _, _| None);
                steps += left.steps;
                if matches!(left.end, End::Return(_) | End::Trap(_)) {
                    found.push(Case { input, left });
                }
            }
            found
        })
    }

    /// Runs the changed functions, and compares the initial images if they are not the same.
    pub fn compare(&self, changed: &Session<'_>, functions: &[u32], image_is_new: bool, thorough: bool) -> Compared {
        let object = changed.object();
        if image_is_new && let Some(text) = self.image_differs(object) {
            return Compared::Differs(text);
        }
        let mut decoded = BTreeMap::new();
        for f in functions {
            let Some(bytes) = object.functions.get(f) else {
                return Compared::Differs(format!("function {f} is not in the object"));
            };
            match decode(bytes) {
                Ok(code) => decoded.insert(*f, code),
                Err(e) => return Compared::NotRun(e.0),
            };
        }
        let setup = setup_of(object, self.module, &self.setup);
        let mut programs: Vec<Option<Arm<'_>>> = Vec::with_capacity(self.module.functions.len());
        for f in 0..self.module.functions.len() as u32 {
            let code = decoded.get(&f).or_else(|| self.codes.get(f as usize)?.as_ref());
            let types = changed.claim().functions.iter().find(|c| c.index == f).map(|c| c.indirect_types.clone());
            let program = code.map(|c| Arm::new(c, self.module, changed.contract(), f, types.unwrap_or_default()));
            programs.push(program.and_then(Result::ok));
        }
        let (mut inputs, mut reached) = (0, 0);
        // Changed tables matter in the functions that use them.
        let all: Vec<u32> = object.functions.keys().copied().collect();
        for f in if functions.is_empty() { &all[..] } else { functions } {
            let limit = if thorough { usize::MAX } else { INPUTS_REFUTED };
            for case in self.cases(*f).iter().take(limit) {
                let mut is_reached = false;
                let mut seen = |func: u32, offset: u32| is_reached |= self.is_changed(&decoded, func, offset);
                let right = self.right(&programs, *f, case, &setup, &mut seen);
                inputs += 1;
                reached += u32::from(is_reached);
                if let Some(what) = differs(&case.left, &right) {
                    return Compared::Differs(format!("function {f}, arguments {:x?}: {what}", case.input.args));
                }
            }
        }
        Compared::Agrees { inputs, reached }
    }

    /// Whether an instruction is not the right object's.
    fn is_changed(&self, decoded: &BTreeMap<u32, Code>, func: u32, offset: u32) -> bool {
        let new = decoded.get(&func);
        let old = self.codes.get(func as usize).and_then(Option::as_ref);
        match (new, old) {
            (Some(new), Some(old)) => match (new.insns.get(&offset), old.insns.get(&offset)) {
                (Some(a), Some(b)) => {
                    (a.op, a.cond, a.relocation) != (b.op, b.cond, b.relocation) || new.literals != old.literals
                }
                _ => true,
            },
            _ => false,
        }
    }

    fn right(
        &self,
        programs: &[Option<Arm<'_>>],
        func: u32,
        case: &Case,
        setup: &Setup,
        seen: &mut dyn FnMut(u32, u32),
    ) -> Shown {
        let run = Run { module: self.module, setup, image: &self.image };
        let of = |f: u32| programs.get(f as usize)?.as_ref();
        // Preserved registers, looked at apart from what the semantics itself requires.
        let kept = |program: &Arm<'_>, d: &mut Concrete, state: &_| {
            let lost = (4u8..=11).chain([13]).find(|n| {
                let now = program.get(d, state, &Loc::Reg(*n));
                now != Some(d.entry_register(*n))
            });
            lost.map(|n| format!("r{n} is not preserved"))
        };
        let fuel = 64 * case.left.steps + 20_000;
        run.run(of, func, &case.input, fuel, |f, point| seen(f, point.offset), kept)
    }

    /// What a changed file has from the start that the module has not.
    fn image_differs(&self, object: &ObjectFile) -> Option<String> {
        if let Some(cells) = words_of(object, Symbol::Globals)
            && cells != self.cells
        {
            return Some(format!("globals start as {cells:x?}"));
        }
        let min = self.module.memories.first().map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        if let Some(size) = words_of(object, Symbol::MemoryBytes)
            && size != [min]
        {
            return Some(format!("the memory's size starts as {size:x?}"));
        }
        if let Some(memory) = object.data.get(&Symbol::Memory) {
            let at = |bytes: &[u8], i: usize| bytes.get(i).copied().unwrap_or(0);
            let end = memory.bytes.len().max(self.image.len());
            if !self.image.is_empty()
                && let Some(i) = (0..end).find(|i| at(&memory.bytes, *i) != at(&self.image, *i))
            {
                return Some(format!("linear memory starts with another byte at {i:#x}"));
            }
        }
        let misplaced = self.module.exports.iter().find(|e| {
            let place = object.exports.get(synth_validator::contract::export_symbol(&e.name).as_ref());
            let own = object.places.get(&e.index);
            own.is_some() && place.is_some() && own != place
        });
        misplaced.map(|e| format!("export {} leads elsewhere", e.name))
    }
}

/// Offset and contents of the active data segments; without `bytes` as many zeros.
fn active_data<'b>(module: &Module, bytes: &'b [u8], cells: &[u32]) -> Vec<(u32, std::borrow::Cow<'b, [u8]>)> {
    use synth_validator::wasm::module::ConstExpr;
    let place = |data: &synth_validator::wasm::module::Data| {
        let Mode::Active { offset, .. } = &data.mode else { return None };
        let at = match offset {
            ConstExpr::I32(at) => *at,
            ConstExpr::Global(g) => *cells.get(module.globals.get(*g as usize)?.cell? as usize)?,
            _ => return None,
        };
        let contents = bytes.get(data.bytes.clone()).map(std::borrow::Cow::Borrowed);
        Some((at, contents.unwrap_or_else(|| vec![0; data.bytes.len()].into())))
    };
    module.data.iter().filter_map(place).collect()
}

/// Why the right side does not do what the left one does.
fn differs(left: &Shown, right: &Shown) -> Option<String> {
    let ends = |what: &str| Some(format!("{what}: module {:?}, code {:?}", left.end, right.end));
    match &right.end {
        End::Broken(why) => return Some(format!("the code breaks a rule: {why}")),
        End::Fuel => return Some(format!("the code does not end within {} steps", right.steps)),
        End::Nothing(why) if why == DEEP => return None,
        End::Nothing(why) => return Some(format!("the code does what has no meaning: {why}")),
        _ => {}
    }
    if left.calls != right.calls {
        let same = left.calls.iter().zip(&right.calls).take_while(|(a, b)| a == b).count();
        return Some(format!("call {same} of an import: {:x?} and {:x?}", left.calls.get(same), right.calls.get(same)));
    }
    if left.end != right.end {
        return ends("ends differ");
    }
    if left.memory != right.memory {
        return Some("linear memory differs".to_string());
    }
    if left.memory_bytes != right.memory_bytes {
        return Some("the size of linear memory differs".to_string());
    }
    (left.cells != right.cells).then(|| format!("globals differ: {:x?}, {:x?}", left.cells, right.cells))
}

const DEEP: &str = "calls in calls";

/// One side, ready to run.
struct Run<'s> {
    module: &'s Module,
    setup: &'s Setup,
    image: &'s Arc<Vec<u8>>,
}

struct Frame<P, S> {
    func: u32,
    point: P,
    state: S,
}

fn no_world() -> World<Concrete> {
    World { memory: (), memory_bytes: 0, cells: Vec::new(), results: Vec::new() }
}

impl Run<'_> {
    fn domain(&self, input: &Input) -> Concrete {
        let memory = match input.memory_seed {
            Some(seed) => Bytes::Sparse { seed, written: Default::default() },
            None => {
                let mut bytes = Vec::clone(self.image);
                bytes.resize(input.memory_bytes as usize, 0);
                Bytes::Dense(bytes)
            }
        };
        let mut d = Concrete::new(memory);
        (d.tables, d.segments) = (self.setup.tables.clone(), self.setup.segments.clone());
        d.bulk_bytes_max = 1 << 20;
        for (at, word) in &input.words {
            (0..4).for_each(|i| d.memory.set(at + i, (word >> (8 * i)) as u8));
        }
        d
    }

    /// Runs a function. `of` gives functions that are not imported, `seen` is told every point, `kept` says at every return what was
    /// not preserved.
    fn run<'p, P: Program<Concrete> + 'p>(
        &self,
        of: impl Fn(u32) -> Option<&'p P>,
        func: u32,
        input: &Input,
        fuel: u64,
        mut seen: impl FnMut(u32, P::Point),
        kept: impl Fn(&P, &mut Concrete, &P::State) -> Option<String>,
    ) -> Shown {
        let mut d = self.domain(input);
        let mut world =
            World { memory: (), memory_bytes: input.memory_bytes, cells: input.cells.clone(), results: Vec::new() };
        let (mut calls, mut steps) = (Vec::new(), 0);
        let mut callers: Vec<Frame<P::Point, P::State>> = Vec::new();
        let mut facts = Vec::new();
        let mut frame = None;
        let mut entering = Some((func, input.args.clone()));
        let end = 'run: loop {
            if let Some((func, args)) = entering.take() {
                let Some(program) = of(func) else {
                    break End::Nothing(format!("function {func} is not there"));
                };
                let state = program.entry_state(&mut d, &args, std::mem::replace(&mut world, no_world()));
                frame = Some(Frame { func, point: program.entry(), state });
            }
            let Frame { func, point, state } = frame.take().expect("invariant: a function is being run");
            let program = of(func).expect("invariant: it was entered");
            if steps == fuel {
                world = program.world(&state).clone();
                break End::Fuel;
            }
            steps += 1;
            seen(func, point);
            let step = match program.step(&mut d, point, state, &mut facts) {
                Ok(step) => step,
                Err(e) => break End::Nothing(e.0),
            };
            for fact in facts.drain(..) {
                match fact {
                    Fact::Require(false, why) | Fact::Access(false, why) | Fact::LateAccess(false, why) => {
                        break 'run End::Broken(why.to_string());
                    }
                    Fact::RequireEqual(a, b, why) if a != b => break 'run End::Broken(why.to_string()),
                    Fact::Assume(false, why) | Fact::Intend(false, why) => break 'run End::Nothing(why.to_string()),
                    _ => {}
                }
            }
            if d.bulk_bytes > d.bulk_bytes_max {
                break End::Nothing("large copies".to_string());
            }
            let mut returned = None;
            match step {
                Step::Next(point, state)
                | Step::Branch(true, (point, state), _)
                | Step::Branch(false, _, (point, state)) => frame = Some(Frame { func, point, state }),
                Step::Trap(kind, state) => {
                    world = program.world(&state).clone();
                    break End::Trap(kind);
                }
                Step::Return(results, state) => {
                    if let Some(why) = kept(program, &mut d, &state) {
                        break End::Broken(why);
                    }
                    world = program.world(&state).clone();
                    match callers.pop() {
                        None => break End::Return(results),
                        Some(caller) => returned = Some((caller, results)),
                    }
                }
                Step::Call { callee, args, results, next, state } => {
                    world = program.world(&state).clone();
                    let caller = Frame { func, point: next, state };
                    let callee = match callee {
                        Callee::Function(f) => Some(f),
                        Callee::Address { address, .. } => Concrete::function_of(address),
                    };
                    let Some(declared) = callee.and_then(|f| self.module.functions.get(f as usize)) else {
                        break End::Broken("a call of what is no function".to_string());
                    };
                    let callee = callee.expect("invariant: it is declared");
                    if declared.import.is_some() {
                        let (memory, cells) = (digest(&d.memory), world.cells.clone());
                        calls.push(HostCall { func: callee, args, memory, cells, memory_bytes: world.memory_bytes });
                        let results = answer(input, &calls, results, &mut d, &world);
                        returned = Some((caller, results));
                    } else if callers.len() >= DEPTH_MAX {
                        break End::Nothing(DEEP.to_string());
                    } else {
                        callers.push(caller);
                        entering = Some((callee, args));
                    }
                }
            }
            if let Some((Frame { func, point, state }, results)) = returned {
                let program = of(func).expect("invariant: it made the call");
                let world = std::mem::replace(&mut world, no_world());
                let state = program.resume(&mut d, state, &results, world, &mut |d| d.havoc());
                frame = Some(Frame { func, point, state });
            }
        };
        Shown { end, calls, memory: digest(&d.memory), cells: world.cells, memory_bytes: world.memory_bytes, steps }
    }
}

/// The host answers from a hash of the calls so far, and writes a word of linear memory near an argument.
fn answer(input: &Input, calls: &[HostCall], results: usize, d: &mut Concrete, world: &World<Concrete>) -> Vec<u32> {
    let call = calls.last().expect("invariant: the call was recorded");
    let seed = call.args.iter().fold(input.host_seed ^ u64::from(call.func), |s, a| {
        s.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(*a)
    });
    let mut random = super::inputs::Random::new(seed, calls.len() as u64);
    if let Some(last) = world.memory_bytes.checked_sub(4) {
        let anchor = if call.args.is_empty() { 64 } else { *random.pick(&call.args) };
        let at = anchor.wrapping_add(random.below(16) as u32);
        let word = random.draw() as u32;
        if at <= last {
            (0..4).for_each(|i| d.memory.set(at + i, (word >> (8 * i)) as u8));
        }
    }
    let word = |random: &mut super::inputs::Random| match random.below(4) {
        0 => 0,
        1 => random.below(3) as u32,
        2 => u32::MAX - random.below(3) as u32,
        _ => random.draw() as u32,
    };
    (0..results).map(|_| word(&mut random)).collect()
}
