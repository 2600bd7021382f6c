//! One form for what disassemblers print.
//!
//! Registers by number, constants in decimal as signed words, no width suffix, branch targets as distances from the
//! branch, abbreviated operands written out, and one name where the manual gives two to the same instruction. Nothing
//! that tells two instructions apart is dropped: flags, conditions and operands stay.

/// Whose text it is: they write branch targets and conditions differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Targets are addresses; the instruction stands at this one.
    Address(u32),
    /// Targets count from 4 bytes after the instruction.
    Ahead,
}

/// Instructions whose second operand is left out where it is the first.
const ABBREVIATED: [&str; 14] =
    ["and", "bic", "orr", "orn", "eor", "add", "adc", "sub", "sbc", "lsl", "lsr", "asr", "ror", "mul"];

fn register(word: &str) -> &str {
    match word {
        "sb" => "r9",
        "sl" => "r10",
        "fp" => "r11",
        "ip" => "r12",
        "sp" => "r13",
        "lr" => "r14",
        "pc" => "r15",
        _ => word,
    }
}

fn number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(sign * value)
}

/// Registers by number and constants in decimal. Minus zero stays: it is an encoding of its own.
fn operands(text: &str, constant: impl Fn(i64) -> i64) -> String {
    let mut out = String::new();
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '#' || c == '_');
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(end).unwrap_or(rest.len()).max(1);
        let (word, tail) = rest.split_at(length);
        match word.strip_prefix('#').and_then(number) {
            Some(0) if word.starts_with("#-") => out.push_str("#-0"),
            Some(value) => out.push_str(&format!("#{}", constant(value) as u32 as i32)),
            None => out.push_str(register(word)),
        }
        rest = tail;
    }
    out
}

/// The operands of a list, split at the commas outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}

/// Whether the mnemonic is that of a branch to a label.
fn branches(name: &str) -> bool {
    const CONDITIONS: [&str; 14] = ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];
    matches!(name, "b" | "bl" | "cbz" | "cbnz") || name.strip_prefix('b').is_some_and(|c| CONDITIONS.contains(&c))
}

/// The one form of a disassembled instruction. `condition` is that of the IT block that it stands in; its suffix is
/// taken off, and an instruction without it is not read: `None`.
pub fn canonical(line: &str, voice: Voice, condition: Option<&str>) -> Option<String> {
    let line = line.split('@').next().unwrap_or("").replace('\t', " ").to_lowercase();
    let (name, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let name = name.trim_end_matches(".w").trim_end_matches(".n");
    let name = match condition {
        Some(c) => name.strip_suffix(c)?,
        None => name,
    };
    let branch = branches(name);
    let rest = operands(rest.trim(), |value| match voice {
        Voice::Address(at) if branch => value - i64::from(at),
        Voice::Ahead if branch => value + 4,
        _ => value,
    });
    let mut parts: Vec<String> = split(&rest).into_iter().map(|p| p.replace(", #0]", "]")).collect();
    let stem = name.strip_suffix('s').unwrap_or(name);
    if parts.len() == 2 && ABBREVIATED.contains(&stem) {
        parts.insert(0, parts[0].clone());
    }
    Some(one_name(name, &parts).trim_end().to_string())
}

/// One name where there are two.
fn one_name(name: &str, parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let joined = parts.join(", ");
    let s = if name.ends_with('s') { "s" } else { "" };
    match (name, parts.as_slice()) {
        ("addw", [rd, "r15", imm]) => format!("adr {rd}, {imm}"),
        ("subw", [rd, "r15", "#0"]) => format!("adr {rd}, #0"),
        ("subw", [rd, "r15", imm]) => format!("adr {rd}, {}", imm.replace('#', "#-")),
        ("adr", [rd, "#-0"]) => format!("adr {rd}, #0"),
        ("addw", _) => format!("add {joined}"),
        ("subw", _) => format!("sub {joined}"),
        ("lsl" | "lsls", [rd, rm, "#0"]) => format!("mov{s} {rd}, {rm}"),
        ("mov" | "movs", [rd, rm, "rrx"]) => format!("rrx{s} {rd}, {rm}"),
        ("mov" | "movs", [rd, rm, shift]) => match shift.split_once(' ') {
            Some((kind, amount)) => format!("{kind}{s} {rd}, {rm}, {amount}"),
            None => format!("{name} {joined}"),
        },
        ("neg" | "negs", [rd, rn]) => format!("rsb{s} {rd}, {rn}, #0"),
        ("stmdb", ["r13!", list]) => format!("push {list}"),
        ("ldm" | "ldmia", ["r13!", list]) => format!("pop {list}"),
        ("str", [rt, "[r13, #-4]!"]) => format!("push {{{rt}}}"),
        ("ldr", [rt, "[r13]", "#4"]) => format!("pop {{{rt}}}"),
        ("ldmia", _) => format!("ldm {joined}"),
        ("stmia", _) => format!("stm {joined}"),
        _ => format!("{name} {joined}"),
    }
}
