//! The encodings, one per line: bits as in the manual, letters for fields, and the operation that the fields give.
//!
//! Bits that the manual writes as (0) or (1) stand as required digits. A builder answers `None` where the manual says
//! UNPREDICTABLE or UNDEFINED, or where the form is not modelled. Rows are tried in order.
//! Source: DDI 0403E, A5.2 (16-bit), A5.3 (32-bit), A7.7 (instructions).

use super::insn::*;
use crate::domain::{BinOp, Width};
use std::sync::LazyLock;

/// Fields of one encoding.
struct Fields {
    values: [u32; 26],
    /// Whether the instruction stands in an IT block, which decides the S bit of 16-bit encodings.
    in_it: bool,
    at: u32,
}

impl Fields {
    fn get(&self, letter: char) -> u32 {
        self.values[(letter.to_ascii_lowercase() as u8 - b'a') as usize]
    }
    fn reg(&self, letter: char) -> Reg {
        Reg(self.get(letter) as u8)
    }
    /// A register that may be neither sp nor pc.
    fn plain(&self, letter: char) -> Option<Reg> {
        let r = self.reg(letter);
        (r != Reg::SP && r != Reg::PC).then_some(r)
    }
    /// The displacement in letter i with its sign in letter u. Minus zero is not modelled.
    fn displacement(&self, unit: i32) -> Option<i32> {
        let size = self.get('i') as i32 * unit;
        match (self.bit('u'), size) {
            (true, _) => Some(size),
            (false, 0) => None,
            (false, _) => Some(-size),
        }
    }
    fn bit(&self, letter: char) -> bool {
        self.get(letter) == 1
    }
    fn target(&self, letter: char, bits: u32, unit: u32) -> i64 {
        let value = (self.get(letter) << (32 - bits)) as i32 >> (32 - bits);
        i64::from(self.at) + 4 + i64::from(value) * i64::from(unit)
    }
}

type Build = fn(&Fields) -> Option<Op>;

struct Row {
    mask: u32,
    value: u32,
    pattern: Vec<u8>,
    build: Build,
}

fn parse((pattern, build): &(&str, Build)) -> Row {
    let pattern: Vec<u8> = pattern.bytes().filter(|b| *b != b' ').collect();
    let bits = |wanted: &[u8]| pattern.iter().fold(0, |v, b| v << 1 | u32::from(wanted.contains(b)));
    Row { mask: bits(b"01"), value: bits(b"1"), build: *build, pattern: pattern.clone() }
}

static NARROW_ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| NARROW.iter().map(parse).collect());
static WIDE_ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| WIDE.iter().map(parse).collect());

fn rows(wide: bool) -> &'static [Row] {
    if wide { &WIDE_ROWS } else { &NARROW_ROWS }
}

/// Number of the row in [`patterns`] that an instruction matches.
pub fn row_of(code: u32, wide: bool) -> Option<usize> {
    rows(wide).iter().position(|r| code & r.mask == r.value)
}

/// The bit patterns of all 16-bit or 32-bit rows: digits and, for fields, letters, most significant bit first.
pub fn patterns(wide: bool) -> impl Iterator<Item = &'static str> {
    let table = if wide { WIDE } else { NARROW };
    table.iter().map(|(pattern, _)| *pattern)
}

/// Decodes one instruction: `code` is the halfword, or both with the first in the high half.
/// `at` is its offset, from which targets count.
pub fn decode(code: u32, wide: bool, at: u32, in_it: bool) -> Option<Op> {
    let row = &rows(wide)[row_of(code, wide)?];
    let mut fields = Fields { values: [0; 26], in_it, at };
    let bits = row.pattern.len();
    for (i, letter) in row.pattern.iter().enumerate().filter(|(_, b)| b.is_ascii_alphabetic()) {
        let field = &mut fields.values[usize::from(letter.to_ascii_lowercase() - b'a')];
        *field = *field << 1 | (code >> (bits - 1 - i) & 1);
    }
    (row.build)(&fields)
}

