//! Boards: what a firmware image has to know of the machine it runs on. One TOML file describes a board; those that `synth` knows
//! stand in `boards/`, and a user may give another one of the same form.

use crate::compile::Core;
use serde::Deserialize;
use std::fmt;
use std::ops::Range;

/// The boards that are built in: name, description.
pub const BOARDS: [(&str, &str); 4] = [
    ("mps2-an385", include_str!("../boards/mps2-an385.toml")),
    ("mps2-an386", include_str!("../boards/mps2-an386.toml")),
    ("mps2-an500", include_str!("../boards/mps2-an500.toml")),
    ("stm32f4", include_str!("../boards/stm32f4.toml")),
];

/// External interrupts that an NVIC has at most. Source: DDI 0403E, B3.4.
const INTERRUPTS_MAX: u32 = 496;
/// The name of the flash region in linker scripts.
pub const FLASH: &str = "FLASH";
/// The divisor's bounds of a CMSDK UART. Source: Arm DDI 0479, APB UART, register BAUDDIV.
const CMSDK_DIVISORS: Range<u32> = 16..1 << 20;
/// The divisor's bounds of an STM32 USART with oversampling by 16. Source: ST RM0090, 30.6.3, register USART_BRR.
const STM32_DIVISORS: Range<u32> = 16..1 << 16;

/// Words that a serial port's setup changes, at most.
const SETUP_MAX: usize = 16;

/// A board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Its core.
    pub cpu: Cpu,
    /// Number of external interrupts.
    pub interrupts: u32,
    /// Where code and initial data lie at reset, the vector table first.
    pub flash: Flash,
    /// Memories for data. Stack and data go to the first one, linear memory to the first one with room for it.
    pub ram: Vec<Ram>,
    /// A serial port.
    pub uart: Option<Uart>,
}

/// A core, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the cores' names")]
pub enum Cpu {
    CortexM3,
    CortexM4,
    CortexM7,
}

impl Cpu {
    /// Its name, as compilers take it.
    pub fn name(self) -> &'static str {
        match self {
            Cpu::CortexM3 => "cortex-m3",
            Cpu::CortexM4 => "cortex-m4",
            Cpu::CortexM7 => "cortex-m7",
        }
    }
    /// What code is compiled for.
    pub fn core(self) -> Core {
        match self {
            Cpu::CortexM3 => Core::CortexM3,
            Cpu::CortexM4 => Core::CortexM4,
            Cpu::CortexM7 => Core::CortexM7,
        }
    }
}

/// The memory that holds its contents at reset.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// First address.
    pub origin: u32,
    /// Size.
    pub bytes: u32,
}

/// A memory for data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ram {
    /// Its name in the linker script.
    pub name: String,
    /// First address.
    pub origin: u32,
    /// Size.
    pub bytes: u32,
}

/// A serial port that sends 8 bits, no parity, 1 stop bit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uart {
    /// What it is.
    pub kind: UartKind,
    /// Its first register.
    pub base: u32,
    /// Its clock after reset.
    pub clock_hz: u32,
    /// Bits per second.
    pub baud: u32,
    /// Words to change, in order, before its registers may be used: clocks and pins.
    #[serde(default)]
    pub setup: Vec<Setup>,
}

/// A kind of serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UartKind {
    /// The APB UART of Arm's Cortex-M System Design Kit.
    Cmsdk,
    /// The USART of STM32F1, F2 and F4.
    Stm32,
}

/// A word to change: bits to clear, then bits to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Its address.
    pub address: u32,
    /// Bits to clear.
    #[serde(default)]
    pub clear: u32,
    /// Bits to set.
    #[serde(default)]
    pub set: u32,
}

