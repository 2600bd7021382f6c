//! Operand types of encodings. Constructors check what the manual demands, so that encoding cannot fail.

use crate::faults;

/// A core register that every instruction of the encoder takes: r0 to r12 or lr, neither sp nor pc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gpr(u8);

/// Scratch register of expansions and parallel moves; never allocated.
pub const IP: Gpr = Gpr(12);
/// The link register.
pub const LR: Gpr = Gpr(14);

impl Gpr {
    /// The register with this number.
    pub fn new(number: u8) -> Option<Gpr> {
        (number <= 12 || number == 14).then_some(Gpr(number))
    }
    /// Its number, `0..=12` or 14.
    pub fn number(self) -> u8 {
        self.0
    }
    /// Its number as an encoding field.
    pub fn field(self) -> u32 {
        u32::from(self.0)
    }
    /// The same register for encodings with 3-bit register fields, if they reach it.
    pub fn low(self) -> Option<Low> {
        (self.0 < 8).then_some(Low(self.0))
    }
    /// Whether 16-bit encodings with 3-bit register fields reach it (r0 to r7).
    pub fn is_low(self) -> bool {
        self.0 < 8
    }
}

/// A register that 3-bit register fields reach: r0 to r7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Low(u8);

impl Low {
    /// Its number as an encoding field.
    pub fn field(self) -> u32 {
        u32::from(self.0)
    }
}

/// The base of an address. Never pc, which would make a literal of the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A core register.
    Reg(Gpr),
    /// The stack pointer.
    Sp,
}

impl Base {
    /// Its number as an encoding field.
    pub fn field(self) -> u32 {
        match self {
            Base::Reg(rn) => rn.field(),
            Base::Sp => 13,
        }
    }
}

/// The two words of a long product: different registers, because equal ones are UNPREDICTABLE.
/// Source: DDI 0403E, A7.7 (UMULL, SMULL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongWords {
    lo: Gpr,
    hi: Gpr,
}

impl LongWords {
    /// Low and high word, if they differ.
    pub fn new(lo: Gpr, hi: Gpr) -> Option<LongWords> {
        (lo != hi).then_some(LongWords { lo, hi })
    }
    /// Numbers of the low and the high word's register, as encoding fields.
    pub fn fields(self) -> (u32, u32) {
        (self.lo.field(), self.hi.field())
    }
}

/// What `push` takes: some of r0 to r12 and lr; at least two if one of r8 to r12 is among them, because the 32-bit
/// encoding needs two. Source: DDI 0403E, A7.7 (PUSH T1, T2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushList(u16);

/// What `pop` takes: some of r0 to r12 and one of lr and pc; at least two if one of r8 to r12 or lr is among them.
/// Source: DDI 0403E, A7.7 (POP T1, T2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PopList(u16);

/// Whether the registers of a list are legal, where `narrow` are those of the 16-bit encoding.
fn is_list(list: u16, narrow: u16) -> bool {
    list != 0 && list >> 13 & 1 == 0 && (list & !narrow == 0 || list.count_ones() >= 2)
}

impl PushList {
    /// Registers of the 16-bit encoding.
    const NARROW: u16 = 0x40ff;
    /// The list in which bit `n` is register `n`.
    pub fn new(list: u16) -> Option<PushList> {
        (is_list(list, Self::NARROW) && list >> 15 == 0).then_some(PushList(list))
    }
    /// The list: bit `n` is register `n`.
    pub fn field(self) -> u32 {
        u32::from(self.0)
    }
    /// Whether the 16-bit encoding holds it.
    pub fn is_narrow(self) -> bool {
        self.0 & !Self::NARROW == 0
    }
}

impl PopList {
    /// Registers of the 16-bit encoding.
    const NARROW: u16 = 0x80ff;
    /// The list in which bit `n` is register `n`.
    pub fn new(list: u16) -> Option<PopList> {
        (is_list(list, Self::NARROW) && list >> 14 != 3).then_some(PopList(list))
    }
    /// The list: bit `n` is register `n`.
    pub fn field(self) -> u32 {
        u32::from(self.0)
    }
    /// Whether the 16-bit encoding holds it.
    pub fn is_narrow(self) -> bool {
        self.0 & !Self::NARROW == 0
    }
}

/// A modified immediate: an 8-bit value rotated, or repeated in bytes. Source: DDI 0403E, A5.3.2, ThumbExpandImm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModifiedImm {
    value: u32,
    field: u32,
}

