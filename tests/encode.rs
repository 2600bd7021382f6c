//! The encoder against a foreign disassembler, on samples dense at the boundaries of operands.

use std::io::Write;
use std::process::{Command, Stdio};
use synth::encode::bits::Code;
use synth::encode::branch::{b_cond_wide, b_narrow, b_wide, bl, blx, bx, cbz, it, ite, nop, tbh, udf};
use synth::encode::memory::{Access, access_imm, access_reg, adjust_sp, pop, push};
use synth::encode::operand::{Condition, Gpr, Imm5, Imm8, Imm12, Imm16, ModifiedImm};
use synth::encode::{self, AluOp, NO_SHIFT, SetFlags, ShiftOp, UnaryOp};

const WORDS: [u32; 12] =
    [0, 1, 7, 8, 255, 256, 0x00ff_00ff, 0xab00_ab00, 0xcdcd_cdcd, 0xff00_0000, 0x0001_fe00, 0x8000_0000];

fn r(n: u8) -> Gpr {
    Gpr::new(n).expect("a register")
}

/// Disassembles code; one line per instruction, spaces normalized, widths and flag suffixes dropped.
fn disassemble(code: &[Code]) -> Vec<String> {
    let mut input = String::new();
    for c in code {
        let mut bytes = Vec::new();
        c.append_to(&mut bytes);
        let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:#x}")).collect();
        input.push_str(&bytes.join(" "));
        input.push('\n');
    }
    let mut child = Command::new("llvm-mc-19")
        .args(["--disassemble", "--triple=thumbv7em", "--mattr=+dsp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("llvm-mc-19 runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("writes"));
    let out = child.wait_with_output().expect("ends");
    writer.join().expect("writer ends");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(!errors.contains("invalid"), "{errors}");
    let text = String::from_utf8(out.stdout).expect("text");
    text.lines().filter(|l| !l.trim_start().starts_with('.') && !l.trim().is_empty()).map(normal).collect()
}

fn normal(line: &str) -> String {
    let line = line.split('@').next().unwrap_or("").trim().replace(".w", "").replace('\t', " ");
    line.replace("sp", "r13").replace("lr", "r14").replace("pc", "r15").replace("r12", "r12")
}

/// Checks each instruction against one of the readings given for it.
fn check(rows: &[(Code, Vec<String>)]) {
    let codes: Vec<Code> = rows.iter().map(|(c, _)| *c).collect();
    let lines = disassemble(&codes);
    assert_eq!(lines.len(), rows.len(), "one line per instruction");
    for ((_, expected), line) in rows.iter().zip(&lines) {
        assert!(expected.contains(line), "{line} is none of {expected:?}");
    }
}

/// Both readings of an operation: with and without flags.
fn with_flags(name: &str, operands: String) -> Vec<String> {
    vec![format!("{name} {operands}"), format!("{name}s {operands}")]
}

fn name<T: std::fmt::Debug>(op: T) -> String {
    format!("{op:?}").to_lowercase()
}

#[test]
fn data_processing() {
    let ops = [
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
    let mut rows = Vec::new();
    for op in ops {
        for (d, n, m) in [(0, 1, 2), (3, 3, 4), (3, 4, 3), (8, 0, 0), (0, 9, 11), (7, 7, 7), (11, 10, 9), (12, 12, 1)] {
            for flags in [SetFlags::No, SetFlags::Yes, SetFlags::Free] {
                let code = encode::alu_reg(op, flags, r(d), r(n), r(m), NO_SHIFT);
                let mut texts = Vec::new();
                for (n, m) in [(n, m), (m, n)] {
                    texts.extend(with_flags(&name(op), format!("r{d}, r{n}, r{m}")));
                    texts.extend(with_flags("sub", format!("r{d}, r{m}, r{n}")));
                    if d == n {
                        texts.extend(with_flags(&name(op), format!("r{d}, r{m}")));
                    }
                    if !op.commutes() {
                        break;
                    }
                }
                if op != AluOp::Rsb {
                    texts.retain(|t| {
                        !t.starts_with("sub") || op == AluOp::Sub && !t.ends_with(&format!("r{m}, r{n}")) || n == m
                    });
                }
                rows.push((code, texts));
                for k in WORDS {
                    let imm = ModifiedImm::new(k).expect("a modified immediate");
                    let code = encode::alu_imm(op, flags, r(d), r(n), imm, k);
                    let mut texts = with_flags(&name(op), format!("r{d}, r{n}, #{}", k as i32));
                    texts.extend(with_flags(&name(op), format!("r{d}, r{n}, #{k}")));
                    if d == n {
                        texts.extend(with_flags(&name(op), format!("r{d}, #{}", k)));
                    }
                    rows.push((code, texts));
                }
                for (shift, k) in [(ShiftOp::Lsl, 1), (ShiftOp::Lsr, 31), (ShiftOp::Asr, 4), (ShiftOp::Ror, 17)] {
                    let code = encode::alu_reg(op, flags, r(d), r(n), r(m), (shift, Imm5::from_low_bits(k)));
                    rows.push((code, with_flags(&name(op), format!("r{d}, r{n}, r{m}, {} #{k}", name(shift)))));
                }
            }
        }
    }
    check(&rows);
}

#[test]
fn modified_immediates_are_exactly_those_of_the_manual() {
    for (value, fits) in
        [(0xff << 24 | 1, false), (0x101, false), (0x1fe, true), (0x0ff0_0000, true), (0x8000_0001, false)]
    {
        assert_eq!(ModifiedImm::new(value).is_some(), fits, "{value:#x}");
    }
}

#[test]
fn moves_shifts_and_compares() {
    let mut rows = Vec::new();
    for (d, m) in [(0, 1), (8, 1), (1, 8), (11, 12), (7, 7)] {
        rows.push((encode::mov_reg(r(d), r(m)), vec![format!("mov r{d}, r{m}")]));
        rows.push((encode::mvn_reg_s(r(d), r(m)), with_flags("mvn", format!("r{d}, r{m}"))));
        for op in [ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror] {
            for k in [1, 2, 31] {
                let code = encode::shift_imm_s(op, r(d), r(m), Imm5::from_low_bits(k));
                rows.push((code, with_flags(&name(op), format!("r{d}, r{m}, #{k}"))));
            }
            rows.push((encode::shift_reg_s(op, r(d), r(d), r(m)), {
                let mut texts = with_flags(&name(op), format!("r{d}, r{m}"));
                texts.extend(with_flags(&name(op), format!("r{d}, r{d}, r{m}")));
                texts
            }));
            rows.push((encode::shift_reg_s(op, r(d), r(3), r(m)), with_flags(&name(op), format!("r{d}, r3, r{m}"))));
        }
        for op in [UnaryOp::Clz, UnaryOp::Rbit, UnaryOp::Rev, UnaryOp::Rev16] {
            rows.push((encode::unary(op, r(d), r(m)), vec![format!("{} r{d}, r{m}", name(op))]));
        }
        for op in [UnaryOp::Sxtb, UnaryOp::Sxth, UnaryOp::Uxtb, UnaryOp::Uxth] {
            rows.push((encode::unary(op, r(d), r(m)), vec![format!("{} r{d}, r{m}", name(op))]));
        }
        rows.push((encode::cmp_reg(r(d), r(m), NO_SHIFT), vec![format!("cmp r{d}, r{m}")]));
        rows.push((encode::tst_reg(r(d), r(m), NO_SHIFT), vec![format!("tst r{d}, r{m}")]));
        for k in WORDS {
            let imm = ModifiedImm::new(k).expect("a modified immediate");
            let both = |name: &str| vec![format!("{name} r{d}, #{k}"), format!("{name} r{d}, #{}", k as i32)];
            rows.push((encode::cmp_imm(r(d), imm, k), both("cmp")));
            rows.push((encode::cmn_imm(r(d), imm), both("cmn")));
            rows.push((encode::tst_imm(r(d), imm), both("tst")));
            rows.push((encode::mov_modified(r(d), imm), both("mov")));
            rows.push((encode::mvn_modified(r(d), imm), both("mvn")));
        }
        for k in [0, 1, 0x7ff, 0x800, 0x0f0f, 0xf0f0, 0xffff] {
            rows.push((encode::movw(r(d), Imm16::from_low_bits(k)), vec![format!("movw r{d}, #{k}")]));
            rows.push((encode::movt(r(d), Imm16::from_low_bits(k)), vec![format!("movt r{d}, #{k}")]));
        }
        for k in [0, 255, 256, 0x7ff, 0x800, 4095] {
            let imm = Imm12::new(k).expect("12 bits");
            rows.push((encode::add_imm12(false, r(d), r(m), imm), vec![format!("addw r{d}, r{m}, #{k}")]));
            rows.push((encode::add_imm12(true, r(d), r(m), imm), vec![format!("subw r{d}, r{m}, #{k}")]));
        }
        for (lsb, width) in [(0, 1), (0, 31), (5, 17), (31, 1)] {
            let code = encode::ubfx(r(d), r(m), Imm5::from_low_bits(lsb), Imm5::from_low_bits(width - 1));
            rows.push((code, vec![format!("ubfx r{d}, r{m}, #{lsb}, #{width}")]));
        }
    }
    check(&rows);
}

#[test]
fn products() {
    let mut rows = Vec::new();
    for (d, n, m, a) in [(0, 1, 2, 3), (4, 4, 5, 6), (8, 9, 10, 11), (5, 6, 5, 12)] {
        let mut texts = with_flags("mul", format!("r{d}, r{n}, r{m}"));
        texts.extend(with_flags("mul", format!("r{d}, r{m}, r{n}")));
        rows.push((encode::mul_s(r(d), r(n), r(m)), texts));
        rows.push((encode::mla(r(d), r(n), r(m), r(a)), vec![format!("mla r{d}, r{n}, r{m}, r{a}")]));
        rows.push((encode::mls(r(d), r(n), r(m), r(a)), vec![format!("mls r{d}, r{n}, r{m}, r{a}")]));
        rows.push((encode::mul_long(false, r(d), r(a), r(n), r(m)), vec![format!("umull r{d}, r{a}, r{n}, r{m}")]));
        rows.push((encode::mul_long(true, r(d), r(a), r(n), r(m)), vec![format!("smull r{d}, r{a}, r{n}, r{m}")]));
        rows.push((encode::div(false, r(d), r(n), r(m)), vec![format!("udiv r{d}, r{n}, r{m}")]));
        rows.push((encode::div(true, r(d), r(n), r(m)), vec![format!("sdiv r{d}, r{n}, r{m}")]));
    }
    check(&rows);
}

#[test]
fn loads_and_stores() {
    let accesses = [
        Access::Str,
        Access::Strh,
        Access::Strb,
        Access::Ldr,
        Access::Ldrh,
        Access::Ldrb,
        Access::Ldrsh,
        Access::Ldrsb,
    ];
    let mut rows = Vec::new();
    for access in accesses {
        for (t, n, m) in [(0, 1, 2), (7, 7, 7), (8, 1, 2), (0, 9, 3), (2, 3, 11), (5, 13, 1)] {
            for k in [0, 1, 2, 31, 62, 124, 128, 1020, 1024, 4095] {
                let code = access_imm(access, r(t), r(n), Imm12::new(k).expect("12 bits"));
                let at = if k == 0 { format!("[r{n}]") } else { format!("[r{n}, #{k}]") };
                rows.push((code, vec![format!("{} r{t}, {at}", name(access))]));
            }
            for shift in 0..4 {
                let code = access_reg(access, r(t), r(n), r(m), shift);
                let at = if shift == 0 { format!("[r{n}, r{m}]") } else { format!("[r{n}, r{m}, lsl #{shift}]") };
                rows.push((code, vec![format!("{} r{t}, {at}", name(access))]));
            }
        }
    }
    for bytes in [4, 508] {
        rows.push((adjust_sp(false, bytes).expect("fits"), vec![format!("add r13, #{bytes}")]));
        rows.push((adjust_sp(true, bytes).expect("fits"), vec![format!("sub r13, #{bytes}")]));
    }
    assert_eq!((adjust_sp(true, 512), adjust_sp(true, 6)), (None, None));
    rows.push((push(0x4011), vec!["push {r0, r4, r14}".to_string()]));
    rows.push((push(0x4ff0), vec!["push {r4, r5, r6, r7, r8, r9, r10, r11, r14}".to_string()]));
    rows.push((pop(0x8080), vec!["pop {r7, r15}".to_string()]));
    rows.push((pop(0x0110), vec!["pop {r4, r8}".to_string()]));
    rows.push((pop(0x8ff0), vec!["pop {r4, r5, r6, r7, r8, r9, r10, r11, r15}".to_string()]));
    check(&rows);
}

#[test]
fn branches() {
    let mut rows = Vec::new();
    let mut row = |code: Option<Code>, text: String| rows.push((code.expect("in reach"), vec![text]));
    let conditions = [
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
    for c in conditions {
        for o in [-256, 0, 254] {
            row(b_narrow(Some(c), o + 4), format!("b{} #{o}", name(c)));
        }
        for o in [-(1 << 20), -4098, 0, 0x8_0000, (1 << 20) - 2] {
            row(b_cond_wide(c, o + 4), format!("b{} #{o}", name(c)));
        }
    }
    for o in [-2048, 0, 2046] {
        row(b_narrow(None, o + 4), format!("b #{o}"));
    }
    for o in [-(1 << 24), -0x40_0000, -4, 0, 0x40_0000, 0x80_0000, (1 << 24) - 2] {
        row(b_wide(o + 4), format!("b #{o}"));
        row(bl(o + 4), format!("bl #{o}"));
    }
    for o in [0, 2, 62, 64, 126] {
        row(cbz(false, r(0), o + 4), format!("cbz r0, #{o}"));
        row(cbz(true, r(7), o + 4), format!("cbnz r7, #{o}"));
    }
    row(Some(bx(r(14))), "bx r14".to_string());
    row(Some(blx(r(11))), "blx r11".to_string());
    row(Some(tbh(r(3))), "tbh [r15, r3, lsl #1]".to_string());
    row(Some(udf(Imm8::from_low_bits(7))), "udf #7".to_string());
    row(Some(nop()), "nop".to_string());
    check(&rows);
    let outside = [b_narrow(None, 2052), b_narrow(Some(Condition::Eq), 260), b_cond_wide(Condition::Eq, (1 << 20) + 4)];
    assert_eq!(outside, [None; 3]);
    assert_eq!([cbz(false, r(8), 4), cbz(false, r(0), 2), b_wide((1 << 24) + 4)], [None; 3]);
}

#[test]
fn it_blocks() {
    for (code, second) in [(ite(Condition::Lo), "movhs r1, #0"), (ite(Condition::Gt), "movle r1, #0")] {
        let zero = encode::movs_imm8(r(1), Imm8::from_low_bits(0)).expect("low");
        let lines = disassemble(&[code, zero, zero]);
        assert_eq!(lines[2], second);
    }
    let lines = disassemble(&[it(Condition::Ge), encode::mov_reg(r(9), r(1)), encode::mov_reg(r(9), r(1))]);
    assert_eq!((lines[1].as_str(), lines[2].as_str()), ("movge r9, r1", "mov r9, r1"));
}
