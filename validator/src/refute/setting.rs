//! Where runs start: what all runs of a function share, and a concrete state at entry.

use crate::concrete::{Bytes, Concrete};
use crate::contract::PAGE_BYTES;
use crate::refinement::{Ignored, Shape};
use crate::smt::Model;
use crate::term::Var;
use crate::wasm::code::{Body, Operator};
use crate::wasm::instance::{self, Stop};
use crate::wasm::module::Module;
use crate::wasm::operators::Numeric;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What all runs of a function share. Making it costs more than a run: make it once.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Sizes.
    pub shape: Shape,
    /// Tables: (type word, function word) by entry.
    pub tables: Arc<Vec<Vec<(u32, u32)>>>,
    /// Contents of the data segments.
    pub segments: Arc<Vec<Vec<u8>>>,
    /// Whether linear memory is a part of the host's.
    pub memory_is_host: bool,
    /// Cells of immutable globals and their values, which nobody changes.
    pub fixed_cells: Vec<(u32, u32)>,
    /// Words that starts should try, such as constants of the function.
    pub hints: Vec<u32>,
    /// Argument words of direct calls that are not compared and not seen by callees.
    pub ignored: Ignored,
}

impl Setting {
    /// A setting without tables, segments, fixed cells, hints and ignored words.
    pub fn new(shape: Shape) -> Setting {
        let (tables, segments) = (Arc::default(), Arc::default());
        let (fixed_cells, hints, ignored) = (Vec::new(), Vec::new(), Ignored::new());
        Setting { shape, tables, segments, memory_is_host: false, fixed_cells, hints, ignored }
    }
    /// The setting of the functions of a module read from `bytes`; see [`Self::for_function`].
    ///
    /// # Errors
    /// What instantiation stops at: an initial value or offset that is not supported, an element segment outside; more tables or data
    /// than runs have addresses for.
    pub fn of_module(module: &Module, bytes: &[u8], shape: Shape) -> Result<Setting, Stop> {
        let mut host = Concrete::new(Bytes::Dense(Vec::new()));
        let cells = instance::initial_cells(module, &mut host)?;
        host.tables = Arc::new(instance::initial_tables(module, &cells, &mut host)?);
        host.segments = Arc::new(instance::segments(module, bytes));
        if !host.has_room() {
            return Err(Stop::Unsupported("tables or data larger than what runs have addresses for".to_string()));
        }
        let mut setting = Setting::new(shape);
        for global in module.globals.iter().filter(|g| !g.mutable) {
            let Some(ty) = global.ty.bits() else {
                continue;
            };
            let Some(first) = global.cell else { continue };
            let fixed = (first..first + ty.words() as u32).map(|i| (i, cells[i as usize]));
            setting.fixed_cells.extend(fixed);
        }
        (setting.tables, setting.segments) = (host.tables, host.segments);
        setting.memory_is_host = module.relocations.in_host;
        Ok(setting)
    }
    /// This setting with a function's sizes, and the constants and offsets in its body as hints.
    pub fn for_function(&self, shape: Shape, body: &Body) -> Setting {
        let mut hints = Vec::new();
        for instr in &body.instrs {
            match &instr.operator {
                Operator::Numeric(Numeric::Const32(word)) => hints.push(*word),
                Operator::Numeric(Numeric::Const64(value)) => hints.extend([*value as u32, (*value >> 32) as u32]),
                Operator::Load { offset, .. } | Operator::Store { offset, .. } => hints.push(*offset),
                Operator::Load64(offset) | Operator::Store64(offset) => hints.push(*offset),
                _ => {}
            }
        }
        hints.sort_unstable();
        hints.dedup();
        Setting { shape, hints, ..self.clone() }
    }
}

/// A concrete state at entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Argument words.
    pub args: Vec<u32>,
    /// Words of the globals.
    pub cells: Vec<u32>,
    /// Size of linear memory in bytes.
    pub memory_bytes: u32,
    /// Seed of the contents of linear memory ([`Bytes::Sparse`]).
    pub memory_seed: u32,
    /// Bytes that differ from the seed's contents.
    pub bytes: Vec<(u32, u8)>,
    /// Seed of what calls do.
    pub answers_seed: u32,
    /// Result words of calls that are fixed: (number of the call from 1, word, value).
    pub answers: Vec<(u32, u32, u32)>,
}

impl Start {
    /// The domain at entry.
    pub(super) fn domain(&self, setting: &Setting) -> Concrete {
        let memory = Bytes::Sparse { seed: self.memory_seed, written: FxHashMap::default() };
        let mut d = Concrete::new(memory);
        (d.tables, d.segments) = (setting.tables.clone(), setting.segments.clone());
        d.memory_is_host = setting.memory_is_host;
        self.bytes.iter().for_each(|(at, byte)| d.memory.set(*at, *byte));
        d.bulk_bytes_max = super::BULK_BYTES_MAX;
        d
    }
}

/// The start that a solver's model of the entry region describes; what the model leaves open is zero.
pub fn from_model(model: &Model, setting: &Setting) -> Start {
    let shape = &setting.shape;
    let mut start = Start {
        args: vec![0; shape.args as usize],
        cells: vec![0; shape.cells as usize],
        memory_bytes: shape.memory_bytes.unwrap_or(shape.memory_bytes_min),
        bytes: model.bytes.clone(),
        ..Start::default()
    };
    for (var, value) in &model.words {
        let word = match *var {
            Var::Argument(i) => start.args.get_mut(i as usize),
            Var::Cell(0, i) => start.cells.get_mut(i as usize),
            Var::MemoryBytes(0) if shape.memory_bytes.is_none() => Some(&mut start.memory_bytes),
            Var::CallResult(call, i) => {
                start.answers.push((call, i, *value));
                None
            }
            _ => None,
        };
        if let Some(word) = word {
            *word = *value;
        }
    }
    if shape.memory_bytes.is_none() {
        let whole = start.memory_bytes / PAGE_BYTES * PAGE_BYTES;
        start.memory_bytes = whole.clamp(shape.memory_bytes_min, shape.memory_bytes_max);
    }
    fix_cells(&mut start.cells, setting);
    start
}

/// Gives the cells of immutable globals their values.
pub(super) fn fix_cells(cells: &mut [u32], setting: &Setting) {
    for (i, value) in &setting.fixed_cells {
        if let Some(cell) = cells.get_mut(*i as usize) {
            *cell = *value;
        }
    }
}
