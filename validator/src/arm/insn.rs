//! Instructions with typed operands, and their text in capstone's syntax.
//!
//! One [`Op`] stands for all encodings with the same meaning. What is not in this type is not modelled.

use crate::domain::{BinOp, UnOp, Width};
use std::fmt::{self, Display, Formatter};

/// A core register, `0..=15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reg(pub u8);

impl Reg {
    /// The stack pointer.
    pub const SP: Reg = Reg(13);
    /// The link register.
    pub const LR: Reg = Reg(14);
    /// The program counter.
    pub const PC: Reg = Reg(15);
}

impl Display for Reg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 16] =
            ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "sb", "sl", "fp", "ip", "sp", "lr", "pc"];
        f.write_str(NAMES[usize::from(self.0 & 15)])
    }
}

/// A condition, by its 4-bit code. Source: DDI 0403E, A7.3, table A7-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the manual's mnemonics")]
pub enum Cond {
    Eq,
    Ne,
    Cs,
    Cc,
    Mi,
    Pl,
    Vs,
    Vc,
    Hi,
    Ls,
    Ge,
    Lt,
    Gt,
    Le,
    Al,
}

impl Cond {
    /// All conditions in the order of their codes.
    #[rustfmt::skip]
    pub const ALL: [Cond; 15] = [
        Cond::Eq, Cond::Ne, Cond::Cs, Cond::Cc, Cond::Mi, Cond::Pl, Cond::Vs, Cond::Vc,
        Cond::Hi, Cond::Ls, Cond::Ge, Cond::Lt, Cond::Gt, Cond::Le, Cond::Al,
    ];
    /// The condition with this code; 15 has none.
    pub fn from_code(code: u32) -> Option<Cond> {
        Self::ALL.get(code as usize).copied()
    }
    /// The suffix in assembly text; empty for `Al`.
    pub fn suffix(self) -> &'static str {
        const NAMES: [&str; 15] =
            ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", ""];
        NAMES[self as usize]
    }
}

/// A shift of a register operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Left, `0..=31`.
    Lsl(u8),
    /// Logical right, `1..=32`.
    Lsr(u8),
    /// Arithmetic right, `1..=32`.
    Asr(u8),
    /// Rotate right, `1..=31`.
    Ror(u8),
    /// Rotate right by one through the carry flag.
    Rrx,
}

/// The flexible second operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A constant; `carry` is the carry-out of its expansion, `None` if the flag is kept.
    Imm {
        /// Value.
        value: u32,
        /// Carry-out of `ThumbExpandImm_C`.
        carry: Option<bool>,
    },
    /// A shifted register.
    Reg(Reg, Shift),
}

/// Data processing operations on a register and a [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the manual's mnemonics")]
pub enum Alu {
    And,
    Bic,
    Orr,
    Orn,
    Eor,
    Add,
    Adc,
    Sub,
    Sbc,
    Rsb,
    Mov,
    Mvn,
    Tst,
    Teq,
    Cmp,
    Cmn,
}

impl Alu {
    fn name(self) -> &'static str {
        const NAMES: [&str; 16] = [
            "and", "bic", "orr", "orn", "eor", "add", "adc", "sub", "sbc", "rsb", "mov", "mvn", "tst", "teq", "cmp",
            "cmn",
        ];
        NAMES[self as usize]
    }
    /// Whether only flags are written.
    pub fn compares(self) -> bool {
        matches!(self, Alu::Tst | Alu::Teq | Alu::Cmp | Alu::Cmn)
    }
    /// Whether there is no first operand.
    pub fn moves(self) -> bool {
        matches!(self, Alu::Mov | Alu::Mvn)
    }
}

/// 32 x 32 to 64-bit multiplications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the manual's mnemonics")]
pub enum Long {
    Umull,
    Smull,
    Umlal,
    Smlal,
    Umaal,
}

/// 32-bit multiplications with an accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// `mul`.
    None,
    /// `mla`: product added to the register.
    Add(Reg),
    /// `mls`: product subtracted from the register.
    Sub(Reg),
}

/// Unary operations on a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the manual's mnemonics")]
pub enum Unary {
    Clz,
    Rbit,
    Rev,
    Rev16,
    Revsh,
}

/// A memory address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// `[rn, #imm]`.
    Offset(Reg, i32),
    /// `[rn, #imm]!`.
    Pre(Reg, i32),
    /// `[rn], #imm`.
    Post(Reg, i32),
    /// `[rn, rm, lsl #n]`.
    Index(Reg, Reg, u8),
    /// `[pc, #imm]`.
    Literal(i32),
}