/// DecodeImmShift. Source: DDI 0403E, A7.4.2.
fn imm_shift(kind: u32, amount: u32) -> Shift {
    let right = if amount == 0 { 32 } else { amount as u8 };
    match (kind, amount) {
        (0, n) => Shift::Lsl(n as u8),
        (1, _) => Shift::Lsr(right),
        (2, _) => Shift::Asr(right),
        (_, 0) => Shift::Rrx,
        (_, n) => Shift::Ror(n as u8),
    }
}

/// ThumbExpandImm_C. Source: DDI 0403E, A5.3.2.
fn expand_imm(imm12: u32) -> Option<Source> {
    let byte = imm12 & 0xff;
    let value = match imm12 >> 8 {
        0 => byte,
        1..=3 if byte == 0 => return None,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte << 24 | byte << 16 | byte << 8 | byte,
        _ => {
            let value = (0x80 | imm12 & 0x7f).rotate_right(imm12 >> 7);
            return Some(Source::Imm { value, carry: Some(value >> 31 == 1) });
        }
    };
    Some(Source::Imm { value, carry: None })
}

fn imm(value: u32) -> Source {
    Source::Imm { value, carry: None }
}

fn reg(rm: Reg) -> Source {
    Source::Reg(rm, Shift::Lsl(0))
}

/// A 16-bit data processing instruction: flags are written outside IT blocks only.
fn low(f: &Fields, op: Alu, rd: Reg, rn: Reg, src: Source) -> Option<Op> {
    Some(Op::Alu { op, s: op.compares() || !f.in_it, rd, rn, src })
}

/// The 16-bit `010000` group. Source: DDI 0403E, A5.2.2.
fn low_registers(f: &Fields) -> Option<Op> {
    let (rd, rm) = (f.reg('d'), f.reg('m'));
    let alu = |op| low(f, op, rd, rd, reg(rm));
    let shift = |op| Some(Op::ShiftReg { op, s: !f.in_it, rd, rn: rd, rm });
    match f.get('o') {
        0b0000 => alu(Alu::And),
        0b0001 => alu(Alu::Eor),
        0b0010 => shift(BinOp::Shl),
        0b0011 => shift(BinOp::Lshr),
        0b0100 => shift(BinOp::Ashr),
        0b0101 => alu(Alu::Adc),
        0b0110 => alu(Alu::Sbc),
        0b0111 => shift(BinOp::Ror),
        0b1000 => alu(Alu::Tst),
        0b1001 => low(f, Alu::Rsb, rd, rm, imm(0)),
        0b1010 => alu(Alu::Cmp),
        0b1011 => alu(Alu::Cmn),
        0b1100 => alu(Alu::Orr),
        0b1101 => Some(Op::Multiply { acc: Accumulate::None, s: !f.in_it, rd, rn: rm, rm: rd }),
        0b1110 => alu(Alu::Bic),
        _ => low(f, Alu::Mvn, rd, rd, reg(rm)),
    }
}

/// Which registers a 32-bit data processing instruction allows, and its aliases by rd = pc or rn = pc.
/// Source: DDI 0403E, A5.3.1, A5.3.11, A7.7 (the instructions' UNPREDICTABLE lines).
fn data(f: &Fields, src: Source) -> Option<Op> {
    let (rd, rn, s) = (f.reg('d'), f.reg('n'), f.bit('s'));
    let compare = s && rd == Reg::PC;
    let plain = |r: Reg| r != Reg::SP && r != Reg::PC;
    if let Source::Reg(rm, _) = src
        && !plain(rm)
    {
        return None;
    }
    let op = match (f.get('o'), compare, rn == Reg::PC) {
        (0b0000, true, _) => Alu::Tst,
        (0b0000, false, _) => Alu::And,
        (0b0001, _, _) => Alu::Bic,
        (0b0010, _, true) => Alu::Mov,
        (0b0010, _, false) => Alu::Orr,
        (0b0011, _, true) => Alu::Mvn,
        (0b0011, _, false) => Alu::Orn,
        (0b0100, true, _) => Alu::Teq,
        (0b0100, false, _) => Alu::Eor,
        (0b1000, true, _) => Alu::Cmn,
        (0b1000, false, _) => Alu::Add,
        (0b1010, _, _) => Alu::Adc,
        (0b1011, _, _) => Alu::Sbc,
        (0b1101, true, _) => Alu::Cmp,
        (0b1101, false, _) => Alu::Sub,
        (0b1110, _, _) => Alu::Rsb,
        _ => return None,
    };
    let small_shift = matches!(src, Source::Imm { .. } | Source::Reg(_, Shift::Lsl(0..=3)));
    let allowed = match op {
        Alu::Cmp | Alu::Cmn => rn != Reg::PC,
        Alu::Tst | Alu::Teq => plain(rn),
        Alu::Mov | Alu::Mvn => plain(rd),
        Alu::Add | Alu::Sub if rn == Reg::SP => plain(rd) || rd == Reg::SP && small_shift,
        _ => plain(rd) && plain(rn),
    };
    let (rd, rn) = match op {
        _ if op.compares() => (rn, rn),
        _ if op.moves() => (rd, rd),
        _ => (rd, rn),
    };
    allowed.then_some(Op::Alu { op, s, rd, rn, src })
}

