//! Every function of the encoder over its operands, with the text that the operands ask for.
//!
//! The texts are written from the operands, by the manual's syntax, and owe nothing to the encoder or a decoder.

use super::sample::combinations;
use std::fmt::{Debug, Display};
use synth::encode::bits::Code;
use synth::encode::branch::{b_cond_narrow, b_cond_wide, b_narrow, b_wide, bl, blx, bx, cbz, it_block, nop, tbh, udf};
use synth::encode::memory::{
    Access, access_imm, access_reg, add_sp, adjust_sp, adjust_sp_reg, ldr_literal_narrow, ldr_literal_wide, pop, push,
};
use synth::encode::operand::*;
use synth::encode::{self, AluOp, SetFlags, Shift, ShiftOp, UnaryOp, field};

/// An encoded instruction and its meaning.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the encoder made of it.
    pub code: Code,
    /// What it may read outside of an IT block: more than one text where flags are free or operands commute.
    pub outside: Vec<String>,
    /// What it may read inside, if it may stand there.
    pub inside: Vec<String>,
}

const ALU: [AluOp; 10] = [
    AluOp::And,
    AluOp::Bic,
    AluOp::Orr,
    AluOp::Orn,
    AluOp::Eor,
    AluOp::Add,
    AluOp::Adc,
    AluOp::Sbc,
    AluOp::Sub,
    AluOp::Rsb,
];
const FLAGS: [SetFlags; 3] = [SetFlags::No, SetFlags::Yes, SetFlags::Free];
const SHIFTS: [ShiftOp; 4] = [ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror];
const ACCESSES: [Access; 8] =
    [Access::Str, Access::Strh, Access::Strb, Access::Ldr, Access::Ldrh, Access::Ldrb, Access::Ldrsh, Access::Ldrsb];
const UNARY: [UnaryOp; 8] = [
    UnaryOp::Clz,
    UnaryOp::Rbit,
    UnaryOp::Rev,
    UnaryOp::Rev16,
    UnaryOp::Sxtb,
    UnaryOp::Sxth,
    UnaryOp::Uxtb,
    UnaryOp::Uxth,
];
const EXTENSIONS: [(Extension, &str, &str); 4] = [
    (Extension::Sxth, "s", "h"),
    (Extension::Uxth, "u", "h"),
    (Extension::Sxtb, "s", "b"),
    (Extension::Uxtb, "u", "b"),
];
const CONDITIONS: [Condition; 10] = [
    Condition::Eq,
    Condition::Ne,
    Condition::Hs,
    Condition::Lo,
    Condition::Hi,
    Condition::Ls,
    Condition::Ge,
    Condition::Lt,
    Condition::Gt,
    Condition::Le,
];
/// Encodings with two operands, the first of which is the destination.
const TWO_OPERANDS: &str = "T1 of A5.2.2";
const ADD_T2: &str = "ADD (register) T2";
/// Registers of 3-bit fields.
const LOW: u32 = 8;
/// Registers that instructions take: r0 to r12 and lr.
const ANY: u32 = 14;

fn r(index: u32) -> Gpr {
    Gpr::new(if index == 13 { 14 } else { index as u8 }).expect("a register")
}

fn n(r: Gpr) -> String {
    format!("r{}", r.number())
}

fn name(op: impl Debug) -> String {
    format!("{op:?}").to_lowercase()
}

fn signed(value: u32) -> String {
    format!("#{}", value as i32)
}

fn fits<T>(operand: Option<T>) -> T {
    operand.expect("a legal operand")
}

/// All modified immediates, by their field. Source: DDI 0403E, A5.3.2.
fn modified() -> Vec<ModifiedImm> {
    let bytes = 0..256u32;
    let repeated = [0x0001_0001, 0x0100_0100, 0x0101_0101];
    let mut words: Vec<u32> = bytes.clone().collect();
    words.extend(repeated.iter().flat_map(|unit| bytes.clone().skip(1).map(move |b| b * unit)));
    words.extend((8..32).flat_map(|turn| (0x80..0x100u32).map(move |b| b.rotate_right(turn))));
    words.into_iter().map(|w| fits(ModifiedImm::new(w))).collect()
}

/// The cases of all functions.
#[derive(Default)]
pub struct Cases {
    /// In the order of the functions.
    pub all: Vec<Case>,
    seed: u32,
}

