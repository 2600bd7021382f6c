//! Call frame information against what the code does, at every instruction of the corpus.
//!
//! The code is read by capstone and followed from its entry along all branches, with what is known of the stack pointer, of the
//! registers that a caller wants back and of the words on the stack. At every instruction the rules that hold there must find
//! the caller's stack pointer and these registers. Stores through other registers than sp are not followed: that they leave
//! saved words alone is proved with every function.

use super::{compiled, debug};
use capstone::arch::arm::{ArchExtraMode, ArchMode, ArmOperandType};
use capstone::prelude::*;
use gimli::{BaseAddresses, CfaRule, DebugFrame, LittleEndian, Register, RegisterRule, UnwindContext, UnwindSection};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};
use std::collections::BTreeMap;
use synth::compile::CompiledFunction;
use synth::debug_info::Lines;
use synth::pass::Level;
use synth::pipeline::Options;

/// Registers that a function leaves as they were, and the one with the return address.
const KEPT: [u8; 9] = [4, 5, 6, 7, 8, 9, 10, 11, 14];

/// Where the caller's frame is, from an offset of the code on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    from: u32,
    /// The caller's stack pointer from sp.
    cfa: i32,
    /// Registers that are on the stack, from the caller's stack pointer.
    saved: BTreeMap<u8, i32>,
}

/// Rows of all functions, by the name of their section.
fn rows(object: &[u8]) -> BTreeMap<String, Vec<Row>> {
    let file = object::File::parse(object).expect("an object");
    let section = file.section_by_name(".debug_frame").expect("call frame information");
    let data = section.data().expect("contents");
    let mut homes = BTreeMap::new();
    for (at, relocation) in section.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else { panic!("a relocation of no symbol") };
        let home = file.symbol_by_index(symbol).expect("a symbol").section_index().expect("a section");
        homes.insert(at, file.section_by_index(home).expect("a section").name().expect("a name").to_string());
    }
    let frames = DebugFrame::new(data, LittleEndian);
    let (bases, mut context) = (BaseAddresses::default(), UnwindContext::new());
    let mut entries = frames.entries(&bases);
    let mut out = BTreeMap::new();
    while let Some(entry) = entries.next().expect("entries") {
        let gimli::CieOrFde::Fde(partial) = entry else { continue };
        let fde = partial.parse(|_, bases, at| frames.cie_from_offset(bases, at)).expect("an entry");
        // Behind the length and the pointer to the common entry.
        let home = homes[&(fde.offset() as u64 + 8)].clone();
        let mut table = fde.rows(&frames, &bases, &mut context).expect("rows");
        let mut of_function = Vec::new();
        while let Some(row) = table.next_row().expect("a row") {
            let CfaRule::RegisterAndOffset { register: Register(13), offset } = *row.cfa() else {
                panic!("{home}: the caller's frame from something else than sp")
            };
            let saved = row.registers().map(|(register, rule)| match rule {
                RegisterRule::Offset(at) => (register.0 as u8, *at as i32),
                other => panic!("{home}: {other:?}"),
            });
            of_function.push(Row { from: row.start_address() as u32, cfa: offset as i32, saved: saved.collect() });
        }
        out.insert(home, of_function);
    }
    out
}

/// What is known before an instruction: of whom each register and stack word has the value at entry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// From the stack pointer at entry.
    sp: i32,
    registers: [Option<u8>; 15],
    words: BTreeMap<i32, u8>,
}

impl State {
    fn entry() -> State {
        State { sp: 0, registers: std::array::from_fn(|n| Some(n as u8)), words: BTreeMap::new() }
    }
    fn joined(&self, other: &State) -> Result<State, String> {
        if self.sp != other.sp {
            return Err(format!("sp is {} or {}", self.sp, other.sp));
        }
        let mut joined = self.clone();
        for (mine, other) in joined.registers.iter_mut().zip(other.registers) {
            *mine = mine.filter(|m| Some(*m) == other);
        }
        joined.words.retain(|at, of| other.words.get(at) == Some(of));
        Ok(joined)
    }
    /// What a row says, held against this.
    fn check(&self, row: &Row) -> Result<(), String> {
        if self.sp + row.cfa != 0 {
            return Err(format!("the caller's stack pointer is at sp + {}, not + {}", -self.sp, row.cfa));
        }
        for register in KEPT {
            let found = match row.saved.get(&register) {
                Some(at) if *at < self.sp => return Err(format!("r{register} is below sp")),
                Some(at) => self.words.get(at).copied(),
                None => self.registers[usize::from(register)],
            };
            if found != Some(register) {
                return Err(format!("r{register} is not where the row has it"));
            }
        }
        Ok(())
    }
}

