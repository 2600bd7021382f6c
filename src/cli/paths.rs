//! Where a command writes: no output is its input, and no two outputs are one file or one inside of a folder that another takes whole.

use super::diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

/// The paths of a command that were looked at.
pub struct Paths {
    input: PathBuf,
    /// What each is, where it is, and whether all below it belongs to it.
    outputs: Vec<(&'static str, PathBuf, bool)>,
}

impl Paths {
    /// A command with this input.
    pub fn new(input: &Path) -> Paths {
        Paths { input: place(input), outputs: Vec::new() }
    }
    /// Adds a file that is written, if there is one. Devices and pipes may be several outputs at once.
    ///
    /// # Errors
    /// It is the input or another output.
    pub fn file(self, what: &'static str, path: Option<&Path>) -> Result<Paths, Diagnostic> {
        match path {
            Some(path) if !std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) => {
                self.add(what, path, false)
            }
            _ => Ok(self),
        }
    }
    /// Adds several files.
    ///
    /// # Errors
    /// One of them is the input or another output.
    pub fn files(self, what: &'static str, mut files: impl Iterator<Item = PathBuf>) -> Result<Paths, Diagnostic> {
        files.try_fold(self, |paths, file| paths.file(what, Some(&file)))
    }
    /// Adds a folder that is written as a whole, if there is one.
    ///
    /// # Errors
    /// It is, or has in it, the input or another output, or lies in one.
    pub fn folder(self, what: &'static str, path: Option<&Path>) -> Result<Paths, Diagnostic> {
        match path {
            Some(path) => self.add(what, path, true),
            None => Ok(self),
        }
    }

    fn add(mut self, what: &'static str, path: &Path, is_folder: bool) -> Result<Paths, Diagnostic> {
        let at = place(path);
        let clash = |other: &Path, other_is_folder: bool| {
            at == *other || is_folder && other.starts_with(&at) || other_is_folder && at.starts_with(other)
        };
        let error = if clash(&self.input, false) {
            Some(format!("{what} is the input, or would take its place"))
        } else {
            let other = self.outputs.iter().find(|(_, other, is_folder)| clash(other, *is_folder));
            other.map(|(other, ..)| format!("{what} and {other} have one place"))
        };
        match error {
            Some(error) => Err(Diagnostic::new(error).file(path).help("give each output a path of its own")),
            None => {
                self.outputs.push((what, at, is_folder));
                Ok(self)
            }
        }
    }
}

/// The place that a path names, whether something is there or not: links are followed as far as there is something.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.canonicalize().unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => place(parent).join(name),
        _ => path.clone(),
    })
}
