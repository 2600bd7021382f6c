//! The record of one identified run of the tests, as `scripts/record-tests.sh` writes it, and which of its results belong to which test
//! of the sources.

use super::requirements::Test;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the record's form.
pub const SCHEMA: u32 = 1;
/// What a record says it is.
pub const KIND: &str = "synth test record";
/// What a record of all tests says it selected.
pub const ALL: &str = "all";

/// A record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: u32,
    /// [`KIND`].
    pub kind: String,
    /// The commit whose tests ran: 40 hexadecimal digits.
    pub commit: String,
    /// The digest of the sources that they ran against.
    pub source_sha256: String,
    /// [`ALL`], or the command that chose a part of the tests.
    pub selection: String,
    /// Runs of cargo.
    pub runs: Vec<Run>,
    /// Date and host: facts that no other part depends on.
    pub environment: BTreeMap<String, String>,
}

/// One run of cargo.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Features that were switched on.
    pub features: String,
    /// Test programs.
    pub binaries: Vec<Binary>,
}

/// A test program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binary {
    /// Its root source file, from the root.
    pub source: String,
    /// Whether it exited 0.
    pub ended_well: bool,
    /// Results by name of the test, with the modules that it is in.
    pub tests: BTreeMap<String, Outcome>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It passed.
    Ok,
    /// It was told not to run.
    Ignored,
    /// The program listed it and said nothing of it.
    Missing,
    /// It failed.
    Failed,
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no record, or of another form.
    Form(String),
    /// It is about another commit.
    Commit(String),
    /// It is about other sources.
    Sources(String),
    /// It has no test.
    Empty,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Form(why) => write!(f, "this is no record of tests: {why}"),
            Refused::Commit(found) => write!(f, "the tests ran at another commit, {found}"),
            Refused::Sources(found) => write!(f, "the tests ran against other sources, of digest {found}"),
            Refused::Empty => write!(f, "the record has no test"),
        }
    }
}

/// Reads a record and compares it with the commit and the sources that the report is about.
///
/// # Errors
/// See [`Refused`].
pub fn read(text: &str, commit: &str, source_sha256: &str) -> Result<Record, Refused> {
    let record: Record = serde_json::from_str(text).map_err(|e| Refused::Form(e.to_string()))?;
    if record.schema != SCHEMA || record.kind != KIND {
        let said = format!("it says `{}`, schema {}", record.kind, record.schema);
        return Err(Refused::Form(said));
    }
    if record.commit != commit {
        return Err(Refused::Commit(record.commit));
    }
    if record.source_sha256 != source_sha256 {
        return Err(Refused::Sources(record.source_sha256));
    }
    if record.runs.iter().flat_map(|r| &r.binaries).all(|b| b.tests.is_empty()) {
        return Err(Refused::Empty);
    }
    Ok(record)
}

/// A result with its program and features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Root source file of the test program.
    pub program: String,
    /// Name of the test in it.
    pub name: String,
    /// Features.
    pub features: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// Folder of a test program's own modules: those of `tests/image/main.rs` are in `tests/image`, those of `tests/cli.rs` in `tests`.
fn folder(root: &str) -> &str {
    root.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a test program may have a source file in it.
fn may_contain(program: &str, file: &str) -> bool {
    program == file || file.starts_with(folder(program)) && folder(file) != folder(program) || {
        // Modules beside a root: those of `src/lib.rs`, or of a folder with `main.rs`.
        let root = program.rsplit('/').next().unwrap_or_default();
        folder(file) == folder(program) && matches!(root, "lib.rs" | "main.rs")
    }
}

/// Whether the name of a test in a program is that of a function of a file: it ends with it, and the modules are those of the file.
fn is_named(program: &str, file: &str, name: &str, function: &str) -> bool {
    let mut parts: Vec<&str> = name.split("::").collect();
    if parts.pop() != Some(function) {
        return false;
    }
    if program == file {
        return parts.len() <= 1;
    }
    let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let module = stem.rsplit('/').next().unwrap_or_default();
    // The file's module is the last one, or the last but one where tests are in a module of their own.
    parts.iter().rev().take(2).any(|part| *part == module)
}

/// By test of the sources: its results.
pub fn results(record: &Record, tests: &[Test]) -> Vec<Vec<Ran>> {
    let all = record.runs.iter().flat_map(|run| run.binaries.iter().map(move |binary| (run, binary)));
    let all: Vec<(&Run, &Binary)> = all.collect();
    let of = |test: &Test| {
        let file = &test.place.file;
        let mut found = Vec::new();
        for (run, binary) in all.iter().filter(|(_, b)| may_contain(&b.source, file)) {
            let named = binary.tests.iter().filter(|(name, _)| is_named(&binary.source, file, name, &test.name));
            found.extend(named.map(|(name, outcome)| Ran {
                program: binary.source.clone(),
                name: name.clone(),
                features: run.features.clone(),
                outcome: *outcome,
            }));
        }
        found
    };
    tests.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_and_functions() {
        let check = |program: &str, file: &str, name: &str, function: &str, expected: bool| {
            let found = may_contain(program, file) && is_named(program, file, name, function);
            assert_eq!(found, expected, "{program} {file} {name} {function}");
        };
        check("tests/cli.rs", "tests/cli.rs", "json_is_json", "json_is_json", true);
        check("tests/cli.rs", "tests/back.rs", "spills", "spills", false);
        check("tests/image/main.rs", "tests/image/boots.rs", "boots::traps", "traps", true);
        check("tests/image/main.rs", "tests/image/host.rs", "boots::traps", "traps", false);
        check("tests/spec_suite.rs", "tests/spec/proved.rs", "spec::proved::counts", "counts", true);
        check("src/lib.rs", "src/passes/rewrite/cost.rs", "passes::rewrite::cost::tests::one", "one", true);
        check("src/lib.rs", "src/passes/gvn.rs", "passes::rewrite::cost::tests::one", "one", false);
        check("validator/src/lib.rs", "src/passes/gvn.rs", "gvn::tests::one", "one", false);
        check("lemmas/src/lib.rs", "lemmas/src/lib.rs", "tests::shipped", "shipped", true);
        check("validator/tests/laws.rs", "tests/laws.rs", "what", "what", false);
    }

    #[test]
    fn records_of_other_commits_sources_and_forms_are_refused() {
        let record = |commit: &str, schema: u32, tests: &str| {
            format!(
                r#"{{"schema": {schema}, "kind": "{KIND}", "commit": "{commit}", "source_sha256": "d", "selection": "all",
                "runs": [{{"features": "", "binaries": [{{"source": "tests/a.rs", "ended_well": true, "tests": {{{tests}}}}}]}}],
                "environment": {{}}}}"#
            )
        };
        assert!(read(&record("c", 1, r#""a": "ok""#), "c", "d").is_ok());
        assert_eq!(read(&record("b", 1, r#""a": "ok""#), "c", "d").err(), Some(Refused::Commit("b".to_string())));
        assert_eq!(read(&record("c", 1, r#""a": "ok""#), "c", "e").err(), Some(Refused::Sources("d".to_string())));
        assert_eq!(read(&record("c", 1, ""), "c", "d").err(), Some(Refused::Empty));
        for wrong in [record("c", 2, r#""a": "ok""#), record("c", 1, r#""a": "fine""#), "{}".to_string(), String::new()]
        {
            assert!(matches!(read(&wrong, "c", "d"), Err(Refused::Form(_))), "{wrong}");
        }
    }
}
