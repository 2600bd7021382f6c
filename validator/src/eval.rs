//! Evaluation of terms: the value of a word, boolean or memory under an assignment of the unknowns.
//!
//! It confirms models of the solver and is the judge in the tests of the term graph, so it uses none of the graph's
//! constructors: every node means what [`crate::domain`] says of its operation. Terms are deep and shared, so operands
//! are evaluated before nodes, without recursion and each once.
//!
//! Requirement TOR-PROOF-EVAL: The evaluator that confirms models shall compute what the operations say, without the term graph's
//! rules.

use crate::concrete::{Bytes, Concrete, eval_bin, eval_cmp, eval_div64, eval_un, mix};
use crate::domain::*;
use crate::term::{Graph, Node, T, Var};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// The number under which assignments have a [`Var::HostMap`].
pub fn host_map(calls: u32, writes: bool) -> u32 {
    u32::MAX - 2 * calls - u32::from(writes)
}

/// Values of the unknowns.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// Unknown words; a word that is absent has a value that depends on its `Var` and on `seed`.
    pub words: FxHashMap<Var, u32>,
    /// Memories by the number in `Var::Memory`; an absent one is sparse with a seed that depends on number and `seed`.
    pub memories: FxHashMap<u32, Bytes>,
    /// Contents of the data segments.
    pub segments: Vec<Vec<u8>>,
    /// What words, memories and table entries that are not given depend on.
    pub seed: u32,
}

impl Assignment {
    /// The value of an unknown word. Values that are not given keep the alignment that the unknown promises.
    pub fn variable(&self, v: Var) -> u32 {
        if let Some(value) = self.words.get(&v) {
            return *value;
        }
        let name = format!("{v:?}");
        name.bytes().fold(self.seed, |h, b| mix(h ^ u32::from(b).wrapping_mul(0x9e37_79b9))) & !v.zeros()
    }
    /// The contents of an unknown memory.
    fn memory(&self, n: u32) -> Bytes {
        let absent = || Bytes::Sparse { seed: mix(self.seed ^ mix(n)), written: FxHashMap::default() };
        self.memories.get(&n).cloned().unwrap_or_else(absent)
    }
    /// The type word (`kind` 0) or function word (`kind` 1) of a table entry.
    fn table(&self, kind: u32, table: u32, index: u32) -> u32 {
        mix(mix(mix(self.seed ^ kind) ^ table) ^ index)
    }
}

/// What a term evaluates to.
#[derive(Clone, Debug)]
enum Value {
    Word(u32),
    Bool(bool),
    Memory(Rc<Bytes>),
}

/// Evaluates terms of one graph, each node once. The graph may grow between calls.
#[derive(Clone, Debug)]
pub struct Evaluator<'a> {
    assignment: &'a Assignment,
    done: FxHashMap<T, Value>,
}

impl<'a> Evaluator<'a> {
    /// An evaluator under this assignment.
    pub fn new(assignment: &'a Assignment) -> Self {
        Evaluator { assignment, done: FxHashMap::default() }
    }
    /// The value of a word.
    pub fn word(&mut self, g: &Graph, t: T) -> u32 {
        self.evaluate(g, t);
        self.w(t)
    }
    /// The value of a boolean.
    pub fn boolean(&mut self, g: &Graph, t: T) -> bool {
        self.evaluate(g, t);
        self.b(t)
    }
    /// The contents of a memory.
    pub fn memory(&mut self, g: &Graph, t: T) -> Rc<Bytes> {
        self.evaluate(g, t);
        self.m(t)
    }

