//! What is known of each lemma and each selection rule: statement, verdict, rung, steps, broken twin, the obligation as SMT-LIB.

use super::requirements::Place;
use super::smtlib;
use super::uses::{self, Uses};
use crate::selection::{Rule, proof};
use rayon::prelude::*;
use serde::Serialize;
use synth_lemmas::Lemma;
use synth_validator::ladder::Open;
use synth_validator::lemma::{prove, prove_counted, refutes};

/// What proving something and its broken twin gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The verdict's name.
    pub verdict: &'static str,
    /// The last rung that was needed, if it is proved.
    pub rung: Option<&'static str>,
    /// Solver steps taken; not counted for rules.
    pub solver_steps: Option<u64>,
    /// Choices of constants and registers that were proved; only of rules.
    pub instances: Option<usize>,
    /// The verdict on the broken twin: `Refuted` as it must be, or something else.
    pub broken_twin: &'static str,
}

impl Judged {
    /// Whether it is proved and its broken twin refuted.
    pub fn is_fine(&self) -> bool {
        self.verdict == "Proved" && self.broken_twin == "Refuted"
    }
}

/// Proves a lemma and refutes its broken twin by execution.
pub fn judge_lemma(lemma: &Lemma) -> Judged {
    let (result, steps) = prove_counted(lemma);
    let verdict = match &result {
        Ok(_) => "Proved",
        Err(Open::Model(model)) if refutes(lemma, model) => "Refuted",
        Err(_) => "Unknown",
    };
    let twin = lemma.broken_twin();
    let broken_twin = match prove(&twin) {
        Err(Open::Model(model)) if refutes(&twin, &model) => "Refuted",
        Ok(_) => "Proved",
        Err(_) => "Unknown",
    };
    let rung = result.ok().map(|rung| rung.name());
    Judged { verdict, rung, solver_steps: Some(steps), instances: None, broken_twin }
}

/// Proves a selection rule on the bytes of its instructions and refutes its broken twin.
pub fn judge_rule(rule: &Rule) -> Judged {
    let verdict = proof::prove(rule);
    let (rung, instances) = match &verdict {
        proof::Verdict::Proved(rung, instances) => (Some(rung.name()), Some(*instances)),
        _ => (None, None),
    };
    let broken_twin = proof::prove(&rule.broken_twin()).name();
    Judged { verdict: verdict.name(), rung, solver_steps: None, instances, broken_twin }
}

/// The kind of lemmas.
const LEMMA: &str = "lemma";

/// An entry of the dossier.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Permanent name.
    pub name: String,
    /// [`LEMMA`] or `selection`.
    pub kind: &'static str,
    /// Family: the stem of its file.
    pub family: String,
    /// Where it stands.
    pub place: Place,
    /// Its requirement.
    pub requirement: String,
    /// All that is claimed.
    pub statement: String,
    /// Document and section.
    pub source: String,
    /// Who may use it.
    pub users: &'static str,
    /// What is claimed by the broken twin.
    pub broken: String,
    /// Path of the obligation as SMT-LIB in the package, if it has that form.
    pub obligation: Option<String>,
    /// Why it has no such form.
    pub no_obligation: Option<&'static str>,
    /// What proving gave.
    #[serde(flatten)]
    pub judged: Judged,
}

impl Entry {
    /// The functions of the corpus that use it.
    pub fn used_by<'u>(&self, uses: &'u Uses) -> Vec<&'u str> {
        let entry = if self.kind == LEMMA { uses::Entry::Lemma } else { uses::Entry::Rule };
        uses.of(entry, &self.name)
    }
}

/// The dossier, and the obligations by path in the package.
#[derive(Clone, Debug, Default)]
pub struct Dossier {
    /// Lemmas by file and line, then rules.
    pub entries: Vec<Entry>,
    /// SMT-LIB scripts.
    pub scripts: Vec<(String, String)>,
}

fn lemma_entry(lemma: &Lemma) -> (Entry, Option<(String, String)>) {
    let users = match (lemma.usage.rewrite, lemma.usage.proof) {
        (true, true) => "optimizer and proofs",
        (true, false) => "optimizer",
        _ => "proofs",
    };
    let path = format!("obligations/{}.smt2", lemma.name);
    let entry = Entry {
        name: lemma.name.clone(),
        kind: LEMMA,
        family: lemma.family.clone(),
        place: Place { file: format!("lemmas/rules/{}.lemma", lemma.family), line: lemma.line },
        requirement: format!("TOR-LEMMA-{}", lemma.name),
        statement: lemma.statement(),
        source: lemma.source.clone(),
        users,
        broken: lemma.broken_twin().statement(),
        obligation: Some(path.clone()),
        no_obligation: None,
        judged: judge_lemma(lemma),
    };
    (entry, Some((path, smtlib::script(lemma))))
}

fn rule_entry(rule: &Rule) -> (Entry, Option<(String, String)>) {
    let entry = Entry {
        name: rule.name.clone(),
        kind: "selection",
        family: rule.family.clone(),
        place: Place { file: format!("lemmas/selection/{}.select", rule.family), line: rule.line },
        requirement: format!("TOR-SELECT-{}", rule.name),
        statement: rule.statement(),
        source: rule.source.clone(),
        users: "instruction selection; no proof of a compiled function rests on it",
        broken: rule.broken.clone(),
        obligation: None,
        no_obligation: Some(
            "its obligations are executions of the encoded bytes by the validator's semantics, one for each choice of constants and registers",
        ),
        judged: judge_rule(rule),
    };
    (entry, None)
}

/// Proves everything anew. `step` is called with each name when it is done.
pub fn dossier(lemmas: &[Lemma], rules: &[Rule], step: &(dyn Fn(&str) + Sync)) -> Dossier {
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(synth_validator::prove_all::STACK_BYTES)
        .build()
        .expect("invariant: threads start");
    let (of_lemmas, of_rules): (Vec<_>, Vec<_>) = pool.install(|| {
        let of_lemmas = lemmas.par_iter().map(lemma_entry).inspect(|(e, _)| step(&e.name)).collect();
        let of_rules = rules.par_iter().map(rule_entry).inspect(|(e, _)| step(&e.name)).collect();
        (of_lemmas, of_rules)
    });
    let mut dossier = Dossier::default();
    for (entry, script) in of_lemmas.into_iter().chain(of_rules) {
        dossier.entries.push(entry);
        dossier.scripts.extend(script);
    }
    dossier
}