impl Cases {
    /// All cases.
    pub fn new() -> Cases {
        let mut cases = Cases::default();
        cases.alu_registers();
        cases.alu_immediates();
        cases.compares();
        cases.moves();
        cases.shifts();
        cases.fields();
        cases.unary();
        cases.products();
        cases.accesses();
        cases.stack();
        cases.branches();
        cases
    }

    /// Adds what `case` makes of each combination of operands with so many values; `None` is no legal combination.
    fn each(&mut self, counts: &[u32], case: impl Fn(&[u32]) -> Option<Case>) {
        self.seed += 1;
        self.all.extend(combinations(self.seed, counts).iter().filter_map(|tuple| case(tuple)));
    }

    fn alu_registers(&mut self) {
        for op in ALU {
            for class in [LOW, ANY] {
                self.each(&[3, class, class, class], |v| Some(alu_reg(op, v, None)));
            }
            self.each(&[3, ANY, 2, ANY], |v| Some(alu_reg(op, &[v[0], v[1], [v[1], v[3]][v[2] as usize], v[3]], None)));
            for shift in SHIFTS {
                self.each(&[3, ANY, ANY, ANY, 31], |v| {
                    Some(alu_reg(op, v, Some((shift, fits(ShiftAmount::new(v[4] + 1))))))
                });
            }
        }
    }

    fn alu_immediates(&mut self) {
        let all = modified();
        for op in ALU {
            let low = |v: &[u32]| Some(alu_imm(op, v, fits(ModifiedImm::new(v[3]))));
            self.each(&[3, LOW, LOW, 8], low);
            for flags in 0..3 {
                self.each(&[LOW, 256], |v| low(&[flags, v[0], v[0], v[1]]));
            }
            self.each(&[3, ANY, ANY, all.len() as u32], |v| Some(alu_imm(op, v, all[v[3] as usize])));
        }
        for subtract in [false, true] {
            self.each(&[ANY, ANY, 4096], |v| {
                let (rd, rn, imm) = (r(v[0]), r(v[1]), fits(Imm12::new(v[2])));
                let text = format!("{} {}, {}, #{}", ["add", "sub"][usize::from(subtract)], n(rd), n(rn), v[2]);
                Some(kept(encode::add_imm12(subtract, rd, rn, imm), text))
            });
        }
    }

    fn compares(&mut self) {
        let all = modified();
        for (op, f) in [
            ("cmp", encode::cmp_imm as fn(Gpr, ModifiedImm) -> Code),
            ("cmn", encode::cmn_imm as fn(Gpr, ModifiedImm) -> Code),
            ("tst", encode::tst_imm as fn(Gpr, ModifiedImm) -> Code),
        ] {
            self.each(&[LOW, 256], |v| {
                let imm = fits(ModifiedImm::new(v[1]));
                Some(kept(f(r(v[0]), imm), format!("{op} r{}, #{}", v[0], v[1])))
            });
            self.each(&[ANY, all.len() as u32], |v| {
                let imm = all[v[1] as usize];
                Some(kept(f(r(v[0]), imm), format!("{op} {}, {}", n(r(v[0])), signed(imm.value()))))
            });
        }
        for (op, f) in [
            ("cmp", encode::cmp_reg as fn(Gpr, Gpr, Shift) -> Code),
            ("cmn", encode::cmn_reg as fn(Gpr, Gpr, Shift) -> Code),
            ("tst", encode::tst_reg as fn(Gpr, Gpr, Shift) -> Code),
        ] {
            self.each(&[ANY, ANY], |v| {
                Some(kept(f(r(v[0]), r(v[1]), None), format!("{op} {}, {}", n(r(v[0])), n(r(v[1])))))
            });
            self.each(&[ANY, ANY, 4, 31], |v| {
                let (shift, amount) = (SHIFTS[v[2] as usize], v[3] + 1);
                let text = format!("{op} {}, {}, {} #{amount}", n(r(v[0])), n(r(v[1])), name(shift));
                Some(kept(f(r(v[0]), r(v[1]), Some((shift, fits(ShiftAmount::new(amount))))), text))
            });
        }
    }

