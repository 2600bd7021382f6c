//! What lemmas mean, and their proof: the bridge between the text terms of `synth-lemmas` and the domains.
//!
//! A lemma `l = r if c` is proved by `c ⟹ l = r` over fresh unknowns for its variables and constants. A proof may
//! cite proved lemmas only ([`Rules::find`]): searching with a wrong lemma wastes time and proves nothing.
//!
//! Requirement TOR-PROOF-LEMMAS: A lemma that is not proved shall not be used in a proof.
//!
//! Requirement TOR-PROOF-TWINS: The prover shall refute the broken twin of every lemma, by a model that is executed.

use crate::domain::*;
use crate::ladder::{Open, Rung};
use crate::pair;
use crate::smt::{Answer, Model, Multiplier, Smt};
use crate::term::{Graph, T, Var};
use std::sync::OnceLock;
use synth_lemmas::{Lemma, Op, Sort, Term};

/// Solver steps for one lemma.
const LEMMA_STEPS: u32 = 3_000_000;
/// Lemmas that one thread proves, where all are.
const LEMMAS_OF_A_THREAD: usize = 16;

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

/// Words of 64-bit divisions of pairs, and whether they are the high ones.
pub const DIVIDE: [(Op, (DivOp, bool)); 8] = [
    (Op::UDiv64Lo, (DivOp::UQuot, false)),
    (Op::UDiv64Hi, (DivOp::UQuot, true)),
    (Op::URem64Lo, (DivOp::URem, false)),
    (Op::URem64Hi, (DivOp::URem, true)),
    (Op::SDiv64Lo, (DivOp::SQuot, false)),
    (Op::SDiv64Hi, (DivOp::SQuot, true)),
    (Op::SRem64Lo, (DivOp::SRem, false)),
    (Op::SRem64Hi, (DivOp::SRem, true)),
];

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
    if let Some((op, high)) = of(&DIVIDE, op) {
        return Some(Value::Word(d.div64(op, high, [w(0)?, w(1)?], [w(2)?, w(3)?])));
    }
    let pairs = || Some(((w(0)?.clone(), w(1)?.clone()), (w(2)?.clone(), w(3)?.clone())));
    match op {
        Op::AddHi => pairs().map(|(a, b)| Value::Word(pair::add(d, &a, &b).1)),
        Op::SubHi => pairs().map(|(a, b)| Value::Word(pair::sub(d, &a, &b).1)),
        Op::Ult64 => pairs().map(|(a, b)| Value::Bool(pair::less(d, false, &a, &b))),
        Op::Slt64 => pairs().map(|(a, b)| Value::Bool(pair::less(d, true, &a, &b))),
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

/// Left side, right side and conditions over the unknowns `Argument(i)`, one per name; `case` is the value of the constant that the
/// lemma lists values for.
fn instantiate(g: &mut Graph, lemma: &Lemma, case: Option<u32>) -> (T, T, Vec<T>) {
    let names = names(lemma);
    let listed = lemma.cases.as_ref().map(|(name, _)| Term::Imm(name.clone()));
    let build = |g: &mut Graph, term: &Term| -> T {
        let value = evaluate(g, term, &mut |g, atom| {
            let i = names.iter().position(|(n, _)| *n == atom.to_string())?;
            let word = match case.filter(|_| listed.as_ref() == Some(atom)) {
                Some(value) => g.word(value),
                None => g.var(Var::Argument(i as u32)),
            };
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
    prove_counted(lemma).0
}

/// Proves a lemma for all words, for each of its cases if it lists values of a constant. Result: the last rung that any case
/// needed, or what z3 found, and the solver steps taken.
pub fn prove_counted(lemma: &Lemma) -> (Result<Rung, Open>, u64) {
    let Some((_, values)) = &lemma.cases else {
        return prove_case(lemma, None);
    };
    let (mut last, mut total) = (Rung::Normal, 0);
    for value in values {
        let (result, steps) = prove_case(lemma, Some(*value));
        total += steps;
        match result {
            Ok(rung) => last = last.max(rung),
            Err(open) => return (Err(open), total),
        }
    }
    (Ok(last), total)
}

fn prove_case(lemma: &Lemma, case: Option<u32>) -> (Result<Rung, Open>, u64) {
    let mut g = Graph::new();
    let (left, right, conditions) = instantiate(&mut g, lemma, case);
    if left == right {
        return (Ok(Rung::Normal), 0);
    }
    if crate::ring::equal(&mut g, left, right) {
        return (Ok(Rung::Ring), 0);
    }
    let is_bool = lemma.left.sort_with(&mut Vec::new()) == Ok(Sort::Bool);
    let goal = match is_bool {
        true => {
            let differ = g.xor(&left, &right);
            g.not(&differ)
        }
        false => g.cmp(CmpOp::Eq, &left, &right),
    };
    let smt = Smt::new(&g, Multiplier::Uninterpreted).follows_counted(&conditions, goal, LEMMA_STEPS);
    if smt.0 == Answer::Holds {
        return (Ok(Rung::Smt), smt.1);
    }
    let arithmetic = multiplies(&lemma.left) || multiplies(&lemma.right);
    if arithmetic && crate::integer::follows(&g, &conditions, goal, LEMMA_STEPS) {
        return (Ok(Rung::Ring), smt.1);
    }
    let full = Smt::new(&g, Multiplier::Full).follows_counted(&conditions, goal, LEMMA_STEPS);
    let result = match full.0 {
        Answer::Holds => Ok(Rung::Full),
        Answer::Fails(mut model) => {
            let name = lemma.cases.as_ref().map(|(name, _)| format!("#{name}"));
            let at = names(lemma).iter().position(|(n, _)| Some(n) == name.as_ref());
            model.words.extend(at.zip(case).map(|(i, value)| (Var::Argument(i as u32), value)));
            Err(Open::Model(model))
        }
        Answer::Exhausted => Err(Open::Exhausted),
    };
    (result, smt.1 + full.1)
}

/// Whether a term has a product or quotient.
fn multiplies(term: &Term) -> bool {
    let here = match term {
        Term::Apply(Op::Mul | Op::UMulHi | Op::SMulHi | Op::UDiv | Op::SDiv, _) => true,
        Term::Apply(op, _) => of(&DIVIDE, *op).is_some(),
        _ => false,
    };
    here || term.operands().iter().any(multiplies)
}

/// The digest of a lemma's statement: 16 hexadecimal digits.
pub fn digest(lemma: &Lemma) -> String {
    crate::certificate::sha256(lemma.statement().as_bytes())[..16].to_string()
}

/// The line of a lemma in the list of proved lemmas.
pub fn listing(lemma: &Lemma) -> String {
    format!("{} {}", digest(lemma), lemma.name)
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
    /// By lemma, and by case if it lists values of a constant: filled when first asked for.
    verdicts: Vec<Vec<OnceLock<bool>>>,
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
        let verdicts: Vec<_> = std::thread::scope(|scope| {
            let parts: Vec<_> = lemmas
                .chunks(LEMMAS_OF_A_THREAD)
                .map(|some| scope.spawn(move || some.iter().map(prove).collect::<Vec<_>>()))
                .collect();
            parts.into_iter().flat_map(|part| part.join().expect("invariant: proofs do not panic")).collect()
        });
        for (lemma, verdict) in lemmas.into_iter().zip(verdicts) {
            match verdict {
                Ok(_) => kept.push(lemma),
                Err(open) => dropped.push((lemma.name, open)),
            }
        }
        let rules = Rules::of(kept, dropped);
        for verdict in rules.verdicts.iter().flatten() {
            verdict.set(true).expect("invariant: the verdicts are new");
        }
        rules
    }
    /// The given lemmas, not proved yet.
    pub fn unproved(lemmas: Vec<Lemma>) -> Rules {
        Rules::of(lemmas, vec![])
    }
    fn of(lemmas: Vec<Lemma>, dropped: Vec<(String, Open)>) -> Rules {
        let ways = |l| [(l, false), (l, true)];
        let searched = lemmas.iter().filter(|l| l.usage.proof).flat_map(ways);
        let compiled = crate::egraph::Compiled::new(searched.filter(|(l, backward)| !backward || l.both_ways));
        let cases = |l: &Lemma| l.cases.as_ref().map_or(1, |(_, values)| values.len());
        let verdicts = lemmas.iter().map(|l| (0..cases(l)).map(|_| OnceLock::new()).collect()).collect();
        Rules { lemmas, verdicts, dropped, compiled }
    }
    /// The lemma with this name, if it is proved, in all its cases.
    pub fn find(&self, name: &str) -> Option<&Lemma> {
        let lemma = self.named(name)?;
        let proved = match &lemma.cases {
            None => self.is_proved(name, None),
            Some((_, values)) => values.iter().all(|v| self.is_proved(name, Some(*v))),
        };
        proved.then_some(lemma)
    }
    /// The lemma with this name, proved or not.
    pub fn named(&self, name: &str) -> Option<&Lemma> {
        self.lemmas.iter().find(|l| l.name == name)
    }
    /// Whether the lemma with this name is proved, in the case of this value of the constant that it lists values for.
    pub fn is_proved(&self, name: &str, case: Option<u32>) -> bool {
        let Some(at) = self.lemmas.iter().position(|l| l.name == name) else { return false };
        let lemma = &self.lemmas[at];
        let number = match (&lemma.cases, case) {
            (None, _) => Some(0),
            (Some((_, values)), Some(value)) => values.iter().position(|v| *v == value),
            (Some(_), None) => None,
        };
        let Some(number) = number else { return false };
        *self.verdicts[at][number].get_or_init(|| prove_case(lemma, case.filter(|_| lemma.cases.is_some())).0.is_ok())
    }
    /// The lemmas.
    pub fn lemmas(&self) -> &[Lemma] {
        &self.lemmas
    }
}
