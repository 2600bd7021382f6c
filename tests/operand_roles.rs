//! The roles that the compiler states for the operands of its machine instructions are those that the emitted code has.
//!
//! Each kind of machine instruction is emitted by the compiler with distinct registers and decoded by the validator;
//! what its instructions read and write is derived from their meaning (`roles`), not from any table. A register that is
//! read must be a use, one that is written a definition, r12 or what the convention lets a call change; and nothing is
//! written that the table calls late while a use is still to be read.

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
#[path = "../validator/tests/roles/mod.rs"]
mod roles;

use roles::{Run, Set};
use std::collections::{BTreeMap, BTreeSet};
use synth::branch_relax::{RelocKind, RelocTarget, layout};
use synth::emit::emit;
use synth::encode::memory::Access;
use synth::encode::operand::{Condition, Extension};
use synth::encode::{AluOp, ShiftOp, UnaryOp};
use synth::frame::Frame;
use synth::machine::{Address, Choice, Compare, Inst, MachineBlock, MachineFunc, Reg, Role, Src, Target, Test};
use synth::regalloc::{Allocated, Place, Step, allocate};
use synth_validator::arm::decode::{self, Code, FunctionBytes, Helper, Relocation, RelocationKind};
use synth_validator::arm::semantics::Function;
use synth_validator::domain::Symbol;
use synth_validator::trap::TrapKind;

/// r12 and the flags are free inside every machine instruction.
const FREE: Set = Set(1 << 12 | Set::FLAGS.0);
const LR: Set = Set(1 << 14);
const SP: Set = Set(1 << 13);

/// A virtual register, to be replaced.
const V: Reg = Reg(0);

fn compares() -> Vec<Compare> {
    let shifted = Src::Shifted(V, ShiftOp::Lsr, 3);
    let mut all = vec![];
    for (bl, bh) in [(Src::Reg(V), Src::Reg(V)), (Src::Imm(0xff00), Src::Imm(0)), (Src::Reg(V), Src::Imm(u32::MAX))] {
        all.push(Compare::Pair(V, V, bl, bh));
    }
    for src in [Src::Imm(0), Src::Imm(200), Src::Imm(0xff00), Src::Reg(V), shifted] {
        all.extend([Compare::Cmp(V, src), Compare::Cmn(V, src), Compare::Tst(V, src)]);
    }
    all
}

fn tests() -> impl Iterator<Item = Test> {
    let all = [Condition::Eq, Condition::Hs, Condition::Ge, Condition::Hi, Condition::Le];
    compares().into_iter().flat_map(move |compare| {
        // `tst` defines N and Z only.
        let meant = if matches!(compare, Compare::Tst(..)) { &all[..1] } else { &all[..] };
        meant.iter().map(move |c| Test { compare, condition: *c }).collect::<Vec<_>>()
    })
}