impl ModifiedImm {
    /// 0.
    pub const ZERO: ModifiedImm = ModifiedImm { value: 0, field: 0 };
    /// The encoding of `value`, if it has one.
    pub fn new(value: u32) -> Option<ModifiedImm> {
        Self::encode(value).map(|field| ModifiedImm { value, field })
    }
    fn encode(value: u32) -> Option<u32> {
        let byte = value & 0xff;
        if value == byte {
            return Some(value);
        }
        if value == byte << 16 | byte {
            return Some(0x100 | byte);
        }
        let high = value >> 8 & 0xff;
        if value == high << 24 | high << 8 {
            return Some(0x200 | high);
        }
        if value == byte << 24 | byte << 16 | byte << 8 | byte {
            return Some(0x300 | byte);
        }
        let top = value.leading_zeros();
        let rotated = value.rotate_left(top + 8);
        let looked_at = if faults::on("encode-modified-imm") { rotated & !(1 << 31) } else { rotated };
        (looked_at <= 0xff).then_some((top + 8) << 7 | (rotated & 0x7f))
    }
    /// The word that it stands for.
    pub fn value(self) -> u32 {
        self.value
    }
    /// The 12 bits `i:imm3:imm8`.
    pub fn field(self) -> u32 {
        self.field
    }
}

/// The amount of a shift by an immediate: `1..=31`. The field's 0 means 32, a rotation through carry or no shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShiftAmount(u32);

impl ShiftAmount {
    /// The amount, if it is in range.
    pub fn new(bits: u32) -> Option<ShiftAmount> {
        (1..=31).contains(&bits).then_some(ShiftAmount(bits))
    }
    /// Its value.
    pub fn field(self) -> u32 {
        self.0
    }
}

/// Extensions of a byte or halfword, with the `op1` field of their 32-bit encodings. Source: DDI 0403E, A5.3.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum Extension {
    Sxth = 0,
    Uxth = 1,
    Sxtb = 4,
    Uxtb = 5,
}

/// The rotation right of what is extended: 0, 8, 16 or 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRotation(u32);

impl ByteRotation {
    /// None.
    pub const NONE: ByteRotation = ByteRotation(0);
    /// The rotation by so many bits, if it is one.
    pub fn new(bits: u32) -> Option<ByteRotation> {
        (bits < 32 && bits % 8 == 0).then_some(ByteRotation(bits / 8))
    }
    /// Its bytes.
    pub fn field(self) -> u32 {
        self.0
    }
}

/// A bit field of a word: at least one bit, none above bit 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    lsb: u32,
    width: u32,
}

impl BitField {
    /// The field of `width` bits from bit `lsb` up, if it lies in a word.
    pub fn new(lsb: u32, width: u32) -> Option<BitField> {
        (width >= 1 && lsb < 32 && width <= 32 - lsb).then_some(BitField { lsb, width })
    }
    /// The lowest bit and the width less 1, as encoding fields.
    pub fn fields(self) -> (u32, u32) {
        (self.lsb, self.width - 1)
    }
}

/// What stands behind the first instruction of an IT block: up to three more, each under the condition or its negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItRest {
    negated: [bool; 3],
    count: usize,
}

impl ItRest {
    /// Nothing.
    pub const NONE: ItRest = ItRest { negated: [false; 3], count: 0 };
    /// One instruction under the negation.
    pub const ELSE: ItRest = ItRest { negated: [true, false, false], count: 1 };
    /// For each instruction whether it is under the negation, if there are not too many.
    pub fn new(negated: &[bool]) -> Option<ItRest> {
        let mut all = [false; 3];
        all.get_mut(..negated.len())?.copy_from_slice(negated);
        Some(ItRest { negated: all, count: negated.len() })
    }
    /// The 4-bit mask: for each instruction the condition's lowest bit, inverted for the negation; then a one.
    pub fn mask(self, condition: Condition) -> u32 {
        let low = condition.field() & 1;
        let bits = self.negated[..self.count].iter().map(|n| low ^ u32::from(*n)).chain([1]);
        bits.zip((0..4).rev()).map(|(bit, place)| bit << place).sum()
    }
}

/// A width to saturate to: `1..=32` bits signed, `0..=31` unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saturation {
    signed: bool,
    bits: u32,
}

impl Saturation {
    /// The width, if it is in range.
    pub fn new(signed: bool, bits: u32) -> Option<Saturation> {
        let range = if signed { 1..=32 } else { 0..=31 };
        range.contains(&bits).then_some(Saturation { signed, bits })
    }
    /// Whether it is unsigned, and the width as an encoding field.
    pub fn fields(self) -> (u32, u32) {
        (u32::from(!self.signed), self.bits - u32::from(self.signed))
    }
}

