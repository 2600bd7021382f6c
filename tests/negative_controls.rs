//! What fooled translation validators before (DESIGN, section 4, last paragraph), each planted here and refused.
//!
//! Every fault stands beside a control: the same thing without the fault, which is proved, so that the fault is what is
//! refused. Faults are planted in the object's bytes, in the IR that the object is made from, or in the claim.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::proofs::{deep, deep_map, prove, verdict};
use support::tamper::{Subject, drop_insts, insts, replace};
use synth::branch_relax::RelocTarget;
use synth::object_writer::CellInit;
use synth_validator::arm;
use synth_validator::claim::Claim;
use synth_validator::contract::SYM_MEMORY;
use synth_validator::domain::{BinOp, Symbol};
use synth_validator::ir::{Inst, Op};
use synth_validator::ladder::Limits;
use synth_validator::refinement::Shape;
use synth_validator::refute::Setting;
use synth_validator::refute::search::{Plan, search};
use synth_validator::trap::TrapKind;
use synth_validator::validate::{Session, Verdict};
use synth_validator::wasm;
use synth_validator::witness::Loc;

const SHIFT: &str =
    r#"(module (func (export "shl") (param i32 i32) (result i32) (i32.shl (local.get 0) (local.get 1))))"#;
const DIVIDE: &str =
    r#"(module (func (export "div") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1))))"#;
const STORE: &str = r#"(module (memory 1) (global $g (mut i32) (i32.const 7)) (data (i32.const 8) "data")
    (func (export "set") (param i32 i32) (i32.store (local.get 0) (local.get 1)) (global.set $g (local.get 1))))"#;
const CALL: &str = r#"(module
    (import "e" "h" (func $h (param i32 i32 i32 i64) (result i32)))
    (import "e" "other" (func $other (param i32 i32 i32 i64) (result i32)))
    (func (export "call") (param i32 i32) (result i32)
      (i32.add (local.get 0) (call $h (local.get 1) (local.get 0) (local.get 0) (i64.const 5)))))"#;
const LOAD64: &str = r#"(module (memory 1) (func (export "load") (param i32) (result i64) (i64.load (local.get 0))))"#;
const SELECT_EQ: &str = r#"(module (func (export "select") (param i32 i32) (result i32)
    (select (i32.add (local.get 0) (i32.const 1)) (local.get 1) (i32.eq (local.get 0) (local.get 1)))))"#;
const GROW: &str = r#"(module (memory 1)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
const IDENTITY: &str = r#"(module (func (export "id") (param i32) (result i32) (local.get 0)))"#;
const LOOP: &str = r#"(module (memory 1)
    (func (export "fill") (param $at i32) (param $n i32)
      (loop $next
        (if (local.get $n) (then
          (i32.store8 (local.get $at) (local.get $n))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))))"#;
const TABLES: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (table 2 funcref) (elem (i32.const 0) $a $b)
    (func $a (type $t) (local.get 0))
    (func $b (type $t) (i32.const 3))
    (func (export "a") (type $t) (i32.const 1))
    (func (export "b") (type $t) (i32.const 2))
    (func (export "apply") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (local.get 1))))"#;

/// The subject's own object is proved; each of the others is not.
fn refused(subject: &Subject, what: &str, objects: &[Vec<u8>]) {
    deep(|| {
        let control = verdict(&subject.wasm, &subject.compiled.object, None);
        assert_eq!(control, Verdict::Proved, "{what}: the control");
        for (i, object) in objects.iter().enumerate() {
            assert_ne!(*object, subject.compiled.object, "{what} {i} changes nothing");
            let found = verdict(&subject.wasm, object, None);
            assert_ne!(found, Verdict::Proved, "{what} {i}");
            println!("{what} {i}: {}: {}", found.name(), found.detail().lines().next().unwrap_or_default());
        }
    });
}

/// The object with function `index` replaced by hand-made code without relocations and cut points.
fn by_hand(subject: &Subject, code: &[u8]) -> Vec<u8> {
    subject.rewritten(|_, functions| {
        functions[0].code = code.to_vec();
        functions[0].relocations.clear();
    })
}

