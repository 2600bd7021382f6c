//! Runs a module with a script in `wasmi`, a WebAssembly interpreter that shares no code with this project.
//!
//! After a trap the instance is used on. Host functions answer by `host_answer`.

use super::modules::{self, Interface, MEMORY_EXPORT, Width};
use super::observation::{
    FNV_BASIS, IMPORT_MEMORY_DIGESTS_MAX, IMPORTED_GLOBAL, Observation, Run, RunError, TrapKind, Value, fnv1a,
    host_answer, memory_digest,
};
use super::vectors::{Script, Statement};
use std::collections::HashMap;
use wasmi::{
    Caller, Config, Engine, Extern, ExternType, F32, F64, Global, Instance, Linker, Memory, Module, Mutability, Ref,
    Store, StoreLimits, StoreLimitsBuilder, Table, TrapCode, Val, ValType,
};
use wasmparser::{Validator, WasmFeatures};

/// Runs `script` on the module. `memory_pages_max` is where `memory.grow` starts to fail; `None`: where the module
/// says.
///
/// # Errors
/// `RunError::Module` or `RunError::Script`, if the module cannot be linked or the script does not fit it.
pub fn run(wasm: &[u8], script: &Script, memory_pages_max: Option<u32>) -> Result<Run, RunError> {
    let interface = modules::interface(wasm)?;
    interface.check(script)?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let run = || run_here(wasm, &interface, script, memory_pages_max);
        let thread = thread.spawn_scoped(scope, run).map_err(|error| RunError::Tool(error.to_string()))?;
        thread.join().unwrap_or_else(|_| Err(RunError::Tool("the interpreter panicked".to_string())))
    })
}

/// Stack for the interpreter. Its default dispatch counts on tail calls that the Rust compiler does not promise: where
/// one is missed, every such instruction executed keeps a frame until the call returns.
const STACK_BYTES: usize = 1 << 30;

fn run_here(
    wasm: &[u8],
    interface: &Interface,
    script: &Script,
    memory_pages_max: Option<u32>,
) -> Result<Run, RunError> {
    let mut machine = match Machine::instantiate(wasm, interface, memory_pages_max)? {
        Ok(machine) => machine,
        Err(observation) => {
            return Ok(Run { observations: vec![observation], ..Run::default() });
        }
    };
    for (line, statement) in &script.lines {
        machine.execute(*line, statement);
    }
    Ok(machine.run)
}

/// What host functions see and keep.
struct Host {
    limits: StoreLimits,
    /// The instance's memory, for exported imports: called from outside, they are not told of an instance.
    memory: Option<Memory>,
    /// Import calls of this instance so far.
    counter: u32,
    /// Of the export call that runs: import index and arguments, in order.
    events: Vec<(usize, Vec<Value>)>,
    digest: u32,
}

struct Machine<'a> {
    interface: &'a Interface,
    store: Store<Host>,
    instance: Instance,
    memory: Option<Memory>,
    variables: HashMap<String, u64>,
    /// How many import calls of the last call are already named by `expect-import`.
    named: usize,
    run: Run,
}

/// Validates and translates a module. `wasmi` is built without its own validator, so `wasmparser`'s stands in.
fn load(engine: &Engine, wasm: &[u8]) -> Result<Module, RunError> {
    let features = WasmFeatures::WASM2.difference(WasmFeatures::SIMD) | WasmFeatures::EXTENDED_CONST;
    Validator::new_with_features(features).validate_all(wasm).map_err(module_error)?;
    #[expect(unsafe_code, reason = "without its `validate` feature wasmi has no other way in")]
    // SAFETY: the module was validated above, under features that wasmi's default configuration contains.
    let module = unsafe { Module::new_unchecked(engine, wasm) };
    module.map_err(module_error)
}

fn module_error(error: impl std::fmt::Display) -> RunError {
    RunError::Module(error.to_string())
}

impl<'a> Machine<'a> {
    /// An instance; the inner error is the observation of an instantiation that trapped.
    fn instantiate(
        wasm: &[u8],
        interface: &'a Interface,
        memory_pages_max: Option<u32>,
    ) -> Result<Result<Self, Observation>, RunError> {
        let mut config = Config::default();
        config.set_max_recursion_depth(10_000);
        let engine = Engine::new(&config);
        let exported = interface.memory.map(|_| modules::with_exported_memory(wasm)).transpose()?;
        let module = load(&engine, exported.as_deref().unwrap_or(wasm))?;
        let mut limits = StoreLimitsBuilder::new();
        if let Some(pages) = memory_pages_max {
            limits = limits.memory_size(pages as usize * 65_536);
        }
        let host = Host { limits: limits.build(), memory: None, counter: 0, events: Vec::new(), digest: FNV_BASIS };
        let mut store = Store::new(&engine, host);
        store.limiter(|host| &mut host.limits);
        let linker = link(&engine, &module, interface, &mut store)?;
        let instance = match linker.instantiate_and_start(&mut store, &module) {
            Ok(instance) => instance,
            Err(error) => {
                let trap = trap_kind(&error).ok_or_else(|| module_error(&error))?;
                return Ok(Err(observe(&store, None, Vec::new(), Some(trap))));
            }
        };
        let memory = instance.get_memory(&store, MEMORY_EXPORT);
        store.data_mut().memory = memory;
        let run = Run { observations: vec![observe(&store, memory, Vec::new(), None)], ..Run::default() };
        Ok(Ok(Self { interface, store, instance, memory, variables: HashMap::new(), named: 0, run }))
    }