impl Address {
    /// The register that is written back.
    pub fn written_base(self) -> Option<Reg> {
        match self {
            Address::Pre(rn, _) | Address::Post(rn, _) => Some(rn),
            Address::Offset(..) | Address::Index(..) | Address::Literal(_) => None,
        }
    }
}

/// What an instruction does. Offsets are in bytes from the start of the function.
/// Fields as in the manual: `rd`, `rt` destinations, `lo`, `hi` words of one, `rn`, `rm` operands, `rm` of a shift or
/// table branch the amount or index; `s` whether flags are written; `lsb`, `width`, `bits`, `rotation` in bits.
#[expect(missing_docs, reason = "the fields are named as in the manual and described above")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `op{s} rd, rn, src`; compares have no `rd`, moves no `rn` (both fields then repeat the other register).
    Alu { op: Alu, s: bool, rd: Reg, rn: Reg, src: Source },
    /// `movw rd, #imm`, or a 16-bit constant into the high half with `movt`.
    MovHalf { top: bool, rd: Reg, imm: u16 },
    /// Shift by register: `Shl`, `Lshr`, `Ashr` or `Ror`.
    ShiftReg { op: BinOp, s: bool, rd: Reg, rn: Reg, rm: Reg },
    /// `mul`, `mla`, `mls`.
    Multiply { acc: Accumulate, s: bool, rd: Reg, rn: Reg, rm: Reg },
    /// `umull` and the like.
    MultiplyLong { op: Long, lo: Reg, hi: Reg, rn: Reg, rm: Reg },
    /// `udiv`, `sdiv`.
    Divide { signed: bool, rd: Reg, rn: Reg, rm: Reg },
    /// `clz rd, rm` and the like.
    Unary { op: Unary, rd: Reg, rm: Reg },
    /// `uxtb rd, rm, ror #n`, or `uxtab rd, rn, rm, ror #n` with an addend.
    Extend { signed: bool, half: bool, rd: Reg, rn: Option<Reg>, rm: Reg, rotation: u8 },
    /// `ubfx`, `sbfx`.
    Extract { signed: bool, rd: Reg, rn: Reg, lsb: u8, width: u8 },
    /// `bfi rd, rn`, or `bfc rd` without operand.
    Insert { rd: Reg, rn: Option<Reg>, lsb: u8, width: u8 },
    /// `ssat rd, #bits, rn, shift`, `usat`; `bits` is `1..=32` signed, `0..=31` unsigned.
    /// The sticky Q flag that they set is not observable: nothing modelled reads it.
    Saturate { signed: bool, rd: Reg, bits: u8, rn: Reg, shift: Shift },
    /// Load into `rt`.
    Load { width: Width, signed: bool, rt: Reg, address: Address },
    /// Store of `rt`.
    Store { width: Width, rt: Reg, address: Address },
    /// `ldrd`, `strd`.
    Dual { load: bool, rt: Reg, rt2: Reg, address: Address },
    /// `ldm`, `stm`, `push`, `pop`: `before` is decrement before (`db`), else increment after; lowest register first.
    Multiple { load: bool, before: bool, writeback: bool, rn: Reg, list: u16 },
    /// Address `Align(pc, 4) + imm`.
    Adr { rd: Reg, imm: i32 },
    /// `b`, or `b<cond>` if `cond` is not `Al` (the condition of the encoding, not of an IT block).
    B { cond: Cond, target: i64 },
    /// `bl`.
    Bl { target: i64 },
    /// `bx rm`.
    Bx { rm: Reg },
    /// `blx rm`.
    Blx { rm: Reg },
    /// `cbz`, `cbnz`.
    Cbz { nonzero: bool, rn: Reg, target: i64 },
    /// `it`: first condition and mask.
    It { first: Cond, mask: u8 },
    /// `tbb [pc, rm]`, `tbh [pc, rm, lsl #1]`.
    TableBranch { half: bool, rm: Reg },
    /// `nop`.
    Nop,
    /// `udf #imm` (T1).
    Udf(u8),
}

impl Op {
    /// Whether only cores with the DSP extension have the instruction. Source: DDI 0403E, A5.3, A7.7.
    pub fn needs_dsp(&self) -> bool {
        matches!(self, Op::MultiplyLong { op: Long::Umaal, .. } | Op::Extend { rn: Some(_), .. })
    }
    /// Whether it loads two words, the first into the register that has the address: if a Cortex-M3 is interrupted in between, it starts
    /// again with a wrong address. Source: Arm, Cortex-M3 errata notice PR326-PRDC-009450 v2.0, 602117.
    pub fn loses_base(&self) -> bool {
        matches!(self, Op::Dual { load: true, rt, address: Address::Offset(base, _), .. } if base == rt)
    }
}

