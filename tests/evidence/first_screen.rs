//! What a reader has to know first stands on the first screen, and the exit code says it too.

use crate::{DONE, Files, Folder, MODULE, made, page, value};
use synth::evidence::build_record::{Build, RefusedEntry};
use synth::evidence::foreign::agreements;
use synth::evidence::module::Package;
use synth::evidence::summary::{SolverAgreement, Solvers};
use synth::evidence::verify::verify;
use synth::evidence::{SCHEMA, page::State};

/// The first screen's banner as the page has it.
fn banner(files: &Files) -> String {
    let page = page(files, "index.html");
    let start = page.find("<section class=\"state").expect("a banner");
    page[start..start + page[start..].find("</section>").expect("its end")].to_string()
}

/// The package says that it is not all right, with this text, on page and in JSON; verified, it is whole and says so as well.
fn says(package: &Package, text: &str) -> State {
    let State { ok, reasons, .. } = &package.state;
    assert!(!ok && reasons.iter().any(|r| r.contains(text)), "{reasons:?}");
    let banner = banner(&package.files);
    assert!(banner.starts_with("<section class=\"state bad\"") && banner.contains(text), "{banner}");
    assert_eq!(value(&package.files, "evidence.json")["state"]["ok"], false);
    let verified = verify(&package.files, 1);
    assert!(verified.damage.is_empty() && !verified.ok(), "{:?}", verified.damage);
    package.state.clone()
}

/// Steps of a region that are enough for most functions of the semaphore and not for all.
#[cfg(feature = "faults")]
const REGION_STEPS: &str = "100";

/// A page's text without the references that its template makes.
#[cfg(feature = "faults")]
fn unescaped(page: &str) -> String {
    page.replace("&#x2f;", "/")
}

/// Verdicts that a proof cache gave are no proofs of this run: the first screen says so, and verifying proves them.
#[test]
fn verdicts_from_a_proof_cache_are_told() {
    let folder = Folder::new("cached");
    let module = folder.corpus("semaphore");
    let compile = |name: &str| {
        let args = ["compile", "--validate", &module, "-o", "k.o", "--proof-cache", "cache", "--evidence", name];
        let (code, out, err) = folder.synth(&args);
        assert_eq!(code, DONE, "{out}{err}");
        folder.files(name)
    };
    let (first, second) = (compile("first"), compile("second"));
    let taken = "Taken from a proof cache and not proved in this run: 7 of 7 verdicts";
    assert!(!banner(&first).contains("proof cache") && banner(&second).contains(taken), "{}", banner(&second));
    assert_eq!(value(&first, "evidence.json")["from_cache"], serde_json::json!([]));
    assert_eq!(value(&second, "evidence.json")["from_cache"], serde_json::json!([5, 6, 7, 8, 9, 10, 11]));
    assert!(page(&second, "functions/5.html").contains("was taken from a proof cache"));
    assert!(page(&first, "functions/5.html").contains("was found in the run that made the package"));
    // All that was proved is the same.
    for path in ["certificate/certificate.json", "trace.json", "obligations/index.json", "object.o"] {
        assert!(first[path] == second[path], "{path}");
    }
    let (code, out, _) = folder.synth(&["report", "verify", "second"]);
    assert_eq!(code, DONE, "{out}");
}

#[test]
fn everything_proved_says_so_and_nothing_else() {
    let package = made(|_| {}, None);
    assert!(package.state.ok, "{:?}", package.state);
    let banner = banner(&package.files);
    assert!(banner.starts_with("<section class=\"state good\""), "{banner}");
    assert!(banner.contains("Everything is proved: 4 of 4 functions and the initial image"), "{banner}");
    assert_eq!(value(&package.files, "findings.sarif")["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn a_refused_pass_is_told_with_its_counterexample() {
    let refused = RefusedEntry {
        function: 2,
        name: "sum".to_string(),
        pass: "gvn".to_string(),
        verdict: "Refuted".to_string(),
        region: Some("entry".to_string()),
        left: None,
        right: None,
        obligation: None,
        detail: "the results differ".to_string(),
        counterexample: Some("entry state <1>".to_string()),
    };
    let refuse = |b: &mut Build| {
        let compilation = b.compilation.as_mut().expect("is recorded");
        let pass = compilation.passes.iter_mut().find(|p| p.pass == refused.pass).expect("a pass");
        assert!(pass.unchanged.contains(&2), "the pass makes no form of it");
        pass.unchanged.retain(|f| *f != 2);
        pass.refused.push(2);
        compilation.refused.push(refused);
    };
    let package = made(refuse, None);
    let state = says(&package, "The validator refused the pass gvn in sum; the code was made without.");
    assert!(state.headline.starts_with("Everything is proved (4 of 4 functions"), "{}", state.headline);
    let function = page(&package.files, "functions/2.html");
    assert!(function.contains("entry state &lt;1&gt;"), "the counterexample, escaped");
    let sarif = value(&package.files, "findings.sarif");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"synth/refused-pass".into(), &"warning".into()), "{sarif}");
}

