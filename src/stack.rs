//! How much stack functions take, alone and with all that they call, from the machine code of an object.
//!
//! What one function takes is in [`frame`]. Beside the module's functions stand the start-up function and exported imports, whose code
//! jumps to the host. Calls of the module's functions are followed, those through tables to every entry of their
//! type: tables never change. What the host's functions and run-time helpers take is not known, so they are named, each
//! with the most stack that is in use when it is called; a user may say what they take. Where calls can go round, there is no
//! bound, and the circle is named.

pub mod frame;

use frame::{Called, FrameUse};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::decode::{FunctionBytes, Target, decode};
use synth_validator::arm::object::{Extra, ObjectFile};
use synth_validator::claim::Claim;
use synth_validator::contract::SYM_FUNCTION;
use synth_validator::domain::Symbol;
use synth_validator::wasm::module::{Export, ExportKind, Mode, Module};

/// Whom a call may reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callee {
    /// A function of the object, by index.
    Function(u32),
    /// A function of the host or a run-time helper, by symbol.
    Outside(String),
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Code offset.
    pub offset: u32,
    /// Bytes of the caller's stack in use.
    pub depth: u32,
    /// Canonical type, if it goes through a table.
    pub through_table: Option<u32>,
    /// Whom it may reach.
    pub callees: Vec<Callee>,
}

/// What a function takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionStack {
    /// Function index (imports first); from the number of functions on for the start-up function, which has that number, and for exported
    /// imports.
    pub index: u32,
    /// The symbol of the start-up function or of an exported import; nothing for functions of the module.
    pub extra: Option<String>,
    /// Its name for people.
    pub name: String,
    /// Names under which it is exported.
    pub exports: Vec<String>,
    /// Whether it is in an exported table, so that the host may call it.
    pub is_in_table: bool,
    /// Bytes that it takes itself.
    pub own_bytes: u32,
    /// Its calls, ascending by offset.
    pub calls: Vec<Call>,
    /// With all that it calls.
    pub total: Total,
}

impl FunctionStack {
    /// Whether the host may call it: an export, an entry of an exported table, or the start-up function.
    pub fn is_entry(&self) -> bool {
        !self.exports.is_empty() || self.is_in_table || self.extra.is_some()
    }
    /// Its code.
    pub fn code<'o>(&self, object: &'o ObjectFile) -> Option<&'o FunctionBytes> {
        match &self.extra {
            None => object.functions.get(&self.index),
            Some(symbol) => object.extras.iter().find(|e| e.name == *symbol).map(|e| &e.code),
        }
    }
}

/// What a function takes with all that it calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// The most bytes, without those of functions outside whose use is not known; nothing if calls can go round.
    pub bytes: Option<u64>,
    /// The functions on the deepest path, from this one on.
    pub path: Vec<u32>,
    /// If calls can go round: the functions of a circle, the first one again at the end.
    pub circle: Vec<u32>,
    /// Functions outside whose use is not known, with the bytes in use when they are called.
    pub outside: BTreeMap<String, u64>,
}

/// Why stack use cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackError {
    /// The function concerned.
    pub function: u32,
    /// Why, with the place in its code.
    pub message: String,
}

/// A function of an object before it is read: index, symbol if it is none of the module's, code.
type Found<'o> = (u32, Option<&'o str>, &'o FunctionBytes);

/// All functions of an object, ascending by index.
fn all_of<'o>(module: &Module, object: &'o ObjectFile) -> Vec<Found<'o>> {
    let first = module.functions.len() as u32;
    let extra = |(index, extra): (u32, &'o Extra)| (index, Some(extra.name.as_str()), &extra.code);
    let init = object.init();
    let thunks = object.extras.iter().filter(|extra| init.is_none_or(|init| init.name != extra.name));
    let functions = object.functions.iter().map(|(index, bytes)| (*index, None, bytes));
    functions.chain(init.map(|init| extra((first, init)))).chain((first + 1..).zip(thunks).map(extra)).collect()
}

