//! Rules at 8 and 16 bits: values of these widths, held zero- or sign-extended in words as code holds them, against z3's
//! bit-vectors of that width.
//!
//! A value comes by a mask or an extension, by a pair of shifts, or from memory. Results are narrowed again by mask and by
//! extension, so that the rules for masks, shifts, extensions and loads meet.

use crate::judge::{Count, Judge};
use crate::program::*;
use crate::reference::{self, Replay};
use synth_validator::domain::*;
use synth_validator::term::{Graph, Var};
use z3::ast::{BV, Bool};

/// Results of a program that are looked at: its number among the words or booleans, what it should be, and its text.
#[derive(Default)]
struct Builder {
    program: Program,
    words: Vec<(usize, BV, String)>,
    bools: Vec<(usize, Bool, String)>,
    next: [usize; 2],
}

impl Builder {
    fn new() -> Self {
        Builder { next: [INPUTS.len(), 2], ..Builder::default() }
    }
    fn push(&mut self, op: Op) -> usize {
        self.program.push(op);
        let slot = match op.kind() {
            Kind::Word => 0,
            Kind::Bool => 1,
            Kind::Memory => return 0,
        };
        self.next[slot] += 1;
        self.next[slot] - 1
    }
    fn with_const(&mut self, op: BinOp, x: usize, c: u32) -> usize {
        let c = self.push(Op::Const(c));
        self.push(Op::Bin(op, x, c))
    }
    fn word(&mut self, t: usize, expected: BV, what: String) {
        self.words.push((t, expected, what));
    }
    fn boolean(&mut self, t: usize, expected: Bool, what: String) {
        self.bools.push((t, expected, what));
    }
    fn judge(self, judge: &mut Judge) {
        judge.execute(&self.program);
        let g = &mut Graph::new();
        let (terms, mut replay) = (symbolic(g, &self.program), Replay::default());
        for (t, expected, what) in &self.words {
            judge.word(g, &mut replay, terms.words[*t], expected, what);
        }
        for (t, expected, what) in &self.bools {
            judge.boolean(g, &mut replay, terms.bools[*t], expected, what);
        }
    }
}

/// A width.
#[derive(Clone, Copy)]
struct Narrow(Width);

impl Narrow {
    fn bits(self) -> u32 {
        8 * self.0.bytes()
    }
    fn constant(self, c: u32) -> BV {
        BV::from_u64((c & self.0.mask()).into(), self.bits())
    }
    fn sext(self) -> UnOp {
        if self.0 == Width::Byte { UnOp::Sext8 } else { UnOp::Sext16 }
    }
    fn extended(self, x: &BV, signed: bool) -> BV {
        if signed { x.sign_ext(32 - self.bits()) } else { x.zero_ext(32 - self.bits()) }
    }
    /// The value number `k` by way of `form`, extended into a word; and the same as a bit-vector of the width.
    fn value(self, b: &mut Builder, signed: bool, form: usize, k: usize) -> (usize, BV) {
        let word = reference::variable(Var::Argument(k as u32));
        let low = word.extract(self.bits() - 1, 0);
        let rest = 32 - self.bits();
        match (form, signed) {
            (0, false) => (b.with_const(BinOp::And, k, self.0.mask()), low),
            (0, true) => (b.push(Op::Un(self.sext(), k)), low),
            (1, _) => {
                let up = b.with_const(BinOp::Shl, k, rest);
                (b.with_const(if signed { BinOp::Ashr } else { BinOp::Lshr }, up, rest), low)
            }
            _ => {
                let index = reference::variable(Var::Argument(2 + k as u32));
                let loaded = b.push(Op::Load(self.0, 2 + k));
                (if signed { b.push(Op::Un(self.sext(), loaded)) } else { loaded }, self.select(&index))
            }
        }
    }
    fn select(self, index: &BV) -> BV {
        let byte = |k: u32| {
            let at = index + reference::word(k);
            reference::memory(0).select(&at).as_bv().expect("bytes")
        };
        (1..self.0.bytes()).fold(byte(0), |low, k| byte(k).concat(&low))
    }
    /// A result narrowed both ways must be `expected`.
    fn narrowed(self, b: &mut Builder, t: usize, expected: &BV, what: &str) {
        let zero = b.with_const(BinOp::And, t, self.0.mask());
        b.word(zero, self.extended(expected, false), format!("{what}, masked"));
        let sign = b.push(Op::Un(self.sext(), t));
        b.word(sign, self.extended(expected, true), format!("{what}, extended"));
        let up = b.with_const(BinOp::Shl, t, 32 - self.bits());
        let down = b.with_const(BinOp::Ashr, up, 32 - self.bits());
        b.word(down, self.extended(expected, true), format!("{what}, shifted"));
    }

