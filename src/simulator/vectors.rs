//! Test scripts for modules: the parser of `.vec` files.
//!
//! One statement a line, `#` starts a comment:
//!
//! | Statement | Effect |
//! |---|---|
//! | `write ADDR HEX` | stores bytes in linear memory |
//! | `load $x ADDR` | reads a little-endian 32-bit word from linear memory into `$x` |
//! | `call EXPORT ARG… [-> $x [$y]]` | calls an export, keeps its results |
//! | `expect VALUE…` | these were the results of the last call |
//! | `expect-trap KIND` | the last call ended in this trap |
//! | `expect-memory ADDR HEX` | these bytes are in linear memory |
//! | `expect-import FIELD ARG…` | the next import call, not yet named so, made by the last call |
//! | `expect-imports N` | how many import calls the last call made |
//!
//! `ADDR`, `ARG` and `VALUE` are operands: a decimal number, maybe negative, a `0x` number, `$x`, or `@sym`, the value
//! of an exported immutable `i32` global; the last two maybe with `+N` or `-N` behind. Floating-point values are
//! written as their bits. The parser knows no module, so widths are checked when a script runs.

use super::observation::TrapKind;
use std::fmt;

/// What an operand starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing: the operand is its offset.
    Number,
    /// The variable of this name, without the `$`.
    Variable(String),
    /// The value of the exported immutable global of this name, without the `@`.
    Symbol(String),
}

/// A value in a script: base plus offset, modulo 2^64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// What the operand starts from.
    pub base: Base,
    /// What is added; two's complement.
    pub offset: u64,
}

impl Operand {
    /// Whether a plain number fits `bits` (32 or 64), read as signed or as unsigned; true of other operands.
    pub fn fits(&self, bits: u32) -> bool {
        let signed = self.offset as i64;
        bits == 64 || self.base != Base::Number || (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&signed)
    }
}

/// One statement of a script; see the table above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `write ADDR HEX`
    Write {
        /// Where, in linear memory.
        address: Operand,
        /// What is stored there.
        bytes: Vec<u8>,
    },
    /// `load $x ADDR`
    Load {
        /// The variable set.
        variable: String,
        /// Where, in linear memory.
        address: Operand,
    },
    /// `call EXPORT ARG… [-> $x [$y]]`
    Call {
        /// The export's name.
        export: String,
        /// One for each parameter.
        arguments: Vec<Operand>,
        /// Variables set from the results in order; zero after a trap.
        variables: Vec<String>,
    },
    /// `expect VALUE…`
    Expect(Vec<Operand>),
    /// `expect-trap KIND`
    ExpectTrap(TrapKind),
    /// `expect-memory ADDR HEX`
    ExpectMemory {
        /// Where, in linear memory.
        address: Operand,
        /// What must lie there.
        bytes: Vec<u8>,
    },
    /// `expect-import FIELD ARG…`
    ExpectImport {
        /// The import's field name.
        field: String,
        /// One for each parameter.
        arguments: Vec<Operand>,
    },
    /// `expect-imports N`
    ExpectImports(u32),
}

/// A script: statements with their line numbers, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// `(line, statement)` in file order.
    pub lines: Vec<(usize, Statement)>,
}

impl Script {
    /// Line and export of a call, counted from 1; 0 is instantiation and no call.
    pub fn call(&self, number: usize) -> Option<(usize, &str)> {
        let mut calls = self.lines.iter().filter_map(|(line, statement)| match statement {
            Statement::Call { export, .. } => Some((*line, export.as_str())),
            _ => None,
        });
        number.checked_sub(1).and_then(|index| calls.nth(index))
    }
}

/// A line that is no statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Parses a script.
///
/// # Errors
/// `ScriptError` names the first line that is no statement, uses a variable that no line before it sets, or expects
/// something of a call before the first call.
pub fn parse(text: &str) -> Result<Script, ScriptError> {
    let mut script = Script::default();
    let mut scope = Scope::default();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        let words: Vec<&str> = text.split('#').next().unwrap_or("").split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else {
            continue;
        };
        let parsed = statement(verb, rest).and_then(|parsed| scope.check(&parsed).map(|()| parsed));
        match parsed {
            Ok(parsed) => script.lines.push((line, parsed)),
            Err(reason) => return Err(ScriptError { line, reason }),
        }
    }
    Ok(script)
}

/// What lines before this one have set.
#[derive(Default)]
struct Scope {
    variables: Vec<String>,
    called: bool,
}