/// Instructions that only compute, all registers [`V`].
fn computations() -> Vec<Inst> {
    let (rd, rn, rm, ra) = (V, V, V, V);
    let mut all = vec![Inst::Move { rd, rm }];
    all.extend([Src::Reg(V), Src::Shifted(V, ShiftOp::Ror, 7)].map(|src| Inst::Not { rd, src }));
    for rn in [None, Some(V)] {
        use Extension::*;
        all.extend([Sxth, Uxth, Sxtb, Uxtb].map(|op| Inst::Extend { op, rd, rn, rm, rotation: 16 }));
        all.push(Inst::Insert { rd, old: V, rn, lsb: 3, width: 9 });
    }
    all.extend([0, 255, 0xff00, 0xffff_fff0, 0x1234, 0x1234_5678].map(|value| Inst::Const { rd, value }));
    all.push(Inst::SymbolAddress { rd, symbol: Symbol::Globals, addend: 8 });
    use AluOp::*;
    // A carry goes in only with the pair that makes it.
    for op in [And, Bic, Orr, Orn, Eor, Add, Sub, Rsb] {
        for src in [Src::Imm(5), Src::Imm(0xff00), Src::Reg(V), Src::Shifted(V, ShiftOp::Asr, 7)] {
            all.push(Inst::Alu { op, rd, rn, src });
        }
    }
    all.push(Inst::Alu { op: Add, rd, rn, src: Src::Imm(0xabc) });
    for op in [ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror] {
        all.extend([Inst::ShiftImm { op, rd, rm, amount: 9 }, Inst::ShiftReg { op, rd, rn, rm }]);
    }
    use UnaryOp::*;
    all.extend([Clz, Rbit, Rev, Rev16, Sxtb, Sxth, Uxtb, Uxth].map(|op| Inst::Unary { op, rd, rm }));
    all.extend([
        Inst::Mul { rd, rn, rm },
        Inst::Div { signed: true, rd, rn, rm },
        Inst::Div { signed: false, rd, rn, rm },
    ]);
    for flag in [true, false] {
        all.push(Inst::Extract { signed: flag, rd, rn, lsb: 3, width: 9 });
        for src in [Src::Reg(V), Src::Shifted(V, ShiftOp::Lsl, 4), Src::Shifted(V, ShiftOp::Asr, 15)] {
            all.push(Inst::Saturate { signed: flag, bits: 16, rd, src });
        }
        all.push(Inst::MulAdd { subtract: flag, rd, rn, rm, ra });
        all.push(Inst::MulLong { signed: flag, lo: V, hi: V, rn, rm });
        all.push(Inst::MulAddLong { signed: flag, lo: V, hi: V, al: V, ah: V, rn, rm });
        for (bl, bh) in [(Src::Reg(V), Src::Reg(V)), (Src::Imm(5), Src::Imm(0)), (Src::Imm(0xff00), Src::Reg(V))] {
            all.push(Inst::Pair { subtract: flag, lo: V, hi: V, al: V, ah: V, bl, bh });
        }
    }
    all.extend(tests().map(|test| Inst::SetIf { rd, test }));
    for yes in [Src::Imm(7), Src::Imm(0xff00), Src::Reg(V)] {
        all.extend(tests().map(|test| Inst::Select { rd, no: V, yes, test }));
    }
    for many in [&[(Src::Reg(V), false), (Src::Reg(V), true)][..], &[(Src::Imm(7), true), (Src::Reg(V), true)]] {
        let choices: Vec<Choice> =
            many.iter().map(|(yes, negated)| Choice { rd, no: V, yes: *yes, negated: *negated }).collect();
        let few = |compare: &Compare| !matches!(compare, Compare::Pair(..));
        let tests = compares().into_iter().filter(few).map(|compare| Test { compare, condition: Condition::Eq });
        all.extend(tests.map(|test| Inst::SelectMany { choices: choices.clone(), test }));
    }
    all
}

/// Instructions that access memory, transfer control or belong to the convention.
fn effects() -> Vec<Inst> {
    let mut all = vec![];
    use Access::*;
    for access in [Str, Strh, Strb, Ldr, Ldrh, Ldrb, Ldrsh, Ldrsb] {
        for address in
            [Address::Offset(V, 4), Address::Offset(V, 4001), Address::Indexed(V, V, 0), Address::Indexed(V, V, 2)]
        {
            all.push(Inst::Memory { access, rt: V, address });
        }
    }
    all.extend([4, 1000].map(|offset| Inst::LoadIncoming { rd: V, offset }));
    all.extend([4, 1000].map(|offset| Inst::StoreOutgoing { rt: V, offset }));
    all.extend(tests().map(|test| Inst::TrapIf { test, kind: TrapKind::OutOfBoundsMemory }));
    let fixed = |n: u8| (0..n).map(|k| (V, k)).collect::<Vec<_>>();
    all.push(Inst::Entry { args: fixed(4) });
    all.push(Inst::Return { results: fixed(4) });
    for target in [Target::Function(1), Target::Register(V, 1)] {
        all.push(Inst::Call { target, args: fixed(0), results: fixed(0) });
    }
    for helper in Helper::ALL {
        let results = if matches!(helper, Helper::Uldivmod | Helper::Ldivmod) { 4 } else { 0 };
        let args = if results == 4 { 4 } else { 3 };
        all.push(Inst::Call { target: Target::Helper(helper.name()), args: fixed(args), results: fixed(results) });
    }
    all.extend([Inst::Jump, Inst::Switch { index: V }, Inst::Trap { kind: TrapKind::Unreachable }]);
    all.extend(tests().map(|test| Inst::Branch { test }));
    all
}

