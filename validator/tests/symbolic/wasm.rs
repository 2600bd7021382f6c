//! Every WebAssembly operator.

use crate::compare::{Count, Observed, finish};
use crate::reference::Random;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use synth_validator::concrete::{Bytes, Concrete, MEMORY_BASE};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::domain::{Domain, Space, Symbol};
use synth_validator::eval::{Assignment, Evaluator, host_map, word};
use synth_validator::program::{Program, World};
use synth_validator::term::{Graph, Var};
use synth_validator::wasm::code::Operator;
use synth_validator::wasm::semantics::{Function, Phase, Point, State};
use synth_validator::wasm::{code, reader};

/// States in which an operator is run under each bounds mode that makes a difference to it.
const STATES: usize = 200;
const TABLE_ENTRIES: u32 = 4;
/// Cells of the globals, and that of a data segment that may be dropped.
const CELLS: u32 = 4;

/// An operator in a function, and where to begin.
struct Case {
    name: String,
    /// Parameters, results and body of the function.
    function: String,
    /// Index of the instruction, and guards behind it.
    at: (u32, u32),
    /// Whether it accesses linear memory, which depends on the bounds mode.
    memory: bool,
    /// Whether z3 knows its operations. It does not know bulk operations and tables.
    solver: bool,
}

/// An operator on parameters of these types.
fn plain(name: &str, params: &str, result: &str) -> Case {
    let count = params.split(' ').filter(|p| !p.is_empty()).count();
    let gets: String = (0..count).map(|k| format!("local.get {k} ")).collect();
    let function = format!("(param {params}) (result {result}) {gets} {name}");
    let label = name.split(' ').next().unwrap_or_default().to_string();
    Case { name: label, function, at: (count as u32, 0), memory: false, solver: true }
}

fn numeric() -> Vec<Case> {
    let mut cases = vec![];
    for t in ["i32", "i64"] {
        let pair = format!("{t} {t}");
        for op in [
            "add", "sub", "mul", "div_u", "div_s", "rem_u", "rem_s", "and", "or", "xor", "shl", "shr_u", "shr_s",
            "rotl", "rotr",
        ] {
            cases.push(plain(&format!("{t}.{op}"), &pair, t));
        }
        for op in ["eq", "ne", "lt_u", "lt_s", "gt_u", "gt_s", "le_u", "le_s", "ge_u", "ge_s"] {
            cases.push(plain(&format!("{t}.{op}"), &pair, "i32"));
        }
        for op in ["clz", "ctz", "popcnt", "extend8_s", "extend16_s"] {
            cases.push(plain(&format!("{t}.{op}"), t, t));
        }
        cases.push(plain(&format!("{t}.eqz"), t, "i32"));
        cases.push(plain(&format!("{t}.const 0x1234567"), "", t));
    }
    // Floating-point numbers are their bits.
    for (f, i) in [("f32", "i32"), ("f64", "i64")] {
        cases.push(plain(&format!("{f}.const -0x1.8p+1"), "", f));
        cases.push(plain(&format!("{f}.reinterpret_{i}"), i, f));
        cases.push(plain(&format!("{i}.reinterpret_{f}"), f, i));
    }
    cases.push(plain("i64.extend32_s", "i64", "i64"));
    cases.push(plain("i32.wrap_i64", "i64", "i32"));
    cases.push(plain("i64.extend_i32_s", "i32", "i64"));
    cases.push(plain("i64.extend_i32_u", "i32", "i64"));
    cases
}