#[test]
fn a_build_with_faults_and_a_fault_switched_on_are_told() {
    let package = made(|b| b.tool.faults = true, None);
    says(&package, "Made by a build with faults");
    let package = made(|b| b.compilation.as_mut().expect("is recorded").fault = Some("gvn-x".to_string()), None);
    says(&package, "The fault gvn-x of the compiler was switched on");
}

#[test]
fn solvers_that_are_missing_disagree_or_do_not_answer_are_told() {
    let exported = value(&made(|_| {}, None).files, "evidence.json")["exported"].as_u64().expect("a number") as u32;
    assert!(exported >= 1, "there is something to ask about");
    let agreement = SolverAgreement {
        solver: "cvc5".to_string(),
        version: "1".to_string(),
        agreed: exported,
        unknown: 0,
        disagreed: 0,
        failed: 0,
        missing: None,
    };
    let asked = |change: fn(&mut SolverAgreement)| {
        let mut agreement = agreement.clone();
        change(&mut agreement);
        let solvers = Solvers { schema: SCHEMA.to_string(), kind: "solvers".to_string(), solvers: vec![agreement] };
        made(|_| {}, Some(solvers))
    };
    assert!(asked(|_| {}).state.ok);
    says(
        &asked(|a| a.missing = Some("no program cvc5".to_string())),
        "The solver cvc5 cannot be asked: no program cvc5",
    );
    // One that has nothing to answer is started all the same.
    let record = agreements(&["z3=/bin/false".parse().expect("known")], &[]).expect("a record");
    assert!(record.solvers[0].missing.as_ref().is_some_and(|why| why.contains("exit status: 1")), "{record:?}");
    says(&asked(|a| (a.disagreed, a.agreed) = (1, a.agreed - 1)), "The solver cvc5 disagrees on 1 obligations");
    says(&asked(|a| (a.failed, a.agreed) = (1, a.agreed - 1)), "The solver cvc5 gave no answer on 1 obligations");
    says(&asked(|a| (a.unknown, a.agreed) = (1, a.agreed - 1)), "The solver cvc5 gave no answer on 1 obligations");
    says(&asked(|a| a.agreed -= 1), "The solver cvc5 was asked about");
    says(&asked(|a| a.agreed = 0), "The solver cvc5 was asked about 0 of");
}

#[test]
fn a_gate_is_told() {
    says(&made(|b| b.gate = Some("a call survives".to_string()), None), "A gate stopped the build: a call survives.");
}

