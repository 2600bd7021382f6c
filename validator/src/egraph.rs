//! Rung 2: equality saturation with lemmas, each proved before it counts.
//!
//! The two nodes of an open equality are read into text terms, egg saturates them within fixed limits, and its
//! explanation becomes a [`Proof`] that [`crate::replay`] checks. Neither egg nor the reading is trusted. The limits count
//! nodes and iterations, never time. Nodes that are neither words nor booleans of the lemma language (loads, calls) are
//! opaque. Assumptions of a path are not used here.
//!
//! Requirement TOR-PROOF-EGRAPH: The e-graph shall prove nothing by itself: its explanation shall be replayed step by step, each step
//! an instance of a proved lemma.

use crate::domain::*;
use crate::lemma::{BINARY, COMPARE, Rules, UNARY, Value, constant_value};
use crate::replay::{self, Binding, FOLD, Proof, Step};
use crate::term::{Graph, Node, T};
use egg::{
    Analysis, Applier, DidMerge, EGraph, ENodeOrVar, Explanation, FlatTerm, Id, Language, Pattern, PatternAst, RecExpr,
};
use egg::{Rewrite, Runner, Subst, Symbol, Var as PatternVar};
use std::time::Duration;
use synth_lemmas::{Lemma, Op, Sort, Term};

/// Nodes of the e-graph.
const NODES_MAX: usize = 1500;
/// Rounds of rewriting.
const ITERATIONS_MAX: usize = 8;
/// Nodes of a term, as a tree, that is tried.
const TERM_NODES_MAX: usize = 200;
/// Pseudo-random states in which both terms must agree before the e-graph is built.
const TRIALS: u32 = 16;

/// A node of the e-graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// A word.
    Const(u32),
    /// An opaque part.
    Leaf(u32),
    /// An operation.
    Apply(Op, Vec<Id>),
}

impl Language for Lang {
    type Discriminant = (u8, u32);
    fn discriminant(&self) -> (u8, u32) {
        match self {
            Lang::Const(c) => (0, *c),
            Lang::Leaf(n) => (1, *n),
            Lang::Apply(op, _) => (2, *op as u32),
        }
    }
    fn matches(&self, other: &Self) -> bool {
        self.discriminant() == other.discriminant()
    }
    fn children(&self) -> &[Id] {
        if let Lang::Apply(_, operands) = self { operands } else { &[] }
    }
    fn children_mut(&mut self) -> &mut [Id] {
        if let Lang::Apply(_, operands) = self { operands } else { &mut [] }
    }
}

/// Knows the classes that have a constant, and adds the values of operations on constants.
#[derive(Clone, Debug, Default)]
pub struct Fold;

/// A constant, and the operation on constants that has this value.
pub type Known = Option<(Term, Term)>;

impl Analysis<Lang> for Fold {
    type Data = Known;
    fn make(egraph: &mut EGraph<Lang, Self>, node: &Lang, _id: Id) -> Known {
        let term = match node {
            Lang::Const(c) => return Some((Term::Const(*c), Term::Const(*c))),
            Lang::Leaf(_) => return None,
            Lang::Apply(op, operands) => {
                let value = |id: &Id| egraph[*id].data.as_ref().map(|(value, _)| value.clone());
                Term::Apply(*op, operands.iter().map(value).collect::<Option<_>>()?)
            }
        };
        Some((replay::folded(&term)?, term))
    }
    fn merge(&mut self, to: &mut Known, from: Known) -> DidMerge {
        egg::merge_option(to, from, |_, _| DidMerge(false, true))
    }
    fn modify(egraph: &mut EGraph<Lang, Self>, id: Id) {
        if let Some((value, term)) = egraph[id].data.clone()
            && value != term
        {
            let (term, value) = (pattern(&term, &[]), pattern(&value, &[]));
            egraph.union_instantiations(&term, &value, &Subst::default(), FOLD);
        }
    }
}

