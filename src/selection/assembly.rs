//! The right side of a rule: text in the manual's syntax to machine instructions in which registers and constants are yet to be
//! filled in.
//!
//! `rd`, or `lo` and `hi`, are the results; `?x` a register operand; `#n`, `#12`, `#(sub 0 #n)` constants; `t0`, `t1` registers in
//! between; `=0x1234` a register that holds this word; `rd:?x` a result in the register of an operand. Instructions are separated
//! by `;`. `cmp ?x, ?y : lo` gives the truth value that the condition has after the comparison.

use super::constants::Expr;
use crate::encode::operand::{Condition, Extension};
use crate::encode::{AluOp, ShiftOp, UnaryOp};
use crate::machine::{Compare, Inst, Reg, Src, Test};
use synth_lemmas::Term;

/// First placeholders of results, of registers in between, and of registers that hold words. Those of operands start at 0.
const RESULTS: u32 = 16;
const BETWEEN: u32 = 32;
const WORDS: u32 = 64;

/// What a placeholder of a register stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hole {
    /// The operand with this number.
    Operand(usize),
    /// The result with this number.
    Result(usize),
    /// The register in between with this number.
    Between(usize),
    /// A register that holds the word with this number.
    Word(usize),
}

impl Hole {
    fn of(reg: Reg) -> Hole {
        match reg.0 {
            n @ WORDS.. => Hole::Word((n - WORDS) as usize),
            n @ BETWEEN.. => Hole::Between((n - BETWEEN) as usize),
            n @ RESULTS.. => Hole::Result((n - RESULTS) as usize),
            n => Hole::Operand(n as usize),
        }
    }
}

/// Instructions in which registers stand for a [`Hole`], and constants for an expression.
#[derive(Clone, Debug, Default)]
pub struct Template {
    insts: Vec<Inst>,
    /// By number that stands in an instruction: what is to stand there.
    exprs: Vec<Expr>,
    /// Words to be held in registers.
    pub words: Vec<u32>,
    /// Registers in between.
    pub between: usize,
    /// Whether the result is a truth value: the last instruction makes it a word.
    pub is_test: bool,
}

/// Names of a rule's operands and constants, without their marks.
pub struct Names {
    /// Register operands.
    pub operands: Vec<String>,
    /// Constants.
    pub constants: Vec<String>,
}

impl Template {
    /// Reads the right side of a rule.
    ///
    /// # Errors
    /// The part that is not understood.
    pub fn parse(text: &str, names: &Names) -> Result<Template, String> {
        let mut reader = Reader { names, made: Template::default() };
        let parts: Vec<&str> = text.split(';').map(str::trim).collect();
        let mut at = 0;
        while at < parts.len() {
            at += reader.part(&parts[at..])?;
        }
        Ok(reader.made)
    }
    /// The instructions with registers and the values of constants filled in.
    pub fn filled(&self, constants: &[u32], register: &mut dyn FnMut(Hole) -> Reg) -> Vec<Inst> {
        let mut insts = self.insts.clone();
        for inst in &mut insts {
            inst.operands(&mut |r, _| *r = register(Hole::of(*r)));
            inst.constants(&mut |k| *k = self.exprs[*k as usize].value(constants));
        }
        insts
    }
    /// The instructions as they are, to look at operands' roles.
    pub fn roles(&self) -> Vec<Vec<(Hole, crate::machine::Role)>> {
        let roles = |inst: &Inst| {
            let mut all = Vec::new();
            inst.clone().operands(&mut |r, role| all.push((Hole::of(*r), role)));
            all
        };
        self.insts.iter().map(roles).collect()
    }
}

struct Reader<'a> {
    names: &'a Names,
    made: Template,
}

