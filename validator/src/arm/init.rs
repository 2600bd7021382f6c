//! The meaning of [`crate::contract::SYM_INIT`]: copies the active data segments if linear memory is the host's, calls
//! the start function if there is one, and changes nothing else.
//!
//! Straight-line code is executed over the term graph from an unknown memory; the memory at the call of the start
//! function (or at the return) must be the same term as that of the segments' copies in order.
//!
//! Requirement TOR-CLAUSE-INIT: The start-up function shall be proved to write the active segments and to call the start function,
//! where the contract has one.

use super::decode::{FunctionBytes, decode};
use super::semantics::Function;
use crate::contract::{Contract, MemoryOwner, PAGE_BYTES};
use crate::domain::{CmpOp, Domain};
use crate::ladder::Path;
use crate::program::{Callee, Fact, Program, Step, World};
use crate::term::{Graph, T, Var};
use crate::wasm::module::{ConstExpr, Mode, Module};

/// Steps after which the function is refused as not straight-line.
const STEPS_MAX: usize = 10_000;

/// Checks the function with these bytes.
///
/// # Errors
/// What it does wrong or what cannot be shown.
pub fn check(module: &Module, contract: &Contract, bytes: &FunctionBytes) -> Result<(), String> {
    let code = decode(bytes).map_err(|e| e.0)?;
    let program = Function::without_index(&code, module, contract);
    let mut g = Graph::new();
    // Whoever calls it may have made a memory of its own larger before.
    let min = module.memories.first().map_or(0, |m| (m.min_pages * u64::from(PAGE_BYTES)) as u32);
    let mut path = Path::default();
    let size = if module.resizes() { g.var(Var::MemoryBytes(0)) } else { g.word(min) };
    let below = g.cmp_const(CmpOp::Ult, &size, min);
    let reached = g.not(&below);
    path.assume(&mut g, reached);
    let cells: Vec<T> = (0..module.cells).map(|i| g.var(Var::Cell(i, 0))).collect();
    let memory = g.var(Var::Memory(0));
    let world = World { memory, memory_bytes: size, cells: cells.clone(), results: Vec::new() };
    let mut wanted = World { memory: copied(&mut g, module, contract, memory)?, ..world.clone() };
    let mut point = <Function as Program<Graph>>::entry(&program);
    let mut state = program.entry_state(&mut g, &[], world);
    let mut start = module.start;
    for _ in 0..STEPS_MAX {
        let mut facts = Vec::new();
        let step = program.step(&mut g, point, state, &mut facts).map_err(|e| e.0)?;
        holds(&mut g, &path, &facts)?;
        (point, state) = match step {
            // Accesses in between rest on the size.
            Step::Next(_, state) if state.world.memory_bytes != wanted.memory_bytes => {
                return Err("changes the size of linear memory".to_string());
            }
            Step::Next(point, state) => (point, state),
            Step::Call { callee: Callee::Function(f), next, state, .. } if Some(f) == start => {
                same(&state.world, &wanted)?;
                start = None;
                let cells = (0..module.cells).map(|i| g.var(Var::Cell(i, 1))).collect();
                let (memory, memory_bytes) = (g.var(Var::Memory(1)), g.var(Var::MemoryBytes(1)));
                wanted = World { memory, memory_bytes, cells, results: Vec::new() };
                (next, program.resume(&mut g, state, &[], wanted.clone(), &mut |g| g.havoc()))
            }
            Step::Return(_, state) if start.is_none() => return same(&state.world, &wanted),
            Step::Return(..) => return Err("does not call the start function".to_string()),
            Step::Call { .. } => {
                return Err("calls something else than the start function".to_string());
            }
            Step::Branch(..) | Step::Trap(..) => return Err("branches or traps".to_string()),
        };
    }
    Err("runs too long".to_string())
}

/// Memory after the copies of the active segments.
fn copied(g: &mut Graph, module: &Module, contract: &Contract, mut memory: T) -> Result<T, String> {
    if contract.memory == MemoryOwner::Own {
        return Ok(memory);
    }
    for (k, data) in module.data.iter().enumerate() {
        let Mode::Active { offset, .. } = data.mode else {
            continue;
        };
        let ConstExpr::I32(at) = offset else {
            return Err(format!("offset of segment {k} is not a constant"));
        };
        let (dst, src, len) = (g.word(at), g.word(0), g.word(data.bytes.len() as u32));
        if !data.bytes.is_empty() {
            memory = g.init(&memory, k as u32, &dst, &src, &len);
        }
    }
    Ok(memory)
}

fn holds(g: &mut Graph, path: &Path, facts: &[Fact<Graph>]) -> Result<(), String> {
    let broken = facts.iter().find_map(|fact| match fact {
        Fact::Require(b, why) | Fact::Access(b, why) | Fact::LateAccess(b, why) => {
            (path.decide(g, *b) != Some(true)).then_some(*why)
        }
        Fact::RequireEqual(a, b, why) => (a != b).then_some(*why),
        Fact::Assume(..) | Fact::Intend(..) => None,
    });
    broken.map_or(Ok(()), |why| Err(format!("not shown: {why}")))
}

fn same(found: &World<Graph>, wanted: &World<Graph>) -> Result<(), String> {
    let equal =
        found.memory == wanted.memory && found.memory_bytes == wanted.memory_bytes && found.cells == wanted.cells;
    if equal { Ok(()) } else { Err("memory, its size or globals are not as the data segments say".to_string()) }
}