    /// Operations on one value.
    fn unary(self, b: &mut Builder, signed: bool, form: usize) {
        let (x, raw) = self.value(b, signed, form, 0);
        let what = format!("{} bits, signed {signed}, form {form}", self.bits());
        b.word(x, self.extended(&raw, signed), what.clone());
        self.narrowed(b, x, &raw, &what);
        for (mask, sext) in [(0xff, UnOp::Sext8), (0xffff, UnOp::Sext16)] {
            let word = self.extended(&raw, signed);
            let masked = b.with_const(BinOp::And, x, mask);
            b.word(masked, &word & reference::word(mask), format!("{what} & {mask:#x}"));
            let extended = b.push(Op::Un(sext, x));
            let n = mask.count_ones();
            b.word(extended, word.extract(n - 1, 0).sign_ext(32 - n), format!("{sext:?} of {what}"));
        }
        let zero = b.push(Op::Const(0));
        let minus = b.push(Op::Bin(BinOp::Sub, zero, x));
        self.narrowed(b, minus, &raw.bvneg(), &format!("-{what}"));
        let not = b.with_const(BinOp::Xor, x, u32::MAX);
        self.narrowed(b, not, &raw.bvnot(), &format!("!{what}"));
        for c in [1, 3, self.bits() / 2, self.bits() - 1] {
            let n = self.constant(c);
            let left = b.with_const(BinOp::Shl, x, c);
            self.narrowed(b, left, &raw.bvshl(&n), &format!("{what} << {c}"));
            let (op, shifted) = if signed { (BinOp::Ashr, raw.bvashr(&n)) } else { (BinOp::Lshr, raw.bvlshr(&n)) };
            let right = b.with_const(op, x, c);
            b.word(right, self.extended(&shifted, signed), format!("{what} {op:?} {c}"));
            if !signed {
                let right = b.with_const(BinOp::Ashr, x, c);
                b.word(right, self.extended(&shifted, false), format!("{what} Ashr {c}"));
            }
        }
        let sign = b.with_const(BinOp::Ashr, x, 31);
        let top = raw.extract(self.bits() - 1, self.bits() - 1);
        let copies = if signed { top.sign_ext(31) } else { reference::word(0) };
        b.word(sign, copies, format!("sign of {what}"));
        for (op, c) in [
            (BinOp::Add, 1),
            (BinOp::Add, 0x7f),
            (BinOp::Add, 0xff80),
            (BinOp::Sub, 0x81),
            (BinOp::Mul, 2),
            (BinOp::Mul, 3),
            (BinOp::Mul, 0x80),
            (BinOp::Mul, 0xffff_ffff),
            (BinOp::And, 0x5a),
            (BinOp::And, 0xff00),
            (BinOp::Or, 0x81),
            (BinOp::Xor, 0xff),
        ] {
            let t = b.with_const(op, x, c);
            self.narrowed(b, t, &raw_bin(op, &raw, &self.constant(c)), &format!("{op:?} {c:#x} of {what}"));
        }
    }

    /// Operations on two values.
    fn binary(self, b: &mut Builder, signed: bool, forms: [usize; 2]) {
        let (x, rx) = self.value(b, signed, forms[0], 0);
        let (y, ry) = self.value(b, signed, forms[1], 1);
        let what = format!("{} bits, signed {signed}, forms {forms:?}", self.bits());
        for op in [BinOp::Add, BinOp::Sub, BinOp::And, BinOp::Or, BinOp::Xor] {
            let t = b.push(Op::Bin(op, x, y));
            self.narrowed(b, t, &raw_bin(op, &rx, &ry), &format!("{op:?} of {what}"));
        }
        if self.0 == Width::Byte {
            let t = b.push(Op::Bin(BinOp::Mul, x, y));
            self.narrowed(b, t, &(&rx * &ry), &format!("Mul of {what}"));
        }
    }

