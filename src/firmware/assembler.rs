//! A small assembler for start-up code: routines of Thumb instructions with labels, literals and references to symbols.
//!
//! Instructions come from [`crate::encode`]; those that only start-up code needs, because they reach special registers or a
//! debugger, are the few of [`System`].

use crate::encode::bits::Code;
use crate::encode::branch::{b_cond_wide, b_narrow, bl};
use crate::encode::memory::ldr_literal_narrow;
use crate::encode::operand::{Condition, Gpr, Low, ModifiedImm, Offset, WordOffset};

/// An instruction without operands to choose, with its halfwords. Source: DDI 0403E, A7.7 and B5.2; the debugger's number is
/// that of Arm's "Semihosting for AArch32 and AArch64", 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by its text")]
pub enum System {
    MsrMspR0,
    MsrPspR0,
    MsrControlR0,
    MrsR4Msp,
    MrsR4Psp,
    MrsR5Ipsr,
    Isb,
    Dsb,
    CpsidI,
    Wfi,
    BkptSemihosting,
}

impl System {
    /// All of them.
    pub const ALL: [System; 11] = [
        System::MsrMspR0,
        System::MsrPspR0,
        System::MsrControlR0,
        System::MrsR4Msp,
        System::MrsR4Psp,
        System::MrsR5Ipsr,
        System::Isb,
        System::Dsb,
        System::CpsidI,
        System::Wfi,
        System::BkptSemihosting,
    ];
    /// As a disassembler prints it, and the halfwords.
    pub fn row(self) -> (&'static str, &'static [u16]) {
        match self {
            System::MsrMspR0 => ("msr msp, r0", &[0xf380, 0x8808]),
            System::MsrPspR0 => ("msr psp, r0", &[0xf380, 0x8809]),
            System::MsrControlR0 => ("msr control, r0", &[0xf380, 0x8814]),
            System::MrsR4Msp => ("mrs r4, msp", &[0xf3ef, 0x8408]),
            System::MrsR4Psp => ("mrs r4, psp", &[0xf3ef, 0x8409]),
            System::MrsR5Ipsr => ("mrs r5, ipsr", &[0xf3ef, 0x8505]),
            System::Isb => ("isb sy", &[0xf3bf, 0x8f6f]),
            System::Dsb => ("dsb sy", &[0xf3bf, 0x8f4f]),
            System::CpsidI => ("cpsid i", &[0xb672]),
            System::Wfi => ("wfi", &[0xbf30]),
            System::BkptSemihosting => ("bkpt #0xab", &[0xbeab]),
        }
    }
}

/// What a word of a routine's literals holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A number.
    Number(u32),
    /// The address of a symbol.
    Symbol(String),
    /// The address of a text, zero-terminated.
    Text(String),
}

/// What refers to a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `bl`.
    Call,
    /// A word with the symbol's address.
    Word,
}

/// A routine.
#[derive(Clone, Debug)]
pub struct Routine {
    /// Its symbol.
    pub name: String,
    /// Other symbols of it, which a host may define instead.
    pub weak: Vec<String>,
    /// Its code, literals behind it.
    pub code: Vec<u8>,
    /// Where the literals start.
    pub literals_at: u32,
    /// Offset, kind and symbol of references.
    pub references: Vec<(u32, Reference, String)>,
    /// Offset of words that hold the address of a text.
    pub texts: Vec<(u32, String)>,
}

/// A place in a routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Assembles one routine.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<u8>,
    labels: Vec<Option<usize>>,
    branches: Vec<(usize, Option<Condition>, Label)>,
    loads: Vec<(usize, Low, Word)>,
    references: Vec<(u32, Reference, String)>,
}

/// Core register `n`, `0..=12` or 14.
pub fn r(n: u8) -> Gpr {
    Gpr::new(n).expect("invariant: a register that instructions take")
}

/// An immediate of data-processing instructions.
pub fn imm(value: u32) -> ModifiedImm {
    ModifiedImm::new(value).expect("invariant: start-up code uses immediates that have an encoding")
}

impl Assembler {
    /// Appends an instruction.
    pub fn put(&mut self, code: Code) {
        code.append_to(&mut self.code);
    }
    /// Appends an instruction without operands.
    pub fn system(&mut self, what: System) {
        self.code.extend(what.row().1.iter().flat_map(|half| half.to_le_bytes()));
    }
    /// A label that is bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }
    /// Binds a label to this place.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }
    /// A label of this place.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }
    /// `b label`.
    pub fn jump(&mut self, to: Label) {
        self.branches.push((self.code.len(), None, to));
        self.code.extend([0, 0]);
    }
    /// `b<condition>.w label`.
    pub fn jump_if(&mut self, condition: Condition, to: Label) {
        self.branches.push((self.code.len(), Some(condition), to));
        self.code.extend([0; 4]);
    }
    /// `bl symbol`.
    pub fn call(&mut self, symbol: &str) {
        self.references.push((self.code.len() as u32, Reference::Call, symbol.to_string()));
        self.put(bl(Offset::ZERO));
    }
    /// `ldr rN, =word`, `N` below 8.
    pub fn load(&mut self, n: u8, word: Word) {
        let low = r(n).low().expect("invariant: a low register");
        self.loads.push((self.code.len(), low, word));
        self.code.extend([0, 0]);
    }
    /// `ldr rN, =number`.
    pub fn load_number(&mut self, n: u8, number: u32) {
        self.load(n, Word::Number(number));
    }
    /// `ldr rN, =symbol`.
    pub fn load_symbol(&mut self, n: u8, symbol: &str) {
        self.load(n, Word::Symbol(symbol.to_string()));
    }
    /// Sets branches and literals. The distances are those of short routines.
    pub fn finish(mut self, name: &str, weak: Vec<String>) -> Routine {
        let set = |code: &mut Vec<u8>, at: usize, instruction: Code| {
            let mut bytes = Vec::new();
            instruction.append_to(&mut bytes);
            code[at..at + bytes.len()].copy_from_slice(&bytes);
        };
        for (at, condition, to) in std::mem::take(&mut self.branches) {
            let target = self.labels[to.0].expect("invariant: every label is bound");
            let distance = target as i32 - at as i32;
            let near = "invariant: routines are short";
            let code = match condition {
                Some(condition) => b_cond_wide(condition, Offset::new(distance).expect(near)),
                None => b_narrow(Offset::new(distance).expect(near)),
            };
            set(&mut self.code, at, code);
        }
        if self.code.len() % 4 != 0 {
            self.put(crate::encode::branch::nop());
        }
        let literals_at = self.code.len() as u32;
        let (mut words, mut texts): (Vec<Word>, Vec<(u32, String)>) = (Vec::new(), Vec::new());
        for (at, register, word) in std::mem::take(&mut self.loads) {
            let place = words.iter().position(|w| *w == word).unwrap_or(words.len());
            if place == words.len() {
                let offset = self.code.len() as u32;
                let mut value = 0;
                match &word {
                    Word::Number(number) => value = *number,
                    Word::Symbol(symbol) => self.references.push((offset, Reference::Word, symbol.clone())),
                    Word::Text(text) => texts.push((offset, text.clone())),
                }
                self.code.extend(value.to_le_bytes());
                words.push(word);
            }
            let from = (at + 4) & !3;
            let distance = literals_at + 4 * place as u32 - from as u32;
            let distance = WordOffset::new(distance).expect("invariant: routines are short");
            set(&mut self.code, at, ldr_literal_narrow(register, distance));
        }
        Routine { name: name.to_string(), weak, code: self.code, literals_at, references: self.references, texts }
    }
}
