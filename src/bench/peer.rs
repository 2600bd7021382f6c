//! Compilers that a user has: a command line that makes an object from a module.

use super::build::{Program, option};
use super::measure::Candidate;
use crate::pass::Level;
use crate::simulator::board::{Folder, read, tool};
use crate::simulator::observation::RunError;
use std::process::Command;
use std::str::FromStr;

/// A compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What its builds are called.
    pub name: String,
    /// A command for `sh`: reads the module `$WASM`, or `$SOURCE` if the program has C source, at the level `$LEVEL` (`-O2`, `-Os`), and
    /// writes a relocatable object `$OBJECT` as docs/abi.md describes it: functions under export names, imports undefined, memory at
    /// `__linear_memory_base`.
    pub command: String,
}

impl FromStr for Peer {
    type Err = String;
    fn from_str(text: &str) -> Result<Peer, String> {
        match text.split_once('=') {
            Some((name, command)) if !name.is_empty() && !command.is_empty() => {
                Ok(Peer { name: name.to_string(), command: command.to_string() })
            }
            _ => Err("expected NAME=COMMAND".to_string()),
        }
    }
}

/// A build by a peer.
///
/// # Errors
/// `RunError::Tool` if the command fails or writes no object.
pub fn build(peer: &Peer, program: &Program, wasm: &[u8], level: Level) -> Result<Candidate, RunError> {
    let folder = Folder::new()?;
    let (module, object) = (folder.write("module.wasm", wasm)?, folder.path().join("peer.o"));
    let mut command = Command::new("sh");
    command.args(["-c", &peer.command]).env("WASM", module).env("OBJECT", &object).env("LEVEL", option(level));
    if let Some(source) = &program.c {
        command.env("SOURCE", source);
    }
    tool(&mut command)?;
    Ok(Candidate { object: read(&object)?, ..Candidate::default() })
}
