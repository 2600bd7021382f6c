//! The term graph keeps the meaning of what it normalises: constructors, known zero bits, path assumptions and the
//! translation for z3, each against concrete execution and against z3's own reading of the same operations.
//!
//! A [`Program`] is a list of operations over any domain. The same list runs on numbers, on the graph and on the raw
//! z3 domain of `reference`, and every intermediate value is compared. Seeds are fixed. Each check is also run on a
//! program with a planted mistake and must notice it.

mod reference;

use reference::{Expr, Random, Replay, Z3, never};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::domain::*;
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::ladder::Path;
use synth_validator::smt::{Answer, Multiplier, Smt};
use synth_validator::term::{Graph, Node, T, Var};
use z3::ast::{Ast, Bool};
use z3::{SatResult, Solver};

const BIN: [BinOp; 14] = [
    BinOp::Add,
    BinOp::Sub,
    BinOp::And,
    BinOp::Or,
    BinOp::Xor,
    BinOp::Shl,
    BinOp::Lshr,
    BinOp::Ashr,
    BinOp::Ror,
    BinOp::Mul,
    BinOp::UMulHi,
    BinOp::SMulHi,
    BinOp::UDiv,
    BinOp::SDiv,
];
const UN: [UnOp; 7] = [UnOp::Clz, UnOp::Rbit, UnOp::Rev, UnOp::Rev16, UnOp::Popcnt, UnOp::Sext8, UnOp::Sext16];
const CMP: [CmpOp; 3] = [CmpOp::Eq, CmpOp::Ult, CmpOp::Slt];
const DIV: [DivOp; 4] = [DivOp::UQuot, DivOp::URem, DivOp::SQuot, DivOp::SRem];
const WIDTH: [Width; 3] = [Width::Byte, Width::Half, Width::Word];

/// One operation. Numbers are indices of earlier words (`w`) or booleans (`b`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Const(u32),
    Bool(bool),
    Bin(BinOp, usize, usize),
    Un(UnOp, usize),
    Div64(DivOp, bool, [usize; 4]),
    Cmp(CmpOp, usize, usize),
    AddOverflow(usize, usize, usize),
    SubOverflow(usize, usize, usize),
    AddCarry(usize, usize, usize),
    SubCarry(usize, usize, usize),
    Not(usize),
    And(usize, usize),
    Or(usize, usize),
    Xor(usize, usize),
    Ite(usize, usize, usize),
    IteBool(usize, usize, usize),
    Bit(usize),
    Nonzero(usize),
    Load(Width, usize),
    Store(Width, usize, usize),
    /// Destination, value, length taken modulo 8.
    Fill(usize, usize, usize),
    /// Destination, source, length taken modulo 8.
    Copy(usize, usize, usize),
    /// Destination, offset in the segment modulo 8, length taken modulo 8.
    Init(usize, usize, usize),
    Nop,
}

enum Kind {
    Word,
    Bool,
    Memory,
}
impl Op {
    fn kind(self) -> Kind {
        match self {
            Op::Const(_) | Op::Bin(..) | Op::Un(..) | Op::Div64(..) | Op::Ite(..) | Op::Bit(_) | Op::Load(..) => {
                Kind::Word
            }
            Op::Store(..) | Op::Fill(..) | Op::Copy(..) | Op::Init(..) | Op::Nop => Kind::Memory,
            _ => Kind::Bool,
        }
    }
}

type Program = Vec<Op>;

/// Every value of a run: words and booleans in order of computation (inputs first), and the memory at the end.
struct Trace<D: Domain> {
    words: Vec<D::W>,
    bools: Vec<D::B>,
    memory: D::M,
}

