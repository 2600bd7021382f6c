//! Packages in the file system: whole ones are written, nothing else's folder is ever taken, and no file that is not a package's.

use super::manifest;
use crate::beside;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Reads all files below a folder: path with `/`, contents.
///
/// # Errors
/// What the file system says; a link is an error, for a package has none.
pub fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    visit(folder, "", &mut |path, entry| {
        if !entry.file_type()?.is_file() {
            return Err(io::Error::other(format!("{path} is neither a file nor a folder")));
        }
        files.insert(path, std::fs::read(entry.path())?);
        Ok(())
    })?;
    Ok(files)
}

/// Visits all below a folder that is no folder: path with `/`, entry.
fn visit(
    folder: &Path,
    prefix: &str,
    each: &mut dyn FnMut(String, std::fs::DirEntry) -> io::Result<()>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => visit(&entry.path(), &format!("{path}/"), each)?,
            false => each(path, entry)?,
        }
    }
    Ok(())
}

/// What is at a path before a package is written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing, or an empty folder.
    Nothing,
    /// A package.
    Package,
    /// A package, and files that are none of its own: their paths, ascending.
    Foreign(Vec<String>),
    /// Something else.
    Other,
}

/// What the manifests of packages have in common, whatever kind of package it is.
#[derive(Deserialize)]
struct Headed {
    schema: String,
    /// What it lists.
    #[serde(alias = "content")]
    files: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    path: String,
}

/// Looks what is at a path. Operands: `schema`: how the schema of packages begins, of any version; `unlisted`: the one file of theirs that
/// their manifests do not list.
///
/// # Errors
/// What the file system says.
pub fn there(folder: &Path, schema: &str, unlisted: &str) -> io::Result<There> {
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
    let Some(manifest) = manifest.filter(|m| m.schema.starts_with(schema)) else {
        return Ok(There::Other);
    };
    let listed = manifest.files.iter().map(|file| file.path.as_str());
    let own: BTreeSet<&str> = listed.chain([manifest::FILE, unlisted]).collect();
    let mut foreign = Vec::new();
    visit(folder, "", &mut |path, _| {
        foreign.extend((!own.contains(path.as_str())).then_some(path));
        Ok(())
    })?;
    foreign.sort();
    Ok(if foreign.is_empty() { There::Package } else { There::Foreign(foreign) })
}

/// Writes a package in the place of nothing or of another package: into a folder beside it, which is then renamed.
///
/// # Errors
/// What the file system says; the folder is then as it was.
pub fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let (new, ()) = beside::make(folder, |path| std::fs::create_dir(path))?;
    let written = || -> io::Result<()> {
        for (path, bytes) in files {
            let file = new.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(&new))?;
            std::fs::write(file, bytes)?;
        }
        replace(folder, &new)
    };
    written().inspect_err(|_| {
        let _ = std::fs::remove_dir_all(&new);
    })
}

/// Renames a folder to where another one may be, which is removed then.
fn replace(folder: &Path, new: &Path) -> io::Result<()> {
    // A folder is renamed onto an empty one, but onto nothing else.
    let (old, ()) = beside::make(folder, |path| std::fs::create_dir(path))?;
    let moved = match std::fs::rename(folder, &old) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    };
    let renamed = moved.and_then(|()| {
        std::fs::rename(new, folder).inspect_err(|_| {
            let _ = std::fs::rename(&old, folder);
        })
    });
    // What is left there after a failure is the empty folder, or what could not be put back.
    let _ = if renamed.is_ok() { std::fs::remove_dir_all(&old) } else { std::fs::remove_dir(&old) };
    renamed
}
