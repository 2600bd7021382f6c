//! `synth report release`: evidence about the tool, bound to this program, the commit of its sources and one run of their tests.

use super::super::{Cli, Format, JSON_SCHEMA, Status, output};
use crate::cli::diagnostic::Diagnostic;
use crate::cli::programs::{CorpusArgs, of_corpus};
use crate::evidence::folder::{self, There};
use crate::evidence::release::data::KnownProblems;
use crate::evidence::release::{
    self, Inputs, SOURCE_SHA256, Tracked, lemmas, lines, record, requirements, sbom, source_parts::PARTS, uses,
};
use clap::CommandFactory;
use serde::Serialize;
use std::path::{Path, PathBuf};
use synth_validator::certificate::sha256;
use synth_validator::evidence::source_digest;

/// Commands of the interface for which the plan speaks.
const INTERFACE: [&str; 3] = ["compile", "validate", "refine"];
/// Data about problems, from the root of the sources.
const KNOWN_PROBLEMS: &str = "docs/known-problems.toml";

/// Arguments of `synth report release`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the sources that this program was built from: a git checkout without changes
    #[arg(long, default_value = ".")]
    source: PathBuf,
    /// Record of the tests, as `scripts/record-tests.sh -o FILE` writes it
    #[arg(long, value_name = "FILE")]
    tests: PathBuf,
    /// Folder of the evidence: new, empty, or evidence of a release, whose place is taken
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What the command says.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    written: &'a Path,
    ok: bool,
    headline: &'a str,
    reasons: &'a [String],
    files: usize,
}

