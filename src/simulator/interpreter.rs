//! Runs a script in the validator's two interpreters: a module in that of WebAssembly, an object in that of Arm.
//!
//! Registers, flags and the stack begin with arbitrary words. After a trap the instance is used on. A run that stops for another reason (no fuel, a broken
//! requirement of the Arm semantics, no meaning) is the trap `fault` and a failure of the run.

use super::interface::{self, ImportedFunction, Interface, Width};
use super::observation::{
    FNV_BASIS, IMPORT_MEMORY_DIGESTS_MAX, Observation, Run, RunError, TrapKind, Value, fnv1a, host_answer,
    memory_digest,
};
use super::vectors::{Script, Statement};
use std::collections::HashMap;
use synth_validator::arm::machine::Machine;
use synth_validator::arm::object;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::Contract;
use synth_validator::program::World;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::ImportName;
use synth_validator::wasm::reader;

/// Steps that a script may make which is known to end.
pub const FUEL: u64 = 1 << 40;

/// Runs `script` on the module under this contract, in `fuel` steps at most.
///
/// # Errors
/// `RunError::Module` or `RunError::Script`, if the module cannot be read or the script does not fit it.
pub fn run_module(wasm: &[u8], contract: &Contract, script: &Script, fuel: u64) -> Result<Run, RunError> {
    let interface = interface::interface(wasm)?;
    interface.check(script)?;
    let module = reader::read(wasm).map_err(|e| RunError::Module(format!("{:#x}: {}", e.offset, e.message)))?;
    let instance = Instance::new(&module, wasm, contract.clone(), Recorder::new(&interface), fuel);
    Ok(run(instance, &interface, script))
}

/// Runs `script` on `object`, compiled from the module `wasm` under this contract, in `fuel` steps at most.
///
/// # Errors
/// `RunError`, if module, object or script do not fit each other.
pub fn run_object(
    object: &[u8],
    wasm: &[u8],
    contract: &Contract,
    script: &Script,
    fuel: u64,
) -> Result<Run, RunError> {
    let interface = interface::interface(wasm)?;
    interface.check(script)?;
    let module = reader::read(wasm).map_err(|e| RunError::Module(format!("{:#x}: {}", e.offset, e.message)))?;
    let object = object::read(object, &module).map_err(|e| RunError::Module(format!("object: {e}")))?;
    let machine = Machine::new(&module, &object, contract.clone(), Recorder::new(&interface), fuel);
    Ok(run(machine, &interface, script))
}

/// An interpreter with an instance in it.
pub trait Interpreter {
    /// Calls an export with argument words; result words.
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop>;
    /// Linear memory up to its capacity.
    fn memory(&self) -> &Bytes;
    /// The same, to be written.
    fn memory_mut(&mut self) -> &mut Bytes;
    /// Present size of linear memory in bytes.
    fn memory_bytes(&self) -> u32;
    /// Words of the defined globals.
    fn cells(&self) -> &[u32];
    /// The host.
    fn host(&mut self) -> &mut Recorder;
}

impl Interpreter for Machine<'_, Recorder> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        Machine::invoke(self, export, args)
    }
    fn memory(&self) -> &Bytes {
        Machine::memory(self)
    }
    fn memory_mut(&mut self) -> &mut Bytes {
        Machine::memory_mut(self)
    }
    fn memory_bytes(&self) -> u32 {
        Machine::memory_bytes(self)
    }
    fn cells(&self) -> &[u32] {
        Machine::cells(self)
    }
    fn host(&mut self) -> &mut Recorder {
        &mut self.host
    }
}

impl Interpreter for Instance<'_, Recorder> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        Instance::invoke(self, export, args)
    }
    fn memory(&self) -> &Bytes {
        Instance::memory(self)
    }
    fn memory_mut(&mut self) -> &mut Bytes {
        Instance::memory_mut(self)
    }
    fn memory_bytes(&self) -> u32 {
        Instance::memory_bytes(self)
    }
    fn cells(&self) -> &[u32] {
        Instance::cells(self)
    }
    fn host(&mut self) -> &mut Recorder {
        &mut self.host
    }
}

