//! Rung 4: polynomials modulo 2^32. Two words whose expanded polynomials over opaque subterms agree are equal.
//!
//! Requirement TOR-PROOF-RING: Words that the ring normal form calls equal shall be equal in every state.

use crate::domain::{BinOp, Domain};
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Monomials (ascending factors) beyond which a polynomial is not expanded.
const MONOMIALS_MAX: usize = 512;
/// Degree beyond which a polynomial is not expanded.
const DEGREE_MAX: usize = 32;

type Polynomial = BTreeMap<Vec<T>, u32>;

/// Whether two words are equal as polynomials.
pub fn equal(g: &mut Graph, a: T, b: T) -> bool {
    if crate::ladder::is_memory(g, a) || g.as_bool(&a).is_some() {
        return false;
    }
    let difference = match (is_word(g, a), is_word(g, b)) {
        (true, true) => g.bin(BinOp::Sub, &a, &b),
        _ => return false,
    };
    expand(g, difference, &mut FxHashMap::default()).is_some_and(|p| p.values().all(|c| *c == 0))
}

fn is_word(g: &Graph, t: T) -> bool {
    !matches!(
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

/// The polynomial of a word, `None` if it is too large; each word is expanded once.
fn expand(g: &Graph, t: T, known: &mut FxHashMap<T, Option<Rc<Polynomial>>>) -> Option<Rc<Polynomial>> {
    if let Some(found) = known.get(&t) {
        return found.clone();
    }
    let found = match g.node(t) {
        Node::Const(c) => Some(Polynomial::from([(vec![], *c)])),
        Node::Sum(k, terms) => expand_sum(g, *k, terms, known),
        Node::Bin(BinOp::Mul, a, b) => expand_product(g, *a, *b, known),
        _ => Some(Polynomial::from([(vec![t], 1)])),
    };
    let found = found.map(Rc::new);
    known.insert(t, found.clone());
    found
}

fn expand_sum(
    g: &Graph,
    k: u32,
    terms: &[(T, u32)],
    known: &mut FxHashMap<T, Option<Rc<Polynomial>>>,
) -> Option<Polynomial> {
    let mut sum = Polynomial::from([(vec![], k)]);
    for (t, c) in terms {
        for (monomial, d) in &*expand(g, *t, known)? {
            let slot = sum.entry(monomial.clone()).or_default();
            *slot = slot.wrapping_add(d.wrapping_mul(*c));
        }
    }
    (sum.len() <= MONOMIALS_MAX).then_some(sum)
}

fn expand_product(g: &Graph, a: T, b: T, known: &mut FxHashMap<T, Option<Rc<Polynomial>>>) -> Option<Polynomial> {
    let (p, q) = (expand(g, a, known)?, expand(g, b, known)?);
    if p.len() * q.len() > MONOMIALS_MAX {
        return None;
    }
    let mut product = Polynomial::new();
    for (m, c) in &*p {
        for (n, d) in &*q {
            let mut monomial = [&m[..], &n[..]].concat();
            if monomial.len() > DEGREE_MAX {
                return None;
            }
            monomial.sort_unstable();
            let slot = product.entry(monomial).or_default();
            *slot = slot.wrapping_add(c.wrapping_mul(*d));
        }
    }
    Some(product)
}
