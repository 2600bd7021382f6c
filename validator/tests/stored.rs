//! Memories whose stored words are equal are equal (`ladder::prove_equal`); those that differ in one word, place, width, order or in what
//! lies below are not.

use synth_validator::domain::{BinOp, CmpOp, Domain, Width};
use synth_validator::ladder::{Limits, Path, Rung, prove_equal};
use synth_validator::term::{Graph, T, Var};

/// The numbers -32768 to 32767 nearest to a word, in the two ways that code has it: the least first, the greatest first.
fn saturated(g: &mut Graph, x: T) -> [T; 2] {
    let (least, greatest) = (g.word(0xffff_8000), g.word(0x7fff));
    let (under, over) = (g.cmp(CmpOp::Slt, &x, &least), g.cmp(CmpOp::Slt, &greatest, &x));
    let inner = g.ite(&over, &greatest, &x);
    let first = g.ite(&under, &least, &inner);
    let inner = g.ite(&under, &least, &x);
    let over = g.cmp(CmpOp::Slt, &greatest, &inner);
    [first, g.ite(&over, &greatest, &inner)]
}

/// A store: its width, place and word.
type Stored = (Width, T, T);

fn memory(g: &mut Graph, number: u32, stores: &[Stored]) -> T {
    let below = g.var(Var::Memory(number));
    stores.iter().fold(below, |m, (width, at, word)| g.store(&m, *width, at, word))
}

#[test]
fn stored_words_decide_whether_memories_are_equal() {
    let g = &mut Graph::default();
    let [x, p, q] = [0, 1, 2].map(|i| g.var(Var::Argument(i)));
    let a = g.havoc();
    let [first, second] = saturated(g, a);
    let other = g.bin_const(BinOp::Add, &second, 1);
    let half = Width::Half;
    let base: &[Stored] = &[(half, p, first), (Width::Word, q, x)];
    let equal: &[Stored] = &[(half, p, second), (Width::Word, q, x)];
    let (left, right) = (memory(g, 0, base), memory(g, 0, equal));
    assert_ne!(left, right, "the words are one node: nothing is asked");
    let found = prove_equal(g, &Path::default(), left, right, &Limits::default()).expect("the words are equal");
    assert!(found <= Rung::Smt, "{found:?}");

    let wrong: [(&str, u32, &[Stored]); 5] = [
        ("word", 0, &[(half, p, other), (Width::Word, q, x)]),
        ("place", 0, &[(half, x, second), (Width::Word, q, x)]),
        ("width", 0, &[(Width::Byte, p, second), (Width::Word, q, x)]),
        ("order", 0, &[(Width::Word, q, x), (half, p, second)]),
        ("below", 1, equal),
    ];
    for (what, below, stores) in wrong {
        let other = memory(g, below, stores);
        assert!(prove_equal(g, &Path::default(), left, other, &Limits::default()).is_err(), "{what}");
    }
}

/// A fill, copy or initialisation of no bytes changes nothing, also where only a solver sees that there are none; that another operand is
/// zero says nothing.
#[test]
fn bulk_operations_on_no_bytes_change_nothing() {
    let g = &mut Graph::default();
    let [x, p, q] = [0, 1, 2].map(|i| g.var(Var::Argument(i)));
    let memory = g.var(Var::Memory(0));
    let bytes = g.bin_const(BinOp::Shl, &x, 15);
    let changed =
        [g.fill(&memory, &p, &q, &bytes), g.copy(&memory, &p, &q, &bytes), g.init(&memory, 0, &p, &q, &bytes)];
    let zero = |g: &mut Graph, words: &[T]| {
        let mut path = Path::default();
        for word in words {
            let is_zero = g.cmp_const(CmpOp::Eq, word, 0);
            assert!(path.assume(g, is_zero));
        }
        path
    };
    let half = g.bin_const(BinOp::Shl, &x, 14);
    let path = zero(g, &[half]);
    for after in changed {
        prove_equal(g, &path, after, memory, &Limits::default()).expect("there are no bytes");
    }
    let path = zero(g, &[p, q]);
    for after in changed {
        assert!(prove_equal(g, &path, after, memory, &Limits::default()).is_err());
    }
}
