//! The meaning of instructions, run on cases fixed by hand: memory, control flow, and what is refused.
//! Single instructions are compared with QEMU in `arm_conformance.rs`.

use std::collections::BTreeMap;
use synth_validator::arm::decode::{FunctionBytes, decode};
use synth_validator::arm::semantics::{Flags, Function, State};
use synth_validator::concrete::{Bytes, Concrete, MEMORY_BASE, RETURN_ADDRESS, STACK_ANCHOR};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::{Domain, Width};
use synth_validator::ir::Type;
use synth_validator::program::{Fact, Program, Step, World};
use synth_validator::trap::TrapKind;
use synth_validator::wasm::module::{FuncType, Function as Declared, Module, ValType};

fn contract() -> Contract {
    Contract::new(Bounds::Software, MemoryOwner::Own, 65536)
}

/// A module with one function `(i32, i32, i32, i32, i64, i32) -> (i32, i64)`: two stack arguments.
fn module() -> Module {
    let int = |t| ValType::Int(t);
    let params = [Type::I32, Type::I32, Type::I32, Type::I32, Type::I64, Type::I32];
    let ty = FuncType { params: params.map(int).to_vec(), results: vec![int(Type::I32), int(Type::I64)] };
    Module {
        types: vec![ty],
        canonical: vec![0],
        functions: vec![Declared { type_index: 0, import: None, body: 0..0 }],
        ..Module::default()
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

/// What a run showed.
struct Outcome {
    state: State<Concrete>,
    trap: Option<TrapKind>,
    broken: Vec<&'static str>,
    domain: Concrete,
}

/// Runs code from registers r0 to r3 with all flags clear.
fn run(code: &[u8], regs: [u32; 4]) -> Result<Outcome, String> {
    let (module, contract) = (module(), contract());
    let code = decode(&FunctionBytes { bytes: code.to_vec(), ..FunctionBytes::default() }).map_err(|e| e.0)?;
    let program = Function::new(&code, &module, &contract, 0, BTreeMap::new()).map_err(|e| e.0)?;
    let mut d = Concrete::new(Bytes::Dense((0..65536u32).map(|i| i as u8).collect()));
    let world = World { memory: (), memory_bytes: 65536, cells: vec![], results: vec![] };
    let mut args = regs.to_vec();
    args.extend([0x50, 0x51, 0x52]);
    let mut state = program.entry_state(&mut d, &args, world);
    state.flags = Flags { n: false, z: false, c: false, v: false };
    let mut point = <Function as Program<Concrete>>::entry(&program);
    let mut broken = Vec::new();
    for _ in 0..1000 {
        let mut facts = Vec::new();
        let step = program.step(&mut d, point, state, &mut facts).map_err(|e| e.0)?;
        broken.extend(facts.iter().filter_map(|f| match f {
            Fact::Require(false, why) | Fact::Access(false, why) | Fact::LateAccess(false, why) => Some(*why),
            Fact::RequireEqual(a, b, why) if a != b => Some(*why),
            _ => None,
        }));
        (point, state) = match step {
            Step::Next(p, s) => (p, s),
            Step::Branch(c, yes, no) => {
                if c {
                    yes
                } else {
                    no
                }
            }
            Step::Return(_, state) => {
                return Ok(Outcome { state, trap: None, broken, domain: d });
            }
            Step::Trap(kind, state) => {
                return Ok(Outcome { state, trap: Some(kind), broken, domain: d });
            }
            Step::Call { .. } => return Err("call".to_string()),
        };
    }
    Err("runs too long".to_string())
}

/// Runs code that must return with nothing broken. Result: r0 to r3, with the domain.
fn returns(hex: &str, regs: [u32; 4]) -> (Vec<u32>, Concrete) {
    let o = run(&bytes_of(hex), regs).expect(hex);
    assert_eq!((o.trap, o.broken), (None, vec![]), "{hex}");
    assert_eq!(o.state.regs[13], STACK_ANCHOR);
    (o.state.regs[..4].to_vec(), o.domain)
}

/// Why code is refused, in decoding or in execution.
fn refused(hex: &str, regs: [u32; 4], part: &str) {
    match run(&bytes_of(hex), regs) {
        Err(why) => assert!(why.contains(part), "{hex}: {why}"),
        Ok(o) => assert!(o.broken.iter().any(|b| b.contains(part)), "{hex}: {:?}", o.broken),
    }
}

const BASE: u32 = MEMORY_BASE;

/// Covers TOR-ARM-MEANING.
#[test]
fn loads_and_stores() {
    let at = |r1| [BASE + 16, r1, 7, 9];
    assert_eq!(returns("0168 7047", at(0)).0[1], 0x1312_1110); // ldr r1, [r0]
    assert_eq!(returns("50f8 041c 7047", at(0)).0[1], 0x0f0e_0d0c); // ldr r1, [r0, #-4]
    let (r, _) = returns("50f8 041d 7047", at(0)); // ldr r1, [r0, #-4]!
    assert_eq!(r[..2], [BASE + 12, 0x0f0e_0d0c]);
    let (r, _) = returns("50f8 0119 7047", at(0)); // ldr r1, [r0], #-1
    assert_eq!(r[..2], [BASE + 15, 0x1312_1110]);
    assert_eq!(returns("50f8 2110 7047", at(2)).0[1], 0x1b1a_1918); // ldr.w r1, [r0, r1, lsl #2]
    assert_eq!(returns("90f9 8010 7047", at(0)).0[1], 0xffff_ff90); // ldrsb.w r1, [r0, #128]
    assert_eq!(returns("0189 7047", at(0)).0[1], 0x1918); // ldrh r1, [r0, #8]
    assert_eq!(returns("d0e9 0001 7047", at(0)).0[..2], [0x1312_1110, 0x1716_1514]); // ldrd r0, r1, [r0]
    let (r, _) = returns("06c8 7047", at(0)); // ldm r0!, {r1, r2}
    assert_eq!(r[..3], [BASE + 24, 0x1312_1110, 0x1716_1514]);
    assert_eq!(returns("03c8 7047", at(0)).0[..2], [0x1312_1110, 0x1716_1514]); // ldm r0, {r0, r1}
    let (_, mut d) = returns("40f8 041d 7047", at(0xdead_beef)); // str r1, [r0, #-4]!
    assert_eq!(d.load(&(), Width::Word, &12), 0xdead_beef);
    let (r, mut d) = returns("20e9 0600 7047", at(5)); // stmdb r0!, {r1, r2}
    assert_eq!((r[0], d.load(&(), Width::Word, &8), d.load(&(), Width::Word, &12)), (BASE + 8, 5, 7));
    assert_eq!(returns("0048 7047 7856 3412", at(0)).0[0], 0x1234_5678); // ldr r0, [pc, #0]
}

/// Covers TOR-CLAUSE-ARGUMENTS.
#[test]
fn stack_discipline() {
    assert_eq!(returns("10b5 0446 2046 10bd", [5, 6, 7, 8]).0[0], 5); // push {r4, lr}; mov r4, r0; mov r0, r4; pop {r4, pc}
    // sub sp, #8; str r1, [sp, #4]; ldr r0, [sp, #4]; add sp, #8; bx lr
    assert_eq!(returns("82b0 0191 0198 02b0 7047", [5, 6, 7, 8]).0[0], 6);
    // Stack arguments: i64 at 0 and 4, i32 at 8.
    assert_eq!(returns("0098 0199 029a 7047", [5, 6, 7, 8]).0[..3], [0x50, 0x51, 0x52]);
    // push.w {r4, r8, lr}; mov r4, r0; mov r8, r4; mov r0, r8; pop.w {r4, r8, pc}
    assert_eq!(returns("2de9 1041 0446 a046 4046 bde8 1081", [5, 6, 7, 8]).0[0], 5);
}

/// Covers TOR-ARM-MEANING.
#[test]
fn control_flow() {
    // cmp r0, #2; bhi 1f; tbb [pc, r0]; .byte 2, 4, 6, 0; (movs r0, #10n; bx lr) three times; 1: udf #1
    let table = "0228 09d8 dfe8 00f0 0204 0600 0a20 7047 1420 7047 1e20 7047 01de";
    for (index, value) in [(0, 10), (1, 20), (2, 30)] {
        assert_eq!(returns(table, [index, 0, 0, 0]).0[0], value);
    }
    assert_eq!(run(&bytes_of(table), [3, 0, 0, 0]).expect("runs").trap, Some(TrapKind::Unreachable));
    // cbz r0, 1f; movs r0, #1; bx lr; 1: movs r0, #2; bx lr
    assert_eq!(returns("08b1 0120 7047 0220 7047", [0, 0, 0, 0]).0[0], 2);
    assert_eq!(returns("08b1 0120 7047 0220 7047", [9, 0, 0, 0]).0[0], 1);
    // 1: subs r0, #1; bne 1b; bx lr
    assert_eq!(returns("0138 fdd1 7047", [5, 0, 0, 0]).0[0], 0);
    let o = run(&bytes_of("04de"), [0; 4]).expect("runs");
    assert_eq!(o.trap, Some(TrapKind::OutOfBoundsMemory));
}

/// Covers TOR-CLAUSE-REGISTERS, TOR-CLAUSE-RETURN.
#[test]
fn broken_discipline_is_found() {
    refused("0124 7047", [0; 4], "callee-saved r4"); // movs r4, #1; bx lr
    refused("00b5 7047", [0; 4], "sp is restored"); // push {lr}; bx lr
    refused("8646 7047", [1, 0, 0, 0], "returns to its caller"); // mov lr, r0; bx lr
    refused("f746", [0; 4], "is not modelled"); // mov pc, lr, which ends no exception
    refused("adf1004d 0df1004d 7047", [0; 4], "sp is not"); // sub sp, sp, #0x80000000; add sp, sp, #0x80000000; bx lr
}

/// Covers TOR-CLAUSE-ACCESS, TOR-CLAUSE-ALIGN, TOR-CLAUSE-FRAME.
#[test]
fn addresses_are_checked() {
    refused("0168 7047", [BASE + 65533, 0, 0, 0], "inside linear memory"); // ldr r1, [r0]
    refused("0168 7047", [0x4000_0000, 0, 0, 0], "inside linear memory");
    refused("0168 7047", [0x100, 0, 0, 0], "unknown base");
    refused("d0e9 0012 7047", [BASE + 2, 0, 0, 0], "unaligned"); // ldrd r1, r2, [r0]
    refused("06c8 7047", [BASE + 1, 0, 0, 0], "unaligned"); // ldm r0!, {r1, r2}
    refused("5df8 040c 7047", [0; 4], "below the stack pointer"); // ldr r0, [sp, #-4]
    refused("0f98 7047", [0; 4], "above the incoming"); // ldr r0, [sp, #60]
    refused("82b0 0098 02b0 7047", [0; 4], "never written"); // sub sp, #8; ldr r0, [sp]
    refused("01b4 01bc 81b0 0098 01b0 7047", [0; 4], "never written"); // a popped word is forgotten
}

/// What a pop takes along from words that were never written may be anything: each time something else.
///
/// Covers TOR-CLAUSE-FRAME.
#[test]
fn popped_words_that_were_never_written_are_arbitrary() {
    let words = returns("82b0 03bc 7047", [1, 1, 1, 1]).0; // sub sp, #8; pop {r0, r1}
    assert_ne!(words[0], words[1]);
    assert_ne!(words[0], 1);
}

/// Covers TOR-CLAUSE-CODE, TOR-ARM-UNDECODABLE.
#[test]
fn unsound_code_is_refused() {
    refused("72b6 7047", [0; 4], "cpsid"); // cpsid i
    refused("eff3 0080 7047", [0; 4], "mrs"); // mrs r0, apsr
    refused("30ee 200a 7047", [0; 4], "vadd"); // vadd.f32 s0, s0, s1
    refused("00be 7047", [0; 4], "bkpt");
    refused("bff3 4f8f 7047", [0; 4], "dsb");
    refused("0120 01f8", [0; 4], "past the end"); // half of a 32-bit instruction
    refused("0120", [0; 4], "past the end"); // falls off the end
    refused("fce7 7047", [0; 4], "out of the function"); // b .-4
    refused("ffff ffff", [0; 4], "not"); // data where code is expected
    refused("7047 ffff", [0; 4], "neither reachable"); // bytes without a use
    refused("00d0 4ff0 0000 7047", [0; 4], "into an instruction"); // beq into the middle of mov.w
    refused("00d0 08bf 0120 7047", [0; 4], "IT block"); // beq into an IT block
    refused("08bf 7047 08bf 08bf", [0; 4], "not modelled"); // it in an it block
    refused("04bf 7047 0120 7047", [0; 4], "branch inside an IT block"); // itt; bxeq lr; movs
    refused("f8bf 0120 7047", [0; 4], "not modelled"); // it with condition 15
    refused("ecbf 0120 0120 7047", [0; 4], "not modelled"); // ite al
    refused("08bf 0846 0846 0028 7047 0021", [0; 4], "neither reachable"); // dead instruction
    refused("d0e9 0000 7047", [0; 4], "not modelled"); // ldrd r0, r0: UNPREDICTABLE
    refused("50f8 040d 7047", [0; 4], "not modelled"); // ldr r0, [r0, #-4]!: UNPREDICTABLE
    refused("4ff0 000d 7047", [0; 4], "not modelled"); // mov.w sp, #0
    refused("01ea 0d00 7047", [0; 4], "not modelled"); // and.w r0, r1, sp
    refused("01ea 0280 7047", [0; 4], "not"); // and.w with reserved bit 15
    refused("50f8 041e 7047", [0; 4], "not modelled"); // ldrt
    refused("7946 7047", [0; 4], "not modelled"); // mov r1, pc
    refused("00f0 00f8 7047", [0; 4], "without relocation"); // bl .+4
    refused("20de", [0; 4], "no trap kind"); // udf #32
    assert_eq!(RETURN_ADDRESS & 1, 1);
}