/// Offset in the code of a function of its first instruction whose text starts so.
fn find(subject: &Subject, index: u32, text: &str) -> usize {
    let module = wasm::reader::read(&subject.wasm).expect("a module");
    let object = arm::object::read(&subject.compiled.object, &module).expect("an object");
    let code = arm::decode::decode(&object.functions[&index]).expect("decodes");
    let found = code.insns.iter().find(|(_, i)| i.text.starts_with(text));
    let listing = || code.insns.values().map(|i| i.text.clone()).collect::<Vec<_>>().join("; ");
    *found.unwrap_or_else(|| panic!("no {text} in {}", listing())).0 as usize
}

fn symbol(index: u32) -> String {
    format!("__synth_f{index}")
}

/// The checker shares no table with the compiler: it cannot even name it.
///
/// Covers TOR-ENV-INDEPENDENT, TOR-CHECK-ALONE.
#[test]
fn the_validator_does_not_depend_on_the_compiler() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).expect("a lock file");
    let package = lock.split("[[package]]").find(|p| p.contains("name = \"synth-validator\"")).expect("is locked");
    assert!(package.contains("\"synth-lemmas\"") && !package.contains("\"synth\""), "{package}");
    let lemmas = lock.split("[[package]]").find(|p| p.contains("name = \"synth-lemmas\"")).expect("is locked");
    assert!(!lemmas.contains("dependencies"), "{lemmas}");
    let mut folders = vec![root.join("validator/src"), root.join("lemmas/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("sources") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            files += 1;
            for name in ["synth::", "use synth;", "regalloc2", "../../src/", "#[path"] {
                assert!(!text.contains(name), "{} mentions {name}", path.display());
            }
        }
    }
    assert!(files > 20, "{files}");
}