/// Reads the stack use of all functions of an object, ascending by index. Operand `outside`: bytes that functions of the host and run-time
/// helpers take, by symbol.
///
/// # Errors
/// What cannot be followed.
pub fn usage(
    module: &Module,
    object: &ObjectFile,
    claim: &Claim,
    outside: &BTreeMap<String, u32>,
) -> Result<Vec<FunctionStack>, StackError> {
    let mut all = Vec::new();
    let none = BTreeMap::new();
    let has_tables = module.exports.iter().any(|e| e.kind == ExportKind::Table);
    let in_tables = module.elements.iter().filter(|_| has_tables).flat_map(|e| e.funcs.iter().flatten().copied());
    let in_tables: BTreeSet<u32> = in_tables.collect();
    let types = |index| claim.functions.iter().find(|f| f.index == index).map_or(&none, |f| &f.indirect_types);
    for (index, extra, bytes) in all_of(module, object) {
        let frame = read(bytes, types(index)).map_err(|message| StackError { function: index, message })?;
        let is_export = |e: &&Export| {
            let is_it = match extra {
                None => e.index == index,
                Some(symbol) => *module.export_symbol(&e.name) == *symbol,
            };
            e.kind == ExportKind::Function && is_it
        };
        all.push(FunctionStack {
            index,
            extra: extra.map(str::to_string),
            name: extra.map_or_else(|| module.display_name(index), str::to_string),
            exports: module.exports.iter().filter(is_export).map(|e| e.name.clone()).collect(),
            is_in_table: extra.is_none() && in_tables.contains(&index),
            own_bytes: frame.bytes,
            calls: frame.calls.iter().map(|(at, depth, called)| call(module, object, *at, *depth, *called)).collect(),
            total: Total::default(),
        });
    }
    let totals = Totals::new(&all, outside).all();
    all.iter_mut().for_each(|f| f.total = totals[&f.index].clone());
    Ok(all)
}

fn read(bytes: &FunctionBytes, types: &BTreeMap<u32, u32>) -> Result<FrameUse, String> {
    let code = decode(bytes).map_err(|e| e.0)?;
    frame::frame_use(&code, types)
}

fn call(module: &Module, object: &ObjectFile, offset: u32, depth: u32, called: Called) -> Call {
    let callee = |index: u32| match module.functions.get(index as usize).and_then(|f| f.import.as_ref()) {
        Some(import) => Callee::Outside(module.import_symbol(import)),
        None if object.functions.contains_key(&index) => Callee::Function(index),
        None => Callee::Outside(format!("{SYM_FUNCTION}{index}")),
    };
    let (through_table, callees) = match called {
        Called::Direct(Target::Helper(helper)) => (None, vec![Callee::Outside(helper.name().to_string())]),
        Called::Direct(Target::Symbol(Symbol::Function(function))) => (None, vec![callee(function)]),
        Called::Direct(Target::Symbol(other)) => (None, vec![Callee::Outside(format!("{other:?}"))]),
        Called::Indirect(ty) => (Some(ty), in_tables(module, ty).into_iter().map(callee).collect()),
    };
    Call { offset, depth, through_table, callees }
}

/// The functions of a canonical type that any table holds at any time.
fn in_tables(module: &Module, ty: u32) -> BTreeSet<u32> {
    let active = module.elements.iter().filter(|e| !matches!(e.mode, Mode::Declared));
    let functions = active.flat_map(|e| e.funcs.iter().flatten().copied());
    functions.filter(|f| module.canonical[module.functions[*f as usize].type_index as usize] == ty).collect()
}

/// The totals of functions, each made once.
struct Totals<'a> {
    functions: BTreeMap<u32, &'a FunctionStack>,
    /// The functions of the object that each may call.
    callees: BTreeMap<u32, BTreeSet<u32>>,
    given: &'a BTreeMap<String, u32>,
    done: BTreeMap<u32, Total>,
}

