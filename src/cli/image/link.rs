//! From a proved object to an image: symbols, sizes, the linker, and what to do where something is missing or too large.

use super::super::diagnostic::Diagnostic;
use super::super::input;
use super::{Image, ImageArgs, Plan, Report, STACK_BYTES_MIN};
use crate::compile::Core;
use crate::firmware::console::Console;
use crate::firmware::layout::{self, Linked, Memory, Overflow, SCRIPT_SYMBOLS, Sizes, Use};
use crate::firmware::link::{self, DRIVER, LinkError};
use crate::firmware::object::{self, Extra};
use crate::firmware::startup::Startup;
use crate::firmware::symbols::{self, Input, Part};
use ::object::{Object, ObjectSection};
use std::path::{Path, PathBuf};
use synth_validator::certificate::sha256;
use synth_validator::contract::{Bounds, Contract, MASK_SPARE_BYTES, PAGE_BYTES, SYM_INIT, SYM_MEMORY};

/// The linker's errors.
pub(super) fn failure(error: LinkError) -> Diagnostic {
    match error {
        LinkError::NoLinker(asked) => {
            let what = match asked {
                None => format!("no linker is there: {}", link::LINKERS.join(", ")),
                Some((program, why)) => format!("the linker {program} does not start: {why}"),
            };
            Diagnostic::new(what).help(
                "install one, such as Debian's binutils-arm-none-eabi or lld, or name GNU ld for Arm or LLD with --linker",
            )
        }
        LinkError::File(path, why) => Diagnostic::new(format!("cannot link: {why}")).file(&path),
        LinkError::Failed(program, said) => Diagnostic::new(format!("{program} does not link the image")).note(said),
    }
}

impl ImageArgs {
    /// Where a linker script is written beside the image, if one is.
    pub fn script_beside(&self, image: &Path) -> Option<PathBuf> {
        let script = (self.image && self.linker_script.is_none()).then(|| image.with_extension("ld"));
        // That an image has the name of its script is told with the plan.
        script.filter(|script| script != image)
    }

    /// Files that are read: what to link, the script, a board's description.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        let board = self.board.as_deref().map(Path::new).filter(|board| board.extension().is_some());
        self.link.iter().chain(&self.linker_script).map(PathBuf::as_path).chain(board)
    }
}

impl Plan {
    /// The core to compile for.
    ///
    /// # Errors
    /// The chosen core has instructions that the board's has not.
    pub fn core(&self, chosen: Option<Core>) -> Result<Core, Diagnostic> {
        let own = self.board.cpu.core();
        match chosen {
            Some(core) if own == Core::CortexM3 && core != own => {
                let error =
                    Diagnostic::new(format!("the board {} has a Cortex-M3, which is less than --target", self.name));
                Err(error.help("leave --target out, or give cortex-m3"))
            }
            chosen => Ok(chosen.unwrap_or(own)),
        }
    }

    /// Links an object.
    ///
    /// # Errors
    /// What is missing, there twice or too large.
    pub fn link(&self, object: &[u8], contract: &Contract, core: Core) -> Result<Image, Diagnostic> {
        let Ok(Input::Object(part)) = symbols::read("the module", object) else {
            return Err(Diagnostic::new("defect in synth: the object cannot be read"));
        };
        let hosts = |name: &str| self.parts().any(|p| p.strong.contains(name) || p.weak.contains(name));
        let leaves_memory =
            part.wanted.contains(SYM_MEMORY) && !hosts(SYM_MEMORY) && !self.defined.contains_key(SYM_MEMORY);
        let spare = if contract.bounds == Bounds::Mask { MASK_SPARE_BYTES } else { 0 };
        let extra = Extra {
            memory_bytes: leaves_memory.then_some(contract.capacity_bytes + spare),
            defined: self.defined.clone(),
        };
        let startup = Startup {
            board: &self.board,
            console: self.console.clone(),
            entry: self.entry.clone(),
            has_init: part.strong.contains(SYM_INIT),
            guard: layout::guard(&self.board, self.stacks),
        };
        let start = object::write(&startup, core, &extra).map_err(|e| Diagnostic::new(e.to_string()))?;
        let libraries = self.resolve(part, &start)?;
        let memory = match (memory_section(object), extra.memory_bytes) {
            (Some(memory), _) => memory,
            (None, Some(bytes)) => Memory::Zero(u64::from(bytes)),
            (None, None) => Memory::None,
        };
        let objects: [(&str, &[u8]); 2] = [("start.o", &start), ("module.o", object)];
        let linked = |script: &str| self.run_linker(script, &objects, &libraries);
        let (elf, script) = match &self.given_script {
            Some(script) => (linked(script)?, None),
            None => {
                let script = self.laid_out(memory, contract, &linked)?;
                (linked(&script)?, self.writes_script.then(|| layout::file(&script, &self.name)))
            }
        };
        let read = Linked::read(&elf).map_err(|e| Diagnostic::new(format!("the linked image cannot be read: {e}")))?;
        let report = Report {
            board: self.name.clone(),
            entry: self.entry.symbol().to_string(),
            console: if self.console == Console::Semihosting { "semihosting" } else { "uart" },
            linker: self.linker.program.clone(),
            linker_version: self.linker.version.clone(),
            libraries,
            script: self.script_path.clone(),
            image_sha256: sha256(&elf),
            stack_bytes: self.stacks.bytes,
            regions: read.uses(&self.board, self.stacks),
        };
        Ok(Image { elf, script, script_path: self.script_path.clone(), report })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.files.iter().flat_map(|(_, input)| match input {
            Input::Object(part) => std::slice::from_ref(part),
            Input::Archive(parts) => parts,
        })
    }