impl Uart {
    /// The clock divided by the baud rate, rounded.
    pub fn divisor(&self) -> u32 {
        let baud = u64::from(self.baud.max(1));
        ((u64::from(self.clock_hz) + baud / 2) / baud) as u32
    }
}

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardError {
    /// The line, if one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for BoardError {}

fn wrong<T>(message: impl Into<String>) -> Result<T, BoardError> {
    Err(BoardError { line: None, message: message.into() })
}

/// A board that is built in.
pub fn named(name: &str) -> Option<Board> {
    let (_, text) = BOARDS.iter().find(|(n, _)| *n == name)?;
    Some(parse(text).expect("invariant: tests parse the boards that are built in"))
}

/// Reads a description.
///
/// # Errors
/// What is wrong with it: its form, an unknown or missing key, memories that no machine can have.
pub fn parse(text: &str) -> Result<Board, BoardError> {
    let board: Board = toml::from_str(text).map_err(|e| BoardError {
        line: e.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
        message: e.message().trim().replace('\n', "; "),
    })?;
    board.check()?;
    Ok(board)
}

impl Board {
    /// Bytes of the vector table. Source: DDI 0403E, B1.5.3.
    pub fn vector_bytes(&self) -> u32 {
        4 * (16 + self.interrupts)
    }
    /// What the vector table's address is a multiple of. Source: DDI 0403E, B3.2.5, register VTOR.
    pub fn vector_align(&self) -> u32 {
        self.vector_bytes().next_power_of_two().max(128)
    }
    /// All memories, flash first: name, first address, size.
    pub fn regions(&self) -> Vec<(&str, u32, u32)> {
        let ram = self.ram.iter().map(|r| (r.name.as_str(), r.origin, r.bytes));
        std::iter::once((FLASH, self.flash.origin, self.flash.bytes)).chain(ram).collect()
    }

    fn check(&self) -> Result<(), BoardError> {
        if self.interrupts > INTERRUPTS_MAX {
            return wrong(format!("{} interrupts; a core has at most {INTERRUPTS_MAX}", self.interrupts));
        }
        if self.ram.is_empty() {
            return wrong("no memory for data; give at least one [[ram]]");
        }
        if !self.flash.origin.is_multiple_of(self.vector_align()) {
            let (origin, align) = (self.flash.origin, self.vector_align());
            return wrong(format!("flash starts at {origin:#010x}, but a vector table must at a multiple of {align}"));
        }
        let regions = self.regions();
        for (n, (name, origin, bytes)) in regions.iter().enumerate() {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.chars().all(letters) || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return wrong(format!("{name:?} as the name of a memory; letters, digits and _ are allowed"));
            }
            if *bytes == 0 || origin % 8 != 0 || bytes % 8 != 0 {
                return wrong(format!("{name}: origin and size must be multiples of 8, and the size not 0"));
            }
            let end = u64::from(*origin) + u64::from(*bytes);
            if end > 1 << 32 {
                return wrong(format!("{name} ends at {end:#x}, behind the last address"));
            }
            for (other, from, size) in &regions[..n] {
                if other == name {
                    return wrong(format!("two memories are named {name}"));
                }
                if u64::from(*from) < end && u64::from(*origin) < u64::from(*from) + u64::from(*size) {
                    return wrong(format!("{other} and {name} overlap"));
                }
            }
        }
        self.uart.as_ref().map_or(Ok(()), check_uart)
    }
}

fn check_uart(uart: &Uart) -> Result<(), BoardError> {
    let divisors = match uart.kind {
        UartKind::Cmsdk => CMSDK_DIVISORS,
        UartKind::Stm32 => STM32_DIVISORS,
    };
    if uart.baud == 0 || !divisors.contains(&uart.divisor()) {
        let (clock, baud) = (uart.clock_hz, uart.baud);
        return wrong(format!("the uart cannot make {baud} baud of {clock} Hz: its divisor is out of range"));
    }
    if uart.setup.len() > SETUP_MAX {
        return wrong(format!("{} words in the setup of the uart; at most {SETUP_MAX} are allowed", uart.setup.len()));
    }
    match uart.setup.iter().map(|s| s.address).chain([uart.base]).find(|a| a % 4 != 0) {
        Some(address) => wrong(format!("{address:#010x} is no register of the uart or its setup: no multiple of 4")),
        None => Ok(()),
    }
}