/// What `git` prints.
fn git(source: &Path, arguments: &[&str]) -> Result<Vec<u8>, Diagnostic> {
    let command = std::process::Command::new("git").arg("-C").arg(source).args(arguments).output();
    let output = command.map_err(|e| {
        Diagnostic::new(format!("cannot run git: {e}"))
            .help("install git; it tells the commit and whether files were changed")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
        let refused = Diagnostic::new("the sources are no git checkout, so their commit and changes cannot be told");
        return Err(refused.file(source).note(said).help("give a git checkout with --source"));
    }
    Ok(output.stdout)
}

/// The commit of a checkout without changes.
fn commit(source: &Path) -> Result<String, Diagnostic> {
    let changed = String::from_utf8_lossy(&git(source, &["status", "--porcelain"])?).into_owned();
    if let Some(first) = changed.lines().next() {
        let count = changed.lines().count();
        let refused = Diagnostic::new(format!(
            "the sources have {count} changes that are not committed, first `{}`",
            first.trim()
        ));
        return Err(refused.file(source).help("commit or remove them: evidence is about one commit"));
    }
    let head = git(source, &["rev-parse", "HEAD"])?;
    Ok(String::from_utf8_lossy(&head).trim().to_string())
}

/// Compares the sources with those that the program was built from.
fn bound(source: &Path) -> Result<(), Diagnostic> {
    let found =
        source_digest::compute(source, &PARTS).map_err(|e| Diagnostic::file_system("read the sources", source, &e))?;
    if found != SOURCE_SHA256 {
        return Err(Diagnostic::new("this program was not built from these sources")
            .file(source)
            .note(format!("the sources have digest {found}"))
            .note(format!("the program was built from {SOURCE_SHA256}"))
            .help("build the program anew in that folder, or give the folder that it was built in"));
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, Diagnostic> {
    std::fs::read_to_string(path).map_err(|e| Diagnostic::file_system("read", path, &e))
}

fn tracked(source: &Path) -> Result<Vec<Tracked>, Diagnostic> {
    let listed = git(source, &["ls-files", "-z"])?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|p| !p.is_empty()) {
        let at = source.join(path);
        let bytes = std::fs::read(&at).map_err(|e| Diagnostic::file_system("read", &at, &e))?;
        files.push(Tracked { path: path.to_string(), bytes: bytes.len(), sha256: sha256(&bytes) });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn parts(source: &Path) -> Result<Vec<sbom::Part>, Diagnostic> {
    let arguments =
        ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", env!("SYNTH_TARGET")];
    let output = std::process::Command::new("cargo").current_dir(source).args(arguments).output();
    let output = output.map_err(|e| {
        Diagnostic::new(format!("cannot run cargo: {e}")).help("install Rust; cargo tells what is linked in")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
        return Err(Diagnostic::new("cargo cannot tell what is linked in")
            .file(source)
            .note(said)
            .help("build the program once, so that all packages are there"));
    }
    let lock = read_text(&source.join("Cargo.lock"))?;
    sbom::parts(&output.stdout, &lock, z3::full_version()).map_err(Diagnostic::new)
}

/// The interface, as the program's help has it.
fn interface() -> Vec<release::Command> {
    let cli = Cli::command();
    let mut commands = Vec::new();
    for name in INTERFACE {
        let command = cli.find_subcommand(name).expect("invariant: a test asks for the help of these commands");
        let mut options = Vec::new();
        for argument in command.get_arguments() {
            let value = argument
                .get_value_names()
                .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            let takes = argument.get_action().takes_values();
            let name = match (argument.get_long(), takes.then_some(value).flatten()) {
                (Some(long), Some(value)) => format!("--{long} {value}"),
                (Some(long), None) => format!("--{long}"),
                (None, value) => value.unwrap_or_else(|| argument.get_id().to_string()),
            };
            let values = if takes { argument.get_possible_values() } else { Vec::new() };
            options.push(release::CommandOption {
                name,
                help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
                values: values.iter().map(|v| v.get_name().to_string()).collect(),
            });
        }
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        commands.push(release::Command { name: format!("synth {name}"), about, options });
    }
    let about = "Does a certificate's proofs again, without the compiler".to_string();
    commands.push(release::Command { name: "synth-check DIR in.wasm out.o".to_string(), about, options: Vec::new() });
    commands
}

fn inputs(args: &Args) -> Result<Inputs, Diagnostic> {
    let source = &args.source;
    let commit = commit(source)?;
    bound(source)?;
    let help = "make one with `scripts/record-tests.sh -o FILE` in these sources, after the last commit";
    let record = record::read(&read_text(&args.tests)?, &commit, SOURCE_SHA256)
        .map_err(|refused| Diagnostic::new(refused.to_string()).file(&args.tests).help(help))?;
    let tree = requirements::read_tree(source).map_err(|e| Diagnostic::file_system("read the sources", source, &e))?;
    let program = std::env::current_exe().and_then(std::fs::read);
    let program = program.map_err(|e| Diagnostic::new(format!("cannot read this program: {e}")))?;
    let known = read_text(&source.join(KNOWN_PROBLEMS))?;
    let (lemmas, rules) = (synth_lemmas::all(), crate::selection::load());
    let rules = rules.expect("invariant: the rules parse, as a test shows");
    let bar = output::progress((lemmas.len() + rules.len()) as u64, "lemmas");
    let dossier = lemmas::dossier(&lemmas, &rules, &|_| bar.inc(1));
    bar.finish_and_clear();
    let programs = of_corpus(&CorpusArgs::all(source.join("corpus")))?;
    let programs: Vec<(String, Vec<u8>)> = programs.into_iter().map(|p| (p.name, p.module.bytes)).collect();
    let bar = output::progress(programs.len() as u64, "corpus");
    let uses = uses::of_programs(&programs, &|| bar.inc(1)).map_err(Diagnostic::new)?;
    bar.finish_and_clear();
    let toolchain = [
        ("rustc", env!("SYNTH_RUSTC").to_string()),
        ("target", env!("SYNTH_TARGET").to_string()),
        ("libz3, the system's", z3::full_version().to_string()),
    ];
    Ok(Inputs {
        commit,
        program_sha256: sha256(&program),
        profile: env!("SYNTH_PROFILE").to_string(),
        traced: requirements::trace(&tree),
        record,
        dossier,
        uses,
        parts: parts(source)?,
        interface: interface(),
        files: tracked(source)?,
        toolchain: toolchain.map(|(name, version)| (name.to_string(), version)).to_vec(),
        known_problems: KnownProblems::read(&known).map_err(Diagnostic::new)?,
        lines: (lines::below(&tree, &["validator/src/", "lemmas/src/"]), lines::below(&tree, &["src/"])),
        tree,
    })
}

/// Refuses a folder that has something else in it.
fn may_write(folder: &Path) -> Result<(), Diagnostic> {
    match folder::there(folder, release::SCHEMA_FAMILY, release::ENVIRONMENT) {
        Err(e) => Err(Diagnostic::file_system("look at the folder", folder, &e)),
        Ok(There::Nothing | There::Package) => Ok(()),
        Ok(There::Other | There::Foreign(_)) => {
            Err(Diagnostic::new("the folder has something else than evidence of a release in it")
                .file(folder)
                .help("give a new or empty folder with --output"))
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Changed or other sources, a record of other tests, a folder with something else in it; what cannot be read or written.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    may_write(&args.output)?;
    let package = release::package(&inputs(args)?).map_err(Diagnostic::new)?;
    folder::write(&args.output, &package.files).map_err(|e| Diagnostic::file_system("write", &args.output, &e))?;
    let state = &package.state;
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "report release",
            written: &args.output,
            ok: state.ok,
            headline: &state.headline,
            reasons: &state.reasons,
            files: package.files.len(),
        }),
        Format::Text => {
            let mut said = format!("{}\n", state.headline);
            state.reasons.iter().for_each(|reason| said += &format!("  {reason}\n"));
            said += &format!("{} files in {}; open index.html\n", package.files.len(), args.output.display());
            output::print(&said);
        }
    }
    Ok(if state.ok { Status::Done } else { Status::NotProved })
}
