//! Rung 4: words as integers, products and quotients with explicit quotient variables, for z3.
//!
//! Method. A word is an integer `0 ≤ x < 2^32`. `x mod m` is the `r` of fresh `x = m·q + r`, `0 ≤ r < m`; quotients of words
//! are the `q`. Masks and constant shifts are such divisions by powers of two. Everything else is a fresh variable per
//! node, bounded by its known zero bits. Every constraint on fresh variables has a solution in every state, so what
//! follows here holds for words; what does not follow says nothing, and no model is read.
//!
//! Requirement TOR-PROOF-INTEGER: The rung of integers shall close what holds for all words and nothing that fails for some.

use crate::domain::*;
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use z3::ast::{Bool, Int};
use z3::{Config, Params, SatResult, Tactic, with_z3_config};

/// Whether `conclusion` follows from `assumptions`, seen as integers, within `steps` solver steps.
pub fn follows(g: &Graph, assumptions: &[T], conclusion: T, steps: u32) -> bool {
    with_z3_config(&Config::new(), || ask(g, assumptions, conclusion, steps))
}

fn ask(g: &Graph, assumptions: &[T], conclusion: T, steps: u32) -> bool {
    let mut integers =
        Integers { g, done: FxHashMap::default(), divided: FxHashMap::default(), facts: vec![], fresh: 0 };
    // The default solver first tries a strategy of its own with a limit in seconds; this one counts steps only.
    let solver = Tactic::new("smt").solver();
    let mut params = Params::new();
    // 0 would be no limit.
    params.set_u32("rlimit", steps.max(1));
    params.set_u32("random_seed", 0);
    solver.set_params(&params);
    for &a in assumptions {
        let a = integers.bool(a);
        solver.assert(&a);
    }
    let conclusion = integers.bool(conclusion);
    for fact in &integers.facts {
        solver.assert(fact);
    }
    solver.assert(conclusion.not());
    solver.check() == SatResult::Unsat
}

#[derive(Clone)]
enum Value {
    Word(Int),
    Bool(Bool),
}

struct Integers<'g> {
    g: &'g Graph,
    done: FxHashMap<T, Value>,
    /// Quotient and remainder by dividend and divisor: equal divisions share their variables.
    divided: FxHashMap<(Int, Int), [Int; 2]>,
    facts: Vec<Bool>,
    fresh: u32,
}

fn int(v: u64) -> Int {
    Int::from_u64(v)
}
fn power(n: u32) -> Int {
    int(1 << n)
}