/// The kind of an instruction, and how many kinds there are.
fn kind(inst: &Inst) -> (&'static str, usize) {
    let name = match inst {
        Inst::Entry { .. } => "Entry",
        Inst::LoadIncoming { .. } => "LoadIncoming",
        Inst::Const { .. } => "Const",
        Inst::SymbolAddress { .. } => "SymbolAddress",
        Inst::Move { .. } => "Move",
        Inst::Not { .. } => "Not",
        Inst::Alu { .. } => "Alu",
        Inst::ShiftImm { .. } => "ShiftImm",
        Inst::ShiftReg { .. } => "ShiftReg",
        Inst::Unary { .. } => "Unary",
        Inst::Extract { .. } => "Extract",
        Inst::Extend { .. } => "Extend",
        Inst::Insert { .. } => "Insert",
        Inst::Saturate { .. } => "Saturate",
        Inst::SelectMany { .. } => "SelectMany",
        Inst::Mul { .. } => "Mul",
        Inst::MulAdd { .. } => "MulAdd",
        Inst::MulLong { .. } => "MulLong",
        Inst::MulAddLong { .. } => "MulAddLong",
        Inst::Div { .. } => "Div",
        Inst::Pair { .. } => "Pair",
        Inst::SetIf { .. } => "SetIf",
        Inst::Select { .. } => "Select",
        Inst::TrapIf { .. } => "TrapIf",
        Inst::Memory { .. } => "Memory",
        Inst::StoreOutgoing { .. } => "StoreOutgoing",
        Inst::Call { .. } => "Call",
        Inst::Jump => "Jump",
        Inst::Branch { .. } => "Branch",
        Inst::Switch { .. } => "Switch",
        Inst::Return { .. } => "Return",
        Inst::Trap { .. } => "Trap",
    };
    (name, 32)
}

/// Gives every operand a core register of its own, in order from `pool`, unless its role names one. Result: the
/// operands with their roles, as the table states them.
fn place(inst: &mut Inst, pool: &[u32]) -> Vec<(u32, Role)> {
    let mut pool = pool.iter();
    let mut placed: Vec<(u32, Role)> = vec![];
    inst.operands(&mut |r, role| {
        let n = match role {
            Role::UseIn(n) | Role::DefIn(n) => u32::from(n),
            Role::DefTied(i) => placed[i].0,
            Role::Use | Role::UseLate | Role::Def | Role::DefEarly => *pool.next().expect("registers enough"),
        };
        *r = Reg(n);
        placed.push((n, role));
    });
    placed
}

