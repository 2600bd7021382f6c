//! The corpus in the executable semantics: every script of `corpus/vectors`, whose expectations come from standards and
//! independent models, must hold.

#[path = "../../src/simulator/interface.rs"]
#[allow(dead_code, reason = "shared with the engines of the workspace's tests")]
mod modules;
#[path = "../../src/simulator/observation.rs"]
#[allow(dead_code, reason = "shared with the engines of the workspace's tests")]
mod observation;
#[path = "../../src/simulator/vectors.rs"]
#[allow(dead_code, reason = "shared with the engines of the workspace's tests")]
mod vectors;

use modules::{Interface, Width};
use observation::{Value, host_answer};
use std::collections::HashMap;
use std::path::Path;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::program::World;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::ImportName;
use synth_validator::wasm::reader;
use vectors::Statement;

/// Answers imports as the other engines' host does.
struct Answers<'i> {
    interface: &'i Interface,
    counter: u32,
}

impl Host for Answers<'_> {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        args: &[u32],
        _: &mut World<Concrete>,
        _: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        let named = |i: &&modules::ImportedFunction| i.module == import.module && i.field == import.field;
        let signature = &self.interface.imports.iter().find(named).expect("an import").signature;
        let answer = host_answer(&import.field, self.counter, &values(&signature.params, args));
        self.counter += 1;
        Ok(signature.results.iter().flat_map(|width| words(*width, answer)).collect())
    }
}

fn words(width: Width, bits: u64) -> Vec<u32> {
    match width {
        Width::Word => vec![bits as u32],
        Width::Double => vec![bits as u32, (bits >> 32) as u32],
    }
}

fn values(widths: &[Width], words: &[u32]) -> Vec<Value> {
    let mut words = words.iter().map(|w| u64::from(*w));
    let mut next = || words.next().unwrap();
    let value = |width: &Width| match width {
        Width::Word => Value::Word(next() as u32),
        Width::Double => Value::Double(next() | next() << 32),
    };
    widths.iter().map(value).collect()
}

/// Runs a script; the number of expectations that held.
fn run(wasm: &Path, script: &Path) -> usize {
    let bytes = std::fs::read(wasm).unwrap();
    let script = vectors::parse(&std::fs::read_to_string(script).unwrap()).unwrap();
    let interface = modules::interface(&bytes).unwrap();
    let module = reader::read(&bytes).unwrap();
    let (min, max) = interface.memory.unwrap_or((1, None));
    let capacity_bytes = max.unwrap_or(min + 4).min(1024) as u32 * PAGE_BYTES;
    let contract = Contract::new(Bounds::Software, MemoryOwner::Own, capacity_bytes);
    let host = Answers { interface: &interface, counter: 0 };
    let mut instance = Instance::new(&module, &bytes, contract, host, 1 << 40).unwrap();
    let (mut variables, mut held) = (HashMap::new(), 0);
    let mut last: (Vec<Width>, Result<Vec<u32>, Stop>) = (vec![], Ok(vec![]));
    for (line, statement) in &script.lines {
        let place = format!("{}:{line}", wasm.display());
        match statement {
            Statement::Write { address, bytes } => {
                let at = interface.evaluate(address, &variables) as u32;
                bytes.iter().enumerate().for_each(|(i, b)| instance.memory_mut().set(at + i as u32, *b));
            }
            Statement::Load { variable, address } => {
                let at = interface.evaluate(address, &variables) as u32;
                let word = (0..4).map(|i| instance.memory().get(at + i)).collect::<Vec<_>>();
                variables.insert(variable.clone(), u32::from_le_bytes(word.try_into().unwrap()).into());
            }
            Statement::Call { export, arguments, variables: names } => {
                let signature = &interface.exports[export];
                let args = signature.params.iter().zip(arguments);
                let args: Vec<u32> = args.flat_map(|(w, a)| words(*w, interface.evaluate(a, &variables))).collect();
                last = (signature.results.clone(), instance.invoke(export, &args));
                let results = last.1.as_ref().map_or(vec![], |words| values(&last.0, words));
                for (i, name) in names.iter().enumerate() {
                    variables.insert(name.clone(), results.get(i).map_or(0, |v| v.bits()));
                }
            }
            Statement::Expect(expected) => {
                let expected = last.0.iter().zip(expected);
                let expected = expected.flat_map(|(w, e)| words(*w, interface.evaluate(e, &variables))).collect();
                assert_eq!(last.1, Ok(expected), "{place}");
                held += 1;
            }
            Statement::ExpectTrap(kind) => {
                let Err(Stop::Trap(found)) = last.1 else { panic!("{place}: {:?}", last.1) };
                assert_eq!(found as u8, *kind as u8, "{place}");
                held += 1;
            }
            Statement::ExpectMemory { address, bytes } => {
                let at = interface.evaluate(address, &variables) as u32;
                let found: Vec<u8> = (0..bytes.len() as u32).map(|i| instance.memory().get(at + i)).collect();
                assert_eq!(&found, bytes, "{place}");
                held += 1;
            }
            Statement::ExpectImport { .. } | Statement::ExpectImports(_) => {}
        }
    }
    held
}

#[test]
fn corpus_scripts_hold() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut held = 0;
    for entry in std::fs::read_dir(corpus.join("vectors")).unwrap() {
        let script = entry.unwrap().path();
        let wasm = corpus.join("wasm").join(script.file_stem().unwrap()).with_extension("wasm");
        held += run(&wasm, &script);
    }
    println!("{held} expectations");
    assert!(held > 10_000, "{held}");
}
