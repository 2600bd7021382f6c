//! Conformance of the Arm semantics: every instruction that the decoder accepts, by the semantics and by QEMU's
//! Cortex-M4, from random registers, flags and memory.
//!
//! `CASES` in the environment is the number of cases per encoding; the table is written and compared for the default.

mod conformance;
mod generated;

use conformance::encodings::Encodings;
use conformance::groups::Members;
use conformance::model::End;
use conformance::plan::{self, SEED, Subject, Tally, Tamper, subjects};
use std::fmt::Write;
use std::sync::LazyLock;

/// Cases per encoding.
const CASES: usize = 2000;

/// What is compared and what is not.
const SCOPE: &str = "\
Compared: r0 to r12, sp, lr, N, Z, C, V, where execution went, the state of IT, memory around every access; at the end of
a boot, that linear memory, globals and stack are untouched elsewhere. A failed requirement of alignment must be a UsageFault of the board, and no
other fault may occur. `r` stands for any register but pc; sp and pc stand where the form is about them. A third of the
cases stands in an IT block where that is allowed, so some are not executed. Retried: states that
the semantics refused and that were replaced: sp would leave the frame or not be a multiple of 4, or a conditional table
branch would have its table as the next instruction.

Set aside: the calling convention at returns and calls (callee-saved registers, sp), which no machine checks; lr after a
call, which the semantics forgets and which is compared with the length of the instruction; the Q flag; registers and
memory after an alignment fault, of which the semantics says nothing; memory just below sp, where exceptions write; loads
of pc from unaligned addresses, which are UNPREDICTABLE. Targets of `b.w` lie within 1 MiB.

";

static ENCODINGS: LazyLock<Encodings> = LazyLock::new(|| Encodings::new(SEED));

/// Covers TOR-ENC-*, TOR-ARM-MEANING.
#[test]
fn semantics_and_board_agree() {
    let wanted = std::env::var("CASES").ok().map(|n| n.parse::<usize>().expect("CASES is a number"));
    let cases = wanted.unwrap_or(CASES);
    let subjects = subjects(&ENCODINGS);
    let tallies = plan::run(&subjects, &Members::new(&ENCODINGS), cases, None).unwrap_or_else(|why| panic!("{why}"));
    let reports: Vec<&str> = tallies.iter().flat_map(|t| &t.reports).map(String::as_str).collect();
    assert!(reports.is_empty(), "seed {SEED}: the semantics and the board differ:\n{}", reports.join("\n"));
    assert_eq!(tallies.len(), subjects.len());
    for (subject, tally) in subjects.iter().zip(&tallies) {
        let enough = tally.cases >= cases || tally.forms == 0 && !tally.refused.is_empty();
        assert!(enough, "{}: {} cases, refused {:?}", plan::name(subject), tally.cases, tally.refused);
    }
    if cases == CASES {
        generated::table("arm-encodings", "Arm semantics against QEMU", &table(&subjects, &tallies));
    }
}

fn table(subjects: &[Subject], tallies: &[Tally]) -> String {
    let mut out = format!(
        "Every instruction that the validator's decoder accepts, run by its semantics and by QEMU's Cortex-M4 \
         (`mps2-an386`) from random registers, flags and memory. Seed {SEED}, at least {CASES} cases per encoding. \
         More by `CASES=20000 cargo test -p synth-validator --test arm_conformance`.\n\n"
    );
    out.push_str(SCOPE);
    let tested = tallies.iter().filter(|t| t.cases > 0);
    let (encodings, cases) = (tested.clone().count(), tested.map(|t| t.cases).sum::<usize>());
    let _ = writeln!(out, "{encodings} encodings and groups, {cases} cases, 0 differences.\n");
    out.push_str("| Encoding | Instruction | Forms | Cases | In IT | Faults | Retried | Differences |\n");
    out.push_str("|---|---|--:|--:|--:|--:|--:|--:|\n");
    for (subject, tally) in subjects.iter().zip(tallies).filter(|(_, t)| t.cases > 0) {
        let pattern = match subject {
            Subject::Encoding(key, _) => format!("`{}`", key.pattern()),
            Subject::CarryChains | Subject::Sequences => "several".to_string(),
        };
        let Tally { cases, in_it, faults, retried, differences, forms, .. } = tally;
        let name = plan::name(subject);
        let _ = writeln!(
            out,
            "| {pattern} | `{name}` | {forms} | {cases} | {in_it} | {faults} | {retried} | {differences} |"
        );
    }
    out.push_str("\nRefused: decoded, but without a meaning in the semantics from any state that was tried.\n\n");
    out.push_str("| Encoding | Form | Reason |\n|---|---|---|\n");
    for (subject, tally) in subjects.iter().zip(tallies) {
        let Subject::Encoding(key, _) = subject else { continue };
        for (form, why) in &tally.refused {
            let _ = writeln!(out, "| `{}` | `{form}` | {why} |", key.pattern());
        }
    }
    out
}

/// Covers TOR-ENC-*.
#[test]
fn sample_misses_no_form() {
    let missed = ENCODINGS.missed(2_000_000, SEED);
    assert!(missed.is_empty(), "seed {SEED}: {missed:x?}");
}

/// Differences among 40 cases of the encodings with this name, after a change of the semantics' results.
fn found(name: &str, tamper: Tamper) -> usize {
    let all = subjects(&ENCODINGS);
    let chosen: Vec<Subject> = all.into_iter().filter(|s| plan::name(s) == name).collect();
    assert!(!chosen.is_empty(), "no encoding `{name}`");
    let tallies = plan::run(&chosen, &Members::new(&ENCODINGS), 40, Some(tamper)).unwrap_or_else(|why| panic!("{why}"));
    tallies.iter().map(|t| t.differences).sum()
}

#[test]
fn planted_faults_are_found() {
    assert_eq!(found("lsrs r, r, r", |_| ()), 0);
    assert!(found("lsrs r, r, r", |o| o.nzcv ^= 2) > 0);
    assert!(found("lsrs r, r, r", |o| o.regs[14] = o.regs[14].map(|r| r ^ 0x8000_0000)) > 0);
    let memory: Tamper = |o| o.memory.values_mut().for_each(|w| *w = w.map(|w| w ^ 1));
    assert!(found("strb r, [r, #]", memory) > 0);
    let end: Tamper = |o| {
        o.end = match o.end {
            End::Undefined(pc) => End::Undefined(pc ^ 2),
            End::Unaligned(pc) => End::Undefined(pc),
        }
    };
    assert!(found("b #", end) > 0);
    assert!(found("ldrd r, r, [r, #]", end) > 0);
}
