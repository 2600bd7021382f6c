//! The term graph: hash-consed terms in one canonical form, the symbolic domain.
//!
//! Method. Constructors normalise, so that equal computations of the two sides of a link meet in the same node
//! (rung 1 of the ladder): sums are linear combinations `k + Σ cᵢ·tᵢ` modulo 2^32, constant shifts left are products,
//! comparisons with constants have the constant on the right, memory is a chain of stores sorted by constant offset.
//! Products of two unknowns, divisions and bit counts stay as they are. Every rule is an identity over all values;
//! `tests/terms` has each proved by z3 and run on random values.
//!
//! Requirement TOR-PROOF-TERMS: Every simplification of the term graph shall keep the value for all inputs, at each width at which it
//! is used.

pub mod boolean;
pub mod memory;
pub mod render;
pub mod word;

use crate::domain::*;
use rustc_hash::FxHashMap;

/// A term: index of a node in its graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct T(pub u32);

/// What an unknown stands for. The numbers tell unknowns of one kind apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Var {
    /// Address of a symbol.
    Symbol(Symbol),
    /// A core register at entry.
    Entry(u8),
    /// An argument word at entry.
    Argument(u32),
    /// The word of a class of equal locations at the cut point.
    Class(u32),
    /// A word nobody knows.
    Havoc(u32),
    /// A result word (second number) of the call made as the n-th on a path.
    CallResult(u32, u32),
    /// A global's cell (second number) after n calls on a path.
    Cell(u32, u32),
    /// A result cell (second number) after n calls on a path.
    ResultCell(u32, u32),
    /// The size of linear memory in bytes after n calls on a path.
    MemoryBytes(u32),
    /// The contents of linear memory after n calls on a path.
    Memory(u32),
    /// A memory whose bytes are 0xff where those with the same index may be read, or written (true), as the host's after n calls on a path.
    HostMap(u32, bool),
}

impl Var {
    /// The bits of an unknown word that are zero in all its values.
    pub fn zeros(self) -> u32 {
        match self {
            Var::Symbol(Symbol::Function(_) | Symbol::HostData(_) | Symbol::Data(_)) => 0,
            Var::Symbol(Symbol::Memory) | Var::Entry(13) => 7,
            // The image's check asks of their sections that they hold words.
            Var::Symbol(_) => 3,
            Var::MemoryBytes(_) => 0xffff,
            _ => 0,
        }
    }
}

/// A node. Operands are older than the node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// A word.
    Const(u32),
    /// A boolean.
    Bool(bool),
    /// An unknown word, or linear memory.
    Var(Var),
    /// `k + Σ coefficient · term` modulo 2^32; terms ascend, coefficients are not 0; not a single term alone.
    Sum(u32, Box<[(T, u32)]>),
    /// An operation other than `Add` and `Sub`.
    Bin(BinOp, T, T),
    /// A unary operation.
    Un(UnOp, T),
    /// A word of a 64-bit division: operation, high, al, ah, bl, bh.
    Div64(DivOp, bool, [T; 4]),
    /// Type word of a table entry.
    TableType(u32, T),
    /// Function word of a table entry.
    TableFunction(u32, T),
    /// The first word if the condition holds, else the second.
    Ite(T, T, T),
    /// A comparison.
    Cmp(CmpOp, T, T),
    /// Signed overflow of `a + b + carry`.
    AddOverflow(T, T, T),
    /// Signed overflow of `a - b - !carry`.
    SubOverflow(T, T, T),
    /// Negation.
    Not(T),
    /// Conjunction.
    And(T, T),
    /// Exclusive or.
    Xor(T, T),
    /// Load from memory at an index.
    Load(Width, T, T),
    /// Memory after a store: memory, index, value.
    Store(Width, T, T, T),
    /// Memory after a fill: memory, destination, value, length.
    Fill(T, T, T, T),
    /// Memory after a copy: memory, destination, source, length.
    Copy(T, T, T, T),
    /// Memory after a copy from a data segment: segment, memory, destination, source, length.
    Init(u32, T, T, T, T),
}

