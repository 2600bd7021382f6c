//! The registers, flags and memory that every instruction reads and writes, as its meaning gives them (`roles`), agree
//! with capstone's lists for the same bytes.
//!
//! All 16-bit encodings and many of each 32-bit one are compared, each outside an IT block and, where allowed, inside
//! one. Flags count as one location, since capstone knows one; pc, ITSTATE, literals and branch tables are no locations.
//! What capstone is known to get wrong stands in [`EXCEPTIONS`], by mnemonic and kind of difference.

mod encodings;
mod generated;
mod roles;

use capstone::arch::arm::{ArchExtraMode, ArchMode, ArmCC, ArmOperandType};
use capstone::prelude::*;
use capstone::{AccessType, RegId};
use encodings::{AT, Encoding};
use roles::{Roles, Set};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::insn::*;

/// Encodings of each 32-bit row.
const PER_ROW: usize = 3000;

/// What capstone's lists differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// They lack a register that is read.
    LacksRead,
    /// They lack a register that is written.
    LacksWrite,
    /// They name a register that is not read.
    InventsRead,
    /// They name a register that is not written.
    InventsWrite,
    /// They lack that flags are read.
    LacksFlagsRead,
    /// They lack that flags are written.
    LacksFlagsWrite,
    /// They say that flags are read, and none is.
    InventsFlagsRead,
    /// They say that flags are written, and none is.
    InventsFlagsWrite,
    /// They say otherwise whether memory is read or written.
    Memory,
}
use Difference::*;

impl Difference {
    fn text(self) -> &'static str {
        match self {
            LacksRead => "lacks a register read",
            LacksWrite => "lacks a register written",
            InventsRead => "names a register that is not read",
            InventsWrite => "names a register that is not written",
            LacksFlagsRead => "lacks flags read",
            LacksFlagsWrite => "lacks flags written",
            InventsFlagsRead => "says that flags are read",
            InventsFlagsWrite => "says that flags are written",
            Memory => "differs on memory",
        }
    }
}

/// A known difference: mnemonics, kind, operations that have it, reason.
type Exception = (&'static [&'static str], Difference, fn(&Op) -> bool, &'static str);

/// The known differences. Each is needed.
const EXCEPTIONS: &[Exception] = &[
    (
        &["smlal", "umlal", "umaal"],
        LacksRead,
        |_| true,
        "the accumulator is an operand: the manual's pseudo-code reads RdHi and RdLo",
    ),
    (&["sxtab", "sxtah", "uxtab", "uxtah"], LacksRead, |_| true, "Rm is an operand too"),
    (&["ssat", "usat"], LacksRead, |_| true, "Rn is an operand"),
    (&["stmdb"], LacksWrite, |op| matches!(op, Op::Multiple { writeback: true, .. }), "with `!` the base is written"),
    (
        &["stm"],
        InventsRead,
        |op| matches!(op, Op::Multiple { writeback: true, rn: Reg::SP, .. }),
        "`stm sp!` leaves its words below the stack pointer, where the frame's discipline forgets them",
    ),
    (
        &[
            "add", "adds", "and", "ands", "bic", "bics", "cmn", "cmp", "eor", "eors", "mvn", "mvns", "orn", "orns",
            "orr", "orrs", "rsb", "rsbs", "sub", "subs", "teq", "tst",
        ],
        LacksFlagsRead,
        |op| matches!(op, Op::Alu { src: Source::Reg(_, Shift::Rrx), .. }),
        "`rrx` shifts the carry in",
    ),
    (
        &["asrs", "lsls", "lsrs", "rors"],
        LacksFlagsRead,
        |op| matches!(op, Op::ShiftReg { .. }),
        "a shift by a register that is 0 keeps C",
    ),
    (&["adc", "sbc"], InventsFlagsWrite, |_| true, "without the S bit no flag is written"),
    (&["it"], InventsFlagsRead, |_| true, "the condition is read by the instructions of the block"),
];

fn location(capstone: &Capstone, r: RegId) -> Set {
    let name = capstone.reg_name(r).unwrap_or_default();
    let names = ["sb", "sl", "fp", "ip", "sp", "lr"];
    let number = name.strip_prefix('r').and_then(|n| n.parse().ok());
    match number.or(names.iter().position(|n| *n == name).map(|n| 9 + n as u32)) {
        Some(n) => Set::register(n),
        None if name == "cpsr" => Set::FLAGS,
        None => Set(0),
    }
}