    fn run_linker(
        &self,
        script: &str,
        objects: &[(&str, &[u8])],
        libraries: &[PathBuf],
    ) -> Result<Vec<u8>, Diagnostic> {
        let is_object = |input: &Input| matches!(input, Input::Object(_));
        let files: Vec<&Path> = self.files.iter().filter(|(_, i)| is_object(i)).map(|(p, _)| p.as_path()).collect();
        let archives = self.files.iter().filter(|(_, i)| !is_object(i)).map(|(p, _)| p.as_path());
        let archives: Vec<&Path> = archives.chain(libraries.iter().map(PathBuf::as_path)).collect();
        link::link(&self.linker, script, objects, &files, &archives).map_err(failure)
    }

    /// Checks that every symbol has one definition. Result: the run-time libraries that this takes.
    fn resolve(&self, module: Part, start: &[u8]) -> Result<Vec<PathBuf>, Diagnostic> {
        let Ok(Input::Object(mut start)) = symbols::read("start-up code", start) else {
            return Err(Diagnostic::new("defect in synth: the start-up object cannot be read"));
        };
        let script = Part {
            name: "the linker script".to_string(),
            strong: SCRIPT_SYMBOLS.iter().map(|s| s.to_string()).collect(),
            ..Part::default()
        };
        let defined =
            Part { name: "--define".to_string(), strong: self.defined.keys().cloned().collect(), ..Part::default() };
        start.strong.retain(|symbol| !defined.strong.contains(symbol));
        // The weak symbols of start-up code are handlers of exceptions.
        if let Some(symbol) = module.strong.union(&module.weak).find(|symbol| start.weak.contains(*symbol)) {
            let error =
                Diagnostic::new(format!("the export {symbol} would become the handler of an exception of that name"));
            return Err(error.help("rename the export; a host's function of that name may call it"));
        }
        let mut objects = vec![&start, &defined, &module];
        let mut archives: Vec<&[Part]> = Vec::new();
        // A user's script may define anything.
        if self.given_script.is_none() {
            objects.push(&script);
        }
        for (_, input) in &self.files {
            match input {
                Input::Object(part) => objects.push(part),
                Input::Archive(parts) => archives.push(parts),
            }
        }
        let clash = |c: symbols::Clash| {
            let error = Diagnostic::new(format!("{} is defined twice: by {} and by {}", c.symbol, c.by[0], c.by[1]));
            error.help("rename the host's function or the export, or make the host's one static or weak")
        };
        let missing = symbols::missing(&objects, &archives).map_err(clash)?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        if self.given_script.is_none()
            && let Some((symbol, names)) = self.imports.iter().find(|(symbol, _)| missing.contains_key(*symbol))
        {
            let error = Diagnostic::new(format!("the import {names} is not there: no linked object defines {symbol}"));
            return Err(error.help("link an object that defines it with --link, or give it an address with --define"));
        }
        let mut libraries = Vec::new();
        let mut read = Vec::new();
        for path in link::libraries(self.board.cpu.name()) {
            let Ok(Input::Archive(parts)) = symbols::read(&path.display().to_string(), &input::read(&path)?) else {
                continue;
            };
            read.push(parts);
            libraries.push(path);
        }
        archives.extend(read.iter().map(Vec::as_slice));
        let missing = symbols::missing(&objects, &archives).map_err(clash)?;
        match missing.iter().next() {
            Some((symbol, by)) if self.given_script.is_none() => {
                let error = Diagnostic::new(format!("no linked object defines {symbol}, which {by} needs"));
                Err(error.help(match libraries.is_empty() {
                    true => format!("link an object or archive that defines it with --link; run-time helpers such as __aeabi_uldivmod are taken from the libraries of {DRIVER}, which is not there"),
                    false => "link an object or archive that defines it with --link".to_string(),
                }))
            }
            _ => Ok(libraries),
        }
    }

