//! Compiles the digest of the sources into the program, so that a report can tell whether it stands in the sources that the program
//! was built from; and what it was built with.

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
    let profile = std::env::var("PROFILE").expect("cargo sets it");
    println!("cargo::rustc-env=SYNTH_PROFILE={profile}");
    let target = std::env::var("TARGET").expect("cargo sets it");
    println!("cargo::rustc-env=SYNTH_TARGET={target}");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = std::process::Command::new(&rustc).arg("--version").output().ok().filter(|o| o.status.success());
    let version = version.unwrap_or_else(|| panic!("{rustc} does not tell its version"));
    println!("cargo::rustc-env=SYNTH_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
}
