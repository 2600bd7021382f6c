//! What generated programs have shown (`tests/whole_pipeline.rs`), each reduced to a small module and a script: it compiles, everything is
//! proved, and the engine, the wasm interpreter and the Arm interpreter agree with each other and with the script.

mod support;

use support::interpreter::{self, Recorder};
use support::observation::disagreements;
use support::{modules, packages, vectors, wasmi_engine};
use synth::error::CompileError;
use synth::pipeline::{Options, compile};
use synth_validator::arm::machine::Machine;
use synth_validator::contract::Bounds;
use synth_validator::ladder::Limits;
use synth_validator::validate::{Session, Verdict};
use synth_validator::wasm::instance::Instance;

/// Steps of one side's script.
const FUEL: u64 = 1_000_000;

/// A module in `tests/findings` with its script, under a bounds mode, with so many pages, without some passes.
fn check(name: &str, bounds: Bounds, memory_pages_max: Option<u32>, left_out: &[&str]) {
    let file = |ending| packages::repository().join("tests/findings").join(name).with_extension(ending);
    let text = |ending| std::fs::read_to_string(file(ending)).unwrap_or_else(|e| panic!("{name}.{ending}: {e}"));
    let wasm = wat::parse_str(text("wat")).unwrap_or_else(|e| panic!("{name}: {e}"));
    let script = vectors::parse(&text("vec")).unwrap_or_else(|e| panic!("{name}: {e}"));
    let left_out = left_out.iter().map(|pass| pass.to_string()).collect();
    let options = Options { bounds, memory_pages_max, left_out, ..Options::default() };
    let compiled = compile(&wasm, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
    let session =
        Session::new(&wasm, &compiled.object, None, Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let functions = session.functions();
    assert!(!functions.is_empty(), "{name}");
    for index in functions {
        let report = session.function(index);
        assert_eq!(report.verdict, Verdict::Proved, "{name}: {}", report.name);
    }
    assert_eq!(session.image(), Verdict::Proved, "{name}");

    let contract = &compiled.claim.contract;
    let engine = wasmi_engine::run(&wasm, &script, Some(contract.capacity_bytes / 65_536))
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(engine.failures.is_empty(), "{name}: {:?}", engine.failures);
    let interface = modules::interface(&wasm).expect("it was read");
    let (module, object) = (session.module(), session.object());
    let host = || Recorder::new(&interface);
    let mut instance = Instance::new(module, &wasm, contract.clone(), host(), FUEL);
    let mut machine = Machine::new(module, object, contract.clone(), host(), FUEL);
    let left = interpreter::run(instance.as_mut().map_err(|e| e.clone()), &interface, &script);
    let right = interpreter::run(machine.as_mut().map_err(|e| e.clone()), &interface, &script);
    for (place, run) in [("wasm interpreter", left), ("Arm interpreter", right)] {
        let found = disagreements(&script, &engine, &run);
        assert!(found.is_empty(), "{name} in the {place}:\n{}", found.join("\n"));
    }
}

/// The other way into a block traps, so that its access is known to trap too: what stands behind it was code that nothing reached.
#[test]
fn certain_traps_leave_no_code_that_nothing_reaches() {
    for pages in [None, Some(2)] {
        check("certain_traps", Bounds::Software, pages, &[]);
        check("certain_traps", Bounds::Software, pages, &["ends"]);
    }
}

/// Products count on copies of signs that were made before a join: the join's relation has to say that they are.
#[test]
fn copies_of_signs_are_known_behind_joins() {
    check("sign_copies", Bounds::Software, None, &[]);
}

/// Two words of the old form are one in the new, which does not need it because they are.
#[test]
fn equal_words_are_known_behind_joins() {
    check("equal_words", Bounds::Software, None, &[]);
}

/// Machine code keeps a word that is zero where a truth value is 0, and takes bits of a word shifted with its sign for those of one shifted
/// without; in an operand of a product, in memory, both were left to the solver.
#[test]
fn truth_values_and_fields_need_no_solver() {
    check("truth_values", Bounds::Software, None, &[]);
}

/// Fields that are written into a word in memory one after the other, by `bfi` where the compiler has made sums of the module's ors.
#[test]
fn fields_of_one_word_are_written_in_a_row() {
    for bounds in [Bounds::Software, Bounds::Mask, Bounds::None] {
        check("bit_fields", bounds, None, &[]);
    }
}

/// A 64-bit divisor that is tested far from the division.
#[test]
fn divisors_are_tested_on_whatever_path() {
    for left_out in [&[][..], &["gvn"], &["licm", "rotate"]] {
        check("far_divisors", Bounds::Software, None, left_out);
    }
}

/// The source of an initialisation is not checked, and is in its segment.
#[test]
fn sources_of_initialisations_are_in_their_segments() {
    for bounds in [Bounds::Software, Bounds::Mask, Bounds::None, Bounds::Mpu] {
        check("segment_source", bounds, None, &[]);
    }
}

/// A loop whose bound is a constant of another block, after inlining.
#[test]
fn bounds_of_rotated_loops_may_be_constants() {
    check("constant_bound", Bounds::Software, None, &[]);
}

/// What a decision says of a word that was compared before a loop.
#[test]
fn words_compared_early_are_known_late() {
    check("early_compare", Bounds::Software, None, &[]);
}

/// A copy of a length that is zero, which a branch before it says.
#[test]
fn bulk_operations_on_no_bytes_change_nothing() {
    check("no_bytes", Bounds::Software, None, &[]);
}

/// A new size of memory is known to be one that it may have where both sides have come to the same event.
#[test]
fn sizes_are_compared_where_both_sides_have_grown() {
    check("growth", Bounds::Software, None, &[]);
}

/// The declared maximum of a masked memory lies between powers of two.
#[test]
fn masked_memories_grow_to_their_declared_maximum() {
    for bounds in [Bounds::Mask, Bounds::Software] {
        check("masked_growth", bounds, Some(3), &[]);
    }
}

/// Names of imports that no symbol can have.
#[test]
fn imports_have_symbols_whatever_their_names() {
    check("import_names", Bounds::Software, None, &[]);
}

/// A block that stands for another one, behind an empty cut point.
#[test]
fn shared_blocks_are_not_at_cut_points() {
    check("shared_traps", Bounds::Mask, None, &[]);
}

/// A table's index is a difference, of which the address has eight times.
#[test]
fn a_remainder_is_a_tables_index() {
    check("table_by_remainder", Bounds::Software, None, &[]);
}

/// What an address is made of is known by another name where the address is used.
#[test]
fn addresses_are_of_values_by_any_name() {
    check("address_names", Bounds::Software, Some(3), &[]);
}

/// One symbol cannot be a function of two types.
#[test]
fn an_import_of_two_types_is_refused() {
    let text = |other: &str| {
        format!(
            r#"(module (import "env" "f" (func (param i32))) (import "env" "f" (func {other}))
                (func (export "g") (call 0 (i32.const 1))))"#
        )
    };
    let compiled = |other: &str| compile(&wat::parse_str(text(other)).expect("well formed"), &Options::default());
    assert!(compiled("(param i32)").is_ok());
    let refused = compiled("(param i64)").expect_err("two types");
    let is_told =
        |refused: &CompileError| refused.to_string().contains("f as the symbol of an import and of something else");
    assert!(matches!(refused, CompileError::Unsupported { .. }) && is_told(&refused), "{refused}");
    // Nor a function and a place: the validator took the address of the one for that of the other, and right code for wrong.
    for imports in [
        r#"(import "env" "f" (func)) (import "env" "f" (global i32))"#,
        r#"(import "env" "f" (global i32)) (import "env" "f" (func))"#,
    ] {
        let text = format!(r#"(module {imports} (func (export "g") (result i32) (call 0) (global.get 0)))"#);
        let refused = compile(&wat::parse_str(text).expect("well formed"), &Options::default()).expect_err("both");
        assert!(is_told(&refused), "{refused}");
    }
}

/// Words are stored that the code computes in another way than the module, and further accesses depend on what memory holds then.
#[test]
fn stored_words_are_equal_each_by_itself() {
    for bounds in [Bounds::Software, Bounds::None] {
        check("stored_words", bounds, None, &[]);
    }
}
