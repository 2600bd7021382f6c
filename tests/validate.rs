//! Filetests of whole proofs: `tests/validate/<verdict>/<topic>.wat`.
//!
//! A file is compiled, and its object proved, function by function and image; the folder is the expected verdict, the
//! first one that is not `Proved`. Header lines `;;! key: value`:
//!
//! | Key | Meaning |
//! |---|---|
//! | `target` | `cortex-m3`, `cortex-m4`, `cortex-m7` |
//! | `bounds` | `software`, `mpu`, `mask`, `none` |
//! | `module` | the file (below `tests/validate`) of the module that the object is proved against, if not this one |
//! | `claim` | what is done to the claim: `no-functions`, `no-stages`, `no-cuts`, `contradictory-cuts`, `contradictory-dead-cut` |
//! | `limits` | steps allowed to the prover |
//! | `verdict` | `not-proved`: any verdict but `Proved` will do |

mod support;

use smallvec::smallvec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::proofs::{deep_map, prove};
use synth::compile::Core;
use synth::error::CompileError;
use synth::pipeline::{Options, compile};
use synth_validator::claim::Claim;
use synth_validator::contract::Bounds;
use synth_validator::ir::{BlockData, Terminator, Type};
use synth_validator::ladder::Limits;
use synth_validator::trap::TrapKind;
use synth_validator::validate::Verdict;
use synth_validator::witness::{Cut, Loc};

const VERDICTS: [&str; 5] = ["proved", "refuted", "vacuous", "unknown", "unsupported"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate")
}

struct Test {
    name: String,
    text: String,
    header: BTreeMap<String, String>,
}

impl Test {
    fn read(folder: &str, path: &Path) -> Test {
        let text = std::fs::read_to_string(path).expect("readable");
        let name = format!("{folder}/{}", path.file_name().expect("named").to_string_lossy());
        let line = |line: &str| {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line} is no header line"));
            (key.trim().to_string(), value.trim().to_string())
        };
        let header: BTreeMap<String, String> = text.lines().filter_map(|l| l.strip_prefix(";;!")).map(line).collect();
        let known = ["target", "bounds", "module", "claim", "limits", "verdict"];
        let unknown = header.keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(unknown, None, "{name}: no such key");
        Test { name, text, header }
    }

    fn key(&self, key: &str) -> Option<&str> {
        self.header.get(key).map(String::as_str)
    }

    fn options(&self) -> Options {
        let core = match self.key("target") {
            Some("cortex-m3") => Core::CortexM3,
            Some("cortex-m4") => Core::CortexM4,
            Some("cortex-m7") => Core::CortexM7,
            other => panic!("{}: target {other:?}", self.name),
        };
        let bounds = match self.key("bounds") {
            Some("software") => Bounds::Software,
            Some("mpu") => Bounds::Mpu,
            Some("mask") => Bounds::Mask,
            Some("none") => Bounds::None,
            other => panic!("{}: bounds {other:?}", self.name),
        };
        Options { core, bounds, ..Options::default() }
    }

    /// The verdict and what belongs to it.
    fn run(&self) -> Verdict {
        let wasm = wat::parse_str(&self.text).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let compiled = match compile(&wasm, &self.options()) {
            Ok(compiled) => compiled,
            Err(unsupported @ CompileError::Unsupported { .. }) => {
                return Verdict::Unsupported(unsupported.to_string());
            }
            Err(other) => panic!("{}: {other}", self.name),
        };
        let module = match self.key("module") {
            None => wasm,
            Some(file) => wat::parse_file(root().join(file)).unwrap_or_else(|e| panic!("{}: {e}", self.name)),
        };
        let limits = match self.key("limits").map(|steps| steps.parse::<u32>().expect("a number")) {
            None => Limits::default(),
            Some(steps) => Limits { smt_steps: steps, full_steps: steps, region_steps: steps, queries: steps },
        };
        let claim = self.key("claim").map(|change| change_claim(compiled.claim, change));
        let proof = prove(&module, &compiled.object, claim, limits);
        proof.unwrap_or_else(|e| panic!("{}: {e}", self.name)).verdict()
    }

    fn check(&self, folder: &str) -> Result<&'static str, String> {
        let verdict = self.run();
        let any = self.key("verdict") == Some("not-proved");
        assert!(!any || folder != "proved", "{}: contradicts itself", self.name);
        let holds = if any { verdict != Verdict::Proved } else { verdict.name().to_lowercase() == folder };
        match holds {
            true => Ok(verdict.name()),
            false => Err(format!("{}: {}: {}", self.name, verdict.name(), verdict.detail())),
        }
    }
}