/// `mov.w rd, rm` may name sp on one side if it writes no flags.
fn mov_wide(f: &Fields) -> Option<Op> {
    let (rd, rm, s) = (f.reg('d'), f.reg('m'), f.bit('s'));
    let sp = [rd, rm].iter().filter(|r| **r == Reg::SP).count();
    let pc = rd == Reg::PC || rm == Reg::PC;
    let allowed = !pc && (sp == 0 || sp == 1 && !s);
    allowed.then_some(Op::Alu { op: Alu::Mov, s, rd, rn: rd, src: reg(rm) })
}

/// `addw`, `subw` and `adr.w`.
fn add_imm12(f: &Fields, op: Alu) -> Option<Op> {
    let (rd, rn, value) = (f.reg('d'), f.reg('n'), f.get('i'));
    if rn == Reg::PC {
        let imm = if op == Alu::Add { value as i32 } else { -(value as i32) };
        return Some(Op::Adr { rd: f.plain('d')?, imm });
    }
    let allowed = rd != Reg::PC && (rd != Reg::SP || rn == Reg::SP);
    allowed.then_some(Op::Alu { op, s: false, rd, rn, src: imm(value) })
}

/// Add, compare and move with high registers (16-bit). A move to the pc is left out: it ends no exception (DDI 0403E, B1.5.8), so a function
/// that returns by it is no handler, as any function may be.
fn high_registers(f: &Fields, op: Alu) -> Option<Op> {
    let (rd, rm) = (f.reg('d'), f.reg('m'));
    match op {
        _ if rd == Reg::PC || rm == Reg::PC => None,
        Alu::Cmp if rd.0 < 8 && rm.0 < 8 => None,
        _ => Some(Op::Alu { op, s: op.compares(), rd, rn: rd, src: reg(rm) }),
    }
}

/// A bit field: `lsb` in letter i; the other bound in letter w.
fn bit_field(f: &Fields, signed: Option<bool>) -> Option<Op> {
    let (rd, lsb, w) = (f.plain('d')?, f.get('i'), f.get('w'));
    match signed {
        Some(signed) => {
            let width = w + 1;
            let rn = f.plain('n')?;
            (lsb + width <= 32).then_some(Op::Extract { signed, rd, rn, lsb: lsb as u8, width: width as u8 })
        }
        None => {
            let width = (w + 1).checked_sub(lsb).filter(|w| *w > 0)?;
            let rn = if f.reg('n') == Reg::PC { None } else { Some(f.plain('n')?) };
            Some(Op::Insert { rd, rn, lsb: lsb as u8, width: width as u8 })
        }
    }
}

/// `ssat`, `usat`: bit `h` chooses asr, with asr #0 being `ssat16`, which is not modelled.
fn saturate(f: &Fields, signed: bool) -> Option<Op> {
    let (rd, rn, amount) = (f.plain('d')?, f.plain('n')?, f.get('i') as u8);
    let shift = match (f.bit('h'), amount) {
        (false, n) => Shift::Lsl(n),
        (true, 0) => return None,
        (true, n) => Shift::Asr(n),
    };
    let bits = f.get('w') as u8 + u8::from(signed);
    Some(Op::Saturate { signed, rd, bits, rn, shift })
}