    fn w(&self, t: T) -> u32 {
        match self.done[&t] {
            Value::Word(w) => w,
            _ => unreachable!("invariant: a word, evaluated before"),
        }
    }
    fn b(&self, t: T) -> bool {
        match self.done[&t] {
            Value::Bool(b) => b,
            _ => unreachable!("invariant: a boolean, evaluated before"),
        }
    }
    fn m(&self, t: T) -> Rc<Bytes> {
        match &self.done[&t] {
            Value::Memory(m) => m.clone(),
            _ => unreachable!("invariant: a memory, evaluated before"),
        }
    }
    fn evaluate(&mut self, g: &Graph, root: T) {
        let mut stack = vec![root];
        while let Some(&t) = stack.last() {
            if self.done.contains_key(&t) {
                stack.pop();
                continue;
            }
            let before = stack.len();
            stack.extend(g.operands(t).into_iter().filter(|o| !self.done.contains_key(o)));
            if stack.len() == before {
                let value = self.node(g.node(t));
                self.done.insert(t, value);
                stack.pop();
            }
        }
    }
    /// The value of a node whose operands have been evaluated.
    fn node(&self, node: &Node) -> Value {
        let word = Value::Word;
        match node {
            Node::Const(c) => word(*c),
            Node::Bool(b) => Value::Bool(*b),
            Node::Var(Var::Memory(n)) => Value::Memory(Rc::new(self.assignment.memory(*n))),
            Node::Var(Var::HostMap(calls, writes)) => {
                Value::Memory(Rc::new(self.assignment.memory(host_map(*calls, *writes))))
            }
            Node::Var(v) => word(self.assignment.variable(*v)),
            Node::Sum(k, terms) => {
                word(terms.iter().fold(*k, |sum, (t, c)| sum.wrapping_add(self.w(*t).wrapping_mul(*c))))
            }
            Node::Bin(op, a, b) => word(eval_bin(*op, self.w(*a), self.w(*b))),
            Node::Un(op, a) => word(eval_un(*op, self.w(*a))),
            Node::Div64(op, high, ops) => {
                let [al, ah, bl, bh] = ops.map(|t| self.w(t));
                word(eval_div64(*op, *high, [al, ah], [bl, bh]))
            }
            Node::TableType(table, i) => word(self.assignment.table(0, *table, self.w(*i))),
            Node::TableFunction(table, i) => word(self.assignment.table(1, *table, self.w(*i))),
            Node::Ite(c, a, b) => word(if self.b(*c) { self.w(*a) } else { self.w(*b) }),
            Node::Cmp(op, a, b) => Value::Bool(eval_cmp(*op, self.w(*a), self.w(*b))),
            Node::AddOverflow(a, b, c) => {
                Value::Bool(self.concrete(None).add_overflow(&self.w(*a), &self.w(*b), &self.b(*c)))
            }
            Node::SubOverflow(a, b, c) => {
                Value::Bool(self.concrete(None).sub_overflow(&self.w(*a), &self.w(*b), &self.b(*c)))
            }
            Node::Not(a) => Value::Bool(!self.b(*a)),
            Node::And(a, b) => Value::Bool(self.b(*a) && self.b(*b)),
            Node::Xor(a, b) => Value::Bool(self.b(*a) != self.b(*b)),
            Node::Load(width, m, i) => {
                let (m, i) = (self.m(*m), self.w(*i));
                word((0..width.bytes()).fold(0, |v, k| v | u32::from(m.get(i.wrapping_add(k))) << (8 * k)))
            }
            Node::Store(width, m, i, v) => self.after(*m, |d| d.store(&(), *width, &self.w(*i), &self.w(*v))),
            Node::Fill(m, dst, v, n) => self.after(*m, |d| d.fill(&(), &self.w(*dst), &self.w(*v), &self.w(*n))),
            Node::Copy(m, dst, src, n) => self.after(*m, |d| d.copy(&(), &self.w(*dst), &self.w(*src), &self.w(*n))),
            Node::Init(s, m, dst, src, n) => {
                self.after(*m, |d| d.init(&(), *s, &self.w(*dst), &self.w(*src), &self.w(*n)))
            }
        }
    }
    /// The concrete domain over a copy of a memory.
    fn concrete(&self, m: Option<T>) -> Concrete {
        let memory = m.map_or(Bytes::Dense(vec![]), |m| (*self.m(m)).clone());
        Concrete { segments: self.assignment.segments.clone().into(), ..Concrete::new(memory) }
    }
    fn after(&self, m: T, effect: impl FnOnce(&mut Concrete)) -> Value {
        let mut concrete = self.concrete(Some(m));
        effect(&mut concrete);
        Value::Memory(Rc::new(concrete.memory))
    }
}

/// The value of a word.
pub fn word(g: &Graph, assignment: &Assignment, t: T) -> u32 {
    Evaluator::new(assignment).word(g, t)
}

/// The value of a boolean.
pub fn boolean(g: &Graph, assignment: &Assignment, t: T) -> bool {
    Evaluator::new(assignment).boolean(g, t)
}

/// The contents of a memory.
pub fn memory(g: &Graph, assignment: &Assignment, t: T) -> Bytes {
    (*Evaluator::new(assignment).memory(g, t)).clone()
}
