//! Words of arguments that callees ignore: a link may rest on a callee's form for them, and on nothing else. Each wrong claim stands
//! beside the right one, which is proved.

mod support;

#[cfg(feature = "faults")]
use smallvec::smallvec;
use std::path::Path;
use support::assembler;
use support::forms::{form, inst, returns, stage};
use support::proofs::{deep, verdict};
use synth::pipeline::{Compiled, DEAD_PARAMS, Options, compile};
use synth::simulator::board::Folder;
use synth_validator::certificate::{self, Certificate};
use synth_validator::claim::{Claim, FunctionClaim, Ignoring, Inlined, Stage};
use synth_validator::contract::Bounds;
use synth_validator::domain::{BinOp, Space, Width};
use synth_validator::ir::{Cond, Func, Inst, Op};
#[cfg(feature = "faults")]
use synth_validator::ir::{Type, Values};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::prove_all;
use synth_validator::validate::{Session, Verdict};
use synth_validator::witness::Witness;

/// `handle` looks at its context only in what `simplify` removes; `checks` gives it a fourth form. `other` ignores its second word too,
/// `both` neither.
const MODULE: &str = r#"(module
    (import "env" "note" (func $note (param i32 i32)))
    (memory 1)
    (func $handle (export "handle") (param $event i32) (param $context i32) (result i32)
      (i32.store (local.get $event) (i32.rotl (i32.load (local.get $event)) (i32.const 5)))
      (i32.store offset=4 (local.get $event) (i32.add (i32.load offset=4 (local.get $event))
        (i32.or (i32.const 1) (i32.and (local.get $context) (i32.const 0)))))
      (i32.store offset=8 (local.get $event) (i32.sub (i32.load offset=8 (local.get $event)) (i32.const 7)))
      (i32.store offset=12 (local.get $event) (i32.xor (i32.load offset=12 (local.get $event)) (i32.const 9)))
      (i32.and (i32.load (local.get $event)) (i32.const 0xff)))
    (func $other (export "other") (param $event i32) (param $context i32) (result i32)
      (call $note (local.get $event) (i32.const 1))
      (i32.add (local.get $event) (i32.const 1)))
    (func $both (export "both") (param $event i32) (param $context i32) (result i32)
      (call $note (local.get $event) (local.get $context))
      (i32.add (local.get $event) (i32.const 1)))
    (func $post (export "post") (param $event i32) (param $slot i32) (result i32)
      (call $note (local.get $event) (local.get $slot))
      (call $handle (i32.and (local.get $event) (i32.const 0xfc)) (i32.mul (local.get $slot) (i32.const 40)))))"#;

const NOTE: u32 = 0;
const HANDLE: u32 = 1;
const OTHER: u32 = 2;
const BOTH: u32 = 3;
const POST: u32 = 4;
/// Number of the stage that `dead_params` makes of `post`, and of the last one before it.
const DEAD: usize = 3;
const SIMPLE: u32 = 2;

struct Subject {
    wasm: Vec<u8>,
    compiled: Compiled,
}

fn subject(fault: Option<&'static str>) -> Subject {
    let wasm = wat::parse_str(MODULE).expect("valid text");
    let compiled = compile(&wasm, &Options { fault, ..Options::default() }).expect("it compiles");
    Subject { wasm, compiled }
}

impl Subject {
    fn claim(&self, change: impl FnOnce(&mut Claim)) -> Claim {
        let mut claim = self.compiled.claim.clone();
        change(&mut claim);
        claim
    }
    /// The verdict on `post`.
    fn post(&self, claim: Claim) -> Verdict {
        let claim = Claim::decode(&claim.encode()).expect("it survives its wire format");
        deep(|| match Session::new(&self.wasm, &self.compiled.object, Some(claim), Limits::default()) {
            Ok(session) => session.function(POST).verdict,
            Err(refused) => Verdict::Unknown(format!("refused: {refused}")),
        })
    }
}

fn function(claim: &mut Claim, index: u32) -> &mut FunctionClaim {
    claim.functions.iter_mut().find(|f| f.index == index).expect("it is claimed")
}

