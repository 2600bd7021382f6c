//! The command line: see [`synth::cli`].

fn main() -> std::process::ExitCode {
    synth::cli::main()
}