fn run<D: Domain>(d: &mut D, memory: D::M, inputs: Vec<D::W>, program: &[Op]) -> Trace<D> {
    let (mut w, mut b, mut m) = (inputs, Vec::new(), memory);
    b.push(d.bool(false));
    b.push(d.bool(true));
    for op in program {
        match *op {
            Op::Const(c) => w.push(d.word(c)),
            Op::Bool(v) => b.push(d.bool(v)),
            Op::Bin(op, x, y) => w.push(d.bin(op, &w[x], &w[y])),
            Op::Un(op, x) => w.push(d.un(op, &w[x])),
            Op::Div64(op, high, [al, ah, bl, bh]) => w.push(d.div64(op, high, [&w[al], &w[ah]], [&w[bl], &w[bh]])),
            Op::Cmp(op, x, y) => b.push(d.cmp(op, &w[x], &w[y])),
            Op::AddOverflow(x, y, c) => b.push(d.add_overflow(&w[x], &w[y], &b[c])),
            Op::SubOverflow(x, y, c) => b.push(d.sub_overflow(&w[x], &w[y], &b[c])),
            Op::AddCarry(x, y, c) => b.push(d.add_carry(&w[x], &w[y], &b[c])),
            Op::SubCarry(x, y, c) => b.push(d.sub_carry(&w[x], &w[y], &b[c])),
            Op::Not(x) => b.push(d.not(&b[x])),
            Op::And(x, y) => b.push(d.and(&b[x], &b[y])),
            Op::Or(x, y) => b.push(d.or(&b[x], &b[y])),
            Op::Xor(x, y) => b.push(d.xor(&b[x], &b[y])),
            Op::Ite(c, x, y) => w.push(d.ite(&b[c], &w[x], &w[y])),
            Op::IteBool(c, x, y) => b.push(d.ite_bool(&b[c], &b[x], &b[y])),
            Op::Bit(x) => w.push(d.bit(&b[x])),
            Op::Nonzero(x) => b.push(d.nonzero(&w[x])),
            Op::Load(width, i) => w.push(d.load(&m, width, &w[i])),
            Op::Store(width, i, v) => m = d.store(&m, width, &w[i], &w[v]),
            Op::Fill(dst, v, n) => {
                let n = d.bin_const(BinOp::And, &w[n], 7);
                m = d.fill(&m, &w[dst], &w[v], &n);
            }
            Op::Copy(dst, src, n) => {
                let n = d.bin_const(BinOp::And, &w[n], 7);
                m = d.copy(&m, &w[dst], &w[src], &n);
            }
            Op::Init(dst, src, n) => {
                let (src, n) = (d.bin_const(BinOp::And, &w[src], 7), d.bin_const(BinOp::And, &w[n], 7));
                m = d.init(&m, 0, &w[dst], &src, &n);
            }
            Op::Nop => {}
        }
    }
    Trace { words: w, bools: b, memory: m }
}

/// The unknowns of every program.
const INPUTS: [Var; 8] = [
    Var::Argument(0),
    Var::Argument(1),
    Var::Argument(2),
    Var::Argument(3),
    Var::MemoryBytes(0),
    Var::Symbol(Symbol::Globals),
    Var::Entry(13),
    Var::Symbol(Symbol::Function(2)),
];

fn assignment(random: &mut Random) -> Assignment {
    let mut a = Assignment { seed: random.word(), ..Assignment::default() };
    a.segments = vec![(0..12).map(|_| random.word() as u8).collect()];
    for v in INPUTS {
        let aligned = match v {
            Var::MemoryBytes(_) => !0xffff,
            Var::Symbol(Symbol::Globals) | Var::Entry(13) => !7,
            _ => !0,
        };
        a.words.insert(v, random.word() & aligned);
    }
    a.memories.insert(0, Bytes::Sparse { seed: random.word(), written: FxHashMap::default() });
    a
}

/// Writes programs in which the patterns that rules look for are frequent.
struct Writer<'r> {
    random: &'r mut Random,
    program: Program,
    words: usize,
    bools: usize,
    memory: bool,
    bulk: bool,
    products: bool,
}