    fn moves(&mut self) {
        let all = modified();
        self.each(&[ANY, ANY], |v| {
            let (rd, rm) = (r(v[0]), r(v[1]));
            Some(kept(encode::mov_reg(rd, rm), format!("mov {}, {}", n(rd), n(rm))))
        });
        self.each(&[ANY, ANY], |v| {
            let (rd, rm) = (r(v[0]), r(v[1]));
            Some(free(encode::mvn_reg_s(rd, rm, None), "mvn", &[format!("{}, {}", n(rd), n(rm))]))
        });
        self.each(&[ANY, ANY, 4, 31], |v| {
            let (rd, rm, shift, amount) = (r(v[0]), r(v[1]), SHIFTS[v[2] as usize], v[3] + 1);
            let code = encode::mvn_reg_s(rd, rm, Some((shift, fits(ShiftAmount::new(amount)))));
            Some(kept(code, format!("mvn {}, {}, {} #{amount}", n(rd), n(rm), name(shift))))
        });
        self.each(&[LOW, 256], |v| {
            let code = encode::movs_imm8(fits(r(v[0]).low()), fits(Imm8::new(v[1])));
            let operands = format!("r{}, #{}", v[0], v[1]);
            Some(Case { code, outside: vec![format!("movs {operands}")], inside: vec![format!("mov {operands}")] })
        });
        for (op, f) in [
            ("mov", encode::mov_modified as fn(Gpr, ModifiedImm) -> Code),
            ("mvn", encode::mvn_modified as fn(Gpr, ModifiedImm) -> Code),
        ] {
            self.each(&[ANY, all.len() as u32], |v| {
                let imm = all[v[1] as usize];
                Some(kept(f(r(v[0]), imm), format!("{op} {}, {}", n(r(v[0])), signed(imm.value()))))
            });
        }
        for (op, f) in
            [("movw", encode::movw as fn(Gpr, Imm16) -> Code), ("movt", encode::movt as fn(Gpr, Imm16) -> Code)]
        {
            self.each(&[ANY, 1 << 16], |v| {
                Some(kept(f(r(v[0]), fits(Imm16::new(v[1]))), format!("{op} {}, #{}", n(r(v[0])), v[1])))
            });
        }
    }

    fn shifts(&mut self) {
        for op in SHIFTS {
            for class in [LOW, ANY] {
                self.each(&[class, class, 31], |v| {
                    let (rd, rm, amount) = (r(v[0]), r(v[1]), v[2] + 1);
                    let code = encode::shift_imm_s(op, rd, rm, fits(ShiftAmount::new(amount)));
                    Some(free(code, &name(op), &[format!("{}, {}, #{amount}", n(rd), n(rm))]))
                });
            }
            self.each(&[ANY, ANY, ANY], |v| {
                let (rd, rn, rm) = (r(v[0]), r(v[1]), r(v[2]));
                Some(free(encode::shift_reg_s(op, rd, rn, rm), &name(op), &[list(&[rd, rn, rm])]))
            });
        }
    }

    fn fields(&mut self) {
        self.each(&[ANY, ANY, 32, 32], |v| {
            let (rd, rn, lsb, width) = (r(v[0]), r(v[1]), v[2], v[3] + 1);
            let code = field::insert(rd, Some(rn), BitField::new(lsb, width)?);
            Some(kept(code, format!("bfi {}, {}, #{lsb}, #{width}", n(rd), n(rn))))
        });
        self.each(&[ANY, 32, 32], |v| {
            let (rd, lsb, width) = (r(v[0]), v[1], v[2] + 1);
            let code = field::insert(rd, None, BitField::new(lsb, width)?);
            Some(kept(code, format!("bfc {}, #{lsb}, #{width}", n(rd))))
        });
        for (op, sign, size) in EXTENSIONS {
            let turned = |v: u32| if v == 0 { String::new() } else { format!(", ror #{}", 8 * v) };
            self.each(&[ANY, ANY, 4], |v| {
                let (rd, rm) = (r(v[0]), r(v[1]));
                let code = field::extend(op, rd, rm, fits(ByteRotation::new(8 * v[2])));
                Some(kept(code, format!("{sign}xt{size} {}{}", list(&[rd, rm]), turned(v[2]))))
            });
            self.each(&[ANY, ANY, ANY, 4], |v| {
                let (rd, rn, rm) = (r(v[0]), r(v[1]), r(v[2]));
                let code = field::extend_add(op, rd, rn, rm, fits(ByteRotation::new(8 * v[3])));
                Some(kept(code, format!("{sign}xta{size} {}{}", list(&[rd, rn, rm]), turned(v[3]))))
            });
        }
        for signed in [false, true] {
            let s = if signed { "s" } else { "u" };
            self.each(&[ANY, ANY, 32, 32], |v| {
                let (rd, rn, lsb, width) = (r(v[0]), r(v[1]), v[2], v[3] + 1);
                let code = field::extract(signed, rd, rn, BitField::new(lsb, width)?);
                Some(kept(code, format!("{s}bfx {}, {}, #{lsb}, #{width}", n(rd), n(rn))))
            });
            self.each(&[ANY, ANY, 33, 2, 32], |v| {
                let (rd, rn, bits, asr) = (r(v[0]), r(v[1]), v[2], v[3] == 1);
                let shift = ShiftAmount::new(v[4]).map(|amount| (asr, amount));
                let code = field::saturate(Saturation::new(signed, bits)?, rd, rn, shift);
                let shifted = match v[4] {
                    0 => String::new(),
                    amount => format!(", {} #{amount}", if asr { "asr" } else { "lsl" }),
                };
                Some(kept(code, format!("{s}sat {}, #{bits}, {}{shifted}", n(rd), n(rn))))
            });
        }
    }

