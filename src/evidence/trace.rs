//! The source-to-object trace: for every piece of code its operator in the module, for every operator its code, and the code that has
//! no operator of its own, each piece with the cut points whose obligations cover it.
//!
//! Origins come from the compiler's record, which is no part of any proof; without it only the claim's cut points tell origins.
//! Everything else is read from the object. A cut point's obligations cover what can be reached from it before the next one: the final link
//! is proved by executing just that. A literal or table is covered by those of the instructions that read it.

use super::build_record::Build;
use super::section::{CODE, Section, loaded};
use crate::listing::{Kind, cut_lines, operators, pieces, table};
use crate::stack::frame::{next, written};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use synth_validator::arm::decode::{Code, FunctionBytes, decode};
use synth_validator::arm::insn::{Address, Insn, Op, Reg};
use synth_validator::arm::object::ObjectFile;
use synth_validator::claim::FunctionClaim;
use synth_validator::trap::TrapKind;
use synth_validator::validate::Session;
use synth_validator::wasm::module::Module;

/// Why a piece of code has no operator of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Saves registers and makes the frame.
    Prologue,
    /// Gives the frame back, restores registers, returns.
    Epilogue,
    /// Compares and branches to a trap: bounds of memory and tables, divisors, types of calls.
    Check,
    /// Reports a trap.
    Trap,
    /// Moves words between registers and frame, or makes constants, for no single operator.
    Move,
    /// A word of a literal pool.
    LiteralPool,
    /// A branch table.
    BranchTable,
    /// Padding.
    Padding,
    /// The start-up function, which writes the initial image or calls the start function.
    StartUp,
    /// An exported import: it branches to the import.
    Thunk,
}

/// What is known of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origins {
    /// The compiler's record has them for all code.
    Compiler,
    /// Only the cut points tell them: code in between has unknown origins.
    CutPoints,
}

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Offset in its section, or address in a linked image.
    pub address: u32,
    /// Offset from the start of its function.
    pub offset: u32,
    /// Bytes as they lie in memory, before relocation, in hexadecimal.
    pub bytes: String,
    /// What it is.
    pub kind: Kind,
    /// As assembly.
    pub text: String,
    /// Byte offset in the module of the operator that it comes from.
    pub origin: Option<u32>,
    /// That operator.
    pub operator: Option<String>,
    /// Why it has no operator of its own.
    pub role: Option<Role>,
    /// The trap that it reports or leads to.
    pub trap: Option<&'static str>,
    /// Numbers of the cut points whose obligations cover it: 0 is the entry, then in the order of [`FunctionTrace::cuts`].
    pub covered_by: Vec<u32>,
}

/// An operator of the module and its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Byte offset in the module.
    pub offset: u32,
    /// As text.
    pub text: String,
    /// Addresses of its code; none if other code does its work, or nothing has to be done.
    pub addresses: Vec<u32>,
}

/// A function's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionTrace {
    /// Function index (imports first); the number of functions for the start-up function.
    pub index: u32,
    /// Its name for people, or its symbol.
    pub name: String,
    /// The link whose obligations cover the code: `machine`, or `image` for what is no function of the module.
    pub link: &'static str,
    /// What is known of origins.
    pub origins: Origins,
    /// Code offset of each cut point of the final link, the entry first.
    pub cuts: Vec<u32>,
    /// All its bytes, ascending.
    pub code: Vec<Entry>,
    /// The operators of its body, ascending.
    pub operators: Vec<Operator>,
    /// Why the code could not be followed; it has no roles then and is covered by nothing.
    pub not_decoded: Option<String>,
}

/// Bytes of a section or segment with code, and how many of them belong to functions of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeSection {
    /// Name.
    pub name: String,
    /// Address; 0 in a relocatable object.
    pub address: u32,
    /// Bytes.
    pub bytes: u32,
    /// Bytes in functions of the trace.
    pub traced: u32,
}

/// The trace of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// [`super::SCHEMA`].
    pub schema: &'static str,
    /// `trace`.
    pub kind: &'static str,
    /// Functions, ascending by index; then exported imports.
    pub functions: Vec<FunctionTrace>,
    /// Bytes of code without an operator of its own, by role.
    pub without_operator: BTreeMap<Role, u32>,
    /// Pieces of code that no obligation covers: function and offset. Padding is never executed and is left out.
    pub uncovered: Vec<(u32, u32)>,
    /// Sections with code. What is in a linked image besides the module's functions is not looked at.
    pub sections: Vec<CodeSection>,
}

