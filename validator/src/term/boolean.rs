//! Constructors of booleans: comparisons in canonical form, and the conditions that flags compute.

use super::{Graph, Node, T};
use crate::concrete::eval_cmp;
use crate::domain::*;

impl Graph {
    pub(super) fn compare(&mut self, op: CmpOp, a: T, b: T) -> T {
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b)) {
            return self.bool(eval_cmp(op, x, y));
        }
        if let Some(folded) = self.compare_choice(op, a, b) {
            return folded;
        }
        match op {
            CmpOp::Eq => self.equal(a, b),
            CmpOp::Ult => self.below(a, b),
            CmpOp::Slt => self.less(a, b),
        }
    }

    /// Comparison of a choice between constants with a constant: a choice of booleans.
    fn compare_choice(&mut self, op: CmpOp, a: T, b: T) -> Option<T> {
        let choice = |g: &Graph, t: T| match *g.node(t) {
            Node::Ite(c, x, y) => Some((c, g.constant(x)?, g.constant(y)?)),
            _ => None,
        };
        let (c, yes, no) = match (choice(self, a), self.constant(b), choice(self, b), self.constant(a)) {
            (Some((c, x, y)), Some(k), ..) => (c, eval_cmp(op, x, k), eval_cmp(op, y, k)),
            (_, _, Some((c, x, y)), Some(k)) => (c, eval_cmp(op, k, x), eval_cmp(op, k, y)),
            _ => return None,
        };
        let (yes, no) = (self.bool(yes), self.bool(no));
        Some(self.bool_ite(c, yes, no))
    }

    /// `a = b`, kept as `difference = 0` with the leading coefficient below 2^31.
    fn equal(&mut self, a: T, b: T) -> T {
        let mut difference = self.word_bin(BinOp::Sub, a, b);
        if let Some(k) = self.constant(difference) {
            return self.bool(k == 0);
        }
        for (x, y) in [(a, b), (b, a)] {
            if self.constant(y).is_some_and(|c| c & self.known_zeros(x) != 0) {
                return self.bool(false);
            }
        }
        if let Node::Bin(BinOp::Xor, x, y) = *self.node(difference) {
            return self.compare(CmpOp::Eq, x, y);
        }
        if self.residue(difference).0 != 0 {
            return self.bool(false);
        }
        let (_, terms) = self.linear(difference);
        if terms[0].1 > 1 << 31 {
            difference = self.scale(difference, u32::MAX);
        }
        let zero = self.word(0);
        self.intern(Node::Cmp(CmpOp::Eq, difference, zero))
    }

    /// `(r, n)` such that the word is `r` modulo 2^n in every state, `n` at most 31.
    fn residue(&self, a: T) -> (u32, u32) {
        let (k, terms) = self.linear(a);
        let zeros = |(t, c): &(T, u32)| self.known_zeros(*t).trailing_ones() + c.trailing_zeros();
        let n = terms.iter().map(zeros).min().unwrap_or(0).min(31);
        (k & ((1 << n) - 1), n)
    }

    /// A word that the term does not exceed.
    fn greatest(&self, a: T) -> u32 {
        let (k, terms) = self.linear(a);
        let bound = |(t, c): &(T, u32)| u64::from(*c) * u64::from(!self.known_zeros(*t));
        let sum = terms.iter().map(bound).fold(u64::from(k), u64::saturating_add);
        u32::try_from(sum).unwrap_or(u32::MAX).min(!self.known_zeros(a))
    }

    /// `a <u b`.
    fn below(&mut self, a: T, b: T) -> T {
        if a == b {
            return self.bool(false);
        }
        let (max_a, max_b) = (self.greatest(a), self.greatest(b));
        match (self.constant(a), self.constant(b)) {
            (Some(u32::MAX), _) | (_, Some(0)) => return self.bool(false),
            (Some(0), _) => {
                let zero = self.compare(CmpOp::Eq, b, a);
                return self.not(&zero);
            }
            (_, Some(1)) => {
                let zero = self.word(0);
                return self.compare(CmpOp::Eq, a, zero);
            }
            (Some(c), _) if c >= max_b => return self.bool(false),
            (Some(c), _) => {
                let next = self.word(c + 1);
                let below = self.below(b, next);
                return self.not(&below);
            }
            (_, Some(c)) if max_a < c => return self.bool(true),
            (_, Some(c)) => {
                // A word that is r modulo 2^n is below c if it is below the next such word.
                let (r, n) = self.residue(a);
                let gap = r.wrapping_sub(c) & ((1u64 << n) - 1) as u32;
                let limit = u64::from(c) + u64::from(gap);
                if limit >> 32 != 0 {
                    return self.bool(true);
                }
                if limit != u64::from(c) {
                    let limit = self.word(limit as u32);
                    return self.below(a, limit);
                }
            }
            _ => {}
        }
        // a <u b is the carry of b + (a - b), hence also a <u a - b: the simpler right side stands.
        let other = self.word_bin(BinOp::Sub, a, b);
        let weight = |g: &Graph, t: T| match g.node(t) {
            Node::Const(_) => 0,
            Node::Sum(k, terms) => terms.len() + usize::from(*k != 0),
            _ => 1,
        };
        if (weight(self, other), other) < (weight(self, b), b) {
            if self.constant(other).is_some() {
                return self.below(a, other);
            }
            return self.intern(Node::Cmp(CmpOp::Ult, a, other));
        }
        self.intern(Node::Cmp(CmpOp::Ult, a, b))
    }

    /// `a <s b`.
    fn less(&mut self, a: T, b: T) -> T {
        const MIN: u32 = 1 << 31;
        if a == b {
            return self.bool(false);
        }
        let sign_clear = |g: &Graph, t: T| g.known_zeros(t) & MIN != 0;
        match (self.constant(a), self.constant(b)) {
            (Some(c), _) if c == MIN - 1 => return self.bool(false),
            (_, Some(MIN)) => return self.bool(false),
            (Some(c), _) => {
                let next = self.word(c.wrapping_add(1));
                let less = self.compare(CmpOp::Slt, b, next);
                return self.not(&less);
            }
            (_, Some(c)) if sign_clear(self, a) && c as i32 <= 0 => return self.bool(false),
            _ => {}
        }
        if sign_clear(self, a) && sign_clear(self, b) {
            return self.compare(CmpOp::Ult, a, b);
        }
        self.intern(Node::Cmp(CmpOp::Slt, a, b))
    }

    pub(super) fn bool_and(&mut self, a: T, b: T) -> T {
        let (a, b) = if b < a { (b, a) } else { (a, b) };
        if a == b {
            return a;
        }
        match (self.as_bool(&a), self.as_bool(&b)) {
            (Some(true), _) => return b,
            (_, Some(true)) => return a,
            (Some(false), _) | (_, Some(false)) => return self.bool(false),
            _ => {}
        }
        if self.not(&a) == b {
            return self.bool(false);
        }
        for (x, y) in [(a, b), (b, a)] {
            if let Node::And(p, q) = *self.node(y)
                && (p == x || q == x)
            {
                return y;
            }
            if let Some(strict) = self.not_less_not_equal(x, y).or_else(|| self.less_not_last(x, y)) {
                return strict;
            }
        }
        self.intern(Node::And(a, b))
    }
    /// `!(p < q) && !(p = q)` is `q < p`: the conditions HI and GT.
    fn not_less_not_equal(&mut self, x: T, y: T) -> Option<T> {
        let (Node::Not(x), Node::Not(y)) = (self.node(x).clone(), self.node(y).clone()) else {
            return None;
        };
        let (Node::Cmp(op, p, q), Node::Cmp(CmpOp::Eq, ..)) = (self.node(x).clone(), self.node(y).clone()) else {
            return None;
        };
        if op == CmpOp::Eq {
            return None;
        }
        if self.compare(CmpOp::Eq, p, q) == y {
            return Some(self.compare(op, q, p));
        }
        // The other form of the same borrow.
        let other = self.word_bin(BinOp::Sub, p, q);
        if op == CmpOp::Ult && self.compare(CmpOp::Eq, p, other) == y {
            return Some(self.compare(op, other, p));
        }
        None
    }

    /// `p < c && p != c - 1` is `p < c - 1`, for a constant `c` that is not the least.
    fn less_not_last(&mut self, x: T, y: T) -> Option<T> {
        let (Node::Cmp(op, p, c), Node::Not(y)) = (self.node(x).clone(), self.node(y).clone()) else {
            return None;
        };
        let c = self.constant(c)?;
        let least = match op {
            CmpOp::Eq => return None,
            CmpOp::Ult => 0,
            CmpOp::Slt => 1 << 31,
        };
        if c == least {
            return None;
        }
        let last = self.word(c.wrapping_sub(1));
        (self.compare(CmpOp::Eq, p, last) == y).then(|| self.compare(op, p, last))
    }

    pub(super) fn bool_xor(&mut self, a: T, b: T) -> T {
        let (a, b) = if b < a { (b, a) } else { (a, b) };
        if a == b {
            return self.bool(false);
        }
        for (x, y) in [(a, b), (b, a)] {
            match *self.node(x) {
                Node::Bool(false) => return y,
                Node::Bool(true) => return self.not(&y),
                Node::Not(inner) => {
                    let rest = self.bool_xor(inner, y);
                    return self.not(&rest);
                }
                _ => {}
            }
            if let Some(less) = self.negative_xor_overflow(x, y) {
                return less;
            }
        }
        self.intern(Node::Xor(a, b))
    }
    /// N ≠ V after `p - q - !carry`: `p <s q`, or equal with a borrow coming in (condition LT).
    fn negative_xor_overflow(&mut self, negative: T, overflow: T) -> Option<T> {
        let Node::SubOverflow(p, q, carry) = *self.node(overflow) else {
            return None;
        };
        let difference = self.word_bin(BinOp::Sub, p, q);
        let borrow = self.not(&carry);
        let borrow_bit = self.bit(&borrow);
        let difference = self.word_bin(BinOp::Sub, difference, borrow_bit);
        if self.cmp_const(CmpOp::Slt, &difference, 0) != negative {
            return None;
        }
        let (less, equal) = (self.compare(CmpOp::Slt, p, q), self.compare(CmpOp::Eq, p, q));
        let ripple = self.bool_and(equal, borrow);
        Some(self.or(&less, &ripple))
    }

    pub(super) fn overflow(&mut self, add: bool, a: T, b: T, carry: T) -> T {
        if let (Some(x), Some(y), Some(c)) = (self.constant(a), self.constant(b), self.as_bool(&carry)) {
            let mut concrete = crate::concrete::Concrete::new(crate::concrete::Bytes::Dense(vec![]));
            let v = if add { concrete.add_overflow(&x, &y, &c) } else { concrete.sub_overflow(&x, &y, &c) };
            return self.bool(v);
        }
        let no_carry = self.as_bool(&carry) == Some(!add);
        if no_carry && self.constant(b) == Some(0) {
            return self.bool(false);
        }
        if add {
            let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
            if let (true, Some(k)) = (no_carry, self.constant(b).filter(|k| *k != 1 << 31)) {
                // A constant that has a negation is subtracted: `cmn` is the `cmp` with it.
                let (negated, yes) = (self.word(k.wrapping_neg()), self.bool(true));
                return self.intern(Node::SubOverflow(a, negated, yes));
            }
            let (a, b) = if b < a { (b, a) } else { (a, b) };
            return self.intern(Node::AddOverflow(a, b, carry));
        }
        self.intern(Node::SubOverflow(a, b, carry))
    }

    pub(super) fn bool_ite(&mut self, c: T, a: T, b: T) -> T {
        if a == b {
            return a;
        }
        if let Some(c) = self.as_bool(&c) {
            return if c { a } else { b };
        }
        match (self.as_bool(&a), self.as_bool(&b)) {
            (Some(true), Some(false)) => return c,
            (Some(false), Some(true)) => return self.not(&c),
            _ => {}
        }
        let negated = self.not(&c);
        let (yes, no) = (self.bool_and(c, a), self.bool_and(negated, b));
        self.or(&yes, &no)
    }
}
