//! Terms as SMT-LIB 2 text, for solvers other than the one that is linked in.
//!
//! The text is printed from the term graph and not by z3. Every node is a line with a name of its own, operands first, so that text
//! grows with the graph and not with the tree. Words are bit-vectors of 32 bits, memory is an array of bytes.
//!
//! Products of two unknowns and divisions are functions of which nothing is known ([`Products::Uninterpreted`]), or what they
//! are. What follows with unknown functions follows with all. Where memory is filled or copied, the result is an unknown memory that
//! is the same whenever its operands are; that is said pair by pair, for not every solver takes functions of arrays.
//!
//! Source: SMT-LIB 2.6, theories `FixedSizeBitVectors` and `ArraysEx`.

use crate::domain::{BinOp, CmpOp, DivOp, UnOp, Width};
use crate::ladder::is_memory;
use crate::lemma::{BINARY, DIVIDE, UNARY};
use crate::refinement::Goal;
use crate::replay::is_bool;
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use synth_lemmas::{Op, Sort, Term, TermError};

/// How products of unknowns and divisions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// As functions of which nothing is known.
    Uninterpreted,
    /// As bit-vector operations.
    Interpreted,
}

/// A query as text: `head` as comment lines, then declarations, assumptions, the negated goal and `check-sat`. `unsat` is expected.
pub fn script(g: &Graph, assumptions: &[T], goal: Goal, products: Products, head: &[String]) -> String {
    let mut printer = Printer::new(products);
    let mut asserted: Vec<String> = assumptions.iter().map(|a| printer.name(g, *a)).collect();
    let refuted = printer.negated(g, goal);
    asserted.push(refuted);
    printer.text(&asserted, head)
}

/// The query whether two terms of the lemma language are equal, whatever their opaque parts are.
///
/// # Errors
/// Terms whose sorts are wrong, or that have variables.
pub fn equation(left: &Term, right: &Term, products: Products, head: &[String]) -> Result<String, TermError> {
    let mut sorts = Vec::new();
    for term in [left, right] {
        term.sort_with(&mut sorts)?;
    }
    let mut printer = Printer::new(products);
    for (leaf, sort) in &sorts {
        printer.lines.push(format!("(declare-const {} {})", leaf_name(leaf), sort_name(*sort)));
    }
    let (left, right) = (printer.term(left)?, printer.term(right)?);
    Ok(printer.text(&[format!("(not (= {left} {right}))")], head))
}

const WORD: &str = "(_ BitVec 32)";
const MEMORY: &str = "(Array (_ BitVec 32) (_ BitVec 8))";

struct Printer {
    products: Products,
    /// Names of the nodes that have a line.
    names: FxHashMap<T, String>,
    lines: Vec<String>,
    /// Functions that have a line.
    declared: BTreeSet<String>,
    /// Results of bulk operations: operation, operands, result.
    bulk: Vec<(String, Vec<String>, String)>,
    /// Whether a product or a division has come up.
    multiplies: bool,
}

/// The symbol of an opaque part. Symbols that begin with `@` are the solvers' own.
fn leaf_name(leaf: &str) -> String {
    format!("|leaf {leaf}|")
}
fn sort_name(sort: Sort) -> &'static str {
    match sort {
        Sort::Word => WORD,
        Sort::Bool => "Bool",
    }
}
fn word(c: u32) -> String {
    format!("#x{c:08x}")
}
fn extract(high: u32, low: u32, x: &str) -> String {
    format!("((_ extract {high} {low}) {x})")
}
fn zero_extend(bits: u32, x: &str) -> String {
    if bits == 0 { x.to_string() } else { format!("((_ zero_extend {bits}) {x})") }
}
fn sign_extend(bits: u32, x: &str) -> String {
    format!("((_ sign_extend {bits}) {x})")
}
/// An address some bytes further.
fn at(index: &str, bytes: u32) -> String {
    if bytes == 0 { index.to_string() } else { format!("(bvadd {index} {})", word(bytes)) }
}

impl Printer {
    fn new(products: Products) -> Self {
        Printer {
            products,
            names: FxHashMap::default(),
            lines: vec![],
            declared: BTreeSet::new(),
            bulk: vec![],
            multiplies: false,
        }
    }
    fn text(&self, asserted: &[String], head: &[String]) -> String {
        let products = match (self.multiplies, self.products) {
            (false, _) => "none",
            (true, Products::Uninterpreted) => "unknown functions",
            (true, Products::Interpreted) => "interpreted",
        };
        let mut text = String::new();
        for line in head.iter().flat_map(|h| h.lines()) {
            let _ = writeln!(text, "; {line}");
        }
        let _ = writeln!(text, "; products and divisions: {products}");
        text.push_str("(set-info :status unsat)\n(set-logic QF_AUFBV)\n");
        for line in &self.lines {
            let _ = writeln!(text, "{line}");
        }
        for condition in self.congruences().iter().chain(asserted) {
            let _ = writeln!(text, "(assert {condition})");
        }
        text.push_str("(check-sat)\n");
        text
    }