impl Entry {
    /// Bytes.
    pub fn size(&self) -> u32 {
        self.bytes.len() as u32 / 2
    }
}

/// Traces an object. Operands: its session, the bytes of module and object, the build's record.
pub fn trace(session: &Session<'_>, module: &[u8], object: &[u8], build: &Build) -> Trace {
    let file = session.object();
    let none = BTreeMap::new();
    let lines = build.compilation.as_ref().map_or(&none, |c| &c.lines);
    let claim = |index: u32| session.claim().functions.iter().find(|f| f.index == index);
    let mut functions: Vec<FunctionTrace> = Vec::new();
    for (index, function) in &file.functions {
        let names = (*index, session.module().display_name(*index));
        let tracer = Tracer { module: session.module(), bytes: module, function, claim: claim(*index) };
        functions.push(tracer.trace(names, lines.get(index).map(Vec::as_slice)));
    }
    let start_up = session.module().functions.len() as u32;
    for extra in &file.extras {
        let is_init = file.init().is_some_and(|init| init.name == extra.name);
        let role = if is_init { Role::StartUp } else { Role::Thunk };
        let claim = if is_init { claim(start_up) } else { None };
        let tracer = Tracer { module: session.module(), bytes: module, function: &extra.code, claim };
        functions.push(tracer.outside((start_up, extra.name.clone()), role));
    }
    let mut without_operator: BTreeMap<Role, u32> = BTreeMap::new();
    let mut uncovered = Vec::new();
    for function in &functions {
        for entry in &function.code {
            if let Some(role) = entry.role {
                *without_operator.entry(role).or_default() += entry.size();
            }
            if entry.covered_by.is_empty() && entry.role != Some(Role::Padding) {
                uncovered.push((function.index, entry.offset));
            }
        }
    }
    let sections = sections(object, file, &functions);
    Trace { schema: super::SCHEMA, kind: "trace", functions, without_operator, uncovered, sections }
}

struct Tracer<'a> {
    module: &'a Module,
    bytes: &'a [u8],
    function: &'a FunctionBytes,
    claim: Option<&'a FunctionClaim>,
}