impl<I: Interpreter> Interpreter for &mut I {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        (**self).invoke(export, args)
    }
    fn memory(&self) -> &Bytes {
        (**self).memory()
    }
    fn memory_mut(&mut self) -> &mut Bytes {
        (**self).memory_mut()
    }
    fn memory_bytes(&self) -> u32 {
        (**self).memory_bytes()
    }
    fn cells(&self) -> &[u32] {
        (**self).cells()
    }
    fn host(&mut self) -> &mut Recorder {
        (**self).host()
    }
}

/// The host: answers by `host_answer` and records.
#[derive(Clone, Debug)]
pub struct Recorder {
    imports: Vec<ImportedFunction>,
    /// Whether the module has a memory, be it empty.
    has_memory: bool,
    /// Import calls of this instance so far.
    counter: u32,
    /// Of the export call that runs: import index and arguments, in order.
    events: Vec<(usize, Vec<Value>)>,
    digest: u32,
}

impl Recorder {
    /// A host for a module with this interface.
    pub fn new(interface: &Interface) -> Self {
        let (imports, has_memory) = (interface.imports.clone(), interface.memory.is_some());
        Self { imports, has_memory, counter: 0, events: Vec::new(), digest: FNV_BASIS }
    }
}

impl Host for Recorder {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        args: &[u32],
        world: &mut World<Concrete>,
        memory: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        let known = self.imports.iter().position(|it| it.module == import.module && it.field == import.field);
        let index = known.expect("invariant: the interface lists every import");
        let arguments = values(&self.imports[index].signature.params, args);
        let mut digest = fnv1a(self.digest, &(index as u32).to_le_bytes());
        for argument in &arguments {
            digest = fnv1a(digest, &argument.bytes());
        }
        // A module without memory has none to be digested; in wasmi too.
        if self.events.len() < IMPORT_MEMORY_DIGESTS_MAX as usize && self.has_memory {
            let seen = memory_digest(present(memory, world.memory_bytes));
            digest = fnv1a(digest, &seen.to_le_bytes());
        }
        self.digest = digest;
        let answer = host_answer(&import.field, self.counter, &arguments);
        self.counter += 1;
        self.events.push((index, arguments));
        Ok(self.imports[index].signature.results.iter().flat_map(|width| words(*width, answer)).collect())
    }
}

fn present(memory: &Bytes, memory_bytes: u32) -> &[u8] {
    match memory {
        // Wrong code may say that there is more than there is.
        Bytes::Dense(bytes) => &bytes[..bytes.len().min(memory_bytes as usize)],
        Bytes::Sparse { .. } => unreachable!("invariant: whole modules run in dense memory"),
    }
}

/// The words of a value, low first.
fn words(width: Width, bits: u64) -> Vec<u32> {
    match width {
        Width::Word => vec![bits as u32],
        Width::Double => vec![bits as u32, (bits >> 32) as u32],
    }
}

fn values(widths: &[Width], words: &[u32]) -> Vec<Value> {
    let mut words = words.iter().map(|w| u64::from(*w));
    let mut next = || words.next().unwrap_or(0);
    let value = |width: &Width| match width {
        Width::Word => Value::Word(next() as u32),
        Width::Double => Value::Double(next() | next() << 32),
    };
    widths.iter().map(value).collect()
}

fn trap(stop: &Stop) -> (TrapKind, Option<String>) {
    if let Stop::Trap(kind) = stop {
        let kind = TrapKind::ALL.into_iter().find(|known| *known as u8 == *kind as u8);
        return (kind.expect("invariant: the numbers are the contract's"), None);
    }
    (TrapKind::Fault, Some(stop.to_string()))
}

/// Runs a script on an instance, or records that there is none.
pub fn run<I: Interpreter>(instance: Result<I, Stop>, interface: &Interface, script: &Script) -> Run {
    let mut run = Run::default();
    let mut instance = match instance {
        Ok(instance) => instance,
        Err(stop) => {
            let (kind, failure) = trap(&stop);
            run.failures.extend(failure.map(|text| format!("instantiation: {text}")));
            let none = Observation {
                call: 0,
                results: Vec::new(),
                trap: Some(kind),
                import_calls: 0,
                import_digest: FNV_BASIS,
                memory_bytes: 0,
                memory_digest: memory_digest(&[]),
            };
            run.observations.push(none);
            return run;
        }
    };
    observe(&mut instance, &mut run, Vec::new(), None);
    let mut variables = HashMap::new();
    let mut named = 0;
    for (line, statement) in &script.lines {
        let failure = execute(&mut instance, interface, &mut run, &mut variables, &mut named, statement);
        run.failures.extend(failure.map(|reason| format!("line {line}: {reason}")));
    }
    run.cells = instance.cells().to_vec();
    run
}

