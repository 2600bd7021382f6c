//! Way 3: compiled modules as firmware of an emulated Cortex-M4, many modules and thousands of calls in one boot.
//!
//! A module's object gets a prefix before all its symbols, so that a linker can put it beside others; what it imports
//! is a jump to the export of another module, to the board's `spectest` or to a run-time helper. Calls are made in the
//! order of the file. What way 2 skips is skipped here for the same reason.

use super::interpreted::{Built, Prepared};
use super::outcome::Answer;
use super::script::{Call, File, Step};
use crate::support::qemu_engine::{Folder, MEMORY_MIB, boot, compile, link_image, startup, tool};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::Command;
use synth_validator::arm::decode::Helper;
use synth_validator::contract::{SYM_FUNCTION, SYM_GLOBALS, SYM_INIT, SYM_RESULTS, export_symbol};
use synth_validator::trap::TrapKind;
use synth_validator::wasm::module::{ExportKind, Module, ValType};

const SUITE: &str = include_str!("../support/firmware/suite.c");

/// Bytes of linear memory in one boot: the board's external memory, less a page for alignment. A module that wants more
/// is booted alone, with addresses reserved for what is not there: an access would fault.
const MEMORY_BYTES_MAX: u64 = ((MEMORY_MIB as u64) << 20) - (1 << 16);
/// External memory that the largest module may reserve, in units of 2^20 bytes.
const RESERVED_MIB: u32 = 112;
/// Bytes of objects in one boot, of which code is a part: the board has 4 MiB for code.
const OBJECT_BYTES_MAX: usize = 12 << 20;

/// A file with what ways 1 and 2 made of it.
pub struct Job<'a> {
    /// The file.
    pub file: &'a File,
    /// Its modules.
    pub prepared: &'a Prepared,
    /// Its objects.
    pub built: &'a [Result<Built, Answer>],
    /// The answers of way 2.
    pub way_2: &'a [Answer],
}

/// A module in an image: job and unit.
type Key = (usize, usize);

/// Something that the firmware does: for which directive of which job.
struct Action {
    directive: (usize, usize),
    /// The row of the table.
    row: String,
}

/// An image under construction.
#[derive(Default)]
struct Image {
    modules: BTreeSet<Key>,
    memory_bytes: u64,
    object_bytes: usize,
    actions: Vec<Action>,
    /// Argument words.
    data: String,
}