impl Tracer<'_> {
    fn blank(&self, (index, name): (u32, String), link: &'static str, origins: Origins) -> FunctionTrace {
        FunctionTrace {
            index,
            name,
            link,
            origins,
            cuts: Vec::new(),
            code: Vec::new(),
            operators: Vec::new(),
            not_decoded: None,
        }
    }

    /// All bytes as padding of unknown use, for code that cannot be decoded.
    fn undecoded(&self, mut out: FunctionTrace, why: String) -> FunctionTrace {
        let code = Code { address: self.function.address, ..Code::default() };
        out.code =
            pieces(self.module, self.function, &code).into_iter().map(|piece| self.entry(&piece, None, None)).collect();
        out.not_decoded = Some(why);
        out
    }

    fn entry(&self, piece: &crate::listing::Piece, origin: Option<u32>, role: Option<Role>) -> Entry {
        let bytes = &self.function.bytes[piece.offset as usize..(piece.offset + piece.size) as usize];
        Entry {
            address: self.function.address + piece.offset,
            offset: piece.offset,
            bytes: bytes.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
            kind: piece.kind,
            text: piece.text.clone(),
            origin,
            operator: None,
            role,
            trap: None,
            covered_by: Vec::new(),
        }
    }

    /// A function that is none of the module's: its role explains all of it, and the image's proof covers it.
    fn outside(&self, names: (u32, String), role: Role) -> FunctionTrace {
        let mut out = self.blank(names, "image", Origins::CutPoints);
        let code = match decode(self.function) {
            Ok(code) => code,
            Err(e) => return self.undecoded(out, e.0),
        };
        out.cuts = self.cuts();
        let covered = self.covered(&code, &out.cuts);
        for piece in pieces(self.module, self.function, &code) {
            let role = if piece.kind == Kind::Padding { Role::Padding } else { role };
            let mut entry = self.entry(&piece, None, Some(role));
            entry.covered_by = covered.get(&piece.offset).cloned().unwrap_or_default();
            out.code.push(entry);
        }
        out
    }

    /// A function of the module. `lines`: the compiler's record.
    fn trace(&self, names: (u32, String), lines: Option<&[(u32, u32)]>) -> FunctionTrace {
        let index = names.0;
        let origins = if lines.is_some() { Origins::Compiler } else { Origins::CutPoints };
        let mut out = self.blank(names, "machine", origins);
        let code = match decode(self.function) {
            Ok(code) => code,
            Err(e) => return self.undecoded(out, e.0),
        };
        out.cuts = self.cuts();
        let covered = self.covered(&code, &out.cuts);
        let at_cuts = self.claim.map_or(Vec::new(), cut_lines);
        let origin = |offset: u32| match lines {
            Some(lines) => {
                let after = lines.partition_point(|(from, _)| *from <= offset);
                after.checked_sub(1).map(|line| lines[line].1).filter(|origin| *origin != crate::emit::NO_ORIGIN)
            }
            None => at_cuts.iter().find(|(at, _)| *at == offset).map(|(_, origin)| *origin),
        };
        let first = lines.and_then(|l| l.iter().find(|(_, o)| *o != crate::emit::NO_ORIGIN)).map_or(0, |(at, _)| *at);
        let checks = checks(&code);
        let mut texts = operators(self.module, self.bytes, index);
        let own: Vec<u32> = texts.keys().copied().collect();
        // Code of inlined functions has operators of theirs.
        for origin in code.insns.keys().filter_map(|at| origin(*at)).collect::<BTreeSet<u32>>() {
            if !texts.contains_key(&origin)
                && let Some(other) = self.owner(origin)
            {
                texts.extend(operators(self.module, self.bytes, other));
            }
        }
        for piece in pieces(self.module, self.function, &code) {
            let insn = code.insns.get(&piece.offset);
            let from = insn.and_then(|insn| origin(insn.offset));
            let known = origins == Origins::Compiler;
            let role = match piece.kind {
                Kind::Literal => Some(Role::LiteralPool),
                Kind::Table => Some(Role::BranchTable),
                Kind::Padding => Some(Role::Padding),
                Kind::Instruction => {
                    insn.and_then(|insn| role(insn, &checks, from.is_some() || !known, insn.offset < first))
                }
            };
            let mut entry = self.entry(&piece, from, role);
            entry.operator = from.and_then(|at| texts.get(&at).cloned());
            entry.trap = insn.and_then(|insn| trap(insn).or(checks.get(&insn.offset).copied())).map(TrapKind::name);
            entry.covered_by = covered.get(&piece.offset).cloned().unwrap_or_default();
            out.code.push(entry);
        }
        let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in &out.code {
            if let Some(origin) = entry.origin {
                places.entry(origin).or_default().push(entry.address);
            }
        }
        let operator = |offset: &u32| Operator {
            offset: *offset,
            text: texts[offset].clone(),
            addresses: places.get(offset).cloned().unwrap_or_default(),
        };
        out.operators = own.iter().map(operator).collect();
        out
    }

    /// The function in whose body a byte offset is.
    fn owner(&self, offset: u32) -> Option<u32> {
        let has = |f: &synth_validator::wasm::module::Function| f.body.contains(&(offset as usize));
        self.module.functions.iter().position(has).map(|index| index as u32)
    }

    /// Code offsets of the final link's cut points, the entry first.
    fn cuts(&self) -> Vec<u32> {
        let claimed = self.claim.map_or(&[][..], |claim| &claim.witness.cuts);
        std::iter::once(0).chain(claimed.iter().map(|cut| cut.right as u32)).collect()
    }

    /// By offset, the numbers of the cut points from which it is reached before another one.
    fn covered(&self, code: &Code, cuts: &[u32]) -> BTreeMap<u32, Vec<u32>> {
        let none = BTreeMap::new();
        let types = self.claim.map_or(&none, |claim| &claim.indirect_types);
        let is_cut: BTreeSet<u32> = cuts.iter().skip(1).copied().collect();
        let mut covered: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (number, start) in cuts.iter().enumerate() {
            let mut open = vec![*start];
            let mut seen = BTreeSet::new();
            while let Some(at) = open.pop() {
                let Some(insn) = code.insns.get(&at).filter(|_| seen.insert(at)) else { continue };
                let mut note = |at: u32| covered.entry(at).or_default().insert(number as u32);
                note(at);
                for at in read_by(code, insn) {
                    note(at);
                }
                // A call of something unknown ends the way: what comes behind it is then not covered.
                let to = next(code, insn, types).map_or(Vec::new(), |(to, _)| to);
                open.extend(to.into_iter().filter(|to| !is_cut.contains(to)));
            }
        }
        covered.into_iter().map(|(at, cuts)| (at, cuts.into_iter().collect())).collect()
    }
}

