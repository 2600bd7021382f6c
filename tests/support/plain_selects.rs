//! A second opinion where the engine stands alone: the same module, its `select`s written so that one known defect of `wasmi` 2.0.0 cannot act.
//!
//! The defect: `wasmi` fuses `select` with the comparison with zero that makes its condition (`i32.eqz`, `i32.ne` with 0). It drops the comparison
//! and tests its operand instead, but takes that from the accumulator, also where the comparison's operand is in a stack slot
//! (`I32Eq_Rsi`, `I32NotEq_Rsi` in `try_fuse_select`). So the condition is whatever the accumulator holds. A condition that goes through a
//! local is not fused: it is written where it can be seen.

use wasmparser::{Operator, Parser, Payload};

/// The module with `local.set $n local.get $n` before each `select`, `$n` a new local of the function; `None` if it has no `select`.
///
/// # Panics
/// If the module is not well formed.
pub fn plain_selects(wasm: &[u8]) -> Option<Vec<u8>> {
    let (mut types, mut functions, mut imported) = (Vec::new(), Vec::new(), 0);
    let mut bodies = Vec::new();
    let mut code = None;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("a module") {
            Payload::TypeSection(section) => {
                let of =
                    |ty| if let wasmparser::CompositeInnerType::Func(f) = ty { f.params().len() as u32 } else { 0 };
                let groups = section.into_iter().map(|group| group.expect("a type"));
                types.extend(groups.flat_map(|group| group.into_types()).map(|ty| of(ty.composite_type.inner)));
            }
            Payload::FunctionSection(section) => functions.extend(section.into_iter().map(|ty| ty.expect("a type"))),
            Payload::CodeSectionStart { unchecked_range, .. } => code = Some(unchecked_range),
            Payload::CodeSectionEntry(body) => {
                let params = types[functions[imported] as usize];
                imported += 1;
                bodies.push(plain_body(wasm, &body, params));
            }
            _ => {}
        }
    }
    let code = code.filter(|_| bodies.iter().any(|b| b.1))?;
    let mut section = number(bodies.len() as u32);
    for (body, _) in bodies {
        section.extend(number(body.len() as u32));
        section.extend(body);
    }
    // The section's number, and its size in a number of unknown length, stand before its contents.
    let size_bytes = (1..=5).find(|n| {
        let at = code.start as usize - n;
        wasm[at - 1] == 10 && leb128(&wasm[at..]) == (code.end - code.start, *n)
    });
    let before = code.start as usize - size_bytes.expect("a size");
    Some([&wasm[..before], &number(section.len() as u32), &section, &wasm[code.end as usize..]].concat())
}

/// A body, and whether it has a `select`.
fn plain_body(wasm: &[u8], body: &wasmparser::FunctionBody<'_>, params: u32) -> (Vec<u8>, bool) {
    let groups: Vec<_> = body.get_locals_reader().expect("locals").into_iter().map(|l| l.expect("a local")).collect();
    let new = params + groups.iter().map(|(count, _)| count).sum::<u32>();
    let mut reader = body.get_operators_reader().expect("operators");
    let start = reader.original_position() as usize;
    let mut declarations = body.range().start as usize;
    declarations += leb128(&wasm[declarations..]).1;
    let mut out = [number(groups.len() as u32 + 1), wasm[declarations..start].to_vec(), vec![1, 0x7f]].concat();
    let mut has_select = false;
    while !reader.eof() {
        let at = reader.original_position() as usize;
        let operator = reader.read().expect("an operator");
        if matches!(operator, Operator::Select | Operator::TypedSelect { .. }) {
            has_select = true;
            out.extend([vec![0x21], number(new), vec![0x20], number(new)].concat());
        }
        out.extend(&wasm[at..reader.original_position() as usize]);
    }
    (out, has_select)
}

/// A number in LEB128.
fn number(mut n: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n > 0x7f {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// A number that stands in LEB128 at the start, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> (u64, usize) {
    let length = 1 + bytes.iter().take_while(|b| **b & 0x80 != 0).count();
    (bytes[..length].iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f)), length)
}