/// The code of one instruction in a function that saves `saved`, decoded, with the range of its bytes.
fn code(inst: &Inst, saved: u16) -> (Code, std::ops::Range<u32>, BTreeMap<u32, u32>) {
    let exit = Inst::Return { results: vec![] };
    let succs = match inst {
        Inst::Jump => vec![2],
        Inst::Branch { .. } => vec![1, 2],
        Inst::Switch { .. } => vec![1, 2],
        _ => vec![],
    };
    // Of a switch: the position in its successors of each target.
    let entries = if matches!(inst, Inst::Switch { .. }) { vec![0, 1, 1, 0, 1] } else { vec![] };
    let blocks =
        vec![MachineBlock { succs, entries, ..Default::default() }, MachineBlock::default(), MachineBlock::default()];
    let machine = MachineFunc { blocks, ..MachineFunc::default() };
    let mut first = vec![Step::Inst(inst.clone(), 1)];
    if !inst.is_terminator() {
        first.push(Step::Inst(exit.clone(), 2));
    }
    let other = vec![Step::Inst(exit, 2)];
    let allocated = Allocated { blocks: vec![first, other.clone(), other], live: vec![], slots: 0 };
    let frame = Frame { saved, filler: 0, local_bytes: 0, outgoing_bytes: 0 };
    let emitted = emit(&machine, &allocated, &frame, &[false; 3], 0).expect("it is emitted");
    let out = layout(&emitted.items, emitted.labels, true).expect("it is in reach");
    let relocations = out.relocations.iter().map(|r| {
        let kind = match r.kind {
            RelocKind::Call => RelocationKind::ThmCall,
            RelocKind::Jump => RelocationKind::ThmJump24,
            RelocKind::MovwLow => RelocationKind::ThmMovw,
            RelocKind::MovtHigh => RelocationKind::ThmMovt,
            RelocKind::Word => RelocationKind::Abs32,
        };
        let target = match &r.target {
            RelocTarget::Symbol(s) => decode::Target::Symbol(*s),
            RelocTarget::Helper(name) => {
                let helper = Helper::ALL.into_iter().find(|h| h.name() == *name);
                decode::Target::Helper(helper.expect("a known helper"))
            }
        };
        (r.offset, Relocation { kind, target })
    });
    let line = |origin| out.lines.iter().find(|l| l.1 == origin).map(|l| l.0);
    let end = if inst.is_terminator() { out.labels[1] } else { line(2).expect("the exit has code") };
    let start = line(1).expect("it has a place");
    // What follows an exit is reached by nothing, but is code.
    let code_starts = [&[end], &out.labels[1..3]].concat();
    let bytes = FunctionBytes { bytes: out.bytes.clone(), relocations: relocations.collect(), code_starts, address: 0 };
    let code = decode::decode(&bytes).unwrap_or_else(|e| panic!("{inst:?}: {e:?} {bytes:?}"));
    (code, start..end, out.indirect.into_iter().collect())
}

/// What is wrong with the stated roles of one placed instruction.
fn judge(inst: &Inst, operands: &[(u32, Role)], saved: u16) -> Vec<String> {
    let (code, range, indirect) = code(inst, saved);
    let (module, contract) = (roles::module(), roles::contract());
    let program = Function::new(&code, &module, &contract, 0, indirect).expect("a function of the module");
    let effect = roles::under_some_view(|addresses| {
        let mut run = Run::new(program.clone(), addresses);
        let steps: Result<Vec<_>, _> = code.insns.range(range.clone()).map(|(at, _)| run.step(*at)).collect();
        steps.map(|_| run.effect(FREE))
    });
    let effect = effect.expect("the semantics executes it");
    let (mut uses, mut read_late, mut defs, mut late) = (Set(0), Set(0), Set(0), Set(0));
    for (n, role) in operands {
        let register = Set::register(*n);
        match role {
            Role::Use | Role::UseIn(_) => uses |= register,
            Role::UseLate => (uses, read_late) = (uses | register, read_late | register),
            // No other definition has the register of a tied one: what is tied may be read late.
            Role::DefTied(_) => {
                (defs, late, read_late) = (defs | register, late | register, read_late | register);
            }
            Role::Def => (defs, late) = (defs | register, late | register),
            Role::DefEarly | Role::DefIn(_) => defs |= register,
        }
    }
    let (mut wrong, mut may_write) = (vec![], defs | FREE | Set::MEMORY);
    match inst {
        // What a call may change: r0 to r3 by `regalloc`, lr because it is never allocated.
        Inst::Call { .. } => may_write |= LR | Set(15),
        // The epilogue restores what the prologue saved.
        Inst::Return { .. } => may_write |= SP | Set(u32::from(saved)),
        _ => {}
    }
    // The way back is in lr, the frame at sp, and an argument in a register is in the register that the entry names.
    let may_read = uses | Set::MEMORY | SP | if matches!(inst, Inst::Return { .. }) { LR } else { Set(0) };
    let stray = (effect.reads | effect.passes) & !may_read;
    if stray != Set(0) {
        wrong.push(format!("reads {stray}, which is no use"));
    }
    let stray = (effect.writes | effect.callee_writes) & !may_write;
    if stray != Set(0) && !matches!(inst, Inst::Entry { .. }) {
        wrong.push(format!("writes {stray}, which is no definition"));
    }
    let idle = (uses & !(effect.reads | effect.passes)) & Set::REGISTERS;
    let by_convention = matches!(inst, Inst::Call { .. });
    if idle != Set(0) && !by_convention {
        wrong.push(format!("does not read {idle}, which is a use"));
    }
    let idle = defs & !(effect.writes | effect.callee_writes);
    if idle != Set(0) && !matches!(inst, Inst::Entry { .. } | Inst::Call { .. }) {
        wrong.push(format!("does not write {idle}, which is a definition"));
    }
    let mut written = Set(0);
    for (_, insn) in code.insns.range(range) {
        let Ok(each) = roles::of(insn) else { continue };
        if (written & late).meets(Set::REGISTERS) && each.reads.meets(uses & !written & !read_late) {
            wrong.push(format!("writes {} before it reads {}", written & late, each.reads & uses));
        }
        written |= each.writes;
    }
    wrong
}

