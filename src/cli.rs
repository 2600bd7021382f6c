//! The command line: arguments, commands, exit codes. One file per command; each returns a [`Status`] or a
//! [`Diagnostic`], and nothing else ends the program.
//!
//! Exit codes: 0 done, and proved where proofs were asked for; 1 refuted or not proved, or stopped by a gate; 2 bad input or usage.

mod bench;
mod compile;
mod corpus;
mod cycles;
mod diagnostic;
mod disasm;
mod evidence;
mod explain;
#[cfg(feature = "faults")]
mod faults;
mod image;
mod inlining;
mod input;
mod lemmas;
mod marshal;
mod miscompiles;
mod mutate;
mod optimize;
mod output;
mod passes;
mod paths;
mod programs;
mod proof;
mod refine;
mod report;
mod run;
mod stack;
mod table;
mod validate;

use clap::{Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::process::ExitCode;

/// Version of the form of all `--format json` output. Rises with every change of a field's name or meaning.
const JSON_SCHEMA: u32 = 1;

/// WebAssembly to Cortex-M, proved on the final bytes.
#[derive(Parser)]
#[command(name = "synth", version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, and everything proved where proofs were asked for; 1 refuted or not \
proved, or a call survives that must not; 2 bad input or usage.\n`synth --validate in.wasm -o out.o` is short for `synth compile --validate in.wasm -o out.o`.";

#[derive(Subcommand)]
enum Command {
    /// Compile a module to a relocatable object
    Compile(compile::Args),
    /// Prove a given object against its module
    Validate(validate::Args),
    /// Make a module smaller, and prove every change
    Optimize(optimize::Args),
    /// Prove that one module refines another
    Refine(refine::Args),
    /// Show why something is not proved: on a module made as small as possible, with both executions side by side
    Explain(explain::Args),
    /// Write what was proved as a folder of evidence, or verify such a folder
    Report(report::Args),
    /// Show machine code beside the module's operators
    Disasm(disasm::Args),
    /// Run an export of an object on the Arm interpreter, and beside it the module's on the wasm interpreter
    Run(run::Args),
    /// Show how much stack functions take, alone and with all that they call
    Stack(stack::Args),
    /// Show how many cycles functions take at most, or why no bound can be told
    Cycles(cycles::Args),
    /// Examine the validator: change an object in many ways, and compare verdicts with executions
    Mutate(mutate::Args),
    /// Compile and prove the programs of the corpus
    Corpus(corpus::Args),
    /// Measure over the corpus: code beside other compilers' code, or the speed of compiling and proving
    Bench(bench::Args),
    /// The rewrite lemmas that proofs may cite, and the rules of instruction selection
    Lemmas(lemmas::Args),
    /// The optimizer's passes, in order
    Passes(passes::Args),
    /// Switch faults of the compiler on over the corpus, to see whether the validator catches them
    #[cfg(feature = "faults")]
    Faults(faults::Args),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

// Requirement TOR-EXIT-DONE: A command shall exit 0 only if everything that was asked for is done and, where proofs were asked for,
// every function and the image are `Proved`.
// Requirement TOR-EXIT-NOTPROVED: A command shall exit 1 if something is refuted or not proved, and its output shall name the function,
// the verdict and the reason.
// Requirement TOR-EXIT-INPUT: Bad input and bad usage shall give exit code 2 and a message with the place and a remedy.
/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Everything asked for is done and proved.
    Done,
    /// Something is refuted or not proved, or a gate does not let it through; it was printed.
    NotProved,
}

/// Without a command, flags belong to `compile`.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let own = ["-h", "--help", "-V", "--version"];
    let is_flag = |a: &OsString| a.to_str().is_some_and(|a| a.starts_with('-') && !own.contains(&a));
    if arguments.get(1).is_some_and(is_flag) {
        arguments.insert(1, "compile".into());
    }
    arguments
}

/// Parses the arguments of the process, runs the command, reports what goes wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(arguments()) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no errors; a closed pipe is none either.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let (format, result) = match &cli.command {
        Command::Compile(args) => (args.format, compile::execute(args)),
        Command::Validate(args) => (args.format, validate::execute(args)),
        Command::Optimize(args) => (args.format, optimize::execute(args)),
        Command::Refine(args) => (args.format, refine::execute(args)),
        Command::Explain(args) => (args.format, explain::execute(args)),
        Command::Report(args) => (args.format(), report::execute(args)),
        Command::Disasm(args) => (Format::Text, disasm::execute(args)),
        Command::Run(args) => (args.format, run::execute(args)),
        Command::Stack(args) => (args.format, stack::execute(args)),
        Command::Cycles(args) => (args.format, cycles::execute(args)),
        Command::Mutate(args) => (args.format(), mutate::execute(args)),
        Command::Corpus(args) => (args.format(), corpus::execute(args)),
        Command::Bench(args) => (args.format(), bench::execute(args)),
        Command::Lemmas(args) => (args.format, lemmas::execute(args)),
        Command::Passes(args) => (args.format, passes::execute(args)),
        #[cfg(feature = "faults")]
        Command::Faults(args) => (Format::Text, faults::execute(args)),
    };
    match result {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::NotProved) => ExitCode::FAILURE,
        Err(diagnostic) => {
            diagnostic.print(format);
            ExitCode::from(diagnostic.exit_code)
        }
    }
}
