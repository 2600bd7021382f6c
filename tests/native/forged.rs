//! Objects and claims that compilers could have made who take host addresses for more than the module does with them.

use super::support::assembler::{assembled, function, memory, memory_bytes};
use super::support::proofs::{deep, verdict};
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::contract::Native;
use synth_validator::ladder::Limits;
use synth_validator::validate::{Session, Verdict};

/// Code reads where the module reads and writes where it writes, since the same call: a constant may lie in flash, and what the module gives
/// away in a call is no longer its own.
///
/// Covers TOR-CLAUSE-HOST.
#[test]
fn code_reads_and_writes_what_the_module_does_and_when_it_does() {
    let text = r#"(module (import "env" "release" (func $r (param i32))) (memory 1)
        (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
        (func (export "take") (param i32) (result i32) (local i32)
            (local.set 1 (i32.load (local.get 0))) (call $r (local.get 0)) (local.get 1)))"#;
    let module = wat::parse_str(text).expect("valid text");
    let requests = ["peek:0", "poke:0", "take:0", "release:0"];
    let native = requests.iter().map(|r| r.parse().expect("a request")).collect();
    let claim = compile(&module, &Options { native, ..Options::default() }).expect("compiles").claim;
    let folder = Folder::new().expect("a folder");
    let is_proved = |[peek, poke, after]: [&str; 3]| {
        let take = format!(
            "push {{r4, r5, r6, lr}}\nmov r4, r0\nldr r5, [r0]\nbl release\n{after}mov r0, r5\npop {{r4, r5, r6, pc}}"
        );
        let functions = [
            function(1, "peek", &format!("mov r1, r0\nldr r0, [r1]\n{peek}bx lr")),
            function(2, "poke", &format!("{poke}str r1, [r0]\nbx lr")),
            function(3, "take", &take),
        ];
        let object = assembled(&folder, &(functions.concat() + &memory(65_536) + &memory_bytes(65_536)));
        let found = deep(|| verdict(&module, &object, Some(claim.clone())));
        println!("{}: {}", found.name(), found.detail());
        found == Verdict::Proved
    };
    assert!(is_proved(["", "", ""]));
    assert!(is_proved(["ldr r0, [r1]\n", "str r1, [r0]\n", ""]));
    assert!(!is_proved(["str r0, [r1]\n", "", ""]), "a store of what is there");
    assert!(!is_proved(["", "ldr r2, [r0]\n", ""]), "a load of what is overwritten");
    assert!(!is_proved(["", "", "ldr r1, [r4]\n"]), "a load after it was given away");
}

/// A contract in a claim names parameters of functions inside, or leaves them out, so that host addresses go where numbers are meant.
///
/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn contracts_with_callers_and_callees_that_disagree_are_refused() {
    let module = r#"(module (memory 1) (table 1 funcref) (elem (i32.const 0) $get) (global $sp (mut i32) (i32.const 1024))
        (type $t (func (param i32) (result i32)))
        (func $get (type $t) (i32.load (local.get 0)))
        (func (export "f") (param $p i32) (result i32) (call $get (local.get $p)))
        (func (export "g") (result i32) (call $get (i32.sub (global.get $sp) (i32.const 8))))
        (func (export "h") (param $p i32) (result i32) (call_indirect (type $t) (local.get $p) (i32.const 0))))"#;
    let module = wat::parse_str(module).expect("valid text");
    let compiled = compile(&module, &Options::default()).expect("compiles");
    let param = |f: u32| Native::Param(f, 0);
    for (native, is_right) in [
        (vec![], true),
        (vec![param(0)], false),
        (vec![param(1)], false),
        (vec![param(3)], false),
        (vec![param(0), param(1)], false),
    ] {
        let mut claim = compiled.claim.clone();
        claim.contract.native = native.iter().copied().collect();
        let read = Session::new(&module, &compiled.object, Some(claim), Limits::default());
        assert_eq!(read.is_ok(), is_right, "{native:?}");
    }
}

/// Accesses to the host's memory in a module with these host addresses, which is then proved; none if it is refused, by the compiler as
/// asked and by the validator in a claim.
fn host_accesses(text: &str, requests: &[&str], native: &[Native]) -> Option<usize> {
    let module = wat::parse_str(text).expect("valid text");
    let with = |native| compile(&module, &Options { native, ..Options::default() });
    let asked = with(requests.iter().map(|r| r.parse().expect("a request")).collect());
    let compiled = with(Vec::new()).expect("compiles");
    let mut claim = compiled.claim;
    claim.contract.native = native.iter().copied().collect();
    let claimed = Session::new(&module, &compiled.object, Some(claim.clone()), Limits::default());
    assert_eq!(asked.is_ok(), claimed.is_ok(), "compiler and validator: {text}");
    let asked = asked.ok()?;
    assert_eq!(asked.claim.contract.native, claim.contract.native, "{text}");
    assert_eq!(deep(|| verdict(&module, &asked.object, None)), Verdict::Proved, "{text}");
    Some(claimed.ok()?.module().host_accesses.len())
}