impl Writer<'_> {
    fn push(&mut self, op: Op) -> usize {
        self.program.push(op);
        let slot = match op.kind() {
            Kind::Word => &mut self.words,
            Kind::Bool => &mut self.bools,
            Kind::Memory => return 0,
        };
        *slot += 1;
        *slot - 1
    }
    /// An index below `n`, mostly a recent one.
    fn recent(&mut self, n: usize) -> usize {
        match self.random.below(3) {
            0 => self.random.below(n),
            _ => n - 1 - self.random.below(n.min(6)),
        }
    }
    fn w(&mut self) -> usize {
        if self.random.below(3) == 0 {
            let c = self.random.word();
            return self.push(Op::Const(c));
        }
        self.recent(self.words)
    }
    fn unknown(&mut self) -> usize {
        self.recent(self.words)
    }
    fn b(&mut self) -> usize {
        self.recent(self.bools)
    }
    /// N, Z, C, V of `x - y` or `x + y`, and conditions over them.
    fn flags(&mut self) {
        let (x, y, carry) = (self.w(), self.w(), if self.random.below(3) == 0 { self.b() } else { 1 });
        let zero = self.push(Op::Const(0));
        let subtracts = self.random.below(3) > 0;
        let not = self.push(Op::Not(carry));
        let (sum, c, v);
        if subtracts {
            let difference = self.push(Op::Bin(BinOp::Sub, x, y));
            let borrow = self.push(Op::Bit(not));
            sum = self.push(Op::Bin(BinOp::Sub, difference, borrow));
            (c, v) = (self.push(Op::SubCarry(x, y, carry)), self.push(Op::SubOverflow(x, y, carry)));
        } else {
            let plain = self.push(Op::Bin(BinOp::Add, x, y));
            let more = self.push(Op::Bit(carry));
            sum = self.push(Op::Bin(BinOp::Add, plain, more));
            (c, v) = (self.push(Op::AddCarry(x, y, carry)), self.push(Op::AddOverflow(x, y, carry)));
        }
        let (n, z) = (self.push(Op::Cmp(CmpOp::Slt, sum, zero)), self.push(Op::Cmp(CmpOp::Eq, sum, zero)));
        let lt = self.push(Op::Xor(n, v));
        let (ge, ne, lo) = (self.push(Op::Not(lt)), self.push(Op::Not(z)), self.push(Op::Not(c)));
        let pairs = [Op::And(ge, ne), Op::And(ne, ge), Op::And(c, ne), Op::Or(lo, z), Op::Or(lt, z)];
        let op = self.random.pick(&pairs);
        self.push(op);
    }
    /// Carries as compilers write them: `x + y < x` and the like.
    fn wraps(&mut self) {
        let (x, y) = (self.unknown(), self.w());
        let op = self.random.pick(&[BinOp::Add, BinOp::Sub]);
        let s = self.push(Op::Bin(op, x, y));
        let (l, r) = (self.random.pick(&[x, y, s]), self.random.pick(&[x, y, s]));
        let op = self.random.pick(&CMP);
        self.push(Op::Cmp(op, l, r));
    }
    /// Accesses near one index.
    fn accesses(&mut self) {
        let base = self.unknown();
        for _ in 0..2 + self.random.below(5) {
            let by = self.random.below(9) as u32;
            let offset = self.push(Op::Const(by.wrapping_sub(4)));
            let at = self.push(Op::Bin(BinOp::Add, base, offset));
            let (width, v) = (self.random.pick(&WIDTH), self.unknown());
            let op = if self.random.below(3) == 0 { Op::Load(width, at) } else { Op::Store(width, at, v) };
            self.push(op);
        }
    }
    fn plain(&mut self) {
        let op = match self.random.below(30) {
            0..8 => {
                let n = if self.products { 14 } else { 9 };
                Op::Bin(BIN[self.random.below(n)], self.unknown(), self.w())
            }
            8 => Op::Bin(BIN[self.random.below(9)], self.w(), self.unknown()),
            9..13 => {
                let op = self.random.pick(&UN);
                let asked = self.products || op != UnOp::Popcnt;
                Op::Un(if asked { op } else { UnOp::Clz }, self.unknown())
            }
            13..17 => Op::Cmp(self.random.pick(&CMP), self.unknown(), self.w()),
            17 => Op::Cmp(self.random.pick(&CMP), self.w(), self.unknown()),
            18 => Op::Not(self.b()),
            19 => Op::And(self.b(), self.b()),
            20 => Op::Or(self.b(), self.b()),
            21 => Op::Xor(self.b(), self.b()),
            22 => Op::Ite(self.b(), self.w(), self.w()),
            23 => Op::IteBool(self.b(), self.b(), self.b()),
            24 => Op::Bit(self.b()),
            25 => Op::Nonzero(self.w()),
            26 => Op::Bin(
                self.random.pick(&[BinOp::Add, BinOp::Sub, BinOp::And, BinOp::Or, BinOp::Xor]),
                self.unknown(),
                self.unknown(),
            ),
            27 if self.products => {
                Op::Div64(self.random.pick(&DIV), self.random.below(2) == 0, [self.w(), self.w(), self.w(), self.w()])
            }
            28 if self.bulk => match self.random.below(3) {
                0 => Op::Fill(self.w(), self.w(), self.w()),
                1 => Op::Copy(self.w(), self.w(), self.w()),
                _ => Op::Init(self.w(), self.w(), self.w()),
            },
            _ => Op::AddCarry(self.w(), self.w(), self.b()),
        };
        self.push(op);
    }
}

/// A program of about `length` operations. `solver` leaves out what z3 is not asked about.
fn program(random: &mut Random, length: usize, solver: bool) -> Program {
    let mut writer = Writer {
        random,
        program: vec![],
        words: INPUTS.len(),
        bools: 2,
        memory: true,
        bulk: !solver,
        products: !solver,
    };
    while writer.program.len() < length {
        match writer.random.below(12) {
            0 => writer.flags(),
            1 => writer.wraps(),
            2 if writer.memory => writer.accesses(),
            _ => writer.plain(),
        }
    }
    writer.program
}

fn symbolic(g: &mut Graph, program: &[Op]) -> Trace<Graph> {
    let inputs = INPUTS.map(|v| g.var(v)).to_vec();
    let memory = g.var(Var::Memory(0));
    run(g, memory, inputs, program)
}
fn concrete(a: &Assignment, program: &[Op]) -> (Trace<Concrete>, Bytes) {
    let mut d = Concrete { segments: a.segments.clone().into(), ..Concrete::new(a.memories[&0].clone()) };
    let trace = run(&mut d, (), INPUTS.map(|v| a.variable(v)).to_vec(), program);
    (trace, d.memory)
}

