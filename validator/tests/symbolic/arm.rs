//! Every form of every instruction.

use crate::compare::{Count, Observed, finish};
use crate::encodings::{self, Encoding};
use crate::reference::Random;
use crate::roles;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use synth_validator::arm::insn::*;
use synth_validator::arm::semantics::{Flags, Function, Point, State};
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::{BinOp, Domain, Symbol};
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::program::{Program, World};
use synth_validator::term::{Graph, Var};

/// Encodings of one form that are run.
const SAMPLES: usize = 10;
/// States in which a form is run, over all its encodings.
const STATES: usize = 200;
/// Bytes of the frame, and the words of it that are known.
const FRAME_BYTES: u32 = 0x400;
const KNOWN: std::ops::Range<i32> = -0x110..0x40;

/// A form: the row of the decoder and what kinds of operands there are.
fn form(e: &Encoding) -> String {
    let kind = match e.op {
        Op::Alu { src: Source::Imm { carry, .. }, .. } => format!("imm {carry:?}"),
        Op::Alu { src: Source::Reg(_, shift), .. } | Op::Saturate { shift, .. } => {
            format!("{shift:?}").split('(').next().unwrap_or_default().to_string()
        }
        Op::Load { address, .. } | Op::Store { address, .. } | Op::Dual { address, .. } => {
            let sp = base(&e.op) == Some(Reg::SP);
            format!("{} {sp}", format!("{address:?}").split('(').next().unwrap_or_default())
        }
        Op::Multiple { writeback, rn, list, .. } => format!("{writeback} {} {}", rn == Reg::SP, list >> 15),
        _ => String::new(),
    };
    format!("{} {} {} {kind}", e.wide, e.row, mnemonic(&e.op))
}

fn mnemonic(op: &Op) -> String {
    match op {
        Op::It { .. } => "it".to_string(),
        op => render(op).split(' ').next().unwrap_or_default().to_string(),
    }
}

/// The base register of an access.
fn base(op: &Op) -> Option<Reg> {
    match *op {
        Op::Load { address, .. } | Op::Store { address, .. } | Op::Dual { address, .. } => match address {
            Address::Offset(rn, _) | Address::Pre(rn, _) | Address::Post(rn, _) | Address::Index(rn, ..) => Some(rn),
            Address::Literal(_) => None,
        },
        Op::Multiple { rn, .. } => Some(rn),
        _ => None,
    }
}

/// Values for the unknowns of a state before an instruction, such that its address is mostly in linear memory.
fn assignment(random: &mut Random, op: &Op) -> Assignment {
    let mut a = Assignment { seed: random.word(), ..Assignment::default() };
    for n in 0..15 {
        a.words.insert(Var::Class(n), random.word());
    }
    for n in 20..24 {
        a.words.insert(Var::Class(n), random.below(2) as u32);
    }
    if let Op::Load { address: Address::Index(_, rm, _), .. } | Op::Store { address: Address::Index(_, rm, _), .. } = op
    {
        a.words.insert(Var::Class(rm.0.into()), random.below(0x8000) as u32);
    }
    if let Op::TableBranch { rm, .. } = op {
        a.words.insert(Var::Class(rm.0.into()), random.below(3) as u32);
    }
    if let Some(rn) = base(op) {
        let offset = 0x2000 + random.below(0x4_0000) as u32;
        let aligned = if random.below(4) == 0 { !0 } else { !3 };
        a.words.insert(Var::Class(rn.0.into()), offset & aligned);
    }
    let mut d = Concrete::new(Bytes::Dense(vec![]));
    for n in (4..=11).chain([13, 14]) {
        a.words.insert(Var::Entry(n), d.entry_register(n));
    }
    a.words.insert(Var::Symbol(Symbol::Memory), d.symbol(Symbol::Memory));
    a.words.insert(Var::MemoryBytes(0), (random.below(8) as u32) << 16);
    if random.below(2) == 0 {
        // A return with everything restored.
        for n in (4..=11).chain([14]) {
            a.words.insert(Var::Class(n.into()), d.entry_register(n));
        }
    }
    a.memories.insert(0, Bytes::Sparse { seed: random.word(), written: FxHashMap::default() });
    a
}

/// The state before an instruction, with `value` for the unknowns.
fn state<D: Domain>(
    program: &Function,
    d: &mut D,
    memory: D::M,
    op: &Op,
    value: &mut dyn FnMut(&mut D, Var) -> D::W,
) -> State<D> {
    let memory_bytes = value(d, Var::MemoryBytes(0));
    let world = World { memory, memory_bytes, cells: vec![], results: vec![] };
    let mut state = program.blank_state(d, point(), world, &mut |d| d.word(0));
    for n in 0..15u8 {
        let word = value(d, Var::Class(n.into()));
        state.regs[usize::from(n)] = if n == 13 {
            let entry = d.entry_register(13);
            d.bin_const(BinOp::Sub, &entry, FRAME_BYTES)
        } else if base(op) == Some(Reg(n)) {
            let memory = d.symbol(Symbol::Memory);
            d.bin(BinOp::Add, &memory, &word)
        } else {
            word
        };
    }
    let [n, z, c, v] = [20, 21, 22, 23].map(|k| {
        let word = value(d, Var::Class(k));
        d.nonzero(&word)
    });
    state.flags = Flags { n, z, c, v };
    let reaches_frame = base(op) == Some(Reg::SP);
    for slot in if reaches_frame { KNOWN } else { 0..0 } {
        let word = value(d, Var::CallResult(0, slot as u32));
        state.frame.insert(4 * slot, word);
    }
    state
}