fn change_claim(mut claim: Claim, change: &str) -> Claim {
    let function = &mut claim.functions[0];
    match change {
        "no-functions" => claim.functions.clear(),
        "no-stages" => function.stages.clear(),
        "no-cuts" => function.witness.cuts.clear(),
        "contradictory-cuts" => {
            assert!(!function.witness.cuts.is_empty(), "no cut to be changed");
            function.witness.cuts.iter_mut().for_each(|cut| cut.equal.push((Loc::Const(0), Loc::Const(1))));
        }
        "contradictory-dead-cut" => {
            let stage = &mut function.stages[0];
            let word = stage.func.value(Type::I32);
            let end = Terminator::Trap(TrapKind::Unreachable);
            stage.func.blocks.push(BlockData { params: smallvec![word], insts: vec![], end, end_origin: 0 });
            let right = stage.func.blocks.len() as u64 - 1;
            let equal = [0, 1].map(|k| (Loc::Const(k), Loc::Value(word, 0))).to_vec();
            let left = stage.witness.cuts[0].left;
            stage.witness.cuts.push(Cut { left, right, equal, ..Cut::default() });
        }
        other => panic!("no such change of a claim: {other}"),
    }
    claim
}

fn tests(folder: &str) -> Vec<(String, Test)> {
    let files = std::fs::read_dir(root().join(folder)).expect("a folder for each verdict");
    let mut paths: Vec<PathBuf> = files.map(|e| e.expect("readable").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "wat"));
    paths.sort();
    paths.iter().map(|path| (folder.to_string(), Test::read(folder, path))).collect()
}

/// Covers TOR-VERDICT-PROVED, TOR-VERDICT-REFUTED, TOR-VERDICT-UNKNOWN, TOR-VERDICT-UNSUPPORTED, TOR-VERDICT-VACUOUS,
/// TOR-VERDICT-EMPTY, TOR-LIMIT-UNKNOWN, TOR-CLAUSE-LOOPS, TOR-CLAUSE-DIVERGES, TOR-CLAUSE-CALLS, TOR-CLAUSE-GLOBALS, TOR-CLAUSE-TRAPS,
/// TOR-CLAUSE-TRAPSTATE, TOR-CONTRACT-NAMES, TOR-CONTRACT-BOUNDS.
#[test]
fn verdicts_are_as_the_folders_say() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut all: Vec<(String, Test)> = VERDICTS.iter().flat_map(|folder| tests(folder)).collect();
    all.retain(|(_, test)| test.name.contains(&only));
    let results = deep_map(&all, |(folder, test)| test.check(folder));
    for folder in VERDICTS {
        println!("{folder}: {}", all.iter().filter(|(f, _)| f == folder).count());
        assert!(!only.is_empty() || all.iter().any(|(f, _)| f == folder), "no test in {folder}");
    }
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {} are not as expected:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// Each proved loop has the four twins that matter.
///
/// Covers TOR-CLAUSE-LOOPS.
#[test]
fn loops_have_twins() {
    for proved in ["loop_trip_count", "loop_nested", "loop_calls", "loop_stores"] {
        assert!(root().join("proved").join(proved).with_extension("wat").is_file(), "{proved}");
        for fault in ["wrong_bound", "missing_store", "wrong_step", "infinite_loop"] {
            assert!(root().join(format!("refuted/{proved}_{fault}.wat")).is_file(), "{proved}_{fault}");
        }
    }
}
