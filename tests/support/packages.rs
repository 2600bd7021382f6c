//! Finds the published modules that tests compile but this repository does not carry, and fetches them if needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names of the modules, without `.wasm`; each has a script `tests/vectors/NAME.vec`.
pub const NAMES: [&str; 3] = ["xxhash", "source-map", "snappy"];

/// The folder of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Paths of the corpus' modules, in order of their names.
pub fn corpus() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("corpus/wasm")).expect("the corpus");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The path of a module of `NAMES`, after fetching all of them once if one is missing.
///
/// # Panics
/// If fetching fails, with the script's own message and remedy.
pub fn module(name: &str) -> PathBuf {
    static FETCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let path = |name: &str| repository().join("third-party").join(name).with_extension("wasm");
    let fetched = FETCHED.get_or_init(|| {
        if NAMES.iter().all(|name| path(name).is_file()) {
            return Ok(());
        }
        let script = repository().join("scripts/fetch-modules.sh");
        let output =
            Command::new("bash").arg(script).output().map_err(|error| format!("bash does not start: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    });
    if let Err(reason) = fetched {
        panic!("third-party/{name}.wasm is missing and scripts/fetch-modules.sh failed:\n{reason}");
    }
    path(name)
}
