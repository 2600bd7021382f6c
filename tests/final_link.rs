//! Every function of the corpus: compiled, written, read back, and the final link proved.

use std::collections::BTreeMap;
use synth::build::build;
use synth::compile::{CompiledFunction, Core, compile_function};
use synth::decode::decode;
use synth::image::object_data;
use synth::legalize::legalize;
use synth::object_writer::write_object;
use synth::pipeline::module_info;
use synth::print::print;
use synth::simplify::simplify;
use synth_validator::arm::semantics::Function;
use synth_validator::arm::{decode as arm_decode, object};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::ir::{Func, Type};
use synth_validator::ir_semantics::{IrProgram, Signatures};
use synth_validator::ladder::Limits;
use synth_validator::refinement::{Shape, check};
use synth_validator::wasm;
use synth_validator::wasm::module::Module;

struct Types<'m>(&'m Module);

impl Signatures for Types<'_> {
    fn results_of(&self, func: u32) -> Option<Vec<Type>> {
        self.results_of_type(self.0.functions.get(func as usize)?.type_index)
    }
    fn results_of_type(&self, type_index: u32) -> Option<Vec<Type>> {
        self.0.types.get(type_index as usize)?.int_results().ok()
    }
}

/// Compiles all functions; those that are not supported are left out.
fn compile(bytes: &[u8], contract: &Contract) -> (Vec<(Func, CompiledFunction)>, Vec<u8>) {
    let module = decode(bytes).expect("decodes");
    let info = module_info(&module).expect("is supported");
    let mut all = Vec::new();
    for index in module.imported_functions()..module.functions.len() as u32 {
        let Ok(built) = build(bytes, &module, contract, index) else {
            continue;
        };
        let (func, _) = simplify(&legalize(&built.func).0);
        let compiled = compile_function(&func, &info, contract, Core::CortexM4).expect("compiles");
        all.push((func, compiled));
    }
    let compiled: Vec<CompiledFunction> = all.iter().map(|(_, c)| c.clone()).collect();
    let data = object_data(&module, bytes, contract).expect("has an image");
    (all, write_object(&compiled, &info, &data, Core::CortexM4).expect("writes"))
}

fn shape(module: &Module, contract: &Contract, index: u32) -> Shape {
    let params = module.type_of(index).int_params().expect("integers");
    let memory = module.memories.first();
    let bytes = memory.map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
    let fixed = memory.is_none_or(|m| m.import.is_none() && !module.grows);
    Shape {
        args: params.iter().map(|t| t.words() as u32).sum(),
        cells: module.cells,
        memory_bytes: fixed.then_some(bytes),
        memory_bytes_min: bytes,
        memory_bytes_max: contract.capacity_bytes,
    }
}

/// Proves the final links of a module. Result: functions proved, and failures.
fn prove(name: &str, bytes: &[u8], bounds: Bounds) -> (u32, Vec<String>) {
    let module = wasm::reader::read(bytes).expect("reads");
    let memory = module.memories.first().map_or(1, |m| m.min_pages.max(1) as u32);
    let contract = Contract {
        bounds,
        memory: MemoryOwner::Own,
        capacity_bytes: (memory * PAGE_BYTES).next_power_of_two() * if module.grows { 4 } else { 1 },
    };
    let (functions, object) = compile(bytes, &contract);
    let object = object::read(&object, &module).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    let (mut proved, mut failures) = (0, Vec::new());
    for (func, compiled) in &functions {
        let code = match arm_decode::decode(&object.functions[&func.index]) {
            Ok(code) => code,
            Err(e) => {
                failures.push(format!("{name} {}: {e:?}", func.index));
                continue;
            }
        };
        let indirect: BTreeMap<u32, u32> = compiled.indirect_types.clone();
        let right = Function::new(&code, &module, &contract, func.index, indirect).expect("integer types");
        let shape = shape(&module, &contract, func.index);
        let signatures = Types(&module);
        let left =
            IrProgram { func, contract: &contract, memory_bytes_min: shape.memory_bytes_min, signatures: &signatures };
        match check(&left, &right, &compiled.witness, &shape, &Limits::default()) {
            Ok(_) => proved += 1,
            Err(e) => {
                if std::env::var_os("SHOW_LISTING").is_some() {
                    println!("{}\n{:#?}", print(func), compiled.witness);
                }
                failures.push(format!("{name} {}: {e:#?}", func.index));
            }
        }
    }
    (proved, failures)
}

/// Modules that are proved within seconds. FIXME: long multiplications and large regions (`int64`, `cordic`, `json`, `scheduler`,
/// `matrix` and others) exhaust the limits of the prover or take minutes; `ONLY=name` runs one module.
const QUICK: [&str; 19] = [
    "bit_counts",
    "branch_tables",
    "can_frame",
    "crc32",
    "event_dispatch",
    "expression",
    "fir",
    "globals",
    "kernel_stack",
    "linked_list",
    "loops",
    "memory_operators",
    "multi_value",
    "mutex",
    "operators",
    "ring_buffer",
    "sort",
    "tables",
    "traps",
];

/// Stack for the recursion of term walks.
const STACK_BYTES: usize = 256 << 20;

#[test]
fn final_links_of_the_corpus_are_proved() {
    let only = std::env::var("ONLY").ok();
    let names: Vec<String> = match only {
        Some(name) => vec![name],
        None => QUICK.map(str::to_string).to_vec(),
    };
    let all = move || {
        let (mut proved, mut failures) = (0, Vec::new());
        for name in names {
            let path = format!("{}/corpus/wasm/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(&path).expect("reads");
            for bounds in [Bounds::None, Bounds::Software] {
                let (p, f) = prove(&name, &bytes, bounds);
                println!("{name} {bounds:?}: {p} proved, {} not", f.len());
                proved += p;
                failures.extend(f);
            }
        }
        assert!(failures.is_empty(), "{proved} proved, {} not:\n{}", failures.len(), failures.join("\n"));
        assert!(proved > 0);
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all).expect("starts").join().expect("all proved");
}
