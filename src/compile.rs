//! From one legalized IR function to code and the witness of the final link.

use crate::branch_relax::{self, Reloc, Unwind};
use crate::emit::emit;
use crate::error::CompileError;
use crate::frame::Frame;
use crate::ir_facts::Facts;
use crate::liveness::{LIVE_MAX, live_in};
use crate::machine::{Inst, Reg};
use crate::module_info::ModuleInfo;
use crate::regalloc::{self, Allocated, Place};
use crate::select::{Cached, Flow, Plan, Selected, Tuning, plan, select};
use std::collections::BTreeMap;
use synth_validator::domain::{BinOp, Symbol};
use synth_validator::ir::{Func, Op, Value};
use synth_validator::witness::{Cut, Loc, Step, Witness, Word};

/// A core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Core {
    /// Armv7-M.
    CortexM3,
    /// Armv7E-M.
    #[default]
    CortexM4,
    /// Armv7E-M.
    CortexM7,
}

impl Core {
    /// Its name, as after `--target`.
    pub fn name(self) -> &'static str {
        match self {
            Core::CortexM3 => "cortex-m3",
            Core::CortexM4 => "cortex-m4",
            Core::CortexM7 => "cortex-m7",
        }
    }
    /// Whether it has the DSP extension.
    pub fn has_dsp(self) -> bool {
        self != Core::CortexM3
    }
}

/// A compiled function.
#[derive(Clone, Debug)]
pub struct CompiledFunction {
    /// Function index (imports first).
    pub index: u32,
    /// Code; relocations are not applied, addends are in place.
    pub code: Vec<u8>,
    /// Relocations, ascending.
    pub relocations: Vec<Reloc>,
    /// Witness of the final link: left points are IR blocks, right points offsets into `code`.
    pub witness: Witness,
    /// Code offset of each `blx` with its canonical type.
    pub indirect_types: BTreeMap<u32, u32>,
    /// (code offset, module offset), ascending: code from the offset on comes from the module offset.
    pub lines: Vec<(u32, u32)>,
    /// Bytes of its frame.
    pub stack_bytes: u32,
    /// (code offset, where the caller's frame is from there on), ascending; at entry it is the default.
    pub unwind: Vec<(u32, Unwind)>,
    /// Registers that it saves, with their offsets from the stack pointer at entry.
    pub saved: Vec<(u8, i32)>,
    /// Byte ranges of `code` that are tables, ascending.
    pub data_ranges: Vec<(u32, u32)>,
    /// Rules of the selection table that made code of it, with how often.
    pub rules: BTreeMap<&'static str, u32>,
}

/// Compiles a function. Bounds checks and masks are in the IR already.
///
/// # Errors
/// `Internal` if the IR is not legalized or not well formed; `Limit` if the function is too large.
pub fn compile_function(func: &Func, info: &ModuleInfo, tuning: Tuning) -> Result<CompiledFunction, CompileError> {
    let facts = Facts::new(func);
    let (selected, allocated) = selected(func, &facts, info, tuning)?;
    let frame = Frame::new(&allocated, selected.machine.outgoing_bytes);
    let is_cut: Vec<bool> = selected.machine.blocks.iter().map(|b| b.ir.is_some_and(|ir| facts.is_cut(ir))).collect();
    let emitted = emit(&selected.machine, &allocated, &frame, &is_cut, func.index)?;
    let layout = branch_relax::layout(&emitted.items, emitted.labels, !tuning.moves_only).map_err(
        |branch_relax::OutOfReach| CompileError::Limit {
            function: Some(func.index),
            what: "code bytes",
            limit: 1 << 17,
        },
    )?;
    let live = live_in(func, LIVE_MAX).ok_or(CompileError::Limit {
        function: Some(func.index),
        what: "values live at block starts",
        limit: LIVE_MAX as u64,
    })?;
    let witness = witness(func, &live, &facts, &selected, &allocated, &frame, &layout.labels);
    Ok(CompiledFunction {
        index: func.index,
        code: layout.bytes,
        relocations: layout.relocations,
        witness,
        indirect_types: layout.indirect.into_iter().collect(),
        lines: layout.lines,
        stack_bytes: frame.bytes(),
        unwind: layout.unwind,
        saved: frame.saved_from_entry(),
        data_ranges: layout.data,
        rules: selected.rules,
    })
}

/// Selects and allocates. What is worth it stays in a register across blocks, unless registers run out.
fn selected(
    func: &Func,
    facts: &Facts,
    info: &ModuleInfo,
    tuning: Tuning,
) -> Result<(Selected, Allocated), CompileError> {
    let kept = |selected: &Selected| -> Vec<Reg> {
        let residents = selected.residents.iter().map(|(_, reg)| reg);
        selected.registers.iter().flatten().chain(residents).copied().collect()
    };
    let colored = |selected: Selected| {
        let colored = regalloc::color(&selected.machine, &kept(&selected));
        (selected, colored)
    };
    let flow = Flow::new(func);
    let without = select(func, facts, &flow, info, tuning, &Plan::new())?;
    let plan = plan(func, &flow, &without.made);
    let (selected, allocated) = if plan.is_empty() {
        colored(without)
    } else {
        let with = colored(select(func, facts, &flow, info, tuning, &plan)?);
        let slots = |colored: &Option<Allocated>| colored.as_ref().map_or(u32::MAX, |c| c.slots);
        match slots(&with.1) {
            0 => with,
            most => Some(colored(without)).filter(|w| slots(&w.1) < most).unwrap_or(with),
        }
    };
    let allocated = regalloc::improved(&selected.machine, &kept(&selected), allocated, func.index)?;
    Ok((selected, allocated))
}

