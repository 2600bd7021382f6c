//! The assumptions that verdicts name: exactly those that module, contract and code call for. The expected lists are worked out by hand
//! from `docs/ARCHITECTURE.md`.

mod support;

use support::proofs::{deep, prove, verdict};
use synth::native::Request;
use synth::pipeline::{Options, compile};
use synth_validator::contract::{Bounds, MemoryOwner};
use synth_validator::ladder::Limits;
use synth_validator::validate::module::ModuleSession;
use synth_validator::validate::{InputError, Session, Verdict};

const PLAIN: &str = r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (i32.and (local.get 0) (i32.const 255)))))"#;
const IMPORT: &str =
    r#"(module (import "e" "h" (func $h (param i32))) (func (export "f") (param i32) (call $h (local.get 0))))"#;
const TABLE: &str = r#"(module (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $g)
    (func $g (type $t) (i32.const 1)) (func (export "f") (result i32) (call_indirect (type $t) (i32.const 0))))"#;
const DIVIDE64: &str = r#"(module (func (export "f") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1)))
    (func (export "g") (param i32) (result i32) (local.get 0)))"#;
const POINTER: &str =
    r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load offset=8 (local.get 0))))"#;

/// The verdict and the assumptions of each function, joined by blanks.
fn named(text: &str, options: &Options) -> Vec<String> {
    let wasm = wat::parse_str(text).expect("valid text");
    let compiled = compile(&wasm, options).expect("compiles");
    let proof = deep(|| prove(&wasm, &compiled.object, None, Limits::default())).expect("reads");
    assert_eq!(proof.verdict(), Verdict::Proved, "{text}");
    proof.functions.iter().map(|f| f.assumptions.join(" ")).collect()
}

