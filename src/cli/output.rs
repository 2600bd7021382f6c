//! Printing that survives a closed pipe.
//!
//! Requirement TOR-OUTPUT-JSON: `--format json` shall print one object with a schema version, for results and for errors, with the same
//! exit codes as text.
//!
//! Requirement TOR-OUTPUT-PIPE: A reader of the output that goes away shall not make a command panic.

use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Writes text to the standard output. A reader that has gone away is no error of ours.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes text to the standard error.
pub fn print_error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A value as JSON, with a line end.
pub fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("invariant: serialization to memory does not fail");
    text.push('\n');
    text
}

/// Writes a value as JSON.
pub fn print_json(value: &impl Serialize) {
    print(&json(value));
}

/// Whether errors go to a terminal, so that colours are welcome.
pub fn error_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Progress of `length` steps: on a terminal only.
pub fn progress(length: u64, what: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(length);
    if !error_is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let style = indicatif::ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {wide_msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_string());
    bar
}
