//! What a way gives for a directive, and whether that is what the directive asks for.

use super::script::{Expected, Step};
use synth_validator::trap::TrapKind;

/// What a way gives for a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A call returned these words, or a global holds them.
    Words(Vec<u32>),
    /// A module is there.
    Ready,
    /// All of a module is proved.
    Proved,
    /// A trap.
    Trap(TrapKind),
    /// Whether the bytes were refused, and with what words.
    Refused(bool, String),
    /// The directive asks for nothing that this way could show.
    Absent,
    /// It was not executed, for this reason.
    Skipped(String),
    /// It ended in a way that no directive asks for.
    Stopped(String),
}

/// Whether a directive holds in a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It was not executed, for this reason.
    Skipped(String),
    /// The way has no meaning for it.
    Absent,
    /// It does not hold.
    Failed(String),
}

/// Judges an answer.
pub fn judge(step: &Step, answer: &Answer) -> Outcome {
    let holds = match (step, answer) {
        (_, Answer::Skipped(reason)) => return Outcome::Skipped(reason.clone()),
        (_, Answer::Absent) => return Outcome::Absent,
        (Step::Define(_) | Step::Register(_), Answer::Ready) => true,
        (Step::Define(_) | Step::DefineTraps(..), Answer::Proved) => true,
        (Step::Invoke(_), Answer::Words(_)) => true,
        (Step::Return(_, expected), Answer::Words(words)) => all_match(expected, words),
        (Step::Get(_, _, expected), Answer::Words(words)) => all_match(&[*expected], words),
        (Step::Trap(_, kind) | Step::DefineTraps(_, kind), Answer::Trap(found)) => kind == found,
        (Step::Exhaustion(_), Answer::Trap(found)) => *found == TrapKind::CallStackExhausted,
        (Step::Refuse(_) | Step::RefuseText(_), Answer::Refused(refused, _)) => *refused,
        _ => false,
    };
    match holds {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("{answer:x?} does not fit {step:x?}")),
    }
}

fn all_match(expected: &[Expected], words: &[u32]) -> bool {
    let mut rest = words;
    let all = expected.iter().all(|e| {
        let Some((words, after)) = rest.split_at_checked(e.words()) else {
            return false;
        };
        rest = after;
        e.matches(words)
    });
    all && rest.is_empty()
}