    fn negated(&mut self, g: &Graph, goal: Goal) -> String {
        match goal {
            Goal::Impossible => "true".to_string(),
            Goal::Holds(condition) => format!("(not {})", self.name(g, condition)),
            Goal::Equal(a, b) if is_memory(g, a) || is_memory(g, b) => {
                // Memories that differ differ in a byte.
                let (a, b) = (self.name(g, a), self.name(g, b));
                self.lines.push(format!("(declare-const |differs at| {WORD})"));
                format!("(not (= (select {a} |differs at|) (select {b} |differs at|)))")
            }
            Goal::Equal(a, b) => format!("(not (= {} {}))", self.name(g, a), self.name(g, b)),
        }
    }

    /// The name of a term, after lines for it and all its operands, without recursion: terms can be deep.
    fn name(&mut self, g: &Graph, root: T) -> String {
        let mut stack = vec![root];
        while let Some(&t) = stack.last() {
            if self.names.contains_key(&t) {
                stack.pop();
                continue;
            }
            let missing: Vec<T> = g.operands(t).into_iter().filter(|o| !self.names.contains_key(o)).collect();
            if missing.is_empty() {
                let name = self.line(g, t);
                self.names.insert(t, name);
                stack.pop();
            } else {
                stack.extend(missing.into_iter().rev());
            }
        }
        self.names[&root].clone()
    }

    /// Writes the line of a node whose operands have theirs.
    fn line(&mut self, g: &Graph, t: T) -> String {
        let sort = match () {
            () if is_memory(g, t) => MEMORY,
            () if is_bool(g, t) => "Bool",
            () => WORD,
        };
        match g.node(t) {
            Node::Const(c) => return word(*c),
            Node::Bool(b) => return b.to_string(),
            Node::Var(v) => {
                let unknown = format!("|{v:?}|");
                self.lines.push(format!("(declare-const {unknown} {sort})"));
                let zeros = if sort == WORD { g.known_zeros(t) } else { 0 };
                return match zeros {
                    0 => unknown,
                    zeros => self.define(sort, &format!("(bvand {unknown} {})", word(!zeros))),
                };
            }
            _ => {}
        }
        let body = self.body(g, t);
        self.define(sort, &body)
    }
    fn define(&mut self, sort: &str, body: &str) -> String {
        let name = format!("t{}", self.lines.len());
        self.lines.push(format!("(define-fun {name} () {sort} {body})"));
        name
    }
    fn of(&self, t: &T) -> &str {
        &self.names[t]
    }
    fn all(&self, operands: &[T]) -> Vec<String> {
        operands.iter().map(|t| self.names[t].clone()).collect()
    }
    fn list(&self, operands: &[T]) -> String {
        self.all(operands).join(" ")
    }
    /// An unknown function of words.
    fn apply(&mut self, name: &str, operands: &[String]) -> String {
        if self.declared.insert(name.to_string()) {
            self.lines.push(format!("(declare-fun {name} ({}) {WORD})", vec![WORD; operands.len()].join(" ")));
        }
        format!("({name} {})", operands.join(" "))
    }