/// The pattern of a term; variables are numbered by their place in `names`.
fn pattern(term: &Term, names: &[(String, Sort)]) -> PatternAst<Lang> {
    fn add(term: &Term, names: &[(String, Sort)], out: &mut PatternAst<Lang>) -> Id {
        let node = match term {
            Term::Const(c) => ENodeOrVar::ENode(Lang::Const(*c)),
            Term::Leaf(n) => ENodeOrVar::ENode(Lang::Leaf(*n)),
            Term::Var(_) | Term::Imm(_) => ENodeOrVar::Var(variable(term, names)),
            Term::Apply(op, operands) => {
                let operands = operands.iter().map(|o| add(o, names, out)).collect();
                ENodeOrVar::ENode(Lang::Apply(*op, operands))
            }
        };
        out.add(node)
    }
    let mut out = PatternAst::default();
    add(term, names, &mut out);
    out
}

fn variable(term: &Term, names: &[(String, Sort)]) -> PatternVar {
    let at = names.iter().position(|(name, _)| *name == term.to_string());
    PatternVar::from_u32(at.expect("invariant: the left side binds all names") as u32)
}

/// The right side of a lemma in use.
struct Instance {
    names: Vec<(String, Sort)>,
    left: Term,
    right: Term,
    conditions: Vec<Term>,
    cases: Option<(String, Vec<u32>)>,
}

impl Applier<Lang, Fold> for Instance {
    fn apply_one(
        &self,
        egraph: &mut EGraph<Lang, Fold>,
        _class: Id,
        subst: &Subst,
        _searcher: Option<&PatternAst<Lang>>,
        rule: Symbol,
    ) -> Vec<Id> {
        let mut binding = Binding::new();
        for (i, (name, _)) in self.names.iter().enumerate() {
            if let Some(imm) = name.strip_prefix('#') {
                match &egraph[subst[PatternVar::from_u32(i as u32)]].data {
                    Some((value @ Term::Const(c), _)) if self.admits(imm, *c) => {
                        binding.insert(Term::Imm(imm.to_string()), value.clone())
                    }
                    _ => return vec![],
                };
            }
        }
        let holds = |c: &Term| replay::fill(c, &binding) == Some(Term::Apply(Op::True, vec![]));
        let sides = (replay::fill(&self.left, &binding), replay::fill(&self.right, &binding));
        let (true, (Some(left), Some(right))) = (self.conditions.iter().all(holds), sides) else {
            return vec![];
        };
        let (left, right) = (pattern(&left, &self.names), pattern(&right, &self.names));
        match egraph.union_instantiations(&left, &right, subst, rule) {
            (id, true) => vec![id],
            _ => vec![],
        }
    }
}

impl Instance {
    fn admits(&self, name: &str, value: u32) -> bool {
        self.cases.as_ref().is_none_or(|(n, values)| n != name || values.contains(&value))
    }
}

/// Lemmas as egg takes them. A lemma used from right to left has `'` after its name.
pub struct Compiled(Vec<Rewrite<Lang, Fold>>);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|r| r.name)).finish()
    }
}

impl Compiled {
    /// Lemmas for rewriting from left to right, or from right to left where so marked.
    pub fn new<'l>(lemmas: impl Iterator<Item = (&'l Lemma, bool)>) -> Self {
        let rewrite = |(lemma, backward): (&Lemma, bool)| {
            let names = crate::lemma::names(lemma);
            let (left, right) = (lemma.left.clone(), lemma.right.clone());
            let (left, right) = if backward { (right, left) } else { (left, right) };
            let searcher = Pattern::new(pattern(&left, &names));
            let (conditions, cases) = (lemma.conditions.clone(), lemma.cases.clone());
            let name = format!("{}{}", lemma.name, if backward { "'" } else { "" });
            let rewrite = Rewrite::new(name, searcher, Instance { names, left, right, conditions, cases });
            rewrite.expect("invariant: the loader has checked the variables")
        };
        Compiled(lemmas.map(rewrite).collect())
    }
    /// For egg.
    pub fn rewrites(&self) -> &[Rewrite<Lang, Fold>] {
        &self.0
    }
}