/// Flags that a condition depends on, by capstone's number of it.
fn condition(cc: ArmCC) -> Set {
    let [n, z, c, v] = [0, 1, 2, 3].map(Set::flag);
    match cc {
        ArmCC::ARM_CC_EQ | ArmCC::ARM_CC_NE => z,
        ArmCC::ARM_CC_HS | ArmCC::ARM_CC_LO => c,
        ArmCC::ARM_CC_MI | ArmCC::ARM_CC_PL => n,
        ArmCC::ARM_CC_VS | ArmCC::ARM_CC_VC => v,
        ArmCC::ARM_CC_HI | ArmCC::ARM_CC_LS => z | c,
        ArmCC::ARM_CC_GE | ArmCC::ARM_CC_LT => n | v,
        ArmCC::ARM_CC_GT | ArmCC::ARM_CC_LE => n | z | v,
        _ => Set(0),
    }
}

/// What capstone says of an instruction.
struct Stated {
    reads: Set,
    writes: Set,
    /// Flags of its condition.
    condition: Set,
    /// Of the operands in memory that it gives an access for: whether one is read, whether one is written.
    memory: Option<(bool, bool)>,
}

/// Of the last of `count` instructions, which end at [`AT`] plus the size of the last.
fn stated(capstone: &Capstone, bytes: &[u8], count: usize) -> Stated {
    let start = u64::from(AT) - 2 * (count as u64 - 1);
    let list = capstone.disasm_count(bytes, start, count).expect("capstone runs");
    let insn = list.get(count - 1).expect("capstone decodes it");
    let detail = capstone.insn_detail(insn).expect("details are on");
    let set = |list: &[RegId]| list.iter().fold(Set(0), |s, r| s | location(capstone, *r));
    let arch = detail.arch_detail();
    let arm = arch.arm().expect("details for Arm");
    let (reads, mut writes) = (set(detail.regs_read()), set(detail.regs_write()));
    if arm.update_flags() {
        writes |= Set::FLAGS;
    }
    let access = |operand: capstone::arch::arm::ArmOperand| match operand.op_type {
        ArmOperandType::Mem(at) if capstone.reg_name(at.base()).as_deref() != Some("pc") => operand.access,
        _ => None,
    };
    let read = |a: AccessType| (a.is_readable(), a.is_writable());
    let memory = arm.operands().filter_map(access).map(read).reduce(|a, b| (a.0 || b.0, a.1 || b.1));
    Stated { reads, writes, condition: condition(arm.cc()), memory }
}

/// The kinds of difference between derived roles and capstone's.
fn differences(derived: Roles, stated: &Stated) -> BTreeSet<Difference> {
    let mut found = BTreeSet::new();
    let mut kind = |holds: bool, kind| if holds { found.insert(kind) } else { false };
    let beyond = |a: Set, b: Set| (a & !b).meets(Set::REGISTERS);
    kind(beyond(derived.reads, stated.reads), LacksRead);
    kind(beyond(derived.writes, stated.writes), LacksWrite);
    kind(beyond(stated.reads, derived.reads), InventsRead);
    kind(beyond(stated.writes, derived.writes), InventsWrite);
    let flags = |s: Set| s.meets(Set::FLAGS);
    let stated_reads = stated.reads | stated.condition;
    kind(flags(derived.reads) && !flags(stated_reads), LacksFlagsRead);
    kind(flags(derived.writes) && !flags(stated.writes), LacksFlagsWrite);
    kind(!flags(derived.reads) && flags(stated_reads), InventsFlagsRead);
    kind(!flags(derived.writes) && flags(stated.writes), InventsFlagsWrite);
    let memory = (derived.reads.meets(Set::MEMORY), derived.writes.meets(Set::MEMORY));
    kind(stated.memory.is_some_and(|m| m != memory), Memory);
    found
}

/// The mnemonic, conditional branches and IT blocks each under one name.
fn mnemonic(op: &Op) -> String {
    match op {
        Op::B { cond, .. } if *cond != Cond::Al => "b<c>".to_string(),
        Op::It { .. } => "it".to_string(),
        op => render(op).split(' ').next().unwrap_or_default().to_string(),
    }
}

