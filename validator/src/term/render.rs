//! Terms in words, for reports.

use super::{Graph, Node, T};

impl Graph {
    /// The term as text, operands down to a depth; deeper ones as `t` and their number.
    pub fn render(&self, t: T, depth: u32) -> String {
        let sub = |t: &T| self.render(*t, depth.saturating_sub(1));
        match self.node(t) {
            Node::Const(c) if *c < 1024 => format!("{c}"),
            Node::Const(c) => format!("{c:#x}"),
            Node::Bool(b) => format!("{b}"),
            Node::Var(v) => format!("{v:?}"),
            _ if depth == 0 => format!("t{}", t.0),
            Node::Sum(k, terms) => {
                let mut text: Vec<String> = terms
                    .iter()
                    .map(|(t, c)| match *c as i32 {
                        1 => sub(t),
                        -1 => format!("-{}", sub(t)),
                        c => format!("{c}*{}", sub(t)),
                    })
                    .collect();
                if *k != 0 {
                    text.push(format!("{}", *k as i32));
                }
                format!("({})", text.join(" + "))
            }
            Node::Bin(op, a, b) => format!("{op:?}({}, {})", sub(a), sub(b)),
            Node::Un(op, a) => format!("{op:?}({})", sub(a)),
            Node::Div64(op, high, ops) => {
                let ops: Vec<String> = ops.iter().map(sub).collect();
                format!("{op:?}.{}({})", if *high { "high" } else { "low" }, ops.join(", "))
            }
            Node::TableType(n, a) => format!("table{n}.type({})", sub(a)),
            Node::TableFunction(n, a) => format!("table{n}.function({})", sub(a)),
            Node::Ite(c, a, b) => format!("({} ? {} : {})", sub(c), sub(a), sub(b)),
            Node::Cmp(op, a, b) => format!("{op:?}({}, {})", sub(a), sub(b)),
            Node::AddOverflow(a, b, c) => {
                format!("add_overflow({}, {}, {})", sub(a), sub(b), sub(c))
            }
            Node::SubOverflow(a, b, c) => {
                format!("sub_overflow({}, {}, {})", sub(a), sub(b), sub(c))
            }
            Node::Not(a) => format!("!{}", sub(a)),
            Node::And(a, b) => format!("({} && {})", sub(a), sub(b)),
            Node::Xor(a, b) => format!("({} ^^ {})", sub(a), sub(b)),
            Node::Load(w, m, i) => format!("load{}({}, {})", w.bytes(), sub(m), sub(i)),
            Node::Store(w, m, i, v) => {
                format!("store{}({}, {}, {})", w.bytes(), sub(m), sub(i), sub(v))
            }
            Node::Fill(m, a, b, c) => {
                format!("fill({}, {}, {}, {})", sub(m), sub(a), sub(b), sub(c))
            }
            Node::Copy(m, a, b, c) => {
                format!("copy({}, {}, {}, {})", sub(m), sub(a), sub(b), sub(c))
            }
            Node::Init(k, m, a, b, c) => {
                format!("init{k}({}, {}, {}, {})", sub(m), sub(a), sub(b), sub(c))
            }
        }
    }
}
