//! Ways 1 and 2: directives in the validator's WebAssembly interpreter, and compiled in its Arm interpreter.

use super::features::Feature;
use super::outcome::Answer;
use super::script::{Call, File, Step, Unit};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use synth::error::CompileError;
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth_validator::arm::machine::Machine;
use synth_validator::arm::object::{self, ObjectFile};
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::program::World;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::{ExportKind, ImportName, Module};
use synth_validator::wasm::reader::{self, ReadErrorKind};

/// Steps that a call may make.
const FUEL: u64 = 20_000_000;

/// Pages to which memory may grow in way 1; the compiled ways get as many as way 1 came to need, which changes no
/// result: what failed at this limit fails at a lower one.
const PAGES_MAX: u64 = 1024;

/// The value of the global `spectest.global_i32`. Source: WebAssembly 2.0, interpreter/host/spectest.ml.
const SPECTEST_GLOBAL: u32 = 666;

/// What a file's modules are after way 1: their declarations, and how they are to be compiled.
pub struct Prepared {
    /// By unit: declarations, or why there are none.
    pub modules: Vec<Result<Module, String>>,
    /// The same of the modules that the compiled ways take.
    pub compiled: Vec<Result<Module, String>>,
    /// By unit: pages that memory had at the end of way 1, and the values of imported globals.
    pub seen: Vec<Option<Seen>>,
}

/// What way 1 shows of a module beside its answers.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Pages of linear memory.
    pub pages: u32,
    /// Values of imported globals, by module and field.
    pub values: BTreeMap<(String, String), u32>,
}

/// A compiled module.
pub struct Built {
    /// The object file and its claim.
    pub compiled: Compiled,
    /// The object, taken apart.
    pub object: ObjectFile,
    /// The object of all functions, if the optimizer leaves some out of the other one.
    pub whole: Option<Vec<u8>>,
}

/// An instance in one of the interpreters.
trait Running {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop>;
    fn global(&self, export: &str) -> Option<Vec<u32>>;
    fn memory_bytes(&self) -> u32;
}

type Shared<'m> = Rc<RefCell<Box<dyn Running + 'm>>>;

/// The host: `spectest`, and the modules that the file registered before.
struct Links<'m> {
    modules: BTreeMap<String, Shared<'m>>,
    values: BTreeMap<(String, String), u32>,
}

impl Host for Links<'_> {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        args: &[u32],
        _: &mut World<Concrete>,
        _: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        match self.modules.get(&import.module) {
            Some(module) => module.borrow_mut().invoke(&import.field, args),
            None if import.module == "spectest" => Ok(Vec::new()),
            None => Err(Stop::Mismatch(format!("no module {}", import.module))),
        }
    }

    fn global(&self, import: &ImportName) -> Option<u32> {
        self.values.get(&(import.module.clone(), import.field.clone())).copied()
    }
}

fn exported_global(module: &Module, export: &str) -> Option<u32> {
    let is = |e: &&synth_validator::wasm::module::Export| e.kind == ExportKind::Global && e.name == export;
    module.exports.iter().find(is).map(|e| e.index)
}

struct Wasm<'m>(Instance<'m, Links<'m>>, &'m Module);

impl Running for Wasm<'_> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        self.0.fuel = FUEL;
        self.0.invoke(export, args)
    }
    fn global(&self, export: &str) -> Option<Vec<u32>> {
        self.0.global(exported_global(self.1, export)?)
    }
    fn memory_bytes(&self) -> u32 {
        self.0.memory_bytes()
    }
}

struct Arm<'m>(Machine<'m, Links<'m>>, &'m Module);

impl Running for Arm<'_> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        self.0.fuel = FUEL;
        self.0.invoke(export, args)
    }
    fn global(&self, export: &str) -> Option<Vec<u32>> {
        self.0.global(exported_global(self.1, export)?)
    }
    fn memory_bytes(&self) -> u32 {
        self.0.memory_bytes()
    }
}