/// What an instruction leads to: offsets, and the state there.
type Next = (Vec<u32>, State);

struct Reader {
    capstone: Capstone,
}

impl Reader {
    fn new() -> Reader {
        let mode = Capstone::new().arm().mode(ArchMode::Thumb).extra_mode([ArchExtraMode::MClass].into_iter());
        Reader { capstone: mode.detail(true).build().expect("capstone") }
    }
    /// A core register's number.
    fn number(&self, register: capstone::RegId) -> Option<u8> {
        let name = self.capstone.reg_name(register)?;
        let names = ["sb", "sl", "fp", "ip", "sp", "lr", "pc"];
        let of_name = names.iter().position(|n| *n == name).map(|n| 9 + n as u8);
        of_name.or_else(|| name.strip_prefix('r')?.parse().ok())
    }
    fn step(&self, function: &CompiledFunction, at: u32, before: &State) -> Result<Next, String> {
        let code = &function.code[at as usize..];
        let list = self.capstone.disasm_count(code, u64::from(at), 1).map_err(|e| e.to_string())?;
        let insn = list.first().ok_or("no instruction")?;
        let detail = self.capstone.insn_detail(insn).map_err(|e| e.to_string())?;
        let arch = detail.arch_detail();
        let operands: Vec<_> = arch.arm().expect("details for Arm").operands().collect();
        let registers: Vec<u8> = operands
            .iter()
            .filter_map(|o| if let ArmOperandType::Reg(r) = o.op_type { self.number(r) } else { None })
            .collect();
        let immediate =
            operands.iter().find_map(|o| if let ArmOperandType::Imm(k) = o.op_type { Some(k) } else { None });
        let memory = operands.iter().find_map(|o| match o.op_type {
            ArmOperandType::Mem(m) => Some((self.number(m.base()), self.number(m.index()), m.disp())),
            _ => None,
        });
        let mnemonic = insn.mnemonic().unwrap_or_default().trim_end_matches(".w").to_string();
        let mut after = before.clone();
        let next = at + insn.len() as u32;
        let size = 4 * registers.len() as i32;
        match mnemonic.as_str() {
            "push" => {
                after.sp -= size;
                for (n, register) in registers.iter().enumerate() {
                    after.words.remove(&(after.sp + 4 * n as i32));
                    if let Some(of) = before.registers[usize::from(*register)] {
                        after.words.insert(after.sp + 4 * n as i32, of);
                    }
                }
            }
            "pop" => {
                let mut returns = false;
                for (n, register) in registers.iter().enumerate() {
                    match after.registers.get_mut(usize::from(*register)) {
                        Some(place) => *place = before.words.get(&(before.sp + 4 * n as i32)).copied(),
                        None => returns = true,
                    }
                }
                after.sp += size;
                if returns {
                    return Ok((vec![], after));
                }
            }
            // The size comes in a register if it is too large: only corpus functions without such frames come here.
            "add" | "addw" | "sub" | "subw" if registers.first() == Some(&13) => {
                let by = immediate.ok_or("sp moves by a register")?;
                after.sp += if mnemonic.starts_with("add") { by } else { -by };
            }
            "bx" => return if registers == [14] { Ok((vec![], after)) } else { Err("bx".to_string()) },
            "udf" => return Ok((vec![], after)),
            "tbh" => {
                let (from, to) = function.data_ranges.iter().find(|(from, _)| *from == next).ok_or("no table")?;
                let entries = function.code[*from as usize..*to as usize].chunks(2);
                let distance = |e: &[u8]| 2 * u32::from(u16::from_le_bytes([e[0], e[1]]));
                return Ok((entries.map(|e| next + distance(e)).collect(), after));
            }
            "bl" | "blx" => after.registers[14] = None,
            "cbz" | "cbnz" => return Ok((vec![next, immediate.ok_or("no target")? as u32], after)),
            "b" => return Ok((vec![immediate.ok_or("no target")? as u32], after)),
            _ if mnemonic.starts_with('b')
                && arch.arm().is_some_and(|a| a.cc() as u32 != 15)
                && immediate.is_some()
                && !["bic", "bics", "bfi", "bfc"].contains(&mnemonic.as_str()) =>
            {
                return Ok((vec![next, immediate.ok_or("no target")? as u32], after));
            }
            "str" if memory.is_some_and(|(base, index, _)| base == Some(13) && index.is_none()) => {
                let at = before.sp + memory.map_or(0, |(.., disp)| disp);
                after.words.remove(&at);
                if let Some(of) = before.registers[usize::from(registers[0])] {
                    after.words.insert(at, of);
                }
            }
            _ => {
                let reads_only = ["str", "cmp", "cmn", "tst", "teq", "nop", "it"];
                let is_writing = !reads_only.iter().any(|m| mnemonic.starts_with(m));
                let listed = operands.iter().filter(|o| o.access.is_some_and(|a| a.is_writable()));
                let listed =
                    listed.filter_map(|o| if let ArmOperandType::Reg(r) = o.op_type { self.number(r) } else { None });
                let first = registers.first().copied().filter(|_| is_writing);
                for register in listed.chain(first) {
                    match after.registers.get_mut(usize::from(register)) {
                        Some(_) if register == 13 => return Err(format!("{mnemonic} writes sp")),
                        Some(place) => *place = None,
                        None => return Err(format!("{mnemonic} writes pc")),
                    }
                }
            }
        }
        after.words.retain(|at, _| *at >= after.sp);
        Ok((vec![next], after))
    }
}