fn extend(f: &Fields, signed: bool, half: bool) -> Option<Op> {
    let rn = if f.reg('n') == Reg::PC { None } else { Some(f.plain('n')?) };
    Some(Op::Extend { signed, half, rd: f.plain('d')?, rn, rm: f.plain('m')?, rotation: 8 * f.get('r') as u8 })
}

fn extend_low(f: &Fields) -> Option<Op> {
    let (signed, half) = (f.get('o') < 2, f.get('o') & 1 == 0);
    Some(Op::Extend { signed, half, rd: f.reg('d'), rn: None, rm: f.reg('m'), rotation: 0 })
}

fn unary(f: &Fields, op: Unary) -> Option<Op> {
    let (rd, rm) = (f.plain('d')?, f.plain('m')?);
    (f.get('n') == f.get('m')).then_some(Op::Unary { op, rd, rm })
}

fn unary_low(f: &Fields, op: Unary) -> Option<Op> {
    Some(Op::Unary { op, rd: f.reg('d'), rm: f.reg('m') })
}

fn shift_wide(f: &Fields) -> Option<Op> {
    let op = [BinOp::Shl, BinOp::Lshr, BinOp::Ashr, BinOp::Ror][f.get('o') as usize];
    Some(Op::ShiftReg { op, s: f.bit('s'), rd: f.plain('d')?, rn: f.plain('n')?, rm: f.plain('m')? })
}

fn multiply(f: &Fields, subtract: bool) -> Option<Op> {
    let acc = match (f.reg('a'), subtract) {
        (Reg::PC, false) => Accumulate::None,
        (_, false) => Accumulate::Add(f.plain('a')?),
        (_, true) => Accumulate::Sub(f.plain('a')?),
    };
    Some(Op::Multiply { acc, s: false, rd: f.plain('d')?, rn: f.plain('n')?, rm: f.plain('m')? })
}

fn long(f: &Fields, op: Long) -> Option<Op> {
    let (lo, hi) = (f.plain('l')?, f.plain('h')?);
    (lo != hi).then_some(Op::MultiplyLong { op, lo, hi, rn: f.plain('n')?, rm: f.plain('m')? })
}

fn divide(f: &Fields, signed: bool) -> Option<Op> {
    Some(Op::Divide { signed, rd: f.plain('d')?, rn: f.plain('n')?, rm: f.plain('m')? })
}

/// A single load or store with checks common to all forms. Sign extension, width and direction are letters s, z, l.
fn single(f: &Fields, address: Address) -> Option<Op> {
    let width = [Width::Byte, Width::Half, Width::Word].get(f.get('z') as usize).copied()?;
    transfer(f.reg('t'), f.bit('l'), width, f.bit('s'), address)
}

fn transfer(rt: Reg, load: bool, width: Width, signed: bool, address: Address) -> Option<Op> {
    let word = width == Width::Word;
    // Loading sp is allowed by the manual but not modelled; loading pc is a branch.
    let register = rt != Reg::SP && (rt != Reg::PC || word && load) || !load && word && rt == Reg::SP;
    let writes = address.written_base() != Some(rt);
    let index = !matches!(address, Address::Index(_, rm, _) if rm == Reg::SP || rm == Reg::PC);
    let literal_store = !load && matches!(address, Address::Literal(_));
    if !(register && writes && index) || literal_store || signed && (word || !load) {
        return None;
    }
    Some(if load { Op::Load { width, signed, rt, address } } else { Op::Store { width, rt, address } })
}

/// The addressing form of bits P, U, W and a displacement.
fn indexed(f: &Fields, unit: i32) -> Option<Address> {
    let rn = f.reg('n');
    let imm = f.displacement(unit)?;
    match (f.bit('p'), f.bit('w')) {
        _ if rn == Reg::PC => None,
        (true, false) => Some(Address::Offset(rn, imm)),
        (true, true) => Some(Address::Pre(rn, imm)),
        (false, true) => Some(Address::Post(rn, imm)),
        (false, false) => None,
    }
}

