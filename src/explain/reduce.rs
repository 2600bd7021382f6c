//! Making a module smaller while something about it stays as it is.
//!
//! First whole functions: bodies that the symptom does not need become `unreachable`, found by halving the set of those that are still there.
//! Then `wasm-shrink`, which tries size-reducing mutations of everything else. Every candidate is a valid module for which the symptom was seen.

use crate::decode::decode;
use crate::wasm_writer::module::rewrite;
use std::cell::RefCell;
use wasm_shrink::WasmShrink;

/// Body of a function that traps: no locals, `unreachable`, `end`.
const TRAPS: &[u8] = &[0x00, 0x00, 0x0b];

/// How much to try.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Mutations tried in vain before the module counts as small.
    pub attempts: u32,
    /// Seed of the choice of mutations.
    pub seed: u64,
}

/// The smallest module found for which `shows` holds; the module itself if it is none smaller. `shows` is called again and again, and
/// must hold for the module; `smaller` is told the size of each smaller one, in bytes.
///
/// # Errors
/// What `wasm-shrink` says, if the module is not valid.
pub fn reduce(
    module: &[u8],
    effort: Effort,
    shows: &dyn Fn(&[u8]) -> bool,
    smaller: &dyn Fn(usize),
) -> Result<Vec<u8>, String> {
    let stubbed = without_bodies(module, shows);
    smaller(stubbed.len());
    // `wasm-shrink` wants `'static` callbacks for news, but not for its predicate: news are told from there.
    let best = RefCell::new(stubbed.len());
    let shrunk =
        WasmShrink::default().attempts(effort.attempts).seed(effort.seed).run(stubbed, |candidate: &[u8]| {
            let is_kept = shows(candidate);
            if is_kept && candidate.len() < *best.borrow() {
                *best.borrow_mut() = candidate.len();
                smaller(candidate.len());
            }
            Ok(is_kept)
        });
    shrunk.map(|info| info.output).map_err(|e| format!("{e:#}"))
}

/// The module with as many bodies as possible replaced by a trap.
fn without_bodies(module: &[u8], shows: &dyn Fn(&[u8]) -> bool) -> Vec<u8> {
    let Ok(decoded) = decode(module) else { return module.to_vec() };
    let first = decoded.imported_functions() as usize;
    let own: Vec<&[u8]> = decoded.functions[first..].iter().map(|f| &module[f.body.clone()]).collect();
    let mut bodies = own.clone();
    let rewritten = |bodies: &[&[u8]]| rewrite(module, &decoded, bodies).ok().map(|r| r.bytes);
    let mut ranges = vec![0..bodies.len()];
    while let Some(range) = ranges.pop() {
        let mut tried = bodies.clone();
        tried[range.clone()].fill(TRAPS);
        if tried == bodies {
            continue;
        }
        match rewritten(&tried).is_some_and(|candidate| shows(&candidate)) {
            true => bodies = tried,
            false if range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                ranges.extend([range.start..middle, middle..range.end]);
            }
            false => {}
        }
    }
    match bodies == own {
        true => module.to_vec(),
        false => rewritten(&bodies).unwrap_or_else(|| module.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let module = wat::parse_str(
            "(module (memory 1) (func $a (result i32) i32.const 1) (func $b (result i32) i32.const 2)
               (func (export \"c\") (param i32) (result i32) (i32.mul (i32.add (local.get 0) (call $a)) (i32.const 77))))",
        )
        .expect("a module");
        let text = |bytes: &[u8]| wasmprinter::print_bytes(bytes).expect("printed");
        let shows = |candidate: &[u8]| text(candidate).contains("i32.const 77");
        let sizes = RefCell::new(Vec::new());
        let effort = Effort { attempts: 300, seed: 1 };
        let small = reduce(&module, effort, &shows, &|bytes| sizes.borrow_mut().push(bytes)).expect("reduced");
        assert!(shows(&small) && small.len() < module.len());
        assert!(!text(&small).contains("memory") && !text(&small).contains("i32.const 2\n"), "{}", text(&small));
        assert!(sizes.borrow().is_sorted_by(|a, b| a >= b), "{:?}", sizes.borrow());
        assert_eq!(small, reduce(&module, effort, &shows, &|_| {}).expect("reduced"), "the same seed, the same module");
    }
}
