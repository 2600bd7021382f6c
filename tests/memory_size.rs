//! The size of linear memory, on which accesses rest, is the code's to write: every word that it writes there must be a size that the
//! memory may have. An assessor had wrong objects proved whose code gave itself all addresses, and a claim whose forms did.

mod support;

use support::assembler::*;
use support::forms::*;
use support::proofs::verdict;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::claim::{Claim, Stage};
use synth_validator::domain::BinOp;
use synth_validator::ir::*;
use synth_validator::validate::Verdict;
use synth_validator::witness::{Cut, Loc, Witness};

/// Reads a byte; grows.
const MODULE: &str = r#"(module (memory 1 2)
    (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "g") (param i32) (result i32) (memory.grow (local.get 0))))"#;
/// The same without growing.
const FIXED: &str = r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;

/// The address of a symbol.
fn address(register: &str, symbol: &str) -> String {
    format!("movw {register}, #:lower16:{symbol}\nmovt {register}, #:upper16:{symbol}\n")
}

/// `f`, with something before its access: r2 has the address of the size, r3 the size, r1 the address of linear memory.
fn reader(before: &str) -> String {
    let (size, memory) = (address("r2", "__synth_memory_bytes"), address("r1", "__linear_memory_base"));
    format!("{size}ldr r3, [r2]\n{memory}{before}cmp r0, r3\nbhs 1f\nldrb r0, [r1, r0]\nbx lr\n1: udf #4\n")
}

/// `g`, which writes what is in r2, where r3 has the old number of pages and r0 what is added.
fn grower(size: &str) -> String {
    let cell = address("r1", "__synth_memory_bytes");
    format!(
        "{cell}ldr r2, [r1]\nlsrs r3, r2, #16\nrsb r12, r3, #2\ncmp r0, r12\nbhi 1f\nadd r2, r2, r0, lsl #16\n{size}\
         str r2, [r1]\nmov r0, r3\nbx lr\n1: mov r0, #-1\nbx lr\n"
    )
}

/// The object with these functions.
fn object(functions: &[(&str, String)], capacity: u32) -> Vec<u8> {
    let code = functions.iter().enumerate().map(|(index, (export, code))| function(index as u32, export, code));
    let source: String = code.chain([memory(capacity), memory_bytes(65_536)]).collect();
    assembled(&Folder::new().expect("a folder"), &source)
}

fn found(text: &str, functions: &[(&str, String)]) -> Verdict {
    let module = wat::parse_str(text).expect("valid text");
    let options = Options { memory_pages_max: Some(if text == FIXED { 1 } else { 2 }), ..Options::default() };
    let claim = compile(&module, &options).expect("compiles").claim;
    let found = verdict(&module, &object(functions, claim.contract.capacity_bytes), Some(claim));
    println!("{}: {}", found.name(), found.detail());
    found
}

/// Code that makes memory larger for itself, reads where nothing is, and makes it smaller again, is a fault on the target.
///
/// Covers TOR-CLAUSE-SIZE, TOR-CLAUSE-ACCESS.
#[test]
fn code_gives_itself_no_memory() {
    let elsewhere = "add r12, r1, #0x60000000\nldrb r12, [r12]\n";
    let all = format!("mov r12, #-1\nstr r12, [r2]\n{elsewhere}str r3, [r2]\n");
    for (text, rest) in [(FIXED, vec![]), (MODULE, vec![("g", grower(""))])] {
        let with = |before: &str| [vec![("f", reader(before))], rest.clone()].concat();
        assert_eq!(found(text, &with("")), Verdict::Proved);
        assert_eq!(found(text, &with("str r3, [r2]\n")), Verdict::Proved);
        assert_ne!(found(text, &with(elsewhere)), Verdict::Proved);
        assert_ne!(found(text, &with(&all)), Verdict::Proved);
        let capacity = "mov r12, #0x20000\nstr r12, [r2]\nadd r12, r1, #0x1f000\nldrb r12, [r12]\nstr r3, [r2]\n";
        assert_ne!(found(text, &with(capacity)), Verdict::Proved);
    }
}

