//! The digest of source files that is compiled into programs: what `find`, `sha256sum` and `sort` make of them.
//!
//! ```text
//! find PART… -type f | LC_ALL=C sort | xargs sha256sum | sha256sum
//! ```
//!
//! Build scripts include this file, so it uses nothing else of this crate.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

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

/// The digest of all files that are parts, or below parts that are folders: 64 hexadecimal digits. Parts are relative to `root`.
///
/// # Errors
/// A part is missing or cannot be read.
pub fn compute(root: &Path, parts: &[&str]) -> std::io::Result<String> {
    let mut found = Vec::new();
    for part in parts {
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