/// What was judged of one kind: instructions, and their operands' roles as stated.
type Judged = BTreeMap<&'static str, (usize, BTreeSet<String>)>;

/// Judges all instructions; `distort` changes the stated roles. Result: what was judged by kind, and what is wrong.
fn judge_all(distort: fn(&Inst, &mut Vec<(u32, Role)>)) -> (Judged, Vec<String>) {
    // Low registers have 16-bit encodings, high ones have not.
    let pools: [&[u32]; 2] = [&[0, 1, 2, 3, 4, 5, 6, 7], &[8, 9, 10, 11, 4, 5, 6, 7]];
    let (mut judged, mut wrong) = (Judged::new(), vec![]);
    for mut inst in computations().into_iter().chain(effects()) {
        for pool in pools {
            let mut operands = place(&mut inst, pool);
            distort(&inst, &mut operands);
            let saved = if matches!(inst, Inst::Return { .. }) { 0x4030 } else { 0 };
            wrong.extend(judge(&inst, &operands, saved).into_iter().map(|w| format!("{inst:?} {w}")));
            let row = judged.entry(kind(&inst).0).or_default();
            row.0 += 1;
            row.1.extend(operands.iter().map(|(_, role)| stem(*role).to_string()));
        }
    }
    (judged, wrong)
}

/// A role without its register or number.
fn stem(role: Role) -> &'static str {
    match role {
        Role::Use => "use",
        Role::UseIn(_) => "use in a core register",
        Role::UseLate => "late use",
        Role::Def => "definition",
        Role::DefEarly => "early definition",
        Role::DefIn(_) => "definition in a core register",
        Role::DefTied(_) => "tied definition",
    }
}

#[test]
fn stated_roles_are_those_of_the_emitted_code() {
    let (judged, wrong) = judge_all(|_, _| {});
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(judged.len(), kind(&Inst::Jump).1, "{:?}", judged.keys());
    let mut text = String::from(
        "The compiler's machine instructions, each emitted with low and with high registers, decoded, and judged by the \
         roles that follow from the meaning of the emitted code: every register read is a use, every register written a \
         definition, r12, or what a call may change, and no late definition is written while a use is still to be read.\n\n\
         | Machine instruction | Judged | Disagree | Roles of its operands |\n|---|--:|--:|---|\n",
    );
    for (name, (count, stems)) in &judged {
        let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
        text += &format!("| `{name}` | {count} | 0 | {} |\n", stems.join(", "));
    }
    text += &format!("| **all** | {} | 0 | |\n", judged.values().map(|j| j.0).sum::<usize>());
    generated::table("machine-roles", "Operand roles of the compiler's machine instructions", &text);
}