fn accesses() -> Vec<Case> {
    let mut cases = vec![];
    let mut access = |name: &str, params: &str, result: &str| {
        for offset in ["", " offset=5", " offset=65536"] {
            cases.push(Case { memory: true, ..plain(&format!("{name}{offset}"), params, result) });
        }
    };
    for (t, ops) in [
        ("i32", &["load", "load8_u", "load8_s", "load16_u", "load16_s"][..]),
        ("i64", &["load", "load8_u", "load8_s", "load16_u", "load16_s", "load32_u", "load32_s"]),
    ] {
        ops.iter().for_each(|op| access(&format!("{t}.{op}"), "i32", t));
    }
    for (t, ops) in [("i32", &["store", "store8", "store16"][..]), ("i64", &["store", "store8", "store16", "store32"])]
    {
        ops.iter().for_each(|op| access(&format!("{t}.{op}"), &format!("i32 {t}"), ""));
    }
    for f in ["f32", "f64"] {
        access(&format!("{f}.load"), "i32", f);
        access(&format!("{f}.store"), &format!("i32 {f}"), "");
    }
    for op in ["memory.copy", "memory.fill", "memory.init 0"] {
        cases.push(Case { memory: true, solver: false, ..plain(op, "i32 i32 i32", "") });
    }
    cases.push(plain("memory.size", "", "i32"));
    cases.push(plain("memory.grow", "i32", "i32"));
    cases
}

fn others() -> Vec<Case> {
    let case = |name: &str, function: &str, index: u32, passed: u32| {
        let (name, function) = (name.to_string(), function.to_string());
        Case { name, function, at: (index, passed), memory: false, solver: true }
    };
    let indirect = "(param i32 i32) (result i32) local.get 0 local.get 1 call_indirect (type $unary)";
    let mut cases = vec![
        case("nop", "nop", 0, 0),
        case("unreachable", "unreachable", 0, 0),
        case("block", "block end", 0, 0),
        case("loop", "loop end", 0, 0),
        case("end", "block end", 1, 0),
        case("else", "(param i32) local.get 0 if nop else nop end", 3, 0),
        case("br", "(param i32) (result i32) block (result i32) local.get 0 local.get 0 br 0 end", 3, 0),
        case("br_if", "(param i32 i32) (result i32) block (result i32) local.get 0 local.get 1 br_if 0 end", 3, 0),
        case("if", "(param i32) local.get 0 if nop else nop end", 1, 0),
        case("br_table", "(param i32) block block block local.get 0 br_table 0 1 2 0 end end end", 4, 0),
        case("return", "(param i64 i32) (result i64 i32) local.get 0 local.get 1 return", 2, 0),
        case("drop", "(param i64) local.get 0 drop", 1, 0),
        case("select", "(param i64 i64 i32) (result i64) local.get 0 local.get 1 local.get 2 select", 3, 0),
        case(
            "typed_select",
            "(param i64 i64 i32) (result i64) local.get 0 local.get 1 local.get 2 select (result i64)",
            3,
            0,
        ),
        case("data.drop", "data.drop 0", 0, 0),
        case("elem.drop", "elem.drop 0", 0, 0),
        case("local.get", "(param i64) (result i64) local.get 0", 0, 0),
        case("local.set", "(param i64 i32) local.get 0 local.set 0", 1, 0),
        case("local.tee", "(param i64 i64) (result i64) local.get 0 local.tee 1", 1, 0),
        case("global.get", "(result i64) global.get $wide", 0, 0),
        case("global.get", "(result i32) global.get $host", 0, 0),
        case("global.set", "(param i32) local.get 0 global.set $word", 1, 0),
        case("call", "(param i64 i32) (result i64) local.get 0 local.get 1 call $callee", 2, 0),
    ];
    // The index and type checks; then the call itself, which no type in these tables reaches.
    cases.push(Case { solver: false, ..case("call_indirect", indirect, 2, 0) });
    cases.push(Case { solver: false, ..case("call_indirect", indirect, 2, 2) });
    cases
}

fn wat(case: &Case) -> String {
    format!(
        "(module (import \"m\" \"g\" (global $host i32)) (memory 1 6) (table {TABLE_ENTRIES} funcref) (data \"abcdefghijkl\") (elem func $callee)
          (type $unary (func (param i32) (result i32)))
          (global $word (mut i32) (i32.const 0)) (global $wide (mut i64) (i64.const 0))
          (func $callee (param i64 i32) (result i64) local.get 0)
          (func {}))",
        case.function
    )
}