/// The reason for which a module that something cannot read, compile or run is skipped.
pub fn reason(unit: &Unit, what: &str) -> String {
    let names_float = ["f32", "f64"].iter().any(|ty| what.to_lowercase().contains(ty));
    let order = [Feature::Simd, Feature::Reference, Feature::TableOperator, Feature::ImportedState];
    let order = order.into_iter().chain(names_float.then_some(Feature::FloatArithmetic));
    let mut order = order.filter(|feature| unit.features.contains(feature));
    match order.next() {
        Some(feature) => feature.reason().to_string(),
        None => what.split(" in func[").next().unwrap_or(what).trim_start_matches("unsupported: ").to_string(),
    }
}

/// Runs a file in the WebAssembly interpreter. Answers by directive.
pub fn way_1(file: &File, prepared: &mut Prepared) -> Vec<Answer> {
    let Prepared { modules, seen, .. } = prepared;
    let modules: &Vec<_> = modules;
    let make = |unit: usize, module, links| {
        let min = reader_pages(module);
        let pages = min.clamp(PAGES_MAX, u64::from(u32::MAX / PAGE_BYTES / 2)) as u32;
        let contract = Contract::new(Bounds::Software, MemoryOwner::Own, pages * PAGE_BYTES);
        let instance = Instance::new(module, &file.units[unit].bytes, contract, links, FUEL)?;
        Ok(Box::new(Wasm(instance, module)) as Box<dyn Running>)
    };
    let (answers, found) = run(file, modules, false, &make);
    *seen = found;
    answers
}

fn reader_pages(module: &Module) -> u64 {
    module.memories.first().map_or(0, |m| m.min_pages)
}

/// Reads the declarations of a file's modules.
pub fn prepare(file: &File) -> Prepared {
    let read = |unit: &Unit, bytes: &[u8]| {
        reader::read(bytes).map_err(|e| match e.kind {
            ReadErrorKind::Malformed => format!("a valid module was refused: {e}"),
            _ => reason(unit, &e.message),
        })
    };
    let seen = file.units.iter().map(|_| None).collect();
    let modules = file.units.iter().map(|unit| read(unit, &unit.bytes)).collect();
    let compiled = file.units.iter().map(|unit| read(unit, unit.compiled_bytes())).collect();
    Prepared { modules, compiled, seen }
}

/// Compiles the modules that way 1 ran. Errors are answers to the directive that defines the module.
pub fn build(file: &File, prepared: &Prepared) -> Vec<Result<Built, Answer>> {
    let one = |(index, unit): (usize, &Unit)| {
        let module = prepared.compiled[index].as_ref().map_err(|reason| Answer::Skipped(reason.clone()))?;
        let pages = prepared.seen[index].as_ref().map_or(0, |seen| seen.pages);
        let options = Options { memory_pages_max: Some(pages), ..Options::default() };
        let compiled = compile(unit.compiled_bytes(), &options).map_err(|e| refused(unit, &e))?;
        let object = object::read(&compiled.object, module).map_err(|e| Answer::Stopped(e.to_string()))?;
        let whole = match compiled.functions.len() < compiled.claim.functions.len() {
            false => None,
            true => {
                let options = Options { level: Level::O0, ..options };
                Some(compile(unit.compiled_bytes(), &options).map_err(|e| refused(unit, &e))?.object)
            }
        };
        Ok(Built { compiled, object, whole })
    };
    file.units.iter().enumerate().map(one).collect()
}

/// What it means that the compiler refuses a valid module.
fn refused(unit: &Unit, error: &CompileError) -> Answer {
    match error {
        CompileError::Instantiation { trap, .. } => Answer::Trap(*trap),
        CompileError::Unsupported { what, .. } => Answer::Skipped(reason(unit, what)),
        CompileError::Limit { what, .. } => Answer::Skipped(format!("too many {what}")),
        CompileError::Malformed { .. }
        | CompileError::DebugInfo { .. }
        | CompileError::NoFunction { .. }
        | CompileError::Border { .. }
        | CompileError::Internal { .. } => Answer::Stopped(error.to_string()),
    }
}