impl<'a> Totals<'a> {
    fn new(all: &'a [FunctionStack], given: &'a BTreeMap<String, u32>) -> Totals<'a> {
        let inside = |c: &Callee| if let Callee::Function(f) = c { Some(*f) } else { None };
        let callees = |f: &FunctionStack| f.calls.iter().flat_map(|c| &c.callees).filter_map(inside).collect();
        Totals {
            functions: all.iter().map(|f| (f.index, f)).collect(),
            callees: all.iter().map(|f| (f.index, callees(f))).collect(),
            given,
            done: BTreeMap::new(),
        }
    }
    /// The shortest way from a function back to it.
    fn circle(&self, index: u32) -> Option<Vec<u32>> {
        let mut from: BTreeMap<u32, u32> = BTreeMap::new();
        let mut level = vec![index];
        while !level.is_empty() {
            let mut next = Vec::new();
            for caller in level {
                for &callee in &self.callees[&caller] {
                    if callee == index {
                        let mut way = vec![index, caller];
                        while way[way.len() - 1] != index {
                            way.push(from[&way[way.len() - 1]]);
                        }
                        way.reverse();
                        return Some(way);
                    }
                    if let std::collections::btree_map::Entry::Vacant(place) = from.entry(callee) {
                        place.insert(caller);
                        next.push(callee);
                    }
                }
            }
            level = next;
        }
        None
    }
    fn all(mut self) -> BTreeMap<u32, Total> {
        let circles: BTreeMap<u32, Vec<u32>> =
            self.functions.keys().filter_map(|f| Some((*f, self.circle(*f)?))).collect();
        // Callees first; a function in a circle waits for none.
        let mut open: Vec<u32> = self.functions.keys().rev().copied().collect();
        while let Some(index) = open.last().copied() {
            let waits: Vec<u32> = match circles.contains_key(&index) {
                true => Vec::new(),
                false => self.callees[&index].iter().filter(|f| !self.done.contains_key(f)).copied().collect(),
            };
            if waits.is_empty() {
                open.pop();
                let total = self.total(index, circles.get(&index));
                self.done.entry(index).or_insert(total);
            }
            open.extend(waits);
        }
        self.done
    }
    /// Sums have 64 bits: 2^32 frames of 2^32 bytes, which no path has, would fit.
    fn total(&self, index: u32, circle: Option<&Vec<u32>>) -> Total {
        let function = self.functions[&index];
        let mut total = Total { bytes: Some(function.own_bytes.into()), path: vec![index], ..Total::default() };
        if let Some(circle) = circle {
            return Total { bytes: None, circle: circle.clone(), ..Total::default() };
        }
        let calls = function
            .calls
            .iter()
            .flat_map(|call| call.callees.iter().map(move |callee| (u64::from(call.depth), callee)));
        for (depth, callee) in calls {
            let below = match callee {
                Callee::Outside(name) => match self.given.get(name) {
                    Some(bytes) => Total { bytes: Some((*bytes).into()), ..Total::default() },
                    None => Total { bytes: Some(0), outside: [(name.clone(), 0)].into(), ..Total::default() },
                },
                Callee::Function(f) => self.done[f].clone(),
            };
            for (name, bytes) in &below.outside {
                let most = total.outside.entry(name.clone()).or_insert(0);
                *most = (*most).max(depth + bytes);
            }
            match (total.bytes, below.bytes) {
                (_, None) if total.circle.is_empty() => {
                    total = Total { bytes: None, path: Vec::new(), circle: below.circle, outside: total.outside };
                }
                (Some(most), Some(bytes)) if depth + bytes > most => {
                    total.bytes = Some(depth + bytes);
                    total.path = std::iter::once(index).chain(below.path).collect();
                }
                _ => {}
            }
        }
        total
    }
}
