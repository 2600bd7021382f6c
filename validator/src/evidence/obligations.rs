//! The obligations of a function's proof, one by one, each as SMT-LIB 2 text that a foreign solver should answer with `unsat`.
//!
//! The function's links are proved once more, and what the checks tell their observer is written down: how, and by which rung, and, where
//! the e-graph closed it, the proof beside it. What the rung `normal` closed is one node on both sides and says nothing as text. Decisions
//! on the way that the assumptions of a path settle are no obligations and are not listed; that two sides cannot part because a path
//! cannot be is listed, though certificates do not count it.

use super::smtlib::{Products, equation, script};
use crate::egraph;
use crate::ladder::{Rung, is_memory, stored_words};
use crate::lemma::Rules;
use crate::prove_all::with_deep_stack;
use crate::refinement::{Closed, Goal};
use crate::replay::Proof;
use crate::term::{Graph, T};
use crate::validate::{Session, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use synth_lemmas::Term;

/// An obligation that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// Function index (imports first).
    pub function: u32,
    /// Name of the link.
    pub link: String,
    /// Running number among all obligations of links of that name, from 1.
    pub number: u32,
    /// The rung that closed it.
    pub rung: Rung,
    /// Whether the certificate counts it. That a path cannot be is not counted.
    pub counts: bool,
    /// What it says, for people.
    pub what: String,
    /// The query: SMT-LIB 2, self-contained.
    pub smt2: String,
    /// The e-graph's proof, if that closed it.
    pub egg: Option<String>,
    /// The lemmas that this proof cites, by name.
    pub lemmas: BTreeSet<String>,
}

impl Obligation {
    /// A name for files and messages, such as `f8-machine-17`.
    pub fn id(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
        format!("f{}-{}-{}", self.function, self.link.chars().map(plain).collect::<String>(), self.number)
    }
}

/// The obligations of a function that were closed on the rung `least` or above, in the order in which they come up. The same for the
/// same session, whatever else it is used for.
///
/// # Errors
/// Why the links cannot be attempted. A link that is not proved ends with its last closed obligation.
pub fn of(session: &Session<'_>, function: u32, least: Rung) -> Result<Vec<Obligation>, Verdict> {
    let mut found = Vec::new();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    with_deep_stack(|| {
        session.observe(function, &mut |link, closed| {
            let number = numbers.entry(link.to_string()).or_default();
            *number += 1;
            if closed.rung >= least.max(Rung::Path) {
                found.push(obligation(function, link, *number, closed));
            }
        })
    })?;
    Ok(found)
}

fn obligation(function: u32, link: &str, number: u32, closed: &Closed<'_>) -> Obligation {
    let what = (closed.what)();
    let counts = closed.goal != Goal::Impossible;
    // Functions of which nothing is known are enough where z3 was given no more. Words of memories may have closed on lower rungs too,
    // by what is known of products.
    let products = match (closed.rung, closed.goal) {
        (Rung::Smt, Goal::Equal(a, _)) if is_memory(closed.graph, a) => Products::Interpreted,
        (Rung::Smt, _) => Products::Uninterpreted,
        _ => Products::Interpreted,
    };
    let rung = closed.rung.name();
    let head =
        [format!("function {function}, link {link:?}, obligation {number}, closed by {rung}"), format!("{what:?}")];
    let smt2 = match closed.proof {
        None => script(closed.graph, closed.path.trail(), closed.goal, products, &head),
        Some(proof) => {
            let ends = [Some(&proof.start), proof.steps.last().map(|s| &s.term)].map(|t| t.unwrap_or(&proof.start));
            let [first, last] = ends.map(|text| Term::parse(text).expect("invariant: the checker has read it"));
            equation(&first, &last, products, &head).expect("invariant: the checker has checked the sorts")
        }
    };
    let (egg, lemmas) = (closed.rung == Rung::Egraph).then(|| egg(closed, &head)).unzip();
    let (link, rung, lemmas) = (link.to_string(), closed.rung, lemmas.unwrap_or_default());
    Obligation { function, link, number, rung, counts, what, smt2, egg, lemmas }
}

/// The proof of an e-graph closure as text, and the lemmas that it cites. The ladder does not keep it; it is found again from the same
/// terms.
fn egg(closed: &Closed<'_>, head: &[String]) -> (String, BTreeSet<String>) {
    let cited = |proof: &Proof| proof.steps.iter().map(|step| step.rule.clone()).collect::<BTreeSet<String>>();
    let mut text: String = head.iter().map(|line| format!("; {line}\n")).collect();
    if let Some(proof) = closed.proof {
        text.push_str("; a rewrite of the optimizer; its leaves are whatever words stand there\n");
        steps(&mut text, proof);
        return (text, cited(proof));
    }
    let mut g: Graph = closed.graph.clone();
    let Goal::Equal(a, b) = closed.goal else { unreachable!("invariant: the e-graph closes equalities") };
    let (a, b) = (closed.path.simplify(&mut g, a), closed.path.simplify(&mut g, b));
    text.push_str("; both sides with the decisions of the path put in\n");
    // Memories are equal because words in them are, of which the e-graph closes one at least.
    let pairs = stored_words(&g, (a, b)).unwrap_or(vec![(a, b)]);
    let proofs: Vec<Proof> = pairs
        .into_iter()
        .filter_map(|(a, b)| {
            let (a, b) = (closed.path.simplify(&mut g, a), closed.path.simplify(&mut g, b));
            egraph::equal(&mut g, a, b, Rules::shipped())
        })
        .collect();
    assert!(!proofs.is_empty(), "invariant: what the e-graph has closed it closes again");
    for proof in &proofs {
        for leaf in leaves(proof) {
            let _ = writeln!(text, "leaf @{leaf} is {}", g.render(T(leaf), 4));
        }
        steps(&mut text, proof);
    }
    (text, proofs.iter().flat_map(cited).collect())
}

fn steps(text: &mut String, proof: &Proof) {
    let _ = writeln!(text, "start {}", proof.start);
    for step in &proof.steps {
        let direction = if step.reversed { " from right to left" } else { "" };
        let at: Vec<String> = step.position.iter().map(u32::to_string).collect();
        let at = if at.is_empty() { String::new() } else { format!(" at {}", at.join(".")) };
        let _ = writeln!(text, "by {}{direction}{at}: {}", step.rule, step.term);
    }
}

/// The opaque parts that a proof's terms name.
fn leaves(proof: &Proof) -> BTreeSet<u32> {
    fn collect(term: &Term, found: &mut BTreeSet<u32>) {
        if let Term::Leaf(n) = term {
            found.insert(*n);
        }
        term.operands().iter().for_each(|o| collect(o, found));
    }
    let mut found = BTreeSet::new();
    let texts = proof.steps.iter().map(|s| &s.term).chain([&proof.start]);
    texts.filter_map(|t| Term::parse(t).ok()).for_each(|t| collect(&t, &mut found));
    found
}