/// Offsets of the literals and table bytes that an instruction reads.
fn read_by(code: &Code, insn: &Insn) -> impl Iterator<Item = u32> {
    let literal = match insn.op {
        Op::Load { address: Address::Literal(imm), .. } => u32::try_from(code.pc_relative(insn, imm)).ok(),
        _ => None,
    };
    literal.into_iter().chain(table(code, insn))
}

/// The trap that an instruction reports.
fn trap(insn: &Insn) -> Option<TrapKind> {
    match insn.op {
        Op::Udf(number) => TrapKind::from_code(number),
        _ => None,
    }
}

/// Where an instruction may branch to, if it need not.
fn conditional_target(insn: &Insn) -> Option<u32> {
    match insn.op {
        Op::B { cond, target }
            if insn.relocation.is_none() && (cond != synth_validator::arm::insn::Cond::Al || insn.in_it) =>
        {
            u32::try_from(target).ok()
        }
        Op::Cbz { target, .. } => u32::try_from(target).ok(),
        _ => None,
    }
}

/// Conditional branches to traps, and the comparisons right before them, with the trap's kind.
fn checks(code: &Code) -> BTreeMap<u32, TrapKind> {
    let mut checks = BTreeMap::new();
    let mut before: Option<&Insn> = None;
    for insn in code.insns.values() {
        let target = conditional_target(insn).and_then(|at| code.insns.get(&at)).and_then(trap);
        if let Some(kind) = target {
            checks.insert(insn.offset, kind);
            let compares = |i: &&Insn| matches!(i.op, Op::Alu { op, .. } if op.compares()) && i.end() == insn.offset;
            if let Some(compare) = before.filter(compares)
                && !matches!(insn.op, Op::Cbz { .. })
            {
                checks.insert(compare.offset, kind);
            }
        }
        before = Some(insn);
    }
    checks
}

/// The role of an instruction, nothing if it works for an operator alone. `has_origin`: it has an operator, or that is unknown; `leads`:
/// it stands before all that has one.
fn role(insn: &Insn, checks: &BTreeMap<u32, TrapKind>, has_origin: bool, leads: bool) -> Option<Role> {
    let moves_sp = written(&insn.op) & 1 << Reg::SP.0 != 0;
    let returns = matches!(insn.op, Op::Bx { rm: Reg::LR, .. })
        || matches!(insn.op, Op::Multiple { load: true, rn: Reg::SP, .. })
        || matches!(insn.op, Op::Load { rt: Reg::PC, address: Address::Post(Reg::SP, _), .. });
    let pushes = matches!(insn.op, Op::Multiple { load: false, rn: Reg::SP, .. });
    match insn.op {
        Op::Udf(_) => Some(Role::Trap),
        _ if checks.contains_key(&insn.offset) => Some(Role::Check),
        _ if pushes || moves_sp && leads => Some(Role::Prologue),
        _ if returns || moves_sp => Some(Role::Epilogue),
        _ if !has_origin => Some(Role::Move),
        _ => None,
    }
}

/// Sections with code, and how much of it belongs to functions of the trace.
fn sections(object: &[u8], file: &ObjectFile, functions: &[FunctionTrace]) -> Vec<CodeSection> {
    let place = |f: &FunctionTrace| match f.link {
        "machine" => file.places.get(&f.index).copied(),
        _ => file.extras.iter().find(|e| e.name == f.name).map(|e| e.location),
    };
    let section = |section: Section| {
        let Section { number, name, address, bytes, .. } = section;
        let is_here = |f: &&FunctionTrace| match place(f) {
            Some((_, at)) if file.is_linked => (address..address + bytes).contains(&at),
            Some((at, _)) => at == number,
            None => false,
        };
        let traced = functions.iter().filter(is_here).flat_map(|f| &f.code).map(Entry::size).sum();
        CodeSection { name, address, bytes, traced }
    };
    loaded(object).into_iter().filter(|s| s.kind == CODE).map(section).collect()
}
