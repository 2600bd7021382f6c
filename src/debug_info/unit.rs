//! One compile unit: its functions and its line table.

use super::source::{Place, Source};
use super::{Code, ENCODING, body};
use crate::emit::NO_ORIGIN;
use crate::module::Module;
use gimli::write::{
    Address, AttributeValue, Dwarf, Expression, FileId, LineProgram, LineString, Range, RangeList, Unit, UnitEntryId,
};
use gimli::{LineEncoding, constants};
use std::collections::BTreeMap;

/// What stands for the compiler.
const PRODUCER: &str = concat!("synth ", env!("CARGO_PKG_VERSION"));

/// The shortest instruction is a halfword.
const LINE_ENCODING: LineEncoding = LineEncoding {
    minimum_instruction_length: 2,
    maximum_operations_per_instruction: 1,
    default_is_stmt: true,
    line_base: -5,
    line_range: 14,
};

/// A line of the table: file, line and column.
type Row = (FileId, u64, u64);

/// A compile unit that is being written.
pub struct UnitWriter<'a> {
    dwarf: &'a mut Dwarf,
    source: &'a Source,
    /// Whether lines are offsets in the module.
    is_module: bool,
    unit: Unit,
    root: UnitEntryId,
    /// The unit's own file.
    own: FileId,
    files: BTreeMap<(Option<String>, String), FileId>,
    ranges: Vec<Range>,
    /// What stands for functions wherever they are inlined.
    abstracts: BTreeMap<u32, UnitEntryId>,
}