#[test]
fn planted_faults_are_noticed() {
    type Distort = fn(&Inst, &mut Vec<(u32, Role)>);
    let faults: [(&str, Distort, &str); 6] = [
        (
            "a use that is not stated",
            |inst, o| {
                if matches!(inst, Inst::MulAdd { .. }) {
                    _ = o.remove(0)
                }
            },
            "no use",
        ),
        (
            "a definition stated as a use",
            |inst, o| {
                if matches!(inst, Inst::Div { .. }) {
                    o[2].1 = Role::Use
                }
            },
            "no definition",
        ),
        (
            "an early definition stated as late",
            |inst, o| {
                if matches!(inst, Inst::Pair { .. }) {
                    o.iter_mut().filter(|p| p.1 == Role::DefEarly).for_each(|p| p.1 = Role::Def);
                }
            },
            "before it reads",
        ),
        (
            "a late use stated as early",
            |inst, o| {
                if matches!(inst, Inst::SelectMany { .. }) {
                    o.iter_mut().filter(|p| p.1 == Role::UseLate).for_each(|p| p.1 = Role::Use);
                }
            },
            "before it reads",
        ),
        (
            "a definition that is not stated",
            |inst, o| {
                if matches!(inst, Inst::SetIf { .. }) {
                    _ = o.pop()
                }
            },
            "no definition",
        ),
        (
            "a use that is none",
            |inst, o| {
                if matches!(inst, Inst::Const { .. }) {
                    o.push((7, Role::Use))
                }
            },
            "does not read",
        ),
    ];
    for (fault, distort, message) in faults {
        let (_, wrong) = judge_all(distort);
        assert!(wrong.iter().any(|w| w.contains(message)), "{fault}: {wrong:?}");
    }
}

/// A value that lives across a call is in no register that the callee may write.
#[test]
fn the_allocator_keeps_values_from_what_callees_write() {
    let results = vec![(Reg(0), 0), (Reg(1), 1), (Reg(2), 2), (Reg(3), 3)];
    for target in [Target::Function(1), Target::Helper(Helper::Memset.name())] {
        let call = Inst::Call { target, args: vec![], results: vec![] };
        let (code, range, _) = code(&call, 0);
        let called = roles::of(&code.insns[&range.start]).expect("a call is executed");
        let callee_writes = called.writes | called.callee_writes;
        assert!(callee_writes.meets(Set(15)), "{callee_writes}");
        let insts = vec![Inst::Entry { args: results.clone() }, call, Inst::Return { results: results.clone() }];
        let block = MachineBlock { range: 0..3, ..MachineBlock::default() };
        let machine = MachineFunc { insts, origins: vec![0; 3], blocks: vec![block], vregs: 4, outgoing_bytes: 0 };
        let allocated = allocate(&machine, &[], 0).expect("it is allocated");
        let mut defined = Set(0);
        let after = allocated.blocks[0].iter().skip_while(|s| !matches!(s, Step::Inst(i, _) if i.is_call())).skip(1);
        for step in after {
            match step {
                Step::Move(from, to) => {
                    if let Place::Reg(n) = from {
                        let from = Set::register(u32::from(*n));
                        assert!(!(callee_writes & !defined).meets(from), "r{n} is read after the call");
                    }
                    if let Place::Reg(n) = to {
                        defined |= Set::register(u32::from(*n));
                    }
                }
                Step::Inst(inst, _) => inst.clone().operands(&mut |r, _| {
                    assert!(!(callee_writes & !defined).meets(Set::register(r.0)), "r{} is read after the call", r.0);
                }),
            }
        }
    }
}