/// A decoded instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Insn {
    /// Offset from the start of the function.
    pub offset: u32,
    /// Bytes: 2 or 4.
    pub size: u8,
    /// Condition: `Al`, or that of the IT block.
    pub cond: Cond,
    /// Whether it stands in an IT block.
    pub in_it: bool,
    /// What it does.
    pub op: Op,
    /// Text, as capstone gives it.
    pub text: String,
    /// Relocation of the instruction's field.
    pub relocation: Option<super::decode::Relocation>,
}

impl Insn {
    /// Offset of the next instruction.
    pub fn end(&self) -> u32 {
        self.offset + u32::from(self.size)
    }
}

/// Expected text of an operation: mnemonic without `.w`, operands separated by `, `, numbers in decimal,
/// as signed words.
/// Where capstone abbreviates `op rd, rd, x` to `op rd, x` the long form stands here.
pub fn render(op: &Op) -> String {
    let s = |s: bool| if s { "s" } else { "" };
    let target = |t: i64| t as i32;
    match *op {
        Op::Alu { op, s: flags, rd, src, .. } if op.moves() => match src {
            Source::Reg(rm, shift) if shift != Shift::Lsl(0) && op == Alu::Mov => match shift {
                Shift::Rrx => format!("rrx{} {rd}, {rm}", s(flags)),
                Shift::Lsl(n) => format!("lsl{} {rd}, {rm}, #{n}", s(flags)),
                Shift::Lsr(n) => format!("lsr{} {rd}, {rm}, #{n}", s(flags)),
                Shift::Asr(n) => format!("asr{} {rd}, {rm}, #{n}", s(flags)),
                Shift::Ror(n) => format!("ror{} {rd}, {rm}, #{n}", s(flags)),
            },
            _ => format!("{}{} {rd}, {}", op.name(), s(flags), source(src)),
        },
        Op::Alu { op, rn, src, .. } if op.compares() => {
            format!("{} {rn}, {}", op.name(), source(src))
        }
        Op::Alu { op, s: flags, rd, rn, src } => format!("{}{} {rd}, {rn}, {}", op.name(), s(flags), source(src)),
        Op::MovHalf { top, rd, imm } => format!("mov{} {rd}, #{imm}", if top { "t" } else { "w" }),
        Op::ShiftReg { op, s: flags, rd, rn, rm } => {
            let name = match op {
                BinOp::Shl => "lsl",
                BinOp::Lshr => "lsr",
                BinOp::Ashr => "asr",
                _ => "ror",
            };
            format!("{name}{} {rd}, {rn}, {rm}", s(flags))
        }
        Op::Multiply { acc, s: flags, rd, rn, rm } => match acc {
            Accumulate::None => format!("mul{} {rd}, {rn}, {rm}", s(flags)),
            Accumulate::Add(ra) => format!("mla {rd}, {rn}, {rm}, {ra}"),
            Accumulate::Sub(ra) => format!("mls {rd}, {rn}, {rm}, {ra}"),
        },
        Op::MultiplyLong { op, lo, hi, rn, rm } => {
            let name = format!("{op:?}").to_lowercase();
            format!("{name} {lo}, {hi}, {rn}, {rm}")
        }
        Op::Divide { signed, rd, rn, rm } => {
            format!("{}div {rd}, {rn}, {rm}", if signed { "s" } else { "u" })
        }
        Op::Unary { op, rd, rm } => format!("{} {rd}, {rm}", format!("{op:?}").to_lowercase()),
        Op::Extend { signed, half, rd, rn, rm, rotation } => {
            let sign = if signed { "s" } else { "u" };
            let size = if half { "h" } else { "b" };
            let rotation = if rotation == 0 { String::new() } else { format!(", ror #{rotation}") };
            match rn {
                None => format!("{sign}xt{size} {rd}, {rm}{rotation}"),
                Some(rn) => format!("{sign}xta{size} {rd}, {rn}, {rm}{rotation}"),
            }
        }
        Op::Extract { signed, rd, rn, lsb, width } => {
            format!("{}bfx {rd}, {rn}, #{lsb}, #{width}", if signed { "s" } else { "u" })
        }
        Op::Insert { rd, rn: Some(rn), lsb, width } => format!("bfi {rd}, {rn}, #{lsb}, #{width}"),
        Op::Insert { rd, rn: None, lsb, width } => format!("bfc {rd}, #{lsb}, #{width}"),
        Op::Saturate { signed, rd, bits, rn, shift } => {
            format!("{}sat {rd}, #{bits}, {}", if signed { "s" } else { "u" }, source(Source::Reg(rn, shift)))
        }
        Op::Load { width, signed, rt, address } => {
            format!("ldr{}{} {rt}, {}", if signed { "s" } else { "" }, suffix(width), location(address))
        }
        Op::Store { width, rt, address } => {
            format!("str{} {rt}, {}", suffix(width), location(address))
        }
        Op::Dual { load, rt, rt2, address } => {
            format!("{} {rt}, {rt2}, {}", if load { "ldrd" } else { "strd" }, location(address))
        }
        Op::Multiple { load, before, writeback, rn, list } => {
            let regs: Vec<String> = (0..16).filter(|i| list >> i & 1 == 1).map(|i| Reg(i).to_string()).collect();
            let regs = regs.join(", ");
            match (load, before, writeback, rn) {
                (false, true, true, Reg::SP) => format!("push {{{regs}}}"),
                (true, false, true, Reg::SP) => format!("pop {{{regs}}}"),
                _ => {
                    let name = if load { "ldm" } else { "stm" };
                    let mode = if before { "db" } else { "" };
                    format!("{name}{mode} {rn}{}, {{{regs}}}", if writeback { "!" } else { "" })
                }
            }
        }
        Op::Adr { rd, imm } => format!("adr {rd}, #{imm}"),
        Op::B { cond, target: t } => format!("b{} #{}", cond.suffix(), target(t)),
        Op::Bl { target: t } => format!("bl #{}", target(t)),
        Op::Bx { rm } => format!("bx {rm}"),
        Op::Blx { rm } => format!("blx {rm}"),
        Op::Cbz { nonzero, rn, target: t } => format!("cb{}z {rn}, #{}", if nonzero { "n" } else { "" }, target(t)),
        Op::It { first, mask } => {
            let count = 3 - mask.trailing_zeros();
            let low = first as u8 & 1;
            let then = (0..count).map(|i| if mask >> (3 - i) & 1 == low { 't' } else { 'e' });
            let cond = if first == Cond::Al { "al" } else { first.suffix() };
            format!("it{} {cond}", then.collect::<String>())
        }
        Op::TableBranch { half: false, rm } => format!("tbb [pc, {rm}]"),
        Op::TableBranch { half: true, rm } => format!("tbh [pc, {rm}, lsl #1]"),
        Op::Nop => "nop".to_string(),
        Op::Udf(imm) => format!("udf #{imm}"),
    }
}