/// The number of a `udf`: `0..=239`. Disassemblers have names of their own for some higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapNumber(u32);

impl TrapNumber {
    /// The number, if it is in range.
    pub fn new(number: u32) -> Option<TrapNumber> {
        (number < 0xf0).then_some(TrapNumber(number))
    }
    /// Its value.
    pub fn field(self) -> u32 {
        self.0
    }
}

/// Distance of a branch to its target, from the branch's own address: even, and in reach of a signed field of `BITS`
/// bits (the lowest one not stored) that counts from 4 bytes further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset<const BITS: u32>(i32);

impl<const BITS: u32> Offset<BITS> {
    /// A branch to itself.
    pub const ZERO: Offset<BITS> = Offset(-4);
    /// The distance in bytes, if it is even and in reach.
    pub fn new(bytes: i32) -> Option<Offset<BITS>> {
        let ahead = bytes.checked_sub(4)?;
        let end = 1 << (BITS - 1);
        let is_near = (-end..end).contains(&ahead) || BITS == 9 && faults::on("layout-near-branch");
        (ahead % 2 == 0 && is_near).then_some(Offset(ahead))
    }
    /// Bits `low` and up of the signed field, as many as `count`.
    pub fn bits(self, low: u32, count: u32) -> u32 {
        (self.0 >> low) as u32 & ((1 << count) - 1)
    }
}

/// Distance of `cbz` or `cbnz` to its target, from its own address: even, `4..=130`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardOffset(u32);

impl ForwardOffset {
    /// The distance in bytes, if it is even and in reach.
    pub fn new(bytes: i32) -> Option<ForwardOffset> {
        let ahead = u32::try_from(bytes.checked_sub(4)?).ok()?;
        let is_near = ahead <= 126 || faults::on("layout-near-zero-branch");
        (ahead % 2 == 0 && is_near).then_some(ForwardOffset(ahead & 126))
    }
    /// The bytes less 4, which the machine counts itself.
    pub fn field(self) -> u32 {
        self.0
    }
}

/// Distance of a literal from the pc that a 16-bit load reads: `0..=1020`, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordOffset(u32);

impl WordOffset {
    /// The distance in bytes, if it is in words and in reach.
    pub fn new(bytes: u32) -> Option<WordOffset> {
        (bytes % 4 == 0 && bytes <= 1020).then_some(WordOffset(bytes / 4))
    }
    /// The distance in words.
    pub fn field(self) -> u32 {
        self.0
    }
}

macro_rules! unsigned_immediate {
    ($(#[$doc:meta])* $name:ident, $bits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(u32);

        impl $name {
            /// 0.
            pub const ZERO: $name = $name(0);
            /// The immediate, if it is in range.
            pub fn new(value: u32) -> Option<$name> {
                (value >> $bits == 0).then_some($name(value))
            }
            /// Its value.
            pub fn field(self) -> u32 {
                self.0
            }
        }
    };
}

unsigned_immediate!(
    /// `0..=3`.
    Imm2, 2
);
unsigned_immediate!(
    /// `0..=7`.
    Imm3, 3
);
unsigned_immediate!(
    /// `0..=31`.
    Imm5, 5
);
unsigned_immediate!(
    /// `0..=127`.
    Imm7, 7
);
unsigned_immediate!(
    /// `0..=255`.
    Imm8, 8
);
unsigned_immediate!(
    /// `0..=4095`.
    Imm12, 12
);
unsigned_immediate!(
    /// `0..=65535`.
    Imm16, 16
);

impl Imm16 {
    /// Both halves of a word, low half first.
    pub fn halves(word: u32) -> [Imm16; 2] {
        [Imm16(word & 0xffff), Imm16(word >> 16)]
    }
}

impl From<u16> for Imm16 {
    fn from(value: u16) -> Imm16 {
        Imm16(u32::from(value))
    }
}

/// A condition. Source: DDI 0403E, A7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum Condition {
    Eq = 0,
    Ne = 1,
    Hs = 2,
    Lo = 3,
    Hi = 8,
    Ls = 9,
    Ge = 10,
    Lt = 11,
    Gt = 12,
    Le = 13,
}

impl Condition {
    /// The condition that holds exactly when this one does not.
    pub fn negated(self) -> Condition {
        use Condition::*;
        match self {
            Eq => Ne,
            Ne => Eq,
            Hs => Lo,
            Lo => Hs,
            Hi => Ls,
            Ls => Hi,
            Ge => Lt,
            Lt => Ge,
            Gt => Le,
            Le => Gt,
        }
    }
    /// Its encoding field.
    pub fn field(self) -> u32 {
        self as u32
    }
}