/// Registers of an operation by their names in the manual.
fn named(op: &Op) -> Vec<(&'static str, Reg)> {
    let source = |src: Source| match src {
        Source::Imm { .. } => None,
        Source::Reg(rm, _) => Some(("rm", rm)),
    };
    let address = |a: Address| match a {
        Address::Offset(rn, _) | Address::Pre(rn, _) | Address::Post(rn, _) => vec![("rn", rn)],
        Address::Index(rn, rm, _) => vec![("rn", rn), ("rm", rm)],
        Address::Literal(_) => vec![],
    };
    match *op {
        Op::Alu { op, rd, src, .. } if op.moves() => [("rd", rd)].into_iter().chain(source(src)).collect(),
        Op::Alu { op, rn, src, .. } if op.compares() => [("rn", rn)].into_iter().chain(source(src)).collect(),
        Op::Alu { rd, rn, src, .. } => [("rd", rd), ("rn", rn)].into_iter().chain(source(src)).collect(),
        Op::MovHalf { rd, .. } | Op::Adr { rd, .. } => vec![("rd", rd)],
        Op::ShiftReg { rd, rn, rm, .. } | Op::Divide { rd, rn, rm, .. } => vec![("rd", rd), ("rn", rn), ("rm", rm)],
        // `muls`: rm is rd.
        Op::Multiply { s: true, rd, rn, .. } => vec![("rd", rd), ("rn", rn)],
        Op::Multiply { acc, rd, rn, rm, .. } => {
            let ra = match acc {
                Accumulate::None => None,
                Accumulate::Add(ra) | Accumulate::Sub(ra) => Some(("ra", ra)),
            };
            [("rd", rd), ("rn", rn), ("rm", rm)].into_iter().chain(ra).collect()
        }
        Op::MultiplyLong { lo, hi, rn, rm, .. } => vec![("rdlo", lo), ("rdhi", hi), ("rn", rn), ("rm", rm)],
        Op::Unary { rd, rm, .. } => vec![("rd", rd), ("rm", rm)],
        Op::Extend { rd, rn, rm, .. } => [("rd", rd), ("rm", rm)].into_iter().chain(rn.map(|r| ("rn", r))).collect(),
        Op::Extract { rd, rn, .. } | Op::Saturate { rd, rn, .. } => vec![("rd", rd), ("rn", rn)],
        Op::Insert { rd, rn, .. } => [("rd", rd)].into_iter().chain(rn.map(|r| ("rn", r))).collect(),
        Op::Load { rt, address: a, .. } | Op::Store { rt, address: a, .. } => {
            [("rt", rt)].into_iter().chain(address(a)).collect()
        }
        Op::Dual { rt, rt2, address: a, .. } => [("rt", rt), ("rt2", rt2)].into_iter().chain(address(a)).collect(),
        Op::Multiple { rn, list, .. } => {
            [("rn", rn)].into_iter().chain((0..16).filter(|n| list >> n & 1 == 1).map(|n| ("list", Reg(n)))).collect()
        }
        Op::Bx { rm, .. } | Op::Blx { rm } | Op::TableBranch { rm, .. } => vec![("rm", rm)],
        Op::Cbz { rn, .. } => vec![("rn", rn)],
        Op::Bl { .. } => vec![("lr", Reg::LR)],
        Op::B { .. } | Op::It { .. } | Op::Nop | Op::Udf(_) => vec![],
    }
}

/// The names of locations, if no register has two names; a register that is no operand has its own.
fn names(op: &Op, set: Set) -> Option<BTreeSet<String>> {
    let named = named(op);
    let distinct: BTreeSet<Reg> = named.iter().map(|(_, r)| *r).collect();
    if distinct.len() != named.len() {
        return None;
    }
    let name = |n: u32| {
        named.iter().find(|(_, r)| u32::from(r.0) == n).map_or_else(|| Reg(n as u8).to_string(), |(s, _)| s.to_string())
    };
    let registers = (0..15).filter(|n| set.meets(Set::register(*n))).map(name);
    let rest = ["N", "Z", "C", "V", "memory"].iter().enumerate();
    let rest = rest.filter(|(k, _)| set.meets(Set(1 << (16 + k)))).map(|(_, n)| n.to_string());
    Some(registers.chain(rest).collect())
}