/// The graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Bits known to be zero, by node.
    zeros: Vec<u32>,
    index: FxHashMap<Node, T>,
    /// Words nobody knows, and how many of them are in use.
    havocs: Vec<T>,
    havocs_used: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }
    /// The node of a term.
    pub fn node(&self, t: T) -> &Node {
        &self.nodes[t.0 as usize]
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// Whether the graph has no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// The unknown.
    pub fn var(&mut self, v: Var) -> T {
        self.intern(Node::Var(v))
    }
    /// Words nobody knows may be handed out again, for a proof that has no term in common with those before it.
    pub fn reuse_havocs(&mut self) {
        self.havocs_used = 0;
    }
    /// Bits of a word that are zero in every state.
    pub fn known_zeros(&self, t: T) -> u32 {
        self.zeros[t.0 as usize]
    }
    /// The constant's value if the term is one.
    pub fn constant(&self, t: T) -> Option<u32> {
        match self.node(t) {
            Node::Const(c) => Some(*c),
            _ => None,
        }
    }
    /// The node itself, made if it is new. Only constructors that have normalised call this.
    pub(crate) fn intern(&mut self, node: Node) -> T {
        if let Some(&t) = self.index.get(&node) {
            return t;
        }
        let zeros = self.zeros_of(&node);
        let t = T(self.nodes.len() as u32);
        self.nodes.push(node.clone());
        self.zeros.push(zeros);
        self.index.insert(node, t);
        t
    }
    /// Operands of a term.
    pub fn operands(&self, t: T) -> Vec<T> {
        match self.node(t) {
            Node::Const(_) | Node::Bool(_) | Node::Var(_) => vec![],
            Node::Sum(_, terms) => terms.iter().map(|(t, _)| *t).collect(),
            Node::Un(_, a) | Node::Not(a) | Node::TableType(_, a) | Node::TableFunction(_, a) => {
                vec![*a]
            }
            Node::Bin(_, a, b) | Node::Cmp(_, a, b) | Node::And(a, b) | Node::Xor(a, b) | Node::Load(_, a, b) => {
                vec![*a, *b]
            }
            Node::Ite(a, b, c) | Node::AddOverflow(a, b, c) | Node::SubOverflow(a, b, c) | Node::Store(_, a, b, c) => {
                vec![*a, *b, *c]
            }
            Node::Fill(a, b, c, e) | Node::Copy(a, b, c, e) | Node::Init(_, a, b, c, e) => {
                vec![*a, *b, *c, *e]
            }
            Node::Div64(_, _, ops) => ops.to_vec(),
        }
    }
    /// The term with its operands replaced, normalised again.
    pub fn rebuild(&mut self, t: T, f: &mut dyn FnMut(&mut Graph, T) -> T) -> T {
        match self.node(t).clone() {
            Node::Const(_) | Node::Bool(_) | Node::Var(_) => t,
            Node::Sum(k, terms) => {
                let mut sum = self.word(k);
                for (term, coefficient) in terms {
                    let term = f(self, term);
                    let scaled = self.scale(term, coefficient);
                    sum = self.bin(BinOp::Add, &sum, &scaled);
                }
                sum
            }
            node => {
                let ops: Vec<T> = self.operands(t).into_iter().map(|o| f(self, o)).collect();
                match (node, &ops[..]) {
                    (Node::Bin(op, ..), [a, b]) => self.bin(op, a, b),
                    (Node::Un(op, _), [a]) => self.un(op, a),
                    (Node::Div64(op, high, _), [al, ah, bl, bh]) => self.div64(op, high, [al, ah], [bl, bh]),
                    (Node::TableType(table, _), [a]) => self.table_type(table, a),
                    (Node::TableFunction(table, _), [a]) => self.table_function(table, a),
                    (Node::Ite(..), [c, a, b]) => self.ite(c, a, b),
                    (Node::Cmp(op, ..), [a, b]) => self.cmp(op, a, b),
                    (Node::AddOverflow(..), [a, b, c]) => self.add_overflow(a, b, c),
                    (Node::SubOverflow(..), [a, b, c]) => self.sub_overflow(a, b, c),
                    (Node::Not(_), [a]) => self.not(a),
                    (Node::And(..), [a, b]) => self.and(a, b),
                    (Node::Xor(..), [a, b]) => self.xor(a, b),
                    (Node::Load(w, ..), [m, i]) => self.load(m, w, i),
                    (Node::Store(w, ..), [m, i, v]) => self.store(m, w, i, v),
                    (Node::Fill(..), [m, dst, v, n]) => self.fill(m, dst, v, n),
                    (Node::Copy(..), [m, dst, src, n]) => self.copy(m, dst, src, n),
                    (Node::Init(segment, ..), [m, dst, src, n]) => self.init(m, segment, dst, src, n),
                    _ => unreachable!("invariant: operands() and rebuild() agree on every node"),
                }
            }
        }
    }
}

impl Graph {
    /// The number of calls on a path after which this memory was changed only by what the path itself does.
    fn calls_before(&self, mut memory: T) -> u32 {
        loop {
            memory = match *self.node(memory) {
                Node::Var(Var::Memory(calls)) => return calls,
                Node::Store(_, under, ..)
                | Node::Fill(under, ..)
                | Node::Copy(under, ..)
                | Node::Init(_, under, ..) => under,
                _ => unreachable!("invariant: memories are made of memories"),
            }
        }
    }
}

impl Domain for Graph {
    type W = T;
    type B = T;
    type M = T;