fn ignoring(claim: &mut Claim) -> &mut Vec<Ignoring> {
    &mut function(claim, POST).stages[DEAD].ignoring
}

/// Covers TOR-CLAUSE-IGNORED.
#[test]
fn what_a_proved_form_does_not_read_is_ignored() {
    let subject = subject(None);
    let claim = subject.claim(|c| {
        assert_eq!(function(c, POST).stages[DEAD].name, DEAD_PARAMS.name);
        assert_eq!(*ignoring(c), [Ignoring { callee: HANDLE, stage: SIMPLE }]);
        let forms = &function(c, HANDLE).stages;
        let unread: Vec<Vec<u32>> = forms[..4].iter().map(|s| s.func.unread_words()).collect();
        // The last one of these comes too late for the link.
        assert_eq!(unread, [vec![], vec![], vec![1], vec![1]]);
    });
    assert_eq!(subject.post(claim), Verdict::Proved);
}

/// Covers TOR-CLAUSE-IGNORED.
#[test]
fn claims_about_other_forms_excuse_nothing() {
    let subject = subject(None);
    let entries = [
        ("a stage as late as the link's", HANDLE, DEAD as u32),
        ("no stage of this number", HANDLE, u32::MAX),
        ("a form that uses the word", HANDLE, 0),
        ("another callee, which ignores the same word", OTHER, SIMPLE),
        ("another callee, which does not", BOTH, SIMPLE),
        ("the link itself", POST, DEAD as u32),
        ("the caller's own earlier form", POST, SIMPLE),
        ("an import", NOTE, 0),
        ("no function", POST + 1, 0),
        ("a number that is none", u32::MAX, 0),
    ];
    for (what, callee, stage) in entries {
        let claim = subject.claim(|c| *ignoring(c) = vec![Ignoring { callee, stage }]);
        // What is not excused is shown by a run.
        assert!(matches!(subject.post(claim), Verdict::Refuted(_)), "{what}");
    }
    assert!(matches!(subject.post(subject.claim(|c| ignoring(c).clear())), Verdict::Refuted(_)));
}

/// Claims about functions that have no body, or are not there, made up from a real one.
///
/// Covers TOR-CLAUSE-IGNORED, TOR-WITNESS-POINTS.
#[test]
fn made_up_functions_excuse_nothing() {
    let subject = subject(None);
    for index in [NOTE, POST + 1, u32::MAX] {
        let claim = subject.claim(|c| {
            let handle = function(c, HANDLE).clone();
            c.functions.push(FunctionClaim { index, ..handle });
            *ignoring(c) = vec![Ignoring { callee: index, stage: SIMPLE }];
        });
        assert_ne!(subject.post(claim), Verdict::Proved, "{index}");
    }
}

/// A certificate carries the entries, and does not hold without them.
///
/// Covers TOR-CERT-REPROVED, TOR-CLAUSE-IGNORED.
#[test]
fn certificates_carry_what_is_ignored() {
    let Subject { wasm, compiled } = subject(None);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ignored_words");
    let check = || deep(|| certificate::check(&folder, &wasm, &compiled.object, 1, &|_| {}).map(|_| ()));
    let write = |claim: &Claim| {
        let session = Session::new(&wasm, &compiled.object, Some(claim.clone()), Limits::default()).expect("readable");
        let reports = prove_all(&session, 1, &|_| {});
        let image = session.image();
        let made = Certificate::new(&session, &wasm, &compiled.object, Limits::default(), &image, &reports);
        made.write(&folder, claim).expect("writes");
    };
    write(&compiled.claim);
    check().expect("it holds");
    let mut without = compiled.claim.clone();
    ignoring(&mut without).clear();
    write(&without);
    let damage = check().expect_err("it does not hold").to_string();
    assert!(damage.contains("post") && damage.contains("Refuted"), "{damage}");
}

/// One entry that does not hold takes those beside it with it.
///
/// Covers TOR-CLAUSE-IGNORED.
#[test]
fn a_wrong_entry_beside_a_right_one_is_refused() {
    let subject = subject(None);
    let claim = subject.claim(|c| ignoring(c).push(Ignoring { callee: HANDLE, stage: u32::MAX }));
    assert_ne!(subject.post(claim), Verdict::Proved);
}

