//! Programs: lists of operations over any domain, and random ones in which the patterns that rules look for are frequent.

use crate::reference::Random;
use rustc_hash::FxHashMap;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::domain::*;
use synth_validator::eval::Assignment;
use synth_validator::term::{Graph, Var};

pub const BIN: [BinOp; 14] = [
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
pub const UN: [UnOp; 7] = [UnOp::Clz, UnOp::Rbit, UnOp::Rev, UnOp::Rev16, UnOp::Popcnt, UnOp::Sext8, UnOp::Sext16];
pub const CMP: [CmpOp; 3] = [CmpOp::Eq, CmpOp::Ult, CmpOp::Slt];
pub const DIV: [DivOp; 4] = [DivOp::UQuot, DivOp::URem, DivOp::SQuot, DivOp::SRem];
pub const WIDTH: [Width; 3] = [Width::Byte, Width::Half, Width::Word];

/// One operation. Numbers are indices of earlier words (`w`) or booleans (`b`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
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

pub enum Kind {
    Word,
    Bool,
    Memory,
}
impl Op {
    pub fn kind(self) -> Kind {
        match self {
            Op::Const(_) | Op::Bin(..) | Op::Un(..) | Op::Div64(..) | Op::Ite(..) | Op::Bit(_) | Op::Load(..) => {
                Kind::Word
            }
            Op::Store(..) | Op::Fill(..) | Op::Copy(..) | Op::Init(..) | Op::Nop => Kind::Memory,
            _ => Kind::Bool,
        }
    }
}

pub type Program = Vec<Op>;

/// Every value of a run: words and booleans in order of computation (inputs first), and the memory at the end.
pub struct Trace<D: Domain> {
    pub words: Vec<D::W>,
    pub bools: Vec<D::B>,
    pub memory: D::M,
}

pub fn run<D: Domain>(d: &mut D, memory: D::M, inputs: Vec<D::W>, program: &[Op]) -> Trace<D> {
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
pub const INPUTS: [Var; 8] = [
    Var::Argument(0),
    Var::Argument(1),
    Var::Argument(2),
    Var::Argument(3),
    Var::MemoryBytes(0),
    Var::Symbol(Symbol::Globals),
    Var::Entry(13),
    Var::Symbol(Symbol::Function(2)),
];

pub fn assignment(random: &mut Random) -> Assignment {
    let mut a = Assignment { seed: random.word(), ..Assignment::default() };
    a.segments = vec![(0..12).map(|_| random.word() as u8).collect()];
    for v in INPUTS {
        let aligned = match v {
            Var::MemoryBytes(_) => !0xffff,
            Var::Symbol(Symbol::Globals) => !3,
            Var::Entry(13) => !7,
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
pub fn program(random: &mut Random, length: usize, solver: bool) -> Program {
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

pub fn symbolic(g: &mut Graph, program: &[Op]) -> Trace<Graph> {
    let inputs = INPUTS.map(|v| g.var(v)).to_vec();
    let memory = g.var(Var::Memory(0));
    run(g, memory, inputs, program)
}
pub fn concrete(a: &Assignment, program: &[Op]) -> (Trace<Concrete>, Bytes) {
    let mut d = Concrete { segments: a.segments.clone().into(), ..Concrete::new(a.memories[&0].clone()) };
    let trace = run(&mut d, (), INPUTS.map(|v| a.variable(v)).to_vec(), program);
    (trace, d.memory)
}
