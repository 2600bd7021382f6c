//! `synth-check DIR in.wasm out.o`: does a certificate's proofs again, without the compiler, and gives their obligations to foreign
//! solvers if told to.
//!
//! Exit code 0: all digests agree, everything is proved from scratch, the certificate says exactly that, and every solver agrees on
//! all obligations that it could answer; 1: damaged, not proved, or a solver disagreed or failed; 2: usage, files that cannot be
//! read, a solver that is missing.

use crate::certificate::{Held, check};
use crate::evidence::asking::{Asking, USAGE};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Text that cannot break a line or a terminal: control characters, which names in modules and certificates may have, are `?`.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn read_module(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path)?;
    match bytes.starts_with(b"\0asm") {
        true => Ok(bytes),
        false => wat::parse_bytes(&bytes).map(|b| b.into_owned()).map_err(|e| format!("the module is refused: {e}")),
    }
}
fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// Runs the command. Result: the exit code. A stream that is closed is no failure.
pub fn run(args: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let parsed = Asking::parse(args).and_then(|(files, asking)| match <[PathBuf; 3]>::try_from(files) {
        Ok(files) => Ok((files, asking)),
        Err(files) => Err(format!("a folder, a module and an object are expected, not {} files", files.len())),
    });
    let ([folder, module, object], asking) = match parsed {
        Ok(parsed) => parsed,
        Err(why) => {
            let why = printable(&why);
            let _ = writeln!(err, "error: {why}\nusage: synth-check DIR in.wasm out.o {USAGE}");
            return 2;
        }
    };
    let read = read_module(&module).and_then(|module| Ok((module, read(&object)?)));
    let (module, object) = match asking.find().and(read) {
        Ok(files) => files,
        Err(e) => {
            // What is wrong with text is shown in lines of it.
            let lines: Vec<String> = e.lines().map(printable).collect();
            let _ = writeln!(err, "error: {}", lines.join("\n"));
            return 2;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let Held { certificate, left_out } = match check(&folder, &module, &object, threads, &|_| {}) {
        Ok(held) => held,
        Err(damage) => {
            let _ = writeln!(err, "error: the certificate does not hold: {}", printable(&damage.to_string()));
            return 1;
        }
    };
    let totals = &certificate.totals;
    let text =
        format!("{} functions and the image: Proved again, {} obligations", totals.functions, totals.obligations);
    let rests = [totals.assumptions.join(", "), certificate.contract.to_string()].map(|text| printable(&text));
    let _ = writeln!(out, "{text}\nassumptions: {}\ncontract: {}", rests[0], rests[1]);
    if !left_out.is_empty() {
        let _ = writeln!(out, "not in the image, so that nothing is said of them: {}", printable(&left_out.join(", ")));
    }
    asking.run(&folder, &certificate, (&module, &object), out, err)
}
