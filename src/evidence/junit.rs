//! Verdicts as JUnit XML, for CI: one test case for each function, one for the initial image, one for the rest of the first screen.

use super::summary::Summary;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use synth_validator::certificate::Said;

fn case(name: &str, class: &str, said: &Said) -> TestCase {
    let status = match said.is_proved() {
        true => TestCaseStatus::success(),
        false => failure(&said.verdict, &said.detail),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn failure(kind: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(text);
    status
}

/// The file of a package. `input`: the module's path.
pub fn junit(summary: &Summary, input: &str) -> String {
    let mut suite = TestSuite::new("proofs");
    for f in &summary.functions {
        suite.add_test_case(case(&f.certified.name, input, &f.certified.said));
    }
    suite.add_test_case(case("initial image", input, &summary.image));
    let mut rest = TestCase::new("first screen", TestCaseStatus::success());
    if !summary.state.ok {
        rest.status = failure("open", &summary.state.reasons.join(" "));
    }
    rest.set_classname(input);
    suite.add_test_case(rest);
    let mut report = Report::new("synth");
    report.add_test_suite(suite);
    report.to_string().expect("invariant: serialization to memory does not fail")
}