/// Covers TOR-CLAUSE-IGNORED.
#[test]
fn only_the_link_that_says_so_ignores_words() {
    let subject = subject(None);
    // The entry is in a link that needs none: the one that does compares all words.
    for at in [0, 1, 2] {
        let claim = subject.claim(|c| {
            let entry = ignoring(c).pop().expect("an entry");
            function(c, POST).stages[at].ignoring.push(Ignoring { stage: (at as u32).saturating_sub(1), ..entry });
        });
        assert_ne!(subject.post(claim), Verdict::Proved, "stage {at}");
    }
    // The link ends where it began, and the code's link, which has no entry, is left with the difference.
    let claim = subject.claim(|c| {
        let stages = &mut function(c, POST).stages;
        stages[DEAD].func = stages[DEAD - 1].func.clone();
    });
    assert_ne!(subject.post(claim), Verdict::Proved);
}

/// The code passes 0 for the event, which the handler needs.
///
/// Covers TOR-CLAUSE-IGNORED, TOR-SENSE-FAULTS.
#[cfg(feature = "faults")]
#[test]
fn a_fault_that_uses_an_ignored_word_is_refuted() {
    let subject = subject(Some("dead_params-used"));
    let found = subject.post(subject.claim(|c| assert!(!ignoring(c).is_empty())));
    assert!(matches!(found, Verdict::Refuted(_)), "{found:?}");
}

/// The same, and the claim brings a form that does not use the event: its link is not proved, so it hides nothing.
///
/// Covers TOR-CLAUSE-IGNORED, TOR-VERDICT-PROVED.
#[cfg(feature = "faults")]
#[test]
fn a_form_with_a_fault_excuses_nothing() {
    let subject = subject(Some("dead_params-used"));
    let claim = subject.claim(|c| {
        let form = &mut function(c, HANDLE).stages[SIMPLE as usize].func;
        let (event, word) = (form.blocks[0].params[0], form.value(Type::I32));
        let block = &mut form.blocks[0];
        let uses = block.insts.iter_mut().flat_map(|i| &mut i.args).filter(|v| **v == event);
        uses.for_each(|v| *v = word);
        block.insts.insert(0, Inst { op: Op::Const(64), args: Values::new(), results: smallvec![word], origin: 0 });
        assert_eq!(form.unread_words(), [0, 1]);
    });
    let found = subject.post(claim);
    assert!(matches!(found, Verdict::Refuted(_)), "{found:?}");
}

/// A limit in a callee is no difference of its callers, whose calls differ in a word that the callee does not read.
#[test]
fn a_form_whose_proof_is_open_refutes_nobody() {
    let text = r#"(module (memory 1)
        (func $sum (param $from i32) (param $unused i32) (param $n i32) (result i32) (local $i i32) (local $s i32)
          (loop $next
            (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (i32.load8_u (i32.add (local.get $from) (local.get $i)))))
            (i32.store offset=100 (local.get $i) (local.get $s))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
          (local.get $s))
        (func (export "squared") (param i32 i32) (result i32)
          (call $sum (local.get 0) (i32.mul (local.get 1) (local.get 1)) (local.get 1)))
        (func (export "moved") (param i32 i32) (result i32)
          (i32.xor (i32.const 5) (call $sum (local.get 0) (i32.add (local.get 1) (i32.const 77)) (local.get 1)))))"#;
    let wasm = wat::parse_str(text).expect("valid text");
    let left_out = [String::from("inline")].into();
    let object = compile(&wasm, &Options { left_out, ..Options::default() }).expect("it compiles").object;
    let verdicts = |region_steps| {
        let limits = Limits { region_steps, ..Limits::default() };
        let session = Session::new(&wasm, &object, None, limits).expect("reads");
        deep(|| session.functions().into_iter().map(|f| session.function(f).verdict).collect::<Vec<_>>())
    };
    assert!(verdicts(Limits::default().region_steps).iter().all(|v| *v == Verdict::Proved));
    let open = verdicts(40);
    assert!(open.iter().all(|v| matches!(v, Verdict::Unknown(_))), "{open:?}");
}

