//! The search for a cheaper term: a cheap look whether any lemma leads to one, saturation with egg, extraction by cost.
//!
//! Limits count nodes and rounds, never time. Equal terms are searched once per process; what is found depends on nothing but the
//! term and its setting.

use super::cost::{IMPOSSIBLE, Setting, Weights};
use super::heads::Heads;
use egg::{EGraph, Id, Runner};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use synth_lemmas::{Lemma, Op, Term};
use synth_validator::egraph::{Compiled, Fold, Lang, explanation, expression};
use synth_validator::lemma::listing;
use synth_validator::replay::{Binding, Proof, fill, folded};

/// Nodes of the e-graph.
const NODES_MAX: usize = 160;
/// Rounds of rewriting.
const ROUNDS_MAX: usize = 3;
/// Nodes by which a lemma may make a term grow, unless it is about listed constants.
const GROWTH_MAX: isize = 1;
/// Nodes of an extracted term.
const TERM_NODES_MAX: usize = 40;
/// Terms that are remembered.
const MEMORY_MAX: usize = 1 << 15;

/// A cheaper term, and the proof that it is equal.
#[derive(Clone, Debug)]
pub struct Found {
    /// The term.
    pub term: Term,
    /// Its cost.
    pub cost: u32,
    /// That the given term equals it.
    pub proof: Proof,
}

/// The lemmas to search with.
pub struct Lemmas {
    /// By root operation: left side, and the lemma.
    by_root: FxHashMap<Op, Vec<Lemma>>,
    /// What their left sides begin with.
    pub heads: Heads,
    compiled: Compiled,
}

/// Lemmas that only change the order of operands; they are no reason to search.
fn is_order(lemma: &Lemma) -> bool {
    lemma.name.ends_with("_commutes") || lemma.name.ends_with("_associates")
}

/// Nodes of a pattern; what is made of constants only is a constant.
fn nodes(pattern: &Term) -> isize {
    if pattern.is_constant() { 1 } else { 1 + pattern.operands().iter().map(nodes).sum::<isize>() }
}

impl Lemmas {
    /// The proved lemmas that the optimizer may use.
    pub fn shipped() -> &'static Lemmas {
        static LEMMAS: OnceLock<Lemmas> = OnceLock::new();
        LEMMAS.get_or_init(|| Lemmas::of(synth_lemmas::all()))
    }
    /// Those of the given lemmas that are listed as proved.
    fn of(lemmas: Vec<Lemma>) -> Lemmas {
        let proved: BTreeSet<&str> = synth_lemmas::PROVED.lines().collect();
        let usable = lemmas.into_iter().filter(|l| l.usage.rewrite && proved.contains(listing(l).as_str()));
        Lemmas::searching(usable.collect())
    }
    /// Searches with these lemmas, those first that make terms smaller.
    pub fn searching(lemmas: Vec<Lemma>) -> Lemmas {
        let growth = |(l, backward): &(&Lemma, bool)| {
            let growth = nodes(&l.right) - nodes(&l.left);
            if *backward { -growth } else { growth }
        };
        let ways = lemmas.iter().flat_map(|l| [(l, false), (l, true)]);
        let ways = ways.filter(|(l, backward)| !backward || l.both_ways);
        let mut ways: Vec<_> = ways.filter(|w| growth(w) <= GROWTH_MAX || w.0.cases.is_some()).collect();
        ways.sort_by_key(growth);
        let compiled = Compiled::new(ways.iter().copied());
        let mut by_root: FxHashMap<Op, Vec<Lemma>> = FxHashMap::default();
        for (lemma, backward) in ways.into_iter().filter(|(l, _)| !is_order(l)) {
            let mut lemma = lemma.clone();
            if backward {
                std::mem::swap(&mut lemma.left, &mut lemma.right);
            }
            if let Term::Apply(op, _) = lemma.left {
                by_root.entry(op).or_default().push(lemma);
            }
        }
        let heads = Heads::new(by_root.values().flatten().map(|l| &l.left));
        Lemmas { by_root, heads, compiled }
    }

    /// A term that is equal and cheaper in its setting, if the search finds one.
    pub fn cheaper(&self, term: &Term, setting: &Setting<'_>) -> Option<Found> {
        if !self.promises(term, setting) {
            return None;
        }
        let start = expression(term);
        let mut runner = Runner::<Lang, Fold, ()>::new(Fold)
            .with_explanations_enabled()
            .with_node_limit(NODES_MAX)
            .with_iter_limit(ROUNDS_MAX)
            .with_time_limit(Duration::from_secs(u64::from(u32::MAX)))
            .with_expr(&start)
            .run(self.compiled.rewrites());
        let (cost, best) = extract(&runner.egraph, runner.roots[0], setting)?;
        if cost >= setting.cost(term) {
            return None;
        }
        let proof = explanation(&mut runner.explain_equivalence(&start, &expression(&best)))?;
        Some(Found { term: best, cost, proof })
    }

    /// Whether some lemma makes the term, or a condition in it, cheaper by itself.
    fn promises(&self, term: &Term, setting: &Setting<'_>) -> bool {
        let inside = |t: &Term| matches!(t, Term::Apply(op, _) if op.result() == synth_lemmas::Sort::Bool);
        self.improves(term, setting)
            || gathers_constants(term)
            || term.operands().iter().any(|t| inside(t) && self.promises(t, setting))
    }
    fn improves(&self, term: &Term, setting: &Setting<'_>) -> bool {
        let Term::Apply(op, _) = term else { return false };
        let known = self.by_root.get(op).into_iter().flatten().filter(|lemma| has_form(&lemma.left, term));
        let mut known = known.peekable();
        if known.peek().is_none() {
            return false;
        }
        let before = setting.cost(term);
        known.any(|lemma| {
            let mut binding = Binding::new();
            bind(&lemma.left, term, &mut binding)
                && binding.iter().all(|(name, value)| match (name, value) {
                    (Term::Imm(name), Term::Const(c)) => lemma.admits(name, *c),
                    _ => true,
                })
                && lemma.conditions.iter().all(|c| fill(c, &binding) == Some(Term::Apply(Op::True, vec![])))
                && fill(&lemma.right, &binding).is_some_and(|right| setting.cost(&computed(&right)) < before)
        })
    }
}

