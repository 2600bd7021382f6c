//! Packages in the file system: whole ones are written, nothing else's folder is ever taken.

use super::manifest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Reads all files below a folder: path with `/`, contents.
///
/// # Errors
/// What the file system says; a link is an error, for a package has none.
pub fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    read_into(folder, "", &mut files)?;
    Ok(files)
}

fn read_into(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_into(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.insert(path, std::fs::read(entry.path())?);
        } else {
            return Err(io::Error::other(format!("{path} is neither a file nor a folder")));
        }
    }
    Ok(())
}

/// What is at a path before a package is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing, or an empty folder.
    Nothing,
    /// A package.
    Package,
    /// Something else.
    Other,
}

/// What a package's manifest begins with, whatever kind of package it is.
#[derive(Deserialize)]
struct Headed {
    schema: String,
}

/// Looks what is at a path. Operand `schema`: how the schema of packages begins, of any version.
///
/// # Errors
/// What the file system says.
pub fn there(folder: &Path, schema: &str) -> io::Result<There> {
    match std::fs::symlink_metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(e) => return Err(e),
        Ok(metadata) if !metadata.is_dir() => return Ok(There::Other),
        Ok(_) => {}
    }
    if std::fs::read_dir(folder)?.next().is_none() {
        return Ok(There::Nothing);
    }
    let manifest = std::fs::read(folder.join(manifest::FILE)).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Headed>(&bytes).ok());
    Ok(if manifest.is_some_and(|m| m.schema.starts_with(schema)) { There::Package } else { There::Other })
}

/// Writes a package in the place of nothing or of another package: into a folder beside it, which is then renamed.
///
/// # Errors
/// What the file system says; the folder is then as it was.
pub fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let name = folder.file_name().ok_or_else(|| io::Error::other("the path names no folder"))?;
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let beside = |what: &str| parent.join(format!(".{}.{what}.{}", name.to_string_lossy(), std::process::id()));
    let (new, old) = (beside("new"), beside("old"));
    let written = || -> io::Result<()> {
        for (path, bytes) in files {
            let file = new.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(&new))?;
            std::fs::write(file, bytes)?;
        }
        match std::fs::rename(folder, &old) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
        std::fs::rename(&new, folder).inspect_err(|_| {
            let _ = std::fs::rename(&old, folder);
        })
    };
    let result = written();
    let _ = std::fs::remove_dir_all(&new);
    if result.is_ok() {
        let _ = std::fs::remove_dir_all(&old);
    }
    result
}
