//! Runs a case by the semantics, over the concrete domain.
//!
//! What the semantics requires beyond the machine's behaviour is set aside by name in [`CONVENTION`]; a failed alignment
//! is a fault; any other failed requirement, like what has no meaning, refuses the case.

use super::case::{Case, FUNCTIONS};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use synth_validator::arm::decode::{Code, FunctionBytes, decode};
use synth_validator::arm::insn::Op;
use synth_validator::arm::semantics::{Flags, Function, State};
use synth_validator::concrete::{Bytes, Concrete, GLOBALS_ADDRESS, MEMORY_BASE, RETURN_ADDRESS, STACK_ANCHOR};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::ir::Type;
use synth_validator::program::{Callee, Fact, Program, Step, World};
use synth_validator::wasm::module::{FuncType, Function as Declared, Module, ValType};

/// Bytes of linear memory.
pub const MEMORY_BYTES: u32 = 65536;
/// Words of globals.
pub const CELLS: u32 = 64;
/// Steps of a case, at most.
const STEPS_MAX: usize = 200;

/// Requirements of the calling convention, which no machine checks.
const CONVENTION: [&str; 11] = [
    "returns to its caller",
    "sp is restored",
    "sp is not 8-aligned at a call",
    "callee-saved r4",
    "callee-saved r5",
    "callee-saved r6",
    "callee-saved r7",
    "callee-saved r8",
    "callee-saved r9",
    "callee-saved r10",
    "callee-saved r11",
];
const RETURN: &str = CONVENTION[0];
const ALIGNMENT: &str = "address of a multiple access may be unaligned";

/// How a run ends, with the address where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At a `udf`, or at code outside the case, which is one.
    Undefined(u32),
    /// By an unaligned access of an instruction that does not allow it. Registers and memory are then not compared:
    /// the semantics says nothing after a requirement failed.
    Unaligned(u32),
}

/// What a run of the semantics gives.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its end.
    pub end: End,
    /// r0 to r12, sp, lr; `None` where the semantics does not say.
    pub regs: [Option<u32>; 15],
    /// N, Z, C, V as bits 3 to 0.
    pub nzcv: u32,
    /// Whether the end is an instruction in an IT block, whose state then is not yet over.
    pub in_it: bool,
    /// The words of the case's memory at the end; `None` where the semantics does not say.
    pub memory: BTreeMap<u32, Option<u32>>,
}

/// The module that cases belong to: function 0 is the case, the other ones take and return nothing.
static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let params = vec![ValType::Int(Type::I32); 8];
    let function = |i: u32| Declared { type_index: u32::from(i != 0), import: None, body: 0..0 };
    Module {
        types: vec![FuncType { params, results: vec![] }, FuncType { params: vec![], results: vec![] }],
        canonical: vec![0, 1],
        functions: (0..=FUNCTIONS).map(function).collect(),
        ..Module::default()
    }
});

static CONTRACT: Contract = Contract::new(Bounds::Software, MemoryOwner::Own, MEMORY_BYTES);

/// Runs a case.
///
/// # Errors
/// Why the decoder or the semantics refuses it.
pub fn run(case: &Case) -> Result<Outcome, String> {
    let code = decode(&FunctionBytes {
        address: case.address,
        bytes: case.bytes.clone(),
        relocations: case.relocations.clone(),
        code_starts: vec![],
    })
    .map_err(|e| e.0)?;
    let program = Function::new(&code, &MODULE, &CONTRACT, 0, case.indirect_types.clone()).map_err(|e| e.0)?;
    let mut d = Concrete::new(Bytes::Dense(vec![0; MEMORY_BYTES as usize]));
    let mut state = start(case, &program, &mut d);
    let mut point = <Function as Program<Concrete>>::entry(&program);
    for _ in 0..STEPS_MAX {
        let at = point;
        let mut facts = Vec::new();
        let step = program.step(&mut d, at, state, &mut facts).map_err(|e| e.0)?;
        // The requirement is raised where they differ only.
        let mut target = RETURN_ADDRESS;
        for fact in facts {
            match fact {
                Fact::Require(false, ALIGNMENT) => {
                    let nothing = case.memory.keys().map(|address| (*address, None)).collect();
                    let end = End::Unaligned(case.address + at.offset);
                    return Ok(Outcome { end, regs: [None; 15], nzcv: 0, in_it: false, memory: nothing });
                }
                Fact::RequireEqual(to, _, RETURN) => target = to,
                Fact::Access(false, why) | Fact::LateAccess(false, why) => return Err(why.to_string()),
                Fact::Require(false, why) if !CONVENTION.contains(&why) => return Err(why.to_string()),
                Fact::RequireEqual(a, b, why) if a != b && !CONVENTION.contains(&why) => return Err(why.to_string()),
                _ => {}
            }
        }
        (point, state) = match step {
            Step::Next(p, s) | Step::Branch(true, (p, s), _) | Step::Branch(false, _, (p, s)) => (p, s),
            Step::Return(_, s) => return Ok(outcome(case, End::Undefined(target & !1), &s, &d)),
            Step::Trap(_, s) => {
                let outcome = outcome(case, End::Undefined(case.address + at.offset), &s, &d);
                return Ok(Outcome { in_it: code.insns[&at.offset].in_it, ..outcome });
            }
            Step::Call { callee, state, .. } => {
                let word = match callee {
                    Callee::Function(k) => Concrete::function_word(k),
                    Callee::Address { address, .. } => address,
                };
                return Ok(called(case, &code, at.offset, word, &state, &d));
            }
        };
    }
    Err("runs too long".to_string())
}

