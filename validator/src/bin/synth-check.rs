//! The program `synth-check`: see [`synth_validator::check_command`].
//!
//! Requirement TOR-CHECK-EXIT: `synth-check` shall exit 0 only if the certificate holds, 1 if it is damaged or something is not proved,
//! and 2 on wrong usage or unreadable input.
//!
//! Requirement TOR-CHECK-ALONE: `synth-check` shall need certificate, module and object only, and nothing of the compiler.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(synth_validator::check_command::run(&args, &mut std::io::stdout(), &mut std::io::stderr()))
}