/// Runs `program` on numbers and `normalised` (the same, unless a mistake is planted) on the graph.
fn compare(program: &[Op], normalised: &[Op], a: &Assignment) -> Result<(), String> {
    let g = &mut Graph::new();
    let terms = symbolic(g, normalised);
    let (values, memory) = concrete(a, program);
    let mut evaluator = Evaluator::new(a);
    for (i, (t, v)) in terms.words.iter().zip(&values.words).enumerate() {
        let found = evaluator.word(g, *t);
        if found != *v {
            return Err(format!("word {i}: {v:#x}, as a term {found:#x}: {:?}", g.node(*t)));
        }
    }
    // Every node that exists, also the ones inside rules, keeps its known zero bits.
    for i in 0..g.len() {
        let t = T(i as u32);
        if is_word(g, t) && evaluator.word(g, t) & g.known_zeros(t) != 0 {
            return Err(format!("known zeros {:#x} of {:#x}: {:?}", g.known_zeros(t), evaluator.word(g, t), g.node(t)));
        }
    }
    for (i, (t, v)) in terms.bools.iter().zip(&values.bools).enumerate() {
        if evaluator.boolean(g, *t) != *v {
            return Err(format!("boolean {i}: {v}, as a term not: {:?}", g.node(*t)));
        }
    }
    let found = evaluator.memory(g, terms.memory);
    let written = |m: &Bytes| match m {
        Bytes::Sparse { seed, written } => (*seed, written.iter().map(|(k, v)| (*k, *v)).collect::<BTreeMap<_, _>>()),
        Bytes::Dense(_) => unreachable!("memories here are sparse"),
    };
    if written(&found) != written(&memory) {
        return Err("memories differ".into());
    }
    Ok(())
}

fn is_word(g: &Graph, t: T) -> bool {
    match g.node(t) {
        Node::Bool(_) | Node::Cmp(..) | Node::AddOverflow(..) | Node::SubOverflow(..) => false,
        Node::Not(_) | Node::And(..) | Node::Xor(..) => false,
        Node::Var(Var::Memory(_)) | Node::Store(..) | Node::Fill(..) | Node::Copy(..) | Node::Init(..) => false,
        _ => true,
    }
}

/// The operations that a failure needs: the others are replaced by constants while it persists.
fn shrink(program: &[Op], fails: impl Fn(&[Op]) -> bool) -> Vec<(usize, Op)> {
    let mut program = program.to_vec();
    for i in (0..program.len()).rev() {
        let trivial = match program[i].kind() {
            Kind::Word => Op::Const(0),
            Kind::Bool => Op::Bool(false),
            Kind::Memory => Op::Nop,
        };
        let kept = std::mem::replace(&mut program[i], trivial);
        if !fails(&program) {
            program[i] = kept;
        }
    }
    let trivial = |op: &Op| matches!(op, Op::Nop | Op::Const(0) | Op::Bool(false));
    program.into_iter().enumerate().filter(|(_, op)| !trivial(op)).collect()
}

#[test]
fn constructors_agree_with_execution() {
    let (mut random, mut operations) = (Random::new(1), 0);
    while operations < 250_000 {
        let length = 10 + random.below(90);
        let (program, a) = (program(&mut random, length, false), assignment(&mut random));
        if let Err(why) = compare(&program, &program, &a) {
            let minimal = shrink(&program, |p| compare(p, p, &a).is_err());
            panic!("{why}\ninputs {:?}\n{minimal:#?}", INPUTS.map(|v| a.variable(v)));
        }
        operations += program.len();
    }
}

/// Mistakes that a rule could make, planted on the side of the graph.
fn mutate(op: Op, which: usize) -> Op {
    match (which, op) {
        (0, Op::Bin(BinOp::Ashr, x, y)) => Op::Bin(BinOp::Lshr, x, y),
        (1, Op::SubCarry(x, y, _)) => Op::SubCarry(x, y, 1),
        (2, Op::AddOverflow(x, y, c)) => Op::SubOverflow(x, y, c),
        (3, Op::Store(Width::Half, i, v)) => Op::Store(Width::Byte, i, v),
        (4, Op::Cmp(CmpOp::Ult, x, y)) => Op::Cmp(CmpOp::Slt, x, y),
        (5, Op::Un(UnOp::Rev16, x)) => Op::Un(UnOp::Rev, x),
        (6, Op::Ite(c, x, y)) => Op::Ite(c, y, x),
        (7, Op::Or(x, y)) => Op::Xor(x, y),
        (8, Op::Copy(dst, src, n)) => Op::Copy(src, dst, n),
        (9, Op::Const(0xffff_ff00)) => Op::Const(0xffff_0000),
        (10, Op::Const(31)) => Op::Const(32),
        (11, Op::Div64(DivOp::SRem, high, o)) => Op::Div64(DivOp::URem, high, o),
        (_, op) => op,
    }
}

#[test]
fn planted_mistakes_are_noticed() {
    for which in 0..12 {
        let mut random = Random::new(2);
        let noticed = (0..2_000).any(|_| {
            let (p, a) = (program(&mut random, 60, false), assignment(&mut random));
            let wrong: Program = p.iter().map(|op| mutate(*op, which)).collect();
            wrong != p && compare(&p, &wrong, &a).is_err()
        });
        assert!(noticed, "mistake {which}");
    }
}

