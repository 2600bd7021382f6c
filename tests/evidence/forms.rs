//! Forms that others read: JSON by its schema, pages in a browser, the trace byte by byte.

use crate::{DONE, Files, Folder, MODULE, made, value};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use synth::evidence::SCHEMA;
use synth::evidence::build_record::RefusedEntry;
use synth::evidence::summary::{SolverAgreement, Solvers};

/// Debian's Python, which has the packages that `scripts/setup-test.sh` installs.
const PYTHON: &str = "/usr/bin/python3";

fn script(name: &str, args: &[&Path]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence").join(name);
    let output = Command::new(PYTHON).arg(&script).args(args).output();
    let output = output.expect("python3 runs; scripts/setup-test.sh installs it");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {text}");
    text
}

#[test]
fn every_json_file_has_the_form_of_the_schema() {
    let folder = Folder::new("schema");
    let module = folder.corpus("semaphore");
    let compile = |name: &str, extra: &[&str]| {
        let args = [&["compile", "--validate", &module, "-o", "k.o", "--evidence", name][..], extra].concat();
        folder.synth(&args).0
    };
    assert_eq!(compile("proved", &[]), DONE);
    assert_eq!(compile("open", &["--limit-region-steps", "3"]), 1);
    assert_eq!(compile("unchecked", &["--bounds", "none", "--memory", "extern", "-O1"]), DONE);
    assert_eq!(folder.synth(&["report", "module", &module, "k.o", "-o", "given"]).0, DONE);
    assert_eq!(compile("asked", &["--solver", "cvc5=/nowhere/cvc5"]), 1);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/evidence.schema.json");
    let paths = ["proved", "open", "unchecked", "given", "asked"].map(|name| folder.path(name));
    let paths: Vec<&Path> = [&schema].into_iter().chain(&paths).map(|p| p.as_path()).collect();
    println!("{}", script("schema.py", &paths));
}

/// Source: DDI 0403E, A7.7.262, encoding T1.
const WFI: u16 = 0xbf30;

/// Findings of all rules, as the schema of SARIF says.
#[test]
fn findings_have_the_form_of_sarif() {
    let folder = Folder::new("sarif");
    let put = |name: &str, package: &synth::evidence::module::Package| {
        std::fs::write(folder.path(name), &package.files["findings.sarif"]).expect("writes");
    };
    let refused = RefusedEntry {
        function: 2,
        name: "sum".to_string(),
        pass: "gvn".to_string(),
        verdict: "Refuted".to_string(),
        region: None,
        left: None,
        right: None,
        obligation: None,
        detail: "the results differ".to_string(),
        counterexample: None,
    };
    put("none", &made(|_| {}, None));
    put("pass", &made(|b| b.compilation.as_mut().expect("is recorded").refused.push(refused), None));
    put("fault", &made(|b| b.tool.faults = true, None));
    put("gate", &made(|b| b.gate = Some("a call survives".to_string()), None));
    let missing = SolverAgreement {
        solver: "cvc5".to_string(),
        version: String::new(),
        agreed: 0,
        unknown: 0,
        disagreed: 0,
        failed: 0,
        missing: Some("no program cvc5".to_string()),
    };
    let solvers = Solvers { schema: SCHEMA.to_string(), kind: "solvers".to_string(), solvers: vec![missing] };
    put("asked", &made(|b| b.tool.faults = false, Some(solvers)));
    // An object whose initial memory and whose code are not what they should be, with an instruction that is not modelled.
    std::fs::write(folder.path("m.wat"), MODULE).expect("writes");
    assert_eq!(folder.synth(&["compile", "m.wat", "-o", "m.o"]).0, 0);
    let object = std::fs::read(folder.path("m.o")).expect("reads");
    let module = wat::parse_str(MODULE).expect("a module");
    let session = synth_validator::validate::Session::new(&module, &object, None, Default::default()).expect("reads");
    let mut wrong = object.clone();
    let place = |function: u32| {
        let code = &session.object().functions[&function].bytes;
        object.windows(code.len()).position(|w| w == code).expect("the code is in the object")
    };
    let (mix, rate) = (place(3), place(4));
    wrong[mix] ^= 1;
    wrong[rate..rate + 2].copy_from_slice(&WFI.to_le_bytes());
    wrong[initial_memory(&object) + 16] ^= 0x40;
    std::fs::write(folder.path("wrong.o"), &wrong).expect("writes");
    let report = |object: &str, name: &str, more: &[&str]| {
        let args = [&["report", "module", "m.wat", object, "-o", name][..], more].concat();
        let (code, out, err) = folder.synth(&args);
        assert_eq!(code, 1, "{out}{err}");
        folder.path(name).join("findings.sarif")
    };
    let wrong = report("wrong.o", "wrong", &[]);
    let limit = report("m.o", "limit", &["--limit-region-steps", "3"]);
    let made = ["none", "pass", "fault", "gate", "asked"].map(|name| folder.path(name));
    let files: Vec<&Path> = made.iter().chain([&wrong, &limit]).map(|p| p.as_path()).collect();
    println!("{}", script("sarif.py", &files));
}