fn observe<I: Interpreter>(instance: &mut I, run: &mut Run, results: Vec<Value>, trap: Option<TrapKind>) {
    let memory_bytes = instance.memory_bytes();
    let memory_digest = memory_digest(present(instance.memory(), memory_bytes));
    let host = instance.host();
    run.observations.push(Observation {
        call: run.observations.len() as u32,
        results,
        trap,
        import_calls: host.events.len() as u32,
        import_digest: host.digest,
        memory_bytes,
        memory_digest,
    });
}

fn execute<I: Interpreter>(
    instance: &mut I,
    interface: &Interface,
    run: &mut Run,
    variables: &mut HashMap<String, u64>,
    named: &mut usize,
    statement: &Statement,
) -> Option<String> {
    let evaluate = |operand, variables: &HashMap<String, u64>| interface.evaluate(operand, variables);
    match statement {
        Statement::Write { address, bytes } => {
            let at = evaluate(address, variables) as u32;
            if u64::from(at) + bytes.len() as u64 > u64::from(instance.memory_bytes()) {
                return Some("write is outside linear memory".to_string());
            }
            bytes.iter().zip(at..).for_each(|(byte, at)| instance.memory_mut().set(at, *byte));
            None
        }
        Statement::Load { variable, address } => {
            let at = evaluate(address, variables) as u32;
            let word = u32::from_le_bytes([0, 1, 2, 3].map(|i| instance.memory().get(at.wrapping_add(i))));
            variables.insert(variable.clone(), word.into());
            None
        }
        Statement::Call { export, arguments, variables: names } => {
            let signature = &interface.exports[export];
            let widths = signature.params.iter().zip(arguments);
            let args: Vec<u32> = widths.flat_map(|(w, a)| words(*w, evaluate(a, variables))).collect();
            let host = instance.host();
            host.events.clear();
            host.digest = FNV_BASIS;
            *named = 0;
            let (results, kind, failure) = match instance.invoke(export, &args) {
                Ok(words) => (values(&signature.results, &words), None, None),
                Err(stop) => {
                    let (kind, failure) = trap(&stop);
                    (Vec::new(), Some(kind), failure)
                }
            };
            for (i, name) in names.iter().enumerate() {
                variables.insert(name.clone(), results.get(i).map_or(0, |value| value.bits()));
            }
            observe(instance, run, results, kind);
            failure
        }
        Statement::Expect(expected) => {
            let last = run.observations.last()?;
            let bits: Vec<u64> = expected.iter().map(|it| evaluate(it, variables)).collect();
            let equal = last.trap.is_none()
                && last.results.len() == bits.len()
                && last.results.iter().zip(&bits).all(|(value, bits)| is(value, *bits));
            (!equal).then(|| format!("results are not {bits:x?}: {last}"))
        }
        Statement::ExpectTrap(kind) => {
            let last = run.observations.last()?;
            (last.trap != Some(*kind)).then(|| format!("no {}: {last}", kind.name()))
        }
        Statement::ExpectMemory { address, bytes } => {
            let at = evaluate(address, variables) as u32;
            let found: Vec<u8> = (0..bytes.len() as u32).map(|i| instance.memory().get(at.wrapping_add(i))).collect();
            (&found != bytes).then(|| format!("memory at 0x{at:x} is {found:02x?}"))
        }
        Statement::ExpectImport { field, arguments } => {
            let bits: Vec<u64> = arguments.iter().map(|it| evaluate(it, variables)).collect();
            let host = instance.host();
            let event = host.events.get(*named);
            *named += 1;
            let holds = event.is_some_and(|(index, values)| {
                host.imports[*index].field == *field
                    && values.len() == bits.len()
                    && values.iter().zip(&bits).all(|(value, bits)| is(value, *bits))
            });
            (!holds).then(|| format!("import call {named} is {event:?}"))
        }
        Statement::ExpectImports(count) => {
            let made = instance.host().events.len();
            (made != *count as usize).then(|| format!("{made} import calls"))
        }
    }
}

fn is(value: &Value, bits: u64) -> bool {
    match value {
        Value::Word(word) => *word == bits as u32,
        Value::Double(double) => *double == bits,
    }
}