/// Runs the compiled modules of a file in the Arm interpreter. Answers by directive.
pub fn way_2(file: &File, prepared: &Prepared, built: &[Result<Built, Answer>]) -> Vec<Answer> {
    let make = |unit: usize, module, links| {
        let built: &Built = match &built[unit] {
            Ok(built) => built,
            Err(Answer::Trap(kind)) => return Err(Stop::Trap(*kind)),
            Err(Answer::Skipped(reason)) => return Err(Stop::Unsupported(reason.clone())),
            Err(answer) => return Err(Stop::Mismatch(format!("{answer:?}"))),
        };
        let contract = built.compiled.claim.contract.clone();
        let machine = Machine::new(module, &built.object, contract, links, FUEL)?;
        Ok(Box::new(Arm(machine, module)) as Box<dyn Running>)
    };
    run(file, &prepared.compiled, true, &make).0
}

/// Makes an instance of a unit.
type Make<'a, 'm> = &'a dyn Fn(usize, &'m Module, Links<'m>) -> Result<Box<dyn Running + 'm>, Stop>;

/// A file under execution: an instance for each module, or why there is none.
struct Run<'a, 'm> {
    file: &'m File,
    modules: &'m [Result<Module, String>],
    /// Whether the modules are those that the compiled ways take.
    compiled: bool,
    make: Make<'a, 'm>,
    instances: Vec<Result<Shared<'m>, String>>,
    /// What is seen of each module that was instantiated, kept when its state is no longer known.
    seen: Vec<Option<Seen>>,
}

fn run<'m>(
    file: &'m File,
    modules: &'m [Result<Module, String>],
    compiled: bool,
    make: Make<'_, 'm>,
) -> (Vec<Answer>, Vec<Option<Seen>>) {
    let none = || Err("the module was not instantiated".to_string());
    let instances = file.units.iter().map(|_| none()).collect();
    let seen = vec![None; file.units.len()];
    let mut run = Run { file, modules, compiled, make, instances, seen };
    let mut answers = Vec::new();
    for directive in &file.directives {
        answers.push(run.step(&directive.step));
        run.look();
    }
    (answers, run.seen)
}

