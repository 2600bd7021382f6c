//! Compiles the digest of the sources into the program, so that a report can tell whether it stands in the sources that the program
//! was built from; what it was built with; and, in release builds, the commit and whether these sources differ from it.

use std::path::Path;

#[path = "validator/src/evidence/source_digest.rs"]
mod source_digest;
#[path = "src/evidence/release/source_parts.rs"]
mod source_parts;

/// What git prints, if it is there and content.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(said.trim().to_string())
}

/// The commit, and `yes` or `no`: whether the program's sources differ from it. The environment's `SYNTH_COMMIT` and `SYNTH_DIRTY` go
/// before what git says, for sources without a checkout. Nothing in debug builds, which every commit would have built anew.
fn identity(root: &Path, profile: &str) -> Option<(String, String)> {
    for name in ["SYNTH_COMMIT", "SYNTH_DIRTY"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if let (Ok(commit), Ok(dirty)) = (std::env::var("SYNTH_COMMIT"), std::env::var("SYNTH_DIRTY")) {
        return Some((commit, dirty));
    }
    if profile != "release" || Path::new(&git(root, &["rev-parse", "--show-toplevel"])?) != root {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let file = root.join(git(root, &["rev-parse", "--git-path", file])?);
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
    let changed = git(root, &[&["status", "--porcelain", "--"], &source_parts::PARTS[..]].concat())?;
    let dirty = if changed.is_empty() { "no" } else { "yes" };
    Some((git(root, &["rev-parse", "HEAD"])?, dirty.to_string()))
}

fn main() {
    for part in source_parts::PARTS {
        println!("cargo::rerun-if-changed={part}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let digest = source_digest::compute(root, &source_parts::PARTS);
    let digest = digest.unwrap_or_else(|e| panic!("cannot read the sources: {e}"));
    println!("cargo::rustc-env=SYNTH_SOURCE_SHA256={digest}");
    let profile = std::env::var("PROFILE").expect("cargo sets it");
    println!("cargo::rustc-env=SYNTH_PROFILE={profile}");
    if let Some((commit, dirty)) = identity(root, &profile) {
        println!("cargo::rustc-env=SYNTH_COMMIT={commit}");
        println!("cargo::rustc-env=SYNTH_DIRTY={dirty}");
    }
    let target = std::env::var("TARGET").expect("cargo sets it");
    println!("cargo::rustc-env=SYNTH_TARGET={target}");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = std::process::Command::new(&rustc).arg("--version").output().ok().filter(|o| o.status.success());
    let version = version.unwrap_or_else(|| panic!("{rustc} does not tell its version"));
    println!("cargo::rustc-env=SYNTH_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
}
