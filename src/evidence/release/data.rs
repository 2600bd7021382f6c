//! The data files with prose: plan, objectives, classes of coverage gaps, known problems. Each names things of the sources, and each name
//! is checked.

use super::requirements::{Traced, assumption_id};
use crate::evidence::assumption::ASSUMPTIONS;
use serde::{Deserialize, Serialize};

const PLAN: &str = include_str!("plan.toml");
const OBJECTIVES: &str = include_str!("objectives.toml");
const GAPS: &str = include_str!("gaps.toml");

/// `plan.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Sections.
    pub section: Vec<PlanSection>,
    /// Life-cycle data.
    pub data: Vec<LifeCycleItem>,
    /// Boxes of the picture.
    #[serde(rename = "box")]
    pub boxes: Vec<PictureBox>,
}

/// A section of the plan.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSection {
    /// Anchor.
    pub id: String,
    /// Heading.
    pub heading: String,
    /// Paragraphs.
    pub text: Vec<String>,
    /// Name of its picture.
    pub figure: Option<String>,
}

/// An item of life-cycle data.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LifeCycleItem {
    /// The item.
    pub item: String,
    /// Files of the package.
    #[serde(rename = "where")]
    pub place: String,
    /// Who provides it.
    pub who: String,
}

/// A box of the picture of the trust boundary.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PictureBox {
    /// Text.
    pub label: String,
    /// `input`, `untrusted`, `trusted` or `output`.
    pub kind: String,
}

/// A row of the objective tables.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Table.
    pub table: String,
    /// Row.
    pub row: String,
    /// Our wording.
    pub objective: String,
    /// Whether it is required at TQL-4.
    pub tql4: String,
    /// Whether it is required at TQL-5.
    pub tql5: String,
    /// One of [`STATUSES`]; if `achieved`, then only where `when` holds.
    pub status: String,
    /// Conditions of [`CONDITIONS`].
    #[serde(default)]
    pub when: Vec<String>,
    /// A page of the package.
    pub evidence: String,
    /// A remark.
    pub note: String,
}

/// What a row may be.
pub const STATUSES: [&str; 4] = ["achieved", "with the user", "not required at this level", "not done"];
/// Conditions under which a row is achieved.
pub const CONDITIONS: [&str; 4] = ["identified", "tested", "covered", "traced"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Objectives {
    row: Vec<Objective>,
}

/// A class of gaps in structural coverage.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The class.
    pub class: String,
    /// Files of the validator with such gaps.
    pub files: Vec<String>,
    /// Why they may stay, or what is missing.
    pub justification: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gaps {
    gap: Vec<Gap>,
}

/// `docs/known-problems.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownProblems {
    /// Problems.
    pub problem: Vec<KnownProblem>,
}

/// A known problem.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownProblem {
    /// Permanent id.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// `open` or `mended`.
    pub state: String,
    /// Requirements that it affects.
    pub requirements: Vec<String>,
    /// What becomes of verdicts.
    pub verdicts: String,
    /// What can be done.
    pub workaround: String,
    /// How to tell whether a function was affected.
    pub query: String,
}

impl KnownProblems {
    /// Reads the file.
    ///
    /// # Errors
    /// What is malformed.
    pub fn read(text: &str) -> Result<KnownProblems, String> {
        let known: KnownProblems = toml::from_str(text).map_err(|e| format!("docs/known-problems.toml: {e}"))?;
        for (at, problem) in known.problem.iter().enumerate() {
            if known.problem[..at].iter().any(|p| p.id == problem.id) {
                return Err(format!("docs/known-problems.toml: {} stands twice", problem.id));
            }
            if !["open", "mended"].contains(&problem.state.as_str()) {
                return Err(format!(
                    "docs/known-problems.toml: {} is `{}`, not open or mended",
                    problem.id, problem.state
                ));
            }
        }
        Ok(known)
    }
}

/// The data files.
#[derive(Clone, Debug)]
pub struct Data {
    /// The plan.
    pub plan: Plan,
    /// Rows of the objective tables.
    pub objectives: Vec<Objective>,
    /// Classes of coverage gaps.
    pub gaps: Vec<Gap>,
}

impl Data {
    /// Reads the files that are part of the program, and checks what they and the known problems name.
    ///
    /// # Errors
    /// What is malformed or names what is not there.
    pub fn read(traced: &Traced, known: &KnownProblems) -> Result<Data, String> {
        let plan: Plan = toml::from_str(PLAN).map_err(|e| format!("plan.toml: {e}"))?;
        let objectives: Objectives = toml::from_str(OBJECTIVES).map_err(|e| format!("objectives.toml: {e}"))?;
        let gaps: Gaps = toml::from_str(GAPS).map_err(|e| format!("gaps.toml: {e}"))?;
        let is_required = |id: &str| traced.requirements.iter().any(|r| r.id == id);
        for row in &objectives.row {
            let conditions = row.when.iter().all(|w| CONDITIONS.contains(&w.as_str()));
            let conditional = (row.status == "achieved") == !row.when.is_empty();
            if !STATUSES.contains(&row.status.as_str()) || !conditions || !conditional {
                return Err(format!("objectives.toml: {} row {} has no status that can be told", row.table, row.row));
            }
        }
        for problem in &known.problem {
            if let Some(unknown) = problem.requirements.iter().find(|id| !is_required(id)) {
                return Err(format!("docs/known-problems.toml: {} names {unknown}, which nothing states", problem.id));
            }
        }
        for assumption in &ASSUMPTIONS {
            let id = assumption_id(assumption.name);
            if !is_required(&id) {
                return Err(format!("the assumption {} has no requirement {id}", assumption.name));
            }
        }
        let told = |id: &str| ASSUMPTIONS.iter().any(|a| id == assumption_id(a.name));
        let assumed =
            traced.requirements.iter().filter(|r| r.id.starts_with("TOR-ASSUME-") && r.id != "TOR-ASSUME-NAMED");
        if let Some(missing) = assumed.map(|r| r.id.as_str()).find(|id| !told(id)) {
            return Err(format!("the assumption of {missing} is not told in src/evidence/assumption.rs"));
        }
        Ok(Data { plan, objectives: objectives.row, gaps: gaps.gap })
    }
}