#[derive(Default)]
struct Row {
    compared: usize,
    in_it: usize,
    agree: usize,
    excepted: usize,
    refused: usize,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
}

/// A comparison under way. `distort` changes the derived roles: the identity, or a planted fault.
struct Comparison {
    capstone: Capstone,
    distort: fn(&Op, Roles) -> Roles,
    rows: BTreeMap<String, Row>,
    /// Exceptions that were needed: number and mnemonic.
    used: BTreeSet<(usize, &'static str)>,
    wrong: Vec<String>,
}

impl Comparison {
    fn new(distort: fn(&Op, Roles) -> Roles) -> Self {
        let capstone = Capstone::new()
            .arm()
            .mode(ArchMode::Thumb)
            .extra_mode([ArchExtraMode::MClass].into_iter())
            .detail(true)
            .build()
            .expect("capstone starts");
        Comparison { capstone, distort, rows: BTreeMap::new(), used: BTreeSet::new(), wrong: vec![] }
    }

    fn encoding(&mut self, e: &Encoding, nth: usize) {
        self.outside_it(e);
        let cond = Cond::ALL[nth % 14];
        let conditional = matches!(e.op, Op::B { .. } | Op::Bl { .. } | Op::It { .. } | Op::Cbz { .. } | Op::Udf(_));
        if let (Some(op), false) = (e.op_in_it(), conditional) {
            self.inside_it(e, &op, cond);
        }
    }

    fn outside_it(&mut self, e: &Encoding) {
        let row = self.rows.entry(mnemonic(&e.op)).or_default();
        let Ok(derived) = roles::of(&roles::instruction(e.op, e.size(), Cond::Al)) else {
            row.refused += 1;
            return;
        };
        let derived = (self.distort)(&e.op, derived);
        row.compared += 1;
        if let (Some(reads), Some(writes)) = (names(&e.op, derived.reads), names(&e.op, derived.writes)) {
            row.reads.extend(reads);
            row.writes.extend(writes);
        }
        let bytes = e.bytes();
        let stated = stated(&self.capstone, &bytes, 1);
        self.judge(&e.op, derived, &stated, "");
    }

    /// The same in an IT block of one: reads, in addition, the flags of the condition and what it may not overwrite.
    fn inside_it(&mut self, e: &Encoding, op: &Op, cond: Cond) {
        let derive = |cond| roles::of(&Insn { in_it: true, ..roles::instruction(*op, e.size(), cond) });
        let (Ok(always), Ok(derived)) = (derive(Cond::Al), derive(cond)) else {
            return;
        };
        self.rows.entry(mnemonic(&e.op)).or_default().in_it += 1;
        let mut bytes = vec![(cond as u8) << 4 | 8, 0xbf];
        bytes.extend(e.bytes());
        let stated = stated(&self.capstone, &bytes, 2);
        let kept = always.writes & !Set::MEMORY;
        let expected = always.reads | stated.condition | kept;
        // Nothing depends on the condition of what changes nothing.
        let idle = match *op {
            Op::Nop => true,
            Op::Alu { op: Alu::Mov, rd, src: Source::Reg(rm, Shift::Lsl(0)), .. } => rd == rm,
            _ => false,
        };
        let agrees = derived.writes == always.writes && (idle || derived.reads == expected);
        if !agrees || stated.condition == Set(0) {
            let text =
                format!("{} if {}: reads {}, writes {}", render(op), cond.suffix(), derived.reads, derived.writes);
            self.wrong.push(text);
        }
        let plain = Stated { condition: Set(0), ..stated };
        self.judge(op, (self.distort)(op, always), &plain, "in IT: ");
    }