/// Whether the operands of an operation may be exchanged.
pub fn commutes(op: Op) -> bool {
    matches!(
        op,
        Op::Add
            | Op::Mul
            | Op::UMulHi
            | Op::SMulHi
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::Eq
            | Op::Band
            | Op::Bor
            | Op::Bxor
    )
}

/// The term with operations on constants computed.
fn computed(term: &Term) -> Term {
    match term {
        Term::Apply(op, operands) => {
            let term = Term::Apply(*op, operands.iter().map(computed).collect());
            folded(&term).unwrap_or(term)
        }
        _ => term.clone(),
    }
}

/// Whether a term has the operations of a pattern, where operands may be exchanged.
fn has_form(pattern: &Term, term: &Term) -> bool {
    match (pattern, term) {
        (Term::Var(_), _) | (Term::Imm(_), Term::Const(_)) => true,
        (Term::Apply(p, x), Term::Apply(q, y)) => {
            let direct = || x.iter().zip(y).all(|(p, t)| has_form(p, t));
            let exchanged = || commutes(*p) && x.iter().zip(y.iter().rev()).all(|(p, t)| has_form(p, t));
            p == q && (direct() || exchanged())
        }
        (Term::Const(_), _) => pattern == term,
        _ => false,
    }
}

/// Whether a term is an instance of a pattern, where operands may be exchanged. Not all exchanges are tried.
fn bind(pattern: &Term, term: &Term, binding: &mut Binding) -> bool {
    match (pattern, term) {
        (Term::Imm(_), Term::Const(_)) | (Term::Var(_), _) => match binding.get(pattern) {
            Some(bound) => bound == term,
            None => binding.insert(pattern.clone(), term.clone()).is_none(),
        },
        (Term::Apply(p, x), Term::Apply(q, y)) if p == q => {
            let [a, b] = &y[..] else {
                return x.iter().zip(y).all(|(p, t)| bind(p, t, binding));
            };
            let before = if commutes(*p) { Some(binding.clone()) } else { None };
            if bind(&x[0], a, binding) && bind(&x[1], b, binding) {
                return true;
            }
            let Some(before) = before else { return false };
            *binding = before;
            bind(&x[0], b, binding) && bind(&x[1], a, binding)
        }
        (Term::Const(_), _) => pattern == term,
        _ => false,
    }
}

/// Whether a chain of one operation whose operands may be put in any order has several constants.
fn gathers_constants(term: &Term) -> bool {
    fn constants(op: Op, term: &Term) -> usize {
        match term {
            Term::Const(_) => 1,
            Term::Apply(inner, operands) if *inner == op => operands.iter().map(|t| constants(op, t)).sum(),
            _ => 0,
        }
    }
    match term {
        Term::Apply(op @ (Op::Add | Op::Mul | Op::And | Op::Or | Op::Xor), _) => constants(*op, term) > 1,
        _ => false,
    }
}

/// Whether a term may become part of an instruction that uses it.
fn is_absorbed(term: &Term) -> bool {
    match term {
        Term::Apply(Op::Shl | Op::Lshr | Op::Ashr | Op::Ror, operands) => matches!(operands[1], Term::Const(_)),
        Term::Apply(Op::Mul, operands) => !operands.iter().any(Term::is_constant),
        _ => false,
    }
}

/// Constants on the left of operations that exchange their operands.
fn leading_constants(term: &Term) -> usize {
    let here = match term {
        Term::Apply(op, operands) => usize::from(commutes(*op) && operands[0].is_constant()),
        _ => 0,
    };
    here + term.operands().iter().map(leading_constants).sum::<usize>()
}

/// A term with its rank: cost, size, constants in an unusual place.
type Ranked = ((u32, usize, usize), Term);

