//! Sweeping: what it puts together is equal in every state that the assumptions admit, and it closes what no rung closes at once.

use synth_validator::domain::{BinOp, CmpOp, Domain, UnOp, Width};
use synth_validator::eval::{Assignment, boolean};
use synth_validator::ladder::{Limits, Path, prove_equal};
use synth_validator::sweep::sweep;
use synth_validator::term::{Graph, T, Var};

/// A word that no pseudo-random state has by chance.
const RARE: u32 = 0xdead_beef;

fn masked(g: &mut Graph, word: T, mask: u32) -> T {
    let mask = g.word(mask);
    g.bin(BinOp::And, &word, &mask)
}

/// Fields written into a word in memory one after the other, each time loaded and stored; `joined` puts the field beside the rest.
fn fields(g: &mut Graph, fields: &[(T, u32, u32)], joined: BinOp) -> T {
    let (mut memory, at) = (g.var(Var::Memory(0)), g.var(Var::Argument(9)));
    for (value, bits, from) in fields {
        let mask = ((1 << bits) - 1) << from;
        let word = g.load(&memory, Width::Word, &at);
        let rest = masked(g, word, !mask);
        let shift = g.word(*from);
        let field = g.bin(BinOp::Shl, value, &shift);
        let field = masked(g, field, mask);
        let word = g.bin(joined, &rest, &field);
        memory = g.store(&memory, Width::Word, &at, &word);
    }
    memory
}

#[test]
fn fields_of_a_word_are_written_by_or_as_by_add() {
    let g = &mut Graph::default();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| g.var(Var::Argument(i)));
    let layout = [(a, 2, 0), (b, 3, 2), (c, 11, 5), (d, 12, 16)];
    let (left, right) = (fields(g, &layout, BinOp::Or), fields(g, &layout, BinOp::Add));
    assert!(prove_equal(g, &Path::default(), left, right, &Limits::default()).is_ok());
    for wrong in [[(a, 2, 0), (b, 3, 2), (c, 11, 5), (d, 11, 16)], [(a, 2, 0), (b, 3, 2), (d, 11, 5), (c, 12, 16)]] {
        let right = fields(g, &wrong, BinOp::Add);
        assert!(prove_equal(g, &Path::default(), left, right, &Limits::default()).is_err());
    }
}

/// Words that are equal where the last word is not [`RARE`], by what they differ in where it is.
fn nearly_equal(g: &mut Graph, [x, y, z]: [T; 3]) -> Vec<(T, T)> {
    let rare = g.word(RARE);
    let is_rare = g.cmp(CmpOp::Eq, &z, &rare);
    let product = g.bin(BinOp::Mul, &x, &y);
    let high = g.bin_const(BinOp::Lshr, &x, 16);
    let [next, both] = [g.bin_const(BinOp::Add, &x, 1), g.bin(BinOp::Or, &x, &y)];
    let zero = g.word(0);
    let excess = g.ite(&is_rare, &high, &zero);
    vec![
        (x, g.ite(&is_rare, &next, &x)),
        (x, g.bin(BinOp::Add, &x, &excess)),
        (both, g.ite(&is_rare, &x, &both)),
        (product, g.ite(&is_rare, &y, &product)),
    ]
}

/// Covers TOR-PROOF-SWEEP.
#[test]
fn words_that_agree_in_samples_only_stay_apart() {
    let g = &mut Graph::default();
    let words = [0, 1, 2].map(|i| g.var(Var::Argument(i)));
    let rare = g.word(RARE);
    let is_rare = g.cmp(CmpOp::Eq, &words[2], &rare);
    let is_not = g.not(&is_rare);
    let mut merged = 0;
    for (a, b) in nearly_equal(g, words) {
        // Both stand in the goal, under operations that no rule sees through.
        let [low, high] = [a, b].map(|word| g.un(UnOp::Rev, &word));
        let goal = g.cmp(CmpOp::Ult, &low, &high);
        let equal = g.cmp(CmpOp::Eq, &a, &b);
        for (assumptions, goal) in [(vec![], goal), (vec![], equal), (vec![is_not], goal), (vec![is_not], equal)] {
            let Some(swept) = sweep(g, &assumptions, goal, &Limits::default()) else {
                assert!(assumptions.is_empty(), "equal under the assumption, and not found to be");
                continue;
            };
            merged += usize::from(!assumptions.is_empty());
            for seed in 0..200 {
                let mut state = Assignment { seed, ..Assignment::default() };
                if seed % 2 == 0 {
                    state.words.insert(Var::Argument(2), RARE);
                }
                if assumptions.iter().all(|a| boolean(g, &state, *a)) {
                    assert_eq!(boolean(g, &state, goal), boolean(g, &state, swept.goal), "{}", g.render(goal, 6));
                    assert!(swept.assumptions.iter().all(|a| boolean(g, &state, *a)), "an assumption got stronger");
                }
            }
        }
    }
    assert_eq!(merged, 8, "all pairs are equal under the assumption");
}