impl Reader<'_> {
    /// Reads the first of some instructions, or two that belong together. Result: how many.
    fn part(&mut self, parts: &[&str]) -> Result<usize, String> {
        let (text, condition) = match parts[0].split_once(" : ") {
            Some((text, condition)) => (text, Some(condition.trim())),
            None => (parts[0], None),
        };
        let (name, operands) = split(text)?;
        if name == "cmp" && condition.is_none() {
            let second = parts.get(1).ok_or("a comparison without condition")?;
            let (text, condition) = second.split_once(" : ").ok_or_else(|| (*second).to_string())?;
            let (name, high) = split(text)?;
            let ("sbcs", [al, bl], [ah, bh]) = (name, operands.as_slice(), high.as_slice()) else {
                return Err(text.to_string());
            };
            let compare = Compare::Pair(self.reg(al)?, self.reg(ah)?, self.source(&[bl])?, self.source(&[bh])?);
            self.test(compare, condition.trim())?;
            return Ok(2);
        }
        if let Some(condition) = condition {
            let rn = self.reg(operands.first().ok_or(text)?)?;
            let src = self.source(&operands[1..])?;
            let compare = match name {
                "cmp" => Compare::Cmp(rn, src),
                "cmn" => Compare::Cmn(rn, src),
                "tst" => Compare::Tst(rn, src),
                _ => return Err(text.to_string()),
            };
            self.test(compare, condition)?;
            return Ok(1);
        }
        if let "adds" | "subs" = name {
            let (second, high) = split(parts.get(1).ok_or(text)?)?;
            let subtract = name == "subs";
            if second != if subtract { "sbc" } else { "adc" } || operands.len() != 3 || high.len() != 3 {
                return Err(text.to_string());
            }
            let [lo, al, hi, ah] = [operands[0], operands[1], high[0], high[1]];
            let [lo, al, hi, ah] = [self.reg(lo)?, self.reg(al)?, self.reg(hi)?, self.reg(ah)?];
            let (bl, bh) = (self.source(&operands[2..])?, self.source(&high[2..])?);
            self.made.insts.push(Inst::Pair { subtract, lo, hi, al, ah, bl, bh });
            return Ok(2);
        }
        let inst = self.inst(name, &operands)?;
        self.made.insts.push(inst);
        Ok(1)
    }
    fn test(&mut self, compare: Compare, condition: &str) -> Result<(), String> {
        let condition = condition_named(condition).ok_or_else(|| condition.to_string())?;
        self.made.insts.push(Inst::SetIf { rd: Reg(RESULTS), test: Test { compare, condition } });
        self.made.is_test = true;
        Ok(())
    }
    fn inst(&mut self, name: &str, operands: &[&str]) -> Result<Inst, String> {
        let wrong = || format!("{name} {}", operands.join(", "));
        if let (Some(op), [rd, rn, src @ ..]) = (alu(name), operands) {
            return Ok(Inst::Alu { op, rd: self.reg(rd)?, rn: self.reg(rn)?, src: self.source(src)? });
        }
        if let (Some(op), [rd, rm, by]) = (shift(name), operands) {
            let (rd, rm) = (self.reg(rd)?, self.reg(rm)?);
            return Ok(match by.starts_with('#') {
                true => Inst::ShiftImm { op, rd, rm, amount: self.constant(by)? },
                false => Inst::ShiftReg { op, rd, rn: rm, rm: self.reg(by)? },
            });
        }
        if let (Some(op), [rd, rm]) = (unary(name), operands) {
            return Ok(Inst::Unary { op, rd: self.reg(rd)?, rm: self.reg(rm)? });
        }
        if let Some((op, adds)) = extension(name) {
            return self.extend(op, adds, operands).map_err(|()| wrong());
        }
        Ok(match (name, operands) {
            ("mov", [rd, k]) if k.starts_with('#') => Inst::Const { rd: self.reg(rd)?, value: self.constant(k)? },
            ("mov", [rd, rm]) => Inst::Move { rd: self.reg(rd)?, rm: self.reg(rm)? },
            ("mvn", [rd, src @ ..]) => Inst::Not { rd: self.reg(rd)?, src: self.source(src)? },
            ("ubfx" | "sbfx", [rd, rn, lsb, width]) => {
                let (rd, rn) = (self.reg(rd)?, self.reg(rn)?);
                let (lsb, width) = (self.constant(lsb)?, self.constant(width)?);
                Inst::Extract { signed: name == "sbfx", rd, rn, lsb, width }
            }
            ("bfi", [rd, rn, lsb, width]) => {
                let ((rd, old), rn) = (self.tied(rd)?, Some(self.reg(rn)?));
                Inst::Insert { rd, old, rn, lsb: self.constant(lsb)?, width: self.constant(width)? }
            }
            ("bfc", [rd, lsb, width]) => {
                let (rd, old) = self.tied(rd)?;
                Inst::Insert { rd, old, rn: None, lsb: self.constant(lsb)?, width: self.constant(width)? }
            }
            ("mul", [rd, rn, rm]) => Inst::Mul { rd: self.reg(rd)?, rn: self.reg(rn)?, rm: self.reg(rm)? },
            ("mla" | "mls", [rd, rn, rm, ra]) => {
                let [rd, rn, rm, ra] = [self.reg(rd)?, self.reg(rn)?, self.reg(rm)?, self.reg(ra)?];
                Inst::MulAdd { subtract: name == "mls", rd, rn, rm, ra }
            }
            ("umull" | "smull", [lo, hi, rn, rm]) => {
                let [lo, hi, rn, rm] = [self.reg(lo)?, self.reg(hi)?, self.reg(rn)?, self.reg(rm)?];
                Inst::MulLong { signed: name == "smull", lo, hi, rn, rm }
            }
            ("umlal" | "smlal", [lo, hi, rn, rm]) => {
                let ((lo, al), (hi, ah)) = (self.tied(lo)?, self.tied(hi)?);
                Inst::MulAddLong { signed: name == "smlal", lo, hi, al, ah, rn: self.reg(rn)?, rm: self.reg(rm)? }
            }
            ("udiv" | "sdiv", [rd, rn, rm]) => {
                Inst::Div { signed: name == "sdiv", rd: self.reg(rd)?, rn: self.reg(rn)?, rm: self.reg(rm)? }
            }
            _ => return Err(wrong()),
        })
    }
    fn extend(&mut self, op: Extension, adds: bool, operands: &[&str]) -> Result<Inst, ()> {
        let (plain, turn) = match operands.split_last() {
            Some((last, plain)) if last.starts_with("ror ") => (plain, last.trim_start_matches("ror ")),
            _ => (operands, "#0"),
        };
        let mut reg = |text: &str| self.reg(text).map_err(|_| ());
        let (rd, rn, rm) = match (plain, adds) {
            ([rd, rm], false) => (reg(rd)?, None, reg(rm)?),
            ([rd, rn, rm], true) => (reg(rd)?, Some(reg(rn)?), reg(rm)?),
            _ => return Err(()),
        };
        Ok(Inst::Extend { op, rd, rn, rm, rotation: self.constant(turn).map_err(|_| ())? })
    }
    /// A flexible operand: a constant, a register, or a register and a shift.
    fn source(&mut self, operands: &[&str]) -> Result<Src, String> {
        match operands {
            [k] if k.starts_with('#') => Ok(Src::Imm(self.constant(k)?)),
            [r] => Ok(Src::Reg(self.reg(r)?)),
            [r, by] => {
                let (name, amount) = by.split_once(' ').ok_or_else(|| (*by).to_string())?;
                let op = shift(name).ok_or_else(|| (*by).to_string())?;
                Ok(Src::Shifted(self.reg(r)?, op, self.constant(amount)?))
            }
            _ => Err(operands.join(", ")),
        }
    }
    /// A result in the register of an operand.
    fn tied(&mut self, text: &str) -> Result<(Reg, Reg), String> {
        let (result, operand) = text.split_once(':').ok_or_else(|| text.to_string())?;
        Ok((self.reg(result)?, self.reg(operand)?))
    }
    fn reg(&mut self, text: &str) -> Result<Reg, String> {
        let wrong = || text.to_string();
        let number = match text {
            "rd" | "lo" => RESULTS,
            "hi" => RESULTS + 1,
            _ => match text.split_at_checked(1).ok_or_else(wrong)? {
                ("?", name) => self.names.operands.iter().position(|n| n == name).ok_or_else(wrong)? as u32,
                ("t", n) => {
                    let n: usize = n.parse().map_err(|_| wrong())?;
                    self.made.between = self.made.between.max(n + 1);
                    BETWEEN + n as u32
                }
                ("=", word) => {
                    let Ok(Term::Const(word)) = Term::parse(word) else { return Err(wrong()) };
                    let words = &mut self.made.words;
                    let at = words.iter().position(|w| *w == word).unwrap_or_else(|| {
                        words.push(word);
                        words.len() - 1
                    });
                    WORDS + at as u32
                }
                _ => return Err(wrong()),
            },
        };
        Ok(Reg(number))
    }
    fn constant(&mut self, text: &str) -> Result<u32, String> {
        let wrong = || text.to_string();
        let rest = text.strip_prefix('#').ok_or_else(wrong)?;
        let is_name = rest.starts_with(|c: char| c.is_ascii_alphabetic());
        let term = Term::parse(if is_name { text } else { rest }).map_err(|_| wrong())?;
        let expr = Expr::new(&term, &self.names.constants).ok_or_else(wrong)?;
        self.made.exprs.push(expr);
        Ok(self.made.exprs.len() as u32 - 1)
    }
}

