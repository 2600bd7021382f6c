//! The official specification suite, 1.0 and 2.0, executed four ways; counts go to `docs/conformance/spec-suite.md`.
//!
//! `BLESS=1 cargo test --test spec_suite` writes the table, a plain run compares it.

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
mod spec;
mod support;

use spec::firmware::{self, Job};
use spec::interpreted::{self, Built, Prepared};
use spec::outcome::{Answer, judge};
use spec::report::{self, Row};
use spec::script::{self, File};
use spec::{proved, refused};
use support::proofs::deep_map;

/// A file after ways 1 and 2.
struct Ran {
    prepared: Prepared,
    built: Vec<Result<Built, Answer>>,
    ways: [Vec<Answer>; 2],
    /// Of ways 1, 2 and 4, to directives that want a module refused.
    refused: Vec<Option<[Answer; 3]>>,
}

fn run(file: &File) -> Ran {
    let mut prepared = interpreted::prepare(file);
    let one = interpreted::way_1(file, &mut prepared);
    let built = interpreted::build(file, &prepared);
    let two = interpreted::way_2(file, &prepared, &built);
    let refused = file.directives.iter().map(|directive| refused::refused(&directive.step)).collect();
    Ran { prepared, built, ways: [one, two], refused }
}

#[test]
fn the_specification_suite_holds_in_four_ways() {
    let files = script::files();
    let ran = deep_map(&files, run);
    let jobs: Vec<Job<'_>> = files.iter().zip(&ran).map(|(file, ran)| job(file, ran)).collect();
    let (images, way_3) = firmware::way_3(&jobs);
    let compiled: Vec<_> = files.iter().zip(&ran).map(|(file, ran)| (file, ran.built.as_slice())).collect();
    let modules = proved::way_4(&compiled);
    let mut rows = Vec::new();
    for (((file, ran), three), modules) in files.iter().zip(ran).zip(way_3).zip(&modules) {
        let four = proved::answers(file, &ran.built, modules);
        let [one, two] = ran.ways;
        let mut ways = [one, two, three, four];
        for (d, refused) in ran.refused.into_iter().enumerate() {
            for (way, answer) in [0, 1, 3].into_iter().zip(refused.into_iter().flatten()) {
                ways[way][d] = answer;
            }
        }
        let judged = |answers: Vec<Answer>| {
            file.directives.iter().zip(&answers).map(|(directive, answer)| judge(&directive.step, answer)).collect()
        };
        rows.push(Row { file, outcomes: ways.map(judged), modules });
    }
    println!("{images} boots");
    let faults = report::faults(&rows);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    generated::table("spec-suite", "The specification suite", &report::text(&rows));
}

fn job<'a>(file: &'a File, ran: &'a Ran) -> Job<'a> {
    Job { file, prepared: &ran.prepared, built: &ran.built, way_2: &ran.ways[1] }
}