    fn judge(&mut self, op: &Op, derived: Roles, stated: &Stated, place: &str) {
        let name = mnemonic(op);
        let mut excepted = false;
        for kind in differences(derived, stated) {
            let listed = EXCEPTIONS.iter().enumerate().find_map(|(at, (names, k, has, _))| {
                names.iter().find(|n| *k == kind && has(op) && **n == name).map(|n| (at, *n))
            });
            match listed {
                Some(needed) => _ = self.used.insert(needed),
                None => self.wrong.push(format!(
                    "{place}{}: {kind:?}: reads {}, writes {}; capstone: {}, {}",
                    render(op),
                    derived.reads,
                    derived.writes,
                    stated.reads,
                    stated.writes
                )),
            }
            excepted = true;
        }
        let row = self.rows.entry(name).or_default();
        if excepted { row.excepted += 1 } else { row.agree += 1 }
    }
}

fn compare(per_row: usize, distort: fn(&Op, Roles) -> Roles) -> Comparison {
    let mut comparison = Comparison::new(distort);
    for (nth, e) in encodings::narrow().chain(encodings::wide(per_row)).enumerate() {
        comparison.encoding(&e, nth);
    }
    comparison
}

/// A row of the table for each mnemonic.
fn table(comparison: &Comparison) -> String {
    let mut text = String::from(
        "What each instruction reads and writes, as derived from its meaning, and whether capstone's lists say the same. \
         Names are the manual's; `sp` and `lr` stand where an instruction names them itself. Compared are all 16-bit \
         encodings and samples of the 32-bit ones; *in IT* counts those compared again under a condition, whose flags \
         and old destination they then read too; the two columns after it count both. *Refused* have no meaning in the semantics: addresses of code as values, \
         literals that are not words, frame accesses that are not words above sp.\n\n\
         | Instruction | Compared | in IT | Agree | Exceptions | Refused | Reads | Writes |\n|---|--:|--:|--:|--:|--:|---|---|\n",
    );
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    let mut total = [0; 5];
    for (name, row) in &comparison.rows {
        let counts = [row.compared, row.in_it, row.agree, row.excepted, row.refused];
        total.iter_mut().zip(counts).for_each(|(t, n)| *t += n);
        let counts = counts.map(|n| n.to_string()).join(" | ");
        text += &format!("| `{name}` | {counts} | {} | {} |\n", list(&row.reads), list(&row.writes));
    }
    text += &format!("| **all** | {} | | |\n", total.map(|n| n.to_string()).join(" | "));
    text +=
        "\nDifferences from capstone's lists that are known:\n\n| Instructions | capstone | Reason |\n|---|---|---|\n";
    for (names, kind, _, reason) in EXCEPTIONS {
        let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        text += &format!("| {} | {} | {reason} |\n", names.join(", "), kind.text());
    }
    text
}

/// Covers TOR-ARM-ROLES.
#[test]
fn derived_roles_agree_with_capstone() {
    let comparison = compare(PER_ROW, |_, roles| roles);
    let wrong = &comparison.wrong;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    let all = EXCEPTIONS.iter().enumerate().flat_map(|(at, (names, ..))| names.iter().map(move |n| (at, *n)));
    let idle: Vec<_> = all.filter(|e| !comparison.used.contains(e)).collect();
    assert!(idle.is_empty(), "exceptions that nothing needs: {idle:?}");
    generated::table("operand-roles", "Operand roles of instructions", &table(&comparison));
}

#[test]
fn planted_faults_are_noticed() {
    let drops_rn: fn(&Op, Roles) -> Roles = |op, mut roles| {
        if let Op::Divide { rn, .. } = op {
            roles.reads = roles.reads & !Set::register(u32::from(rn.0));
        }
        roles
    };
    let keeps_base: fn(&Op, Roles) -> Roles = |op, mut roles| {
        if let Op::Load { address: Address::Pre(rn, _), .. } = op {
            roles.writes = roles.writes & !Set::register(u32::from(rn.0));
        }
        roles
    };
    let writes_flags: fn(&Op, Roles) -> Roles = |op, mut roles| {
        if let Op::MovHalf { .. } = op {
            roles.writes |= Set::flag(2);
        }
        roles
    };
    let forgets_store: fn(&Op, Roles) -> Roles = |op, mut roles| {
        if let Op::Store { .. } = op {
            roles.writes = roles.writes & !Set::MEMORY;
        }
        roles
    };
    for (fault, distort, kind) in [
        ("rn of a division dropped", drops_rn, InventsRead),
        ("the written base dropped", keeps_base, InventsWrite),
        ("flags written by movw", writes_flags, LacksFlagsWrite),
        ("a store forgotten", forgets_store, Memory),
    ] {
        let wrong = compare(60, distort).wrong;
        let kind = format!("{kind:?}");
        assert!(!wrong.is_empty() && wrong.iter().all(|w| w.contains(&kind)), "{fault}: {wrong:?}");
    }
}
