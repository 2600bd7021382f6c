//! Compiles the digest of what verdicts rest on into the validator: its sources, the lemmas, and the versions of what it is built from.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Files and folders, relative to the workspace. A lock file is not part of a published crate.
const PARTS: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "lemmas/Cargo.toml",
    "lemmas/rules",
    "lemmas/src",
    "validator/Cargo.toml",
    "validator/build.rs",
    "validator/src",
];

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        return found.push(path.to_path_buf());
    }
    let entries = std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    entries.for_each(|entry| files(&entry.expect("an entry").path(), found));
}

fn main() {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&manifest).parent().expect("the workspace's folder").to_path_buf();
    let mut found = Vec::new();
    for part in PARTS {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        files(&root.join(part), &mut found);
    }
    found.sort();
    let mut digest = Sha256::new();
    for file in found {
        let name = file.strip_prefix(&root).expect("a part of the workspace").to_string_lossy().replace('\\', "/");
        let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=SYNTH_VALIDATOR_SHA256={hex}");
}
