//! The initial image of an object against instantiation of the module.
//!
//! Compared: linear memory or the segments' copies, the memory size, globals, tables, exports, and the functions that
//! the module does not define (exported imports, [`SYM_INIT`]). Every difference is a fault; no fault means that the
//! image equals the state after instantiation, before the start function. Source: WebAssembly Core 2.0, 4.5.4.
//!
//! Requirement TOR-CLAUSE-IMAGE: An object whose linear memory, globals, tables or start function differ from instantiation of the
//! module, in contents, size or alignment, shall not be proved.
//!
//! Requirement TOR-CLAUSE-EXPORTS: Every exported function shall be there under the name that the contract gives it, at its own code;
//! an object in which that is not so shall not be proved.

use super::decode::{Code, Helper, Relocation, RelocationKind, Target, decode};
use super::insn::{Cond, Op};
use super::load_store::{result_cells, results_in_memory};
use super::object::*;
use crate::contract::*;
use crate::domain::Symbol;
use crate::ir::Type;
use crate::wasm::module::{ConstExpr, Data, ExportKind, FuncType, ImportName, Mode, Module, ValType};
use std::collections::BTreeMap;

/// A difference between image and module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFault {
    /// Symbol or export concerned.
    pub what: String,
    /// The difference.
    pub detail: String,
}

/// A word of the expected image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Const(u32),
    /// The address of a symbol, and what is added to it.
    Address(Symbol, u32),
}

struct Check<'c> {
    module: &'c Module,
    bytes: &'c [u8],
    object: &'c ObjectFile,
    contract: &'c Contract,
    cells: Vec<Word>,
    faults: Vec<ImageFault>,
}

/// Compares an object's initial image with the module, whose binary is `module_bytes`.
/// Result: the differences, empty if the image is right.
pub fn check_image(module: &Module, module_bytes: &[u8], object: &ObjectFile, contract: &Contract) -> Vec<ImageFault> {
    let mut check = Check { module, bytes: module_bytes, object, contract, cells: Vec::new(), faults: Vec::new() };
    check.attributes();
    check.imports();
    check.globals();
    check.memory();
    check.results();
    check.tables();
    check.exports();
    check.extras();
    check.faults
}

/// Whether a function is `b.w callee`.
fn is_jump_only(code: &Code, callee: u32) -> bool {
    let calls = |r: Option<Relocation>| r.is_some_and(|r| r.target == Target::Symbol(Symbol::Function(callee)));
    let mut insns = code.insns.values();
    let jumps = insns.next().is_some_and(|i| matches!(i.op, Op::B { cond: Cond::Al, .. }) && calls(i.relocation));
    jumps && insns.next().is_none()
}

/// The types of the functions that the host calls or defines, be it through a table.
fn border(module: &Module) -> impl Iterator<Item = &FuncType> {
    let Module { exports, elements, .. } = module;
    let exported = exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.index);
    let has_tables = exports.iter().any(|e| e.kind == ExportKind::Table);
    let entries = elements.iter().filter(move |_| has_tables).flat_map(|e| e.funcs.iter().flatten().copied());
    exported.chain(0..module.imported_functions()).chain(entries).map(|f| module.type_of(f))
}

/// Whether a function at the border has results in [`SYM_RESULTS`], which both sides name.
pub(super) fn shows_results(module: &Module) -> bool {
    border(module).any(|ty| results_in_memory(ty) > 0)
}

