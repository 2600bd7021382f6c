//! Reading inputs and writing outputs: `.wasm` or `.wat` in, whole files or none out.

use super::diagnostic::Diagnostic;
use crate::beside;
use std::path::{Path, PathBuf};

/// A module in binary form.
pub struct Module {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its binary form.
    pub bytes: Vec<u8>,
}

/// Reads a file.
///
/// # Errors
/// What the file system says.
pub fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    std::fs::read(path).map_err(|e| Diagnostic::file_system("read the file", path, &e))
}

/// Reads a module: text if it is not in binary form and its name ends in `.wat`.
///
/// # Errors
/// What the file system says, or what is wrong with the text.
pub fn module(path: &Path) -> Result<Module, Diagnostic> {
    let bytes = read(path)?;
    if bytes.starts_with(b"\x7fELF") {
        return Err(Diagnostic::new("an ELF file, where a module is expected")
            .file(path)
            .help("the module comes first"));
    }
    let is_text = path.extension().is_some_and(|e| e == "wat") && !bytes.starts_with(b"\0asm");
    let bytes = match is_text {
        false => bytes,
        true => {
            let text =
                String::from_utf8(bytes).map_err(|e| Diagnostic::new(format!("no UTF-8 text: {e}")).file(path))?;
            wat::parse_str(&text).map_err(|mut e| {
                e.set_path(path);
                Diagnostic::new(format!("malformed text: {e}"))
            })?
        }
    };
    Ok(Module { path: path.to_path_buf(), bytes })
}

/// Reads an object or a linked image.
///
/// # Errors
/// What the file system says; a module in its place.
pub fn object(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let bytes = read(path)?;
    match bytes.starts_with(b"\0asm") {
        true => {
            let error =
                Diagnostic::new("a WebAssembly module, where an object or a linked image is expected").file(path);
            Err(error.help("the object comes behind the module"))
        }
        false => Ok(bytes),
    }
}

/// Writes a file so that it has all its new contents or is not changed: into a file beside it, which is then renamed.
///
/// # Errors
/// What the file system says.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let fail = |e: std::io::Error| Diagnostic::file_system("write the file", path, &e);
    // Devices and pipes cannot be renamed onto.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return std::fs::write(path, bytes).map_err(fail);
    }
    match path.file_name() {
        Some(_) => beside::write(path, bytes).map_err(fail),
        None => Err(Diagnostic::new("the output is no file name").file(path)),
    }
}