    fn body(&mut self, g: &Graph, t: T) -> String {
        match g.node(t).clone() {
            Node::Const(_) | Node::Bool(_) | Node::Var(_) => unreachable!("invariant: they have no operands"),
            Node::Sum(k, terms) => {
                let product = |(t, c): &(T, u32)| match *c {
                    1 => self.of(t).to_string(),
                    u32::MAX => format!("(bvneg {})", self.of(t)),
                    c => format!("(bvmul {} {})", word(c), self.of(t)),
                };
                let products = terms.iter().map(product);
                products.fold(word(k), |sum, p| format!("(bvadd {sum} {p})"))
            }
            Node::Bin(op, a, b) => self.bin(op, &self.all(&[a, b])),
            Node::Un(op, a) => un(op, self.of(&a)),
            Node::Div64(op, high, operands) => self.div64(op, high, &self.all(&operands)),
            Node::TableType(table, a) => self.apply(&format!("table_type_{table}"), &self.all(&[a])),
            Node::TableFunction(table, a) => self.apply(&format!("table_function_{table}"), &self.all(&[a])),
            Node::Ite(c, a, b) => format!("(ite {})", self.list(&[c, a, b])),
            Node::Cmp(CmpOp::Eq, a, b) => format!("(= {})", self.list(&[a, b])),
            Node::Cmp(CmpOp::Ult, a, b) => format!("(bvult {})", self.list(&[a, b])),
            Node::Cmp(CmpOp::Slt, a, b) => format!("(bvslt {})", self.list(&[a, b])),
            Node::AddOverflow(a, b, c) => {
                let [a, b] = [a, b].map(|t| sign_extend(2, self.of(&t)));
                leaves_signed_range(&format!("(bvadd (bvadd {a} {b}) (ite {} (_ bv1 34) (_ bv0 34)))", self.of(&c)))
            }
            Node::SubOverflow(a, b, c) => {
                let [a, b] = [a, b].map(|t| sign_extend(2, self.of(&t)));
                leaves_signed_range(&format!("(bvsub (bvsub {a} {b}) (ite {} (_ bv0 34) (_ bv1 34)))", self.of(&c)))
            }
            Node::Not(a) => format!("(not {})", self.of(&a)),
            Node::And(a, b) => format!("(and {})", self.list(&[a, b])),
            Node::Xor(a, b) => format!("(xor {})", self.list(&[a, b])),
            Node::Load(width, m, i) => self.load(width, m, i),
            Node::Store(width, m, i, v) => {
                let (index, value) = (self.of(&i), self.of(&v));
                (0..width.bytes()).fold(self.of(&m).to_string(), |memory, byte| {
                    let value = extract(8 * byte + 7, 8 * byte, value);
                    format!("(store {memory} {} {value})", at(index, byte))
                })
            }
            Node::Fill(m, a, b, c) => self.bulk("fill", &[m, a, b, c]),
            Node::Copy(m, a, b, c) => self.bulk("copy", &[m, a, b, c]),
            Node::Init(segment, m, a, b, c) => self.bulk(&format!("init {segment}"), &[m, a, b, c]),
        }
    }
    fn load(&self, width: Width, m: T, i: T) -> String {
        let (memory, index) = (self.of(&m), self.of(&i));
        let bytes = (0..width.bytes()).map(|byte| format!("(select {memory} {})", at(index, byte)));
        let value = bytes.reduce(|low, byte| format!("(concat {byte} {low})")).expect("invariant: a width is not 0");
        zero_extend(32 - 8 * width.bytes(), &value)
    }
    fn bulk(&mut self, operation: &str, operands: &[T]) -> String {
        let result = format!("|{operation} {}|", self.bulk.len());
        self.lines.push(format!("(declare-const {result} {MEMORY})"));
        let operands: Vec<String> = operands.iter().map(|t| self.of(t).to_string()).collect();
        let [memory, .., bytes] = &operands[..] else {
            unreachable!("invariant: a memory and a length are among them")
        };
        let body = format!("(ite (= {bytes} {}) {memory} {result})", word(0));
        self.bulk.push((operation.to_string(), operands, result));
        body
    }
    /// Bulk operations on equal operands have equal results. Those of no bytes change nothing.
    fn congruences(&self) -> Vec<String> {
        let pairs = self.bulk.iter().enumerate().flat_map(|(n, a)| self.bulk[..n].iter().map(move |b| (a, b)));
        let same = pairs.filter(|((operation, ..), (other, ..))| operation == other);
        let line = |((_, xs, r), (_, ys, s)): (&(String, Vec<String>, String), &(String, Vec<String>, String))| {
            let equal = xs.iter().zip(ys).map(|(x, y)| format!("(= {x} {y})")).collect::<Vec<_>>().join(" ");
            format!("(=> (and {equal}) (= {r} {s}))")
        };
        same.map(line).collect()
    }
    /// The name of a term of the lemma language, after lines for its parts.
    fn term(&mut self, term: &Term) -> Result<String, TermError> {
        let (op, operands) = match term {
            Term::Const(c) => return Ok(word(*c)),
            Term::Leaf(_) => return Ok(leaf_name(&term.to_string())),
            Term::Var(_) | Term::Imm(_) => return Err(TermError::Unexpected(term.to_string())),
            Term::Apply(op, operands) => (*op, operands),
        };
        let operands = operands.iter().map(|o| self.term(o)).collect::<Result<Vec<_>, _>>()?;
        let body = self.operation(op, &operands);
        Ok(self.define(sort_name(op.result()), &body))
    }
    fn operation(&mut self, op: Op, operands: &[String]) -> String {
        if let Some((_, op)) = BINARY.iter().find(|(o, _)| *o == op) {
            return self.bin(*op, operands);
        }
        if let Some((_, op)) = UNARY.iter().find(|(o, _)| *o == op) {
            return un(*op, &operands[0]);
        }
        if let Some((_, (op, high))) = DIVIDE.iter().find(|(o, _)| *o == op) {
            return self.div64(*op, *high, operands);
        }
        let wide = |operation: &str| {
            let [a, b] = pairs(operands);
            format!("({operation} {a} {b})")
        };
        let operation = match op {
            Op::AddHi => return extract(63, 32, &wide("bvadd")),
            Op::SubHi => return extract(63, 32, &wide("bvsub")),
            Op::Ult64 => return wide("bvult"),
            Op::Slt64 => return wide("bvslt"),
            Op::True | Op::False => return op.name().to_string(),
            Op::Eq => "=",
            Op::Ult => "bvult",
            Op::Slt => "bvslt",
            Op::Ite => "ite",
            Op::Bnot => "not",
            Op::Band => "and",
            Op::Bor => "or",
            Op::Bxor => "xor",
            _ => unreachable!("invariant: a test prints every operation"),
        };
        format!("({operation} {})", operands.join(" "))
    }