/// Runs all files. Result: the number of boots, and answers by job and directive.
pub fn way_3(jobs: &[Job<'_>]) -> (usize, Vec<Vec<Answer>>) {
    let mut answers: Vec<Vec<Answer>> = jobs.iter().map(Job::first_answers).collect();
    let mut images: Vec<Image> = vec![Image::default()];
    for (j, job) in jobs.iter().enumerate() {
        for group in job.groups() {
            let memory: u64 = group.iter().map(|unit| job.memory_bytes(*unit)).sum();
            let objects: usize = group.iter().map(|unit| job.object_bytes(*unit)).sum();
            let full = |image: &Image| {
                image.memory_bytes + memory > MEMORY_BYTES_MAX || image.object_bytes + objects > OBJECT_BYTES_MAX
            };
            if images.last().is_none_or(full) {
                images.push(Image::default());
            }
            let image = images.last_mut().expect("at least one");
            image.memory_bytes += memory;
            image.object_bytes += objects;
            image.modules.extend(group.iter().map(|unit| (j, *unit)));
            job.actions(j, &group, image);
        }
    }
    for image in &images {
        let lines = image.run(jobs).unwrap_or_else(|e| panic!("{e:?}"));
        for (i, action) in image.actions.iter().enumerate() {
            let (j, directive) = action.directive;
            answers[j][directive] = match lines.get(i).and_then(|line| answer(line)) {
                Some(Answer::Words(_)) if matches!(jobs[j].file.directives[directive].step, Step::Define(_)) => {
                    Answer::Ready
                }
                Some(answer) => answer,
                None => Answer::Stopped(format!("the firmware printed {:?}", lines.get(i))),
            };
        }
    }
    (images.len(), answers)
}

/// Reads a line of the firmware.
fn answer(line: &str) -> Option<Answer> {
    let mut parts = line.split(' ');
    let status: u8 = parts.next()?.parse().ok()?;
    match (status, TrapKind::from_code(status)) {
        (0, _) => parts.map(|word| u32::from_str_radix(word, 16).ok()).collect::<Option<_>>().map(Answer::Words),
        (_, Some(kind)) => Some(Answer::Trap(kind)),
        (status, None) => Some(Answer::Stopped(format!("status {status}"))),
    }
}

fn prefix((job, unit): Key) -> String {
    format!("m{job}_{unit}_")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Job<'_> {
    /// The answers to what the firmware has no part in; the others are filled in later.
    fn first_answers(&self) -> Vec<Answer> {
        let first = |(directive, way_2): (&super::script::Directive, &Answer)| match (&directive.step, way_2) {
            (_, Answer::Skipped(reason)) => Answer::Skipped(reason.clone()),
            (Step::Exhaustion(_), _) => Answer::Absent,
            (Step::Register(_), _) => Answer::Ready,
            // Among these: the compiler found the trap of a segment, and there is no object.
            _ => Answer::Absent,
        };
        self.file.directives.iter().zip(self.way_2).map(first).collect()
    }

    fn memory_bytes(&self, unit: usize) -> u64 {
        let built = self.built[unit].as_ref();
        built.map_or(0, |built| u64::from(built.compiled.claim.contract.capacity_bytes))
    }

    fn object_bytes(&self, unit: usize) -> usize {
        self.built[unit].as_ref().map_or(0, |built| built.compiled.object.len())
    }

    fn module(&self, unit: usize) -> Option<&Module> {
        self.prepared.compiled[unit].as_ref().ok()
    }

    /// The modules that this one calls.
    fn callees(&self, unit: usize) -> Vec<usize> {
        let functions = self.module(unit).into_iter().flat_map(|m| &m.functions);
        let imports = functions.filter_map(|f| f.import.as_ref());
        imports.filter_map(|import| self.file.units[unit].registered.get(&import.module).copied()).collect()
    }

    /// Modules that have objects, in groups that are linked with each other.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut group: Vec<usize> = (0..self.file.units.len()).collect();
        for unit in 0..group.len() {
            for callee in self.callees(unit) {
                let (from, to) = (group[unit].max(group[callee]), group[unit].min(group[callee]));
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (directive, way_2) in self.file.directives.iter().zip(self.way_2) {
            let (Step::Define(unit) | Step::DefineTraps(unit, _)) = directive.step else {
                continue;
            };
            if self.built[unit].is_ok() && !matches!(way_2, Answer::Skipped(_)) {
                groups.entry(group[unit]).or_default().push(unit);
            }
        }
        groups.into_values().collect()
    }

    /// The module that a directive is about.
    fn unit_of(step: &Step) -> Option<usize> {
        match step {
            Step::Define(unit) | Step::DefineTraps(unit, _) | Step::Register(unit) | Step::Get(unit, ..) => Some(*unit),
            Step::Invoke(call) | Step::Return(call, _) | Step::Trap(call, _) | Step::Exhaustion(call) => {
                Some(call.unit)
            }
            _ => None,
        }
    }

    /// Adds what the directives about these modules ask of the firmware.
    fn actions(&self, job: usize, group: &[usize], image: &mut Image) {
        for (d, (directive, way_2)) in self.file.directives.iter().zip(self.way_2).enumerate() {
            let unit = Self::unit_of(&directive.step).filter(|unit| group.contains(unit));
            let Some(unit) = unit.filter(|_| !matches!(way_2, Answer::Skipped(_))) else {
                continue;
            };
            let row = match &directive.step {
                Step::Define(_) | Step::DefineTraps(..) => Some(self.instantiation((job, unit))),
                Step::Get(_, export, _) => self.global((job, unit), export),
                Step::Invoke(call) | Step::Return(call, _) | Step::Trap(call, _) => {
                    self.call((job, unit), call, &mut image.data)
                }
                _ => None,
            };
            image.actions.extend(row.map(|row| Action { directive: (job, d), row }));
        }
    }

    fn instantiation(&self, key: Key) -> String {
        let init = self.built[key.1].as_ref().is_ok_and(|built| built.object.init().is_some());
        let code = if init { format!("{}{SYM_INIT}", prefix(key)) } else { "print_nothing".to_string() };
        format!(".word {code}, 0, 0, 0, 0")
    }

    fn global(&self, key: Key, export: &str) -> Option<String> {
        let module = self.module(key.1)?;
        let export = module.exports.iter().find(|e| e.kind == ExportKind::Global && e.name == export)?;
        let global = &module.globals[export.index as usize];
        let (ValType::Int(ty), Some(cell)) = (global.ty, global.cell) else {
            return None;
        };
        Some(format!(".word 0, 0, 0, {}, {}{SYM_GLOBALS} + {}", ty.words(), prefix(key), 4 * cell))
    }

    /// The symbol of an export: that of the function at its place, which has only letters that assemblers take.
    fn export(&self, key: Key, name: &str) -> Option<String> {
        let object = &self.built[key.1].as_ref().ok()?.object;
        let symbol = export_symbol(name);
        let place = object.exports.get(symbol.as_ref())?;
        let function = object.places.iter().find(|(_, at)| *at == place);
        Some(match function {
            Some((index, _)) => format!("{}{SYM_FUNCTION}{index}", prefix(key)),
            None => quoted(&format!("{}{symbol}", prefix(key))),
        })
    }

    fn call(&self, key: Key, call: &Call, data: &mut String) -> Option<String> {
        let module = self.module(key.1)?;
        let export = module.exports.iter().find(|e| e.kind == ExportKind::Function && e.name == call.export)?;
        let results = module.type_of(export.index).int_results().ok()?;
        let results: usize = results.iter().map(|ty| ty.words()).sum();
        let code = self.export(key, &call.export)?;
        let (mut words, mut given) = (Vec::new(), call.args.iter().copied());
        for wide in &call.wide {
            // Source: IHI 0042, 6.5, C.3 and C.6: 64-bit arguments start at even words.
            if *wide && words.len() % 2 == 1 {
                words.push(0xbad0_bad0);
            }
            words.extend(given.next());
            words.extend(if *wide { given.next() } else { None });
        }
        let label = format!(".Lwords{}", data.len());
        let list: Vec<String> = words.iter().map(|word| format!("{word:#x}")).collect();
        if !words.is_empty() {
            writeln!(data, "{label}: .word {}", list.join(", ")).expect("a string takes it");
        }
        let arguments = if words.is_empty() { "0" } else { label.as_str() };
        let more = if results > 4 { format!("{}{SYM_RESULTS}", prefix(key)) } else { "0".to_string() };
        Some(format!(".word {code}, {arguments}, {}, {results}, {more}", words.len()))
    }

    /// Definitions of what a module imports and of the helpers that it may call.
    fn imports(&self, key: Key, text: &mut String) {
        let Some(module) = self.module(key.1) else { return };
        let mut known = BTreeSet::new();
        let mut jump = |symbol: &str, to: &str| {
            let name = quoted(&format!("{}{symbol}", prefix(key)));
            if known.insert(name.clone()) {
                let line = format!(".global {name}\n.type {name}, %function\n.thumb_func\n{name}: b.w {to}");
                writeln!(text, "{line}").expect("a string takes it");
            }
        };
        for helper in Helper::ALL {
            jump(helper.name(), helper.name());
        }
        for import in module.functions.iter().filter_map(|f| f.import.as_ref()) {
            let from = self.file.units[key.1].registered.get(&import.module);
            let to = match from {
                Some(unit) => self.export((key.0, *unit), &import.field),
                None => Some("print_nothing".to_string()),
            };
            jump(&module.import_symbol(import), &to.unwrap_or_else(|| "print_nothing".to_string()));
        }
        let values = self.prepared.seen[key.1].as_ref().map(|seen| &seen.values);
        for import in module.globals.iter().filter_map(|g| g.import.as_ref()) {
            let value = values.and_then(|v| v.get(&(import.module.clone(), import.field.clone())));
            let name = quoted(&format!("{}{}", prefix(key), module.import_symbol(import)));
            let line = format!(".global {name}\n.set {name}, {:#x}", value.copied().unwrap_or(0));
            writeln!(text, "{line}").expect("a string takes it");
        }
    }
}

impl Image {
    /// Links and boots. Result: what was printed, by line.
    fn run(&self, jobs: &[Job<'_>]) -> Result<Vec<String>, crate::support::observation::RunError> {
        let folder = Folder::new()?;
        let mut parts = vec![folder.write("startup.o", startup()?)?, compile(&folder, "suite.c", SUITE)?];
        let mut text =
            String::from("@ Generated by tests/spec/firmware.rs.\n.syntax unified\n.cpu cortex-m4\n.thumb\n");
        text.push_str(".section .rodata\n.balign 4\n.global actions, action_count\n");
        writeln!(text, "action_count: .word {}\nactions:", self.actions.len()).expect("a string takes it");
        self.actions.iter().for_each(|action| writeln!(text, "{}", action.row).expect("a string takes it"));
        text.push_str(&self.data);
        text.push_str(".text\n");
        for key in &self.modules {
            let (job, Ok(built)) = (&jobs[key.0], &jobs[key.0].built[key.1]) else {
                continue;
            };
            job.imports(*key, &mut text);
            let object = folder.write(&format!("{}o", prefix(*key)), &built.compiled.object)?;
            let mut command = Command::new("arm-none-eabi-objcopy");
            command.args(["--wildcard", "--globalize-symbol=*__synth_*", "--remove-section=.synth.witness"]);
            tool(command.arg(format!("--prefix-symbols={}", prefix(*key))).arg(&object))?;
            parts.push(object);
        }
        parts.push(compile(&folder, "actions.s", &text)?);
        let image = link_image(&folder, &parts, RESERVED_MIB)?;
        Ok(boot(&folder, &image, &[])?.lines().map(str::to_string).collect())
    }
}