impl<'m> Run<'_, 'm> {
    /// Notes the sizes of all memories.
    fn look(&mut self) {
        for (instance, seen) in self.instances.iter().zip(&mut self.seen) {
            if let (Ok(instance), Some(seen)) = (instance, seen) {
                seen.pages = instance.borrow().memory_bytes() / PAGE_BYTES;
            }
        }
    }

    /// Forgets a module whose state is not known, and the modules that call it.
    fn forget(&mut self, unit: usize, reason: &str) {
        if self.instances[unit].is_err() {
            return;
        }
        self.instances[unit] = Err(reason.to_string());
        for caller in 0..self.file.units.len() {
            if self.callees(caller).contains(&unit) {
                self.forget(caller, reason);
            }
        }
    }

    /// The modules from which one imports functions.
    fn callees(&self, unit: usize) -> Vec<usize> {
        let functions = self.modules[unit].iter().flat_map(|m| &m.functions);
        let imports = functions.filter_map(|f| f.import.as_ref());
        imports.filter_map(|import| self.file.units[unit].registered.get(&import.module).copied()).collect()
    }

    fn step(&mut self, step: &Step) -> Answer {
        match step {
            Step::Define(unit) | Step::DefineTraps(unit, _) => self.define(*unit),
            Step::Register(unit) => match &self.instances[*unit] {
                Ok(_) => Answer::Ready,
                Err(reason) => Answer::Skipped(reason.clone()),
            },
            Step::Invoke(call) | Step::Return(call, _) | Step::Trap(call, _) | Step::Exhaustion(call) => {
                let answer = self.call(call);
                if let Answer::Skipped(reason) = &answer {
                    // What the call would have changed is not known.
                    if self.file.units[call.unit].writing_exports.contains(&call.export) {
                        self.forget(call.unit, reason);
                    }
                }
                answer
            }
            Step::Get(unit, global, _) => match &self.instances[*unit] {
                Ok(instance) => match instance.borrow().global(global) {
                    Some(words) => Answer::Words(words),
                    None => Answer::Skipped(reason(&self.file.units[*unit], "an exported global that is imported")),
                },
                Err(reason) => Answer::Skipped(reason.clone()),
            },
            Step::Refuse(_) | Step::RefuseText(_) | Step::Unlinkable => Answer::Absent,
            Step::Other(reason) => Answer::Skipped(reason.to_string()),
        }
    }

    fn define(&mut self, unit: usize) -> Answer {
        let stop = match self.links(unit).and_then(|links| {
            let module = self.modules[unit].as_ref().map_err(|reason| Stop::Unsupported(reason.clone()))?;
            self.seen[unit] = Some(Seen { pages: 0, values: links.values.clone() });
            (self.make)(unit, module, links)
        }) {
            Ok(instance) => {
                self.instances[unit] = Ok(Rc::new(RefCell::new(instance)));
                return Answer::Ready;
            }
            Err(stop) => stop,
        };
        let answer = self.stopped(unit, stop);
        if let Answer::Skipped(reason) = &answer {
            self.instances[unit] = Err(reason.clone());
            for from in &self.file.units[unit].shares {
                // What the skipped module would have written there is not known.
                self.forget(*from, "a module that is skipped shares its state");
            }
        }
        answer
    }

    /// What a module's imports are bound to.
    fn links(&self, unit: usize) -> Result<Links<'m>, Stop> {
        let unsupported = |what: &str| Stop::Unsupported(reason(&self.file.units[unit], what));
        let mut links = Links { modules: BTreeMap::new(), values: BTreeMap::new() };
        let module = self.modules[unit].as_ref().map_err(|reason| Stop::Unsupported(reason.clone()))?;
        if module.memories.iter().any(|m| m.import.is_some()) {
            return Err(unsupported("an imported memory"));
        }
        let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
        let globals = module.globals.iter().filter_map(|g| g.import.as_ref());
        for import in functions.chain(globals.clone()) {
            let Some(from) = self.file.units[unit].registered.get(&import.module) else {
                continue;
            };
            match &self.instances[*from] {
                Ok(_) if self.compiled && self.file.units[*from].is_tainted(&import.field) => {
                    return Err(Stop::Unsupported(Feature::FloatArithmetic.reason().to_string()));
                }
                Ok(instance) => drop(links.modules.insert(import.module.clone(), instance.clone())),
                Err(_) => return Err(unsupported("an import from a module that is skipped")),
            }
        }
        for import in globals {
            let value = match links.modules.get(&import.module) {
                Some(instance) => instance.borrow().global(&import.field).and_then(|words| words.first().copied()),
                None => (import.field == "global_i32").then_some(SPECTEST_GLOBAL),
            };
            let value = value.ok_or_else(|| unsupported("an imported global other than an i32"))?;
            links.values.insert((import.module.clone(), import.field.clone()), value);
        }
        Ok(links)
    }

    fn call(&mut self, call: &Call) -> Answer {
        let instance = match &self.instances[call.unit] {
            Ok(instance) => instance.clone(),
            Err(reason) => return Answer::Skipped(reason.clone()),
        };
        if self.compiled && self.file.units[call.unit].is_tainted(&call.export) {
            return Answer::Skipped(Feature::FloatArithmetic.reason().to_string());
        }
        let outcome = instance.borrow_mut().invoke(&call.export, &call.args);
        match outcome {
            Ok(words) => Answer::Words(words),
            Err(stop) => self.stopped(call.unit, stop),
        }
    }

    fn stopped(&self, unit: usize, stop: Stop) -> Answer {
        match stop {
            Stop::Trap(kind) => Answer::Trap(kind),
            Stop::Unsupported(what) if what.starts_with("a valid module was refused") => Answer::Stopped(what),
            Stop::Unsupported(what) => Answer::Skipped(reason(&self.file.units[unit], &what)),
            stop => Answer::Stopped(stop.to_string()),
        }
    }
}
