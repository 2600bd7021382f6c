//! Facts about an IR function that selection and the witness need: reachable blocks, incoming edges, values that
//! are only names of others, and uses.

use crate::cfg::{edges, operands};
use synth_validator::ir::{Func, Op, Value};

/// Facts about one function. Vectors are indexed by block or by value.
#[derive(Clone, Debug)]
pub struct Facts {
    /// By block: incoming edges from reachable blocks; the function's entry counts as an edge to block 0.
    /// 0 means unreachable.
    pub incoming: Vec<u32>,
    /// By value: the value it is another name of (a parameter of a block with one incoming edge), or itself.
    pub alias: Vec<Value>,
    /// By value: its constant, if its definition is one.
    pub constant: Vec<Option<Op>>,
    /// By value, aliases counted for what they name: number of uses in reachable blocks.
    pub uses: Vec<u32>,
    /// By value: block that uses it last in block order; with one use, the user's block.
    pub user_block: Vec<u32>,
}

impl Facts {
    /// Gathers the facts.
    pub fn new(func: &Func) -> Facts {
        let incoming = incoming(func);
        let mut facts = Facts {
            alias: (0..func.values.len() as u32).map(Value).collect(),
            constant: vec![None; func.values.len()],
            uses: vec![0; func.values.len()],
            user_block: vec![0; func.values.len()],
            incoming,
        };
        facts.find_aliases(func);
        for (b, block) in func.blocks.iter().enumerate() {
            if facts.incoming[b] == 0 {
                continue;
            }
            for inst in &block.insts {
                if let Op::Const(_) | Op::Address(_) = inst.op {
                    facts.constant[inst.results[0].0 as usize] = Some(inst.op.clone());
                }
                facts.count(b, &inst.args);
            }
            facts.count(b, operands(&block.end));
            for edge in edges(&block.end) {
                if facts.incoming[edge.block.0 as usize] < 2 {
                    continue;
                }
                // Arguments of other edges are aliases, which are counted where they are used.
                for &arg in &edge.args {
                    let v = resolve(&facts.alias, arg).0 as usize;
                    facts.uses[v] += 2;
                }
            }
        }
        facts
    }
    fn find_aliases(&mut self, func: &Func) {
        for (_, block) in func.blocks.iter().enumerate().filter(|(b, _)| self.incoming[*b] > 0) {
            for edge in edges(&block.end) {
                let target = edge.block.0 as usize;
                if self.incoming[target] == 1 {
                    for (param, arg) in func.blocks[target].params.iter().zip(&edge.args) {
                        self.alias[param.0 as usize] = *arg;
                    }
                }
            }
        }
        for v in 0..self.alias.len() {
            self.alias[v] = resolve(&self.alias, Value(v as u32));
        }
    }
    fn count(&mut self, block: usize, values: &[Value]) {
        for &v in values {
            let v = self.alias[v.0 as usize].0 as usize;
            self.uses[v] += 1;
            self.user_block[v] = block as u32;
        }
    }
    /// Whether a block is a cut point: reachable by at least two edges.
    pub fn is_cut(&self, block: u32) -> bool {
        self.incoming[block as usize] > 1
    }
}

/// The cut points of a function.
#[derive(Clone, Debug)]
pub struct Cuts(Vec<u32>);

impl Cuts {
    /// Finds them.
    pub fn of(func: &Func) -> Cuts {
        Cuts(incoming(func))
    }
    /// Whether a block is one: reachable by at least two edges.
    pub fn is_cut(&self, block: u32) -> bool {
        self.0[block as usize] > 1
    }
}

fn resolve(alias: &[Value], mut v: Value) -> Value {
    while alias[v.0 as usize] != v {
        v = alias[v.0 as usize];
    }
    v
}

fn incoming(func: &Func) -> Vec<u32> {
    let mut incoming = vec![0; func.blocks.len()];
    incoming[0] = 1;
    let mut work = vec![0usize];
    while let Some(b) = work.pop() {
        for edge in edges(&func.blocks[b].end) {
            let target = edge.block.0 as usize;
            incoming[target] += 1;
            if incoming[target] == 1 {
                work.push(target);
            }
        }
    }
    incoming
}
