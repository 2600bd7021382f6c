//! Illegal operands: no operand type holds one, so that no encoding can.
//!
//! Registers of a base, conditions, operations and accesses are enumerations, whose every value is legal.

use super::sample::Sequence;
use std::collections::BTreeSet;
use std::fmt::Debug;
use synth::encode::operand::*;
use synth_validator::trap::TrapKind;

/// Checks that exactly the legal values among `values` make an operand.
fn check<V: Copy + Debug, T>(
    values: impl IntoIterator<Item = V>,
    new: impl Fn(V) -> Option<T>,
    legal: impl Fn(V) -> bool,
) {
    for value in values {
        assert_eq!(new(value).is_some(), legal(value), "{} of {value:?}", std::any::type_name::<T>());
    }
}

#[test]
fn registers() {
    check(0..=u8::MAX, Gpr::new, |n| n <= 12 || n == 14);
    let all: Vec<Gpr> = (0..=u8::MAX).filter_map(Gpr::new).collect();
    check(all.iter().copied(), Gpr::low, |r| r.number() <= 7);
    let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b)));
    check(pairs, |(a, b)| LongWords::new(a, b), |(a, b)| a.number() != b.number());
}

/// Source: DDI 0403E, A7.7, PUSH and POP, encodings T1 and T2.
#[test]
fn register_lists() {
    let holds = |list: u16, n: u16| list & 1 << n != 0;
    let short = |list: u16, last: u16| (0..16).all(|n| n < 8 || n == last || !holds(list, n));
    let legal = |list: u16, last: u16| {
        let count = (0..16).filter(|n| holds(list, *n)).count();
        !holds(list, 13) && if short(list, last) { count >= 1 } else { count >= 2 }
    };
    check(0..=u16::MAX, PushList::new, |list| legal(list, 14) && !holds(list, 15));
    check(0..=u16::MAX, PopList::new, |list| legal(list, 15) && !(holds(list, 14) && holds(list, 15)));
}

#[test]
fn immediates() {
    fn unsigned<T>(new: impl Fn(u32) -> Option<T>, bits: u32) {
        let end = 1 << bits;
        check((0..=end + 1).chain([2 * end, 1 << 31, u32::MAX]), new, |v| v < end);
    }
    unsigned(Imm2::new, 2);
    unsigned(Imm3::new, 3);
    unsigned(Imm5::new, 5);
    unsigned(Imm7::new, 7);
    unsigned(Imm8::new, 8);
    unsigned(Imm12::new, 12);
    unsigned(Imm16::new, 16);
    check((0..=300).chain([u32::MAX]), TrapNumber::new, |v| v < 240);
    check(TrapKind::ALL, |kind| TrapNumber::new(kind as u32), |_| true);
}

/// Source: DDI 0403E, A5.3.2, ThumbExpandImm.
#[test]
fn modified_immediates() {
    let mut legal: BTreeSet<u32> = (0..256).collect();
    for byte in 1..256u32 {
        legal.extend([byte << 16 | byte, byte << 24 | byte << 8, byte << 24 | byte << 16 | byte << 8 | byte]);
    }
    legal.extend((8..32).flat_map(|turn| (0x80..0x100u32).map(move |b| b.rotate_right(turn))));
    let near = legal.iter().flat_map(|v| [v.wrapping_sub(1), *v, v.wrapping_add(1), !v, v.wrapping_neg(), v ^ 0x100]);
    let mut sequence = Sequence::new(1);
    let random = (0..100_000).map(|_| sequence.below(u32::MAX));
    check(near.chain(random), ModifiedImm::new, |v| legal.contains(&v));
}

#[test]
fn shifts_and_bit_fields() {
    check((0..=64).chain([255, 256, u32::MAX]), ShiftAmount::new, |v| (1..=31).contains(&v));
    let edges = || (0..=66u64).chain([u64::from(u32::MAX) - 1, u64::from(u32::MAX)]);
    let pairs = edges().flat_map(|lsb| edges().map(move |width| (lsb, width)));
    check(pairs, |(lsb, width)| BitField::new(lsb as u32, width as u32), |(lsb, width)| width > 0 && lsb + width <= 32);
}

/// Source: DDI 0403E, A7.7, B, BL, CBZ.
#[test]
fn branch_offsets() {
    fn signed<const BITS: u32>(first: i64, last: i64) {
        let near = |v: i64| v - 5..=v + 5;
        let all = near(first + 4).chain(near(last + 4)).chain(near(4)).chain(-5000..5000);
        let all = all.chain([i64::from(i32::MIN), i64::from(i32::MIN) + 4, i64::from(i32::MAX)]);
        check(all, |v| Offset::<BITS>::new(v as i32), |v| v % 2 == 0 && (first..=last).contains(&(v - 4)));
    }
    signed::<9>(-256, 254);
    signed::<12>(-2048, 2046);
    signed::<21>(-1_048_576, 1_048_574);
    signed::<25>(-16_777_216, 16_777_214);
    let all = (-300..300).chain([i32::MIN, i32::MIN + 4, i32::MAX]);
    check(all, ForwardOffset::new, |v| v % 2 == 0 && (4..=130).contains(&v));
}