    fn unary(&mut self) {
        for op in UNARY {
            self.each(&[ANY, ANY], |v| {
                let (rd, rm) = (r(v[0]), r(v[1]));
                Some(kept(encode::unary(op, rd, rm), format!("{} {}", name(op), list(&[rd, rm]))))
            });
        }
    }

    fn products(&mut self) {
        self.each(&[ANY, ANY, ANY], |v| {
            let (rd, rn, rm) = (r(v[0]), r(v[1]), r(v[2]));
            let code = encode::mul_s(rd, rn, rm);
            let mut operands = vec![list(&[rd, rn, rm])];
            if code.row().encoding() == "MUL T1" {
                operands.push(list(&[rd, rm, rn]));
            }
            Some(free(code, "mul", &operands))
        });
        for (op, f) in [
            ("mla", encode::mla as fn(Gpr, Gpr, Gpr, Gpr) -> Code),
            ("mls", encode::mls as fn(Gpr, Gpr, Gpr, Gpr) -> Code),
        ] {
            self.each(&[ANY, ANY, ANY, ANY], |v| {
                let (rd, rn, rm, ra) = (r(v[0]), r(v[1]), r(v[2]), r(v[3]));
                Some(kept(f(rd, rn, rm, ra), format!("{op} {}", list(&[rd, rn, rm, ra]))))
            });
        }
        for signed in [false, true] {
            let s = if signed { "s" } else { "u" };
            self.each(&[ANY, ANY, ANY, ANY], |v| {
                let (lo, hi, rn, rm) = (r(v[0]), r(v[1]), r(v[2]), r(v[3]));
                let code = encode::mul_long(signed, LongWords::new(lo, hi)?, rn, rm);
                Some(kept(code, format!("{s}mull {}", list(&[lo, hi, rn, rm]))))
            });
            self.each(&[ANY, ANY, ANY, ANY], |v| {
                let (lo, hi, rn, rm) = (r(v[0]), r(v[1]), r(v[2]), r(v[3]));
                let code = encode::mul_add_long(signed, LongWords::new(lo, hi)?, rn, rm);
                Some(kept(code, format!("{s}mlal {}", list(&[lo, hi, rn, rm]))))
            });
            self.each(&[ANY, ANY, ANY], |v| {
                let (rd, rn, rm) = (r(v[0]), r(v[1]), r(v[2]));
                Some(kept(encode::div(signed, rd, rn, rm), format!("{s}div {}", list(&[rd, rn, rm]))))
            });
        }
    }