    fn bin(&mut self, op: BinOp, operands: &[String]) -> String {
        let [x, y] = operands else { unreachable!("invariant: two operands") };
        let zero = word(0);
        let guarded = |quotient: &str| format!("(ite (= {y} {zero}) {zero} ({quotient} {x} {y}))");
        let high =
            |extend: fn(u32, &str) -> String| extract(63, 32, &format!("(bvmul {} {})", extend(32, x), extend(32, y)));
        match op {
            BinOp::Add => format!("(bvadd {x} {y})"),
            BinOp::Sub => format!("(bvsub {x} {y})"),
            BinOp::And => format!("(bvand {x} {y})"),
            BinOp::Or => format!("(bvor {x} {y})"),
            BinOp::Xor => format!("(bvxor {x} {y})"),
            BinOp::Shl => format!("(bvshl {x} {y})"),
            BinOp::Lshr => format!("(bvlshr {x} {y})"),
            BinOp::Ashr => format!("(bvashr {x} {y})"),
            BinOp::Ror => {
                let n = format!("(bvand {y} #x0000001f)");
                let rest = format!("(bvand (bvsub #x00000020 {n}) #x0000001f)");
                format!("(bvor (bvlshr {x} {n}) (bvshl {x} {rest}))")
            }
            BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::UDiv | BinOp::SDiv => {
                self.multiplies = true;
                match (self.products, op) {
                    (Products::Uninterpreted, op) => self.apply(&format!("{op:?}"), operands),
                    (_, BinOp::Mul) => format!("(bvmul {x} {y})"),
                    (_, BinOp::UMulHi) => high(zero_extend),
                    (_, BinOp::SMulHi) => high(sign_extend),
                    (_, BinOp::UDiv) => guarded("bvudiv"),
                    (..) => guarded("bvsdiv"),
                }
            }
        }
    }
    fn div64(&mut self, op: DivOp, high: bool, operands: &[String]) -> String {
        self.multiplies = true;
        if self.products == Products::Uninterpreted {
            let half = if high { "high" } else { "low" };
            return self.apply(&format!("{op:?}_{half}"), operands);
        }
        let [a, b] = pairs(operands);
        let zero = "(_ bv0 64)";
        let (by_zero, operation) = match op {
            DivOp::UQuot => (zero, "bvudiv"),
            DivOp::SQuot => (zero, "bvsdiv"),
            DivOp::URem => (a.as_str(), "bvurem"),
            DivOp::SRem => (a.as_str(), "bvsrem"),
        };
        let result = format!("(ite (= {b} {zero}) {by_zero} ({operation} {a} {b}))");
        if high { extract(63, 32, &result) } else { extract(31, 0, &result) }
    }
}

/// Two words of 64 bits from their halves, the low ones first.
fn pairs(operands: &[String]) -> [String; 2] {
    let [al, ah, bl, bh] = operands else { unreachable!("invariant: two pairs of operands") };
    [format!("(concat {ah} {al})"), format!("(concat {bh} {bl})")]
}

/// Whether a number of 34 bits is no signed number of 32.
fn leaves_signed_range(exact: &str) -> String {
    format!("(let ((exact {exact})) (not (= exact {})))", sign_extend(2, &extract(31, 0, "exact")))
}

fn un(op: UnOp, x: &str) -> String {
    let concat = |parts: Vec<String>| format!("(concat {})", parts.join(" "));
    let bytes = |order: [u32; 4]| concat(order.iter().map(|i| extract(8 * i + 7, 8 * i, x)).collect());
    match op {
        UnOp::Sext8 => sign_extend(24, &extract(7, 0, x)),
        UnOp::Sext16 => sign_extend(16, &extract(15, 0, x)),
        UnOp::Rev => bytes([0, 1, 2, 3]),
        UnOp::Rev16 => bytes([2, 3, 0, 1]),
        UnOp::Rbit => concat((0..32).map(|i| extract(i, i, x)).collect()),
        UnOp::Clz => {
            (0..32).fold(word(32), |rest, i| format!("(ite (= {} #b1) {} {rest})", extract(i, i, x), word(31 - i)))
        }
        UnOp::Popcnt => (0..32).fold(word(0), |sum, i| format!("(bvadd {sum} {})", zero_extend(31, &extract(i, i, x)))),
    }
}
