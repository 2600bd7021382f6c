//! What lemmas mean, and their proof: the bridge between the text terms of `synth-lemmas` and the domains.
//!
//! A lemma `l = r if c` is proved by `c ⟹ l = r` over fresh unknowns for its variables and constants. A proof may
//! cite proved lemmas only ([`Rules::find`]): searching with a wrong lemma wastes time and proves nothing.

use crate::domain::*;
use crate::ladder::{Open, Rung};
use crate::smt::{Answer, Model, Multiplier, Smt};
use crate::term::{Graph, T, Var};
use std::sync::OnceLock;
use synth_lemmas::{Lemma, Op, Sort, Term};

/// Solver steps for one lemma.
const LEMMA_STEPS: u32 = 3_000_000;

/// A word or a boolean of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<W, B> {
    /// A word.
    Word(W),
    /// A truth value.
    Bool(B),
}

impl<W, B> Value<W, B> {
    fn word(&self) -> Option<&W> {
        if let Value::Word(w) = self { Some(w) } else { None }
    }
    fn bool(&self) -> Option<&B> {
        if let Value::Bool(b) = self { Some(b) } else { None }
    }
}

/// The value of a domain.
pub type ValueOf<D> = Value<<D as Domain>::W, <D as Domain>::B>;

/// Binary operations on words.
pub const BINARY: [(Op, BinOp); 14] = [
    (Op::Add, BinOp::Add),
    (Op::Sub, BinOp::Sub),
    (Op::Mul, BinOp::Mul),
    (Op::UMulHi, BinOp::UMulHi),
    (Op::SMulHi, BinOp::SMulHi),
    (Op::UDiv, BinOp::UDiv),
    (Op::SDiv, BinOp::SDiv),
    (Op::And, BinOp::And),
    (Op::Or, BinOp::Or),
    (Op::Xor, BinOp::Xor),
    (Op::Shl, BinOp::Shl),
    (Op::Lshr, BinOp::Lshr),
    (Op::Ashr, BinOp::Ashr),
    (Op::Ror, BinOp::Ror),
];
/// Unary operations on words.
pub const UNARY: [(Op, UnOp); 7] = [
    (Op::Clz, UnOp::Clz),
    (Op::Rbit, UnOp::Rbit),
    (Op::Rev, UnOp::Rev),
    (Op::Rev16, UnOp::Rev16),
    (Op::Popcnt, UnOp::Popcnt),
    (Op::Sext8, UnOp::Sext8),
    (Op::Sext16, UnOp::Sext16),
];
/// Comparisons.
pub const COMPARE: [(Op, CmpOp); 3] = [(Op::Eq, CmpOp::Eq), (Op::Ult, CmpOp::Ult), (Op::Slt, CmpOp::Slt)];

fn of<A: PartialEq, B: Copy>(table: &[(A, B)], key: A) -> Option<B> {
    table.iter().find(|(a, _)| *a == key).map(|(_, b)| *b)
}

/// Applies an operation. `None` if the operands have the wrong sorts.
pub fn apply<D: Domain>(d: &mut D, op: Op, args: &[ValueOf<D>]) -> Option<ValueOf<D>> {
    let w = |i: usize| args.get(i)?.word();
    let b = |i: usize| args.get(i)?.bool();
    if let Some(op) = of(&BINARY, op) {
        return Some(Value::Word(d.bin(op, w(0)?, w(1)?)));
    }
    if let Some(op) = of(&UNARY, op) {
        return Some(Value::Word(d.un(op, w(0)?)));
    }
    if let Some(op) = of(&COMPARE, op) {
        return Some(Value::Bool(d.cmp(op, w(0)?, w(1)?)));
    }
    match op {
        Op::Ite => Some(Value::Word(d.ite(b(0)?, w(1)?, w(2)?))),
        Op::True => Some(Value::Bool(d.bool(true))),
        Op::False => Some(Value::Bool(d.bool(false))),
        Op::Bnot => Some(Value::Bool(d.not(b(0)?))),
        Op::Band => Some(Value::Bool(d.and(b(0)?, b(1)?))),
        Op::Bor => Some(Value::Bool(d.or(b(0)?, b(1)?))),
        Op::Bxor => Some(Value::Bool(d.xor(b(0)?, b(1)?))),
        _ => unreachable!("invariant: a test applies every operation"),
    }
}

/// The value of a term, where `atom` gives that of variables and opaque parts. `None` if one has none, or sorts are wrong.
pub fn evaluate<D: Domain>(
    d: &mut D,
    term: &Term,
    atom: &mut dyn FnMut(&mut D, &Term) -> Option<ValueOf<D>>,
) -> Option<ValueOf<D>> {
    match term {
        Term::Const(c) => Some(Value::Word(d.word(*c))),
        Term::Apply(op, operands) => {
            let args = operands.iter().map(|o| evaluate(d, o, atom)).collect::<Option<Vec<_>>>()?;
            apply(d, *op, &args)
        }
        _ => atom(d, term),
    }
}

/// Variables and constants of a lemma, with their sorts, in order of appearance.
pub fn names(lemma: &Lemma) -> Vec<(String, Sort)> {
    let mut names = Vec::new();
    lemma.left.sort_with(&mut names).expect("invariant: the loader has checked the sorts");
    names
}

/// The value of variable number `i`, seen as a word: a boolean is whether it is not zero.
fn variable<D: Domain>(d: &mut D, word: D::W, sort: Sort) -> ValueOf<D> {
    match sort {
        Sort::Word => Value::Word(word),
        Sort::Bool => Value::Bool(d.nonzero(&word)),
    }
}

