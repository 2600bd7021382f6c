//! What is decided on a path: conditions that share parts are looked at once, however deep.

use synth_validator::domain::*;
use synth_validator::ladder::Path;
use synth_validator::term::{Graph, Var};

/// Flags that comparisons write under a condition of the same flags: each stands in the next one several times, so that code of a few
/// dozen instructions once kept the validator from ending.
///
/// Covers TOR-PROOF-PATHS.
#[test]
fn conditions_that_share_parts_are_looked_at_once() {
    let mut g = Graph::new();
    let below = |g: &mut Graph, n: u32| {
        let word = g.var(Var::Argument(n));
        g.cmp_const(CmpOp::Ult, &word, 7)
    };
    let mut flag = below(&mut g, 0);
    for i in 0..200 {
        let (yes, no) = (below(&mut g, 2 * i + 1), below(&mut g, 2 * i + 2));
        flag = g.ite_bool(&flag, &yes, &no);
    }
    let mut path = Path::default();
    assert_eq!(path.decide(&mut g, flag), None);
    assert!(path.assume(&mut g, flag));
    assert_eq!(path.decide(&mut g, flag), Some(true));
}