/// Where in an object's file linear memory begins.
fn initial_memory(bytes: &[u8]) -> usize {
    use object::{Object, ObjectSection, ObjectSymbol};
    let file = object::File::parse(bytes).expect("an object");
    let symbol = file.symbol_by_name(synth_validator::contract::SYM_MEMORY).expect("is defined");
    let section = file.section_by_index(symbol.section_index().expect("is defined")).expect("a section");
    let (start, _) = section.file_range().expect("has contents");
    let at = (start + symbol.address()) as usize;
    assert_eq!(bytes[at + 16..at + 19], [1, 2, 3]);
    at
}

#[test]
fn pages_work_in_a_browser() {
    let folder = Folder::new("browser");
    let module = folder.corpus("semaphore");
    assert_eq!(folder.synth(&["compile", "--validate", &module, "-o", "k.o", "--evidence", "e"]).0, DONE);
    println!("{}", script("browser.py", &[&folder.path("e")]));
}

/// Every function's code in the trace is the object's, byte by byte, and every piece is covered and explained.
fn accounted(files: &Files, object: &str) {
    use object::{Object, ObjectSection, ObjectSymbol};
    let file = object::File::parse(&files[object][..]).expect("an object");
    let trace = value(files, "trace.json");
    let mut by_symbol: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for symbol in file.symbols().filter(|s| s.name().is_ok_and(|n| n.starts_with("__synth_f"))) {
        let section = file.section_by_index(symbol.section_index().expect("is defined")).expect("a section");
        let at = (symbol.address() & !1) as usize;
        let bytes = section.data().expect("data")[at..at + symbol.size() as usize].to_vec();
        by_symbol.insert(symbol.name().expect("a name").to_string(), bytes);
    }
    assert!(!by_symbol.is_empty());
    for function in trace["functions"].as_array().expect("functions").iter().filter(|f| f["link"] == "machine") {
        let code = function["code"].as_array().expect("code");
        let hex: String = code.iter().map(|p| p["bytes"].as_str().expect("hex")).collect();
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hex")).collect();
        assert_eq!(bytes, by_symbol[&format!("__synth_f{}", function["index"])]);
        for piece in code {
            let is_padding = piece["role"] == "padding";
            assert_ne!(piece["covered_by"].as_array().expect("cuts").is_empty(), !is_padding, "{piece}");
            assert!(piece["origin"].is_u64() || piece["role"].is_string(), "neither operator nor role: {piece}");
        }
    }
    for section in trace["sections"].as_array().expect("sections") {
        assert_eq!(section["bytes"], section["traced"], "{section}");
    }
    assert_eq!(trace["uncovered"], serde_json::json!([]));
}

#[test]
fn the_trace_accounts_for_every_byte_of_code() {
    let package = made(|_| {}, None);
    accounted(&package.files, "object.o");
    let roles = value(&package.files, "trace.json")["without_operator"].clone();
    for role in ["check", "trap", "epilogue", "start-up", "thunk"] {
        assert!(roles[role].as_u64().is_some_and(|n| n > 0), "{role}: {roles}");
    }
    let folder = Folder::new("trace");
    for name in ["semaphore", "branch_tables", "tables", "int64", "multi_value", "kernel_stack"] {
        let module = folder.corpus(name);
        let (code, out, err) = folder.synth(&["compile", "--validate", &module, "-o", "k.o", "--evidence", name]);
        assert_eq!(code, DONE, "{name}: {out}{err}");
        let files = folder.files(name);
        accounted(&files, "object.o");
        assert_eq!(value(&files, "assumptions.json")["unknown"], serde_json::json!([]), "{name}");
        let tables = value(&files, "trace.json")["without_operator"]["branch-table"].clone();
        assert_eq!(tables.is_u64(), name == "branch_tables", "{name}: {tables}");
    }
}

/// A load's bounds check and its trap stand in the trace as what they are, at the offset that another reader finds the load at.
#[test]
fn a_bounds_check_is_named_with_its_load() {
    let package = made(|_| {}, None);
    let trace = value(&package.files, "trace.json");
    let sum = trace["functions"].as_array().expect("functions").iter().find(|f| f["name"] == "sum").expect("sum");
    let load =
        sum["operators"].as_array().expect("operators").iter().find(|o| o["text"] == "i32.load8_u").expect("a load");
    let module = &package.files["module.wasm"];
    // The opcode of i32.load8_u. Source: WebAssembly Core 2.0, 5.4.6.
    assert_eq!(module[load["offset"].as_u64().expect("an offset") as usize], 0x2d);
    let code: Vec<&Value> = sum["code"].as_array().expect("code").iter().collect();
    let role = |role: &str| code.iter().filter(|p| p["role"] == role && p["trap"] == "out-of-bounds-memory").count();
    assert!(role("check") >= 1 && role("trap") == 1, "{code:?}");
    let loads: Vec<&&Value> =
        code.iter().filter(|p| p["text"].as_str().is_some_and(|t| t.starts_with("ldrb"))).collect();
    assert!(loads.iter().any(|p| p["origin"] == load["offset"]), "{loads:?}");
}