fn suffix(width: Width) -> &'static str {
    match width {
        Width::Byte => "b",
        Width::Half => "h",
        Width::Word => "",
    }
}

fn source(src: Source) -> String {
    match src {
        Source::Imm { value, .. } => format!("#{}", value as i32),
        Source::Reg(rm, Shift::Lsl(0)) => format!("{rm}"),
        Source::Reg(rm, Shift::Lsl(n)) => format!("{rm}, lsl #{n}"),
        Source::Reg(rm, Shift::Lsr(n)) => format!("{rm}, lsr #{n}"),
        Source::Reg(rm, Shift::Asr(n)) => format!("{rm}, asr #{n}"),
        Source::Reg(rm, Shift::Ror(n)) => format!("{rm}, ror #{n}"),
        Source::Reg(rm, Shift::Rrx) => format!("{rm}, rrx"),
    }
}

fn location(address: Address) -> String {
    match address {
        Address::Offset(rn, 0) => format!("[{rn}]"),
        Address::Offset(rn, imm) => format!("[{rn}, #{imm}]"),
        Address::Pre(rn, imm) => format!("[{rn}, #{imm}]!"),
        Address::Post(rn, imm) => format!("[{rn}], #{imm}"),
        Address::Index(rn, rm, 0) => format!("[{rn}, {rm}]"),
        Address::Index(rn, rm, n) => format!("[{rn}, {rm}, lsl #{n}]"),
        Address::Literal(imm) => format!("[pc, #{imm}]"),
    }
}

impl Unary {
    /// The word operations that make up the instruction, applied in order.
    pub fn steps(self) -> &'static [UnOp] {
        match self {
            Unary::Clz => &[UnOp::Clz],
            Unary::Rbit => &[UnOp::Rbit],
            Unary::Rev => &[UnOp::Rev],
            Unary::Rev16 => &[UnOp::Rev16],
            Unary::Revsh => &[UnOp::Rev16, UnOp::Sext16],
        }
    }
}