fn ranked(term: Term, setting: &Setting<'_>) -> Option<Ranked> {
    let size = term.size();
    let cost = if size > TERM_NODES_MAX { IMPOSSIBLE } else { setting.cost(&term) };
    (cost < IMPOSSIBLE).then(|| ((cost, size, leading_constants(&term)), term))
}

/// The best terms of a class so far: of all, and of those that may become part of a user.
#[derive(Clone, Debug, Default)]
struct Best([Option<Ranked>; 2]);

impl Best {
    /// Takes a term if it is better; whether it was.
    fn offer(&mut self, new: Ranked) -> bool {
        let mut taken = false;
        let places = if is_absorbed(&new.1) { &mut self.0[..] } else { &mut self.0[..1] };
        for place in places {
            if place.as_ref().is_none_or(|old| new < *old) {
                *place = Some(new.clone());
                taken = true;
            }
        }
        taken
    }
    fn terms(&self) -> Vec<&Term> {
        let mut terms: Vec<&Term> = self.0.iter().flatten().map(|(_, t)| t).collect();
        terms.dedup();
        terms
    }
}

/// The terms of a node, from the best ones of its operands.
fn terms(node: &Lang, best: &BTreeMap<Id, Best>) -> Vec<Term> {
    let (op, operands) = match node {
        Lang::Const(c) => return vec![Term::Const(*c)],
        Lang::Leaf(n) => return vec![Term::Leaf(*n)],
        Lang::Apply(op, operands) => (*op, operands),
    };
    let choices: Option<Vec<Vec<&Term>>> = operands.iter().map(|o| Some(best.get(o)?.terms())).collect();
    let Some(choices) = choices else { return vec![] };
    let mut made: Vec<Vec<Term>> = vec![vec![]];
    for choice in choices {
        // Operations on pairs and choices take their operands from registers.
        let choice = if operands.len() > 2 { &choice[..1] } else { &choice[..] };
        let longer = |start: &Vec<Term>| {
            choice.iter().map(|t| start.iter().cloned().chain([(*t).clone()]).collect()).collect::<Vec<_>>()
        };
        made = made.iter().flat_map(longer).collect();
    }
    made.into_iter().map(|operands| Term::Apply(op, operands)).collect()
}

/// The cheapest term of a class, with its cost.
fn extract(egraph: &EGraph<Lang, Fold>, root: Id, setting: &Setting<'_>) -> Option<(u32, Term)> {
    let root = egraph.find(root);
    let inner = Setting { tested: false, ..*setting };
    let mut best: BTreeMap<Id, Best> = BTreeMap::new();
    let alone = |term: Term| Best([Some(((0, 0, 0), term)), None]);
    for term in setting.free {
        if let Some(id) = egraph.lookup_expr(&expression(term)) {
            best.insert(egraph.find(id), alone(term.clone()));
        }
    }
    let mut classes: Vec<_> = egraph.classes().collect();
    classes.sort_by_key(|c| c.id);
    for class in &classes {
        if let Some((value, _)) = &class.data {
            best.insert(class.id, alone(value.clone()));
        }
    }
    let fixed: BTreeSet<Id> = best.keys().copied().collect();
    let mut changed: BTreeSet<Id> = fixed.clone();
    for round in 0..=2 * ROUNDS_MAX {
        let mut next = BTreeSet::new();
        for class in classes.iter().filter(|c| !fixed.contains(&c.id)) {
            let setting = if class.id == root { setting } else { &inner };
            let is_new = |node: &&Lang| {
                let operands = if let Lang::Apply(_, operands) = node { &operands[..] } else { &[] };
                round == 0 || operands.iter().any(|o| changed.contains(o) || next.contains(o))
            };
            let found: Vec<Term> = class.nodes.iter().filter(is_new).flat_map(|node| terms(node, &best)).collect();
            for term in found.into_iter().filter_map(|t| ranked(t, setting)) {
                if best.entry(class.id).or_default().offer(term) {
                    next.insert(class.id);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        changed = next;
    }
    let (_, term) = best.remove(&root)?.0[0].take()?;
    Some((setting.cost(&term), term))
}

type Key = (Term, Vec<Term>, bool, Weights);

/// The same as [`Lemmas::cheaper`] with the shipped lemmas, remembered.
pub fn cheaper(term: &Term, setting: &Setting<'_>) -> Option<Found> {
    static MEMORY: Mutex<Option<FxHashMap<Key, Arc<Option<Found>>>>> = Mutex::new(None);
    let key = (term.clone(), setting.free.to_vec(), setting.tested, setting.weights);
    let locked = || MEMORY.lock().expect("invariant: nobody panics while holding the lock");
    if let Some(found) = locked().get_or_insert_default().get(&key) {
        return Option::clone(found);
    }
    let found = Lemmas::shipped().cheaper(term, setting);
    let mut memory = locked();
    let memory = memory.get_or_insert_default();
    if memory.len() < MEMORY_MAX {
        memory.insert(key, Arc::new(found.clone()));
    }
    found
}
