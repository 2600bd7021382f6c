//! The checker of e-graph proofs.
//!
//! A proof is a chain of terms `t₀, t₁, …, tₙ` as text. `t₀` and `tₙ` must build the two nodes in question, and each
//! step must change one position, where `tᵢ` and `tᵢ₊₁` are the two sides of an instance of one *proved* lemma (in
//! either order: an equality has no direction), or an operation on constants and its value (`fold`). Equality is a
//! congruence, so the chain proves `t₀ = tₙ`. Nothing that found the chain is trusted, nor is the reading of terms into
//! text: the nodes are built again from the text by the graph's own constructors.
//!
//! Requirement TOR-PROOF-REPLAY: A damaged explanation or rewrite shall be refused: another lemma, an instance whose condition fails,
//! another word, another last term.

use crate::lemma::{Rules, Value, constant_value, evaluate};
use crate::term::{Graph, Node, T};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use synth_lemmas::{Lemma, Op, Term};

/// Name of the step that computes an operation on constants.
pub const FOLD: &str = "fold";

/// Bytes of a term's text: claims come from outside, and terms are read recursively.
const TEXT_BYTES_MAX: usize = 8192;

/// One step of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name of the lemma, or [`FOLD`].
    pub rule: String,
    /// Whether the new term is the left side.
    pub reversed: bool,
    /// Where: operand numbers from the root.
    pub position: Vec<u32>,
    /// The whole term after the step.
    pub term: String,
}

/// A proof that two terms are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The first term.
    pub start: String,
    /// The steps; the term of the last one is the second term.
    pub steps: Vec<Step>,
}

/// Why a proof is not accepted; the number is the step's, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// A text is not a term, or its sorts are wrong.
    Term(usize),
    /// The lemma does not exist or is not proved.
    UnknownRule(usize),
    /// The position does not exist, or the terms differ elsewhere.
    Position(usize),
    /// The two parts are not an instance of the lemma.
    NotAnInstance(usize),
    /// The first or last term is not the node that it should be.
    Ends,
}

/// Checks a proof that `a` equals `b`.
/// # Errors
/// The first thing that is wrong.
pub fn check(g: &mut Graph, a: T, b: T, proof: &Proof, rules: &Rules) -> Result<(), Rejected> {
    let (first, last) = chain(proof, rules)?;
    let itself = |g: &Graph, n: u32| ((n as usize) < g.len()).then_some(T(n));
    let ends = [(first, a), (last, b)];
    if ends.iter().all(|(term, node)| build(g, term, &itself) == Some(*node)) { Ok(()) } else { Err(Rejected::Ends) }
}

/// Checks the steps of a proof. Result: its first and last term, which are equal whatever their opaque parts are.
/// # Errors
/// The first step that is wrong.
pub fn chain(proof: &Proof, rules: &Rules) -> Result<(Term, Term), Rejected> {
    let mut sorts = Vec::new();
    let mut parse = |text: &str, step: usize| -> Result<Term, Rejected> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Rejected::Term(step));
        }
        let term = Term::parse(text).map_err(|_| Rejected::Term(step))?;
        term.sort_with(&mut sorts).map_err(|_| Rejected::Term(step))?;
        Ok(term)
    };
    let first = parse(&proof.start, 0)?;
    let mut current = first.clone();
    for (i, step) in proof.steps.iter().enumerate() {
        let next = parse(&step.term, i)?;
        let (from, to) = parts(&current, &next, &step.position).ok_or(Rejected::Position(i))?;
        let (left, right) = if step.reversed { (to, from) } else { (from, to) };
        let instance = match step.rule.as_str() {
            FOLD => folded(left).as_ref() == Some(right),
            name => {
                let lemma = rules.named(name).ok_or(Rejected::UnknownRule(i))?;
                let binding = instance(lemma, left, right);
                if let Some(binding) = &binding
                    && !rules.is_proved(name, case(lemma, binding))
                {
                    return Err(Rejected::UnknownRule(i));
                }
                binding.is_some()
            }
        };
        if !instance {
            return Err(Rejected::NotAnInstance(i));
        }
        current = next;
    }
    Ok((first, current))
}