/// 8-bit displacement; P = 1, U = 1, W = 0 is an unprivileged access.
fn single_imm8(f: &Fields) -> Option<Op> {
    let unprivileged = f.bit('p') && f.bit('u') && !f.bit('w');
    if unprivileged { None } else { single(f, indexed(f, 1)?) }
}

fn single_literal(f: &Fields) -> Option<Op> {
    single(f, Address::Literal(f.displacement(1)?))
}

fn single_low(f: &Fields, load: bool, width: Width, rn: Reg) -> Option<Op> {
    transfer(f.reg('t'), load, width, false, Address::Offset(rn, (f.get('i') * width.bytes()) as i32))
}

/// The 16-bit register forms. Source: DDI 0403E, A5.2.4.
fn index_low(f: &Fields) -> Option<Op> {
    let (load, width, signed) = match f.get('o') {
        0b000 => (false, Width::Word, false),
        0b001 => (false, Width::Half, false),
        0b010 => (false, Width::Byte, false),
        0b011 => (true, Width::Byte, true),
        0b100 => (true, Width::Word, false),
        0b101 => (true, Width::Half, false),
        0b110 => (true, Width::Byte, false),
        _ => (true, Width::Half, true),
    };
    transfer(f.reg('t'), load, width, signed, Address::Index(f.reg('n'), f.reg('m'), 0))
}

fn dual(f: &Fields) -> Option<Op> {
    let (load, rt, rt2) = (f.bit('l'), f.plain('t')?, f.plain('d')?);
    let address = match (f.reg('n'), load, f.bit('p'), f.bit('w')) {
        (Reg::PC, true, true, false) => Address::Literal(f.displacement(4)?),
        _ => indexed(f, 4)?,
    };
    let base = address.written_base();
    // Disassemblers differ on whether sp may be written back: capstone reads it, llvm-mc warns of an undefined form.
    let allowed = base != Some(rt) && base != Some(rt2) && base != Some(Reg::SP) && (!load || rt != rt2);
    allowed.then_some(Op::Dual { load, rt, rt2, address })
}

/// `ldm`, `stm`, 32 bits. Source: DDI 0403E, LDM T2, LDMDB T1, STM T2, STMDB T1.
fn multiple(f: &Fields, before: bool) -> Option<Op> {
    let (load, writeback, rn) = (f.bit('l'), f.bit('w'), f.reg('n'));
    let list = f.get('r') as u16;
    let both = list >> 14 == 3;
    let allowed = rn != Reg::PC
        && list.count_ones() >= 2
        && list >> 13 & 1 == 0
        && !both
        && (load || list >> 15 == 0)
        && !(writeback && list >> rn.0 & 1 == 1);
    allowed.then_some(Op::Multiple { load, before, writeback, rn, list })
}

fn multiple_low(f: &Fields, load: bool) -> Option<Op> {
    let (rn, list) = (f.reg('n'), f.get('r') as u16);
    let in_list = list >> rn.0 & 1 == 1;
    // A store of the base with writeback is only defined for the lowest register, and not modelled.
    let allowed = list != 0 && (load || !in_list);
    allowed.then_some(Op::Multiple { load, before: false, writeback: !load || !in_list, rn, list })
}

fn stack(f: &Fields, load: bool) -> Option<Op> {
    let extra = if load { 15 } else { 14 };
    let list = f.get('r') as u16 | (f.get('m') << extra) as u16;
    (list != 0).then_some(Op::Multiple { load, before: !load, writeback: true, rn: Reg::SP, list })
}

/// Offset of the 25-bit branch forms: S:I1:I2:imm10:imm11, with I = NOT(J EOR S).
fn far_target(f: &Fields) -> i64 {
    let s = f.get('s');
    let i = |j: char| 1 ^ f.get(j) ^ s;
    let value = s << 23 | i('j') << 22 | i('k') << 21 | f.get('i');
    i64::from(f.at) + 4 + i64::from((value << 8) as i32 >> 8) * 2
}

