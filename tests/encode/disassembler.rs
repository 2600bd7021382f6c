//! What foreign disassemblers read: capstone and llvm-mc.

use super::text::{Voice, canonical};
use capstone::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// Code to read, and whether inside an IT block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// The halfword, or both with the first in the high half.
    pub code: u32,
    /// Whether there are two.
    pub wide: bool,
    /// Whether `it eq` stands before it.
    pub in_it: bool,
}

/// What a disassembler says of a probe: canonical text, or why there is none.
pub type Reading = Result<String, &'static str>;

/// `it eq`.
const IT_EQ: u16 = 0xbf08;
const NOP: u16 = 0xbf00;
/// No text.
const INVALID: &str = "not an instruction";
/// There is a text, with a warning that the encoding may be undefined.
pub const UNDEFINED: &str = "an undefined form";

impl Probe {
    /// Whether a disassembler can be asked: the code is one instruction long, and no IT block in an IT block.
    /// Source: DDI 0403E, A5.1 (lengths), A7.3.2 (IT blocks).
    fn is_formed(self) -> bool {
        let first = if self.wide { self.code >> 16 } else { self.code };
        (first >= 0xe800) == self.wide && !(self.in_it && self.block() > 0)
    }
    fn bytes(self) -> Vec<u8> {
        let (first, second) = ((self.code >> 16) as u16, self.code as u16);
        if self.wide { [first.to_le_bytes(), second.to_le_bytes()].concat() } else { second.to_le_bytes().to_vec() }
    }
    fn condition(self) -> Option<&'static str> {
        self.in_it.then_some("eq")
    }
    /// Instructions that an IT instruction puts under a condition.
    fn block(self) -> u32 {
        let mask = self.code & 0xf;
        if !self.wide && self.code >> 8 == 0xbf && mask != 0 { 4 - mask.trailing_zeros() } else { 0 }
    }
}

/// Capstone's readings.
pub fn capstone(probes: &[Probe]) -> Vec<Reading> {
    let capstone = Capstone::new()
        .arm()
        .mode(arch::arm::ArchMode::Thumb)
        .extra_mode([arch::arm::ArchExtraMode::MClass].into_iter())
        .endian(::capstone::Endian::Little)
        .build()
        .expect("capstone starts");
    let read = |probe: &Probe| {
        if !probe.is_formed() {
            return Err(INVALID);
        }
        let mut bytes = if probe.in_it { IT_EQ.to_le_bytes().to_vec() } else { Vec::new() };
        let at = bytes.len() as u32;
        bytes.extend(probe.bytes());
        let list = capstone.disasm_all(&bytes, 0).map_err(|_| INVALID)?;
        let insn = list.iter().nth(usize::from(probe.in_it)).ok_or(INVALID)?;
        if insn.bytes().len() != probe.bytes().len() {
            return Err(INVALID);
        }
        let line = format!("{} {}", insn.mnemonic().unwrap_or(""), insn.op_str().unwrap_or(""));
        canonical(&line, Voice::Address(at), probe.condition()).ok_or("not under the condition")
    };
    probes.iter().map(read).collect()
}

/// One instruction of the input in brackets, so that what is not one does not shift the next.
fn bracket(input: &mut String, bytes: &[u8]) {
    let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:#x}")).collect();
    input.push_str(&format!("[{}]\n", bytes.join(" ")));
}

/// The input for llvm-mc, and by probe the line (from 1) on which it stands.
fn llvm_input(probes: &[Probe]) -> (String, Vec<usize>) {
    let (mut input, mut line, mut lines) = (String::new(), 0, Vec::with_capacity(probes.len()));
    let mut add = |input: &mut String, bytes: &[u8]| {
        bracket(input, bytes);
        line += 1;
        line
    };
    for probe in probes {
        if probe.in_it {
            add(&mut input, &IT_EQ.to_le_bytes());
        }
        lines.push(add(&mut input, &probe.bytes()));
        for _ in 0..probe.block() {
            add(&mut input, &NOP.to_le_bytes());
        }
    }
    (input, lines)
}

/// llvm-mc's readings, from one process.
pub fn llvm(probes: &[Probe]) -> Vec<Reading> {
    let formed: Vec<Probe> = probes.iter().copied().filter(|p| p.is_formed()).collect();
    let mut readings = llvm_formed(&formed).into_iter();
    let read = |probe: &Probe| if probe.is_formed() { readings.next().unwrap_or(Err(INVALID)) } else { Err(INVALID) };
    probes.iter().map(read).collect()
}

fn llvm_formed(probes: &[Probe]) -> Vec<Reading> {
    let (input, lines) = llvm_input(probes);
    let count = input.lines().count();
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
    let mut remarks = BTreeMap::new();
    for remark in String::from_utf8_lossy(&out.stderr).lines() {
        let Some((line, what)) = remark.strip_prefix("<stdin>:").and_then(|r| r.split_once(':')) else {
            continue;
        };
        let why = if what.contains("invalid instruction") { INVALID } else { UNDEFINED };
        remarks.insert(line.parse::<usize>().expect("a line number"), why);
    }
    let text = String::from_utf8(out.stdout).expect("text");
    let mut texts = text.lines().filter(|l| !l.trim_start().starts_with('.') && !l.trim().is_empty());
    let mut by_line = vec![None; count + 1];
    for (line, slot) in by_line.iter_mut().enumerate().skip(1) {
        if remarks.get(&line) != Some(&INVALID) {
            *slot = texts.next();
        }
    }
    assert_eq!(texts.next(), None, "one line for each instruction");
    let read = |(probe, line): (&Probe, usize)| match (remarks.get(&line), by_line[line]) {
        (Some(why), _) => Err(*why),
        (None, Some(text)) => canonical(text, Voice::Ahead, probe.condition()).ok_or("not under the condition"),
        (None, None) => Err(INVALID),
    };
    probes.iter().zip(lines).map(read).collect()
}
