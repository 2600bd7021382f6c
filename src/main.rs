//! The command line: see [`synth::cli`].

// Passes make and drop many small vectors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    synth::cli::main()
}
