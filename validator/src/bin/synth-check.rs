//! `synth-check DIR in.wasm out.o`: does a certificate's proofs again, without the compiler.
//!
//! Exit code 0: all digests agree, everything is proved from scratch, and the certificate says exactly that;
//! 1: damaged or not proved; 2: usage.
//!
//! Requirement TOR-CHECK-EXIT: `synth-check` shall exit 0 only if the certificate holds, 1 if it is damaged or something is not proved,
//! and 2 on wrong usage or unreadable input.
//!
//! Requirement TOR-CHECK-ALONE: `synth-check` shall need certificate, module and object only, and nothing of the compiler.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use synth_validator::certificate::check;

fn say(out: &mut dyn Write, text: &str) {
    // A closed pipe is no failure of the check.
    let _ = writeln!(out, "{text}");
}

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let [folder, module, object] = &args[..] else {
        say(&mut std::io::stderr(), "usage: synth-check DIR in.wasm out.o");
        return ExitCode::from(2);
    };
    let read = |path: &std::ffi::OsString| {
        std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.to_string_lossy()))
    };
    let module = read(module).and_then(|bytes| match bytes.starts_with(b"\0asm") {
        true => Ok(bytes),
        false => wat::parse_bytes(&bytes).map(|b| b.into_owned()).map_err(|e| format!("the module is refused: {e}")),
    });
    let (module, object) = match (module, read(object)) {
        (Ok(module), Ok(object)) => (module, object),
        (Err(e), _) | (_, Err(e)) => {
            say(&mut std::io::stderr(), &format!("error: {e}"));
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    match check(Path::new(folder), &module, &object, threads, &|_| {}) {
        Ok(certificate) => {
            let totals = &certificate.totals;
            let text = format!(
                "{} functions and the image: Proved again, {} obligations",
                totals.functions, totals.obligations
            );
            say(&mut std::io::stdout(), &text);
            say(&mut std::io::stdout(), &format!("assumptions: {}", totals.assumptions.join(", ")));
            ExitCode::SUCCESS
        }
        Err(damage) => {
            say(&mut std::io::stderr(), &format!("error: the certificate does not hold: {damage}"));
            ExitCode::FAILURE
        }
    }
}