/// Offset of the 21-bit conditional form: S:J2:J1:imm6:imm11.
fn conditional_wide(f: &Fields) -> Option<Op> {
    let cond = Cond::from_code(f.get('c')).filter(|c| *c != Cond::Al)?;
    let value = f.get('s') << 19 | f.get('k') << 18 | f.get('j') << 17 | f.get('i');
    Some(Op::B { cond, target: i64::from(f.at) + 4 + i64::from((value << 12) as i32 >> 12) * 2 })
}

fn conditional(f: &Fields) -> Option<Op> {
    match f.get('c') {
        // The highest numbers have names of their own in some disassemblers; none is a trap kind.
        14 => (f.get('i') < 0xf0).then_some(Op::Udf(f.get('i') as u8)),
        15 => None,
        c => Some(Op::B { cond: Cond::from_code(c)?, target: f.target('i', 8, 2) }),
    }
}

fn it(f: &Fields) -> Option<Op> {
    let (first, mask) = (Cond::from_code(f.get('c'))?, f.get('m') as u8);
    let allowed = !f.in_it && mask != 0 && (first != Cond::Al || mask.count_ones() == 1);
    allowed.then_some(Op::It { first, mask })
}

fn compare_zero(f: &Fields) -> Option<Op> {
    let target = i64::from(f.at) + 4 + i64::from(f.get('i')) * 2;
    (!f.in_it).then_some(Op::Cbz { nonzero: f.bit('o'), rn: f.reg('n'), target })
}

fn shift_low(f: &Fields) -> Option<Op> {
    let shift = imm_shift(f.get('o'), f.get('i'));
    // `movs rd, rm` (lsl #0) is not allowed in an IT block.
    let allowed = !(f.in_it && shift == Shift::Lsl(0));
    if allowed { low(f, Alu::Mov, f.reg('d'), f.reg('d'), Source::Reg(f.reg('m'), shift)) } else { None }
}

const NARROW: &[(&str, Build)] = &[
    ("00011 00 mmm nnn ddd", |f| low(f, Alu::Add, f.reg('d'), f.reg('n'), reg(f.reg('m')))),
    ("00011 01 mmm nnn ddd", |f| low(f, Alu::Sub, f.reg('d'), f.reg('n'), reg(f.reg('m')))),
    ("00011 10 iii nnn ddd", |f| low(f, Alu::Add, f.reg('d'), f.reg('n'), imm(f.get('i')))),
    ("00011 11 iii nnn ddd", |f| low(f, Alu::Sub, f.reg('d'), f.reg('n'), imm(f.get('i')))),
    ("000 oo iiiii mmm ddd", shift_low),
    ("00100 ddd iiiiiiii", |f| low(f, Alu::Mov, f.reg('d'), f.reg('d'), imm(f.get('i')))),
    ("00101 ddd iiiiiiii", |f| low(f, Alu::Cmp, f.reg('d'), f.reg('d'), imm(f.get('i')))),
    ("00110 ddd iiiiiiii", |f| low(f, Alu::Add, f.reg('d'), f.reg('d'), imm(f.get('i')))),
    ("00111 ddd iiiiiiii", |f| low(f, Alu::Sub, f.reg('d'), f.reg('d'), imm(f.get('i')))),
    ("010000 oooo mmm ddd", low_registers),
    ("010001 00 d mmmm ddd", |f| high_registers(f, Alu::Add)),
    ("010001 01 d mmmm ddd", |f| high_registers(f, Alu::Cmp)),
    ("010001 10 d mmmm ddd", |f| high_registers(f, Alu::Mov)),
    ("010001 110 mmmm 000", |f| (f.reg('m') != Reg::PC).then_some(Op::Bx { rm: f.reg('m') })),
    ("010001 111 mmmm 000", |f| (f.reg('m') != Reg::PC).then_some(Op::Blx { rm: f.reg('m') })),
    ("01001 ttt iiiiiiii", |f| transfer(f.reg('t'), true, Width::Word, false, literal_low(f))),
    ("0101 ooo mmm nnn ttt", index_low),
    ("0110 l iiiii nnn ttt", |f| single_low(f, f.bit('l'), Width::Word, f.reg('n'))),
    ("0111 l iiiii nnn ttt", |f| single_low(f, f.bit('l'), Width::Byte, f.reg('n'))),
    ("1000 l iiiii nnn ttt", |f| single_low(f, f.bit('l'), Width::Half, f.reg('n'))),
    ("1001 l ttt iiiiiiii", |f| single_low(f, f.bit('l'), Width::Word, Reg::SP)),
    ("10100 ddd iiiiiiii", |f| Some(Op::Adr { rd: f.reg('d'), imm: (f.get('i') * 4) as i32 })),
    ("10101 ddd iiiiiiii", |f| sp_imm(f.reg('d'), Alu::Add, f.get('i') * 4)),
    ("1011 0000 0 iiiiiii", |f| sp_imm(Reg::SP, Alu::Add, f.get('i') * 4)),
    ("1011 0000 1 iiiiiii", |f| sp_imm(Reg::SP, Alu::Sub, f.get('i') * 4)),
    ("1011 o0i1 iiiii nnn", compare_zero),
    ("1011 0010 oo mmm ddd", extend_low),
    ("1011 010 m rrrrrrrr", |f| stack(f, false)),
    ("1011 110 m rrrrrrrr", |f| stack(f, true)),
    ("1011 1010 00 mmm ddd", |f| unary_low(f, Unary::Rev)),
    ("1011 1010 01 mmm ddd", |f| unary_low(f, Unary::Rev16)),
    ("1011 1010 11 mmm ddd", |f| unary_low(f, Unary::Revsh)),
    ("1011 1111 0000 0000", |_| Some(Op::Nop)),
    ("1011 1111 cccc mmmm", it),
    ("1100 0 nnn rrrrrrrr", |f| multiple_low(f, false)),
    ("1100 1 nnn rrrrrrrr", |f| multiple_low(f, true)),
    ("1101 cccc iiiiiiii", conditional),
    ("11100 iiiiiiiiiii", |f| Some(Op::B { cond: Cond::Al, target: f.target('i', 11, 2) })),
];

