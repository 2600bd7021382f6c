//! Compiles the digest of the sources into the program, so that a report can tell whether it stands in the sources that the program
//! was built from.

use std::path::Path;

#[path = "src/evidence/release/source_digest.rs"]
mod source_digest;

fn main() {
    for part in source_digest::PARTS {
        println!("cargo::rerun-if-changed={part}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let digest = source_digest::compute(root).unwrap_or_else(|e| panic!("cannot read the sources: {e}"));
    println!("cargo::rustc-env=SYNTH_SOURCE_SHA256={digest}");
    let profile = std::env::var("PROFILE").unwrap_or_default();
    println!("cargo::rustc-env=SYNTH_PROFILE={profile}");
}
