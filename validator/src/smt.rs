//! Rungs 3 and 5: z3 on bit-vectors and arrays.
//!
//! With [`Multiplier::Uninterpreted`], products of unknowns, divisions and bit counts are uninterpreted functions; with
//! [`Multiplier::Full`] they mean what they mean. Limits count solver steps (`rlimit`), so that verdicts repeat.
//!
//! Requirement TOR-PROOF-SMT: The translation of terms for the solver shall say what the terms say.

use crate::domain::*;
use crate::term::{Graph, Node, T, Var};
use rustc_hash::FxHashMap;
use z3::ast::{Array, Ast, BV, Bool, Dynamic};
use z3::{Config, FuncDecl, Params, SatResult, Solver, Sort, StatisticsValue, Tactic, with_z3_config};

/// How operations that do not bit-blast are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Multiplier {
    /// As functions of which nothing is known.
    Uninterpreted,
    /// As bit-vector operations.
    Full,
}

/// An assignment of the unknowns, and of the memory bytes that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Values of the unknown words.
    pub words: Vec<(Var, u32)>,
    /// Bytes of the memory in the start state: (offset, value).
    pub bytes: Vec<(u32, u8)>,
}

/// What a query yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The conclusion holds in every state that satisfies the assumptions.
    Holds,
    /// A state that satisfies the assumptions and not the conclusion (as far as the encoding tells).
    Fails(Model),
    /// The limit was reached.
    Exhausted,
}

/// Translates terms and asks.
pub struct Smt<'g> {
    graph: &'g Graph,
    multiplier: Multiplier,
    done: FxHashMap<T, Dynamic>,
    loads: Vec<(T, BV, BV)>,
    /// Solver steps taken.
    steps: u64,
}

fn memory_sort() -> (Sort, Sort) {
    (Sort::bitvector(32), Sort::bitvector(8))
}

impl<'g> Smt<'g> {
    /// A translator for terms of this graph.
    pub fn new(graph: &'g Graph, multiplier: Multiplier) -> Self {
        Smt { graph, multiplier, done: FxHashMap::default(), loads: Vec::new(), steps: 0 }
    }

    /// Whether `conclusion` follows from `assumptions`, within `steps` solver steps.
    ///
    /// Each query has a context of its own: what was asked before, on whatever thread, leaves no trace in the answer.
    pub fn follows(&self, assumptions: &[T], conclusion: T, steps: u32) -> Answer {
        self.follows_counted(assumptions, conclusion, steps).0
    }
    /// The same, with the solver steps that it took.
    pub fn follows_counted(&self, assumptions: &[T], conclusion: T, steps: u32) -> (Answer, u64) {
        let (graph, multiplier) = (self.graph, self.multiplier);
        with_z3_config(&Config::new(), || {
            let mut asked = Smt::new(graph, multiplier);
            (asked.ask(assumptions, conclusion, steps), asked.steps)
        })
    }
    fn ask(&mut self, assumptions: &[T], conclusion: T, steps: u32) -> Answer {
        // The default solver first tries others by the clock; these only count steps.
        let tactics: &[&str] = match self.multiplier {
            Multiplier::Uninterpreted => &["smt"],
            Multiplier::Full => &["qfaufbv", "smt"],
        };
        let assumptions: Vec<Bool> = assumptions.iter().map(|a| self.bool(*a)).collect();
        let refuted = self.bool(conclusion).not();
        for tactic in tactics {
            let solver = Tactic::new(tactic).solver();
            let mut params = Params::new();
            // 0 would be no limit.
            params.set_u32("rlimit", steps.max(1));
            params.set_u32("random_seed", 0);
            solver.set_params(&params);
            assumptions.iter().for_each(|a| solver.assert(a));
            solver.assert(&refuted);
            let result = solver.check();
            self.steps += match solver.get_statistics().value("rlimit count") {
                Some(StatisticsValue::UInt(steps)) => u64::from(steps),
                _ => 0,
            };
            match result {
                SatResult::Unsat => return Answer::Holds,
                SatResult::Unknown => {}
                SatResult::Sat => match solver.get_model() {
                    Some(model) => return Answer::Fails(self.model(&model)),
                    None => return Answer::Exhausted,
                },
            }
        }
        Answer::Exhausted
    }