/// Assumptions that hold never decide a condition wrongly, and simplification keeps values. With `lie`, one assumption
/// does not hold; the result is whether anything was found wrong.
fn path_is_wrong(random: &mut Random, lie: bool) -> Option<String> {
    let (p, a) = (program(random, 60, false), assignment(random));
    let g = &mut Graph::new();
    let terms = symbolic(g, &p);
    let mut evaluator = Evaluator::new(&a);
    let mut path = Path::default();
    for _ in 0..1 + random.below(8) {
        let condition = if random.below(2) == 0 {
            let b = terms.bools[random.below(terms.bools.len())];
            if evaluator.boolean(g, b) { b } else { g.not(&b) }
        } else {
            let t = terms.words[random.below(terms.words.len())];
            let value = evaluator.word(g, t).wrapping_add(u32::from(lie));
            g.cmp_const(CmpOp::Eq, &t, value)
        };
        if !path.assume(g, condition) {
            return Some("a true assumption is refused".into());
        }
    }
    for &b in &terms.bools {
        let value = evaluator.boolean(g, b);
        if path.decide(g, b).is_some_and(|decided| decided != value) {
            return Some(format!("decided {:?} wrongly", g.node(b)));
        }
        let simple = path.simplify(g, b);
        if evaluator.boolean(g, simple) != value {
            return Some(format!("simplified {:?} wrongly", g.node(b)));
        }
    }
    for &t in &terms.words {
        let simple = path.simplify(g, t);
        if evaluator.word(g, simple) != evaluator.word(g, t) {
            return Some(format!("simplified {:?} wrongly", g.node(t)));
        }
    }
    None
}

#[test]
fn path_assumptions_are_used_soundly() {
    let mut random = Random::new(3);
    for i in 0..400 {
        assert_eq!(path_is_wrong(&mut random, false), None, "program {i}");
    }
    let mut random = Random::new(3);
    assert!((0..50).any(|_| path_is_wrong(&mut random, true).is_some()), "a false assumption shows");
}

/// Differences of normalised terms from the raw expressions of the same operations, asked of z3 in bunches.
struct Judge {
    steps: u32,
    /// Differences in one query: many where they share their parts.
    together: usize,
    bunch: Vec<(String, Bool)>,
    /// Differences asked already.
    seen: std::collections::HashSet<Bool>,
    proved: usize,
    unknown: usize,
}

impl Judge {
    fn new(together: usize) -> Self {
        Judge { steps: 1_000_000, together, bunch: vec![], seen: Default::default(), proved: 0, unknown: 0 }
    }
    fn differ(&mut self, what: impl FnOnce() -> String, differ: Bool) {
        let differ = differ.simplify();
        if differ.as_bool() == Some(false) {
            self.proved += 1;
            return;
        }
        if !self.seen.insert(differ.clone()) {
            return;
        }
        self.bunch.push((what(), differ));
        if self.bunch.len() >= self.together {
            self.ask();
        }
    }
    fn ask(&mut self) {
        let bunch = std::mem::take(&mut self.bunch);
        let any = Bool::or(&bunch.iter().map(|(_, d)| d.clone()).collect::<Vec<_>>());
        if bunch.is_empty() || never(&any, self.steps * if self.together > 50 { 10 } else { 1 }) == SatResult::Unsat {
            self.proved += bunch.len();
            return;
        }
        for (what, differ) in bunch {
            match never(&differ, self.steps) {
                SatResult::Unsat => self.proved += 1,
                SatResult::Unknown => {
                    println!("unknown: {what}");
                    self.unknown += 1;
                }
                SatResult::Sat => panic!("differs: {what}"),
            }
        }
    }
    /// Every value of the program, for all inputs.
    fn program(&mut self, program: &[Op]) {
        let g = &mut Graph::new();
        let terms = symbolic(g, program);
        let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), program);
        let mut replay = Replay::default();
        for (t, e) in terms.words.iter().zip(&raw.words).skip(INPUTS.len()) {
            self.differ(|| format!("{:?} in {program:?}", g.node(*t)), replay.word(g, *t).ne(e));
        }
        for (t, e) in terms.bools.iter().zip(&raw.bools).skip(2) {
            self.differ(|| format!("{:?} in {program:?}", g.node(*t)), replay.bool(g, *t).xor(e));
        }
        let Expr::Memory(m) = replay.term(g, terms.memory) else { unreachable!("a memory") };
        self.differ(|| format!("memory after {program:?}"), m.ne(&raw.memory));
    }
}

#[test]
fn random_terms_are_equal_to_raw_expressions_for_all_inputs() {
    let mut judge = Judge::new(4);
    let mut random = Random::new(4);
    for _ in 0..120 {
        let length = 6 + random.below(10);
        judge.program(&program(&mut random, length, true));
    }
    judge.ask();
    println!("random terms: {} proved, {} unknown", judge.proved, judge.unknown);
    assert!(judge.proved > 1_000 && judge.unknown * 50 < judge.proved, "{} of {} unknown", judge.unknown, judge.proved);
}

/// Constants at which rules change.
const CONSTANTS: [u32; 19] = [
    0,
    1,
    2,
    5,
    8,
    16,
    24,
    31,
    32,
    0xff,
    0x7f,
    0x80,
    0xff00,
    0xffff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
];

