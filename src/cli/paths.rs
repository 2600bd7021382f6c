//! Where a command writes: no output is one of its inputs, and no two outputs are one, or one inside of what the other is.

use super::diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

/// The paths of a command that were looked at.
pub struct Paths {
    /// What each input is, and where.
    inputs: Vec<(&'static str, PathBuf)>,
    /// What each output is, and where.
    outputs: Vec<(&'static str, PathBuf)>,
}

impl Paths {
    /// A command with this input.
    pub fn new(input: &Path) -> Paths {
        Paths { inputs: vec![("the input", place(input))], outputs: Vec::new() }
    }
    /// Adds files that are read as well.
    pub fn inputs<'p>(mut self, files: impl Iterator<Item = &'p Path>) -> Paths {
        self.inputs.extend(files.map(|file| ("another input", place(file))));
        self
    }
    /// Adds a file that is written, if there is one. Devices and pipes may be several outputs at once.
    ///
    /// # Errors
    /// It is an input or another output.
    pub fn file(self, what: &'static str, path: Option<&Path>) -> Result<Paths, Diagnostic> {
        match path {
            Some(path) if !std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) => self.add(what, path),
            _ => Ok(self),
        }
    }
    /// Adds several files.
    ///
    /// # Errors
    /// One of them is an input or another output.
    pub fn files(self, what: &'static str, mut files: impl Iterator<Item = PathBuf>) -> Result<Paths, Diagnostic> {
        files.try_fold(self, |paths, file| paths.file(what, Some(&file)))
    }
    /// Adds a folder that is written as a whole, if there is one.
    ///
    /// # Errors
    /// It is, or has in it, an input or another output, or lies in one.
    pub fn folder(self, what: &'static str, path: Option<&Path>) -> Result<Paths, Diagnostic> {
        match path {
            Some(path) => self.add(what, path),
            None => Ok(self),
        }
    }

    fn add(mut self, what: &'static str, path: &Path) -> Result<Paths, Diagnostic> {
        let at = place(path);
        let clash = |(_, other): &&(&str, PathBuf)| other.starts_with(&at) || at.starts_with(other);
        let error = match (self.inputs.iter().find(clash), self.outputs.iter().find(clash)) {
            (Some((input, _)), _) => format!("{what} is {input}, or would take its place"),
            (None, Some((other, _))) => format!("{what} and {other} have one place"),
            (None, None) => {
                self.outputs.push((what, at));
                return Ok(self);
            }
        };
        Err(Diagnostic::new(error).file(path).help("give each output a path of its own"))
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
