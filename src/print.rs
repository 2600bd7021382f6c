//! A readable listing of IR, for dumps and tests.

use std::fmt::Write;
use synth_validator::domain::{Space, Symbol};
use synth_validator::ir::{Edge, Func, Inst, Op, Terminator, Type, Value};

/// The listing of a function: one line for each block head, instruction and terminator, in index order.
pub fn print(func: &Func) -> String {
    let mut out =
        format!("func {} -> ({})\n", func.index, join(func.results.iter().map(|t| type_name(*t).to_string())));
    for (i, block) in func.blocks.iter().enumerate() {
        let params = block.params.iter().map(|p| format!("v{}: {}", p.0, type_name(func.type_of(*p))));
        let _ = writeln!(out, "b{i}({}):", join(params));
        for inst in &block.insts {
            let _ = writeln!(out, "    {}", instruction(inst));
        }
        let _ = writeln!(out, "    {}", terminator(&block.end));
    }
    out
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::I32 => "i32",
        Type::I64 => "i64",
    }
}

/// What tells accesses at host addresses from those to linear memory.
fn suffix(space: Space) -> &'static str {
    match space {
        Space::Linear => "",
        Space::Host => ".host",
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn values(values: &[Value]) -> String {
    join(values.iter().map(|v| format!("v{}", v.0)))
}

fn instruction(inst: &Inst) -> String {
    let mut line = String::new();
    if !inst.results.is_empty() {
        let _ = write!(line, "{} = ", values(&inst.results));
    }
    line += &operation(&inst.op);
    if !inst.args.is_empty() {
        let _ = write!(line, " {}", values(&inst.args));
    }
    line
}

/// Name and immediates of an operation, in lower case.
fn operation(op: &Op) -> String {
    let lower = |x: &dyn std::fmt::Debug| format!("{x:?}").to_lowercase();
    match op {
        Op::Const(k) => format!("const {k:#x}"),
        Op::Const64(k) => format!("const64 {k:#x}"),
        Op::Address(symbol) => format!("address {}", symbol_name(*symbol)),
        Op::Bin(op) => lower(op),
        Op::Un(op) => lower(op),
        Op::Cmp(cond) => format!("cmp.{}", lower(cond)),
        Op::Bin64(synth_validator::ir::Bin64::Div(op)) => format!("{}64", lower(op)),
        Op::Bin64(op) => format!("{}64", lower(op)),
        Op::Un64(op) => format!("{}64", lower(op)),
        Op::Cmp64(cond) => format!("cmp64.{}", lower(cond)),
        Op::DivPair(op) => format!("{}_pair", lower(op)),
        Op::CmpPair(cond) => format!("cmp_pair.{}", lower(cond)),
        Op::Load { space, width, signed, offset } => {
            let signed = if *signed { ".signed" } else { "" };
            format!("load{}.{}{signed} +{offset:#x}", suffix(*space), lower(width))
        }
        Op::Store { space, width, offset } => format!("store{}.{} +{offset:#x}", suffix(*space), lower(width)),
        Op::Load64 { space, offset } => format!("load64{} +{offset:#x}", suffix(*space)),
        Op::Store64 { space, offset } => format!("store64{} +{offset:#x}", suffix(*space)),
        Op::BoundsCheck { offset, bytes } => format!("bounds_check +{offset:#x} {bytes} bytes"),
        Op::TrapIf(kind) => format!("trap_if {}", kind.name()),
        Op::GlobalGet { cell } => format!("global_get cell {cell}"),
        Op::GlobalSet { cell } => format!("global_set cell {cell}"),
        Op::MemoryInit { segment } => format!("memory_init {segment}"),
        Op::TableType { table } => format!("table_type {table}"),
        Op::TableFunction { table } => format!("table_function {table}"),
        Op::Call { func } => format!("call {func}"),
        Op::CallIndirect { type_index } => format!("call_indirect type {type_index}"),
        Op::Select => "select".into(),
        Op::Join => "join".into(),
        Op::Split => "split".into(),
        Op::AddPair => "add_pair".into(),
        Op::SubPair => "sub_pair".into(),
        Op::MulWide => "mul_wide".into(),
        Op::MemoryBytes => "memory_bytes".into(),
        Op::SetMemoryBytes => "set_memory_bytes".into(),
        Op::MemoryCopy => "memory_copy".into(),
        Op::MemoryFill => "memory_fill".into(),
    }
}

fn symbol_name(symbol: Symbol) -> String {
    match symbol {
        Symbol::Memory => "memory".into(),
        Symbol::MemoryBytes => "memory_bytes".into(),
        Symbol::Globals => "globals".into(),
        Symbol::Results => "results".into(),
        Symbol::Table(i) => format!("table {i}"),
        Symbol::HostData(i) => format!("global {i}"),
        Symbol::Function(i) => format!("function {i}"),
        Symbol::Data(i) => format!("data {i}"),
    }
}

fn edge(edge: &Edge) -> String {
    format!("b{}({})", edge.block.0, values(&edge.args))
}

fn terminator(end: &Terminator) -> String {
    match end {
        Terminator::Jump(to) => format!("jump {}", edge(to)),
        Terminator::Branch(c, yes, no) => format!("branch v{}, {}, {}", c.0, edge(yes), edge(no)),
        Terminator::Switch(i, edges, default) => {
            format!("switch v{}, [{}], {}", i.0, join(edges.iter().map(edge)), edge(default))
        }
        Terminator::Return(results) => format!("return {}", values(results)).trim_end().to_string(),
        Terminator::Trap(kind) => format!("trap {}", kind.name()),
    }
}
