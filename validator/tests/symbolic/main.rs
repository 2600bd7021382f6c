//! The symbolic semantics means what the concrete one computes: for random ground states the terms that a step builds
//! evaluate, by our own evaluator and by z3 through the translation that proofs use, to the numbers of the same step.
//!
//! Every form of every instruction that the decoder accepts (`arm`) and every WebAssembly operator (`wasm`). `CASES`
//! in the environment multiplies the states.

mod arm;
mod compare;
#[path = "../encodings/mod.rs"]
mod encodings;
#[path = "../generated/mod.rs"]
mod generated;
#[path = "../reference/mod.rs"]
mod reference;
#[path = "../roles/mod.rs"]
mod roles;
mod wasm;

use compare::Count;
use std::collections::BTreeMap;
use synth_validator::arm::insn::Op;
use synth_validator::domain::Width;

/// How many times as many states as by default.
fn scale() -> usize {
    std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn rows(counts: &BTreeMap<String, Count>) -> String {
    let mut text = String::from(
        "| | Forms | Without meaning | By the evaluator | of them in IT | By z3 | Differ |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut sum = Count::default();
    let row = |name: &str, c: &Count| {
        let counts = [c.forms, c.without_meaning, c.evaluated, c.conditional, c.solved, c.wrong.len()];
        format!("| {name} | {} |\n", counts.map(|n| n.to_string()).join(" | "))
    };
    for (name, count) in counts {
        text += &row(&format!("`{name}`"), count);
        sum.add(count.clone());
    }
    text + &row("**all**", &sum)
}

/// Covers TOR-OP-*, TOR-PROOF-ONEMEANING.
#[test]
fn terms_evaluate_to_the_numbers_of_the_same_step() {
    let (arm, wasm) = std::thread::scope(|s| {
        let arm = s.spawn(|| arm::all(scale(), |_| true, |op| op));
        let wasm = wasm::all(scale());
        (arm.join().expect("instructions are compared"), wasm)
    });
    let wrong: Vec<&String> = arm.values().chain(wasm.values()).flat_map(|c| &c.wrong).collect();
    assert!(wrong.is_empty(), "{} differ: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    for (name, count) in arm.iter().chain(&wasm) {
        let run = count.forms - count.without_meaning;
        assert!(count.evaluated >= 200 * run, "{name}: {count:?}");
        let by_solver = !["memory.copy", "memory.fill", "memory.init", "call_indirect"].contains(&name.as_str());
        assert!(count.solved >= if by_solver { 3 * run } else { 0 }, "{name}: {count:?}");
    }
    if scale() != 1 {
        return;
    }
    let text = format!(
        "For random ground states, the terms of one step evaluated by the validator's evaluator and by z3, compared with \
         the numbers that the same step computes: registers, flags, stack, locals, memory, its size, globals, conditions, \
         traps, calls and the facts that do not hold. A *form* of an instruction is a row of the decoder with a kind of \
         operand; of an operator, an offset and a bounds mode. Forms *without meaning* are refused in every state: \
         addresses of code as values, literals that are not words, frame accesses that are not words or lie below sp, loads of pc that are no \
         return. z3 knows neither \
         bulk operations nor tables. Of each state that z3 was given, it also had to refuse a wrong value.\n\n\
         ## Instructions\n\n{}\n## WebAssembly operators\n\n{}",
        rows(&arm),
        rows(&wasm)
    );
    generated::table("symbolic", "Symbolic against concrete semantics", &text);
}

#[test]
fn planted_faults_are_noticed() {
    type Fault = (&'static str, fn(&Op) -> bool, fn(Op) -> Op);
    let faults: [Fault; 4] = [
        (
            "signs of divisions",
            |op| matches!(op, Op::Divide { .. }),
            |op| match op {
                Op::Divide { signed, rd, rn, rm } => Op::Divide { signed: !signed, rd, rn, rm },
                op => op,
            },
        ),
        (
            "widths of stores",
            |op| matches!(op, Op::Store { .. }),
            |op| match op {
                Op::Store { width: Width::Word, rt, address } => Op::Store { width: Width::Half, rt, address },
                op => op,
            },
        ),
        (
            "flags kept",
            |op| matches!(op, Op::ShiftReg { .. }),
            |op| match op {
                Op::ShiftReg { op, rd, rn, rm, .. } => Op::ShiftReg { op, s: false, rd, rn, rm },
                op => op,
            },
        ),
        (
            "a condition exchanged",
            |op| matches!(op, Op::Cbz { .. }),
            |op| match op {
                Op::Cbz { nonzero, rn, target } => Op::Cbz { nonzero: !nonzero, rn, target },
                op => op,
            },
        ),
    ];
    for (fault, wanted, distort) in faults {
        let wrong: Vec<String> = arm::all(1, wanted, distort).into_values().flat_map(|c| c.wrong).collect();
        assert!(!wrong.is_empty(), "{fault}");
        assert!(wrong.iter().any(|w| w.contains("z3")), "{fault}, by z3");
    }
    for (name, by, params, result) in [
        ("i32.shr_s", "i32.shr_u", "i32 i32", "i32"),
        ("i64.lt_s", "i64.lt_u", "i64 i64", "i32"),
        ("i32.div_s", "i32.div_u", "i32 i32", "i32"),
        ("i32.load16_s", "i32.load16_u", "i32", "i32"),
        ("i64.store16", "i64.store32", "i32 i64", ""),
    ] {
        assert!(!wasm::exchanged(name, by, params, result).is_empty(), "{name} by {by}");
    }
}
