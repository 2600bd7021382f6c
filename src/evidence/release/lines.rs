//! Lines of code: neither blank nor comments, tests at the end of files left out.

use super::requirements::Tree;

/// Lines of code of a Rust file.
pub fn count(text: &str) -> usize {
    let shipped = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    shipped.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Lines of code of the Rust files below the folders.
pub fn below(tree: &Tree, folders: &[&str]) -> usize {
    let files = tree.iter().filter(|(path, _)| path.ends_with(".rs") && folders.iter().any(|f| path.starts_with(f)));
    files.map(|(_, text)| count(text)).sum()
}