/// Operations on the word `x` (and `y`), each as a list to append when `n` words exist: one list, its last word the result.
fn steps() -> Vec<Box<dyn Fn(usize, usize, usize) -> Program>> {
    let mut steps: Vec<Box<dyn Fn(usize, usize, usize) -> Program>> = vec![];
    // Bit counts are sums of 32 bits to z3: they are proved alone, and in company by execution.
    for op in UN.into_iter().filter(|op| *op != UnOp::Popcnt) {
        steps.push(Box::new(move |x, _, _| vec![Op::Un(op, x)]));
    }
    let small = &[1, 7, 8, 16, 24, 31];
    for op in [BinOp::Shl, BinOp::Lshr, BinOp::Ashr, BinOp::Ror] {
        for &c in small {
            steps.push(Box::new(move |x, _, n| vec![Op::Const(c), Op::Bin(op, x, n)]));
        }
    }
    for (op, constants) in [
        (BinOp::Add, &[1, 8, 0xffff_ff00, 0x8000_0000][..]),
        (BinOp::Mul, &[3, 4, 0x100, 0xffff_ffff, 0x8000_0000]),
        (BinOp::And, &[1, 0x7f, 0xff, 0xff00, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8]),
        (BinOp::Or, &[1, 0xff00, 0x8000_0000]),
        (BinOp::Xor, &[1, 0x8000_0000, 0xffff_ffff]),
    ] {
        for &c in constants {
            steps.push(Box::new(move |x, _, n| vec![Op::Const(c), Op::Bin(op, x, n)]));
        }
    }
    for op in [BinOp::Add, BinOp::Sub, BinOp::And, BinOp::Or, BinOp::Xor] {
        steps.push(Box::new(move |x, y, _| vec![Op::Bin(op, x, y)]));
    }
    steps.push(Box::new(|x, y, _| vec![Op::Bin(BinOp::Sub, y, x)]));
    steps
}

#[test]
fn word_rules_hold_for_all_inputs() {
    let mut judge = Judge::new(1);
    let first = INPUTS.len();
    // Every operation with a constant on either side, and with itself.
    for op in BIN {
        for c in CONSTANTS {
            let op_c = |p| vec![Op::Const(c), p];
            judge.program(&op_c(Op::Bin(op, 0, first)));
            judge.program(&op_c(Op::Bin(op, first, 0)));
            judge.program(&op_c(Op::Bin(op, 4, first)));
        }
        judge.program(&[Op::Bin(op, 0, 0)]);
        judge.program(&[Op::Bin(op, 0, 1), Op::Bin(op, 1, 0)]);
    }
    judge.program(&[Op::Un(UnOp::Popcnt, 0)]);
    // Every step after every other step, with the operand, with another unknown, and with the other result.
    let steps = steps();
    for (i, inner) in steps.iter().enumerate() {
        for (j, outer) in steps.iter().enumerate() {
            let words = |p: &Program| first + p.len();
            let mut p = inner(0, 1, first);
            let x = words(&p) - 1;
            let more = outer(x, if (i + j) % 2 == 0 { 0 } else { 1 }, words(&p));
            p.extend(more);
            judge.program(&p);
        }
    }
    judge.ask();
    println!("word rules: {} proved, {} unknown", judge.proved, judge.unknown);
    // Products by constants against shifts and sums are hard for bits; all rules are also run on numbers.
    assert!(judge.unknown * 50 < judge.proved, "{} of {} unknown", judge.unknown, judge.proved);
}

#[test]
fn comparison_rules_hold_for_all_inputs() {
    let mut judge = Judge::new(16);
    let first = INPUTS.len();
    // Unknowns that are masked, extended, choices of constants, aligned, sums.
    let shapes: Vec<Program> = vec![
        vec![Op::Bin(BinOp::Add, 0, 1)],
        vec![Op::Bin(BinOp::Sub, 0, 1)],
        vec![Op::Bin(BinOp::Xor, 0, 1)],
        vec![Op::Const(0xff), Op::Bin(BinOp::And, 0, first)],
        vec![Op::Const(1), Op::Bin(BinOp::Lshr, 0, first)],
        vec![Op::Const(3), Op::Bin(BinOp::Mul, 0, first)],
        vec![Op::Const(4), Op::Bin(BinOp::Add, 0, first)],
        vec![Op::Un(UnOp::Sext8, 0)],
        vec![Op::Un(UnOp::Clz, 0)],
        vec![Op::Cmp(CmpOp::Ult, 0, 1), Op::Const(0x80), Op::Const(5), Op::Ite(2, first, first + 1)],
        vec![Op::Cmp(CmpOp::Eq, 0, 1), Op::Bit(2)],
        vec![Op::Load(Width::Half, 0)],
    ];
    for op in CMP {
        for shape in &shapes {
            let n = first + shape.iter().filter(|op| matches!(op.kind(), Kind::Word)).count();
            for other in [0, 1, 4, 5, n - 1] {
                judge.program(&[&shape[..], &[Op::Cmp(op, n - 1, other), Op::Cmp(op, other, n - 1)]].concat());
            }
            for c in CONSTANTS {
                judge.program(&[&shape[..], &[Op::Const(c), Op::Cmp(op, n - 1, n), Op::Cmp(op, n, n - 1)]].concat());
            }
        }
        for c in CONSTANTS {
            for x in [0, 4, 5, 7] {
                judge.program(&[Op::Const(c), Op::Cmp(op, x, first), Op::Cmp(op, first, x)]);
            }
        }
    }
    judge.ask();
    println!("comparison rules: {} proved, {} unknown", judge.proved, judge.unknown);
    assert_eq!(judge.unknown, 0);
}