/// A claim that asks for nothing gets nothing.
///
/// Covers TOR-VERDICT-EMPTY.
#[test]
fn an_empty_set_of_obligations_is_not_proved() {
    let subject = Subject::new(LOOP);
    type Change = (&'static str, fn(&mut Claim));
    let changes: [Change; 5] = [
        ("no functions", |c| c.functions.clear()),
        ("another function", |c| c.functions[0].index += 1),
        ("no stages", |c| c.functions[0].stages.clear()),
        ("no cuts", |c| c.functions[0].witness.cuts.clear()),
        ("cuts without equations", |c| c.functions[0].witness.cuts.iter_mut().for_each(|cut| cut.equal.clear())),
    ];
    deep(|| {
        for (what, change) in changes {
            let mut claim = subject.compiled.claim.clone();
            change(&mut claim);
            let limits = Limits { region_steps: 2_000, ..Limits::default() };
            let proof = prove(&subject.wasm, &subject.compiled.object, Some(claim), limits).expect("reads");
            assert_ne!(proof.verdict(), Verdict::Proved, "{what}");
        }
    });
}

/// An instruction without meaning is not one without effect.
///
/// Covers TOR-ARM-UNDECODABLE, TOR-VERDICT-UNSUPPORTED.
#[test]
fn unmodelled_instructions_are_unsupported() {
    let subject = Subject::new(SHIFT);
    let (nop, at) = ([0x00, 0xbf], find(&subject, 0, "and "));
    deep(|| {
        let faults: [(&str, [u8; 4]); 6] = [
            ("cpsid i", [0x72, 0xb6, nop[0], nop[1]]),
            ("wfi", [0x30, 0xbf, nop[0], nop[1]]),
            ("svc #0", [0x00, 0xdf, nop[0], nop[1]]),
            ("bkpt #0", [0x00, 0xbe, nop[0], nop[1]]),
            ("vadd.f32 s0, s0, s0", [0x30, 0xee, 0x00, 0x0a]),
            ("mrs r0, apsr", [0xef, 0xf3, 0x00, 0x80]),
        ];
        for (what, bytes) in faults {
            let found = verdict(&subject.wasm, &subject.patched(&symbol(0), at, &bytes), None);
            assert_eq!(found.name(), "Unsupported", "{what}: {}", found.detail());
        }
    });
}

/// Covers TOR-ARM-SHIFTS.
#[test]
fn shift_amounts_are_the_hardwares() {
    let subject = Subject::new(SHIFT);
    let at = find(&subject, 0, "and ");
    let bytes = subject.patched(&symbol(0), at, &[0x00, 0xbf, 0x00, 0xbf]);
    let wider = subject.patched(&symbol(0), at, &[0x01, 0xf0, 0x3f, 0x01]); // and r1, r1, #0x3f
    let [a, b] = subject.with_ir(0, |func| {
        let mask = insts(func).find(|i| i.op == Op::Bin(BinOp::And)).expect("a mask").clone();
        replace(func, mask.results[0], mask.args[0]);
    });
    refused(&subject, "shift without mask", &[bytes, wider, a, b]);
}

/// Covers TOR-ARM-SHIFTS, TOR-CLAUSE-TRAPS.
#[test]
fn division_by_zero_is_the_hardwares() {
    let subject = Subject::new(DIVIDE);
    let bytes = subject.patched(&symbol(0), find(&subject, 0, "cbz"), &[0x00, 0xbf]);
    let [a, b] = subject.with_ir(0, |func| drop_insts(func, |op| matches!(op, Op::TrapIf(_))));
    refused(&subject, "division without check", &[bytes, a, b]);
}

/// Covers TOR-ARM-FLAGS.
#[test]
fn flags_in_it_blocks_are_the_hardwares() {
    let subject = Subject::new(SELECT_EQ);
    // cmp r0, r1; ite eq; addeq r0, #1 (16 bits: no flags here); movne r0, r1; bx lr
    let right = by_hand(&subject, &[0x88, 0x42, 0x0c, 0xbf, 0x01, 0x30, 0x08, 0x46, 0x70, 0x47]);
    deep(|| assert_eq!(verdict(&subject.wasm, &right, None), Verdict::Proved));
    // The same with adds.w, which writes the flags that movne reads.
    let flags = by_hand(&subject, &[0x88, 0x42, 0x0c, 0xbf, 0x10, 0xf1, 0x01, 0x00, 0x08, 0x46, 0x70, 0x47]);
    // cmp r0, r1; adds r2, r0, #1 between compare and use; ite eq; moveq r0, r2; movne r0, r1; bx lr
    let between = by_hand(&subject, &[0x88, 0x42, 0x42, 0x1c, 0x0c, 0xbf, 0x10, 0x46, 0x08, 0x46, 0x70, 0x47]);
    refused(&subject, "flags", &[flags, between]);
}

/// Covers TOR-CLAUSE-ALIGN.
#[test]
fn ldrd_on_any_address_is_not_proved() {
    let subject = Subject::new(LOAD64);
    let at = find(&subject, 0, "ldr r2, [r1, r0]");
    let then = ["adds r0, r1, r0", "ldr r1, [r0, #4]", "mov r0, r2"].map(|text| find(&subject, 0, text));
    assert_eq!(then, [at + 2, at + 4, at + 6]);
    // adds r0, r1, r0; ldrd r0, r1, [r0]; nop
    let ldrd = [0x08, 0x18, 0xd0, 0xe9, 0x00, 0x01, 0x00, 0xbf];
    refused(&subject, "ldrd", &[subject.patched(&symbol(0), at, &ldrd)]);
}

/// Covers TOR-CLAUSE-TRAPS, TOR-CLAUSE-ACCESS.
#[test]
fn traps_count() {
    let divide = Subject::new(DIVIDE);
    let udf = divide.patched(&symbol(0), find(&divide, 0, "udf"), &[0x03, 0xde]);
    let [a, b] = divide.with_ir(0, |func| {
        insts(func).filter(|i| matches!(i.op, Op::TrapIf(_))).for_each(|i| i.op = Op::TrapIf(TrapKind::Unreachable));
    });
    refused(&divide, "trap kind", &[udf, a, b]);
    let store = Subject::new(STORE);
    let check = |op: &Op| matches!(op, Op::BoundsCheck { .. });
    let [a, b] = store.with_ir(0, |func| drop_insts(func, check));
    let [c, d] = store.with_ir(0, |func| {
        insts(func).filter(|i| check(&i.op)).for_each(|i| i.op = Op::BoundsCheck { offset: 0, bytes: 2 });
    });
    refused(&store, "bounds check", &[a, b, c, d]);
}

/// Covers TOR-CLAUSE-MEMORY, TOR-CLAUSE-GLOBALS.
#[test]
fn void_functions_are_seen() {
    let subject = Subject::new(STORE);
    let is_store = |op: &Op| matches!(op, Op::Store { .. });
    let dropped = subject.with_ir(0, |func| drop_insts(func, is_store));
    let moved = subject.with_ir(0, |func| {
        insts(func).for_each(|i| {
            if let Op::Store { offset, .. } = &mut i.op {
                *offset += 4;
            }
        });
    });
    let added = subject.with_ir(0, |func| {
        let insts = &mut func.blocks[0].insts;
        let at = insts.iter().position(|i| is_store(&i.op)).expect("a store");
        let Op::Store { space, width, .. } = insts[at].op else { unreachable!() };
        let second = Inst { op: Op::Store { space, width, offset: 0x100 }, ..insts[at].clone() };
        insts.insert(at, second);
    });
    let exchanged = subject.with_ir(0, |func| insts(func).filter(|i| is_store(&i.op)).for_each(|i| i.args.swap(0, 1)));
    let global = subject.with_ir(0, |func| drop_insts(func, |op| matches!(op, Op::GlobalSet { .. })));
    let other = subject.with_ir(0, |func| {
        let address = func.blocks[0].params[0];
        insts(func).filter(|i| matches!(i.op, Op::GlobalSet { .. })).for_each(|i| i.args[0] = address);
    });
    refused(&subject, "void", &[dropped, moved, added, exchanged, global, other].concat());
}

/// What was not attempted is not proved.
///
/// Covers TOR-VERDICT-MISSING, TOR-LIMIT-UNKNOWN, TOR-VERDICT-UNKNOWN, TOR-WASM-REFUSED.
#[test]
fn skips_are_not_proofs() {
    let subject = Subject::new(LOOP);
    deep(|| {
        let tiny = Limits { smt_steps: 1, full_steps: 1, region_steps: 3, queries: 1 };
        let proof = prove(&subject.wasm, &subject.compiled.object, None, tiny).expect("reads");
        assert_eq!(proof.verdict().name(), "Unknown", "limits: {:?}", proof.verdict());
        let bigger = Subject::new(&LOOP.replace("(memory 1)", "(memory 1) (func (export \"more\"))"));
        let found = verdict(&bigger.wasm, &subject.compiled.object, None);
        assert_ne!(found, Verdict::Proved, "a function is missing in the object");
        let float = SHIFT.replace("(i32.shl ", "(i32.trunc_f32_s (f32.const 1)) (drop) (i32.shl ");
        let float = wat::parse_str(&float).expect("well formed");
        let shift = Subject::new(SHIFT);
        let found = verdict(&float, &shift.compiled.object, None);
        assert_eq!(found.name(), "Unsupported", "{}", found.detail());
    });
}

/// Covers TOR-CLAUSE-RELOCATIONS, TOR-CLAUSE-IMAGE, TOR-CLAUSE-EXPORTS.
#[test]
fn relocations_and_image_count() {
    let call = Subject::new(CALL);
    let target = call.rewritten(|_, functions| {
        functions[0].relocations.iter_mut().for_each(|r| {
            if matches!(r.target, RelocTarget::Symbol(Symbol::Function(0))) {
                r.target = RelocTarget::Symbol(Symbol::Function(1));
            }
        });
    });
    let missing = call.rewritten(|_, functions| functions[0].relocations.clear());
    refused(&call, "call relocation", &[target, missing]);
    let store = Subject::new(STORE);
    let symbol_changed = store.rewritten(|_, functions| {
        functions[0].relocations.iter_mut().for_each(|r| {
            if matches!(r.target, RelocTarget::Symbol(Symbol::Globals)) {
                r.target = RelocTarget::Symbol(Symbol::MemoryBytes);
            }
        });
    });
    // The literal of the globals' address is the last word.
    let addend = store.patched(&symbol(0), store.code(0).len() - 4, &[4]);
    let data = store.patched(SYM_MEMORY, 9, b"x");
    let more = store.patched(SYM_MEMORY, 100, &[1]);
    let global = store.rewritten(|data, _| data.cells[0] = CellInit::Word(8));
    let size = store.rewritten(|data, _| data.memory_bytes = Some(1 << 17));
    refused(&store, "image", &[symbol_changed, addend, data, more, global, size]);
    let tables = Subject::new(TABLES);
    let entry = tables.rewritten(|data, _| data.tables[0][0].as_mut().expect("an entry").func = 1);
    let null = tables.rewritten(|data, _| data.tables[0][1] = None);
    let word = tables.rewritten(|data, _| data.tables[0][0].as_mut().expect("an entry").type_word += 1);
    let export = tables.rewritten(|data, _| data.exports[0].1 = data.exports[1].1);
    let lost = tables.rewritten(|data, _| drop(data.exports.remove(0)));
    refused(&tables, "tables and exports", &[entry, null, word, export, lost]);
}

/// A wrong witness makes a proof fail; it does not make another thing proved.
///
/// Covers TOR-WITNESS-TAMPERED, TOR-WITNESS-POINTS.
#[test]
fn tampered_witnesses_fail() {
    let subject = Subject::new(LOOP);
    let object = &subject.compiled.object;
    deep(|| {
        let check = |what: String, change: &dyn Fn(&mut Claim)| {
            let mut claim = subject.compiled.claim.clone();
            change(&mut claim);
            assert_ne!(claim, subject.compiled.claim, "{what} changes nothing");
            assert_ne!(verdict(&subject.wasm, object, Some(claim)), Verdict::Proved, "{what}");
        };
        let cut = subject.compiled.claim.functions[0].witness.cuts[0].clone();
        for (i, (left, right)) in cut.equal.iter().enumerate() {
            if let (Loc::Value(..), Loc::Reg(n)) = (left, right) {
                check(format!("register r{n}"), &|c| {
                    c.functions[0].witness.cuts[0].equal[i].1 = Loc::Reg((n + 1) % 8);
                });
                check(format!("nothing about r{n}"), &|c| {
                    c.functions[0].witness.cuts[0].equal.remove(i);
                });
            }
        }
        for offset in [2u64, 4, u64::MAX - 1, 1] {
            check(format!("cut at +{offset}"), &|c| {
                let right = &mut c.functions[0].witness.cuts[0].right;
                *right = right.wrapping_add(offset);
            });
        }
        check("left cut".to_string(), &|c| c.functions[0].witness.cuts[0].left += 1);
        check("first link".to_string(), &|c| c.functions[0].stages[0].witness.cuts[0].left += 1);
    });
}

/// A state in which only the solver sees a difference refutes nothing: the code is right, and the witness says too little.
///
/// Covers TOR-VERDICT-UNCONFIRMED.
#[test]
fn what_no_execution_shows_is_not_refuted() {
    let subject = Subject::new(LOOP);
    let equations = subject.compiled.claim.functions[0].witness.cuts[0].equal.len();
    let mut unconfirmed = 0;
    deep(|| {
        for i in 0..equations {
            let mut claim = subject.compiled.claim.clone();
            claim.functions[0].witness.cuts[0].equal.remove(i);
            let found = verdict(&subject.wasm, &subject.compiled.object, Some(claim));
            assert_ne!(found.name(), "Refuted", "{i}: {}", found.detail());
            unconfirmed += usize::from(found.name() == "Unknown" && found.detail().starts_with("not confirmed"));
        }
    });
    assert!(unconfirmed > 0, "no equation was missed");
}

/// Code that goes on and on is suspect, and no proof of anything.
///
/// Covers TOR-VERDICT-ENDLESS, TOR-CLAUSE-DIVERGES.
#[test]
fn endless_code_is_unknown_with_its_state() {
    let subject = Subject::new(IDENTITY);
    let endless = by_hand(&subject, &[0xfe, 0xe7, 0x70, 0x47]); // b .; bx lr
    let nearly = by_hand(&subject, &[0x00, 0x28, 0xfd, 0xd1, 0x70, 0x47]); // cmp r0, #0; bne .-2; bx lr
    deep(|| {
        for (i, object) in [endless, nearly].iter().enumerate() {
            let proof = prove(&subject.wasm, object, None, Limits::default()).expect("reads");
            let found = &proof.functions[0];
            println!("{i}: {}: {}", found.verdict.name(), found.verdict.detail());
            assert!(matches!(found.verdict, Verdict::Unknown(_) | Verdict::Unsupported(_)), "{i}: {:?}", found.verdict);
            assert!(i == 0 || found.counterexample.is_some(), "{i}: no state is attached");
        }
    });
}

/// Code that takes the size of a full memory for a constant is wrong where the memory may grow.
///
/// Covers TOR-CLAUSE-SIZE, TOR-WASM-GROW.
#[test]
fn a_memory_below_its_capacity_has_no_constant_size() {
    let subject = Subject::new(GROW);
    let larger = subject.rewritten(|data, _| {
        let mut claim = subject.compiled.claim.clone();
        claim.contract.capacity_bytes *= 2;
        data.witness = claim.encode();
    });
    deep(|| {
        assert_eq!(verdict(&subject.wasm, &subject.compiled.object, None), Verdict::Proved, "the control");
        let session = Session::new(&subject.wasm, &larger, None, Limits::default()).expect("readable");
        let load = session.function(0).verdict;
        assert_ne!(load, Verdict::Proved);
        println!("{}: {}", load.name(), load.detail());
    });
}

/// Covers TOR-CLAUSE-REGISTERS, TOR-CLAUSE-RETURN, TOR-CLAUSE-SPALIGN, TOR-CLAUSE-FRAME.
#[test]
fn calling_convention_counts() {
    let identity = Subject::new(IDENTITY);
    // push {r0}; pop {r0}; bx lr
    let right = by_hand(&identity, &[0x01, 0xb4, 0x01, 0xbc, 0x70, 0x47]);
    deep(|| assert_eq!(verdict(&identity.wasm, &right, None), Verdict::Proved));
    let faults: [&[u8]; 6] = [
        &[0x04, 0x46, 0x70, 0x47],                                     // mov r4, r0; bx lr
        &[0x83, 0x46, 0x70, 0x47],                                     // mov r11, r0; bx lr
        &[0x82, 0xb0, 0x70, 0x47],                                     // sub sp, #8; bx lr
        &[0x4d, 0xf8, 0x04, 0x0c, 0x5d, 0xf8, 0x04, 0x0c, 0x70, 0x47], // str, ldr r0, [sp, #-4]; bx lr
        &[0x00, 0x90, 0x70, 0x47],                                     // str r0, [sp]; bx lr: the caller's frame
        &[0x00, 0x47],                                                 // bx r0
    ];
    let faults: Vec<Vec<u8>> = faults.iter().map(|code| by_hand(&identity, code)).collect();
    refused(&identity, "convention", &faults);
    let call = Subject::new(CALL);
    let misaligned = {
        // push {r1, r2, r3, r4, lr} and the pop for it
        let mut object = call.patched(&symbol(2), find(&call, 2, "push {r2, r3, r4, lr}"), &[0x1e, 0xb5]);
        let at = call.code(2).start + find(&call, 2, "pop {r2, r3, r4, pc}");
        object[at..at + 2].copy_from_slice(&[0x1e, 0xbd]);
        object
    };
    // After the call r1 is dead: adds r0, r1, r0
    let stale = call.patched(&symbol(2), find(&call, 2, "adds r0, r4, r0"), &[0x08, 0x18]);
    refused(&call, "call", &[misaligned, stale]);
}

/// Flips bits in all code bytes of small functions. A mutant that is proved must be right: it agrees in many executions.
///
/// Covers TOR-INPUT-BYTES.
#[test]
fn flipped_bits_are_refused_or_harmless() {
    let texts = [SHIFT, DIVIDE, STORE, CALL, LOAD64, SELECT_EQ, LOOP];
    let subjects: Vec<(&str, Subject)> = texts.iter().map(|t| (*t, Subject::new(t))).collect();
    let mut mutants = Vec::new();
    for (i, (_, subject)) in subjects.iter().enumerate() {
        let index = subject.compiled.functions[0].index;
        for at in subject.code(index) {
            (0..8).for_each(|bit| mutants.push((i, index, at, bit)));
        }
    }
    let results = deep_map(&mutants, |(i, index, at, bit)| {
        let subject = &subjects[*i].1;
        let mut object = subject.compiled.object.clone();
        object[*at] ^= 1 << bit;
        let limits = Limits { region_steps: 5_000, ..Limits::default() };
        let Ok(session) = Session::new(&subject.wasm, &object, None, limits) else {
            return ("refused", None);
        };
        match session.function(*index).verdict {
            Verdict::Proved if session.image() == Verdict::Proved => {
                ("Proved", Some(harmless(&session, &subject.wasm, *index, &subject.compiled.object)))
            }
            other => (other.name(), None),
        }
    });
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for ((i, _, at, bit), (verdict, why)) in mutants.iter().zip(&results) {
        *counts.entry(verdict).or_default() += 1;
        if let Some(why) = why {
            let start = subjects[*i].1.code(subjects[*i].1.compiled.functions[0].index).start;
            println!("harmless: module {i}, byte {:#x}, bit {bit}: {why}", at - start);
        }
    }
    println!("{} flips: {counts:?}", mutants.len());
    assert!(mutants.len() >= 300, "{}", mutants.len());
    let harmless = counts.get("Proved").copied().unwrap_or(0) as usize;
    assert!(harmless * 20 <= mutants.len(), "{harmless} of {} are proved", mutants.len());
}

/// Why a proved mutant is right: the instructions that differ, and that executions agree.
fn harmless(session: &Session<'_>, bytes: &[u8], index: u32, original: &[u8]) -> String {
    let (module, contract) = (session.module(), session.contract());
    let params = module.type_of(index).int_params().expect("integers");
    let min = module.memories.first().map_or(0, |m| m.min_pages as u32 * 65_536);
    let shape = Shape {
        args: params.iter().map(|t| t.words() as u32).sum(),
        cells: module.cells,
        memory_bytes: Some(min),
        memory_bytes_min: min,
        memory_bytes_max: contract.capacity_bytes,
    };
    let body = wasm::code::body(module, bytes, index).expect("supported");
    let setting = Setting::of_module(module, bytes, shape).expect("an instance").for_function(shape, &body);
    let code = arm::decode::decode(&session.object().functions[&index]).expect("decodes");
    let left = wasm::semantics::Function::new(module, &body, contract);
    let right = arm::semantics::Function::new(&code, module, contract, index, BTreeMap::new()).expect("supported");
    let found = search(&left, &right, &setting, &Plan { starts: 2_000, ..Plan::THOROUGH });
    assert!(found.difference.is_none(), "proved and wrong: {}", found.difference.expect("checked").render());
    let before = arm::object::read(original, module).expect("reads");
    let before = arm::decode::decode(&before.functions[&index]).expect("decodes");
    let texts = |code: &arm::decode::Code| code.insns.values().map(|i| i.text.clone()).collect::<Vec<_>>();
    let (old, new) = (texts(&before), texts(&code));
    let differing = old.iter().zip(&new).find(|(a, b)| a != b);
    let change = differing.map_or("the same instructions".to_string(), |(a, b)| format!("`{a}` is `{b}`"));
    format!("{change}; {} executions agree", found.agreed)
}
