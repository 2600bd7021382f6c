//! What the decoder accepts, by encoding: a row of its table, the mnemonic and the addressing form.
//!
//! A form is an instruction's text with registers as `r` (sp and pc keep their names), constants as `#` and register
//! lists as `{..}`. The forms of an encoding differ in the kind of shift and in sp as an operand. The 65,536 halfwords are tried one by one. The fields of the 32-bit rows are filled at random, with dense
//! edges; the encodings found are then a sample, and [`Encodings::missed`] looks for others by other means.

use super::values::Random;
use std::collections::BTreeMap;
use synth_validator::arm::encoding::{decode, patterns, row_of};
use synth_validator::arm::insn::{Op, render};

/// Fillings tried per 32-bit row, and per bit of its opcode field `o`.
const FILLINGS: u32 = 80_000;
/// Codes kept per form of a 32-bit encoding.
const SAMPLE_MAX: usize = 1_000;

/// An encoding: 32 bits or 16, number of its row, instruction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Whether it has 32 bits.
    pub wide: bool,
    /// Number of its row in the decoder's table of that width.
    pub row: usize,
    /// Its forms' common text.
    pub name: String,
}

impl Key {
    /// The encoding of a code that the decoder accepts outside IT blocks.
    pub fn of(code: u32, wide: bool) -> Option<(Key, String)> {
        let op = decode(code, wide, 0, false)?;
        let form = form(&render(&op));
        Some((Key { wide, row: row_of(code, wide)?, name: name(&form) }, form))
    }
    /// The row's bit pattern.
    pub fn pattern(&self) -> &'static str {
        patterns(self.wide).nth(self.row).expect("invariant: a row of the table")
    }
}

/// Codes of an encoding by form.
pub type Forms = BTreeMap<String, Vec<u32>>;

/// All encodings with codes of each.
pub struct Encodings(pub BTreeMap<Key, Forms>);

impl Encodings {
    /// Tries all halfwords and samples all 32-bit rows.
    pub fn new(seed: u32) -> Self {
        let mut found = Encodings(BTreeMap::new());
        // From 0b11101 on a halfword is the first of two. Source: DDI 0403E, A5.1.
        for code in 0..0b11101 << 11 {
            found.add(code, false, usize::MAX);
        }
        for (row, pattern) in patterns(true).enumerate() {
            let mut random = Random::new(seed ^ row as u32);
            let opcode_bits = pattern.matches('o').count() as u32;
            for _ in 0..FILLINGS * (1 + opcode_bits) {
                found.add(fill(pattern, &mut random), true, SAMPLE_MAX);
            }
        }
        found
    }

    fn add(&mut self, code: u32, wide: bool, codes_max: usize) {
        if let Some((key, form)) = Key::of(code, wide) {
            let codes = self.0.entry(key).or_default().entry(form).or_default();
            if codes.len() < codes_max {
                codes.push(code);
            }
        }
    }

    /// Accepted 32-bit codes among `tries` words, all alike, whose form is not among these.
    pub fn missed(&self, tries: u32, seed: u32) -> Vec<(u32, String)> {
        let mut random = Random::new(seed);
        let codes = (0..tries).map(|_| random.word() | 0xe800_0000);
        let accepted = codes.filter_map(|code| Some((code, Key::of(code, true)?)));
        let new = accepted.filter(|(_, (key, form))| !self.0.get(key).is_some_and(|forms| forms.contains_key(form)));
        new.map(|(code, (_, form))| (code, form)).collect()
    }

    /// Codes of all encodings that a test admits, the same number of each form as far as there are.
    pub fn members(&self, per_form: usize, admits: impl Fn(&Op) -> bool) -> Vec<(u32, bool)> {
        let mut out = Vec::new();
        for (key, forms) in &self.0 {
            for codes in forms.values() {
                let admitted = |code: &&u32| decode(**code, key.wide, 0, false).is_some_and(|op| admits(&op));
                let stride = codes.len().div_ceil(per_form);
                out.extend(codes.iter().step_by(stride).filter(admitted).map(|code| (*code, key.wide)));
            }
        }
        out
    }
}

/// A code of a row: each field all zeros, all ones, one bit, sp, pc, or random.
fn fill(pattern: &str, random: &mut Random) -> u32 {
    let mut fields: [Option<u32>; 26] = [None; 26];
    let bits: Vec<u8> = pattern.bytes().filter(|b| *b != b' ').collect();
    let mut code = 0;
    for bit in bits.iter().rev().enumerate() {
        let (place, letter) = bit;
        if letter.is_ascii_digit() {
            code |= u32::from(*letter == b'1') << place;
            continue;
        }
        let field = &mut fields[usize::from(letter - b'a')];
        let value = field.get_or_insert_with(|| match random.below(10) {
            0 => 0,
            1 => u32::MAX,
            2 => 1 << random.below(12),
            3 => 0xd,
            4 => 0xf,
            _ => random.word(),
        });
        code |= (*value & 1) << place;
        *value >>= 1;
    }
    code
}

/// A text without its fields.
fn form(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '#' && c != '-').unwrap_or(rest.len());
        if c == '{' {
            let end = rest.find('}').expect("invariant: lists are closed");
            out.push_str(if rest[..end].ends_with("pc") { "{.., pc}" } else { "{..}" });
            rest = &rest[end + 1..];
        } else if word_end == 0 {
            out.push(c);
            rest = &rest[1..];
        } else {
            let word = &rest[..word_end];
            out.push_str(if word.starts_with('#') { "#" } else { register(word) });
            rest = &rest[word_end..];
        }
    }
    // An offset of zero is written without the offset.
    for base in ["[r]", "[sp]"] {
        if !out.contains("],") {
            out = out.replace(base, &base.replace(']', ", #]"));
        }
    }
    if let Some(it) = out.strip_prefix("it").and_then(|it| it.split(' ').next()) {
        return format!("it{it} <cond>");
    }
    out
}

/// `r` for a register other than sp and pc; anything else as it is.
fn register(word: &str) -> &str {
    const NAMES: [&str; 14] = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "sb", "sl", "fp", "ip", "lr"];
    if NAMES.contains(&word) { "r" } else { word }
}

/// What the forms of one encoding have in common. sp stays where the manual has instructions of their own for it.
fn name(form: &str) -> String {
    let mut out = form.to_string();
    for shift in [", lsl #", ", lsr #", ", asr #", ", ror #", ", rrx"] {
        out = out.replace(shift, "");
    }
    let own = out.starts_with("add") || out.starts_with("sub") || !out.contains("sp");
    if own { out } else { out.replace("sp", "r") }
}
