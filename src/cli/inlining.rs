//! Options and output about inlining: `--inline`, `--inline-report`, `--fail-on-surviving-call`.

use super::diagnostic::Diagnostic;
use super::{Format, JSON_SCHEMA, input, output, table};
use crate::inline_report::{InlineReport, SurvivingCall};
use crate::pipeline::Options;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments about inlining.
#[derive(clap::Args)]
pub struct InlineArgs {
    /// Inline this function where it is called, if it is not very large; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Inlining")]
    inline: Vec<String>,
    /// Report the calls that were inlined, and those that survive on a path from an export to a small, named or single-use function,
    /// with the reason; into a file if one is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "Inlining")]
    inline_report: Option<Option<PathBuf>>,
    /// Write nothing and exit with 1 if such a call survives
    #[arg(long, help_heading = "Inlining")]
    fail_on_surviving_call: bool,
}

/// What `--format json` writes into a file of its own.
#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    input: &'a Path,
    inline_report: &'a InlineReport,
}

impl InlineArgs {
    /// Adds what they ask of the compiler.
    pub fn choose(&self, options: Options) -> Options {
        let inline_report = self.inline_report.is_some() || self.fail_on_surviving_call;
        Options { inline: self.inline.clone(), inline_report, ..options }
    }

    /// The report's file, if one is named.
    pub fn file(&self) -> Option<&Path> {
        self.inline_report.as_ref()?.as_deref()
    }

    /// Why nothing may be written, if so.
    pub fn gate(&self, report: Option<&InlineReport>) -> Option<String> {
        let survive = report.map_or(0, |r| r.surviving.len());
        (self.fail_on_surviving_call && survive > 0).then(|| format!("{} survive", calls(survive)))
    }

    /// Writes the report's file, if one is named.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, report: &InlineReport, module: &Path, format: Format) -> Result<(), Diagnostic> {
        let Some(path) = self.file() else {
            return Ok(());
        };
        let contents = match format {
            Format::Text => text(report),
            Format::Json => output::json(&File { schema: JSON_SCHEMA, input: module, inline_report: report }),
        };
        input::write_whole(path, contents.as_bytes())
    }

    /// What text output says: the whole report if it goes to no file, else only what the gate does not let through.
    pub fn printed(&self, report: &InlineReport) -> String {
        match &self.inline_report {
            Some(None) => text(report),
            _ if self.fail_on_surviving_call => surviving(&report.surviving),
            _ => String::new(),
        }
    }
}

fn calls(count: usize) -> String {
    format!("{count} {}", if count == 1 { "call" } else { "calls" })
}

/// The whole report.
fn text(report: &InlineReport) -> String {
    let inlined: usize = report.inlined.iter().map(|i| i.calls).sum();
    let mut out = format!("{} inlined, {} survive\n", calls(inlined), report.surviving.len());
    for i in &report.inlined {
        let (callee, caller) = (table::tidy(&i.callee.name), table::tidy(&i.caller.name));
        let times = if i.calls == 1 { String::new() } else { format!(", {} times", i.calls) };
        let _ = writeln!(out, "inlined: {callee} in {caller}{times}");
    }
    out + &surviving(&report.surviving)
}

fn surviving(calls: &[SurvivingCall]) -> String {
    let mut out = String::new();
    for c in calls {
        let inside =
            c.inside.as_ref().map(|i| format!(", in the body of {}", table::tidy(&i.name))).unwrap_or_default();
        let path: Vec<String> = c.path.iter().map(|f| table::tidy(&f.name)).collect();
        let (callee, caller) = (table::tidy(&c.callee.name), table::tidy(&c.caller.name));
        let (expected, insts) = (c.expected, c.instructions);
        let _ = writeln!(
            out,
            "survives: {callee} ({expected}, {insts} instructions) in {caller} at {:#x}{inside}",
            c.offset
        );
        let _ = writeln!(out, "  {}: {}\n  path from {}: {}", c.reason, c.detail, c.root, path.join(" > "));
    }
    out
}