impl Scope {
    fn check(&mut self, statement: &Statement) -> Result<(), String> {
        let used: Vec<&Operand> = match statement {
            Statement::Write { address, .. }
            | Statement::Load { address, .. }
            | Statement::ExpectMemory { address, .. } => vec![address],
            Statement::Call { arguments, .. } | Statement::ExpectImport { arguments, .. } => arguments.iter().collect(),
            Statement::Expect(values) => values.iter().collect(),
            Statement::ExpectTrap(_) | Statement::ExpectImports(_) => Vec::new(),
        };
        for operand in used {
            if let Base::Variable(name) = &operand.base
                && !self.variables.contains(name)
            {
                return Err(format!("${name} is not set before this line"));
            }
        }
        match statement {
            Statement::Load { variable, .. } => self.variables.push(variable.clone()),
            Statement::Call { variables, .. } => {
                self.variables.extend(variables.iter().cloned());
                self.called = true;
            }
            Statement::Write { .. } | Statement::ExpectMemory { .. } => {}
            Statement::Expect(_)
            | Statement::ExpectTrap(_)
            | Statement::ExpectImport { .. }
            | Statement::ExpectImports(_) => {
                if !self.called {
                    return Err("nothing is called before this line".to_string());
                }
            }
        }
        Ok(())
    }
}

fn statement(verb: &str, rest: &[&str]) -> Result<Statement, String> {
    match (verb, rest) {
        ("write", [address, hex @ ..]) => Ok(Statement::Write { address: operand(address)?, bytes: bytes(hex)? }),
        ("expect-memory", [address, hex @ ..]) => {
            Ok(Statement::ExpectMemory { address: operand(address)?, bytes: bytes(hex)? })
        }
        ("load", [target, address]) => Ok(Statement::Load { variable: variable(target)?, address: operand(address)? }),
        ("call", [export, rest @ ..]) => {
            let arrow = rest.iter().position(|word| *word == "->");
            let (arguments, targets) = match arrow {
                Some(at) if at + 1 == rest.len() => return Err("no variable after ->".to_string()),
                Some(at) => (&rest[..at], &rest[at + 1..]),
                None => (rest, &rest[..0]),
            };
            Ok(Statement::Call {
                export: (*export).to_string(),
                arguments: operands(arguments)?,
                variables: targets.iter().map(|target| variable(target)).collect::<Result<_, _>>()?,
            })
        }
        ("expect", values) => Ok(Statement::Expect(operands(values)?)),
        ("expect-trap", [kind]) => {
            let found = TrapKind::ALL.into_iter().find(|known| known.name() == *kind);
            found.map(Statement::ExpectTrap).ok_or_else(|| format!("unknown trap kind {kind}"))
        }
        ("expect-import", [field, arguments @ ..]) => {
            Ok(Statement::ExpectImport { field: (*field).to_string(), arguments: operands(arguments)? })
        }
        ("expect-imports", [count]) => {
            count.parse().map(Statement::ExpectImports).map_err(|_| format!("{count} is no count"))
        }
        _ => Err(format!("no such statement, or a wrong number of operands: {verb}")),
    }
}

fn operands(words: &[&str]) -> Result<Vec<Operand>, String> {
    words.iter().map(|word| operand(word)).collect()
}

fn operand(word: &str) -> Result<Operand, String> {
    let Some(named) = word.strip_prefix(['$', '@']) else {
        return Ok(Operand { base: Base::Number, offset: number(word)? });
    };
    let end = named.find(['+', '-']).unwrap_or(named.len());
    let (name, offset) = named.split_at(end);
    if name.is_empty() {
        return Err(format!("{word} has no name"));
    }
    let offset = match offset {
        "" => 0,
        text => number(text.strip_prefix('+').unwrap_or(text))?,
    };
    let base = if word.starts_with('$') { Base::Variable(name.to_string()) } else { Base::Symbol(name.to_string()) };
    Ok(Operand { base, offset })
}

fn number(word: &str) -> Result<u64, String> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    match value {
        Ok(value) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            Ok(if negative { value.wrapping_neg() } else { value })
        }
        _ => Err(format!("{word} is no number of 64 bits")),
    }
}

fn variable(word: &str) -> Result<String, String> {
    match word.strip_prefix('$') {
        Some(name) if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            Ok(name.to_string())
        }
        _ => Err(format!("{word} is no variable")),
    }
}

fn bytes(words: &[&str]) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = words.concat().chars().collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return Err("bytes are pairs of hexadecimal digits, at least one".to_string());
    }
    digits
        .chunks(2)
        .map(|pair| match (pair[0].to_digit(16), pair[1].to_digit(16)) {
            (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
            _ => Err(format!("{}{} is no byte", pair[0], pair[1])),
        })
        .collect()
}
