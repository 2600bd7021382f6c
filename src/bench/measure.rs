//! Measures one build of a program: links it with the firmware, runs the calls, counts, and compares what was seen.

use super::execution::{Plugin, by_address};
use super::image::{Bytes, Image, Instruction, data_bytes};
use crate::simulator::board::{CPU, DRIVER, Folder, GCC, STARTUP, compile, read, tool};
use crate::simulator::interface::Interface;
use crate::simulator::observation::{Observation, Run, RunError};
use crate::simulator::script::{Placement, assemble};
use crate::simulator::vectors::{Script, Statement};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const LAYOUT: &str = include_str!("firmware/bench.ld");
/// Linear memory of the programs in C, in bytes. Source: `corpus/build.sh`.
const LINEAR_BYTES: u32 = 65_536;

/// One build of a program.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// The relocatable object.
    pub object: Vec<u8>,
    /// Whether it knows no linear memory: it was not made from a module.
    pub native: bool,
    /// Where sections of a native object have to lie, ascending.
    pub places: Vec<(u32, String)>,
    /// A further object that belongs to the host and is not measured.
    pub host: Option<Vec<u8>>,
    /// Initial bytes of linear memory that are not in sections counted as they are.
    pub segment_bytes: u32,
    /// What functions are called, where their symbols do not say it; without a name nothing of them is counted: they only
    /// start an instance.
    pub names: BTreeMap<String, Option<String>>,
}

/// What a function, or a whole program, takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Bytes of code and literals; for a program also of constants and initial data.
    pub bytes: u64,
    /// Instructions in the code.
    pub instructions: u64,
    /// Instructions executed; those that an IT block skips count.
    pub executed: u64,
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.bytes += other.bytes;
        self.instructions += other.instructions;
        self.executed += other.executed;
    }
}

/// What was measured of a build.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The whole program; executed instructions with those of run-time helpers.
    pub total: Figures,
    /// Executed instructions of run-time helpers.
    pub helpers_executed: u64,
    /// Its parts.
    pub bytes: Bytes,
    /// By function name.
    pub functions: BTreeMap<String, Figures>,
    /// What was seen of the calls.
    #[serde(skip)]
    pub run: Run,
}

/// Where the layout puts native objects. Source: `firmware/bench.ld`.
const NATIVE_DATA: u32 = 4096;

/// The line of the layout for a native section.
fn place((address, section): &(u32, String)) -> String {
    format!("    . = {:#x};\n    *native.o({section})\n", address.saturating_sub(NATIVE_DATA))
}

/// What all measurements share: plugin and firmware, built once.
pub struct Laboratory {
    plugin: Plugin,
    startup: PathBuf,
    driver: PathBuf,
    _folder: Folder,
}

impl Laboratory {
    /// Builds plugin and firmware.
    ///
    /// # Errors
    /// `RunError::Tool` if a tool is missing or fails.
    pub fn new() -> Result<Laboratory, RunError> {
        let folder = Folder::new()?;
        let startup = compile(&folder, "startup.S", STARTUP)?;
        let driver = compile(&folder, "driver.c", &format!("#define BOARD_HAS_LIBRARY\n{DRIVER}"))?;
        Ok(Laboratory { plugin: Plugin::new()?, startup, driver, _folder: folder })
    }

    /// Links a build with the firmware and the calls; the image's path.
    fn link(
        &self,
        folder: &Folder,
        candidate: &Candidate,
        interface: &Interface,
        script: &Script,
    ) -> Result<PathBuf, RunError> {
        let placement = Placement {
            own_addresses_bytes: candidate.native.then_some(LINEAR_BYTES),
            imports_without_memory: true,
            ..Placement::default()
        };
        let tables = compile(folder, "script.s", &assemble(interface, script, &placement))?;
        let name = if candidate.native { "native.o" } else { "program.o" };
        let object = folder.write(name, &candidate.object)?;
        let image = folder.path().join("firmware.elf");
        let mut command = Command::new(GCC);
        command.args(CPU).args(["-nostdlib", "-static", "-Wl,--no-warn-rwx-segments", "-Wl,--build-id=none", "-T"]);
        let objects: String = candidate.places.iter().map(place).collect();
        let layout = folder.write("bench.ld", LAYOUT.replace("/* OBJECTS */", &objects).as_bytes())?;
        command.arg(layout).args([&self.startup, &self.driver, &tables, &object]);
        if let Some(host) = &candidate.host {
            command.arg(folder.write("host.o", host)?);
        }
        tool(command.args(["-lc", "-lgcc", "-o"]).arg(&image))?;
        Ok(image)
    }

