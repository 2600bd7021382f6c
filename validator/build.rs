//! Compiles the digest of what verdicts rest on into the validator: its sources, the lemmas, and the versions of what it is built from.

use std::path::Path;

#[path = "src/evidence/source_digest.rs"]
mod source_digest;

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

fn main() {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&manifest).parent().expect("the workspace's folder").to_path_buf();
    for part in PARTS {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    let digest = source_digest::compute(&root, &PARTS).unwrap_or_else(|e| panic!("cannot read the sources: {e}"));
    println!("cargo::rustc-env=SYNTH_VALIDATOR_SHA256={digest}");
}