/// Values for the unknowns: addresses and lengths mostly such that accesses are in range.
fn assignment(random: &mut Random, memory: bool, bounds: Bounds) -> Assignment {
    let mut a = Assignment { seed: random.word(), ..Assignment::default() };
    a.segments = vec![b"abcdefghijkl".to_vec()];
    let near = |random: &mut Random| match random.below(4) {
        0 => random.word(),
        1 => random.below(0x300) as u32,
        _ => random.below(0x2_0000) as u32,
    };
    for n in 0..24 {
        let word = if memory { near(random) } else { random.word() };
        a.words.insert(Var::Class(n), word);
    }
    // The last operand of a bulk operation is its length: small, or out of range where that traps.
    let traps = matches!(bounds, Bounds::Software | Bounds::Mask);
    if memory && !(traps && a.words[&Var::Class(5)] >= 0x80_0000) {
        *a.words.entry(Var::Class(5)).or_default() &= 0x1f;
    }
    if random.below(2) == 0 {
        // Small numbers for what chooses among few.
        (0..24).for_each(|n| *a.words.entry(Var::Class(n)).or_default() &= 7);
    }
    for n in 0..CELLS {
        a.words.insert(Var::Cell(n, 0), random.word());
    }
    let mut d = Concrete::new(Bytes::Dense(vec![]));
    a.words.insert(Var::Symbol(Symbol::HostData(0)), d.symbol(Symbol::HostData(0)));
    a.words.insert(Var::MemoryBytes(0), (1 + random.below(4) as u32) * PAGE_BYTES);
    a.memories.insert(0, Bytes::Sparse { seed: random.word(), written: FxHashMap::default() });
    a
}

/// The state before the instruction, with `value` for the unknowns.
fn state<D: Domain>(
    program: &Function,
    d: &mut D,
    memory: D::M,
    at: Point,
    value: &dyn Fn(&mut D, Var) -> D::W,
) -> State<D> {
    let memory_bytes = value(d, Var::MemoryBytes(0));
    let cells = (0..CELLS).map(|n| value(d, Var::Cell(n, 0))).collect();
    let world = World { memory, memory_bytes, cells, results: vec![] };
    let mut next = 0;
    program.blank_state(d, at, world, &mut |d| {
        next += 1;
        value(d, Var::Class(next - 1))
    })
}

fn observe<D: Domain>(state: &State<D>, seen: &mut Observed<D>) {
    seen.words.extend(state.locals.iter().cloned().enumerate().map(|(n, w)| (format!("local {n}"), w)));
    seen.words.extend(state.stack.iter().cloned().enumerate().map(|(n, w)| (format!("stack {n}"), w)));
}

/// The numbers' domain: memory, segments and tables as the assignment has them.
fn concrete(a: &Assignment) -> Concrete {
    let g = &mut Graph::new();
    let entry = |i: u32| {
        let index = g.word(i);
        let terms = (g.table_type(0, &index), g.table_function(0, &index));
        (word(g, a, terms.0), word(g, a, terms.1))
    };
    let table = (0..TABLE_ENTRIES).map(entry).collect();
    let segments = Arc::new(a.segments.clone());
    let d = Concrete::new(a.memories[&0].clone());
    Concrete { tables: Arc::new(vec![table]), segments, loaded: Some(Default::default()), ..d }
}