/// Mnemonic and operands.
fn split(text: &str) -> Result<(&str, Vec<&str>), String> {
    let (name, operands) = text.split_once(' ').ok_or_else(|| text.to_string())?;
    Ok((name, operands.split(',').map(str::trim).collect()))
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

fn alu(name: &str) -> Option<AluOp> {
    use AluOp::*;
    let all = [And, Bic, Orr, Orn, Eor, Add, Sub, Rsb];
    named(&["and", "bic", "orr", "orn", "eor", "add", "sub", "rsb"].into_iter().zip(all).collect::<Vec<_>>(), name)
}

fn shift(name: &str) -> Option<ShiftOp> {
    named(&[("lsl", ShiftOp::Lsl), ("lsr", ShiftOp::Lsr), ("asr", ShiftOp::Asr), ("ror", ShiftOp::Ror)], name)
}

fn unary(name: &str) -> Option<UnaryOp> {
    use UnaryOp::*;
    let all = [Clz, Rbit, Rev, Rev16, Sxtb, Sxth, Uxtb, Uxth];
    let names = ["clz", "rbit", "rev", "rev16", "sxtb", "sxth", "uxtb", "uxth"];
    named(&names.into_iter().zip(all).collect::<Vec<_>>(), name)
}

/// The extension, and whether something is added.
fn extension(name: &str) -> Option<(Extension, bool)> {
    use Extension::*;
    let plain = [("sxth", Sxth), ("uxth", Uxth), ("sxtb", Sxtb), ("uxtb", Uxtb)];
    let adding = [("sxtah", Sxth), ("uxtah", Uxth), ("sxtab", Sxtb), ("uxtab", Uxtb)];
    named(&plain, name).map(|op| (op, false)).or(named(&adding, name).map(|op| (op, true)))
}

fn condition_named(name: &str) -> Option<Condition> {
    use Condition::*;
    let all = [Eq, Ne, Hs, Lo, Hi, Ls, Ge, Lt, Gt, Le];
    let names = ["eq", "ne", "hs", "lo", "hi", "ls", "ge", "lt", "gt", "le"];
    named(&names.into_iter().zip(all).collect::<Vec<_>>(), name)
}
