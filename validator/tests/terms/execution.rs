//! Constructors, known zero bits and path assumptions against execution: the same programs on numbers.

use crate::program::*;
use crate::reference::Random;
use std::collections::BTreeMap;
use synth_validator::concrete::Bytes;
use synth_validator::domain::*;
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::ladder::Path;
use synth_validator::term::{Graph, Node, T, Var};

/// Runs `program` on numbers and `normalised` (the same, unless a mistake is planted) on the graph.
pub fn compare(program: &[Op], normalised: &[Op], a: &Assignment) -> Result<(), String> {
    let g = &mut Graph::new();
    let terms = symbolic(g, normalised);
    let (values, memory) = concrete(a, program);
    let mut evaluator = Evaluator::new(a);
    for (i, (t, v)) in terms.words.iter().zip(&values.words).enumerate() {
        let found = evaluator.word(g, *t);
        if found != *v {
            return Err(format!("word {i}: {v:#x}, as a term {found:#x}: {:?}", g.node(*t)));
        }
    }
    // Every node that exists, also the ones inside rules, keeps its known zero bits.
    for i in 0..g.len() {
        let t = T(i as u32);
        if is_word(g, t) && evaluator.word(g, t) & g.known_zeros(t) != 0 {
            return Err(format!("known zeros {:#x} of {:#x}: {:?}", g.known_zeros(t), evaluator.word(g, t), g.node(t)));
        }
    }
    for (i, (t, v)) in terms.bools.iter().zip(&values.bools).enumerate() {
        if evaluator.boolean(g, *t) != *v {
            return Err(format!("boolean {i}: {v}, as a term not: {:?}", g.node(*t)));
        }
    }
    let found = evaluator.memory(g, terms.memory);
    let written = |m: &Bytes| match m {
        Bytes::Sparse { seed, written } => (*seed, written.iter().map(|(k, v)| (*k, *v)).collect::<BTreeMap<_, _>>()),
        Bytes::Dense(_) => unreachable!("memories here are sparse"),
    };
    if written(&found) != written(&memory) {
        return Err("memories differ".into());
    }
    Ok(())
}

fn is_word(g: &Graph, t: T) -> bool {
    match g.node(t) {
        Node::Bool(_) | Node::Cmp(..) | Node::AddOverflow(..) | Node::SubOverflow(..) => false,
        Node::Not(_) | Node::And(..) | Node::Xor(..) => false,
        Node::Var(Var::Memory(_) | Var::HostMap(..))
        | Node::Store(..)
        | Node::Fill(..)
        | Node::Copy(..)
        | Node::Init(..) => false,
        _ => true,
    }
}

/// The operations that a failure needs: the others are replaced by constants while it persists.
fn shrink(program: &[Op], fails: impl Fn(&[Op]) -> bool) -> Vec<(usize, Op)> {
    let mut program = program.to_vec();
    for i in (0..program.len()).rev() {
        let trivial = match program[i].kind() {
            Kind::Word => Op::Const(0),
            Kind::Bool => Op::Bool(false),
            Kind::Memory => Op::Nop,
        };
        let kept = std::mem::replace(&mut program[i], trivial);
        if !fails(&program) {
            program[i] = kept;
        }
    }
    let trivial = |op: &Op| matches!(op, Op::Nop | Op::Const(0) | Op::Bool(false));
    program.into_iter().enumerate().filter(|(_, op)| !trivial(op)).collect()
}

/// Random programs on random inputs. Result: operations executed.
pub fn random_programs(wanted: usize) -> usize {
    let (mut random, mut operations) = (Random::new(1), 0);
    while operations < wanted {
        let length = 10 + random.below(90);
        let (program, a) = (program(&mut random, length, false), assignment(&mut random));
        if let Err(why) = compare(&program, &program, &a) {
            let minimal = shrink(&program, |p| compare(p, p, &a).is_err());
            panic!("{why}\ninputs {:?}\n{minimal:#?}", INPUTS.map(|v| a.variable(v)));
        }
        operations += program.len();
    }
    operations
}