/// Left side, right side and conditions over the unknowns `Argument(i)`, one per name.
fn instantiate(g: &mut Graph, lemma: &Lemma) -> (T, T, Vec<T>) {
    let names = names(lemma);
    let build = |g: &mut Graph, term: &Term| -> T {
        let value = evaluate(g, term, &mut |g, atom| {
            let i = names.iter().position(|(n, _)| *n == atom.to_string())?;
            let word = g.var(Var::Argument(i as u32));
            Some(variable(g, word, names[i].1))
        });
        match value.expect("invariant: the loader has checked names and sorts") {
            Value::Word(t) | Value::Bool(t) => t,
        }
    };
    let (left, right) = (build(g, &lemma.left), build(g, &lemma.right));
    let conditions = lemma.conditions.iter().map(|c| build(g, c)).collect();
    (left, right, conditions)
}

/// Proves a lemma for all words, or says what z3 found.
/// # Errors
/// The model, or that the limit was reached.
pub fn prove(lemma: &Lemma) -> Result<Rung, Open> {
    let mut g = Graph::new();
    let (left, right, conditions) = instantiate(&mut g, lemma);
    if left == right {
        return Ok(Rung::Normal);
    }
    if crate::ring::equal(&mut g, left, right) {
        return Ok(Rung::Ring);
    }
    let is_bool = lemma.left.sort_with(&mut Vec::new()) == Ok(Sort::Bool);
    let goal = match is_bool {
        true => {
            let differ = g.xor(&left, &right);
            g.not(&differ)
        }
        false => g.cmp(CmpOp::Eq, &left, &right),
    };
    if Smt::new(&g, Multiplier::Uninterpreted).follows(&conditions, goal, LEMMA_STEPS) == Answer::Holds {
        return Ok(Rung::Smt);
    }
    match Smt::new(&g, Multiplier::Full).follows(&conditions, goal, LEMMA_STEPS) {
        Answer::Holds => Ok(Rung::Full),
        Answer::Fails(model) => Err(Open::Model(model)),
        Answer::Exhausted => Err(Open::Exhausted),
    }
}

/// Whether a model of [`prove`] makes the conditions true and the sides differ, by computing both.
pub fn refutes(lemma: &Lemma, model: &Model) -> bool {
    let names = names(lemma);
    let word = |i: usize| {
        let found = model.words.iter().find(|(v, _)| *v == Var::Argument(i as u32));
        found.map_or(0, |(_, word)| *word)
    };
    let value = |term: &Term| {
        constant_value(term, &|atom| {
            let i = names.iter().position(|(n, _)| *n == atom.to_string())?;
            Some(if names[i].1 == Sort::Word { Value::Word(word(i)) } else { Value::Bool(word(i) != 0) })
        })
    };
    let (left, right) = (value(&lemma.left), value(&lemma.right));
    left.is_some() && left != right && lemma.conditions.iter().all(|c| value(c) == Some(Value::Bool(true)))
}

/// The value of a term in numbers.
pub fn constant_value(term: &Term, atom: &dyn Fn(&Term) -> Option<Value<u32, bool>>) -> Option<Value<u32, bool>> {
    use crate::concrete::{Bytes, Concrete};
    let mut d = Concrete::new(Bytes::Dense(vec![]));
    evaluate(&mut d, term, &mut |_, t| atom(t))
}

/// Lemmas to search with. A lemma counts in a proof only once it is proved itself ([`Rules::find`]).
#[derive(Debug)]
pub struct Rules {
    lemmas: Vec<Lemma>,
    verdicts: Vec<OnceLock<Result<Rung, Open>>>,
    /// Lemmas that did not prove, and why, where all were asked.
    pub dropped: Vec<(String, Open)>,
    pub(crate) compiled: crate::egraph::Compiled,
}

impl Rules {
    /// The lemmas of `synth-lemmas`, each proved when a proof first cites it: at most once per process.
    pub fn shipped() -> &'static Rules {
        static RULES: OnceLock<Rules> = OnceLock::new();
        RULES.get_or_init(|| Rules::of(synth_lemmas::all(), vec![]))
    }
    /// The proved lemmas of `synth-lemmas`; all are proved at the first call.
    pub fn proved() -> &'static Rules {
        static RULES: OnceLock<Rules> = OnceLock::new();
        RULES.get_or_init(|| Rules::prove(synth_lemmas::all()))
    }
    /// Those of the given lemmas that prove.
    pub fn prove(lemmas: Vec<Lemma>) -> Rules {
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for lemma in lemmas {
            match prove(&lemma) {
                Ok(rung) => kept.push((lemma, rung)),
                Err(open) => dropped.push((lemma.name, open)),
            }
        }
        let (lemmas, rungs): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        let rules = Rules::of(lemmas, dropped);
        for (verdict, rung) in rules.verdicts.iter().zip(rungs) {
            verdict.set(Ok(rung)).expect("invariant: the verdicts are new");
        }
        rules
    }
    /// The given lemmas, not proved yet.
    pub fn unproved(lemmas: Vec<Lemma>) -> Rules {
        Rules::of(lemmas, vec![])
    }
    fn of(lemmas: Vec<Lemma>, dropped: Vec<(String, Open)>) -> Rules {
        let compiled = crate::egraph::Compiled::new(&lemmas);
        let verdicts = lemmas.iter().map(|_| OnceLock::new()).collect();
        Rules { lemmas, verdicts, dropped, compiled }
    }
    /// The lemma with this name, if it is proved.
    pub fn find(&self, name: &str) -> Option<&Lemma> {
        let at = self.lemmas.iter().position(|l| l.name == name)?;
        let verdict = self.verdicts[at].get_or_init(|| prove(&self.lemmas[at]));
        verdict.is_ok().then_some(&self.lemmas[at])
    }
    /// The lemmas.
    pub fn lemmas(&self) -> &[Lemma] {
        &self.lemmas
    }
}
