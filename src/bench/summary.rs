//! Means over programs, and the budgets they are measured against.

use super::compare::{CHECKED, Comparison, NATIVE, SYNTH, WASM2C, WASM2C_CONSTANT, geometric_mean};
use super::measure::Measured;
use crate::pass::Level;
use serde::Serialize;

/// Something measured of a build, as one number.
#[derive(Clone, Copy)]
pub struct Metric {
    /// What it is called.
    pub name: &'static str,
    /// The number.
    pub of: fn(&Measured) -> f64,
}

/// Executed instructions.
pub const EXECUTED: Metric = Metric { name: "executed instructions", of: |m| m.total.executed as f64 };
/// Bytes.
pub const BYTES: Metric = Metric { name: "bytes", of: |m| m.total.bytes as f64 };
/// All metrics that are compared as ratios.
pub const METRICS: [Metric; 6] = [
    EXECUTED,
    BYTES,
    Metric { name: "static instructions", of: |m| m.total.instructions as f64 },
    Metric { name: "cycles, Cortex-M3", of: |m| m.total.cycles_m3 as f64 },
    Metric { name: "cycles, Cortex-M4", of: |m| m.total.cycles_m4 as f64 },
    // A build may use no stack; ratios are of what one call takes with its return address.
    Metric { name: "stack bytes, and 4", of: |m| f64::from(m.stack_bytes) + 4.0 },
];

/// Ratios of two builds over programs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What is compared.
    pub metric: &'static str,
    /// The build that is measured.
    pub build: String,
    /// The build it is divided by.
    pub reference: String,
    /// How many programs have both.
    pub programs: usize,
    /// The geometric mean of the ratios.
    pub geometric_mean: f64,
    /// The program with the greatest ratio.
    pub worst: String,
    /// That ratio.
    pub worst_ratio: f64,
}

/// The ratio of two builds of a program; none if either is missing, or the divisor is zero.
pub fn ratio(comparison: &Comparison, metric: Metric, build: &str, reference: &str) -> Option<f64> {
    let [left, right] = [(metric.of)(comparison.measured(build)?), (metric.of)(comparison.measured(reference)?)];
    (right > 0.0).then_some(left / right)
}

/// Ratios over programs; none if no program has both builds.
pub fn summary(comparisons: &[Comparison], metric: Metric, build: &str, reference: &str) -> Option<Summary> {
    let ratios: Vec<(&str, f64)> =
        comparisons.iter().filter_map(|c| Some((c.program.as_str(), ratio(c, metric, build, reference)?))).collect();
    let (worst, worst_ratio) = *ratios.iter().max_by(|l, r| l.1.total_cmp(&r.1))?;
    Some(Summary {
        metric: metric.name,
        build: build.to_string(),
        reference: reference.to_string(),
        programs: ratios.len(),
        geometric_mean: geometric_mean(ratios.iter().map(|r| r.1))?,
        worst: worst.to_string(),
        worst_ratio,
    })
}

/// A number beside its budget.
#[derive(Clone, Debug, Serialize)]
pub struct Budgeted {
    /// What it is.
    pub name: String,
    /// The number.
    pub value: f64,
    /// At most this, or less than this.
    pub budget: f64,
    /// Whether it is held.
    pub held: bool,
}

fn budgeted(name: String, value: f64, budget: f64) -> Budgeted {
    Budgeted { name, value, budget, held: value <= budget }
}

/// The share of executed instructions that are spills, over all programs from C, in percent.
pub fn spill_percent(comparisons: &[Comparison], build: &str) -> Option<f64> {
    let all = comparisons.iter().filter(|c| c.from_c).filter_map(|c| c.measured(build));
    let (spills, executed) = all.fold((0, 0), |(s, e), m| (s + m.total.spills_executed, e + m.total.executed));
    (executed > 0).then(|| 100.0 * spills as f64 / executed as f64)
}

/// The budgets: speed at `-O2` and size at `-Os`, as far as these levels were measured.
pub fn budgets(levels: &[(Level, Vec<Comparison>)]) -> Vec<Budgeted> {
    let at = |level: Level| levels.iter().find(|(l, _)| *l == level).map(|(_, c)| c.as_slice());
    let mut rows = Vec::new();
    // Source of the numbers: docs/performance.md, "Code quality".
    for (reference, speed, size) in [(NATIVE, 1.10, 1.15), (WASM2C, 1.00, 1.00), (WASM2C_CONSTANT, 1.20, 1.20)] {
        for (level, metric, budget) in [(Level::O2, EXECUTED, speed), (Level::Os, BYTES, size)] {
            let option = super::build::option(level);
            if let Some(s) = at(level).and_then(|c| summary(c, metric, SYNTH, reference)) {
                rows.push(budgeted(format!("{} / {reference}, {option}", s.metric), s.geometric_mean, budget));
                if reference == NATIVE {
                    let name = format!("{} / {reference}, {option}, worst: {}", s.metric, s.worst);
                    rows.push(budgeted(name, s.worst_ratio, 1.60));
                }
            }
        }
    }
    if let Some(s) = at(Level::O2).and_then(|c| summary(c, EXECUTED, CHECKED, SYNTH)) {
        rows.push(budgeted(
            "executed instructions, software checks / without, -O2".to_string(),
            s.geometric_mean,
            1.25,
        ));
    }
    if let Some(percent) = at(Level::O2).and_then(|c| spill_percent(c, SYNTH)) {
        rows.push(budgeted("spills of all executed instructions, -O2, in percent".to_string(), percent, 2.0));
    }
    rows
}
