//! The digest that binds a program to the sources that it was built from.
//!
//! `build.rs` computes it and compiles it in, `synth report release` computes it again over the tree that it stands in and refuses
//! another one. Anyone can do the same without us:
//!
//! ```text
//! find Cargo.lock Cargo.toml boards build.rs lemmas src validator/Cargo.toml validator/build.rs validator/src -type f |
//!   LC_ALL=C sort | xargs sha256sum | sha256sum
//! ```
//!
//! Tests and documents are not among these files: they are bound by the commit.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// Files and folders that the program is made of, relative to the root of the sources, in byte order.
pub const PARTS: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "boards",
    "build.rs",
    "lemmas",
    "src",
    "validator/Cargo.toml",
    "validator/build.rs",
    "validator/src",
];

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Paths of all files at or below `path`, relative to `root`, with slashes.
fn files(root: &Path, path: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    let at = root.join(path);
    if !at.is_dir() {
        found.push(path.to_string());
        return Ok(());
    }
    for entry in std::fs::read_dir(&at)? {
        let name = entry?.file_name();
        let name = name.to_str().ok_or_else(|| std::io::Error::other(format!("{path} has a name that is no text")))?;
        files(root, &format!("{path}/{name}"), found)?;
    }
    Ok(())
}

/// The digest of the sources below `root`: 64 hexadecimal digits.
///
/// # Errors
/// A part is missing or cannot be read.
pub fn compute(root: &Path) -> std::io::Result<String> {
    let mut found = Vec::new();
    for part in PARTS {
        files(root, part, &mut found)?;
    }
    found.sort();
    let mut lines = String::new();
    for path in found {
        let bytes = std::fs::read(root.join(&path))
            .map_err(|error| std::io::Error::new(error.kind(), format!("{path}: {error}")))?;
        let _ = writeln!(lines, "{}  {path}", hexadecimal(&Sha256::digest(bytes)));
    }
    Ok(hexadecimal(&Sha256::digest(lines)))
}