/// Proves that two words, or two booleans, are equal, within fixed limits.
pub fn equal(g: &mut Graph, a: T, b: T, rules: &Rules) -> Option<Proof> {
    let (left, right) = (read(g, a)?, read(g, b)?);
    if !agree(g, &left, &right) {
        return None;
    }
    let proof = saturate(&left, &right, rules)?;
    replay::check(g, a, b, &proof, rules).ok()?;
    Some(proof)
}

/// Whether two terms have the same value in some pseudo-random states.
fn agree(g: &Graph, left: &Term, right: &Term) -> bool {
    (0..TRIALS).all(|trial| {
        let atom = |t: &Term| match t {
            Term::Leaf(n) => {
                let word = crate::concrete::mix(n.wrapping_mul(TRIALS) + trial + 1);
                let word = if trial % 2 == 0 { word } else { word >> (word & 31) };
                Some(if replay::is_bool(g, T(*n)) { Value::Bool(word & 1 == 1) } else { Value::Word(word) })
            }
            _ => None,
        };
        constant_value(left, &atom) == constant_value(right, &atom)
    })
}

/// A term without variables as egg takes it.
pub fn expression(term: &Term) -> RecExpr<Lang> {
    let nodes = pattern(term, &[]);
    let nodes = nodes.as_ref().iter().map(|n| match n {
        ENodeOrVar::ENode(node) => node.clone(),
        ENodeOrVar::Var(_) => unreachable!("invariant: terms of code have no variables"),
    });
    RecExpr::from(nodes.collect::<Vec<_>>())
}

fn saturate(left: &Term, right: &Term, rules: &Rules) -> Option<Proof> {
    let (left, right) = (expression(left), expression(right));
    let mut runner = Runner::<Lang, Fold, ()>::new(Fold)
        .with_explanations_enabled()
        .with_node_limit(NODES_MAX)
        .with_iter_limit(ITERATIONS_MAX)
        .with_time_limit(Duration::from_secs(u64::from(u32::MAX)))
        .with_hook(|runner| match runner.egraph.find(runner.roots[0]) == runner.egraph.find(runner.roots[1]) {
            true => Err("closed".to_string()),
            false => Ok(()),
        })
        .with_expr(&left)
        .with_expr(&right)
        .run(rules.compiled.rewrites());
    if runner.egraph.find(runner.roots[0]) != runner.egraph.find(runner.roots[1]) {
        return None;
    }
    explanation(&mut runner.explain_equivalence(&left, &right))
}

/// An explanation as a proof for our own checker.
pub fn explanation(explanation: &mut Explanation<Lang>) -> Option<Proof> {
    let chain = explanation.make_flat_explanation();
    let text = |t: &FlatTerm<Lang>| flat(t).to_string();
    let steps = chain[1..].iter().map(|t| {
        let mut position = Vec::new();
        let (rule, backward) = marked(t, &mut position)?;
        let name = rule.as_str();
        let (rule, flipped) = name.strip_suffix('\'').map_or((name, false), |n| (n, true));
        Some(Step { rule: rule.to_string(), reversed: backward != flipped, position, term: text(t) })
    });
    Some(Proof { start: text(&chain[0]), steps: steps.collect::<Option<_>>()? })
}

fn flat(t: &FlatTerm<Lang>) -> Term {
    match &t.node {
        Lang::Const(c) => Term::Const(*c),
        Lang::Leaf(n) => Term::Leaf(*n),
        Lang::Apply(op, _) => Term::Apply(*op, t.children.iter().map(flat).collect()),
    }
}

/// The rule that made this term from the one before, whether it was used backward, and where.
fn marked(t: &FlatTerm<Lang>, position: &mut Vec<u32>) -> Option<(Symbol, bool)> {
    if let Some(rule) = t.forward_rule.or(t.backward_rule) {
        return Some((rule, t.backward_rule.is_some()));
    }
    for (i, child) in t.children.iter().enumerate() {
        position.push(i as u32);
        if let Some(found) = marked(child, position) {
            return Some(found);
        }
        position.pop();
    }
    None
}