    /// Measures a build.
    ///
    /// # Errors
    /// `RunError` if a tool is missing or fails, or the script does not fit the interface.
    pub fn measure(&self, candidate: &Candidate, interface: &Interface, script: &Script) -> Result<Measured, RunError> {
        interface.check(script)?;
        let folder = Folder::new()?;
        let file = self.link(&folder, candidate, interface, script)?;
        let image = Image::read(&read(&file)?)?;
        let (run, blocks) = self.plugin.run(&folder, &file)?;
        let counts = by_address(&blocks, |at| image.instruction(at).map(|i| at + i.bytes));
        let executed = |code: &BTreeMap<u32, Instruction>| -> u64 {
            code.keys().filter_map(|at| counts.get(at)).map(|c| c.executed).sum()
        };
        let mut functions: BTreeMap<String, Figures> = BTreeMap::new();
        let (mut total, mut left_out) = (Figures::default(), Figures::default());
        for function in &image.functions {
            let code = image.program.range(function.range.clone());
            let mut figures = Figures { bytes: function.range.len() as u64, ..Figures::default() };
            for (at, _) in code {
                figures.instructions += 1;
                figures.executed += counts.get(at).map_or(0, |c| c.executed);
            }
            match candidate.names.get(&function.symbol).map_or(Some(&function.symbol), Option::as_ref) {
                None => left_out.add(&figures),
                Some(name) => functions.entry(name.clone()).or_default().add(&figures),
            }
        }
        let [constants, data] = data_bytes(&candidate.object)?;
        let code = image.code_bytes - left_out.bytes as u32;
        let bytes = Bytes { code, constants, data: data + candidate.segment_bytes };
        let helpers_executed = executed(&image.helpers);
        total.bytes = u64::from(bytes.total());
        total.instructions = image.program.len() as u64 - left_out.instructions;
        total.executed = executed(&image.program) - left_out.executed + helpers_executed;
        Ok(Measured { total, helpers_executed, bytes, functions, run })
    }
}

/// The script without the calls that trap, and without what is expected of them: traps are not what is measured.
pub fn without_traps(script: &Script, run: &Run) -> Script {
    let (mut call, mut keep, mut lines) = (0, true, Vec::new());
    for (line, statement) in &script.lines {
        match statement {
            Statement::Call { .. } => {
                call += 1;
                keep = run.observations.get(call).is_none_or(|o| o.trap.is_none());
            }
            Statement::Write { .. } | Statement::Load { .. } => keep = true,
            _ => {}
        }
        if keep {
            lines.push((*line, statement.clone()));
        }
    }
    Script { lines }
}

/// What speaks against a run beside the reference's: the first call that was seen differently, and failures that the
/// reference does not have. Memory contents as a whole are compared only between builds of one module.
pub fn differences(script: &Script, reference: &Run, run: &Run, one_module: bool) -> Vec<String> {
    let seen = |o: &Observation| {
        let memory = one_module.then_some((o.memory_bytes, o.memory_digest));
        (o.results.clone(), o.trap, o.import_calls, o.import_digest, memory)
    };
    let mut found: Vec<String> = run.failures.iter().filter(|f| !reference.failures.contains(f)).cloned().collect();
    let count = reference.observations.len().max(run.observations.len());
    let pair = |at: usize| (reference.observations.get(at), run.observations.get(at));
    let differs = |at: &usize| pair(*at).0.map(seen) != pair(*at).1.map(seen);
    if let Some(at) = (0..count).find(differs) {
        let line = |o: Option<&Observation>| o.map_or("nothing".to_string(), ToString::to_string);
        let place = script.call(at).map_or("start".to_string(), |(line, export)| format!("line {line}, call {export}"));
        found.push(format!("{place}: expected {}, seen {}", line(pair(at).0), line(pair(at).1)));
    }
    found
}