/// The parts of two terms at a position, if the terms agree everywhere else.
fn parts<'t>(a: &'t Term, b: &'t Term, position: &[u32]) -> Option<(&'t Term, &'t Term)> {
    let [first, rest @ ..] = position else {
        return Some((a, b));
    };
    let (Term::Apply(p, x), Term::Apply(q, y)) = (a, b) else {
        return None;
    };
    let at = *first as usize;
    let agree = p == q && x.len() == y.len() && (0..x.len()).all(|i| i == at || x[i] == y[i]);
    if agree { parts(x.get(at)?, y.get(at)?, rest) } else { None }
}

/// The node of a term without variables, where `leaf` gives the nodes of its opaque parts. `None` if one has none, or has the
/// wrong sort.
pub fn build(g: &mut Graph, term: &Term, leaf: &dyn Fn(&Graph, u32) -> Option<T>) -> Option<T> {
    let value = evaluate(g, term, &mut |g, atom| {
        let Term::Leaf(n) = atom else { return None };
        let t = leaf(g, *n).filter(|t| !crate::ladder::is_memory(g, *t))?;
        Some(if is_bool(g, t) { Value::Bool(t) } else { Value::Word(t) })
    })?;
    match value {
        Value::Word(t) | Value::Bool(t) => Some(t),
    }
}

/// Whether a term is a boolean.
pub fn is_bool(g: &Graph, t: T) -> bool {
    matches!(
        g.node(t),
        Node::Bool(_)
            | Node::Cmp(..)
            | Node::AddOverflow(..)
            | Node::SubOverflow(..)
            | Node::Not(_)
            | Node::And(..)
            | Node::Xor(..)
    )
}

/// What stands for the variables and constants of a lemma.
pub type Binding = BTreeMap<Term, Term>;

/// What stands for the variables and constants of a lemma, if two terms are the sides of an instance of it.
fn instance(lemma: &Lemma, left: &Term, right: &Term) -> Option<Binding> {
    let mut binding = Binding::new();
    let admitted = |(name, value): (&Term, &Term)| match (name, value) {
        (Term::Imm(name), Term::Const(c)) => lemma.admits(name, *c),
        _ => true,
    };
    let fits = matches(&lemma.left, left, &mut binding)
        && binding.iter().all(admitted)
        && lemma.conditions.iter().all(|c| fill(c, &binding) == Some(Term::Apply(Op::True, vec![])))
        && fill(&lemma.right, &binding).as_ref() == Some(right);
    fits.then_some(binding)
}

/// The value of the constant that a lemma lists values for.
fn case(lemma: &Lemma, binding: &Binding) -> Option<u32> {
    let (name, _) = lemma.cases.as_ref()?;
    match binding.get(&Term::Imm(name.clone())) {
        Some(Term::Const(value)) => Some(*value),
        _ => None,
    }
}

fn matches(pattern: &Term, term: &Term, binding: &mut Binding) -> bool {
    match (pattern, term) {
        (Term::Imm(_), Term::Const(_)) | (Term::Var(_), _) => {
            binding.entry(pattern.clone()).or_insert_with(|| term.clone()) == term
        }
        (Term::Apply(p, x), Term::Apply(q, y)) => {
            p == q && x.len() == y.len() && x.iter().zip(y).all(|(p, t)| matches(p, t, binding))
        }
        (Term::Const(_), _) => pattern == term,
        _ => false,
    }
}

/// A side of a lemma with its variables replaced; parts made of constants only become their values. Variables that the
/// binding does not have stay.
pub fn fill(pattern: &Term, binding: &Binding) -> Option<Term> {
    match pattern {
        Term::Apply(op, operands) => {
            let filled = operands.iter().map(|o| fill(o, binding)).collect::<Option<Vec<_>>>()?;
            let term = Term::Apply(*op, filled);
            if pattern.is_constant() { folded(&term) } else { Some(term) }
        }
        Term::Var(_) => Some(binding.get(pattern).unwrap_or(pattern).clone()),
        Term::Imm(_) => binding.get(pattern).cloned(),
        _ => Some(pattern.clone()),
    }
}

/// The value of an operation on constants.
pub fn folded(term: &Term) -> Option<Term> {
    let constant = |t: &Term| matches!(t, Term::Const(_) | Term::Apply(Op::True | Op::False, _));
    if !term.operands().iter().all(constant) {
        return None;
    }
    match constant_value(term, &|_| None)? {
        Value::Word(c) => Some(Term::Const(c)),
        Value::Bool(true) => Some(Term::Apply(Op::True, vec![])),
        Value::Bool(false) => Some(Term::Apply(Op::False, vec![])),
    }
}