/// Mistakes that a rule could make, planted on the side of the graph.
pub fn mutate(op: Op, which: usize) -> Op {
    match (which, op) {
        (0, Op::Bin(BinOp::Ashr, x, y)) => Op::Bin(BinOp::Lshr, x, y),
        (1, Op::SubCarry(x, y, _)) => Op::SubCarry(x, y, 1),
        (2, Op::AddOverflow(x, y, c)) => Op::SubOverflow(x, y, c),
        (3, Op::Store(Width::Half, i, v)) => Op::Store(Width::Byte, i, v),
        (4, Op::Cmp(CmpOp::Ult, x, y)) => Op::Cmp(CmpOp::Slt, x, y),
        (5, Op::Un(UnOp::Rev16, x)) => Op::Un(UnOp::Rev, x),
        (6, Op::Ite(c, x, y)) => Op::Ite(c, y, x),
        (7, Op::Or(x, y)) => Op::Xor(x, y),
        (8, Op::Copy(dst, src, n)) => Op::Copy(src, dst, n),
        (9, Op::Const(0xffff_ff00)) => Op::Const(0xffff_0000),
        (10, Op::Const(31)) => Op::Const(32),
        (11, Op::Div64(DivOp::SRem, high, o)) => Op::Div64(DivOp::URem, high, o),
        (_, op) => op,
    }
}

#[test]
fn planted_mistakes_are_noticed() {
    for which in 0..12 {
        let mut random = Random::new(2);
        let noticed = (0..2_000).any(|_| {
            let (p, a) = (program(&mut random, 60, false), assignment(&mut random));
            let wrong: Program = p.iter().map(|op| mutate(*op, which)).collect();
            wrong != p && compare(&p, &wrong, &a).is_err()
        });
        assert!(noticed, "mistake {which}");
    }
}

/// Assumptions that hold never decide a condition wrongly, and simplification keeps values. With `lie`, one assumption
/// does not hold; the result is whether anything was found wrong.
fn path_is_wrong(random: &mut Random, lie: bool) -> Option<String> {
    let (p, a) = (program(random, 60, false), assignment(random));
    let g = &mut Graph::new();
    let terms = symbolic(g, &p);
    let mut evaluator = Evaluator::new(&a);
    let mut path = Path::default();
    for _ in 0..1 + random.below(8) {
        let condition = if random.below(2) == 0 {
            let b = terms.bools[random.below(terms.bools.len())];
            if evaluator.boolean(g, b) { b } else { g.not(&b) }
        } else {
            let t = terms.words[random.below(terms.words.len())];
            let value = evaluator.word(g, t).wrapping_add(u32::from(lie));
            g.cmp_const(CmpOp::Eq, &t, value)
        };
        if !path.assume(g, condition) {
            return Some("a true assumption is refused".into());
        }
    }
    for &b in &terms.bools {
        let value = evaluator.boolean(g, b);
        if path.decide(g, b).is_some_and(|decided| decided != value) {
            return Some(format!("decided {:?} wrongly", g.node(b)));
        }
        let simple = path.simplify(g, b);
        if evaluator.boolean(g, simple) != value {
            return Some(format!("simplified {:?} wrongly", g.node(b)));
        }
    }
    for &t in &terms.words {
        let simple = path.simplify(g, t);
        if evaluator.word(g, simple) != evaluator.word(g, t) {
            return Some(format!("simplified {:?} wrongly", g.node(t)));
        }
    }
    None
}

/// Random path assumptions on random inputs. Result: programs.
pub fn random_paths(wanted: usize) -> usize {
    let mut random = Random::new(3);
    for i in 0..wanted {
        assert_eq!(path_is_wrong(&mut random, false), None, "program {i}");
    }
    wanted
}

#[test]
fn false_assumptions_are_noticed() {
    let mut random = Random::new(3);
    assert!((0..50).any(|_| path_is_wrong(&mut random, true).is_some()), "a false assumption shows");
}
