//! Measures one build of a program: links it with the firmware, runs the calls, counts, and compares what was seen.

use super::cycles::{CORTEX_M3, CORTEX_M4, is_spill};
use super::execution::{Count, Plugin, by_address};
use super::image::{Bytes, Image, Instruction, data_bytes};
use crate::simulator::board::{CPU, DRIVER, Folder, GCC, STARTUP, compile, extern_memory_bytes, read, tool};
use crate::simulator::interface::Interface;
use crate::simulator::observation::{Observation, Run, RunError};
use crate::simulator::script::{Placement, assemble};
use crate::simulator::vectors::{Script, Statement};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use synth_validator::contract::SYM_INIT;

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
    /// Bytes of the module's active data segments: what counts of a section with the whole of linear memory.
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
    /// Modelled cycles on a Cortex-M3: see [`cycles`](super::cycles).
    pub cycles_m3: u64,
    /// Modelled cycles on a Cortex-M4.
    pub cycles_m4: u64,
    /// Instructions that access the stack frame.
    pub spills: u64,
    /// How many of these were executed.
    pub spills_executed: u64,
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.bytes += other.bytes;
        self.instructions += other.instructions;
        self.executed += other.executed;
        self.cycles_m3 += other.cycles_m3;
        self.cycles_m4 += other.cycles_m4;
        self.spills += other.spills;
        self.spills_executed += other.spills_executed;
    }

    fn subtract(&mut self, other: &Figures) {
        self.bytes -= other.bytes;
        self.instructions -= other.instructions;
        self.executed -= other.executed;
        self.cycles_m3 -= other.cycles_m3;
        self.cycles_m4 -= other.cycles_m4;
        self.spills -= other.spills;
        self.spills_executed -= other.spills_executed;
    }

    /// Of the instructions at these addresses; bytes are those of the instructions.
    fn of<'i>(
        code: impl Iterator<Item = (&'i u32, &'i Instruction)> + Clone,
        counts: &BTreeMap<u32, Count>,
    ) -> Figures {
        let executed = |at: &u32| counts.get(at).map_or(0, |c| c.executed);
        let mut figures = Figures {
            cycles_m3: CORTEX_M3.total(code.clone(), counts),
            cycles_m4: CORTEX_M4.total(code.clone(), counts),
            ..Figures::default()
        };
        for (at, instruction) in code {
            figures.bytes += u64::from(instruction.bytes);
            figures.instructions += 1;
            figures.executed += executed(at);
            if is_spill(instruction) {
                figures.spills += 1;
                figures.spills_executed += executed(at);
            }
        }
        figures
    }
}

/// What was measured of a build.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The whole program; executed instructions with those of run-time helpers.
    pub total: Figures,
    /// Executed instructions of run-time helpers.
    pub helpers_executed: u64,
    /// The most stack that a call used, below the stack pointer of its caller.
    pub stack_bytes: u32,
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
    keep: Option<PathBuf>,
    _folder: Folder,
}

impl Laboratory {
    /// Builds plugin and firmware. Operand `keep`: a folder for what is otherwise removed.
    ///
    /// # Errors
    /// `RunError::Tool` if a tool is missing or fails.
    pub fn new(keep: Option<PathBuf>) -> Result<Laboratory, RunError> {
        let folder = Folder::new()?;
        let startup = compile(&folder, "startup.S", STARTUP)?;
        let driver = compile(&folder, "driver.c", &format!("#define BOARD_HAS_LIBRARY\n{DRIVER}"))?;
        Ok(Laboratory { plugin: Plugin::new()?, startup, driver, keep, _folder: folder })
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
            extern_memory_bytes: match candidate.native || candidate.host.is_some() {
                true => None,
                false => extern_memory_bytes(&candidate.object, interface)?,
            },
            imports_without_memory: true,
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

    /// Keeps a file under a name, if files are kept.
    ///
    /// # Errors
    /// `RunError::Tool` with what the file system says.
    pub fn keep(&self, name: &str, content: &[u8]) -> Result<(), RunError> {
        let Some(folder) = &self.keep else {
            return Ok(());
        };
        let file = folder.join(name);
        std::fs::write(&file, content).map_err(|e| RunError::Tool(format!("{}: {e}", file.display())))
    }

    /// Measures a build. Operand `name`: what its image is called, if it is kept.
    ///
    /// # Errors
    /// `RunError` if a tool is missing or fails, or the script does not fit the interface.
    pub fn measure(
        &self,
        name: &str,
        candidate: &Candidate,
        interface: &Interface,
        script: &Script,
    ) -> Result<Measured, RunError> {
        interface.check(script)?;
        let folder = Folder::new()?;
        let file = self.link(&folder, candidate, interface, script)?;
        self.keep(&format!("{name}.elf"), &read(&file)?)?;
        let image = Image::read(&read(&file)?)?;
        let (run, blocks) = self.plugin.run(&folder, &file)?;
        let counts = by_address(&blocks, |at| image.instruction(at).map(|i| at + i.bytes));
        let mut functions: BTreeMap<String, Figures> = BTreeMap::new();
        let mut left_out = Figures::default();
        for function in &image.functions {
            let mut figures = Figures::of(image.program.range(function.range.clone()), &counts);
            figures.bytes = function.range.len() as u64;
            let name = candidate.names.get(&function.symbol).map_or(Some(&function.symbol), Option::as_ref);
            match name.filter(|_| function.symbol != SYM_INIT) {
                None => left_out.add(&figures),
                Some(name) => functions.entry(name.clone()).or_default().add(&figures),
            }
        }
        let (constants, data) = data_bytes(&candidate.object, candidate.segment_bytes)?;
        let code = image.code_bytes - left_out.bytes as u32;
        let bytes = Bytes { code, constants, data };
        // Helpers run on behalf of the program, but their bytes are shared, and the same for all builds.
        let helpers = Figures::of(image.helpers.iter(), &counts);
        let mut total = Figures::of(image.program.iter(), &counts);
        total.bytes = left_out.bytes + u64::from(bytes.total());
        total.subtract(&left_out);
        total.executed += helpers.executed;
        total.cycles_m3 += helpers.cycles_m3;
        total.cycles_m4 += helpers.cycles_m4;
        let stack_bytes = run.stack_bytes.iter().skip(1).copied().max().unwrap_or(0);
        Ok(Measured { total, helpers_executed: helpers.executed, stack_bytes, bytes, functions, run })
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
