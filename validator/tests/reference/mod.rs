//! A third domain, for tests: every operation as z3 sees it, with no rule at all.
//!
//! The formulas are written from the documentation of `domain.rs`, not from `smt.rs` or the term graph, and differ from
//! them where there is a choice (carries as 33-bit sums, remainders by shifts of pairs). The derived operations of
//! `Domain` are overridden, so that their default formulas are proved too.

#![allow(dead_code, reason = "each test uses a part")]

pub mod wide;

use rustc_hash::FxHashMap;
use synth_validator::domain::*;
use synth_validator::term::{Graph, Node, T, Var};
use z3::ast::{Array, BV, Bool};
use z3::{Params, SatResult, Sort};

/// The domain of z3 expressions.
#[derive(Clone, Debug, Default)]
pub struct Z3;

pub fn word(v: u32) -> BV {
    BV::from_u64(v.into(), 32)
}
fn bit(b: &Bool, width: u32) -> BV {
    b.ite(&BV::from_u64(1, width), &BV::from_u64(0, width))
}
fn top(x: &BV) -> Bool {
    let n = x.get_size() - 1;
    x.extract(n, n).eq(BV::from_u64(1, 1))
}
/// The unknown of a `Var`, with the low bits cleared that its documentation promises.
pub fn variable(v: Var) -> BV {
    let bits = match v {
        Var::Symbol(Symbol::Function(_) | Symbol::HostData(_) | Symbol::Data(_)) => 0,
        Var::Symbol(Symbol::Memory) | Var::Entry(13) => 3,
        Var::Symbol(_) => 2,
        Var::MemoryBytes(_) => 16,
        _ => 0,
    };
    let all = BV::new_const(format!("{v:?}"), 32);
    if bits == 0 { all } else { all & word(!((1 << bits) - 1)) }
}
pub fn memory(n: u32) -> Array {
    Array::new_const(format!("{:?}", Var::Memory(n)), &Sort::bitvector(32), &Sort::bitvector(8))
}
pub fn host_map(calls: u32, writes: bool) -> Array {
    Array::new_const(format!("{:?}", Var::HostMap(calls, writes)), &Sort::bitvector(32), &Sort::bitvector(8))
}

impl Domain for Z3 {
    type W = BV;
    type B = Bool;
    type M = Array;