/// Follows a function's code and holds the rows against it. Result: the state before each instruction that can be reached.
fn check(reader: &Reader, function: &CompiledFunction, rows: &[Row]) -> Result<BTreeMap<u32, State>, String> {
    let mut states = BTreeMap::from([(0, State::entry())]);
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let (to, after) = reader.step(function, at, &states[&at]).map_err(|e| format!("{at:#x}: {e}"))?;
        for next in to {
            let new = match states.get(&next) {
                Some(old) => old.joined(&after).map_err(|e| format!("{next:#x}: {e}"))?,
                None => after.clone(),
            };
            if states.get(&next) != Some(&new) {
                states.insert(next, new);
                open.push(next);
            }
        }
    }
    for (at, state) in &states {
        let row = rows.iter().rev().find(|row| row.from <= *at).ok_or("no row")?;
        state.check(row).map_err(|e| format!("{at:#x}: {e}"))?;
    }
    Ok(states)
}

/// Wrong rows: each a small mistake in one of them.
fn faults(rows: &[Row], reached: &BTreeMap<u32, State>) -> Vec<Vec<Row>> {
    let mut all = Vec::new();
    let mut with = |n: usize, change: &dyn Fn(&mut Row)| {
        let mut new = rows.to_vec();
        change(&mut new[n]);
        all.push(new);
    };
    for n in (0..rows.len()).filter(|n| reached.contains_key(&rows[*n].from)) {
        with(n, &|row| row.cfa += 4);
        if n > 0 {
            // Said one instruction too late.
            let next = reached.keys().find(|at| **at > rows[n].from).copied().unwrap_or(u32::MAX);
            with(n, &|row| row.from = next);
        }
        for register in rows[n].saved.keys().filter(|r| KEPT.contains(r)) {
            with(n, &|row| *row.saved.get_mut(register).expect("saved") += 4);
            // Where the register has not been written yet it may as well be said to be unsaved.
            let end = rows.get(n + 1).map_or(u32::MAX, |next| next.from);
            let is_lost = |s: &State| s.registers[usize::from(*register)] != Some(*register);
            if reached.range(rows[n].from..end).any(|(_, state)| is_lost(state)) {
                with(n, &|row| {
                    row.saved.remove(register);
                });
            }
        }
    }
    all
}

#[test]
fn call_frames_hold_at_every_instruction_of_the_corpus() {
    let reader = Reader::new();
    let (mut functions, mut instructions, mut planted) = (0, 0, 0);
    for (number, path) in super::packages::corpus().iter().enumerate() {
        let levels: &[Level] = if number % 2 == 0 { &[Level::O2, Level::O0] } else { &[Level::O2, Level::Os] };
        for level in levels {
            let options = Options { level: *level, ..debug(Lines::Offsets, path) };
            let (_, compiled) = compiled(path, &options);
            let rows = rows(&compiled.object);
            let file = object::File::parse(&*compiled.object).expect("an object");
            for function in &compiled.functions {
                let symbol = file.symbols().find(|s| s.name() == Ok(&format!("__synth_f{}", function.index)));
                let Some(symbol) = symbol else { continue };
                let home = symbol.section_index().and_then(|s| file.section_by_index(s).ok()).expect("a section");
                let rows = &rows[home.name().expect("a name")];
                let place = || format!("{} {level:?} function {}", path.display(), function.index);
                let reached = check(&reader, function, rows).unwrap_or_else(|e| panic!("{}: {e}", place()));
                functions += 1;
                instructions += reached.len();
                for wrong in faults(rows, &reached) {
                    planted += 1;
                    assert!(check(&reader, function, &wrong).is_err(), "{}: not noticed: {wrong:?}", place());
                }
            }
        }
    }
    println!("{functions} functions, {instructions} instructions; {planted} planted faults, all noticed");
    assert!(functions > 800 && instructions > 30_000 && planted > 5_000);
}