    /// The query as z3 prints it. Tests hold our own text (`evidence/smtlib.rs`), which foreign solvers get, against it.
    pub fn script(&mut self, assumptions: &[T], conclusion: T) -> String {
        let solver = Solver::new();
        for &a in assumptions {
            let a = self.bool(a);
            solver.assert(&a);
        }
        let conclusion = self.bool(conclusion);
        solver.assert(conclusion.not());
        solver.to_smt2()
    }

    fn model(&self, model: &z3::Model) -> Model {
        let mut out = Model::default();
        let value = |bv: &BV| model.eval(bv, true).and_then(|v| v.as_u64());
        let mut terms: Vec<_> = self.done.iter().collect();
        terms.sort_by_key(|(t, _)| **t);
        for (t, ast) in terms {
            if let (Node::Var(v), Some(bv)) = (self.graph.node(*t), ast.as_bv())
                && let Some(word) = value(&bv)
            {
                out.words.push((*v, word as u32));
            }
        }
        for (memory, index, byte) in &self.loads {
            if matches!(self.graph.node(*memory), Node::Var(Var::Memory(0)))
                && let (Some(at), Some(byte)) = (value(index), value(byte))
            {
                out.bytes.push((at as u32, byte as u8));
            }
        }
        out.bytes.sort_unstable();
        out.bytes.dedup_by_key(|b| b.0);
        out
    }

    /// Translates operands before nodes, without recursion: terms can be deep.
    fn translate(&mut self, root: T) -> Dynamic {
        let mut stack = vec![root];
        while let Some(&t) = stack.last() {
            if self.done.contains_key(&t) {
                stack.pop();
                continue;
            }
            let missing: Vec<T> = self.graph.operands(t).into_iter().filter(|o| !self.done.contains_key(o)).collect();
            if missing.is_empty() {
                let ast = self.node(t);
                self.done.insert(t, ast);
                stack.pop();
            } else {
                stack.extend(missing);
            }
        }
        self.done[&root].clone()
    }
    fn bool(&mut self, t: T) -> Bool {
        self.translate(t).as_bool().expect("invariant: a boolean term")
    }
    fn bv(&self, t: T) -> BV {
        self.done[&t].as_bv().expect("invariant: a word, translated before")
    }
    fn boolean(&self, t: T) -> Bool {
        self.done[&t].as_bool().expect("invariant: a boolean, translated before")
    }
    fn array(&self, t: T) -> Array {
        self.done[&t].as_array().expect("invariant: a memory, translated before")
    }
    /// An uninterpreted function of words.
    fn apply(&self, name: &str, args: &[T]) -> Dynamic {
        let word = Sort::bitvector(32);
        let decl = FuncDecl::new(name, &vec![&word; args.len()], &word);
        let args: Vec<BV> = args.iter().map(|t| self.bv(*t)).collect();
        decl.apply(&args.iter().map(|a| a as &dyn Ast).collect::<Vec<_>>())
    }