/// Sizes that are written for a while only: part of a page, less than the minimum, more than the capacity, or more than the module's.
///
/// Covers TOR-CLAUSE-SIZE.
#[test]
fn every_size_that_is_written_is_one_that_memory_may_have() {
    let with = |size: &str| found(MODULE, &[("f", reader("")), ("g", grower(size))]);
    assert_eq!(with("str r2, [r1]\n"), Verdict::Proved);
    for bytes in ["0", "0x10001", "0x20000", "0x30000", "0x80000000"] {
        let wrong = format!("movw r12, #:lower16:{bytes}\nmovt r12, #:upper16:{bytes}\nstr r12, [r1]\n");
        assert_ne!(with(&wrong), Verdict::Proved, "{bytes}");
    }
    // What is added is one page or none: never larger than the module's.
    let part =
        |word: &str| with(&format!("and r12, r0, #1\nlsl r12, r12, #{word}\nadd r12, r12, #0x10000\nstr r12, [r1]\n"));
    assert_ne!(part("15"), Verdict::Proved);
    assert_eq!(part("16"), Verdict::Proved);
}

/// At a cut point the size is taken for one that memory may have. Forms of a claim that write 1 there made every path behind it
/// impossible, and what the code does on these was compared with nothing.
///
/// Covers TOR-CLAUSE-SIZE, TOR-INPUT-CLAIM.
#[test]
fn forms_of_a_claim_write_no_other_sizes() {
    let text =
        r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#;
    let module = wat::parse_str(text).expect("valid text");
    let compiled = compile(&module, &Options::default()).expect("compiles");
    let set = |value: u32| inst(Op::SetMemoryBytes, &[value], &[]);
    // The right word in 8; in 13 another one, for one argument only, which executions do not find. 1 has the size, 2 the number 1.
    let right = || vec![inst(Op::Const(1), &[], &[7]), inst(Op::Bin(BinOp::Add), &[0, 7], &[8])];
    let wrong = || {
        vec![
            inst(Op::Const(0x5eed_1234), &[], &[9]),
            inst(Op::Cmp(Cond::Eq), &[0, 9], &[10]),
            inst(Op::Const(42), &[], &[11]),
            inst(Op::Select, &[10, 11, 8], &[13]),
        ]
    };
    let opened = || vec![inst(Op::MemoryBytes, &[], &[1]), inst(Op::Const(1), &[], &[2]), set(2)];
    let asks = [
        inst(Op::MemoryBytes, &[], &[3]),
        set(1),
        inst(Op::Const(1), &[], &[4]),
        inst(Op::Cmp(Cond::Eq), &[3, 4], &[5]),
    ];
    let first = form(
        0,
        1,
        vec![
            ([opened(), asks.to_vec(), right()].concat(), Terminator::Branch(Value(5), edge(1), edge(2))),
            (vec![], returns(8)),
            (wrong(), returns(13)),
        ],
    );
    let all = [right(), wrong()].concat();
    let second = form(0, 1, vec![([opened(), vec![set(1)], all.clone()].concat(), returns(13))]);
    let third = form(0, 1, vec![(all, returns(13))]);
    let location = |n: u32| Loc::Value(Value(n), 0);
    // Behind the third instruction of the first block, on both sides.
    let equal = vec![(location(0), location(0)), (location(1), location(1))];
    let cut = Cut { left: 3 << 32, right: 3 << 32, equal, ..Cut::default() };
    let mut claim: Claim = compiled.claim.clone();
    claim.functions[0].stages = vec![
        stage("first", first),
        Stage { witness: Witness { cuts: vec![cut], rewrites: vec![] }, ..stage("second", second) },
        stage("third", third),
    ];
    claim.functions[0].witness = Witness::default();
    let folder = Folder::new().expect("a folder");
    let code = |before: &str| {
        let code = function(0, "f", &format!("{before}adds r0, r0, #1\nbx lr\n2: movs r0, #42\nbx lr"));
        assembled(&folder, &(code + &memory(65_536) + &memory_bytes(65_536)))
    };
    let rarely = "movw r3, #0x1234\nmovt r3, #0x5eed\ncmp r0, r3\nbeq 2f\n";
    let plain =
        assembled(&folder, &(function(0, "f", "adds r0, r0, #1\nbx lr") + &memory(65_536) + &memory_bytes(65_536)));
    assert_eq!(verdict(&module, &plain, Some(compiled.claim)), Verdict::Proved);
    let found = verdict(&module, &code(rarely), Some(claim));
    println!("{}: {}", found.name(), found.detail());
    assert_ne!(found, Verdict::Proved);
}
