//! Runs a linker: GNU ld or LLD, whichever is there. Everything it reads and writes lies in a folder of its own, which is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Linkers that are looked for, in this order.
pub const LINKERS: [&str; 3] = ["arm-none-eabi-ld", "ld.lld", "ld.lld-19"];
/// The compiler driver that is asked where its run-time libraries are.
pub const DRIVER: &str = "arm-none-eabi-gcc";
/// Libraries of the compiler driver: what it takes for an address in them, a relative name, says that there is none.
const LIBRARIES: [(&str, &str); 2] = [("-print-file-name=", "libc.a"), ("-print-file-name=", "libgcc.a")];

/// A linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linker {
    /// Its program.
    pub program: String,
    /// What it says of itself.
    pub version: String,
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// No linker was found, or the one that was asked for does not start, and why.
    NoLinker(Option<(String, String)>),
    /// The file system.
    File(PathBuf, String),
    /// The linker fails, with what it says.
    Failed(String, String),
}

/// Finds a linker: the one that is asked for, or the first that is there.
///
/// # Errors
/// `NoLinker`.
pub fn find(choice: Option<&str>) -> Result<Linker, LinkError> {
    let start = |program: &str| {
        let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        let output = output.map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match text.lines().next() {
            Some(version) if output.status.success() => {
                Ok(Linker { program: program.to_string(), version: version.to_string() })
            }
            _ => Err("it does not say its version".to_string()),
        }
    };
    match choice {
        Some(program) => start(program).map_err(|why| LinkError::NoLinker(Some((program.to_string(), why)))),
        None => LINKERS.iter().find_map(|program| start(program).ok()).ok_or(LinkError::NoLinker(None)),
    }
}

/// Run-time libraries of the compiler driver for a core, by its name; none if there is no driver.
pub fn libraries(cpu: &str) -> Vec<PathBuf> {
    let ask = |(option, name): &(&str, &str)| {
        let mut command = Command::new(DRIVER);
        command.args([&format!("-mcpu={cpu}"), "-mthumb", "-mfloat-abi=soft", &format!("{option}{name}")]);
        let output = command.stdin(Stdio::null()).output().ok().filter(|o| o.status.success())?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        path.is_absolute().then_some(path)
    };
    LIBRARIES.iter().filter_map(ask).collect()
}

/// A folder for one run, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, LinkError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("synth-image-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|e| LinkError::File(path.clone(), e.to_string()))?;
        Ok(Folder(path))
    }
    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, LinkError> {
        let path = self.0.join(name);
        fs::write(&path, bytes).map_err(|e| LinkError::File(path.clone(), e.to_string()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Links.
///
/// Operands: objects by name and contents, in order; files with more objects; archives, which are searched as one.
///
/// # Errors
/// What the file system or the linker says.
pub fn link(
    linker: &Linker,
    script: &str,
    objects: &[(&str, &[u8])],
    files: &[&Path],
    archives: &[&Path],
) -> Result<Vec<u8>, LinkError> {
    let folder = Folder::new()?;
    let script = folder.write("image.ld", script.as_bytes())?;
    let image = folder.0.join("image.elf");
    let mut command = Command::new(&linker.program);
    // Segments need not start on pages: nothing maps them.
    command.args(["--nmagic", "-nostdlib", "-T"]).arg(&script).arg("-o").arg(&image);
    for (name, bytes) in objects {
        command.arg(folder.write(name, bytes)?);
    }
    command.args(files);
    if !archives.is_empty() {
        command.arg("--start-group").args(archives).arg("--end-group");
    }
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| LinkError::NoLinker(Some((linker.program.clone(), e.to_string()))))?;
    if !output.status.success() {
        // What the linker says of our own files, which are gone then, is said of their names.
        let prefix = format!("{}/", folder.0.display());
        let said = String::from_utf8_lossy(&output.stderr).replace(&prefix, "");
        return Err(LinkError::Failed(linker.program.clone(), said.trim().to_string()));
    }
    fs::read(&image).map_err(|e| LinkError::File(image.clone(), e.to_string()))
}
