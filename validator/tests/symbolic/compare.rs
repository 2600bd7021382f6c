//! One step of a program over terms and over numbers, and whether the terms evaluate to the numbers.

use std::collections::BTreeMap;
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::domain::*;
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::program::{Callee, Fact, Program, Step, Unsupported};
use synth_validator::smt::{Answer, Multiplier, Smt};
use synth_validator::term::{Graph, Node, T, Var};

/// Solver steps for one question.
const STEPS: u32 = 20_000_000;

/// What is seen of a step: how it ended, and words and booleans by name.
pub struct Observed<D: Domain> {
    pub end: String,
    pub words: Vec<(String, D::W)>,
    pub bools: Vec<(String, D::B)>,
    pub facts: Vec<Fact<D>>,
    /// Conditions that were decided on the way, with the decision.
    pub decided: Vec<(D::B, bool)>,
    pub memory: D::M,
}

/// Executes from a point until execution leaves the instruction. `within` tells which points are inside it, `decide`
/// chooses at a branch; `observe` lists the words and booleans of the state.
///
/// # Errors
/// What the program has no meaning for.
pub fn finish<D: Domain, P: Program<D>>(
    program: &P,
    d: &mut D,
    (mut at, mut state): (P::Point, P::State),
    within: impl Fn(P::Point) -> bool,
    mut decide: impl FnMut(&D, &D::B) -> bool,
    observe: impl Fn(&P::State, &mut Observed<D>),
) -> Result<Observed<D>, Unsupported> {
    let memory = program.world(&state).memory.clone();
    let mut seen =
        Observed { end: String::new(), words: vec![], bools: vec![], facts: vec![], decided: vec![], memory };
    let name = |what: &'static str| move |(k, w)| (format!("{what} {k}"), w);
    let state = loop {
        (at, state) = match program.step(d, at, state, &mut seen.facts)? {
            Step::Next(point, state) => (point, state),
            Step::Branch(condition, yes, no) => {
                let taken = decide(d, &condition);
                seen.decided.push((condition, taken));
                if taken { yes } else { no }
            }
            Step::Call { callee, args, results, next, state } => {
                let callee = match callee {
                    Callee::Function(index) => format!("function {index}"),
                    Callee::Address { address, type_index } => {
                        seen.words.push(("callee".to_string(), address));
                        format!("type {type_index}")
                    }
                };
                seen.end = format!("calls {callee} for {results} words, then {next:?}");
                seen.words.extend(args.into_iter().enumerate().map(name("argument")));
                break state;
            }
            Step::Return(words, state) => {
                seen.end = "returns".to_string();
                seen.words.extend(words.into_iter().enumerate().map(name("result")));
                break state;
            }
            Step::Trap(kind, state) => {
                seen.end = format!("traps: {}", kind.name());
                break state;
            }
        };
        if !within(at) {
            seen.end = format!("goes to {at:?}");
            break state;
        }
    };
    let world = program.world(&state);
    seen.memory = world.memory.clone();
    seen.words.push(("memory size".to_string(), world.memory_bytes.clone()));
    seen.words.extend(world.cells.iter().cloned().enumerate().map(name("cell")));
    seen.words.extend(world.results.iter().cloned().enumerate().map(name("result cell")));
    observe(&state, &mut seen);
    Ok(seen)
}

/// The facts that do not hold.
fn broken<D: Domain>(facts: &[Fact<D>], fails: &mut dyn FnMut(&Fact<D>) -> bool) -> Vec<&'static str> {
    let text = |f: &Fact<D>| match f {
        Fact::Require(_, why)
        | Fact::Access(_, why)
        | Fact::LateAccess(_, why)
        | Fact::RequireEqual(_, _, why)
        | Fact::Assume(_, why)
        | Fact::Intend(_, why) => *why,
    };
    facts.iter().filter(|f| fails(f)).map(text).collect()
}

/// Whether the terms have the numbers' values under an assignment, by our own evaluator. `after` is the memory that the
/// numbers left.
///
/// # Errors
/// The first difference.
fn by_evaluator(
    g: &Graph,
    a: &Assignment,
    terms: &Observed<Graph>,
    numbers: &Observed<Concrete>,
    after: &Bytes,
) -> Result<(), String> {
    let mut evaluator = Evaluator::new(a);
    same(&terms.end, &numbers.end, "end")?;
    same(&terms.words.len(), &numbers.words.len(), "number of words")?;
    for ((name, t), (other, value)) in terms.words.iter().zip(&numbers.words) {
        same(name, other, "name")?;
        same(&evaluator.word(g, *t), value, name)?;
    }
    for ((name, t), (_, value)) in terms.bools.iter().zip(&numbers.bools) {
        same(&evaluator.boolean(g, *t), value, name)?;
    }
    let of_terms = broken(&terms.facts, &mut |f| match f {
        Fact::Require(b, _) | Fact::Access(b, _) | Fact::LateAccess(b, _) | Fact::Assume(b, _) | Fact::Intend(b, _) => {
            !evaluator.boolean(g, *b)
        }
        Fact::RequireEqual(x, y, _) => evaluator.word(g, *x) != evaluator.word(g, *y),
    });
    let of_numbers = broken(&numbers.facts, &mut |f| match f {
        Fact::Require(b, _) | Fact::Access(b, _) | Fact::LateAccess(b, _) | Fact::Assume(b, _) | Fact::Intend(b, _) => {
            !b
        }
        Fact::RequireEqual(x, y, _) => x != y,
    });
    same(&of_terms, &of_numbers, "broken facts")?;
    same(&written(&evaluator.memory(g, terms.memory)), &written(after), "memory")
}