/// What accesses need is assumed of the module's where bounds are not checked. A form that reads at a word is inlined with another word, which a
/// later form ignores: what follows was impossible then, and compared with nothing.
///
/// Covers TOR-INPUT-CLAIM.
#[test]
fn forms_are_not_inlined_of_which_later_ones_ignore_words() {
    let text = r#"(module (memory 1)
        (func $h (export "h") (param i32 i32) (result i32)
          (drop (i32.load (local.get 1))) (i32.add (local.get 0) (i32.const 1)))
        (func $f (export "f") (param i32 i32) (result i32) (call $h (local.get 0) (local.get 1))))"#;
    let module = wat::parse_str(text).expect("valid text");
    let compiled = compile(&module, &Options { bounds: Bounds::None, ..Options::default() }).expect("compiles");
    let (h, f) = (0, 1);
    let load = Op::Load { space: Space::Linear, width: Width::Word, signed: false, offset: 0 };
    let plus = |result: u32| vec![inst(Op::Const(1), &[], &[14]), inst(Op::Bin(BinOp::Add), &[0, 14], &[result])];
    let whole = |insts: Vec<Inst>, result: u32| vec![(insts, returns(result))];
    let reads = form(h, 2, whole([vec![inst(load, &[1], &[2])], plus(4)].concat(), 4));
    let sums = form(h, 2, whole(plus(4), 4));
    let calls = form(f, 2, whole(vec![inst(Op::Call { func: h }, &[0, 1], &[2])], 2));
    // For one argument, which executions do not find, another second word.
    let rarely = vec![
        inst(Op::Const(0x5eed_1234), &[], &[5]),
        inst(Op::Cmp(Cond::Eq), &[0, 5], &[6]),
        inst(Op::Const(u32::MAX), &[], &[7]),
        inst(Op::Select, &[6, 7, 1], &[8]),
    ];
    let passes = form(f, 2, whole([rarely.clone(), vec![inst(Op::Call { func: h }, &[0, 8], &[9])]].concat(), 9));
    let right = form(f, 2, whole(plus(4), 4));
    let choice = vec![inst(Op::Const(42), &[], &[10]), inst(Op::Select, &[6, 10, 4], &[11])];
    let wrong = form(f, 2, whole([rarely, plus(4), choice].concat(), 11));
    let found = |inlined: u32, last: &Func, before: &str| {
        let mut claim = compiled.claim.clone();
        claim.functions[0].stages = vec![stage("reads", reads.clone()), stage("sums", sums.clone())];
        claim.functions[1].stages = vec![
            stage("calls", calls.clone()),
            stage("again", calls.clone()),
            Stage { ignoring: vec![Ignoring { callee: h, stage: 1 }], ..stage("passes", passes.clone()) },
            Stage {
                inlined: vec![Inlined { block: 0, inst: 4, callee: h, stage: inlined }],
                ..stage("inlines", last.clone())
            },
        ];
        claim.functions.iter_mut().for_each(|f| f.witness = Witness::default());
        let code = [
            assembler::function(h, "h", "adds r0, r0, #1\nbx lr"),
            assembler::function(f, "f", &format!("{before}adds r0, r0, #1\nbx lr\n2: movs r0, #42\nbx lr")),
            assembler::memory(65_536),
            assembler::memory_bytes(65_536),
        ];
        let object = assembler::assembled(&Folder::new().expect("a folder"), &code.concat());
        let found = deep(|| verdict(&module, &object, Some(claim)));
        println!("{}: {}", found.name(), found.detail());
        found
    };
    let jump = "movw r3, #0x1234\nmovt r3, #0x5eed\ncmp r0, r3\nbeq 2f\n";
    let never = "cmp r0, r0\nbne 2f\n";
    assert_eq!(found(1, &right, never), Verdict::Proved);
    assert_ne!(found(0, &right, never), Verdict::Proved);
    assert_ne!(found(0, &wrong, jump), Verdict::Proved);
    assert_ne!(found(1, &wrong, jump), Verdict::Proved);
}