impl Integers<'_> {
    fn bool(&mut self, t: T) -> Bool {
        self.translate(t);
        self.boolean(t)
    }
    /// Operands before nodes, without recursion. Operands of opaque nodes are not looked at.
    fn translate(&mut self, root: T) {
        let mut stack = vec![root];
        while let Some(&t) = stack.last() {
            if self.done.contains_key(&t) {
                stack.pop();
                continue;
            }
            let operands = if self.opaque(t) { vec![] } else { self.g.operands(t) };
            let missing: Vec<T> = operands.into_iter().filter(|o| !self.done.contains_key(o)).collect();
            if missing.is_empty() {
                let value = self.node(t);
                self.done.insert(t, value);
                stack.pop();
            } else {
                stack.extend(missing);
            }
        }
    }
    fn opaque(&self, t: T) -> bool {
        matches!(self.g.node(t), Node::Load(..) | Node::TableType(..) | Node::TableFunction(..) | Node::Var(_))
    }
    fn word(&self, t: T) -> Int {
        match &self.done[&t] {
            Value::Word(x) => x.clone(),
            Value::Bool(_) => unreachable!("invariant: operands of words are words"),
        }
    }
    fn boolean(&self, t: T) -> Bool {
        match &self.done[&t] {
            Value::Bool(b) => b.clone(),
            Value::Word(_) => unreachable!("invariant: operands of conditions are conditions"),
        }
    }
    /// The word as a signed number.
    fn signed(&self, t: T) -> Int {
        let x = self.word(t);
        x.ge(power(31)).ite(&(&x - power(32)), &x)
    }
    fn variable(&mut self) -> Int {
        self.fresh += 1;
        Int::new_const(format!("i{}", self.fresh))
    }
    fn at_most(&mut self, max: u32) -> Int {
        let x = self.variable();
        self.facts.extend([x.ge(int(0)), x.le(int(max.into()))]);
        x
    }
    /// Floor quotient and remainder of `x` by a positive number.
    fn divide(&mut self, x: &Int, m: u64) -> [Int; 2] {
        let key = (x.clone(), int(m));
        if let Some(known) = self.divided.get(&key) {
            return known.clone();
        }
        let (q, r) = (self.variable(), self.variable());
        self.facts.extend([x.eq(int(m) * &q + &r), r.ge(int(0)), r.lt(int(m))]);
        self.divided.insert(key, [q.clone(), r.clone()]);
        [q, r]
    }
    /// The word of an integer: modulo 2^32.
    fn wrap(&mut self, x: &Int) -> Int {
        let [_, r] = self.divide(x, 1 << 32);
        r
    }
    /// Quotient toward zero by a number that may be 0 (then 0), and the remainder (then `x`), of numbers that are not negative.
    fn quotient(&mut self, x: &Int, y: &Int) -> [Int; 2] {
        if let Some(m @ 1..) = y.as_u64() {
            return self.divide(x, m);
        }
        let key = (x.clone(), y.clone());
        if let Some(known) = self.divided.get(&key) {
            return known.clone();
        }
        let (q, r) = (self.variable(), self.variable());
        let zero = y.eq(int(0));
        let product = x.eq(&q * y + &r);
        self.facts.extend([q.ge(int(0)), q.le(x), r.ge(int(0)), r.le(x), product]);
        self.facts.extend([zero.implies(q.eq(int(0))), zero.not().implies(r.lt(y))]);
        self.divided.insert(key, [q.clone(), r.clone()]);
        [q, r]
    }
    /// The same for numbers of either sign.
    fn signed_quotient(&mut self, x: &Int, y: &Int) -> [Int; 2] {
        let sign = |x: &Int| x.lt(int(0));
        let magnitude = |x: &Int| sign(x).ite(&x.unary_minus(), x);
        let [q, r] = self.quotient(&magnitude(x), &magnitude(y));
        let negative = sign(x).xor(sign(y));
        [negative.ite(&q.unary_minus(), &q), sign(x).ite(&r.unary_minus(), &r)]
    }

    fn node(&mut self, t: T) -> Value {
        let max = !self.g.known_zeros(t);
        Value::Word(match self.g.node(t).clone() {
            Node::Const(c) => int(c.into()),
            Node::Sum(k, terms) => {
                let number = |c: u32| Int::from_i64(if c > 1 << 31 { i64::from(c as i32) } else { c.into() });
                let max = |t: T| u64::from(!self.g.known_zeros(t));
                let bound = terms.iter().try_fold(u64::from(k), |b, (t, c)| b.checked_add(max(*t) * u64::from(*c)));
                // The coefficients above 2^31 are taken as negative: then it may wrap.
                let exact = terms.iter().all(|(_, c)| *c <= 1 << 31) && bound.is_some_and(|b| b >> 32 == 0);
                // An exact sum is the word, and no term of it is below zero.
                let k = if exact { int(k.into()) } else { number(k) };
                let sum = terms.iter().fold(k, |sum, (t, c)| sum + number(*c) * self.word(*t));
                if exact { sum } else { self.wrap(&sum) }
            }
            Node::Bin(op, a, b) => self.bin(op, a, b).unwrap_or_else(|| self.at_most(max)),
            Node::Un(op @ (UnOp::Sext8 | UnOp::Sext16), a) => {
                let bits = if op == UnOp::Sext8 { 8 } else { 16 };
                let x = self.word(a);
                let [_, low] = self.divide(&x, 1 << bits);
                low.ge(power(bits - 1)).ite(&(&low + int((1 << 32) - (1 << bits))), &low)
            }
            Node::Div64(op, high, operands) => self.div64(op, high, operands),
            Node::Ite(c, a, b) => self.boolean(c).ite(&self.word(a), &self.word(b)),
            Node::Bool(b) => return Value::Bool(Bool::from_bool(b)),
            Node::Cmp(CmpOp::Eq, a, b) => return Value::Bool(self.word(a).eq(self.word(b))),
            Node::Cmp(CmpOp::Ult, a, b) => return Value::Bool(self.word(a).lt(self.word(b))),
            Node::Cmp(CmpOp::Slt, a, b) => return Value::Bool(self.signed(a).lt(self.signed(b))),
            Node::AddOverflow(a, b, c) => {
                let carry = self.boolean(c).ite(&int(1), &int(0));
                return outside(self.signed(a) + self.signed(b) + carry);
            }
            Node::SubOverflow(a, b, c) => {
                let borrow = self.boolean(c).ite(&int(0), &int(1));
                return outside(self.signed(a) - self.signed(b) - borrow);
            }
            Node::Not(a) => return Value::Bool(self.boolean(a).not()),
            Node::And(a, b) => return Value::Bool(Bool::and(&[self.boolean(a), self.boolean(b)])),
            Node::Xor(a, b) => return Value::Bool(self.boolean(a).xor(self.boolean(b))),
            Node::Un(..) | Node::Var(_) | Node::Load(..) | Node::TableType(..) | Node::TableFunction(..) => {
                self.at_most(max)
            }
            Node::Store(..) | Node::Fill(..) | Node::Copy(..) | Node::Init(..) => {
                unreachable!("invariant: loads are opaque, and nothing else looks at memory")
            }
        })
    }
    /// A binary operation, if it is arithmetic.
    fn bin(&mut self, op: BinOp, a: T, b: T) -> Option<Int> {
        let (x, y, constant) = (self.word(a), self.word(b), self.g.constant(b));
        let disjoint = self.g.known_zeros(a) | self.g.known_zeros(b) == u32::MAX;
        match (op, constant) {
            (BinOp::Add, _) => Some(self.wrap(&(x + y))),
            (BinOp::Sub, _) => Some(self.wrap(&(x - y))),
            (BinOp::Mul, _) => {
                let [p, q] = [a, b].map(|t| u64::from(!self.g.known_zeros(t)));
                Some(if (p * q) >> 32 == 0 { x * y } else { self.wrap(&(x * y)) })
            }
            (BinOp::UMulHi, _) => self.divide(&(x * y), 1 << 32).into_iter().next(),
            (BinOp::SMulHi, Some(_)) => {
                let [high, _] = self.divide(&(self.signed(a) * self.signed(b)), 1 << 32);
                Some(self.wrap(&high))
            }
            (BinOp::SMulHi, None) => {
                // (x - 2^32·[x <s 0])·(y - 2^32·[y <s 0]), floor-divided by 2^32 and taken modulo 2^32.
                let [high, _] = self.divide(&(&x * &y), 1 << 32);
                let if_negative = |s: &Int, v: &Int| s.ge(power(31)).ite(v, &int(0));
                Some(self.wrap(&(high - if_negative(&x, &y) - if_negative(&y, &x))))
            }
            (BinOp::UDiv, _) => self.quotient(&x, &y).into_iter().next(),
            (BinOp::SDiv, _) => {
                let [q, _] = self.signed_quotient(&self.signed(a), &self.signed(b));
                Some(self.wrap(&q))
            }
            (BinOp::Lshr, Some(n @ 0..32)) => self.divide(&x, 1 << n).into_iter().next(),
            (BinOp::Ashr, Some(n)) => {
                let [q, _] = self.divide(&self.signed(a), 1 << n.min(31));
                Some(self.wrap(&q))
            }
            (BinOp::And, Some(m))
                if m != 0 && (m >> m.trailing_zeros()) & (m >> m.trailing_zeros()).wrapping_add(1) == 0 =>
            {
                let [_, low] = self.divide(&x, 1 << (32 - m.leading_zeros()));
                let [field, _] = self.divide(&low, 1 << m.trailing_zeros());
                Some(field * power(m.trailing_zeros()))
            }
            (BinOp::Or | BinOp::Xor, _) if disjoint => Some(x + y),
            _ => None,
        }
    }
    fn div64(&mut self, op: DivOp, high: bool, operands: [T; 4]) -> Int {
        let signed = matches!(op, DivOp::SQuot | DivOp::SRem);
        let [al, ah, bl, bh] = operands;
        let join = |me: &Self, l: T, h: T| match (me.g.constant(h), signed) {
            (Some(0), _) => me.word(l),
            (_, true) => me.signed(h) * power(32) + me.word(l),
            (_, false) => me.word(h) * power(32) + me.word(l),
        };
        let (a, b) = (join(self, al, ah), join(self, bl, bh));
        let results = if signed { self.signed_quotient(&a, &b) } else { self.quotient(&a, &b) };
        let result = &results[usize::from(matches!(op, DivOp::URem | DivOp::SRem))];
        let [upper, lower] = self.divide(result, 1 << 32);
        if high { self.wrap(&upper) } else { lower }
    }
}

/// Whether a number is no signed 32-bit number.
fn outside(x: Int) -> Value {
    Value::Bool(Bool::or(&[x.lt(Int::from_i64(-(1 << 31))), x.ge(power(31))]))
}
