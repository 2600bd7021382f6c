//! The command line in tests: a folder for its files, and runs of the program.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own for a test, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder whose name has this in it.
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("synth-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
    /// The path of something in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path").to_string()
    }
    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).expect("writes");
        self.text(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A module of the corpus.
pub fn corpus(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("corpus/wasm").join(name).with_extension("wasm").to_str().expect("a path").to_string()
}

/// The program with these arguments.
pub fn synth(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synth"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs the program, checks its exit code, and gives standard output and standard error.
pub fn check(args: &[&str], code: i32) -> (String, String) {
    let output = synth(args).output().expect("runs");
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(output.status.code(), Some(code), "synth {args:?}\n{out}\n{err}");
    assert!(!err.contains("panicked"), "synth {args:?}\n{err}");
    (out, err)
}

/// The same with `--format json`.
pub fn json(args: &[&str], code: i32) -> Value {
    let (out, _) = check(&[args, &["--format", "json"]].concat(), code);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("synth {args:?}: {e}\n{out}"))
}
