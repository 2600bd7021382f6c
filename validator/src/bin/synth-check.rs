//! The program `synth-check`: see [`synth_validator::check_command`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(synth_validator::check_command::run(&args, &mut std::io::stdout(), &mut std::io::stderr()))
}