    fn node(&mut self, t: T) -> Dynamic {
        let word = |c: u32| BV::from_u64(c.into(), 32);
        match self.graph.node(t).clone() {
            Node::Const(c) => word(c).into(),
            Node::Bool(b) => Bool::from_bool(b).into(),
            Node::Var(v @ (Var::Memory(_) | Var::HostMap(..))) => {
                let (index, byte) = memory_sort();
                Array::new_const(format!("{v:?}"), &index, &byte).into()
            }
            Node::Var(v) => {
                let bv = BV::new_const(format!("{v:?}"), 32);
                let zeros = self.graph.known_zeros(t);
                if zeros == 0 { bv.into() } else { (bv & word(!zeros)).into() }
            }
            Node::Sum(k, terms) => {
                let mut sum = word(k);
                for (t, c) in terms.iter() {
                    sum = match *c {
                        1 => sum + self.bv(*t),
                        u32::MAX => sum - self.bv(*t),
                        c => sum + word(c) * self.bv(*t),
                    };
                }
                sum.into()
            }
            Node::Bin(op, a, b) => self.bin(op, a, b),
            Node::Un(op, a) => self.un(op, a),
            Node::Div64(op, high, ops) => self.div64(op, high, ops),
            Node::TableType(table, a) => self.apply(&format!("table_type_{table}"), &[a]),
            Node::TableFunction(table, a) => self.apply(&format!("table_function_{table}"), &[a]),
            Node::Ite(c, a, b) => self.boolean(c).ite(&self.bv(a), &self.bv(b)).into(),
            Node::Cmp(CmpOp::Eq, a, b) => self.bv(a).eq(&self.bv(b)).into(),
            Node::Cmp(CmpOp::Ult, a, b) => self.bv(a).bvult(&self.bv(b)).into(),
            Node::Cmp(CmpOp::Slt, a, b) => self.bv(a).bvslt(&self.bv(b)).into(),
            Node::AddOverflow(a, b, c) => {
                let carry = self.boolean(c).ite(&BV::from_u64(1, 34), &BV::from_u64(0, 34));
                self.leaves_signed_range(self.bv(a).sign_ext(2) + self.bv(b).sign_ext(2) + carry)
            }
            Node::SubOverflow(a, b, c) => {
                let borrow = self.boolean(c).ite(&BV::from_u64(0, 34), &BV::from_u64(1, 34));
                self.leaves_signed_range(self.bv(a).sign_ext(2) - self.bv(b).sign_ext(2) - borrow)
            }
            Node::Not(a) => self.boolean(a).not().into(),
            Node::And(a, b) => Bool::and(&[self.boolean(a), self.boolean(b)]).into(),
            Node::Xor(a, b) => self.boolean(a).xor(&self.boolean(b)).into(),
            Node::Load(width, m, i) => self.load(width, m, i),
            Node::Store(width, m, i, v) => {
                let (mut array, index, value) = (self.array(m), self.bv(i), self.bv(v));
                for byte in 0..width.bytes() {
                    let at = &index + word(byte);
                    array = array.store(&at, &value.extract(8 * byte + 7, 8 * byte));
                }
                array.into()
            }
            Node::Fill(m, a, b, c) => self.bulk("fill", m, &[a, b, c]),
            Node::Copy(m, a, b, c) => self.bulk("copy", m, &[a, b, c]),
            Node::Init(segment, m, a, b, c) => self.bulk(&format!("init_{segment}"), m, &[a, b, c]),
        }
    }
    fn leaves_signed_range(&self, exact: BV) -> Dynamic {
        exact.eq(exact.extract(31, 0).sign_ext(2)).not().into()
    }
    fn load(&mut self, width: Width, m: T, i: T) -> Dynamic {
        let (array, index) = (self.array(m), self.bv(i));
        let mut value: Option<BV> = None;
        for byte in 0..width.bytes() {
            let at = &index + BV::from_u64(byte.into(), 32);
            let b = array.select(&at).as_bv().expect("invariant: memory holds bytes");
            self.loads.push((m, at, b.clone()));
            value = Some(match value {
                None => b,
                Some(low) => b.concat(&low),
            });
        }
        value.expect("invariant: a width is not 0").zero_ext(32 - 8 * width.bytes()).into()
    }
    /// What a bulk operation makes of a memory is not known here, but that it is the same of the same, and that no bytes change nothing.
    fn bulk(&self, name: &str, m: T, args: &[T]) -> Dynamic {
        let (index, byte) = memory_sort();
        let sort = Sort::array(&index, &byte);
        let decl = FuncDecl::new(name, &[&sort, &index, &index, &index], &sort);
        let (memory, args) = (self.array(m), args.iter().map(|t| self.bv(*t)).collect::<Vec<_>>());
        let changed = decl.apply(&[&memory, &args[0], &args[1], &args[2]]).as_array();
        args[2].eq(BV::from_u64(0, 32)).ite(&memory, &changed.expect("invariant: it has a memory's sort")).into()
    }
    fn bin(&self, op: BinOp, a: T, b: T) -> Dynamic {
        let full = self.multiplier == Multiplier::Full;
        let (x, y) = (self.bv(a), self.bv(b));
        let zero = BV::from_u64(0, 32);
        match op {
            BinOp::Add => x + y,
            BinOp::Sub => x - y,
            BinOp::And => x & y,
            BinOp::Or => x | y,
            BinOp::Xor => x ^ y,
            BinOp::Shl => x.bvshl(&y),
            BinOp::Lshr => x.bvlshr(&y),
            BinOp::Ashr => x.bvashr(&y),
            BinOp::Ror => {
                let n = y & BV::from_u64(31, 32);
                let rest = (BV::from_u64(32, 32) - &n) & BV::from_u64(31, 32);
                x.bvlshr(&n) | x.bvshl(&rest)
            }
            BinOp::Mul if full => x * y,
            BinOp::UMulHi if full => (x.zero_ext(32) * y.zero_ext(32)).extract(63, 32),
            BinOp::SMulHi if full => (x.sign_ext(32) * y.sign_ext(32)).extract(63, 32),
            BinOp::UDiv if full => y.eq(&zero).ite(&zero, &x.bvudiv(&y)),
            BinOp::SDiv if full => y.eq(&zero).ite(&zero, &x.bvsdiv(&y)),
            op => return self.apply(&format!("{op:?}"), &[a, b]),
        }
        .into()
    }
    fn un(&self, op: UnOp, a: T) -> Dynamic {
        let x = self.bv(a);
        let bytes = |order: [u32; 4]| {
            let parts = order.map(|i| x.extract(8 * i + 7, 8 * i));
            parts[0].concat(&parts[1]).concat(&parts[2]).concat(&parts[3])
        };
        match op {
            UnOp::Sext8 => x.extract(7, 0).sign_ext(24),
            UnOp::Sext16 => x.extract(15, 0).sign_ext(16),
            UnOp::Rev => bytes([0, 1, 2, 3]),
            UnOp::Rev16 => bytes([2, 3, 0, 1]),
            UnOp::Rbit => (1..32).fold(x.extract(0, 0), |r, i| r.concat(x.extract(i, i))),
            UnOp::Clz => (0..32).fold(BV::from_u64(32, 32), |r, i| {
                x.extract(i, i).eq(BV::from_u64(1, 1)).ite(&BV::from_u64(u64::from(31 - i), 32), &r)
            }),
            UnOp::Popcnt => (0..32).fold(BV::from_u64(0, 32), |r, i| r + x.extract(i, i).zero_ext(31)),
        }
        .into()
    }
    fn div64(&self, op: DivOp, high: bool, ops: [T; 4]) -> Dynamic {
        if self.multiplier == Multiplier::Uninterpreted {
            return self.apply(&format!("{op:?}_{high}"), &ops);
        }
        let [al, ah, bl, bh] = ops.map(|t| self.bv(t));
        let (a, b) = (ah.concat(&al), bh.concat(&bl));
        let zero = BV::from_u64(0, 64);
        let (by_zero, result) = match op {
            DivOp::UQuot => (&zero, a.bvudiv(&b)),
            DivOp::SQuot => (&zero, a.bvsdiv(&b)),
            DivOp::URem => (&a, a.bvurem(&b)),
            DivOp::SRem => (&a, a.bvsrem(&b)),
        };
        let result = b.eq(&zero).ite(by_zero, &result);
        if high { result.extract(63, 32) } else { result.extract(31, 0) }.into()
    }
}