/// One operator under one bounds mode, with addresses in linear memory or the host's. `other` is the operator that runs on numbers: the same, or a planted fault.
fn operator(case: &Case, other: &Case, (bounds, space): (Bounds, Space), states: usize, random: &mut Random) -> Count {
    let read = |case: &Case| {
        let bytes = wat::parse_str(wat(case)).expect("it is WebAssembly");
        let module = reader::read(&bytes).expect("it is read");
        let mut body = code::body(&module, &bytes, 1).expect("it is supported");
        body.instrs.iter_mut().for_each(|i| i.space = space);
        (module, body)
    };
    let contract = Contract::new(bounds, MemoryOwner::Own, 4 * PAGE_BYTES);
    let ((module, body), (other_module, other_body)) = (read(case), read(other));
    let program = Function::new(&module, &body, &contract);
    let distorted = Function::new(&other_module, &other_body, &contract);
    let at = Point { index: case.at.0, phase: Phase::Passed(case.at.1) };
    let within = |p: Point| p.index == at.index && p.phase != Phase::Passed(0);
    let (g, mut count) = (&mut Graph::new(), Count::default());
    for nth in 0..states {
        let mut a = assignment(random, case.memory, bounds);
        if case.at.1 == 2 {
            // Past the guard of `call_indirect` the index, on top of two locals and the argument, is in range.
            *a.words.entry(Var::Class(3)).or_default() %= TABLE_ENTRIES;
        }
        if space == Space::Host {
            host_addresses(&mut a, &body.instrs[at.index as usize].operator);
        }
        let memory = g.var(Var::Memory(0));
        let before = state(&program, g, memory, at, &|g, v| g.var(v));
        let mut evaluator = Evaluator::new(&a);
        let terms = finish(&program, g, (at, before), within, |g, b| evaluator.boolean(g, *b), observe);
        let mut d = concrete(&a);
        let before = state(&distorted, &mut d, (), at, &|_, v| a.variable(v));
        let numbers = finish(&distorted, &mut d, (at, before), within, |_, b| *b, observe);
        let (terms, numbers) = (terms.expect("it has a meaning"), numbers.expect("it has a meaning"));
        // States for z3 are taken from all over.
        let solved = if case.solver { 1 + 3 * nth / states } else { 0 };
        count.judge(&format!("{} {bounds:?}", case.name), g, &a, (&terms, &numbers), &d, solved);
    }
    count
}

/// Makes unknown words addresses below everything that the numbers' domain places, most of them, and says which bytes are the host's.
fn host_addresses(a: &mut Assignment, operator: &Operator) {
    let offset = match operator {
        Operator::Load { offset, .. } | Operator::Store { offset, .. } => *offset,
        Operator::Load64(offset) | Operator::Store64(offset) => *offset,
        _ => 0,
    };
    let mut d = Concrete::new(a.memories[&0].clone());
    a.words.insert(Var::Symbol(Symbol::Memory), d.symbol(Symbol::Memory));
    let mut marks = FxHashMap::default();
    for n in 0..24 {
        let word = a.words.entry(Var::Class(n)).or_default();
        if *word % 4 != 0 {
            *word = (*word & 0x0fff_ffff).wrapping_sub(offset);
        }
        for at in 0..8 {
            let index = word.wrapping_add(offset + at).wrapping_sub(MEMORY_BASE);
            marks.insert(index, if d.is_host(&(), &index, 1, false) { 0xff } else { 0 });
        }
    }
    for writes in [false, true] {
        a.memories.insert(host_map(0, writes), Bytes::Sparse { seed: 1, written: marks.clone() });
    }
}

/// All operators. Result: by name.
pub fn all(scale: usize) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut random = Random::new(22);
    for case in numeric().into_iter().chain(accesses()).chain(others()) {
        let modes = [Bounds::Software, Bounds::Mask, Bounds::Mpu, Bounds::None];
        for bounds in &modes[..if case.memory { 4 } else { 1 }] {
            let count = operator(&case, &case, (*bounds, Space::Linear), STATES * scale, &mut random);
            counts.entry(case.name.clone()).or_default().add(Count { forms: 1, ..count });
        }
        if case.name.contains("load") || case.name.contains("store") {
            let count = operator(&case, &case, (Bounds::Software, Space::Host), STATES * scale, &mut random);
            counts.entry(case.name.clone()).or_default().add(Count { forms: 1, ..count });
        }
    }
    counts
}

/// What differs if numbers are computed by another operator.
pub fn exchanged(name: &str, by: &str, params: &str, result: &str) -> Vec<String> {
    let memory = name.contains("load") || name.contains("store");
    let case = |op: &str| Case { memory, ..plain(op, params, result) };
    operator(&case(name), &case(by), (Bounds::Software, Space::Linear), STATES, &mut Random::new(23)).wrong
}
