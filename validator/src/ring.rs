//! Rung 4: polynomials modulo 2^32. Two words whose expanded polynomials over opaque subterms agree are equal.
//!
//! Requirement TOR-PROOF-RING: Words that the ring normal form calls equal shall be equal in every state.

use crate::domain::{BinOp, Domain};
use crate::term::{Graph, Node, T};
use std::collections::BTreeMap;

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
    expand(g, difference).is_some_and(|p| p.values().all(|c| *c == 0))
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

fn expand(g: &Graph, t: T) -> Option<Polynomial> {
    match g.node(t) {
        Node::Const(c) => Some(Polynomial::from([(vec![], *c)])),
        Node::Sum(k, terms) => {
            let mut sum = Polynomial::from([(vec![], *k)]);
            for (t, c) in terms {
                for (monomial, d) in expand(g, *t)? {
                    let slot = sum.entry(monomial).or_default();
                    *slot = slot.wrapping_add(d.wrapping_mul(*c));
                }
            }
            (sum.len() <= MONOMIALS_MAX).then_some(sum)
        }
        Node::Bin(BinOp::Mul, a, b) => {
            let (p, q) = (expand(g, *a)?, expand(g, *b)?);
            if p.len() * q.len() > MONOMIALS_MAX {
                return None;
            }
            let mut product = Polynomial::new();
            for (m, c) in &p {
                for (n, d) in &q {
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
        _ => Some(Polynomial::from([(vec![t], 1)])),
    }
}
