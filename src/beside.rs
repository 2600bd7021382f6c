//! Files and folders that get their contents beside their place and are then renamed to it, so that whoever looks sees old or new.
//!
//! The name beside is nobody else's: it is taken only if nothing has it, whatever left it there, for processes on other machines may have
//! the same number.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Names that are tried before giving up.
const TRIES: u32 = 1000;

/// Makes something new beside a path, under a hidden name. Operand `make`: makes it at the path that it is given, and says
/// `AlreadyExists` if something is there. Result: its path, and what `make` gives.
///
/// # Errors
/// What `make` says; a path without a name.
pub fn make<T>(path: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(PathBuf, T)> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?.to_string_lossy();
    let mut result = Err(io::Error::other("no name was tried"));
    for _ in 0..TRIES {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_file_name(format!(".{name}.{}.{number}", std::process::id()));
        result = make(&beside).map(|made| (beside, made));
        if !matches!(&result, Err(e) if e.kind() == io::ErrorKind::AlreadyExists) {
            break;
        }
    }
    result
}

/// Writes a file so that it has all its new contents or is not changed.
///
/// # Errors
/// What the file system says; nothing is then left beside it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (beside, mut file) = make(path, |new| std::fs::File::options().write(true).create_new(true).open(new))?;
    let written = file.write_all(bytes).and_then(|()| std::fs::rename(&beside, path));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("synth-beside-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("out.o");
        // Something has each of the next names: a file, a folder, and a link that leads to another file.
        let other = folder.join("other");
        std::fs::write(&other, b"other").expect("writes");
        let (first, ()) = make(&path, |new| std::fs::write(new, b"first")).expect("made");
        let number = first.to_str().and_then(|name| name.rsplit_once('.')).expect("a number");
        let next = |n: u32| format!("{}.{}", number.0, number.1.parse::<u32>().expect("a number") + n);
        std::fs::write(next(1), b"file").expect("writes");
        std::fs::create_dir(next(2)).expect("a folder");
        std::os::unix::fs::symlink(&other, next(3)).expect("a link");
        write(&path, b"new").expect("writes");
        let read = |path: &str| std::fs::read(path).expect("reads");
        assert_eq!(read(path.to_str().expect("text")), b"new");
        assert_eq!((read(&next(1)), read(&next(3))), (b"file".to_vec(), b"other".to_vec()));
        assert_eq!(std::fs::read_dir(&folder).expect("reads").count(), 6, "nothing else is left");
        std::fs::remove_dir_all(&folder).expect("removes");
    }
}