#[test]
fn boolean_rules_hold_for_all_inputs() {
    let mut judge = Judge::new(60);
    let first = INPUTS.len();
    // Operand pairs: unknowns, an unknown and 0, a sum and its summand. Others are met in random terms.
    let operands: [(Program, usize, usize); 3] =
        [(vec![], 0, 1), (vec![Op::Const(0)], 0, first), (vec![Op::Bin(BinOp::Add, 0, 1)], first, 0)];
    for (before, x, y) in operands {
        // Without a borrow, and with an unknown carry.
        for carry in if before.is_empty() { [1, 2] } else { [1, 1] } {
            // Boolean 2 is an unknown carry; then the flags of a difference and of a sum, and comparisons.
            let mut p = before.clone();
            let n = first + before.len();
            p.push(Op::Cmp(CmpOp::Ult, 2, 3));
            p.extend([Op::Not(carry), Op::Bit(3), Op::Bit(carry), Op::Const(0)]);
            let (borrow, more, zero) = (n, n + 1, n + 2);
            p.extend([Op::Bin(BinOp::Sub, x, y), Op::Bin(BinOp::Sub, n + 3, borrow)]);
            p.extend([Op::Bin(BinOp::Add, x, y), Op::Bin(BinOp::Add, n + 5, more)]);
            p.extend([Op::Cmp(CmpOp::Slt, n + 4, zero), Op::Cmp(CmpOp::Eq, n + 4, zero)]);
            p.extend([Op::SubCarry(x, y, carry), Op::SubOverflow(x, y, carry)]);
            p.extend([Op::Cmp(CmpOp::Slt, n + 6, zero), Op::Cmp(CmpOp::Eq, n + 6, zero)]);
            p.extend([Op::AddCarry(x, y, carry), Op::AddOverflow(x, y, carry)]);
            p.extend(CMP.map(|op| Op::Cmp(op, x, y)));
            p.extend([Op::Cmp(CmpOp::Ult, y, x), Op::Cmp(CmpOp::Slt, y, x)]);
            let bases: Vec<usize> = (0..17).collect();
            // All pairs of these and of their negations.
            p.extend(bases.iter().map(|b| Op::Not(*b)));
            let all: Vec<usize> = (0..34).collect();
            for &a in &all[2..] {
                p.extend(all.iter().filter(|b| **b > a).map(|b| Op::And(a, *b)));
            }
            for &a in &bases {
                p.extend(bases.iter().filter(|b| **b > a).map(|b| Op::Xor(a, *b)));
            }
            for &a in &bases[2..5] {
                p.extend(bases.iter().flat_map(|b| [Op::IteBool(a, *b, bases[(a + b) % 17]), Op::Or(a, *b)]));
            }
            p.extend(bases.iter().flat_map(|b| [Op::Bit(*b), Op::Ite(*b, 0, 1), Op::Ite(b + 17, 0, 1)]));
            judge.program(&p);
        }
    }
    judge.ask();
    println!("boolean rules: {} proved, {} unknown", judge.proved, judge.unknown);
    assert!(judge.unknown * 50 < judge.proved, "{} of {} unknown", judge.unknown, judge.proved);
}

#[test]
fn memory_rules_hold_for_all_inputs() {
    let mut judge = Judge::new(16);
    let first = INPUTS.len();
    for k in 0..9u32 {
        for j in [0, 1, 2, 3, 5] {
            // first: offsets; then the indices `x + k - 4` and `x + j`.
            let indices = [
                Op::Const(k.wrapping_sub(4)),
                Op::Const(j),
                Op::Bin(BinOp::Add, 0, first),
                Op::Bin(BinOp::Add, 0, first + 1),
            ];
            for a in WIDTH {
                for b in WIDTH {
                    let mut p = indices.to_vec();
                    p.extend([Op::Store(a, 0, 1), Op::Store(b, first + 2, 2), Op::Store(b, first + 3, 3)]);
                    p.extend(WIDTH.map(|w| Op::Load(w, first + 2)));
                    p.extend(WIDTH.map(|w| Op::Load(w, 0)));
                    // An index that may alias.
                    p.extend([
                        Op::Store(Width::Word, 4, 0),
                        Op::Store(a, 0, 5),
                        Op::Load(b, 4),
                        Op::Load(a, first + 3),
                    ]);
                    judge.program(&p);
                }
            }
        }
    }
    judge.ask();
    println!("memory rules: {} proved, {} unknown", judge.proved, judge.unknown);
    assert_eq!(judge.unknown, 0);
}