impl<'a> UnitWriter<'a> {
    /// Begins a unit of the module's DWARF, or the one for all that has none.
    pub fn new(dwarf: &'a mut Dwarf, source: &'a Source, number: Option<usize>, module_path: &str) -> UnitWriter<'a> {
        let of = number.map(|n| &source.units[n]);
        let name = of.map_or(module_path, |unit| &unit.name);
        let folder = of.and_then(|unit| unit.folder.as_deref());
        let text = |text: &str| LineString::String(text.as_bytes().to_vec());
        let mut lines = LineProgram::new(ENCODING, LINE_ENCODING, text(folder.unwrap_or(".")), None, text(name), None);
        let own = lines.add_file(text(name), lines.default_directory(), None);
        let mut unit = Unit::new(ENCODING, lines);
        let root = unit.root();
        let mut set = |attribute, value| unit.get_mut(root).set(attribute, value);
        let mut string = |text: &str| AttributeValue::StringRef(dwarf.strings.add(text));
        let producer = match of {
            Some(unit) if !unit.producer.is_empty() => format!("{PRODUCER}, from {}", unit.producer),
            _ => PRODUCER.to_string(),
        };
        set(constants::DW_AT_producer, string(&producer));
        // What stands for a module without sources is no language of which debuggers would know more than of assembly.
        let language = of.map_or(Some(constants::DW_LANG_Mips_Assembler), |unit| unit.language);
        if let Some(language) = language {
            set(constants::DW_AT_language, AttributeValue::Language(language));
        }
        set(constants::DW_AT_name, string(name));
        if let Some(folder) = folder {
            set(constants::DW_AT_comp_dir, string(folder));
        }
        UnitWriter {
            dwarf,
            source,
            is_module: number.is_none(),
            unit,
            root,
            own,
            files: BTreeMap::new(),
            ranges: Vec::new(),
            abstracts: BTreeMap::new(),
        }
    }

    fn file(&mut self, (folder, name): &(Option<String>, String)) -> FileId {
        let key = (folder.clone(), name.clone());
        if let Some(id) = self.files.get(&key) {
            return *id;
        }
        let text = |text: &str| LineString::String(text.as_bytes().to_vec());
        let lines = &mut self.unit.line_program;
        let folder = match folder {
            Some(folder) => lines.add_directory(text(folder)),
            None => lines.default_directory(),
        };
        let id = lines.add_file(text(name), folder, None);
        self.files.insert(key, id);
        id
    }

    fn row(&mut self, place: Option<&Place>) -> Row {
        match place {
            Some(place) => (self.file(&place.file), place.line, place.column),
            None => (self.own, 0, 0),
        }
    }

    /// The line of what comes from an offset in the module.
    fn row_of(&mut self, origin: u32) -> Row {
        if self.is_module {
            return (self.own, u64::from(origin), 0);
        }
        let source = self.source;
        self.row(source.place(u64::from(origin)).filter(|_| origin != NO_ORIGIN))
    }

    /// Adds a piece of code.
    pub fn code(&mut self, code: &Code<'_>, module: &Module) {
        let start = Address::Symbol { symbol: code.number, addend: 0 };
        self.ranges.push(Range::StartLength { begin: start, length: u64::from(code.bytes) });
        let entry = self.unit.add(self.root, constants::DW_TAG_subprogram);
        let name = AttributeValue::StringRef(self.dwarf.strings.add(code.name.as_str()));
        let mut frame_base = Expression::new();
        frame_base.op(constants::DW_OP_call_frame_cfa);
        let attributes = [
            (constants::DW_AT_name, name),
            (constants::DW_AT_low_pc, AttributeValue::Address(start)),
            (constants::DW_AT_high_pc, AttributeValue::Udata(u64::from(code.bytes))),
            (constants::DW_AT_frame_base, AttributeValue::Exprloc(frame_base)),
        ];
        attributes.into_iter().for_each(|(name, value)| self.unit.get_mut(entry).set(name, value));
        if code.is_external {
            self.unit.get_mut(entry).set(constants::DW_AT_external, AttributeValue::Flag(true));
        }
        let Some(function) = code.function else { return };
        let source = self.source;
        let of_source = source.function(function.index);
        if let Some(linkage) = of_source.and_then(|f| f.linkage_name.as_deref()) {
            let linkage = AttributeValue::StringRef(self.dwarf.strings.add(linkage));
            self.unit.get_mut(entry).set(constants::DW_AT_linkage_name, linkage);
        }
        let declared = of_source.and_then(|f| f.place.as_ref());
        self.declare(entry, declared);
        self.inlined(entry, code, module);
        // The prologue belongs to the function as a whole.
        let entry_row = match self.is_module {
            true => (self.own, body(module, function.index).start, 0),
            false => self.row(declared.or(source.place(body(module, function.index).start))),
        };
        let mut rows = vec![(0, entry_row)];
        for &(at, origin) in function.lines.iter().filter(|(at, _)| *at < code.bytes) {
            let row = self.row_of(origin);
            rows.pop_if(|(before, _)| *before == at);
            rows.push((at, row));
        }
        self.table(code, function.lines.first().map_or(0, |(at, _)| *at), &rows);
    }

    fn declare(&mut self, entry: UnitEntryId, place: Option<&Place>) {
        if let Some(place) = place {
            let file = AttributeValue::FileIndex(Some(self.file(&place.file)));
            self.unit.get_mut(entry).set(constants::DW_AT_decl_file, file);
            self.unit.get_mut(entry).set(constants::DW_AT_decl_line, AttributeValue::Udata(place.line));
        }
    }

    /// Adds what was inlined into a piece of code, one inside the other.
    fn inlined(&mut self, entry: UnitEntryId, code: &Code<'_>, module: &Module) {
        let mut entries: Vec<Option<UnitEntryId>> = Vec::new();
        for site in &code.inlined {
            let around = site.parent.map_or(Some(entry), |n| entries[n]);
            let Some(around) = around.filter(|_| !site.ranges.is_empty()) else {
                entries.push(None);
                continue;
            };
            let origin = self.abstract_of(site.callee, module);
            let (file, line, _) = self.row_of(site.call);
            let range = |r: &std::ops::Range<u32>| Range::StartLength {
                begin: Address::Symbol { symbol: code.number, addend: i64::from(r.start) },
                length: u64::from(r.end - r.start),
            };
            let ranges = self.unit.ranges.add(RangeList(site.ranges.iter().map(range).collect()));
            let own = self.unit.add(around, constants::DW_TAG_inlined_subroutine);
            let attributes = [
                (constants::DW_AT_abstract_origin, AttributeValue::UnitRef(origin)),
                (constants::DW_AT_ranges, AttributeValue::RangeListRef(ranges)),
                (constants::DW_AT_call_file, AttributeValue::FileIndex(Some(file))),
                (constants::DW_AT_call_line, AttributeValue::Udata(line)),
            ];
            attributes.into_iter().for_each(|(name, value)| self.unit.get_mut(own).set(name, value));
            entries.push(Some(own));
        }
    }

    /// The entry that stands for a function wherever it is inlined.
    fn abstract_of(&mut self, index: u32, module: &Module) -> UnitEntryId {
        if let Some(entry) = self.abstracts.get(&index) {
            return *entry;
        }
        let entry = self.unit.add(self.root, constants::DW_TAG_subprogram);
        let source = self.source;
        let name = source.name(index).unwrap_or_else(|| super::name(module, index));
        let name = AttributeValue::StringRef(self.dwarf.strings.add(name));
        self.unit.get_mut(entry).set(constants::DW_AT_name, name);
        self.unit.get_mut(entry).set(constants::DW_AT_inline, AttributeValue::Inline(constants::DW_INL_inlined));
        self.declare(entry, source.function(index).and_then(|f| f.place.as_ref()));
        self.abstracts.insert(index, entry);
        entry
    }

    /// Writes rows. Behind the prologue there is one in any case: there debuggers stop on entry.
    fn table(&mut self, code: &Code<'_>, prologue_end: u32, rows: &[(u32, Row)]) {
        let lines = &mut self.unit.line_program;
        lines.begin_sequence(Some(Address::Symbol { symbol: code.number, addend: 0 }));
        for (n, (at, (file, line, column))) in rows.iter().enumerate() {
            if *at != prologue_end && n > 0 && rows[n - 1].1 == (*file, *line, *column) {
                continue;
            }
            let row = lines.row();
            row.address_offset = u64::from(*at);
            (row.file, row.line, row.column) = (*file, *line, *column);
            row.prologue_end = *at == prologue_end;
            row.is_statement = *line != 0;
            lines.generate_row();
        }
        lines.end_sequence(u64::from(code.bytes));
    }

    /// Ends the unit.
    pub fn finish(mut self) {
        let ranges = self.unit.ranges.add(RangeList(self.ranges));
        let root = self.unit.get_mut(self.root);
        root.set(constants::DW_AT_low_pc, AttributeValue::Address(Address::Constant(0)));
        root.set(constants::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
        self.dwarf.units.add(self.unit);
    }
}
