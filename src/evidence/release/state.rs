//! Where everything stands: what came of each test and each requirement, which conditions of objectives hold, and the answer of the first
//! screen.

use super::Inputs;
use super::coverage::Structure;
use super::data::{Data, Objective};
use super::record::{self, Outcome, Ran};
use crate::evidence::assumption::ASSUMPTIONS;
use crate::evidence::page::State;
use serde::Serialize;

/// Reasons of one kind that the first screen lists; the rest is counted.
const LISTED_MAX: usize = 12;

/// What is known of a test or a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result {
    /// All that belongs to it passed.
    Passed,
    /// Something that belongs to it did not run.
    NotRun,
    /// Something that belongs to it failed, or nothing belongs to it.
    Failed,
}

impl Result {
    /// As pages show it.
    pub fn name(self) -> &'static str {
        match self {
            Result::Passed => "pass",
            Result::NotRun => "not run",
            Result::Failed => "fail",
        }
    }
}

/// Where tests and requirements stand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// By test of the sources: its results in the record.
    pub ran: Vec<Vec<Ran>>,
    /// By test of the sources.
    pub tests: Vec<Result>,
    /// By requirement.
    pub requirements: Vec<Result>,
    /// Names of recorded tests that failed or said nothing: program and test.
    pub failed: Vec<String>,
    /// Test programs that ended badly.
    pub programs: Vec<String>,
}

impl Standing {
    /// Joins the record with tests and requirements.
    pub fn new(inputs: &Inputs) -> Standing {
        let (traced, record) = (&inputs.traced, &inputs.record);
        let ran = record::results(record, &traced.tests);
        let of_test = |ran: &Vec<Ran>| match ran.iter().map(|r| r.outcome).max() {
            None | Some(Outcome::Ignored) => Result::NotRun,
            Some(Outcome::Ok) => Result::Passed,
            Some(Outcome::Missing | Outcome::Failed) => Result::Failed,
        };
        let tests: Vec<Result> = ran.iter().map(of_test).collect();
        let of_requirement = |of: &Vec<usize>| of.iter().map(|t| tests[*t]).max().unwrap_or(Result::Failed);
        let requirements = traced.tests_of.iter().map(of_requirement).collect();
        let (mut failed, mut programs) = (Vec::new(), Vec::new());
        for run in &record.runs {
            let with = if run.features.is_empty() { String::new() } else { format!(" (features {})", run.features) };
            for binary in &run.binaries {
                let bad = binary.tests.iter().filter(|(_, o)| matches!(o, Outcome::Failed | Outcome::Missing));
                failed.extend(bad.map(|(name, _)| format!("{} {name}{with}", binary.source)));
                if !binary.ended_well {
                    programs.push(format!("{}{with}", binary.source));
                }
            }
        }
        Standing { ran, tests, requirements, failed, programs }
    }

    /// How many requirements stand like this.
    pub fn count(&self, result: Result) -> usize {
        self.requirements.iter().filter(|r| **r == result).count()
    }

    /// Whether a condition of an objective holds.
    fn holds(&self, condition: &str, inputs: &Inputs) -> bool {
        match condition {
            // The report is refused otherwise, before anything is written.
            "identified" => true,
            "tested" => {
                let all = inputs.record.selection == record::ALL && self.not_run(inputs).is_empty();
                all && self.failed.is_empty() && self.programs.is_empty()
            }
            "covered" => self.requirements.iter().all(|r| *r == Result::Passed),
            "traced" => inputs.traced.problems.is_empty(),
            _ => false,
        }
    }

    /// The status of a row of the objective tables.
    pub fn status<'a>(&self, row: &'a Objective, inputs: &Inputs) -> &'a str {
        let met = row.when.iter().all(|condition| self.holds(condition, inputs));
        if met { &row.status } else { "not done" }
    }

    /// Tests of the sources of which the record has no result, or that they were told not to run.
    fn not_run(&self, inputs: &Inputs) -> Vec<String> {
        let tests = inputs.traced.tests.iter().zip(&self.tests);
        tests.filter(|(_, result)| **result == Result::NotRun).map(|(test, _)| test.id()).collect()
    }

    /// What the first screen answers.
    pub fn state(&self, inputs: &Inputs, data: &Data, structure: &Structure) -> State {
        let mut reasons = Vec::new();
        let mut add = |what: &str, all: Vec<String>| {
            let more = all.len().saturating_sub(LISTED_MAX);
            reasons.extend(all.into_iter().take(LISTED_MAX).map(|one| format!("{what}: {one}")));
            if more > 0 {
                reasons.push(format!("{what}: and {more} more"));
            }
        };
        add("Trace", inputs.traced.problems.iter().map(ToString::to_string).collect());
        add("Test failed", self.failed.clone());
        add("Test program ended badly", self.programs.clone());
        add("Test that did not run", self.not_run(inputs));
        let of = |result: Result| {
            let with = inputs.traced.requirements.iter().zip(&self.requirements);
            with.filter(move |(_, r)| **r == result).map(|(r, _)| r.id.clone()).collect()
        };
        add("Requirement whose tests fail", of(Result::Failed));
        add("Requirement whose tests did not all run", of(Result::NotRun));
        let wrong = inputs.dossier.entries.iter().filter(|e| !e.judged.is_fine());
        add(
            "Lemma or rule",
            wrong
                .map(|e| format!("{} is {}, its broken twin {}", e.name, e.judged.verdict, e.judged.broken_twin))
                .collect(),
        );
        if inputs.record.selection != record::ALL {
            reasons.push(format!("The record has a part of the tests only: {}", inputs.record.selection));
        }
        if inputs.profile != "release" {
            reasons.push(format!(
                "The program is a {} build; what is delivered is a release build, whose digest is another one",
                inputs.profile
            ));
        }
        let ok = reasons.is_empty();
        let requirements = inputs.traced.requirements.len();
        let passed = self.count(Result::Passed);
        let headline = match ok {
            true => format!("All {requirements} requirements are covered by tests that passed"),
            false => format!(
                "Not everything is as it has to be: {passed} of {requirements} requirements are covered by tests that passed"
            ),
        };
        State { ok, headline, reasons, notes: self.notes(inputs, data, structure) }
    }

    fn notes(&self, inputs: &Inputs, data: &Data, structure: &Structure) -> Vec<String> {
        let names = ASSUMPTIONS.map(|a| a.name);
        let status = |wanted: &str| {
            let rows = data.objectives.iter().filter(|o| self.status(o, inputs) == wanted);
            rows.count()
        };
        let open = inputs.known_problems.problem.iter().filter(|p| p.state == "open").count();
        let refused = inputs.traced.requirements.iter().filter(|r| r.text.contains(" Refused are ")).count();
        vec![
            format!(
                "Assumptions on which verdicts may rest, each named in the verdicts that need it: {}.",
                names.join(", ")
            ),
            format!(
                "Objective rows: {} achieved, {} with the user, {} not required at this level, {} not done. All to be checked against the standard.",
                status("achieved"),
                status("with the user"),
                status("not required at this level"),
                status("not done")
            ),
            format!("Open: {open} known problems, each with its effect on verdicts."),
            format!(
                "Refused by the tool, by name: floating-point arithmetic, SIMD, reference types and tail calls; of {refused} encodings some forms."
            ),
            structure.to_string(),
        ]
    }
}