#[test]
fn z3_notices_planted_mistakes() {
    for which in [0, 1, 4, 5, 6, 7, 9, 10] {
        let mut random = Random::new(5);
        let noticed = (0..400).any(|_| {
            let p = program(&mut random, 20, true);
            let wrong: Program = p.iter().map(|op| mutate(*op, which)).collect();
            if wrong == p {
                return false;
            }
            let g = &mut Graph::new();
            let terms = symbolic(g, &wrong);
            let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), &p);
            let mut replay = Replay::default();
            let words: Vec<_> = terms.words.iter().zip(&raw.words).map(|(t, e)| replay.word(g, *t).ne(e)).collect();
            let bools: Vec<_> = terms.bools.iter().zip(&raw.bools).map(|(t, e)| replay.bool(g, *t).xor(e)).collect();
            words
                .iter()
                .chain(&bools)
                .any(|d| d.simplify().as_bool() != Some(false) && never(d, 300_000) == SatResult::Sat)
        });
        assert!(noticed, "mistake {which}");
    }
}

/// Assumptions that give the unknowns their values.
fn pinned(g: &mut Graph, a: &Assignment) -> Vec<T> {
    INPUTS
        .map(|v| {
            let t = g.var(v);
            g.cmp_const(CmpOp::Eq, &t, a.variable(v))
        })
        .to_vec()
}

#[test]
fn solver_terms_have_the_evaluated_value() {
    let mut random = Random::new(6);
    let mut asked = 0;
    for i in 0..150 {
        let products = i % 3 == 0;
        // Memory is not pinned, so loads are left out by leaving the program's results of loads out of the question.
        let mut p = program(&mut random, 16, !products);
        p.iter_mut().for_each(|op| {
            *op = match *op {
                Op::Load(_, i) => Op::Un(UnOp::Rev, i),
                Op::Store(..) | Op::Fill(..) | Op::Copy(..) | Op::Init(..) => Op::Nop,
                op => op,
            }
        });
        let a = assignment(&mut random);
        let g = &mut Graph::new();
        let terms = symbolic(g, &p);
        let assumptions = pinned(g, &a);
        let mut evaluator = Evaluator::new(&a);
        let t = *terms.words.last().expect("inputs at least");
        let b = *terms.bools.last().expect("constants at least");
        let value = evaluator.word(g, t);
        let right = g.cmp_const(CmpOp::Eq, &t, value);
        let wrong = g.cmp_const(CmpOp::Eq, &t, value ^ 1 << random.below(32));
        let (holds, fails) = match evaluator.boolean(g, b) {
            true => (b, g.not(&b)),
            false => (g.not(&b), b),
        };
        let modes = [Multiplier::Full, Multiplier::Uninterpreted];
        for mode in &modes[..if products { 1 } else { 2 }] {
            // Products of unknowns occur in both kinds, through no operation but these.
            for (yes, no) in [(right, wrong), (holds, fails)] {
                assert_eq!(Smt::new(g, *mode).follows(&assumptions, yes, 5_000_000), Answer::Holds, "{p:?}");
                let Answer::Fails(model) = Smt::new(g, *mode).follows(&assumptions, no, 5_000_000) else {
                    panic!("a wrong value passes in {p:?}");
                };
                for (v, value) in model.words {
                    assert_eq!(value, a.variable(v), "the model's {v:?}");
                }
                asked += 2;
            }
        }
    }
    println!("ground queries: {asked}");
}

#[test]
fn solver_terms_are_raw_expressions_for_all_inputs() {
    // The script asserts that a condition does not hold; with the raw condition beside it nothing must satisfy both.
    let mut random = Random::new(7);
    let (mut proved, mut unknown) = (0, 0);
    for _ in 0..150 {
        let p = program(&mut random, 14, true);
        let g = &mut Graph::new();
        let terms = symbolic(g, &p);
        let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), &p);
        let fresh = g.var(Var::Havoc(99));
        let (word, raw_word) = (terms.words.last().expect("a word"), raw.words.last().expect("a word"));
        let equation = g.cmp(CmpOp::Eq, word, &fresh);
        let mut conditions = vec![(equation, raw_word.eq(reference::variable(Var::Havoc(99))))];
        conditions.extend(terms.bools.iter().copied().zip(raw.bools).skip(2).step_by(3));
        for (t, e) in conditions {
            let negated = g.not(&t);
            for (t, e) in [(t, e.clone()), (negated, e.not())] {
                let script = Smt::new(g, Multiplier::Full).script(&[], t);
                let solver = Solver::new();
                let mut params = z3::Params::new();
                params.set_u32("rlimit", 3_000_000);
                solver.set_params(&params);
                solver.from_string(script.replace("(check-sat)", ""));
                assert!(!solver.get_assertions().is_empty(), "the script was read");
                solver.assert(&e);
                match solver.check() {
                    SatResult::Unsat => proved += 1,
                    SatResult::Unknown => unknown += 1,
                    SatResult::Sat => panic!("{:?} is not its encoding in {p:?}", g.node(t)),
                }
            }
        }
    }
    println!("encodings: {proved} proved, {unknown} unknown");
    assert!(proved > 500 && unknown * 50 < proved, "{unknown} of {proved} unknown");
}