    fn accesses(&mut self) {
        let at = |bytes: u32| if bytes == 0 { "[r15]".to_string() } else { format!("[r15, #{bytes}]") };
        self.each(&[LOW, 256], |v| {
            let code = ldr_literal_narrow(fits(r(v[0]).low()), fits(WordOffset::new(4 * v[1])));
            Some(kept(code, format!("ldr {}, {}", n(r(v[0])), at(4 * v[1]))))
        });
        self.each(&[ANY, 4096], |v| {
            let code = ldr_literal_wide(r(v[0]), fits(Imm12::new(v[1])));
            Some(kept(code, format!("ldr {}, {}", n(r(v[0])), at(v[1]))))
        });
        for access in ACCESSES {
            let op = name(access);
            let imm = |t: u32, base: Base, value: u32| {
                let rn = match base {
                    Base::Reg(rn) => n(rn),
                    Base::Sp => "r13".to_string(),
                };
                let at = if value == 0 { format!("[{rn}]") } else { format!("[{rn}, #{value}]") };
                Some(kept(access_imm(access, r(t), base, fits(Imm12::new(value))), format!("{op} {}, {at}", n(r(t)))))
            };
            self.each(&[LOW, LOW, 32], |v| imm(v[0], Base::Reg(r(v[1])), v[2] * access.bytes()));
            self.each(&[ANY, ANY, 4096], |v| imm(v[0], Base::Reg(r(v[1])), v[2]));
            self.each(&[LOW, 256], |v| imm(v[0], Base::Sp, 4 * v[1]));
            self.each(&[ANY, 4096], |v| imm(v[0], Base::Sp, v[1]));
            for class in [LOW, ANY] {
                self.each(&[class, class, class, if class == LOW { 1 } else { 4 }], |v| {
                    let (rt, rn, rm, shift) = (r(v[0]), r(v[1]), r(v[2]), v[3]);
                    let scale = if shift == 0 { String::new() } else { format!(", lsl #{shift}") };
                    let text = format!("{op} {}, [{}, {}{scale}]", n(rt), n(rn), n(rm));
                    Some(kept(access_reg(access, rt, rn, rm, fits(Imm2::new(shift))), text))
                });
            }
        }
    }

    fn stack(&mut self) {
        // All lists of the 16-bit encodings, and of the others those with few registers, those with most, and some.
        let lists = |f: &dyn Fn(u16) -> Option<Case>| {
            let with_last = |low: u16| [low, low | 1 << 14, low | 1 << 15];
            let wide = (0..=u16::MAX).filter(|l| l.count_ones() <= 3 || l.count_ones() >= 12 || l % 17 == 0);
            (0..256).flat_map(with_last).chain(wide).filter_map(f).collect::<Vec<_>>()
        };
        self.all.extend(lists(&|l| Some(kept(push(PushList::new(l)?), format!("push {}", set(l))))));
        self.all.extend(lists(&|l| Some(kept(pop(PopList::new(l)?), format!("pop {}", set(l))))));
        for subtract in [false, true] {
            let op = ["add", "sub"][usize::from(subtract)];
            self.each(&[4096], |v| {
                Some(kept(adjust_sp(subtract, fits(Imm12::new(v[0]))), format!("{op} r13, r13, #{}", v[0])))
            });
            self.each(&[ANY], |v| {
                Some(kept(adjust_sp_reg(subtract, r(v[0])), format!("{op} r13, r13, {}", n(r(v[0])))))
            });
        }
        self.each(&[ANY], |v| Some(kept(add_sp(r(v[0])), format!("add {0}, r13, {0}", n(r(v[0]))))));
    }

    fn branches(&mut self) {
        self.each(&[2048], |v| {
            let bytes = distance(v[0], 12);
            Some(outside(b_narrow(fits(Offset::new(bytes))), format!("b #{bytes}")))
        });
        self.each(&[10, 256], |v| {
            let (c, bytes) = (CONDITIONS[v[0] as usize], distance(v[1], 9));
            Some(outside(b_cond_narrow(c, fits(Offset::new(bytes))), format!("b{} #{bytes}", name(c))))
        });
        self.each(&[10, 1 << 20], |v| {
            let (c, bytes) = (CONDITIONS[v[0] as usize], distance(v[1], 21));
            Some(outside(b_cond_wide(c, fits(Offset::new(bytes))), format!("b{} #{bytes}", name(c))))
        });
        for (op, f) in [("b", b_wide as fn(Offset<25>) -> Code), ("bl", bl as fn(Offset<25>) -> Code)] {
            self.each(&[1 << 24], |v| {
                let bytes = distance(v[0], 25);
                Some(outside(f(fits(Offset::new(bytes))), format!("{op} #{bytes}")))
            });
        }
        self.each(&[2, LOW, 64], |v| {
            let (nonzero, bytes) = (v[0] == 1, 4 + 2 * v[2] as i32);
            let code = cbz(nonzero, fits(r(v[1]).low()), fits(ForwardOffset::new(bytes)));
            Some(outside(code, format!("{} r{}, #{bytes}", ["cbz", "cbnz"][v[0] as usize], v[1])))
        });
        self.each(&[ANY], |v| Some(outside(bx(r(v[0])), format!("bx {}", n(r(v[0]))))));
        self.each(&[ANY], |v| Some(outside(blx(r(v[0])), format!("blx {}", n(r(v[0]))))));
        self.each(&[ANY], |v| Some(outside(tbh(r(v[0])), format!("tbh [r15, {}, lsl #1]", n(r(v[0]))))));
        self.each(&[10, 4, 8], |v| {
            let condition = CONDITIONS[v[0] as usize];
            let negated: Vec<bool> = (0..v[1]).map(|i| v[2] >> i & 1 == 1).collect();
            let letters: String = negated.iter().map(|n| if *n { 'e' } else { 't' }).collect();
            let code = it_block(condition, fits(ItRest::new(&negated)));
            Some(outside(code, format!("it{letters} {}", name(condition))))
        });
        self.each(&[240], |v| Some(outside(udf(fits(TrapNumber::new(v[0]))), format!("udf #{}", v[0]))));
        self.all.push(outside(nop(), "nop".to_string()));
    }
}