    /// Comparisons of two values and with constants.
    fn compared(self, b: &mut Builder, signed: bool, forms: [usize; 2]) {
        let (x, rx) = self.value(b, signed, forms[0], 0);
        let (y, ry) = self.value(b, signed, forms[1], 1);
        let what = format!("{} bits, signed {signed}, forms {forms:?}", self.bits());
        for op in CMP {
            // Extension keeps the order of its kind; sign extension the unsigned order too.
            let order = |p: &BV, q: &BV| match op {
                CmpOp::Eq => p.eq(q),
                CmpOp::Slt if signed => p.bvslt(q),
                _ => p.bvult(q),
            };
            let (t, u) = (b.push(Op::Cmp(op, x, y)), b.push(Op::Cmp(op, y, x)));
            b.boolean(t, order(&rx, &ry), format!("{op:?} of {what}"));
            b.boolean(u, order(&ry, &rx), format!("{op:?} of {what}, exchanged"));
            let word = self.extended(&rx, signed);
            for c in
                [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xffff_ff80, 0xffff_8000, u32::MAX]
            {
                let k = b.push(Op::Const(c));
                let (t, u) = (b.push(Op::Cmp(op, x, k)), b.push(Op::Cmp(op, k, x)));
                let raw = |p: &BV, q: &BV| match op {
                    CmpOp::Eq => p.eq(q),
                    CmpOp::Ult => p.bvult(q),
                    CmpOp::Slt => p.bvslt(q),
                };
                b.boolean(t, raw(&word, &reference::word(c)), format!("{op:?} {c:#x} of {what}"));
                b.boolean(u, raw(&reference::word(c), &word), format!("{op:?} {c:#x} of {what}, exchanged"));
            }
        }
    }

    /// Conditions made of comparisons, and choices by them.
    fn conditions(self, b: &mut Builder, signed: bool, forms: [usize; 2]) {
        let (x, rx) = self.value(b, signed, forms[0], 0);
        let (y, ry) = self.value(b, signed, forms[1], 1);
        let what = format!("{} bits, signed {signed}, forms {forms:?}", self.bits());
        let op = if signed { CmpOp::Slt } else { CmpOp::Ult };
        let raw_less = |p: &BV, q: &BV| if signed { p.bvslt(q) } else { p.bvult(q) };
        let (less, equal) = (b.push(Op::Cmp(op, x, y)), b.push(Op::Cmp(CmpOp::Eq, x, y)));
        let (ge, ne) = (b.push(Op::Not(less)), b.push(Op::Not(equal)));
        let greater = b.push(Op::And(ge, ne));
        b.boolean(greater, raw_less(&ry, &rx), format!("greater, {what}"));
        let at_most = b.push(Op::Or(less, equal));
        b.boolean(at_most, raw_less(&ry, &rx).not(), format!("at most, {what}"));
        let differ = b.push(Op::Xor(less, greater));
        b.boolean(differ, rx.eq(&ry).not(), format!("differ, {what}"));
        let smaller = b.push(Op::Ite(less, x, y));
        let minimum = raw_less(&rx, &ry).ite(&rx, &ry);
        b.word(smaller, self.extended(&minimum, signed), format!("minimum, {what}"));
        let bit = b.push(Op::Bit(less));
        let back = b.push(Op::Nonzero(bit));
        b.boolean(back, raw_less(&rx, &ry), format!("bit of less, {what}"));
        // N and V of the difference, whose exclusive or is the signed order.
        let zero = b.push(Op::Const(0));
        let difference = b.push(Op::Bin(BinOp::Sub, x, y));
        let (n, v) = (b.push(Op::Cmp(CmpOp::Slt, difference, zero)), b.push(Op::SubOverflow(x, y, 1)));
        let lt = b.push(Op::Xor(n, v));
        b.boolean(lt, raw_less(&rx, &ry), format!("N xor V, {what}"));
    }