/// What holds at every cut point: the stack pointer and the registers to be preserved.
fn frame_facts(frame: &Frame) -> Vec<(Loc, Loc)> {
    let mut equal = vec![(Loc::Entry(13, -(frame.bytes() as i32)), Loc::Sp)];
    let saved = frame.saved_from_entry();
    equal.extend(saved.iter().filter(|(r, _)| *r >= 4).map(|(r, at)| (Loc::Entry(*r, 0), Loc::Frame(*at))));
    let kept = (4..=11).chain([14]).filter(|r| frame.saved >> r & 1 == 0);
    equal.extend(kept.map(|r| (Loc::Entry(r, 0), Loc::Reg(r))));
    equal
}

fn witness(
    func: &Func,
    live: &[Vec<Value>],
    facts: &Facts,
    selected: &Selected,
    allocated: &Allocated,
    frame: &Frame,
    labels: &[u32],
) -> Witness {
    let mut cuts = Vec::new();
    for (block, machine) in selected.machine.blocks.iter().enumerate() {
        let Some(ir) = machine.ir.filter(|ir| facts.is_cut(*ir)) else {
            continue;
        };
        // A value may be in several places at once: each is claimed.
        let mut places: BTreeMap<Reg, Vec<Place>> = BTreeMap::new();
        for &(r, place) in &allocated.live[block] {
            places.entry(r).or_default().push(place);
        }
        let mut equal = frame_facts(frame);
        for &v in func.blocks[ir as usize].params.iter().chain(&live[ir as usize]) {
            let right = locations(facts, selected, &places, frame, v);
            equal.extend(right.into_iter().map(|right| (Loc::Value(v, 0), right)));
        }
        let mut cut = Cut { left: u64::from(ir), right: u64::from(labels[block]), equal, ..Cut::default() };
        for (what, reg) in &selected.residents {
            // An address is made of the value that a name stands for, and the cut point may know it by another name only.
            let mut names = func.blocks[ir as usize].params.iter().chain(&live[ir as usize]);
            let what = match *what {
                Cached::Element(v) => Cached::Element(*names.find(|n| facts.alias[n.0 as usize] == v).unwrap_or(&v)),
                other => other,
            };
            for place in places.get(reg).into_iter().flatten() {
                state(&mut cut, what, location(*place, frame));
            }
        }
        cuts.push(cut);
    }
    Witness { cuts, ..Witness::default() }
}

/// Says at a cut what a resident is.
fn state(cut: &mut Cut, what: Cached, at: Loc) {
    let (base, other) = match what {
        Cached::Constant(k) => return cut.equal.push((Loc::Const(k), at)),
        Cached::Address(symbol, 0) => return cut.equal.push((Loc::Address(symbol), at)),
        Cached::Address(symbol, addend) => (Loc::Address(symbol), Loc::Const(i32::from(addend) as u32)),
        Cached::Element(v) => (Loc::Address(Symbol::Memory), Loc::Value(v, 0)),
        Cached::MemoryBytes | Cached::Entry(..) => return,
    };
    let sum = Word::Step(cut.steps.len() as u32, 0);
    let args = vec![Word::Loc(base), Word::Loc(other)];
    cut.steps.push(Step { op: Op::Bin(BinOp::Add), args, defines: None });
    cut.computed.push((sum, at));
}

fn location(place: Place, frame: &Frame) -> Loc {
    match place {
        Place::Reg(n) => Loc::Reg(n),
        Place::Slot(s) => Loc::Frame(frame.slot_from_entry(s)),
    }
}

/// All places of a value at a block start. An argument on the stack that is in no register is still where it came from.
fn locations(
    facts: &Facts,
    selected: &Selected,
    places: &BTreeMap<Reg, Vec<Place>>,
    frame: &Frame,
    v: Value,
) -> Vec<Loc> {
    let v = facts.alias[v.0 as usize].0 as usize;
    match facts.constant[v] {
        Some(Op::Const(k)) => return vec![Loc::Const(k)],
        Some(Op::Address(symbol)) => return vec![Loc::Address(symbol)],
        _ => {}
    }
    let Some(register) = selected.registers[v] else { return Vec::new() };
    if let Some(places) = places.get(&register) {
        return places.iter().map(|place| location(*place, frame)).collect();
    }
    let incoming = |inst: &Inst| match inst {
        Inst::LoadIncoming { rd, offset } if *rd == register => Some(Loc::Frame(*offset as i32)),
        _ => None,
    };
    let entry = selected.machine.blocks[0].range.clone();
    selected.machine.insts[entry].iter().find_map(incoming).into_iter().collect()
}