/// The text term of a node, in the words that lemmas use: sums as additions and subtractions, shifts instead of
/// products by powers of two. `None` if it is too large.
pub fn read(g: &Graph, t: T) -> Option<Term> {
    read_within(g, t, &mut { TERM_NODES_MAX })
}

fn read_within(g: &Graph, t: T, budget: &mut usize) -> Option<Term> {
    *budget = budget.checked_sub(1)?;
    let mut sub = |t: T| read_within(g, t, budget);
    Some(match g.node(t) {
        Node::Const(c) => Term::Const(*c),
        Node::Bool(b) => Term::Apply(if *b { Op::True } else { Op::False }, vec![]),
        Node::Sum(k, terms) => {
            let (plus, minus) = halves(terms, &mut sub)?;
            sum(*k, plus, minus)
        }
        Node::Bin(op, a, b) => Term::Apply(named(&BINARY, *op), vec![sub(*a)?, sub(*b)?]),
        Node::Un(op, a) => Term::Apply(named(&UNARY, *op), vec![sub(*a)?]),
        Node::Ite(c, a, b) => Term::Apply(Op::Ite, vec![sub(*c)?, sub(*a)?, sub(*b)?]),
        Node::Cmp(CmpOp::Eq, d, zero) if g.constant(*zero) == Some(0) => {
            let (k, terms) = g.linear(*d);
            let (plus, minus) = halves(&terms, &mut sub)?;
            let (left, right) = if minus.is_empty() || k > 1 << 31 { (0, k.wrapping_neg()) } else { (k, 0) };
            Term::Apply(Op::Eq, vec![sum(left, plus, vec![]), sum(right, minus, vec![])])
        }
        Node::Cmp(op, a, b) => Term::Apply(named(&COMPARE, *op), vec![sub(*a)?, sub(*b)?]),
        Node::Not(a) => Term::Apply(Op::Bnot, vec![sub(*a)?]),
        Node::And(a, b) => Term::Apply(Op::Band, vec![sub(*a)?, sub(*b)?]),
        Node::Xor(a, b) => Term::Apply(Op::Bxor, vec![sub(*a)?, sub(*b)?]),
        _ => Term::Leaf(t.0),
    })
}

/// Added and subtracted products of a sum.
fn halves(terms: &[(T, u32)], sub: &mut dyn FnMut(T) -> Option<Term>) -> Option<(Vec<Term>, Vec<Term>)> {
    let (mut plus, mut minus) = (Vec::new(), Vec::new());
    for (t, c) in terms {
        let (half, c) = if *c > 1 << 31 { (&mut minus, c.wrapping_neg()) } else { (&mut plus, *c) };
        let t = sub(*t)?;
        half.push(match c {
            1 => t,
            c if c.is_power_of_two() => Term::Apply(Op::Shl, vec![t, Term::Const(c.trailing_zeros())]),
            c => Term::Apply(Op::Mul, vec![t, Term::Const(c)]),
        });
    }
    Some((plus, minus))
}

fn sum(k: u32, plus: Vec<Term>, minus: Vec<Term>) -> Term {
    let last = if plus.is_empty() || k == 0 { None } else { Some(Term::Const(k)) };
    let first = if plus.is_empty() { Some(Term::Const(k)) } else { None };
    let added = first.into_iter().chain(plus).reduce(|a, b| Term::Apply(Op::Add, vec![a, b]));
    let added = added.expect("invariant: the constant stands in for no terms");
    let rest = minus.into_iter().fold(added, |a, b| Term::Apply(Op::Sub, vec![a, b]));
    last.into_iter().fold(rest, |a, b| Term::Apply(Op::Add, vec![a, b]))
}

fn named<A: Copy, B: PartialEq>(table: &[(A, B)], op: B) -> A {
    let row = table.iter().find(|(_, b)| *b == op);
    row.expect("invariant: the tables have every operation of the domain, as a test shows").0
}