    fn word(&mut self, value: u32) -> BV {
        word(value)
    }
    fn as_word(&self, _: &BV) -> Option<u32> {
        None
    }
    fn bool(&mut self, value: bool) -> Bool {
        Bool::from_bool(value)
    }
    fn as_bool(&self, _: &Bool) -> Option<bool> {
        None
    }
    fn bin(&mut self, op: BinOp, a: &BV, b: &BV) -> BV {
        let zero = word(0);
        match op {
            BinOp::Add => a + b,
            BinOp::Sub => a + !b + word(1),
            BinOp::Mul => a * b,
            BinOp::UMulHi => (a.zero_ext(32) * b.zero_ext(32)).extract(63, 32),
            BinOp::SMulHi => (a.sign_ext(32) * b.sign_ext(32)).extract(63, 32),
            BinOp::UDiv => b.eq(&zero).ite(&zero, &a.bvudiv(b)),
            BinOp::SDiv => b.eq(&zero).ite(&zero, &a.bvsdiv(b)),
            BinOp::And => a & b,
            BinOp::Or => a | b,
            BinOp::Xor => a ^ b,
            BinOp::Shl => b.bvult(word(32)).ite(&a.bvshl(b), &zero),
            BinOp::Lshr => b.bvult(word(32)).ite(&a.bvlshr(b), &zero),
            BinOp::Ashr => {
                let copies = top(a).ite(&word(u32::MAX), &zero);
                b.bvult(word(32)).ite(&a.bvashr(b), &copies)
            }
            // The low word of the doubled word, shifted right by the amount modulo 32.
            BinOp::Ror => a.concat(a).bvlshr(b.extract(4, 0).zero_ext(59)).extract(31, 0),
        }
    }
    fn un(&mut self, op: UnOp, a: &BV) -> BV {
        let byte = |i: u32| a.extract(8 * i + 7, 8 * i);
        match op {
            UnOp::Clz => (0..32).fold(word(32), |n, i| a.extract(i, i).eq(BV::from_u64(1, 1)).ite(&word(31 - i), &n)),
            UnOp::Rbit => (1..32).fold(a.extract(0, 0), |r, i| r.concat(a.extract(i, i))),
            UnOp::Rev => byte(0).concat(byte(1)).concat(byte(2)).concat(byte(3)),
            UnOp::Rev16 => byte(2).concat(byte(3)).concat(byte(0)).concat(byte(1)),
            UnOp::Popcnt => (0..32).fold(word(0), |n, i| n + a.extract(i, i).zero_ext(31)),
            UnOp::Sext8 => byte(0).sign_ext(24),
            UnOp::Sext16 => a.extract(15, 0).sign_ext(16),
        }
    }
    fn div64(&mut self, op: DivOp, high: bool, a: [&BV; 2], b: [&BV; 2]) -> BV {
        let (a, b, zero) = (a[1].concat(a[0]), b[1].concat(b[0]), BV::from_u64(0, 64));
        let by_zero = b.eq(&zero);
        let result = match op {
            DivOp::UQuot => by_zero.ite(&zero, &a.bvudiv(&b)),
            DivOp::URem => by_zero.ite(&a, &a.bvurem(&b)),
            DivOp::SQuot => by_zero.ite(&zero, &a.bvsdiv(&b)),
            DivOp::SRem => by_zero.ite(&a, &a.bvsrem(&b)),
        };
        if high { result.extract(63, 32) } else { result.extract(31, 0) }
    }
    fn cmp(&mut self, op: CmpOp, a: &BV, b: &BV) -> Bool {
        match op {
            CmpOp::Eq => a.eq(b),
            CmpOp::Ult => a.bvult(b),
            CmpOp::Slt => a.bvslt(b),
        }
    }
    fn add_overflow(&mut self, a: &BV, b: &BV, carry: &Bool) -> Bool {
        // The operands agree in sign and the result does not.
        let sum = a + b + bit(carry, 32);
        Bool::and(&[top(a).xor(top(b)).not(), top(a).xor(top(&sum))])
    }
    fn sub_overflow(&mut self, a: &BV, b: &BV, carry: &Bool) -> Bool {
        let difference = a - b - bit(&carry.not(), 32);
        Bool::and(&[top(a).xor(top(b)), top(a).xor(top(&difference))])
    }
    fn not(&mut self, a: &Bool) -> Bool {
        a.not()
    }
    fn and(&mut self, a: &Bool, b: &Bool) -> Bool {
        Bool::and(&[a, b])
    }
    fn xor(&mut self, a: &Bool, b: &Bool) -> Bool {
        a.xor(b)
    }
    fn ite(&mut self, c: &Bool, a: &BV, b: &BV) -> BV {
        c.ite(a, b)
    }
    fn ite_bool(&mut self, c: &Bool, a: &Bool, b: &Bool) -> Bool {
        c.ite(a, b)
    }
    fn load(&mut self, m: &Array, width: Width, index: &BV) -> BV {
        let byte = |i: u32| m.select(&(index + word(i))).as_bv().expect("bytes").zero_ext(24);
        (0..width.bytes()).fold(word(0), |v, i| v | byte(i).bvshl(word(8 * i)))
    }
    fn store(&mut self, m: &Array, width: Width, index: &BV, value: &BV) -> Array {
        (0..width.bytes()).fold(m.clone(), |m, i| m.store(&(index + word(i)), &value.extract(8 * i + 7, 8 * i)))
    }
    fn fill(&mut self, _: &Array, _: &BV, _: &BV, _: &BV) -> Array {
        unreachable!("tested by execution")
    }
    fn copy(&mut self, _: &Array, _: &BV, _: &BV, _: &BV) -> Array {
        unreachable!("tested by execution")
    }
    fn init(&mut self, _: &Array, _: u32, _: &BV, _: &BV, _: &BV) -> Array {
        unreachable!("tested by execution")
    }
    fn table_type(&mut self, _: u32, _: &BV) -> BV {
        unreachable!("has no rule")
    }
    fn table_function(&mut self, _: u32, _: &BV) -> BV {
        unreachable!("has no rule")
    }
    fn symbol(&mut self, symbol: Symbol) -> BV {
        variable(Var::Symbol(symbol))
    }
    fn entry_register(&mut self, n: u8) -> BV {
        variable(Var::Entry(n))
    }
    fn havoc(&mut self) -> BV {
        BV::fresh_const("havoc", 32)
    }
    fn locate(&mut self, _: &BV) -> Place<BV> {
        Place::Unknown
    }
    fn is_host(&mut self, _: &Array, index: &BV, bytes: u32, writes: bool) -> Bool {
        let marks: Vec<Bool> =
            (0..bytes).map(|i| host_map(0, writes).select(&(index + word(i))).eq(BV::from_u64(0xff, 8))).collect();
        Bool::and(&marks)
    }
    fn split_stride(&mut self, _: &BV, _: u32) -> Option<(BV, u32)> {
        None
    }
    fn or(&mut self, a: &Bool, b: &Bool) -> Bool {
        Bool::or(&[a, b])
    }
    fn add_carry(&mut self, a: &BV, b: &BV, carry: &Bool) -> Bool {
        top(&(a.zero_ext(1) + b.zero_ext(1) + bit(carry, 33)))
    }
    fn sub_carry(&mut self, a: &BV, b: &BV, carry: &Bool) -> Bool {
        // The operation that an Arm core performs: a + !b + carry.
        top(&(a.zero_ext(1) + (!b).zero_ext(1) + bit(carry, 33)))
    }
    fn bit(&mut self, b: &Bool) -> BV {
        bit(b, 32)
    }
    fn nonzero(&mut self, a: &BV) -> Bool {
        a.eq(word(0)).not()
    }
}