impl Check<'_> {
    fn fault(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(ImageFault { what: what.into(), detail: detail.into() });
    }

    /// What linkers and hosts are told of the core and of floating-point numbers at the border.
    fn attributes(&mut self) {
        const WHAT: &str = "build attributes";
        let is_linked = self.object.is_linked;
        let Some(said) = &self.object.attributes else {
            return if !is_linked {
                self.fault(WHAT, "are not in the object");
            };
        };
        let number = |tag| said.get(&tag).copied().unwrap_or(0);
        let (arch, model, floats) = (number(TAG_CPU_ARCH), number(TAG_ABI_FP_NUMBER_MODEL), number(TAG_ABI_VFP_ARGS));
        // Those of an image are the first object's, or all objects', as the linker does it. Source: IHI 0045: 10 is v7, 13 is v7E-M.
        let fits_core = arch == 13 || arch == 10 && !self.contract.dsp;
        if !is_linked && !fits_core {
            self.fault(WHAT, format!("are not those of the contract's core: Tag_CPU_arch {arch}"));
        }
        // Linkers make what stands between functions of other instructions for other profiles.
        for (tag, wanted) in [(TAG_CPU_ARCH_PROFILE, u64::from(b'M')), (TAG_THUMB_ISA_USE, 2)] {
            if !is_linked && number(tag) != wanted {
                self.fault(WHAT, format!("have {} as tag {tag}, not {wanted}", number(tag)));
            }
        }
        // 0 is the base standard, 3 goes with both.
        let in_core_registers = if is_linked { matches!(floats, 0 | 3) } else { floats == 0 && model != 0 };
        let mut words = border(self.module).flat_map(|ty| ty.params.iter().chain(&ty.results));
        if words.any(|t| matches!(ValType::from(*t), ValType::Float(_))) && !in_core_registers {
            self.fault(WHAT, "do not say that floating-point numbers are passed in core registers");
        }
    }

    /// Imports of which the object contract has no image.
    fn imports(&mut self) {
        if self.module.tables.iter().any(|t| t.import.is_some()) {
            self.fault("table", "imported tables are not supported");
        }
        let named = |import: &Option<_>| import.as_ref().map(|i| self.module.import_symbol(i));
        let functions = self.module.functions.iter().filter_map(|f| named(&f.import));
        let globals = self.module.globals.iter().filter_map(|g| named(&g.import));
        let exports = self.module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.name.clone());
        let names: Vec<String> = functions.chain(globals).chain(exports.clone()).collect();
        let reserved: Vec<String> = names.iter().filter(|n| is_reserved(n)).cloned().collect();
        // With the base at 0 the host's function means what the helper's does.
        let is_hosts = self.contract.native.contains(&Native::Everything);
        let others: Vec<String> = if is_hosts { exports.collect() } else { names };
        let helpers = Helper::ALL.into_iter().filter(|h| self.refers(|target| target == Target::Helper(*h)));
        let helpers: Vec<Helper> = helpers.collect();
        for name in others.into_iter().filter(|n| helpers.iter().any(|h| is_called_by(h.name(), n))) {
            self.fault(name, "is an import or export, and a run-time helper may call what has this name");
        }
        for name in self.ambiguous() {
            self.fault(name, "is the symbol of an import and of something else");
        }
        for name in reserved {
            self.fault(name, "the name is reserved: the object contract or a run-time helper has it");
        }
        if self.module.memories.len() > 1 {
            self.fault(SYM_MEMORY, "several memories are not supported");
        }
        let globals = self.module.globals.iter().filter(|g| g.import.is_some());
        if globals.into_iter().any(|g| g.mutable || g.ty != ValType::Int(Type::I32)) {
            self.fault("global", "an imported global is not an immutable i32");
        }
    }

    /// Symbols of imports that are those of another import or of an exported function as well.
    fn ambiguous(&self) -> Vec<String> {
        let module = self.module;
        let functions = module.functions.iter().filter_map(|f| Some((f.import.as_ref()?, true)));
        let imports = functions.chain(module.globals.iter().filter_map(|g| Some((g.import.as_ref()?, false))));
        let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
        // The import and whether it is a function.
        let mut owners: BTreeMap<String, Option<(&ImportName, bool)>> = BTreeMap::new();
        // What is called by an export's own name may be a trampoline.
        let symbols = exports.flat_map(|e| [module.export_symbol(&e.name).into_owned(), e.name.clone()]);
        owners.extend(symbols.map(|symbol| (symbol, None)));
        let mut found = Vec::new();
        for import in imports {
            let symbol = module.import_symbol(import.0);
            if *owners.entry(symbol.clone()).or_insert(Some(import)) != Some(import) {
                found.push(symbol);
            }
        }
        found
    }

    /// The words of a constant expression.
    fn constant(&self, init: &ConstExpr, words: usize) -> Option<Vec<Word>> {
        let value = match init {
            ConstExpr::I32(v) => vec![Word::Const(*v)],
            ConstExpr::I64(v) => vec![Word::Const(*v as u32), Word::Const((*v >> 32) as u32)],
            ConstExpr::Global(g) => {
                let global = self.module.globals.get(*g as usize)?;
                match (&global.import, global.cell) {
                    (Some(_), _) => vec![Word::Address(Symbol::HostData(self.module.same_global(*g)), 0)],
                    (None, Some(cell)) => self.cells.get(cell as usize..cell as usize + words)?.to_vec(),
                    (None, None) => return None,
                }
            }
            ConstExpr::Other(_) => return None,
        };
        (value.len() == words).then_some(value)
    }

    fn offset(&self, init: &ConstExpr) -> Option<u32> {
        match self.constant(init, 1)?[0] {
            Word::Const(v) => Some(v),
            Word::Address(..) => None,
        }
    }

    fn globals(&mut self) {
        for (i, global) in self.module.globals.iter().enumerate().filter(|(_, g)| g.import.is_none()) {
            let Some(ty) = global.ty.bits() else {
                continue;
            };
            match self.constant(&global.init, ty.words()) {
                Some(words) => match words[0] {
                    Word::Const(k) if self.module.relocations.stack_pointer == Some(i as u32) => {
                        self.cells.push(Word::Address(Symbol::Memory, k));
                    }
                    _ => self.cells.extend(words),
                },
                None => {
                    return self.fault(SYM_GLOBALS, format!("initial value of global {i} is not supported"));
                }
            }
        }
        let droppable = self.module.data.iter().filter(|d| d.dropped.is_some());
        self.cells.extend(droppable.map(|_| Word::Const(0)));
        let expected: BTreeMap<usize, Word> = self.cells.iter().copied().enumerate().collect();
        if let Some(data) = self.object.data.get(&Symbol::Globals) {
            self.words(SYM_GLOBALS, data, self.cells.len(), &expected, true);
        }
    }

    /// Compares a data object of words with what is expected at each index; other words are zero.
    fn words(&mut self, what: &str, data: &DataObject, count: usize, expected: &BTreeMap<usize, Word>, writable: bool) {
        if data.size as usize != 4 * count || data.align < 4 || data.writable != writable {
            let kind = if writable { "writable" } else { "read-only" };
            return self.fault(what, format!("is not {count} aligned {kind} words"));
        }
        for i in 0..count {
            let wanted = expected.get(&i).copied().unwrap_or(Word::Const(0));
            let found = match data.relocations.get(&(4 * i as u32)) {
                None => Some(Word::Const(data.word(4 * i))),
                Some(Relocation { kind: RelocationKind::Abs32, target: Target::Symbol(s) }) => {
                    Some(Word::Address(*s, data.word(4 * i)))
                }
                Some(_) => None,
            };
            if found != Some(wanted) {
                self.fault(what, format!("word {i} is {found:?}, not {wanted:?}"));
            }
        }
        if data.relocations.keys().any(|at| at % 4 != 0) {
            self.fault(what, "relocation inside a word");
        }
    }

    fn memory(&mut self) {
        let Some(memory) = self.module.memories.first() else {
            return;
        };
        let size = memory.min_pages * u64::from(PAGE_BYTES);
        if size > u64::from(self.contract.capacity_bytes) {
            self.fault(SYM_MEMORY, "the initial size is more than the capacity");
            return;
        }
        if let Some(data) = self.object.data.get(&Symbol::MemoryBytes) {
            let expected = BTreeMap::from([(0, Word::Const(size as u32))]);
            self.words(SYM_MEMORY_BYTES, data, 1, &expected, true);
        }
        let (mut segments, mut addresses) = (Vec::new(), BTreeMap::new());
        for (k, segment) in self.module.data.iter().enumerate() {
            let Some(contents) = self.bytes.get(segment.bytes.clone()) else {
                self.fault(SYM_DATA, format!("segment {k} is outside the module"));
                continue;
            };
            if let Some(copy) = self.object.data.get(&Symbol::Data(k as u32))
                && (copy.writable
                    || copy.relocations != self.addresses(segment, 0).collect()
                    || copy.size as usize != contents.len()
                    || copy.bytes != contents)
            {
                self.fault(format!("{SYM_DATA}{k}"), "is not a read-only copy of the segment");
            }
            let Mode::Active { offset, .. } = segment.mode else {
                continue;
            };
            match self.offset(&offset) {
                Some(at) if u64::from(at) + contents.len() as u64 <= size => {
                    addresses.extend(self.addresses(segment, at));
                    segments.push((at as usize, contents));
                }
                Some(_) => self.fault(SYM_DATA, format!("active segment {k} traps at instantiation")),
                None => self.fault(SYM_DATA, format!("offset of segment {k} is not supported")),
            }
        }
        match (self.contract.memory, self.object.data.get(&Symbol::Memory)) {
            (MemoryOwner::Own, Some(data)) => self.own_memory(data, &segments, &addresses),
            (_, None) if self.object.is_linked => {
                if self.refers(|target| target == Target::Symbol(Symbol::Memory)) {
                    self.fault(SYM_MEMORY, "is no symbol in a section of the image");
                }
            }
            // In an image the symbol is the host's own, and what it defines has to do.
            (MemoryOwner::Extern, Some(data)) if self.object.is_linked => {
                self.memory_place(data, |has, needed| has >= needed)
            }
            (MemoryOwner::Own, None) => self.fault(SYM_MEMORY, "is not in the object"),
            (MemoryOwner::Extern, Some(_)) => self.fault(SYM_MEMORY, "is in the object, but the memory is the host's"),
            (MemoryOwner::Extern, None) => {}
        }
    }

    /// Whether code or data has such a target's address.
    fn refers(&self, is_it: impl Fn(Target) -> bool) -> bool {
        let Check { object: ObjectFile { functions, extras, data, .. }, .. } = self;
        let code = functions.values().chain(extras.iter().map(|e| &e.code)).map(|f| &f.relocations);
        let all = code.chain(data.values().map(|d| &d.relocations)).flat_map(|r| r.values());
        all.into_iter().any(|r| is_it(r.target))
    }

    /// The words of a data segment that are addresses, where it lies at an offset.
    fn addresses<'s>(&'s self, segment: &'s Data, at: u32) -> impl Iterator<Item = (u32, Relocation)> + 's {
        let relocation = Relocation { kind: RelocationKind::Abs32, target: Target::Symbol(Symbol::Memory) };
        self.module.relocations.in_segment(segment).map(move |word| (at + word, relocation))
    }

    /// Size, alignment and kind of linear memory.
    fn memory_place(&mut self, data: &DataObject, fits: impl Fn(u64, u64) -> bool) {
        let reserve = if self.contract.bounds == Bounds::Mask { u64::from(MASK_SPARE_BYTES) } else { 0 };
        if !fits(u64::from(data.size), u64::from(self.contract.capacity_bytes) + reserve) {
            self.fault(SYM_MEMORY, format!("has {} bytes, not capacity + {reserve}", data.size));
        }
        let align = self.module.relocations.memory_align();
        if data.align < align || !data.writable {
            self.fault(SYM_MEMORY, format!("is not {align}-aligned writable memory"));
        }
    }

    fn own_memory(&mut self, data: &DataObject, segments: &[(usize, &[u8])], addresses: &BTreeMap<u32, Relocation>) {
        self.memory_place(data, |has, needed| has == needed);
        if data.relocations != *addresses {
            self.fault(SYM_MEMORY, format!("has not just the {} relocated words that it should", addresses.len()));
        }
        let mut places: Vec<_> = segments.iter().map(|(at, s)| (*at, at + s.len())).collect();
        places.sort_unstable();
        if !addresses.is_empty() && places.windows(2).any(|w| w[0].1 > w[1].0) {
            self.fault(SYM_MEMORY, "segments with relocated words overlap");
        }
        let end = segments.iter().map(|(at, s)| at + s.len()).max().unwrap_or(0);
        let mut image = vec![0u8; end.max(data.bytes.len())];
        for (at, contents) in segments {
            image[*at..*at + contents.len()].copy_from_slice(contents);
        }
        let held = data.bytes.iter().copied().chain(std::iter::repeat(0));
        if let Some(at) = image.iter().copied().zip(held).position(|(a, b)| a != b) {
            self.fault(SYM_MEMORY, format!("byte {at:#x} differs from the data segments"));
        }
    }

    /// Contents do not matter: results are read after they are written.
    fn results(&mut self) {
        let words = result_cells(self.module);
        let fits =
            |d: &&DataObject| d.size as usize >= 4 * words && d.align >= 4 && d.writable && d.relocations.is_empty();
        if self.object.data.get(&Symbol::Results).is_some_and(|d| !fits(&d)) {
            self.fault(SYM_RESULTS, format!("is not {words} aligned writable words"));
        }
    }

    fn tables(&mut self) {
        for (t, table) in self.module.tables.iter().enumerate() {
            let mut entries: BTreeMap<usize, Word> = BTreeMap::new();
            let name = format!("{SYM_TABLE}{t}");
            let active = self.module.elements.iter().enumerate();
            for (k, element) in active {
                let Mode::Active { index, offset } = element.mode else {
                    continue;
                };
                if index as usize != t {
                    continue;
                }
                let Some(at) = self.offset(&offset) else {
                    self.fault(&name, format!("offset of element segment {k} is not supported"));
                    continue;
                };
                if u64::from(at) + element.funcs.len() as u64 > table.min {
                    self.fault(&name, format!("element segment {k} traps at instantiation"));
                    continue;
                }
                for (i, func) in element.funcs.iter().enumerate() {
                    let entry = 2 * (at as usize + i);
                    let words = match func {
                        None => (Word::Const(0), Word::Const(0)),
                        Some(f) => {
                            let ty = self.module.functions[*f as usize].type_index;
                            let ty = self.module.canonical[ty as usize];
                            (Word::Const(1 + ty), Word::Address(Symbol::Function(self.module.callee(*f)), 0))
                        }
                    };
                    entries.insert(entry, words.0);
                    entries.insert(entry + 1, words.1);
                }
            }
            if let Some(data) = self.object.data.get(&Symbol::Table(t as u32)) {
                self.words(&name, data, 2 * table.min as usize, &entries, false);
            }
        }
    }

    fn exports(&mut self) {
        for export in self.module.exports.iter().filter(|e| e.kind == ExportKind::Function) {
            let Some(place) = self.object.exports.get(self.module.export_symbol(&export.name).as_ref()) else {
                // A linker leaves out a function together with its names.
                if !self.object.is_linked || self.object.places.contains_key(&export.index) {
                    self.fault(&export.name, "the exported function is not there under its name");
                }
                continue;
            };
            let imported = self.module.functions[export.index as usize].import.is_some();
            if !imported && self.object.places.get(&export.index) != Some(place) {
                self.fault(&export.name, format!("is not at the address of function {}", export.index));
            }
            let is_extra = |e: &&Extra| e.location == *place;
            let extra = self.object.extras.iter().find(is_extra);
            if imported && !extra.is_some_and(|e| jumps_only(e, self.module.callee(export.index))) {
                self.fault(&export.name, "is not a jump to the import");
            }
        }
    }

    /// Functions that the module does not define: exported imports are checked as exports; [`SYM_INIT`] here.
    fn extras(&mut self) {
        let active = self.module.data.iter().any(|d| matches!(d.mode, Mode::Active { .. }));
        let copies = self.contract.memory == MemoryOwner::Extern && active;
        match self.object.init() {
            // Hosts call what has this name, be it another function's second one.
            None if self.object.exports.contains_key(SYM_INIT) => {
                self.fault(SYM_INIT, "is another name of a function");
            }
            None if !copies && self.module.start.is_none() => {}
            None => self.fault(SYM_INIT, "is not in the object"),
            Some(init) => {
                if let Err(why) = super::init::check(self.module, self.contract, &init.code) {
                    self.fault(SYM_INIT, why);
                }
            }
        }
    }
}

fn jumps_only(extra: &Extra, callee: u32) -> bool {
    decode(&extra.code).is_ok_and(|code| is_jump_only(&code, callee))
}
