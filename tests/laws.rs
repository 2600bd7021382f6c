//! Laws of witnesses and verdicts on generated programs: every form refines itself; witnesses compose; bytes and verdicts do not depend
//! on the number of threads.

mod support;

use std::collections::BTreeMap;
use support::generator;
use support::proofs::{deep, deep_map};
use synth::pass::witness;
use synth::pipeline::{Options, compile};
use synth_validator::ir::Func;
use synth_validator::ir_semantics::IrProgram;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::prove_all;
use synth_validator::refinement::{FailureKind, Ignored, Shape, check};
use synth_validator::validate::Session;
use synth_validator::witness::{Cut, Loc, Witness};

const LIMITS: Limits = Limits { smt_steps: 300_000, full_steps: 300_000, region_steps: 10_000, queries: 300 };
const PROGRAMS: u64 = 10;

/// The witness of A and C from those of A and B, and of B and C; none where a link relies on more than equal words.
fn composed(first: &Witness, second: &Witness) -> Option<Witness> {
    let is_plain = |w: &Witness| {
        w.rewrites.is_empty()
            && w.cuts.iter().all(|c| c.steps.is_empty() && c.computed.is_empty() && c.holds.is_empty())
    };
    if !(is_plain(first) && is_plain(second)) {
        return None;
    }
    let mut cuts = Vec::new();
    for outer in &second.cuts {
        let inner = first.cuts.iter().find(|c| c.right == outer.left)?;
        let mut by_middle: BTreeMap<Loc, Vec<Loc>> = BTreeMap::new();
        inner.equal.iter().for_each(|(a, b)| by_middle.entry(*b).or_default().push(*a));
        let mut equal = Vec::new();
        for (middle, right) in &outer.equal {
            let known = matches!(middle, Loc::Const(_) | Loc::Address(_));
            equal.extend(known.then_some((*middle, *right)));
            equal.extend(by_middle.get(middle).into_iter().flatten().map(|left| (*left, *right)));
        }
        cuts.push(Cut { left: inner.left, right: outer.right, equal, ..Cut::default() });
    }
    Some(Witness { cuts, ..Witness::default() })
}

/// Covers TOR-WITNESS-LAWS.
#[test]
fn forms_refine_themselves_and_witnesses_compose() {
    let numbers: Vec<u64> = (0..PROGRAMS).collect();
    let counts = deep_map(&numbers, |number| {
        let wasm = wat::parse_str(generator::program(*number).text).expect("well formed");
        let compiled = compile(&wasm, &Options::default()).expect("compiles");
        let module = synth_validator::wasm::reader::read(&wasm).expect("a module");
        let contract = &compiled.claim.contract;
        let min = module.memories[0].min_pages as u32 * 65_536;
        let (mut identities, mut compositions, mut open) = (0, 0, 0);
        for function in &compiled.claim.functions {
            let params = module.type_of(function.index).int_params().expect("integers");
            let shape = Shape {
                args: params.iter().map(|t| t.words() as u32).sum(),
                cells: module.cells,
                memory_bytes: (min == contract.capacity_bytes).then_some(min),
                memory_bytes_min: min,
                memory_bytes_max: contract.capacity_bytes,
            };
            let judge = |left: &Func, right: &Func, witness: &Witness| {
                let (left, right) =
                    (IrProgram::new(left, contract, min, &module), IrProgram::new(right, contract, min, &module));
                check(&left, &right, witness, &shape, &Ignored::new(), &LIMITS, &mut |_| {})
            };
            for stage in &function.stages {
                let Some(identity) = witness(&stage.func, |b| u64::from(b.0), Some) else { continue };
                match judge(&stage.func, &stage.func, &identity) {
                    Ok(_) => identities += 1,
                    Err(failure) => {
                        let is_limit = matches!(failure.kind, FailureKind::Exhausted);
                        assert!(is_limit, "{number}, function {}, {}: {failure:?}", function.index, stage.name);
                        open += 1;
                    }
                }
            }
            for three in function.stages.windows(3) {
                let [a, b, c] = three else { unreachable!("windows of three") };
                let plain = [b, c].iter().all(|s| s.inlined.is_empty() && s.ignoring.is_empty());
                let Some(both) = composed(&b.witness, &c.witness).filter(|_| plain) else { continue };
                // What the form between says by itself, such as a constant, may be what the longer step needs.
                match judge(&a.func, &c.func, &both) {
                    Ok(_) => compositions += 1,
                    Err(_) => open += 1,
                }
            }
        }
        (identities, compositions, open)
    });
    let sum = counts.iter().fold((0, 0, 0), |s, c| (s.0 + c.0, s.1 + c.1, s.2 + c.2));
    println!("{} identities, {} compositions, {} open", sum.0, sum.1, sum.2);
    assert!(sum.0 > 100 && sum.1 > 20 && 4 * sum.2 < sum.0, "{sum:?}");
}

/// Covers TOR-ENV-THREADS, TOR-LIMIT-STEPS.
#[test]
fn bytes_and_verdicts_do_not_depend_on_threads() {
    for number in 0..4 {
        let wasm = wat::parse_str(generator::program(number).text).expect("well formed");
        let on = |threads: usize| {
            let pool = rayon_pool(threads);
            let compiled = pool.install(|| compile(&wasm, &Options::default())).expect("compiles");
            let session =
                Session::new(&wasm, &compiled.object, None, LIMITS).map_err(|e| e.to_string()).expect("reads");
            let reports: Vec<_> = prove_all(&session, threads, &|_| {}).into_iter().map(|t| t.report).collect();
            (compiled.object, reports)
        };
        let (one, three) = deep(|| (on(1), on(3)));
        assert!(one.0 == three.0, "program {number}: bytes differ");
        assert_eq!(one.1, three.1, "program {number}");
    }
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}