/// An expression of any sort.
#[derive(Clone, Debug)]
pub enum Expr {
    Word(BV),
    Bool(Bool),
    Memory(Array),
}

/// Terms as z3 expressions, node by node through [`Z3`].
#[derive(Default)]
pub struct Replay {
    done: FxHashMap<T, Expr>,
}

impl Replay {
    fn w(&self, t: T) -> BV {
        let Expr::Word(w) = &self.done[&t] else { unreachable!("a word") };
        w.clone()
    }
    fn b(&self, t: T) -> Bool {
        let Expr::Bool(b) = &self.done[&t] else { unreachable!("a boolean") };
        b.clone()
    }
    fn m(&self, t: T) -> Array {
        let Expr::Memory(m) = &self.done[&t] else { unreachable!("a memory") };
        m.clone()
    }
    pub fn term(&mut self, g: &Graph, root: T) -> Expr {
        let mut stack = vec![root];
        while let Some(&t) = stack.last() {
            if self.done.contains_key(&t) {
                stack.pop();
                continue;
            }
            let before = stack.len();
            stack.extend(g.operands(t).into_iter().filter(|o| !self.done.contains_key(o)));
            if stack.len() == before {
                let e = self.node(g.node(t));
                self.done.insert(t, e);
            }
        }
        self.done[&root].clone()
    }
    pub fn word(&mut self, g: &Graph, t: T) -> BV {
        self.term(g, t);
        self.w(t)
    }
    pub fn bool(&mut self, g: &Graph, t: T) -> Bool {
        self.term(g, t);
        self.b(t)
    }
    fn node(&self, node: &Node) -> Expr {
        let d = &mut Z3;
        match node {
            Node::Const(c) => Expr::Word(word(*c)),
            Node::Bool(b) => Expr::Bool(Bool::from_bool(*b)),
            Node::Var(Var::Memory(n)) => Expr::Memory(memory(*n)),
            Node::Var(Var::HostMap(calls, writes)) => Expr::Memory(host_map(*calls, *writes)),
            Node::Var(v) => Expr::Word(variable(*v)),
            Node::Sum(k, terms) => Expr::Word(terms.iter().fold(word(*k), |sum, (t, c)| sum + self.w(*t) * word(*c))),
            Node::Bin(op, a, b) => Expr::Word(d.bin(*op, &self.w(*a), &self.w(*b))),
            Node::Un(op, a) => Expr::Word(d.un(*op, &self.w(*a))),
            Node::Div64(op, high, ops) => {
                let [al, ah, bl, bh] = ops.map(|t| self.w(t));
                Expr::Word(d.div64(*op, *high, [&al, &ah], [&bl, &bh]))
            }
            Node::Ite(c, a, b) => Expr::Word(d.ite(&self.b(*c), &self.w(*a), &self.w(*b))),
            Node::Cmp(op, a, b) => Expr::Bool(d.cmp(*op, &self.w(*a), &self.w(*b))),
            Node::AddOverflow(a, b, c) => Expr::Bool(d.add_overflow(&self.w(*a), &self.w(*b), &self.b(*c))),
            Node::SubOverflow(a, b, c) => Expr::Bool(d.sub_overflow(&self.w(*a), &self.w(*b), &self.b(*c))),
            Node::Not(a) => Expr::Bool(self.b(*a).not()),
            Node::And(a, b) => Expr::Bool(d.and(&self.b(*a), &self.b(*b))),
            Node::Xor(a, b) => Expr::Bool(d.xor(&self.b(*a), &self.b(*b))),
            Node::Load(width, m, i) => Expr::Word(d.load(&self.m(*m), *width, &self.w(*i))),
            Node::Store(width, m, i, v) => Expr::Memory(d.store(&self.m(*m), *width, &self.w(*i), &self.w(*v))),
            Node::Fill(..) | Node::Copy(..) | Node::Init(..) | Node::TableType(..) | Node::TableFunction(..) => {
                unreachable!("not in these programs")
            }
        }
    }
}

