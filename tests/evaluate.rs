//! The compiler's evaluator of operations on constants against the meaning that proofs use.

use synth::evaluate::evaluate;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::domain::{BinOp, DivOp, UnOp};
use synth_validator::ir::{Bin64, Cond, Op, Type, Un64};
use synth_validator::ir_semantics::compute;
use synth_validator::program::World;

const VALUES: [u64; 17] = [
    0,
    1,
    2,
    7,
    31,
    32,
    33,
    63,
    64,
    0xff,
    0x180,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x0123_4567_89ab_cdef,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Operations with the types of their operands and results.
fn operations() -> Vec<(Op, Vec<Type>, Vec<Type>)> {
    use BinOp::*;
    use Cond::*;
    use Type::{I32, I64};
    let mut all = vec![
        (Op::Select, vec![I32; 3], vec![I32]),
        (Op::Select, vec![I32, I64, I64], vec![I64]),
        (Op::Join, vec![I32; 2], vec![I64]),
        (Op::Split, vec![I64], vec![I32; 2]),
        (Op::AddPair, vec![I32; 4], vec![I32; 2]),
        (Op::SubPair, vec![I32; 4], vec![I32; 2]),
        (Op::MulWide, vec![I32; 2], vec![I32; 2]),
    ];
    for op in [Add, Sub, Mul, UMulHi, SMulHi, UDiv, SDiv, And, Or, Xor, Shl, Lshr, Ashr, Ror] {
        all.push((Op::Bin(op), vec![I32; 2], vec![I32]));
    }
    for op in [UnOp::Clz, UnOp::Rbit, UnOp::Rev, UnOp::Rev16, UnOp::Popcnt, UnOp::Sext8, UnOp::Sext16] {
        all.push((Op::Un(op), vec![I32], vec![I32]));
    }
    for cond in [Eq, Ne, LtU, LtS, GtU, GtS, LeU, LeS, GeU, GeS] {
        all.push((Op::Cmp(cond), vec![I32; 2], vec![I32]));
        all.push((Op::Cmp64(cond), vec![I64; 2], vec![I32]));
        all.push((Op::CmpPair(cond), vec![I32; 4], vec![I32]));
    }
    for op in [DivOp::UQuot, DivOp::URem, DivOp::SQuot, DivOp::SRem] {
        all.push((Op::Bin64(Bin64::Div(op)), vec![I64; 2], vec![I64]));
        all.push((Op::DivPair(op), vec![I32; 4], vec![I32; 2]));
    }
    for op in [Bin64::Add, Bin64::Sub, Bin64::Mul, Bin64::And, Bin64::Or, Bin64::Xor] {
        all.push((Op::Bin64(op), vec![I64; 2], vec![I64]));
    }
    for op in [Bin64::Shl, Bin64::ShrU, Bin64::ShrS, Bin64::Rotl, Bin64::Rotr] {
        all.push((Op::Bin64(op), vec![I64; 2], vec![I64]));
    }
    for op in [Un64::Clz, Un64::Ctz, Un64::Popcnt, Un64::Sext8, Un64::Sext16, Un64::Sext32] {
        all.push((Op::Un64(op), vec![I64], vec![I64]));
    }
    all
}

/// The results as the meaning has them.
fn meant(op: &Op, types: &[Type], args: &[u64], results: &[Type]) -> Vec<u64> {
    let halves = |(ty, k): (&Type, &u64)| [*k as u32, (*k >> 32) as u32].into_iter().take(ty.words());
    let words: Vec<u32> = types.iter().zip(args).flat_map(halves).collect();
    let mut d = Concrete::new(Bytes::Dense(vec![]));
    let world = World { memory: (), memory_bytes: 0, cells: vec![], results: vec![] };
    let words = compute(&mut d, op, &words, &world).expect("a meaning").expect("a computation");
    let mut words = words.into_iter().map(u64::from);
    let mut next = || words.next().expect("a word");
    results.iter().map(|ty| if *ty == Type::I32 { next() } else { next() | next() << 32 }).collect()
}

#[test]
fn constants_are_what_proofs_take_them_for() {
    let mut cases = 0;
    for (op, types, results) in operations() {
        // Four operands take every second value, so that there are not too many cases.
        let step = if types.len() == 4 { 2 } else { 1 };
        let mut place = vec![0; types.len()];
        'next: loop {
            let fit = |(ty, at): (&Type, &usize)| VALUES[*at] & if *ty == Type::I32 { 0xffff_ffff } else { u64::MAX };
            let args: Vec<u64> = types.iter().zip(&place).map(fit).collect();
            let found = evaluate(&op, &args).expect("a value");
            assert_eq!(found, meant(&op, &types, &args, &results), "{op:?} of {args:x?}");
            cases += 1;
            for at in &mut place {
                *at += step;
                if *at < VALUES.len() {
                    continue 'next;
                }
                *at = 0;
            }
            break;
        }
    }
    assert!(cases > 50_000, "{cases} cases");
}