    fn execute(&mut self, line: usize, statement: &Statement) {
        let failure = match statement {
            Statement::Write { address, bytes } => {
                let at = self.interface.evaluate(address, &self.variables) as u32 as usize;
                let memory = self.memory.map(|memory| memory.write(&mut self.store, at, bytes));
                (!matches!(memory, Some(Ok(())))).then(|| "write is outside linear memory".to_string())
            }
            Statement::Load { variable, address } => {
                let at = self.interface.evaluate(address, &self.variables) as u32;
                let word = self.bytes(at, 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
                self.variables.insert(variable.clone(), word.unwrap_or(0).into());
                word.is_none().then(|| "load is outside linear memory".to_string())
            }
            Statement::Call { export, arguments, variables } => {
                let signature = &self.interface.exports[export];
                let widths = signature.params.iter();
                let bits: Vec<u64> = arguments.iter().map(|it| self.interface.evaluate(it, &self.variables)).collect();
                let arguments = widths.zip(bits).map(|(width, bits)| width.value(bits)).collect::<Vec<_>>();
                self.call(export, &arguments);
                let last = self.run.observations.last().expect("a call leaves an observation");
                for (index, variable) in variables.iter().enumerate() {
                    let bits = last.results.get(index).map_or(0, |value| value.bits());
                    self.variables.insert(variable.clone(), bits);
                }
                None
            }
            Statement::Expect(expected) => {
                let results = &self.interface_results();
                let bits = expected.iter().map(|it| self.interface.evaluate(it, &self.variables));
                let expected: Vec<Value> = results.iter().zip(bits).map(|(width, bits)| width.value(bits)).collect();
                let last = self.last();
                (last.trap.is_some() || last.results != expected)
                    .then(|| format!("results are not {expected:x?}: {last}"))
            }
            Statement::ExpectTrap(kind) => {
                let last = self.last();
                (last.trap != Some(*kind)).then(|| format!("no {}: {last}", kind.name()))
            }
            Statement::ExpectMemory { address, bytes } => {
                let at = self.interface.evaluate(address, &self.variables) as u32;
                let found = self.bytes(at, bytes.len());
                (found.as_ref() != Some(bytes)).then(|| format!("memory at 0x{at:x} is {found:02x?}"))
            }
            Statement::ExpectImport { field, arguments } => {
                let event = self.store.data().events.get(self.named).cloned();
                self.named += 1;
                let bits: Vec<u64> = arguments.iter().map(|it| self.interface.evaluate(it, &self.variables)).collect();
                let holds = event.as_ref().is_some_and(|(index, values)| {
                    self.interface.imports[*index].field == *field
                        && values.len() == bits.len()
                        && values.iter().zip(&bits).all(|(value, bits)| match value {
                            Value::Word(word) => *word == *bits as u32,
                            Value::Double(double) => double == bits,
                        })
                });
                (!holds).then(|| format!("import call {} is {event:?}", self.named))
            }
            Statement::ExpectImports(count) => {
                let made = self.store.data().events.len();
                (made != *count as usize).then(|| format!("{made} import calls"))
            }
        };
        if let Some(reason) = failure {
            self.run.failures.push(format!("line {line}: {reason}"));
        }
    }

    fn call(&mut self, export: &str, arguments: &[Value]) {
        let function = self.instance.get_func(&self.store, export).expect("the script was checked");
        let ty = function.ty(&self.store);
        let inputs: Vec<Val> = ty.params().iter().zip(arguments).map(|(ty, bits)| val(ty, bits.bits())).collect();
        let mut outputs: Vec<Val> = ty.results().iter().map(|ty| val(ty, 0)).collect();
        let host = self.store.data_mut();
        host.events.clear();
        host.digest = FNV_BASIS;
        self.named = 0;
        let trap = match function.call(&mut self.store, &inputs, &mut outputs) {
            Ok(()) => None,
            Err(error) => Some(trap_kind(&error).unwrap_or(TrapKind::Fault)),
        };
        let results = if trap.is_none() { outputs.iter().map(value).collect() } else { Vec::new() };
        let mut observation = observe(&self.store, self.memory, results, trap);
        observation.call = self.run.observations.len() as u32;
        self.run.observations.push(observation);
    }

    fn last(&self) -> &Observation {
        self.run.observations.last().expect("instantiation leaves an observation")
    }

    /// The widths of the last call's results.
    fn interface_results(&self) -> Vec<Width> {
        let width = |value: &Value| {
            if matches!(value, Value::Word(_)) { Width::Word } else { Width::Double }
        };
        self.last().results.iter().map(width).collect()
    }

    fn bytes(&self, at: u32, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.memory?.read(&self.store, at as usize, &mut bytes).ok()?;
        Some(bytes)
    }
}

fn observe(store: &Store<Host>, memory: Option<Memory>, results: Vec<Value>, trap: Option<TrapKind>) -> Observation {
    let data = memory.map_or(&[][..], |memory| memory.data(store));
    Observation {
        call: 0,
        results,
        trap,
        import_calls: store.data().events.len() as u32,
        import_digest: store.data().digest,
        memory_bytes: data.len() as u32,
        memory_digest: memory_digest(data),
    }
}

/// Defines all imports of the module.
fn link(
    engine: &Engine,
    module: &Module,
    interface: &Interface,
    store: &mut Store<Host>,
) -> Result<Linker<Host>, RunError> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    for import in module.imports() {
        let (from, field) = (import.module(), import.name());
        let item = match import.ty().clone() {
            ExternType::Func(ty) => {
                let known = interface.imports.iter().position(|known| known.module == from && known.field == field);
                let index = known.expect("the interface lists every import");
                let name = field.to_string();
                let host = move |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
                    let arguments: Vec<Value> = arguments.iter().map(value).collect();
                    let answer = host_call(caller, index, &name, arguments);
                    for result in results {
                        *result = val(&result.ty(), answer);
                    }
                    Ok(())
                };
                linker.func_new(from, field, ty, host).map_err(module_error)?;
                continue;
            }
            ExternType::Global(ty) => {
                let value = val(&ty.content(), IMPORTED_GLOBAL.into());
                Extern::Global(Global::new(&mut *store, value, Mutability::Const))
            }
            ExternType::Memory(ty) => Extern::Memory(Memory::new(&mut *store, ty).map_err(module_error)?),
            ExternType::Table(ty) => {
                let null = Ref::default_for_ty(ty.element());
                Extern::Table(Table::new(&mut *store, ty, null).map_err(module_error)?)
            }
        };
        linker.define(from, field, item).map_err(module_error)?;
    }
    Ok(linker)
}

