//! WebAssembly operators spelled as in the specification, for listings and messages.

use wasmparser::{MemArg, Operator};

/// Families whose name is followed by a dot.
const FAMILIES: [&str; 18] = [
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local", "global",
    "memory", "table", "ref", "data", "elem",
];

/// The operator's name: `i32.shr_u`.
/// Source: WebAssembly Core 2.0, 6.5 (text format).
pub fn name(operator: &Operator<'_>) -> String {
    let debug = format!("{operator:?}");
    spelled(debug.split([' ', '{', '(']).next().unwrap_or_default())
}

/// The name of an operator that Rust names in camel case: `i32.shr_u` of `I32ShrU`.
pub fn spelled(camel: &str) -> String {
    let mut snake = String::new();
    for (i, c) in camel.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    match snake.split_once('_') {
        Some((family, rest)) if FAMILIES.contains(&family) => format!("{family}.{rest}"),
        _ => snake,
    }
}

fn memory(arg: &MemArg) -> String {
    if arg.offset == 0 { String::new() } else { format!(" offset={}", arg.offset) }
}

/// The operator with its immediates, as far as they fit a line: `i32.load offset=8`.
pub fn text(operator: &Operator<'_>) -> String {
    let name = name(operator);
    match operator {
        Operator::LocalGet { local_index: i }
        | Operator::LocalSet { local_index: i }
        | Operator::LocalTee { local_index: i } => {
            format!("{name} {i}")
        }
        Operator::GlobalGet { global_index: i } | Operator::GlobalSet { global_index: i } => {
            format!("{name} {i}")
        }
        Operator::I32Const { value } => format!("{name} {value}"),
        Operator::I64Const { value } => format!("{name} {value}"),
        Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
            format!("{name} {relative_depth}")
        }
        Operator::BrTable { targets } => {
            let labels = targets.targets().filter_map(Result::ok).chain([targets.default()]);
            labels.fold(name, |text, label| format!("{text} {label}"))
        }
        Operator::Call { function_index } => format!("{name} {function_index}"),
        Operator::CallIndirect { type_index, table_index } => format!("{name} {table_index} (type {type_index})"),
        Operator::I32Load { memarg }
        | Operator::I64Load { memarg }
        | Operator::I32Load8S { memarg }
        | Operator::I32Load8U { memarg }
        | Operator::I32Load16S { memarg }
        | Operator::I32Load16U { memarg }
        | Operator::I64Load8S { memarg }
        | Operator::I64Load8U { memarg }
        | Operator::I64Load16S { memarg }
        | Operator::I64Load16U { memarg }
        | Operator::I64Load32S { memarg }
        | Operator::I64Load32U { memarg }
        | Operator::I32Store { memarg }
        | Operator::I64Store { memarg }
        | Operator::I32Store8 { memarg }
        | Operator::I32Store16 { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => name + &memory(memarg),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{BinaryReader, OperatorsReader};

    #[test]
    fn names_are_those_of_the_text_format() {
        let check = |code: &[u8], expected: &str| {
            let mut reader = OperatorsReader::new(BinaryReader::new(code, 0));
            assert_eq!(text(&reader.read().expect("an operator")), expected);
        };
        check(&[0xa8], "i32.trunc_f32_s");
        check(&[0xc2], "i64.extend8_s");
        check(&[0x2d, 0, 8], "i32.load8_u offset=8");
        check(&[0x0d, 1], "br_if 1");
        check(&[0x40, 0], "memory.grow");
        check(&[0x41, 0x7f], "i32.const -1");
        check(&[0x43, 0, 0, 0, 0], "f32.const");
        check(&[0xfc, 10, 0, 0], "memory.copy");
    }
}
