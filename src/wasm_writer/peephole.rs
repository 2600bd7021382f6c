//! Pairs of local operators that are one: `local.set x; local.get x` is `local.tee x`.

use super::encode::Code;

/// The code with such pairs replaced.
pub fn clean(code: Vec<Code>) -> Vec<Code> {
    let mut out: Vec<Code> = Vec::with_capacity(code.len());
    for piece in code {
        match (out.last_mut(), &piece) {
            (Some(Code::Set(a)), Code::Get(b)) if *a == *b => {
                let local = *a;
                out.pop();
                out.push(Code::Tee(local));
            }
            _ => out.push(piece),
        }
    }
    out
}