/// A call: the semantics does not say what lr is (the callee may change it), the encoding's length does.
fn called(case: &Case, code: &Code, at: u32, word: u32, state: &State<Concrete>, d: &Concrete) -> Outcome {
    let mut outcome = outcome(case, End::Undefined(word & !1), state, d);
    let links = matches!(code.insns[&at].op, Op::Bl { .. } | Op::Blx { .. });
    if links {
        outcome.regs[14] = Some((case.address + code.insns[&at].end()) | 1);
    }
    outcome
}

/// The state that a case starts in. Frame words below sp are unknown to the semantics.
fn start(case: &Case, program: &Function, d: &mut Concrete) -> State<Concrete> {
    let world = World { memory: (), memory_bytes: MEMORY_BYTES, cells: vec![0; CELLS as usize], results: vec![] };
    let mut state = program.entry_state(d, &[], world);
    state.regs = case.regs;
    let bit = |i: u32| case.nzcv >> i & 1 == 1;
    state.flags = Flags { n: bit(3), z: bit(2), c: bit(1), v: bit(0) };
    for (address, word) in &case.memory {
        match place(*address) {
            Area::Memory(offset) => {
                for (i, byte) in word.to_le_bytes().into_iter().enumerate() {
                    d.memory.set(offset + i as u32, byte);
                }
            }
            Area::Global(k) => state.world.cells[k] = *word,
            Area::Frame(offset) if *address >= case.regs[13] => {
                state.frame.insert(offset, *word);
            }
            Area::Frame(_) => {}
        }
    }
    state
}

enum Area {
    Memory(u32),
    Global(usize),
    Frame(i32),
}

fn place(address: u32) -> Area {
    match address {
        MEMORY_BASE.. => Area::Memory(address - MEMORY_BASE),
        _ if address >= GLOBALS_ADDRESS && address < GLOBALS_ADDRESS + 4 * CELLS => {
            Area::Global((address - GLOBALS_ADDRESS) as usize / 4)
        }
        _ => Area::Frame(address.wrapping_sub(STACK_ANCHOR) as i32),
    }
}

/// The end of a run. The semantics must know every frame word above both stack pointers; what lies just below the
/// final one is where the board writes the exception frame.
fn outcome(case: &Case, end: End, state: &State<Concrete>, d: &Concrete) -> Outcome {
    let sp = state.regs[13];
    let (below, clobbered) = (case.regs[13].max(sp), 64);
    let memory = case.memory.keys().map(|address| {
        let word = match place(*address) {
            Area::Frame(offset) => match state.frame.get(&offset) {
                Some(word) => Some(*word),
                None => {
                    assert!(*address < below, "invariant: a word of the frame at {address:#x} is known");
                    None
                }
            },
            _ if *address < sp && *address + clobbered >= sp => None,
            Area::Memory(offset) => Some((0..4).fold(0, |v, i| v | u32::from(d.memory.get(offset + i)) << (8 * i))),
            Area::Global(k) => Some(state.world.cells[k]),
        };
        (*address, word)
    });
    let Flags { n, z, c, v } = state.flags;
    let nzcv = u32::from(n) << 3 | u32::from(z) << 2 | u32::from(c) << 1 | u32::from(v);
    Outcome { end, regs: state.regs.map(Some), nzcv, in_it: false, memory: memory.collect() }
}
