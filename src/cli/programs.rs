//! The programs of the corpus and the fetched modules, and statistics over their proofs.

use super::diagnostic::Diagnostic;
use super::input::{self, Module};
use crate::bench::build;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The fetched modules, by the stem of their file. Source: `scripts/modules.sha256`.
const FETCHED: [&str; 3] = ["xxhash", "source-map", "snappy"];

/// How modules that are missing are had.
const FETCH: &str = "run scripts/fetch-modules.sh";

/// Which programs of the corpus.
#[derive(Clone, Debug, clap::Args)]
pub struct CorpusArgs {
    /// Folder of the corpus
    #[arg(long, value_name = "DIR", default_value = "corpus")]
    corpus: PathBuf,
    /// Only this program; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

impl CorpusArgs {
    /// All programs of a folder.
    pub fn all(corpus: PathBuf) -> CorpusArgs {
        CorpusArgs { corpus, only: Vec::new() }
    }
    /// The folder of the corpus.
    #[cfg(feature = "faults")]
    pub fn folder(&self) -> &Path {
        &self.corpus
    }
}

/// Which programs, fetched modules among them.
#[derive(Clone, Debug, clap::Args)]
pub struct ProgramArgs {
    #[command(flatten)]
    corpus: CorpusArgs,
    /// Folder of the fetched modules
    #[arg(long, value_name = "DIR", default_value = "third-party")]
    third_party: PathBuf,
}

impl ProgramArgs {
    /// The folder of the corpus, and the names of the programs that are wanted, if not all are.
    pub fn corpus(&self) -> (&Path, &[String]) {
        (&self.corpus.corpus, &self.corpus.only)
    }
}

/// A program.
pub struct Program {
    /// Its name in the manifest.
    pub name: String,
    /// Its module.
    pub module: Module,
}

#[derive(Deserialize)]
struct Manifest {
    programs: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    source: PathBuf,
    wasm: PathBuf,
}

/// The manifest, and where it is.
fn manifest(args: &CorpusArgs) -> Result<(Manifest, PathBuf), Diagnostic> {
    let path = args.corpus.join("manifest.json");
    let fail = |d: Diagnostic| d.help("run it in the repository, or name the corpus with --corpus DIR");
    let manifest = serde_json::from_slice(&input::read(&path).map_err(fail)?)
        .map_err(|e| Diagnostic::new(format!("the manifest is damaged: {e}")).file(&path))?;
    Ok((manifest, path))
}

fn no_program(name: &str, manifest: &Path) -> Diagnostic {
    Diagnostic::new(format!("no program {name}")).file(manifest).help("names are those of the manifest")
}

/// Where the programs of the corpus are; modules that were fetched are not among them.
///
/// # Errors
/// A manifest that cannot be read; a name that no program has.
pub fn sources(args: &CorpusArgs) -> Result<Vec<build::Program>, Diagnostic> {
    let (manifest, path) = manifest(args)?;
    if let Some(name) = args.only.iter().find(|name| manifest.programs.iter().all(|e| e.name != **name)) {
        return Err(no_program(name, &path));
    }
    let wanted = manifest.programs.into_iter().filter(|e| args.only.is_empty() || args.only.contains(&e.name));
    let place = |entry: Entry| build::Program {
        c: (entry.source.extension().is_some_and(|e| e == "c")).then(|| args.corpus.join(&entry.source)),
        wasm: args.corpus.join(entry.wasm),
        script: args.corpus.join("vectors").join(&entry.name).with_extension("vec"),
        name: entry.name,
    };
    Ok(wanted.map(place).collect())
}

/// Reads the programs of the corpus.
///
/// # Errors
/// A manifest or module that cannot be read.
pub fn of_corpus(args: &CorpusArgs) -> Result<Vec<Program>, Diagnostic> {
    let is_wanted = |entry: &Entry| args.only.is_empty() || args.only.contains(&entry.name);
    let wanted = manifest(args)?.0.programs.into_iter().filter(is_wanted);
    let program = |entry: Entry| {
        let module = input::module(&args.corpus.join(entry.wasm))?;
        Ok(Program { name: entry.name, module })
    };
    wanted.map(program).collect()
}

/// Reads the programs, and names the fetched modules that are missing, none of which was named.
///
/// # Errors
/// A manifest or module that cannot be read; a name that no program has, or a module that is not fetched; no program at all.
pub fn programs(args: &ProgramArgs) -> Result<(Vec<Program>, Vec<&'static str>), Diagnostic> {
    let wanted = |name: &str| args.corpus.only.is_empty() || args.corpus.only.iter().any(|o| o == name);
    let (mut found, path) = (of_corpus(&args.corpus)?, manifest(&args.corpus)?.1);
    let mut missing = Vec::new();
    for name in FETCHED.into_iter().filter(|n| wanted(n)) {
        let path = file_of(&args.third_party, name);
        if path.exists() {
            found.push(Program { name: name.to_string(), module: input::module(&path)? });
        } else {
            missing.push(name);
        }
    }
    let is_found = |name: &String| found.iter().any(|p| p.name == *name);
    match args.corpus.only.iter().find(|name| !is_found(name)) {
        Some(name) if missing.contains(&name.as_str()) => {
            let error = format!("the module {name} is not fetched");
            Err(Diagnostic::new(error).file(&file_of(&args.third_party, name)).help(FETCH))
        }
        Some(name) => Err(no_program(name, &path)),
        None if found.is_empty() => Err(Diagnostic::new("the corpus has no program").file(&path).help(FETCH)),
        None => Ok((found, missing)),
    }
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.wasm"))
}

/// What to say about modules that are not fetched.
pub fn hint(missing: &[&str]) -> String {
    match missing.is_empty() {
        true => String::new(),
        false => format!("not fetched: {}; {FETCH}\n", missing.join(", ")),
    }
}

/// The value that `percent` of all are at most; zero if there are none.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Milliseconds with two digits.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