#[test]
fn an_exhausted_limit_is_told_and_no_object_is_written() {
    let folder = Folder::new("limit");
    let module = folder.corpus("semaphore");
    let args = ["compile", "--validate", &module, "-o", "k.o", "--evidence", "e", "--limit-region-steps", "3"];
    let (code, out, err) = folder.synth(&args);
    assert_eq!(code, 1, "{out}{err}");
    assert!(!folder.path("k.o").exists(), "what is not proved is not written");
    let files = folder.files("e");
    assert!(files.contains_key("object.not-proved") && !files.contains_key("object.o"));
    let banner = banner(&files);
    assert!(banner.contains("Not everything is proved: 0 of 7 functions"), "{banner}");
    assert!(banner.contains("A limit of the proof was reached in"), "{banner}");
    let rules: Vec<String> = value(&files, "findings.sarif")["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| r["ruleId"].as_str().expect("a rule").to_string())
        .collect();
    assert!(rules.iter().any(|r| r == "synth/limit-reached"), "{rules:?}");
    let (code, out, _) = folder.synth(&["report", "verify", "e"]);
    assert_eq!(code, 1);
    assert!(out.contains("files are whole") && out.contains("Not everything is proved"), "{out}");
}

/// Bits of the code of `mix` are flipped until one is refuted by execution.
#[test]
fn a_refuted_function_is_told_in_every_form() {
    let folder = Folder::new("refuted");
    std::fs::write(folder.path("m.wat"), MODULE).expect("writes");
    assert_eq!(folder.synth(&["compile", "m.wat", "-o", "m.o"]).0, 0);
    let object = std::fs::read(folder.path("m.o")).expect("reads");
    // Every instruction of `mix` counts, so a flip in its first ones shows.
    let module = wat::parse_str(MODULE).expect("a module");
    let session = synth_validator::validate::Session::new(&module, &object, None, Default::default()).expect("reads");
    let code = session.object().functions[&3].bytes.clone();
    let at = object.windows(code.len()).position(|w| w == code).expect("the code is in the object");
    let refuted = (0..16 * 2).find(|bit| {
        let mut wrong = object.clone();
        wrong[at + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(folder.path("wrong.o"), &wrong).expect("writes");
        let (code, _, _) = folder.synth(&["report", "module", "m.wat", "wrong.o", "-o", "e", "--replace"]);
        code == 1 && banner(&folder.files("e")).contains("1 function is Refuted: mix.")
    });
    assert!(refuted.is_some(), "no flipped bit was refuted");
    let files = folder.files("e");
    assert!(files.contains_key("object.not-proved"));
    assert!(banner(&files).contains("Not everything is proved: 3 of 4 functions"), "{}", banner(&files));
    let body = wasm_body(&module, 2);
    let sarif = value(&files, "findings.sarif");
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!((&sarif["version"], &run["tool"]["driver"]["name"]), (&"2.1.0".into(), &"synth".into()));
    assert_eq!((&result["ruleId"], &result["level"]), (&"synth/refuted".into(), &"error".into()));
    assert_eq!(
        run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize]["id"],
        result["ruleId"]
    );
    let location = &result["locations"][0];
    let physical = &location["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "m.wat");
    let region = &physical["region"];
    assert_eq!((region["byteOffset"].as_u64(), region["byteLength"].as_u64()), (Some(body.0), Some(body.1)));
    assert_eq!(location["logicalLocations"][0]["name"], "mix");
    let junit = page(&files, "junit.xml");
    let failures = junit.matches("<failure ").count();
    assert_eq!(failures, 2, "the function and the first screen: {junit}");
    assert!(
        junit.contains("<testcase name=\"mix\" classname=\"m.wat\"") && junit.contains("type=\"Refuted\""),
        "{junit}"
    );
    assert!(page(&files, "functions/3.html").contains("Executed on both sides, with different outcomes"));
}

/// Offset and length of the n-th body in the code section, by another reader.
fn wasm_body(module: &[u8], n: usize) -> (u64, u64) {
    let payloads = wasmparser::Parser::new(0).parse_all(module).map(|p| p.expect("parses"));
    let mut bodies = payloads.filter_map(|p| match p {
        wasmparser::Payload::CodeSectionEntry(body) => Some(body.range()),
        _ => None,
    });
    let range = bodies.nth(n).expect("a body");
    (range.start as u64, (range.end - range.start) as u64)
}

/// One build with all that can be open at once: a refused pass, a fault switched on, a solver that is missing, a limit that is too small
/// for one function.
#[cfg(feature = "faults")]
#[test]
fn a_refused_pass_a_fault_a_missing_solver_and_an_exhausted_limit_are_told_together() {
    let folder = Folder::new("four");
    let module = folder.corpus("semaphore");
    let args = ["compile", "--validate", &module, "-o", "k.o", "--evidence", "e", "--fault", "if_convert-exchanged"];
    let more = ["--solver", "cvc5=/nowhere/cvc5", "--limit-region-steps", REGION_STEPS];
    let (code, out, err) = folder.synth(&[&args[..], &more].concat());
    assert_eq!(code, 1, "{out}{err}");
    let files = folder.files("e");
    let banner = unescaped(&banner(&files));
    for text in [
        "Not everything is proved: ",
        "The validator refused the pass if_convert in ",
        "The fault if_convert-exchanged of the compiler was switched on",
        "The solver cvc5 cannot be asked: ",
        "A limit of the proof was reached in ",
    ] {
        assert!(banner.contains(text), "{text}: {banner}");
        assert!(text.starts_with("Not") || out.contains(&format!("open: {text}")), "{text}: {out}");
    }
    assert!(
        !folder.path("k.o").exists() && files.contains_key("object.not-proved"),
        "what is not proved is not written"
    );
    let (code, out, _) = folder.synth(&["report", "verify", "e"]);
    assert!(code == 1 && out.contains("files are whole"), "{out}");
}

/// A fault of a pass is refused; what comes out is proved, and neither the pass nor the fault is kept quiet about.
#[cfg(feature = "faults")]
#[test]
fn the_evidence_of_a_fault_switched_on_says_so() {
    let folder = Folder::new("fault");
    let module = folder.corpus("semaphore");
    let args = ["compile", "--validate", &module, "-o", "k.o", "--evidence", "e", "--fault", "if_convert-exchanged"];
    let (code, out, err) = folder.synth(&args);
    assert_eq!(code, 1, "{out}{err}");
    let files = folder.files("e");
    let banner = banner(&files);
    for text in [
        "The fault if_convert-exchanged of the compiler was switched on",
        "The validator refused the pass if_convert in",
        "Made by a build with faults",
    ] {
        assert!(banner.contains(text), "{text}: {banner}");
    }
    assert!(folder.path("k.o").exists(), "what was made without the pass is proved");
    let refused = value(&files, "evidence.json")["refused"].clone();
    let with_example = refused.as_array().expect("a list").iter().find(|r| r["counterexample"].is_string());
    let index = &with_example.expect("an executed difference")["function"];
    assert!(page(&files, &format!("functions/{index}.html")).contains("Counterexample, executed on both sides"));
    let (code, out, _) = folder.synth(&["report", "verify", "e"]);
    assert!(code == 1 && out.contains("files are whole"), "{out}");
}
