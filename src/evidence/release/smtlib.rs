//! Lemmas as SMT-LIB text: a second formulation, written from the meaning of the operations in their documentation and from nothing that
//! proofs use. Any solver answers `unsat` if the lemma holds for all operands.
//!
//! Source: SMT-LIB 2.6, theory FixedSizeBitVectors. Division by zero and shifts past the width are spelled out where ours differ from the
//! standard's.

use std::fmt::Write;
use synth_lemmas::{Lemma, Op, Sort, Term};
use synth_validator::lemma::names;

/// Operations that the standard does not have, over words.
const DEFINITIONS: &str = "\
(define-fun ror ((x (_ BitVec 32)) (n (_ BitVec 32))) (_ BitVec 32)
  (let ((k (bvand n #x0000001f))) (bvor (bvlshr x k) (bvshl x (bvsub #x00000020 k)))))
(define-fun udiv ((x (_ BitVec 32)) (y (_ BitVec 32))) (_ BitVec 32) (ite (= y #x00000000) #x00000000 (bvudiv x y)))
(define-fun sdiv ((x (_ BitVec 32)) (y (_ BitVec 32))) (_ BitVec 32) (ite (= y #x00000000) #x00000000 (bvsdiv x y)))
(define-fun umulhi ((x (_ BitVec 32)) (y (_ BitVec 32))) (_ BitVec 32)
  ((_ extract 63 32) (bvmul ((_ zero_extend 32) x) ((_ zero_extend 32) y))))
(define-fun smulhi ((x (_ BitVec 32)) (y (_ BitVec 32))) (_ BitVec 32)
  ((_ extract 63 32) (bvmul ((_ sign_extend 32) x) ((_ sign_extend 32) y))))
(define-fun udiv64 ((x (_ BitVec 64)) (y (_ BitVec 64))) (_ BitVec 64) (ite (= y #x0000000000000000) #x0000000000000000 (bvudiv x y)))
(define-fun sdiv64 ((x (_ BitVec 64)) (y (_ BitVec 64))) (_ BitVec 64) (ite (= y #x0000000000000000) #x0000000000000000 (bvsdiv x y)))
(define-fun low ((x (_ BitVec 64))) (_ BitVec 32) ((_ extract 31 0) x))
(define-fun high ((x (_ BitVec 64))) (_ BitVec 32) ((_ extract 63 32) x))
";

/// Definitions of what works bit by bit.
fn definitions() -> String {
    let mut text = DEFINITIONS.to_string();
    let bit = |n: u32| format!("((_ extract {n} {n}) x)");
    let define = |name: &str, body: String| format!("(define-fun {name} ((x (_ BitVec 32))) (_ BitVec 32) {body})\n");
    let reversed: Vec<String> = (0..32).map(bit).collect();
    text += &define("rbit", format!("(concat {})", reversed.join(" ")));
    let byte = |n: u32| format!("((_ extract {} {}) x)", 8 * n + 7, 8 * n);
    text += &define("rev", format!("(concat {} {} {} {})", byte(0), byte(1), byte(2), byte(3)));
    text += &define("rev16", format!("(concat {} {} {} {})", byte(2), byte(3), byte(0), byte(1)));
    let counted =
        (0..32).fold("#x00000000".to_string(), |sum, n| format!("(bvadd {sum} ((_ zero_extend 31) {}))", bit(n)));
    text += &define("popcnt", counted);
    let leading =
        (0..32).fold("#x00000020".to_string(), |rest, n| format!("(ite (= {} #b1) #x{:08x} {rest})", bit(n), 31 - n));
    text += &define("clz", leading);
    text
}

fn symbol(name: &str) -> String {
    match name.split_at(1) {
        ("?", rest) => format!("v_{rest}"),
        ("#", rest) => format!("c_{rest}"),
        (_, rest) => format!("part_{rest}"),
    }
}

fn apply(op: Op, a: &[String]) -> String {
    let plain = |name: &str| format!("({name} {})", a.join(" "));
    // Pairs are low word, high word.
    let pairs = || (format!("(concat {} {})", a[1], a[0]), format!("(concat {} {})", a[3], a[2]));
    let part = |half: &str, name: &str| {
        let (x, y) = pairs();
        format!("({half} ({name} {x} {y}))")
    };
    let compare = |name: &str| {
        let (x, y) = pairs();
        format!("({name} {x} {y})")
    };
    match op {
        Op::Add => plain("bvadd"),
        Op::Sub => plain("bvsub"),
        Op::Mul => plain("bvmul"),
        Op::UMulHi => plain("umulhi"),
        Op::SMulHi => plain("smulhi"),
        Op::UDiv => plain("udiv"),
        Op::SDiv => plain("sdiv"),
        Op::And => plain("bvand"),
        Op::Or => plain("bvor"),
        Op::Xor => plain("bvxor"),
        Op::Shl => plain("bvshl"),
        Op::Lshr => plain("bvlshr"),
        Op::Ashr => plain("bvashr"),
        Op::Ror | Op::Clz | Op::Rbit | Op::Rev | Op::Rev16 | Op::Popcnt => plain(op.name()),
        Op::Sext8 => format!("((_ sign_extend 24) ((_ extract 7 0) {}))", a[0]),
        Op::Sext16 => format!("((_ sign_extend 16) ((_ extract 15 0) {}))", a[0]),
        Op::AddHi => part("high", "bvadd"),
        Op::SubHi => part("high", "bvsub"),
        Op::UDiv64Lo => part("low", "udiv64"),
        Op::UDiv64Hi => part("high", "udiv64"),
        Op::URem64Lo => part("low", "bvurem"),
        Op::URem64Hi => part("high", "bvurem"),
        Op::SDiv64Lo => part("low", "sdiv64"),
        Op::SDiv64Hi => part("high", "sdiv64"),
        Op::SRem64Lo => part("low", "bvsrem"),
        Op::SRem64Hi => part("high", "bvsrem"),
        Op::Ite => plain("ite"),
        Op::Eq => plain("="),
        Op::Ult => plain("bvult"),
        Op::Slt => plain("bvslt"),
        Op::Ult64 => compare("bvult"),
        Op::Slt64 => compare("bvslt"),
        Op::True => "true".to_string(),
        Op::False => "false".to_string(),
        Op::Bnot => plain("not"),
        Op::Band => plain("and"),
        Op::Bor => plain("or"),
        Op::Bxor => plain("xor"),
    }
}

fn term(t: &Term) -> String {
    match t {
        Term::Const(word) => format!("#x{word:08x}"),
        Term::Apply(op, operands) => apply(*op, &operands.iter().map(term).collect::<Vec<_>>()),
        Term::Var(_) | Term::Imm(_) | Term::Leaf(_) => symbol(&t.to_string()),
    }
}

/// The script whose answer is `unsat` if the lemma holds: its conditions, and that its sides differ.
pub fn script(lemma: &Lemma) -> String {
    let mut text = format!("; {}\n; source: {}\n(set-logic QF_BV)\n", lemma.statement(), lemma.source);
    text += &definitions();
    for (name, sort) in names(lemma) {
        let sort = if sort == Sort::Bool { "Bool" } else { "(_ BitVec 32)" };
        let _ = writeln!(text, "(declare-const {} {sort})", symbol(&name));
    }
    if let Some((name, values)) = &lemma.cases {
        let one = values.iter().map(|v| format!("(= {} #x{v:08x})", symbol(&format!("#{name}"))));
        let _ = writeln!(text, "(assert (or {} false))", one.collect::<Vec<_>>().join(" "));
    }
    for condition in &lemma.conditions {
        let _ = writeln!(text, "(assert {})", term(condition));
    }
    let _ = writeln!(text, "(assert (not (= {} {})))\n(check-sat)", term(&lemma.left), term(&lemma.right));
    text
}