/// A function returns what the contract calls a host address: one, or what lies on the module's stack, was made of one or is one on
/// some ways only.
///
/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn results_named_as_host_addresses_are_none_of_the_modules_own() {
    // `f` returns a word that its contract calls a host address.
    let found = |returned: &str| {
        let text = format!(
            r#"(module (memory 1) (global $sp (mut i32) (i32.const 1024))
            (func $f (export "f") (param $p i32) (result i32) {returned})
            (func (export "g") (param $p i32) (result i32) (i32.load (call $f (local.get $p)))))"#
        );
        let native = [Native::Param(0, 0), Native::Param(1, 0), Native::Result(0, 0)];
        host_accesses(&text, &["f:0", "g:0", "f:result"], &native)
    };
    assert_eq!(found("(i32.add (local.get $p) (i32.const 4))"), Some(1));
    for wrong in [
        "(i32.sub (global.get $sp) (i32.const 16))",
        "(i32.and (i32.sub (global.get $sp) (i32.const 16)) (i32.const -32))",
        "(i32.sub (global.get $sp) (i32.and (global.get $sp) (i32.const 31)))",
        "(i32.shl (i32.shr_u (global.get $sp) (i32.const 5)) (i32.const 5))",
        "(i32.sub (i32.const 0) (i32.sub (i32.const 0) (global.get $sp)))",
        "(i32.and (local.get $p) (i32.const -8))",
        "(i32.add (local.get $p) (local.get $p))",
        "(select (local.get $p) (i32.const 64) (local.get $p))",
        "(if (local.get $p) (then (return (global.get $sp)))) (local.get $p)",
    ] {
        assert_eq!(found(wrong), None, "{wrong}");
    }
}

/// What is a host address on some ways only, or a sum of two, is passed to a function that takes it for a number.
///
/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn addresses_that_may_be_the_hosts_are_passed_to_nobody() {
    let found = |passed: &str| {
        let text = format!(
            r#"(module (memory 1)
            (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "g") (param i32 i32) (result i32)
              (drop (i32.load (local.get 0))) (call $f {passed})))"#
        );
        host_accesses(&text, &["g:0"], &[Native::Param(1, 0)])
    };
    assert_eq!(found("(local.get 1)"), Some(1));
    assert_eq!(found("(i32.lt_u (local.get 0) (local.get 1))"), Some(1), "a number made of an address");
    for wrong in [
        "(local.get 0)",
        "(select (local.get 0) (i32.const 16) (local.get 1))",
        "(i32.add (local.get 0) (local.get 0))",
        "(i32.and (local.get 0) (i32.const -4))",
        "(i32.add (local.get 0) (i32.and (i32.sub (i32.const 0) (local.get 0)) (i32.const 3)))",
        "(select (local.get 0) (i32.and (local.get 0) (i32.const -4)) (local.get 1))",
    ] {
        assert_eq!(found(wrong), None, "{wrong}");
    }
}

/// The low word of an `i64` is an address in the callee, which takes it for a number.
///
/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn addresses_of_the_host_are_passed_in_no_larger_word() {
    let found = |passed: &str| {
        let text = format!(
            r#"(module (memory 1)
            (func $f (export "f") (param i64) (result i32) (i32.load (i32.wrap_i64 (local.get 0))))
            (func (export "g") (param i32 i32) (result i32)
              (drop (i32.load (local.get 0))) (call $f (i64.extend_i32_u {passed}))))"#
        );
        host_accesses(&text, &["g:0"], &[Native::Param(1, 0)])
    };
    assert_eq!(found("(local.get 1)"), Some(1));
    assert_eq!(found("(local.get 0)"), None);
}

/// Counters are mutable globals too, and may be indices behind a host address.
#[test]
fn words_of_a_global_are_added_to_host_addresses() {
    let text = r#"(module (memory 1) (global $n (mut i32) (i32.const 0))
        (func (export "g") (param i32) (result i32)
          (i32.load (i32.add (local.get 0) (i32.shl (global.get $n) (i32.const 2))))))"#;
    assert_eq!(host_accesses(text, &["g:0"], &[Native::Param(0, 0)]), Some(1));
}

/// What the contract calls a host address is named, whether the module accesses it or only passes it on.
///
/// Covers TOR-ASSUME-NAMED.
#[test]
fn host_addresses_of_the_contract_are_named() {
    let module =
        super::support::wasm(r#"(module (memory 1) (func (export "f") (param i32) (result i32) (local.get 0)))"#);
    let native = vec!["f:0".parse().expect("a request")];
    let object = compile(&module, &Options { native, ..Options::default() }).expect("compiles").object;
    let session = Session::new(&module, &object, None, Limits::default()).expect("read");
    let report = deep(|| session.function(0));
    assert!(report.assumptions.iter().any(|a| a == "A-NATIVE(f:0)"), "{:?}", report.assumptions);
}

/// What a call through a table returns is what any function that it may reach returns.
///
/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn results_of_calls_through_tables_may_be_host_addresses() {
    let found = |other: &str, used: &str| {
        let text = format!(
            r#"(module (memory 1) (type $t (func (param i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $id $other)
            (func $id (export "id") (type $t) (drop (i32.load (local.get 0))) (i32.add (local.get 0) (i32.const 4)))
            (func $other (export "other") (type $t) {other})
            (func (export "g") (param i32 i32) (result i32) ({used} (call_indirect (type $t) (local.get 0) (local.get 1)))))"#
        );
        let native = [Native::Param(0, 0), Native::Param(1, 0), Native::Param(2, 0), Native::Result(0, 0)];
        host_accesses(&text, &["id:0", "other:0", "g:0", "id:result"], &native)
    };
    assert_eq!(found("(local.get 0)", "i32.load"), Some(2));
    assert_eq!(found("(i32.const 64)", "i32.clz"), Some(1));
    assert_eq!(found("(i32.const 64)", "i32.load"), None);
}
