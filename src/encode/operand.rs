//! Operand types of encodings. Constructors check ranges, so that encoding cannot fail.

/// A core register, 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gpr(u8);

/// Scratch register of expansions and parallel moves; never allocated.
pub const IP: Gpr = Gpr(12);
/// The stack pointer.
pub const SP: Gpr = Gpr(13);
/// The link register.
pub const LR: Gpr = Gpr(14);
/// The program counter.
pub const PC: Gpr = Gpr(15);

impl Gpr {
    /// The register with this number.
    pub fn new(number: u8) -> Option<Gpr> {
        (number < 16).then_some(Gpr(number))
    }
    /// Its number, `0..=15`.
    pub fn number(self) -> u8 {
        self.0
    }
    /// Its number as an encoding field.
    pub fn field(self) -> u32 {
        u32::from(self.0)
    }
    /// Whether 16-bit encodings with 3-bit register fields reach it (r0 to r7).
    pub fn is_low(self) -> bool {
        self.0 < 8
    }
}

/// A modified immediate: an 8-bit value rotated, or repeated in bytes. Source: DDI 0403E, A5.3.2, ThumbExpandImm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModifiedImm(u32);

impl ModifiedImm {
    /// The encoding of `value`, if it has one.
    pub fn new(value: u32) -> Option<ModifiedImm> {
        let byte = value & 0xff;
        if value == byte {
            return Some(ModifiedImm(value));
        }
        if value == byte << 16 | byte {
            return Some(ModifiedImm(0x100 | byte));
        }
        let high = value >> 8 & 0xff;
        if value == high << 24 | high << 8 {
            return Some(ModifiedImm(0x200 | high));
        }
        if value == byte << 24 | byte << 16 | byte << 8 | byte {
            return Some(ModifiedImm(0x300 | byte));
        }
        let top = value.leading_zeros();
        let rotated = value.rotate_left(top + 8);
        (rotated <= 0xff).then(|| ModifiedImm((top + 8) << 7 | (rotated & 0x7f)))
    }
    /// The 12 bits `i:imm3:imm8`.
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
            /// The immediate, if it is in range.
            pub fn new(value: u32) -> Option<$name> {
                (value >> $bits == 0).then_some($name(value))
            }
            /// The immediate that is `value` modulo 2^bits.
            pub const fn from_low_bits(value: u32) -> $name {
                $name(value & ((1 << $bits) - 1))
            }
            /// Its value.
            pub fn field(self) -> u32 {
                self.0
            }
        }
    };
}

unsigned_immediate!(
    /// `0..=7`.
    Imm3, 3
);
unsigned_immediate!(
    /// `0..=31`.
    Imm5, 5
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