/// The distance with this field, sign bit first, of a signed field of `bits` bits that counts in halfwords.
fn distance(field: u32, bits: u32) -> i32 {
    ((field << (33 - bits)) as i32 >> (33 - bits)) * 2 + 4
}

fn list(registers: &[Gpr]) -> String {
    registers.iter().map(|r| n(*r)).collect::<Vec<_>>().join(", ")
}

fn set(registers: u16) -> String {
    let names: Vec<String> = (0..16).filter(|i| registers >> i & 1 == 1).map(|i| format!("r{i}")).collect();
    format!("{{{}}}", names.join(", "))
}

/// An instruction that reads the same in and out of an IT block.
fn kept(code: Code, text: String) -> Case {
    Case { code, outside: vec![text.clone()], inside: vec![text] }
}

/// An instruction that the compiler never puts into an IT block.
fn outside(code: Code, text: String) -> Case {
    Case { code, outside: vec![text], inside: Vec::new() }
}

/// An instruction whose flags are free outside an IT block; inside it keeps them.
fn free(code: Code, op: &str, operands: &[impl Display]) -> Case {
    let inside: Vec<String> = operands.iter().map(|o| format!("{op} {o}")).collect();
    let outside = inside.iter().cloned().chain(operands.iter().map(|o| format!("{op}s {o}"))).collect();
    Case { code, outside, inside }
}

fn flagged(flags: SetFlags, code: Code, op: &str, operands: &[String]) -> Case {
    match flags {
        SetFlags::No => {
            let texts: Vec<String> = operands.iter().map(|o| format!("{op} {o}")).collect();
            Case { code, outside: texts.clone(), inside: texts }
        }
        SetFlags::Yes => {
            let outside = operands.iter().map(|o| format!("{op}s {o}")).collect();
            Case { code, outside, inside: Vec::new() }
        }
        SetFlags::Free => free(code, op, operands),
    }
}

/// Operands: flags, rd, rn, rm.
fn alu_reg(op: AluOp, v: &[u32], shift: Shift) -> Case {
    let (flags, rd, rn, rm) = (FLAGS[v[0] as usize], r(v[1]), r(v[2]), r(v[3]));
    let code = encode::alu_reg(op, flags, rd, rn, rm, shift);
    let Some((kind, amount)) = shift else {
        let mut case = flagged(flags, code, &name(op), &[list(&[rd, rn, rm])]);
        // What else says the same, where the encoding asks for it: operands of commuting operations exchanged if
        // there are only two, and `rsb` as `sub`.
        let other = match (op, code.row().encoding()) {
            (AluOp::And | AluOp::Orr | AluOp::Eor | AluOp::Add | AluOp::Adc, TWO_OPERANDS | ADD_T2) => Some(name(op)),
            (AluOp::Rsb, "SUB (register) T1") => Some("sub".to_string()),
            _ => None,
        };
        if let Some(other) = other {
            let same = flagged(flags, code, &other, &[list(&[rd, rm, rn])]);
            case.outside.extend(same.outside);
            case.inside.extend(same.inside);
        }
        return case;
    };
    let operands = format!("{}, {} #{}", list(&[rd, rn, rm]), name(kind), amount.field());
    flagged(flags, code, &name(op), &[operands])
}

/// Operands: flags, rd, rn.
fn alu_imm(op: AluOp, v: &[u32], imm: ModifiedImm) -> Case {
    let (flags, rd, rn) = (FLAGS[v[0] as usize], r(v[1]), r(v[2]));
    let code = encode::alu_imm(op, flags, rd, rn, imm);
    flagged(flags, code, &name(op), &[format!("{}, {}", list(&[rd, rn]), signed(imm.value()))])
}