/// Covers TOR-ASSUME-NAMED, TOR-ASSUME-CORE, TOR-ASSUME-STACK, TOR-ASSUME-FRAME, TOR-ASSUME-HOST, TOR-ASSUME-LOAD, TOR-ASSUME-AAPCS,
/// TOR-ASSUME-BOUNDS, TOR-ASSUME-RT, TOR-ASSUME-NATIVE, TOR-ASSUME-PREFIX.
#[test]
fn verdicts_name_what_they_rest_on_and_nothing_else() {
    let software = Options::default;
    assert_eq!(named(PLAIN, &software()), ["A-CORE A-FRAME A-HOST A-STACK"]);
    assert_eq!(named(IMPORT, &software()), ["A-AAPCS A-CORE A-FRAME A-HOST A-STACK"]);
    let all = named(TABLE, &software());
    assert!(!all.is_empty() && all.iter().all(|a| a == "A-AAPCS A-CORE A-FRAME A-HOST A-STACK"), "{all:?}");
    for bounds in [Bounds::None, Bounds::Mpu, Bounds::Mask] {
        assert_eq!(named(PLAIN, &Options { bounds, ..software() }), ["A-BOUNDS A-CORE A-FRAME A-HOST A-STACK"]);
    }
    // Only the function that calls the helper rests on it.
    let helper = named(DIVIDE64, &software());
    assert_eq!(helper, ["A-CORE A-FRAME A-HOST A-STACK A-RT(__aeabi_uldivmod)", "A-CORE A-FRAME A-HOST A-STACK"]);
    let import_prefix = "port_".to_string();
    assert_eq!(
        named(IMPORT, &Options { import_prefix, ..software() }),
        ["A-AAPCS A-CORE A-FRAME A-HOST A-PREFIX(port_) A-STACK"]
    );
    // Symbols of data have it too.
    let data = r#"(module (import "e" "d" (global i32)) (func (export "f") (result i32) (i32.const 1)))"#;
    assert_eq!(
        named(data, &Options { import_prefix: "port_".to_string(), ..software() }),
        ["A-CORE A-FRAME A-HOST A-PREFIX(port_) A-STACK"]
    );
    // The start-up function copies data segments.
    let segment = PLAIN.replace("(memory 1)", r#"(memory 1) (data (i32.const 0) "data")"#);
    assert_eq!(named(&segment, &software()), ["A-CORE A-FRAME A-HOST A-STACK"]);
    assert_eq!(
        named(&segment, &Options { memory: MemoryOwner::Extern, ..software() }),
        ["A-CORE A-FRAME A-HOST A-STACK A-RT(__aeabi_memmove)"]
    );
    let native = Options { native: vec![Request::Param("f".to_string(), 0)], ..software() };
    assert_eq!(named(POINTER, &native), ["A-CORE A-FRAME A-HOST A-NATIVE(f:0) A-STACK"]);
}

/// A function goes by the name of its export, whatever other names say, or by its number; a name of other characters stands in quotes.
///
/// Covers TOR-ASSUME-NATIVE.
#[test]
fn host_addresses_are_named_so_that_no_two_are_confused() {
    let first = |text: &str, function: &str| {
        let native = vec![Request::Param(function.to_string(), 0)];
        named(text, &Options { native, ..Options::default() }).remove(0)
    };
    let text = r#"(module (memory 1)
        (func $sem_give (export "evil") (param i32) (result i32) (i32.load (local.get 0)))
        (func $evil (export "sem_give") (param i32) (result i32) (i32.load offset=4 (local.get 0))))"#;
    assert_eq!(first(text, "evil"), "A-CORE A-FRAME A-HOST A-NATIVE(evil:0) A-STACK");
    assert_eq!(first(text, "sem_give"), "A-CORE A-FRAME A-HOST A-NATIVE(sem_give:0) A-STACK");
    let inner = r#"(module (memory 1) (func $f (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "f") (param i32) (result i32) (call $f (local.get 0))))"#;
    assert_eq!(first(inner, "f"), "A-CORE A-FRAME A-HOST A-NATIVE(func[0]:0, f:0) A-STACK");
    let odd = POINTER.replace(r#""f""#, r#""f:0, g""#);
    assert_eq!(first(&odd, "f:0, g"), r#"A-CORE A-FRAME A-HOST A-NATIVE("f:0, g":0) A-STACK"#);
}

/// Covers TOR-ASSUME-CAPACITY.
#[test]
fn verdicts_between_modules_name_theirs() {
    let wasm = wat::parse_str(PLAIN).expect("valid text");
    let claim = ModuleSession::unaided(&wasm, &wasm).expect("readable").0.remove(0).claim;
    let session = ModuleSession::new(&wasm, &wasm, claim, Limits::default()).expect("readable");
    let report = deep(|| session.function(0));
    assert_eq!(
        (report.verdict, report.assumptions.join(" ")),
        (Verdict::Proved, "A-CAPACITY(65536) A-HOST A-STACK".to_string())
    );
}

/// A claim does not rename exports: who calls `add` calls what the module exports as `add`, or the trampoline of that name.
///
/// Covers TOR-CONTRACT-NAMES.
#[test]
fn claims_do_not_rename_exports() {
    let wasm = wat::parse_str(PLAIN).expect("valid text");
    for (symbol, is_right) in [("__synth_marshalled_f", true), ("g", false), ("__synth_marshalled_g", false)] {
        let export_symbols = [("f".to_string(), symbol.to_string())].into();
        let compiled = compile(&wasm, &Options { export_symbols, ..Options::default() }).expect("compiles");
        let found = Session::new(&wasm, &compiled.object, None, Limits::default());
        assert_eq!(found.is_ok(), is_right, "{symbol}");
    }
}

/// The symbol of an import is what a trampoline is called: the import's calls go there.
///
/// Covers TOR-CONTRACT-NAMES.
#[test]
fn no_import_is_called_as_a_trampoline_is() {
    let module = |export: &str| {
        format!(
            r#"(module (import "m" "f" (func $a (param i32) (result i32))) (import "n" "f" (func $b (param i32) (result i32)))
            (func (export "{export}") (param i32) (result i32) (call $a (call $b (local.get 0)))))"#
        )
    };
    let trampoline = |export: &str| [(export.to_string(), format!("__synth_marshalled_{export}"))].into();
    let options = |export: &str| Options { export_symbols: trampoline(export), ..Options::default() };
    let [right, wrong] = ["m_g", "m_f"].map(|export| wat::parse_str(module(export)).expect("valid text"));
    let object = compile(&right, &options("m_g")).expect("compiles").object;
    assert_eq!(verdict(&right, &object, None), Verdict::Proved);
    let refused = compile(&wrong, &options("m_f")).expect_err("two meanings of m_f");
    assert!(refused.to_string().contains("m_f as the symbol of an import and of something else"), "{refused}");
    // What a compiler would have made that does not refuse it.
    let renamed: Vec<u8> = {
        let mut file = object;
        for at in 0..file.len() - 3 {
            if &file[at..at + 3] == b"m_g" {
                file[at + 2] = b'f';
            }
        }
        file
    };
    assert_ne!(verdict(&wrong, &renamed, None), Verdict::Proved);
}

/// What a claim says of names stands in the lines that people read: it has no lines of its own.
///
/// Covers TOR-CONTRACT-NAMES.
#[test]
fn claims_write_no_text_into_contracts() {
    let wasm = wat::parse_str(PLAIN).expect("valid text");
    let compiled = compile(&wasm, &Options::default()).expect("compiles");
    let fits = |prefix: &str, export: Option<&str>| {
        let mut claim = compiled.claim.clone();
        claim.contract.import_prefix = prefix.to_string();
        let symbol = |export: &str| (export.to_string(), format!("__synth_marshalled_{export}"));
        claim.contract.export_symbols = export.map(symbol).into_iter().collect();
        match Session::new(&wasm, &compiled.object, Some(claim), Limits::default()) {
            Err(InputError::Claim(why)) => Some(why),
            _ => None,
        }
    };
    assert_eq!(fits("", None), None);
    for prefix in ["\ncontract: ", "9", "a b"] {
        assert!(fits(prefix, None).is_some_and(|why| why.contains("of imports") && !why.contains('\n')), "{prefix:?}");
    }
    for export in ["g", "f\nassumptions: none"] {
        assert!(
            fits("", Some(export)).is_some_and(|why| why.contains("the export") && !why.contains('\n')),
            "{export:?}"
        );
    }
    for name in ["machine", "wasm", "", "simplify\nimage: Proved", "Simplify", "rewrit."] {
        let mut claim = compiled.claim.clone();
        claim.functions[0].stages[0].name = name.to_string();
        let found = Session::new(&wasm, &compiled.object, Some(claim), Limits::default());
        assert!(
            matches!(&found, Err(InputError::Claim(why)) if why.contains("a form has the name") && !why.contains('\n')),
            "{name:?}"
        );
    }
    let mut contract = compiled.claim.contract;
    contract.export_symbols = [("f\n, g".to_string(), "x".to_string())].into();
    assert!(contract.to_string().ends_with(r#"behind trampolines: "f\n, g""#), "{contract}");
}

/// Covers TOR-CONTRACT-FITS.
#[test]
fn contracts_that_do_not_fit_are_refused() {
    let wasm = wat::parse_str(PLAIN.replace("(memory 1)", "(memory 2 3)")).expect("valid text");
    let page = 65_536;
    let with = |bounds: Bounds, capacity_bytes: u32| {
        let compiled = compile(&wasm, &Options::default()).expect("compiles");
        let mut claim = compiled.claim.clone();
        claim.contract.bounds = bounds;
        claim.contract.capacity_bytes = capacity_bytes;
        match Session::new(&wasm, &compiled.object, Some(claim), Limits::default()) {
            Err(InputError::Claim(why)) => why,
            Err(other) => panic!("{other}"),
            Ok(_) => "fits".to_string(),
        }
    };
    assert_eq!(with(Bounds::Software, 2 * page), "fits");
    assert_eq!(with(Bounds::Software, 3 * page), "fits");
    for capacity in [0, page, 2 * page + 4, 4 * page, 1 << 31, u32::MAX] {
        let why = with(Bounds::Software, capacity);
        assert!(why.contains("does not fit a memory of 131072 to 196608 bytes"), "{capacity}: {why}");
    }
    assert!(with(Bounds::Mask, 3 * page).contains("not a power of two"));
}