    fn word(&mut self, value: u32) -> T {
        self.intern(Node::Const(value))
    }
    fn as_word(&self, w: &T) -> Option<u32> {
        self.constant(*w)
    }
    fn bool(&mut self, value: bool) -> T {
        self.intern(Node::Bool(value))
    }
    fn as_bool(&self, b: &T) -> Option<bool> {
        match self.node(*b) {
            Node::Bool(b) => Some(*b),
            _ => None,
        }
    }
    fn bin(&mut self, op: BinOp, a: &T, b: &T) -> T {
        self.word_bin(op, *a, *b)
    }
    fn un(&mut self, op: UnOp, a: &T) -> T {
        self.word_un(op, *a)
    }
    fn div64(&mut self, op: DivOp, high: bool, a: [&T; 2], b: [&T; 2]) -> T {
        let ops = [*a[0], *a[1], *b[0], *b[1]];
        let words = ops.map(|t| self.constant(t));
        if let [Some(al), Some(ah), Some(bl), Some(bh)] = words {
            return self.word(crate::concrete::eval_div64(op, high, [al, ah], [bl, bh]));
        }
        self.intern(Node::Div64(op, high, ops))
    }
    fn cmp(&mut self, op: CmpOp, a: &T, b: &T) -> T {
        self.compare(op, *a, *b)
    }
    fn add_overflow(&mut self, a: &T, b: &T, carry: &T) -> T {
        self.overflow(true, *a, *b, *carry)
    }
    fn sub_overflow(&mut self, a: &T, b: &T, carry: &T) -> T {
        self.overflow(false, *a, *b, *carry)
    }
    fn not(&mut self, a: &T) -> T {
        match self.node(*a) {
            Node::Bool(b) => {
                let b = !*b;
                self.bool(b)
            }
            Node::Not(x) => *x,
            _ => self.intern(Node::Not(*a)),
        }
    }
    fn and(&mut self, a: &T, b: &T) -> T {
        self.bool_and(*a, *b)
    }
    fn xor(&mut self, a: &T, b: &T) -> T {
        self.bool_xor(*a, *b)
    }
    fn ite(&mut self, c: &T, a: &T, b: &T) -> T {
        self.word_ite(*c, *a, *b)
    }
    fn ite_bool(&mut self, c: &T, a: &T, b: &T) -> T {
        self.bool_ite(*c, *a, *b)
    }
    fn load(&mut self, m: &T, width: Width, index: &T) -> T {
        self.memory_load(*m, width, *index)
    }
    fn store(&mut self, m: &T, width: Width, index: &T, value: &T) -> T {
        self.memory_store(*m, width, *index, *value)
    }
    fn fill(&mut self, m: &T, dst: &T, value: &T, len: &T) -> T {
        let value = self.low_bits(*value, 0xff);
        if self.constant(*len) == Some(0) {
            return *m;
        }
        self.intern(Node::Fill(*m, *dst, value, *len))
    }
    fn copy(&mut self, m: &T, dst: &T, src: &T, len: &T) -> T {
        if self.constant(*len) == Some(0) {
            return *m;
        }
        self.intern(Node::Copy(*m, *dst, *src, *len))
    }
    fn init(&mut self, m: &T, segment: u32, dst: &T, src: &T, len: &T) -> T {
        if self.constant(*len) == Some(0) {
            return *m;
        }
        self.intern(Node::Init(segment, *m, *dst, *src, *len))
    }
    fn table_type(&mut self, table: u32, index: &T) -> T {
        self.intern(Node::TableType(table, *index))
    }
    fn table_function(&mut self, table: u32, index: &T) -> T {
        self.intern(Node::TableFunction(table, *index))
    }
    fn symbol(&mut self, symbol: Symbol) -> T {
        self.var(Var::Symbol(symbol))
    }
    fn entry_register(&mut self, n: u8) -> T {
        self.var(Var::Entry(n))
    }
    fn havoc(&mut self) -> T {
        self.havocs_used += 1;
        if self.havocs_used > self.havocs.len() {
            let unknown = self.var(Var::Havoc(self.havocs_used as u32));
            self.havocs.push(unknown);
        }
        self.havocs[self.havocs_used - 1]
    }
    fn locate(&mut self, address: &T) -> Place<T> {
        self.locate_sum(*address)
    }
    fn is_host(&mut self, memory: &T, index: &T, bytes: u32, writes: bool) -> T {
        let width = [Width::Byte, Width::Half, Width::Word].into_iter().find(|w| w.bytes() == bytes);
        let width = width.expect("invariant: accesses are of 1, 2 or 4 bytes");
        let map = self.var(Var::HostMap(self.calls_before(*memory), writes));
        let marks = self.load(&map, width, index);
        self.cmp_const(CmpOp::Eq, &marks, width.mask())
    }
    fn split_stride(&mut self, offset: &T, stride: u32) -> Option<(T, u32)> {
        let (k, terms) = self.linear(*offset);
        // Divided as a signed number a coefficient still gives the offset, times the stride, and the index itself for a difference.
        let whole = |c: u32| (c as i32 % stride as i32 == 0).then_some((c as i32 / stride as i32) as u32);
        let divided = terms.iter().map(|(t, c)| Some((*t, whole(*c)?))).collect::<Option<_>>()?;
        Some((self.sum(k / stride, divided), k % stride))
    }
}