    /// Stores of a value, and loads of every width around it.
    fn stored(self, b: &mut Builder, signed: bool, form: usize, distance: u32) {
        // The value from argument 0; the index is argument 3, where nothing was loaded.
        let (x, raw) = self.value(b, signed, form, 0);
        let what = format!("{} bits, signed {signed}, form {form}, distance {distance}", self.bits());
        let index = reference::variable(Var::Argument(3));
        let other = reference::variable(Var::Argument(1));
        let near = b.with_const(BinOp::Add, 3, distance);
        b.push(Op::Store(Width::Word, near, 1));
        b.push(Op::Store(self.0, 3, x));
        let byte = |memory: &z3::ast::Array, at: &BV| memory.select(at).as_bv().expect("bytes");
        let mut memory = reference::memory(0);
        for k in 0..4 {
            let at = &index + reference::word(distance.wrapping_add(k));
            memory = memory.store(&at, &other.extract(8 * k + 7, 8 * k));
        }
        for k in 0..self.0.bytes() {
            memory = memory.store(&(&index + reference::word(k)), &raw.extract(8 * k + 7, 8 * k));
        }
        for offset in [0u32, 1, 2, u32::MAX, u32::MAX - 1] {
            let at = b.with_const(BinOp::Add, 3, offset);
            let raw_at = |k: u32| &index + reference::word(offset.wrapping_add(k));
            for width in [Width::Byte, Width::Half] {
                let loaded = b.push(Op::Load(width, at));
                let value =
                    (1..width.bytes()).fold(byte(&memory, &raw_at(0)), |low, k| byte(&memory, &raw_at(k)).concat(&low));
                b.word(loaded, value.zero_ext(32 - 8 * width.bytes()), format!("{width:?} at {offset}, {what}"));
                let n = Narrow(width);
                let extended = b.push(Op::Un(n.sext(), loaded));
                b.word(extended, value.sign_ext(32 - n.bits()), format!("signed {width:?} at {offset}, {what}"));
            }
        }
    }
}

fn raw_bin(op: BinOp, x: &BV, y: &BV) -> BV {
    match op {
        BinOp::Add => x + y,
        BinOp::Sub => x - y,
        BinOp::Mul => x * y,
        BinOp::And => x & y,
        BinOp::Or => x | y,
        _ => x ^ y,
    }
}

const BOTH: [Width; 2] = [Width::Byte, Width::Half];

fn family(together: usize, build: impl Fn(Narrow, &mut dyn FnMut(Builder))) -> Count {
    let mut count = Count::default();
    for width in BOTH {
        let mut judge = Judge::new(8 * width.bytes(), together);
        build(Narrow(width), &mut |b| b.judge(&mut judge));
        count.add(judge.finish());
    }
    count
}

/// Pairs of forms with each signedness.
fn pairs() -> impl Iterator<Item = (bool, [usize; 2])> {
    [false, true].into_iter().flat_map(|signed| (0..9).map(move |k| (signed, [k / 3, k % 3])))
}

pub fn words() -> Count {
    family(1, |narrow, judge| {
        for (signed, form) in (0..6).map(|k| (k % 2 == 1, k / 2)) {
            let mut b = Builder::new();
            narrow.unary(&mut b, signed, form);
            judge(b);
        }
        for (signed, forms) in pairs() {
            let mut b = Builder::new();
            narrow.binary(&mut b, signed, forms);
            judge(b);
        }
    })
}

pub fn comparisons() -> Count {
    family(16, |narrow, judge| {
        for (signed, forms) in pairs() {
            let mut b = Builder::new();
            narrow.compared(&mut b, signed, forms);
            judge(b);
        }
    })
}

pub fn booleans() -> Count {
    family(4, |narrow, judge| {
        for (signed, forms) in pairs() {
            let mut b = Builder::new();
            narrow.conditions(&mut b, signed, forms);
            judge(b);
        }
    })
}

pub fn memory() -> Count {
    family(8, |narrow, judge| {
        for (signed, form) in (0..6).map(|k| (k % 2 == 1, k / 2)) {
            for distance in [0, 1, 2, 4, u32::MAX, u32::MAX - 2] {
                let mut b = Builder::new();
                narrow.stored(&mut b, signed, form, distance);
                judge(b);
            }
        }
    })
}

#[test]
fn wrong_expectations_at_narrow_widths_are_noticed() {
    for width in BOTH {
        let (narrow, mut judge) = (Narrow(width), Judge::new(8 * width.bytes(), 1));
        let mut b = Builder::new();
        let (x, raw) = narrow.value(&mut b, true, 1, 0);
        b.word(x, narrow.extended(&raw, false), "a signed value as unsigned".to_string());
        let zero = b.push(Op::Const(0));
        let negative = b.push(Op::Cmp(CmpOp::Slt, x, zero));
        b.boolean(negative, raw.bvsgt(narrow.constant(0)), "negative as positive".to_string());
        b.judge(&mut judge);
        let wrong = judge.finish().wrong;
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
