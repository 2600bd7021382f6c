//! Faults planted in compiled objects and claims, for tests of the checker.

use object::{Object, ObjectSection, ObjectSymbol};
use std::ops::Range;
use synth::build::build;
use synth::compile::{CompiledFunction, compile_function};
use synth::image::object_data;
use synth::legalize::legalize;
use synth::object_writer::{ObjectData, write_object};
use synth::pipeline::{Compiled, Options, compile, module_info};
use synth::simplify::simplify;
use synth_validator::contract::SYM_FUNCTION;
use synth_validator::ir::{Func, Inst, Op, Terminator, Value};

/// A module with its right object.
pub struct Subject {
    /// The module.
    pub wasm: Vec<u8>,
    /// Object, claim, functions.
    pub compiled: Compiled,
}

impl Subject {
    /// Compiles text with software bounds checks.
    pub fn new(text: &str) -> Subject {
        let wasm = wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"));
        let compiled = compile(&wasm, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
        Subject { wasm, compiled }
    }

    /// Where in the object file the bytes of a symbol lie.
    pub fn bytes_of(&self, symbol: &str) -> Range<usize> {
        let file = object::File::parse(&self.compiled.object[..]).expect("an object");
        let symbol = file.symbols().find(|s| s.name() == Ok(symbol)).unwrap_or_else(|| panic!("no symbol {symbol}"));
        let section = file.section_by_index(symbol.section_index().expect("defined")).expect("a section");
        let (at, _) = section.file_range().expect("a section with contents");
        let start = (at + (symbol.address() & !1)) as usize;
        start..start + symbol.size() as usize
    }

    /// Where the code of a function lies.
    pub fn code(&self, index: u32) -> Range<usize> {
        self.bytes_of(&format!("{SYM_FUNCTION}{index}"))
    }

    /// The object with other bytes at an offset in a symbol.
    pub fn patched(&self, symbol: &str, offset: usize, bytes: &[u8]) -> Vec<u8> {
        let range = self.bytes_of(symbol);
        assert!(range.start + offset + bytes.len() <= range.end, "{symbol} is shorter");
        let mut object = self.compiled.object.clone();
        object[range.start + offset..][..bytes.len()].copy_from_slice(bytes);
        object
    }

    /// The object with its data or functions changed before it was written; the claim stays.
    pub fn rewritten(&self, change: impl FnOnce(&mut ObjectData, &mut Vec<CompiledFunction>)) -> Vec<u8> {
        let module = &self.compiled.module;
        let mut data = object_data(module, &self.wasm, &self.compiled.claim.contract).expect("an image");
        data.witness = self.compiled.claim.encode();
        let mut functions = self.compiled.functions.clone();
        change(&mut data, &mut functions);
        write_object(
            &functions,
            &module_info(module, &self.compiled.claim.contract).expect("supported"),
            &data,
            Options::default().core,
            Options::default().symbols,
        )
        .expect("writes")
    }

    /// The object whose function has changed IR, twice: first with the right IR in the claim, then with the changed one.
    pub fn with_ir(&self, index: u32, change: impl Fn(&mut Func)) -> [Vec<u8>; 2] {
        let (module, contract) = (&self.compiled.module, &self.compiled.claim.contract);
        let built = build(&self.wasm, module, contract, index).expect("builds");
        let right = simplify(&legalize(&built.func).0).0;
        let mut func = right.clone();
        change(&mut func);
        assert_ne!(func, right, "the change changes nothing");
        let info = module_info(module, contract).expect("supported");
        let code = compile_function(&func, &info, Options::default().tuning()).expect("compiles");
        [false, true].map(|claimed| {
            self.rewritten(|data, functions| {
                let mut claim = self.compiled.claim.clone();
                let entry = claim.functions.iter_mut().find(|f| f.index == index).expect("claimed");
                entry.witness = code.witness.clone();
                entry.indirect_types = code.indirect_types.clone();
                if claimed {
                    entry.stages.last_mut().expect("stages").func = func.clone();
                }
                data.witness = claim.encode();
                let place = functions.iter_mut().find(|f| f.index == index).expect("compiled");
                *place = code.clone();
            })
        })
    }
}

/// All instructions of a function.
pub fn insts(func: &mut Func) -> impl Iterator<Item = &mut Inst> {
    func.blocks.iter_mut().flat_map(|b| &mut b.insts)
}

/// Drops the instructions for which `which` holds; they must have no results.
pub fn drop_insts(func: &mut Func, which: impl Fn(&Op) -> bool) {
    for block in &mut func.blocks {
        block.insts.retain(|i| !(which(&i.op) && i.results.is_empty()));
    }
}

/// Replaces every use of a value.
pub fn replace(func: &mut Func, old: Value, new: Value) {
    let swap = |v: &mut Value| {
        if *v == old {
            *v = new;
        }
    };
    for block in &mut func.blocks {
        block.insts.iter_mut().flat_map(|i| &mut i.args).for_each(swap);
        match &mut block.end {
            Terminator::Jump(e) => e.args.iter_mut().for_each(swap),
            Terminator::Branch(c, a, b) => {
                swap(c);
                a.args.iter_mut().chain(&mut b.args).for_each(swap);
            }
            Terminator::Switch(c, all, last) => {
                swap(c);
                all.iter_mut().chain([last]).flat_map(|e| &mut e.args).for_each(swap);
            }
            Terminator::Return(values) => values.iter_mut().for_each(swap),
            Terminator::Trap(_) => {}
        }
    }
}