fn same<A: PartialEq + std::fmt::Debug>(term: &A, number: &A, name: &str) -> Result<(), String> {
    if term == number { Ok(()) } else { Err(format!("{name}: {term:x?} by terms, {number:x?} by numbers")) }
}

/// Bytes that were written.
fn written(memory: &Bytes) -> BTreeMap<u32, u8> {
    match memory {
        Bytes::Sparse { written, .. } => written.iter().map(|(k, v)| (*k, *v)).collect(),
        Bytes::Dense(_) => unreachable!("memories here are sparse"),
    }
}

/// The same by z3, through the translation that proofs use: with the unknowns and the bytes read fixed, all values
/// follow, and with one value changed they do not.
///
/// # Errors
/// What does not follow, or follows wrongly.
fn by_solver(
    g: &Graph,
    a: &Assignment,
    terms: &Observed<Graph>,
    numbers: &Observed<Concrete>,
    after: &Concrete,
) -> Result<(), String> {
    // z3 confirms the decisions on the way below; they lead to the numbers' end.
    same(&terms.end, &numbers.end, "z3: end")?;
    let mut g = g.clone();
    let mut claims: Vec<T> = vec![];
    for ((_, t), (_, value)) in terms.words.iter().zip(&numbers.words) {
        claims.push(g.cmp_const(CmpOp::Eq, t, *value));
    }
    let decided = terms.decided.iter().map(|(t, v)| (*t, *v));
    let bools = terms.bools.iter().zip(&numbers.bools).map(|((_, t), (_, v))| (*t, *v)).chain(decided);
    for (t, value) in bools.collect::<Vec<_>>() {
        claims.push(if value { t } else { g.not(&t) });
    }
    // Bytes that either side writes, and those that were read.
    let mut bytes = after.loaded.clone().unwrap_or_default();
    bytes.extend(written(&after.memory).into_keys());
    bytes.extend(written(&Evaluator::new(a).memory(&g, terms.memory)).into_keys());
    for &at in &bytes {
        let at_term = g.word(at);
        let byte = g.load(&terms.memory, Width::Byte, &at_term);
        claims.push(g.cmp_const(CmpOp::Eq, &byte, after.memory.get(at).into()));
    }
    let mut assumptions = pinned(&mut g, a, &claims);
    let start = g.var(Var::Memory(0));
    for at in bytes {
        let at_term = g.word(at);
        let byte = g.load(&start, Width::Byte, &at_term);
        assumptions.push(g.cmp_const(CmpOp::Eq, &byte, a.memories[&0].get(at).into()));
    }
    let mut all = g.bool(true);
    for claim in &claims {
        all = g.and(&all, claim);
    }
    match Smt::new(&g, Multiplier::Full).follows(&assumptions, all, STEPS) {
        Answer::Holds => {}
        answer => return Err(format!("z3: the values do not follow: {answer:?}")),
    }
    // One claim that is not decided by the constructors already is negated: that must not follow.
    let open = claims.iter().copied().find(|c| g.as_bool(c).is_none());
    if let Some(claim) = open {
        let wrong = g.not(&claim);
        if !matches!(Smt::new(&g, Multiplier::Full).follows(&assumptions, wrong, STEPS), Answer::Fails(_)) {
            return Err("z3: a wrong value follows".to_string());
        }
    }
    Ok(())
}

/// Equations that give the unknown words in some terms their values.
fn pinned(g: &mut Graph, a: &Assignment, terms: &[T]) -> Vec<T> {
    let (mut open, mut seen, mut variables) = (terms.to_vec(), std::collections::BTreeSet::new(), vec![]);
    while let Some(t) = open.pop() {
        if !seen.insert(t) {
            continue;
        }
        match g.node(t) {
            Node::Var(Var::Memory(_) | Var::HostMap(..)) => {}
            Node::Var(v) => variables.push((t, *v)),
            _ => open.extend(g.operands(t)),
        }
    }
    variables.iter().map(|(t, v)| g.cmp_const(CmpOp::Eq, t, a.variable(*v))).collect()
}

/// What was counted for one instruction or operator.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// Forms: rows and operand kinds of the decoder.
    pub forms: usize,
    /// States compared by the evaluator.
    pub evaluated: usize,
    /// Of them, under a condition.
    pub conditional: usize,
    /// States compared by z3.
    pub solved: usize,
    /// Of the forms, those that the semantics refuses in every state.
    pub without_meaning: usize,
    /// States in which the semantics has no meaning for the instruction.
    pub refused: usize,
    /// Differences.
    pub wrong: Vec<String>,
}

impl Count {
    /// Compares one state, by z3 too while fewer than `solved` are.
    pub fn judge(
        &mut self,
        name: &str,
        g: &Graph,
        a: &Assignment,
        (terms, numbers): (&Observed<Graph>, &Observed<Concrete>),
        after: &Concrete,
        solved: usize,
    ) {
        self.evaluated += 1;
        if let Err(why) = by_evaluator(g, a, terms, numbers, &after.memory) {
            self.wrong.push(format!("{name}: {why}"));
        }
        if self.solved < solved {
            self.solved += 1;
            if let Err(why) = by_solver(g, a, terms, numbers, after) {
                self.wrong.push(format!("{name}: {why}"));
            }
        }
    }

    /// Adds what was counted for another form.
    pub fn add(&mut self, other: Count) {
        self.forms += other.forms;
        self.evaluated += other.evaluated;
        self.conditional += other.conditional;
        self.solved += other.solved;
        self.without_meaning += other.without_meaning;
        self.refused += other.refused;
        self.wrong.extend(other.wrong);
    }
}
