//! Counts of executed instructions, by address, from a plugin of the emulator.
//!
//! The plugin counts blocks of instructions that run from their first to their last one, and how often what came next was not
//! what stands behind. A block that ends in a trap in its middle would count too much; calls that trap are not measured.

use crate::simulator::board::{Folder, boot, parse, read, tool};
use crate::simulator::observation::{Run, RunError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const PLUGIN: &str = include_str!("firmware/count.c");

/// The first version of the emulator whose plugin interface is version 2; those before take 1.
/// Source: QEMU, `include/qemu/qemu-plugin.h`, history of `QEMU_PLUGIN_VERSION`.
const INTERFACE_2_FROM: u32 = 9;

/// A block that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Address of the first instruction.
    pub start: u32,
    /// Address of the last instruction.
    pub last: u32,
    /// How often it ran.
    pub count: u64,
    /// How often execution did not go on behind it.
    pub left: u64,
}

/// The plugin, compiled for this machine.
pub struct Plugin {
    folder: Folder,
    file: PathBuf,
}

impl Plugin {
    /// Compiles it.
    ///
    /// # Errors
    /// `RunError::Tool` if compiler or emulator are missing.
    pub fn new() -> Result<Plugin, RunError> {
        let folder = Folder::new()?;
        let source = folder.write("count.c", PLUGIN.as_bytes())?;
        let file = folder.path().join("count.so");
        let version = format!("-DINTERFACE_VERSION={}", interface_version(&folder)?);
        tool(Command::new("cc").args(["-shared", "-fPIC", "-O2", &version, "-o"]).arg(&file).arg(source))?;
        Ok(Plugin { folder, file })
    }

    /// Boots an image and counts.
    ///
    /// # Errors
    /// `RunError::Tool` if the emulator does not start or has no plugins.
    pub fn run(&self, folder: &Folder, image: &Path) -> Result<(Run, Vec<Block>), RunError> {
        let counts = folder.path().join("counts");
        let option = format!("{},out={}", self.file.display(), counts.display());
        let output = boot(folder, image, &["-plugin".to_string(), option])?;
        let text = String::from_utf8_lossy(&read(&counts).map_err(|e| no_counts(&e, &output))?).into_owned();
        let blocks = text.lines().map(block).collect::<Option<Vec<_>>>();
        let blocks = blocks.ok_or_else(|| RunError::Tool("the emulator's counts are damaged".to_string()))?;
        Ok((parse(&output), blocks))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn no_counts(error: &RunError, output: &str) -> RunError {
    RunError::Tool(format!("the emulator wrote no counts: {error}\n{output}"))
}

/// Which version of the plugin interface the emulator speaks.
fn interface_version(folder: &Folder) -> Result<u32, RunError> {
    let file = folder.path().join("version");
    let out = std::fs::File::create(&file).map_err(|e| RunError::Tool(e.to_string()))?;
    let mut command = Command::new("qemu-system-arm");
    let done = command.arg("--version").stdout(out).status();
    done.map_err(|e| crate::simulator::board::missing("qemu-system-arm", &e))?;
    let text = String::from_utf8_lossy(&read(&file)?).into_owned();
    let version = text.split_whitespace().find_map(|word| word.split_once('.')?.0.parse::<u32>().ok());
    Ok(if version.unwrap_or(0) >= INTERFACE_2_FROM { 2 } else { 1 })
}

fn block(line: &str) -> Option<Block> {
    let words: Vec<&str> = line.split(' ').collect();
    let [start, last, count, left] = words[..] else {
        return None;
    };
    let address = |word| u32::from_str_radix(word, 16).ok();
    Some(Block { start: address(start)?, last: address(last)?, count: count.parse().ok()?, left: left.parse().ok()? })
}

/// What happened at an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it was executed, or skipped as one of an IT block.
    pub executed: u64,
    /// How often another instruction than the one behind it came next.
    pub left: u64,
}

/// Counts by address from blocks; `step` gives the address behind the instruction at an address.
pub fn by_address(blocks: &[Block], step: impl Fn(u32) -> Option<u32>) -> BTreeMap<u32, Count> {
    let mut counts: BTreeMap<u32, Count> = BTreeMap::new();
    for block in blocks {
        let mut at = block.start;
        while at <= block.last {
            let Some(next) = step(at) else {
                break;
            };
            counts.entry(at).or_default().executed += block.count;
            at = next;
        }
        if step(block.last).is_some() {
            counts.entry(block.last).or_default().left += block.left;
        }
    }
    counts
}