/// Records an import call and gives its answer.
fn host_call(mut caller: Caller<'_, Host>, index: usize, field: &str, arguments: Vec<Value>) -> u64 {
    let early = caller.data().events.len() < IMPORT_MEMORY_DIGESTS_MAX as usize;
    let exported = caller.get_export(MEMORY_EXPORT).and_then(Extern::into_memory);
    let memory = exported.or(caller.data().memory).filter(|_| early);
    let seen = memory.map(|memory| memory_digest(memory.data(&caller)));
    let host = caller.data_mut();
    let mut digest = fnv1a(host.digest, &(index as u32).to_le_bytes());
    for argument in &arguments {
        digest = fnv1a(digest, &argument.bytes());
    }
    host.digest = seen.map_or(digest, |seen| fnv1a(digest, &seen.to_le_bytes()));
    let answer = host_answer(field, host.counter, &arguments);
    host.counter += 1;
    host.events.push((index, arguments));
    answer
}

fn val(ty: &ValType, bits: u64) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(F32::from_bits(bits as u32)),
        ValType::F64 => Val::F64(F64::from_bits(bits)),
        other => Val::default_for_ty(*other),
    }
}

fn value(val: &Val) -> Value {
    match val {
        Val::I32(word) => Value::Word(*word as u32),
        Val::I64(double) => Value::Double(*double as u64),
        Val::F32(word) => Value::Word(word.to_bits()),
        Val::F64(double) => Value::Double(double.to_bits()),
        other => panic!("the interface admits no {other:?}"),
    }
}

fn trap_kind(error: &wasmi::Error) -> Option<TrapKind> {
    Some(match error.as_trap_code()? {
        TrapCode::UnreachableCodeReached => TrapKind::Unreachable,
        TrapCode::MemoryOutOfBounds => TrapKind::OutOfBoundsMemory,
        TrapCode::TableOutOfBounds => TrapKind::OutOfBoundsTable,
        TrapCode::IndirectCallToNull => TrapKind::UninitializedElement,
        TrapCode::IntegerDivisionByZero => TrapKind::IntegerDivideByZero,
        TrapCode::IntegerOverflow => TrapKind::IntegerOverflow,
        TrapCode::BadConversionToInteger => TrapKind::InvalidConversion,
        TrapCode::StackOverflow => TrapKind::CallStackExhausted,
        TrapCode::BadSignature => TrapKind::IndirectCallTypeMismatch,
        TrapCode::OutOfFuel | TrapCode::GrowthOperationLimited | TrapCode::OutOfSystemMemory => {
            return None;
        }
    })
}