fn literal_low(f: &Fields) -> Address {
    Address::Literal((f.get('i') * 4) as i32)
}

fn sp_imm(rd: Reg, op: Alu, value: u32) -> Option<Op> {
    Some(Op::Alu { op, s: false, rd, rn: Reg::SP, src: imm(value) })
}

/// A register operand with an immediate shift in letters y (type) and i (amount). A shifted sp is refused by [`data`].
fn shifted(f: &Fields) -> Source {
    Source::Reg(f.reg('m'), imm_shift(f.get('y'), f.get('i')))
}

const WIDE: &[(&str, Build)] = &[
    ("1110100010 w l nnnn rrrrrrrrrrrrrrrr", |f| multiple(f, false)),
    ("1110100100 w l nnnn rrrrrrrrrrrrrrrr", |f| multiple(f, true)),
    ("111010001101 nnnn 1111 0000 000 h mmmm", table_branch),
    ("1110100 p u 1 w l nnnn tttt dddd iiiiiiii", dual),
    ("11101010010 s 1111 0000 dddd 0000 mmmm", mov_wide),
    ("1110101 oooo s nnnn 0iii dddd iiyy mmmm", |f| data(f, shifted(f))),
    ("11110 i 0 oooo s nnnn 0iii dddd iiiiiiii", |f| data(f, expand_imm(f.get('i'))?)),
    ("11110 i 100000 nnnn 0iii dddd iiiiiiii", |f| add_imm12(f, Alu::Add)),
    ("11110 i 101010 nnnn 0iii dddd iiiiiiii", |f| add_imm12(f, Alu::Sub)),
    // The manual's field order is imm4:i:imm3:imm8; imm4 is letter h here.
    ("11110 i 100100 hhhh 0iii dddd iiiiiiii", |f| mov_half(f, false)),
    ("11110 i 101100 hhhh 0iii dddd iiiiiiii", |f| mov_half(f, true)),
    ("11110 0 1100 h 0 nnnn 0iii dddd ii 0 wwwww", |f| saturate(f, true)),
    ("11110 0 1110 h 0 nnnn 0iii dddd ii 0 wwwww", |f| saturate(f, false)),
    ("11110 0 110100 nnnn 0iii dddd ii 0 wwwww", |f| bit_field(f, Some(true))),
    ("11110 0 111100 nnnn 0iii dddd ii 0 wwwww", |f| bit_field(f, Some(false))),
    ("11110 0 110110 nnnn 0iii dddd ii 0 wwwww", |f| bit_field(f, None)),
    ("111100111010 1111 10 0 0 0 000 00000000", |_| Some(Op::Nop)),
    ("11110 s cccc iiiiii 10 j 0 k iiiiiiiiiii", conditional_wide),
    ("11110 s iiiiiiiiii 10 j 1 k iiiiiiiiiii", |f| Some(Op::B { cond: Cond::Al, target: far_target(f) })),
    ("11110 s iiiiiiiiii 11 j 1 k iiiiiiiiiii", |f| Some(Op::Bl { target: far_target(f) })),
    ("1111100 s u zz l 1111 tttt iiiiiiiiiiii", single_literal),
    ("1111100 s 1 zz l nnnn tttt iiiiiiiiiiii", |f| single(f, Address::Offset(f.reg('n'), f.get('i') as i32))),
    ("1111100 s 0 zz l nnnn tttt 1 p u w iiiiiiii", single_imm8),
    ("1111100 s 0 zz l nnnn tttt 000000 ii mmmm", |f| {
        single(f, Address::Index(f.reg('n'), f.reg('m'), f.get('i') as u8))
    }),
    ("111110100 oo s nnnn 1111 dddd 0000 mmmm", shift_wide),
    ("11111010 0 000 nnnn 1111 dddd 10 rr mmmm", |f| extend(f, true, true)),
    ("11111010 0 001 nnnn 1111 dddd 10 rr mmmm", |f| extend(f, false, true)),
    ("11111010 0 100 nnnn 1111 dddd 10 rr mmmm", |f| extend(f, true, false)),
    ("11111010 0 101 nnnn 1111 dddd 10 rr mmmm", |f| extend(f, false, false)),
    ("111110101001 nnnn 1111 dddd 1000 mmmm", |f| unary(f, Unary::Rev)),
    ("111110101001 nnnn 1111 dddd 1001 mmmm", |f| unary(f, Unary::Rev16)),
    ("111110101001 nnnn 1111 dddd 1010 mmmm", |f| unary(f, Unary::Rbit)),
    ("111110101001 nnnn 1111 dddd 1011 mmmm", |f| unary(f, Unary::Revsh)),
    ("111110101011 nnnn 1111 dddd 1000 mmmm", |f| unary(f, Unary::Clz)),
    ("111110110000 nnnn aaaa dddd 0000 mmmm", |f| multiply(f, false)),
    ("111110110000 nnnn aaaa dddd 0001 mmmm", |f| multiply(f, true)),
    ("111110111000 nnnn llll hhhh 0000 mmmm", |f| long(f, Long::Smull)),
    ("111110111010 nnnn llll hhhh 0000 mmmm", |f| long(f, Long::Umull)),
    ("111110111100 nnnn llll hhhh 0000 mmmm", |f| long(f, Long::Smlal)),
    ("111110111110 nnnn llll hhhh 0000 mmmm", |f| long(f, Long::Umlal)),
    ("111110111110 nnnn llll hhhh 0110 mmmm", |f| long(f, Long::Umaal)),
    ("111110111001 nnnn 1111 dddd 1111 mmmm", |f| divide(f, true)),
    ("111110111011 nnnn 1111 dddd 1111 mmmm", |f| divide(f, false)),
];

fn mov_half(f: &Fields, top: bool) -> Option<Op> {
    let imm = f.get('h') << 12 | f.get('i');
    Some(Op::MovHalf { top, rd: f.plain('d')?, imm: imm as u16 })
}

fn table_branch(f: &Fields) -> Option<Op> {
    // Only the form with the table after the instruction.
    let rm = f.plain('m')?;
    (f.reg('n') == Reg::PC).then_some(Op::TableBranch { half: f.bit('h'), rm })
}