fn point() -> Point {
    Point { offset: encodings::AT, micro: 0 }
}

fn observe<D: Domain>(state: &State<D>, seen: &mut Observed<D>) {
    seen.words.extend(state.regs.iter().cloned().enumerate().map(|(n, w)| (format!("r{n}"), w)));
    seen.words.extend(state.frame.iter().map(|(at, w)| (format!("frame {at}"), w.clone())));
    let Flags { n, z, c, v } = state.flags.clone();
    seen.bools.extend([("N", n), ("Z", z), ("C", c), ("V", v)].map(|(name, b)| (name.to_string(), b)));
}

/// One instruction in `plan.states` states, the first `plan.solved` of them by z3 too.
fn instruction(insn: &Insn, random: &mut Random, plan: Plan) -> Count {
    let (module, code) = (roles::module(), roles::alone(insn));
    let contract = Contract::new(Bounds::Software, MemoryOwner::Own, 1 << 20);
    let types: BTreeMap<u32, u32> = matches!(insn.op, Op::Blx { .. }).then_some((insn.offset, 1)).into_iter().collect();
    let function = |code| Function::new(code, &module, &contract, 0, types.clone()).expect("a function of the module");
    let mut other = code.clone();
    other.insns.values_mut().for_each(|i| i.op = (plan.distort)(i.op));
    let (program, distorted) = (function(&code), function(&other));
    let within = |p: Point| p.offset == encodings::AT && p.micro != 0;
    let (g, mut count) = (&mut Graph::new(), Count::default());
    for _ in 0..plan.states {
        let a = assignment(random, &insn.op);
        let memory = g.var(Var::Memory(0));
        let before = state(&program, g, memory, &insn.op, &mut |g, v| g.var(v));
        let mut evaluator = Evaluator::new(&a);
        let terms = finish(&program, g, (point(), before), within, |g, b| evaluator.boolean(g, *b), observe);
        let mut d = Concrete { loaded: Some(Default::default()), ..Concrete::new(a.memories[&0].clone()) };
        let before = state(&program, &mut d, (), &insn.op, &mut |_, v| a.variable(v));
        let numbers = finish(&distorted, &mut d, (point(), before), within, |_, b| *b, observe);
        match (terms, numbers) {
            (Ok(terms), Ok(numbers)) => count.judge(&render(&insn.op), g, &a, (&terms, &numbers), &d, plan.solved),
            (Err(_), _) => count.refused += 1,
            (Ok(_), Err(why)) => count.wrong.push(format!("{}: refused on numbers only: {}", render(&insn.op), why.0)),
        }
    }
    count.conditional = if insn.in_it { count.evaluated } else { 0 };
    count
}

/// How much is run, and a planted fault.
#[derive(Clone, Copy)]
pub struct Plan {
    pub states: usize,
    pub solved: usize,
    /// Changes the operation that is executed on numbers.
    pub distort: fn(Op) -> Op,
}

/// Encodings of a form, spread over all that there are, so many that refused ones can be passed over.
fn spread(encodings: &[Encoding]) -> impl Iterator<Item = &Encoding> {
    let tries = encodings.len().min(10 * SAMPLES);
    // 37 is prime to the number of tries unless it is a multiple of it: neighbours come late.
    (0..tries).map(move |k| &encodings[k * 37 % tries * encodings.len() / tries])
}

/// One form, outside IT blocks and inside. `nth` chooses the conditions.
fn one_form(encodings: &[Encoding], nth: usize, scale: usize, random: &mut Random, distort: fn(Op) -> Op) -> Count {
    let wanted = STATES * scale;
    let samples = encodings.len().min(SAMPLES);
    let (mut plain, mut inside) = (Count::default(), Count::default());
    for (k, e) in spread(encodings).enumerate() {
        let left = |c: &Count| if samples < 3 { 3 } else { usize::from(c.solved < 3) };
        let plan = |c: &Count| Plan { states: wanted.div_ceil(samples), solved: left(c), distort };
        if plain.evaluated < wanted {
            let insn = roles::instruction(e.op, e.size(), Cond::Al);
            plain.add(instruction(&insn, random, plan(&plain)));
        }
        let alone = matches!(e.op, Op::B { .. } | Op::It { .. } | Op::Cbz { .. });
        if let (Some(op), false, true) = (e.op_in_it(), alone, inside.evaluated < wanted) {
            let insn = roles::instruction(op, e.size(), Cond::ALL[(nth + k) % 14]);
            inside.add(instruction(&insn, random, plan(&inside)));
        }
    }
    plain.forms = 1;
    plain.without_meaning = usize::from(plain.evaluated == 0);
    if plain.evaluated > 0 {
        plain.add(inside);
    }
    plain
}

/// All forms of the operations that are `wanted`. Result: by mnemonic.
pub fn all(scale: usize, wanted: fn(&Op) -> bool, distort: fn(Op) -> Op) -> BTreeMap<String, Count> {
    let mut forms: BTreeMap<String, Vec<Encoding>> = BTreeMap::new();
    for e in encodings::narrow().chain(encodings::wide(2000)).filter(|e| wanted(&e.op)) {
        forms.entry(form(&e)).or_default().push(e);
    }
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut random = Random::new(21);
    for (nth, encodings) in forms.values().enumerate() {
        let count = one_form(encodings, nth, scale, &mut random, distort);
        counts.entry(mnemonic(&encodings[0].op)).or_default().add(count);
    }
    counts
}