    /// Links once with endless memories to learn the sizes, and makes the script in which everything has its place.
    fn laid_out(
        &self,
        memory: Memory,
        contract: &Contract,
        linked: &dyn Fn(&str) -> Result<Vec<u8>, Diagnostic>,
    ) -> Result<String, Diagnostic> {
        let too_large = |o: Overflow, least: &str| self.too_large(&o, least, memory, contract);
        // More than all memories need not be measured.
        let all: u64 = self.board.regions().iter().map(|(_, _, bytes)| u64::from(*bytes)).sum();
        if memory.bytes() > all {
            layout::place(&self.board, self.stacks, memory, Sizes::default()).map_err(|o| too_large(o, "at least "))?;
        }
        let elf = linked(&layout::trial(self.stacks, memory))?;
        let sizes = Linked::read(&elf).map_err(|e| Diagnostic::new(format!("the linked image cannot be read: {e}")))?;
        let place = layout::place(&self.board, self.stacks, memory, sizes.sizes()).map_err(|o| too_large(o, ""))?;
        Ok(layout::script(&self.board, self.stacks, memory, place))
    }

    fn too_large(&self, overflow: &Overflow, least: &str, memory: Memory, contract: &Contract) -> Diagnostic {
        let (name, origin, bytes) = self.board.regions()[overflow.region];
        let error = Diagnostic::new(format!(
            "the image does not fit: {name} ({bytes} bytes at {origin:#010x}) is {least}{} bytes too small",
            overflow.over
        ));
        let error = error.note(overflow.parts.clone());
        let mut helps = Vec::new();
        let pages = overflow.memory_max / u64::from(PAGE_BYTES);
        let is_flash = overflow.region == 0;
        let is_to_blame = if is_flash { matches!(memory, Memory::Data(_)) } else { memory != Memory::None };
        if is_to_blame && pages < u64::from(contract.capacity_bytes / PAGE_BYTES) {
            helps.push(match pages >= self.memory_pages_min {
                true => format!("--memory-pages {pages} or less"),
                false => format!(
                    "a module with less memory than {} pages of 64 KiB, or a board with more (at most {pages} fit)",
                    self.memory_pages_min
                ),
            });
        }
        let less = u64::from(self.stacks.bytes).saturating_sub(overflow.over) / 8 * 8;
        if !is_flash && less >= u64::from(STACK_BYTES_MIN) {
            helps.push(format!("--stack-size {less} or less"));
        }
        if is_flash {
            helps.push("-O s, which makes code smaller".to_string());
        }
        error.help(if helps.is_empty() { "take a board with more memory".to_string() } else { helps.join("; or ") })
    }
}

/// The section with linear memory, if the object has it.
fn memory_section(object: &[u8]) -> Option<Memory> {
    let file = ::object::File::parse(object).ok()?;
    let bytes = |name: &str| file.section_by_name(name).map(|s| s.size());
    bytes(".data.synth_memory").map(Memory::Data).or_else(|| bytes(".bss.synth_memory").map(Memory::Zero))
}

impl Image {
    /// Writes script and image.
    ///
    /// # Errors
    /// What the file system says; then neither is new.
    pub fn write(&self, output: &Path) -> Result<(), Diagnostic> {
        let Some(script) = &self.script else {
            return input::write_whole(output, &self.elf);
        };
        let before = std::fs::read(&self.script_path).ok();
        input::write_whole(&self.script_path, script.as_bytes())?;
        input::write_whole(output, &self.elf).inspect_err(|_| {
            let _ = match &before {
                Some(bytes) => std::fs::write(&self.script_path, bytes),
                None => std::fs::remove_file(&self.script_path),
            };
        })
    }

    /// How full the memories are, for people.
    pub fn printed(&self) -> String {
        let line = |u: &Use| format!("  {:<8} {:#010x} {:>9} of {:>9} bytes\n", u.region, u.origin, u.used, u.bytes);
        let regions: String = self.report.regions.iter().map(line).collect();
        format!("linked by {} ({})\n{regions}", self.report.linker, self.report.linker_version)
    }
}