/// Whether z3 finds that a condition never holds. Limits count steps.
pub fn never(condition: &Bool, steps: u32) -> SatResult {
    // Not the default solver: it first tries others by the clock.
    let solver = z3::Tactic::new("qfaufbv").solver();
    let mut params = Params::new();
    params.set_u32("rlimit", steps);
    params.set_u32("random_seed", 0);
    solver.set_params(&params);
    solver.assert(condition);
    solver.check()
}

/// A small generator of pseudo-random numbers (xorshift64*, S. Vigna), so that seeds mean the same for ever.
pub struct Random(u64);

/// Numbers at which operations change their behaviour.
pub const BOUNDARY: [u32; 52] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    17,
    23,
    24,
    25,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    129,
    254,
    255,
    256,
    257,
    0x1ff,
    0x7fff,
    0x8000,
    0x8001,
    0xff00,
    0xfffe,
    0xffff,
    0x1_0000,
    0x1_0001,
    0x00ff_ffff,
    0x0100_0000,
    0x0f0f_0f0f,
    0x5555_5555,
    0x3333_3333,
    0x4000_0000,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_0000,
    0xffff_ff00,
    0xffff_ff80,
    0xffff_fffe,
    0xffff_ffff,
];

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 33) % n as u64) as usize
    }
    pub fn pick<A: Copy>(&mut self, from: &[A]) -> A {
        from[self.below(from.len())]
    }
    /// A word: a boundary, the neighbour of a power of two, a small number or anything.
    pub fn word(&mut self) -> u32 {
        match self.below(8) {
            0..=4 => self.pick(&BOUNDARY),
            5 => (1u32 << self.below(32)).wrapping_add(self.below(3) as u32).wrapping_sub(1),
            6 => self.below(300) as u32,
            _ => (self.next() >> 32) as u32,
        }
    }
    pub fn wide(&mut self) -> u64 {
        match self.below(4) {
            0 => (1u64 << self.below(64)).wrapping_add(self.below(3) as u64).wrapping_sub(1),
            _ => u64::from(self.word()) | u64::from(self.word()) << 32,
        }
    }
}
