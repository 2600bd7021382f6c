//! Refutation by execution: both sides of a link run from the same concrete state, and what they show is compared.
//!
//! Method. A [`Start`] fixes everything that a function can see at entry. Calls, also of functions of the module, are
//! events: an oracle that hashes event number, callee and arguments answers them, and so answers both sides alike as
//! long as they make the same calls. A difference is a counterexample to the claim, because both runs are runs of the
//! semantics that the proofs use. Agreement proves nothing.
//!
//! A run of the left side that breaks an assumption, is not supported or does not end within its fuel shows nothing
//! beyond the calls that it made; neither does an unsupported step of the right side. That a right side "does not end"
//! is a judgement: it has [`RIGHT_STEPS_PER_STEP`] steps for each of the left side's, and many to spare.
//!
//! Requirement TOR-REFUTE-RUNS: Before a proof both sides shall be run from the same states, and any difference in results, traps,
//! memory, globals, size of memory or calls shall be reported with its state.
//!
//! Requirement TOR-REFUTE-ASSUMED: A run that breaks an assumption shall show nothing, neither a difference nor agreement.
//!
//! Requirement TOR-REFUTE-REPEATS: The states from which both sides are run shall be the same in every run of the tool.

pub mod executing;
pub mod report;
pub mod search;
pub mod setting;

use crate::concrete::{Bytes, Concrete, mix};
use crate::contract::PAGE_BYTES;
use crate::program::{Callee, Fact, Program, Step, World};
use crate::refinement::is_ignored;
use crate::trap::TrapKind;
use crate::witness::Loc;
use rustc_hash::FxHashMap;
use search::Random;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use report::{Difference, Kind};
pub use setting::{Setting, Start, from_model};

/// Steps that the right side may make for each step of the left side.
pub const RIGHT_STEPS_PER_STEP: u64 = 64;
/// Steps that the right side may make besides.
pub const RIGHT_STEPS_SPARE: u64 = 10_000;
/// Bytes that the fills and copies of one run may write.
pub const BULK_BYTES_MAX: u64 = 1 << 18;
/// Points that a trace keeps of its end.
const TRAIL_POINTS: usize = 16;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It returned these words.
    Return(Vec<u32>),
    /// It trapped.
    Trap(TrapKind),
    /// It was stopped at the call that is compared: callee, argument words.
    Call(String, Vec<u32>),
    /// A step has no meaning here.
    Unsupported(String),
    /// The fuel is used up.
    Fuel,
    /// A named assumption does not hold.
    Assumption(String),
    /// What a step requires does not hold.
    Requirement(String),
}

/// A call, and what the callee can see.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<P> {
    /// Who is called.
    pub callee: Callee<u32>,
    /// Argument words, 0 for ignored ones.
    pub args: Vec<u32>,
    /// Digest of what was written to linear memory so far.
    pub memory_digest: u64,
    /// Words of the globals.
    pub cells: Vec<u32>,
    /// Size of linear memory in bytes.
    pub memory_bytes: u32,
    /// Point of the call.
    pub at: P,
}

impl<P> Event<P> {
    /// The function called, or the address if it is no function's.
    fn target(&self) -> Result<u32, u32> {
        match self.callee {
            Callee::Function(f) => Ok(f),
            Callee::Address { address, .. } => Concrete::function_of(address).ok_or(address),
        }
    }
    fn target_text(&self) -> String {
        match self.target() {
            Ok(f) => format!("func[{f}]"),
            Err(address) => format!("address {address:#010x}"),
        }
    }
    fn same<Q>(&self, other: &Event<Q>) -> bool {
        self.target() == other.target()
            && self.args == other.args
            && self.memory_digest == other.memory_digest
            && self.cells == other.cells
            && self.memory_bytes == other.memory_bytes
    }
    /// Whether both calls are indirect with different claimed types, so that their numbers of words say nothing.
    fn types_differ<Q>(&self, other: &Event<Q>) -> bool {
        matches!((&self.callee, &other.callee),
            (Callee::Address { type_index: a, .. }, Callee::Address { type_index: b, .. }) if a != b)
    }
}

/// What a run showed.
#[derive(Clone, Debug)]
pub struct Trace<P> {
    /// How it ended.
    pub end: End,
    /// Point at which it ended.
    pub at: P,
    /// Steps made.
    pub steps: u64,
    /// Calls in order.
    pub events: Vec<Event<P>>,
    /// Its last points, oldest first.
    pub trail: Vec<P>,
    /// Bytes of linear memory that differ from the seed's contents at the end.
    pub written: FxHashMap<u32, u8>,
    /// Words of the globals at the end; empty after an unsupported step or a broken requirement.
    pub cells: Vec<u32>,
    /// Size of linear memory in bytes at the end; 0 after an unsupported step or a broken requirement.
    pub memory_bytes: u32,
    /// Bytes that fills and copies wrote.
    pub bulk_bytes: u64,
    /// Offsets of the bytes loaded, if recorded.
    loaded: BTreeSet<u32>,
    /// The last point that changed what is watched.
    changed: Option<P>,
}

/// Something whose last writer is wanted.
#[derive(Clone, Copy, Debug)]
enum Watch {
    Byte(u32),
    Cell(usize),
    Size,
}

impl Watch {
    fn value(self, d: &Concrete, world: &World<Concrete>) -> u32 {
        match self {
            Watch::Byte(at) => d.memory.get(at).into(),
            Watch::Cell(i) => world.cells.get(i).copied().unwrap_or(0),
            Watch::Size => world.memory_bytes,
        }
    }
}

/// How to run.
struct Mode {
    fuel: u64,
    /// Stop at the call with this number, from 0.
    stop_at: usize,
    watch: Option<Watch>,
    record_loads: bool,
}

impl Mode {
    fn plain(fuel: u64) -> Mode {
        Mode { fuel, stop_at: usize::MAX, watch: None, record_loads: false }
    }
}

/// Runs a program from its entry for at most `fuel` steps.
pub fn run<P: Program<Concrete>>(program: &P, start: &Start, setting: &Setting, fuel: u64) -> Trace<P::Point> {
    execute(program, start, setting, &Mode::plain(fuel))
}

/// A point on the way of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The point, in the words of [`Program::describe`].
    pub place: String,
    /// The words of locals, operand stack and registers that there are, before the point is executed.
    pub words: Vec<(Loc, u32)>,
}

/// A run, told step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// Its points in order.
    pub moments: Vec<Moment>,
    /// How it ended.
    pub end: End,
}

/// Words of locals, and of the operand stack, that a [`Moment`] tells.
const WORDS_SHOWN: u32 = 64;

/// Runs a program from its entry for at most `fuel` steps and tells each.
pub fn record<P: Program<Concrete>>(program: &P, start: &Start, setting: &Setting, fuel: u64) -> Recording {
    let registers = (0..13).chain([14]).map(Loc::Reg);
    let words = (0..WORDS_SHOWN).map(Loc::WasmLocal).chain((0..WORDS_SHOWN).map(Loc::WasmStack));
    let locations: Vec<Loc> = registers.chain(words).collect();
    let mut moments = Vec::new();
    let trace = watch(program, start, setting, &Mode::plain(fuel), |d, at, state| {
        let words = locations.iter().filter_map(|loc| Some((*loc, program.get(d, state, loc)?)));
        moments.push(Moment { place: program.describe(at), words: words.collect() });
    });
    Recording { moments, end: trace.end }
}

fn execute<P: Program<Concrete>>(program: &P, start: &Start, setting: &Setting, mode: &Mode) -> Trace<P::Point> {
    watch(program, start, setting, mode, |_, _, _| {})
}

fn watch<P: Program<Concrete>>(
    program: &P,
    start: &Start,
    setting: &Setting,
    mode: &Mode,
    mut see: impl FnMut(&mut Concrete, P::Point, &P::State),
) -> Trace<P::Point> {
    let mut d = start.domain(setting);
    d.loaded = mode.record_loads.then(BTreeSet::new);
    let world = World { memory: (), memory_bytes: start.memory_bytes, cells: start.cells.clone(), results: Vec::new() };
    let mut state = program.entry_state(&mut d, &start.args, world);
    let mut at = program.entry();
    let (mut steps, mut events, mut changed) = (0, Vec::new(), None);
    let mut trail = [at; TRAIL_POINTS];
    let mut watched = mode.watch.map(|w| w.value(&d, program.world(&state)));
    let mut facts = Vec::new();
    let (end, world) = loop {
        if steps == mode.fuel {
            break (End::Fuel, Some(program.world(&state).clone()));
        }
        trail[steps as usize % TRAIL_POINTS] = at;
        steps += 1;
        see(&mut d, at, &state);
        let step = program.step(&mut d, at, state, &mut facts);
        if let Some(end) = facts.drain(..).find_map(|f| broken(&f)) {
            break (end, None);
        }
        if d.bulk_bytes > d.bulk_bytes_max {
            break (End::Unsupported(format!("fills and copies of more than {BULK_BYTES_MAX} bytes")), None);
        }
        let step = match step {
            Ok(step) => step,
            Err(unsupported) => break (End::Unsupported(unsupported.0), None),
        };
        if let (Some(watch), Some(old)) = (mode.watch, &mut watched) {
            let new = watch.value(&d, program.world(state_after(&step)));
            if new != *old {
                (*old, changed) = (new, Some(at));
            }
        }
        (at, state) = match step {
            Step::Next(p, s) | Step::Branch(true, (p, s), _) | Step::Branch(false, _, (p, s)) => (p, s),
            Step::Return(words, s) => break (End::Return(words), Some(program.world(&s).clone())),
            Step::Trap(kind, s) => break (End::Trap(kind), Some(program.world(&s).clone())),
            Step::Call { callee, mut args, results, next, state } => {
                let mut world = program.world(&state).clone();
                let words = args.iter_mut().enumerate();
                words.filter(|(i, _)| is_ignored(&setting.ignored, &callee, *i)).for_each(|(_, word)| *word = 0);
                let (cells, memory_bytes) = (world.cells.clone(), world.memory_bytes);
                let event = Event { callee, args, memory_digest: digest(&d.memory), cells, memory_bytes, at };
                let stopped = events.len() == mode.stop_at;
                let end = End::Call(event.target_text(), if stopped { event.args.clone() } else { Vec::new() });
                events.push(event);
                if stopped {
                    break (end, Some(world));
                }
                let words = answer(start, setting, &events, results, &mut d, &mut world);
                let state = program.resume(&mut d, state, &words, world, &mut |d| crate::domain::Domain::havoc(d));
                watched = mode.watch.map(|w| w.value(&d, program.world(&state)));
                (next, state)
            }
        };
    };
    let (cells, memory_bytes) = world.map_or((Vec::new(), 0), |w| (w.cells, w.memory_bytes));
    let written = match d.memory {
        Bytes::Sparse { written, .. } => written,
        Bytes::Dense(_) => FxHashMap::default(),
    };
    let first = steps.saturating_sub(TRAIL_POINTS as u64);
    let trail: Vec<P::Point> = (first..steps).map(|i| trail[i as usize % TRAIL_POINTS]).collect();
    let at = trail.last().copied().unwrap_or(at);
    let (loaded, bulk_bytes) = (d.loaded.unwrap_or_default(), d.bulk_bytes);
    Trace { end, at, steps, events, trail, written, cells, memory_bytes, bulk_bytes, loaded, changed }
}

fn state_after<P, S>(step: &Step<Concrete, P, S>) -> &S {
    match step {
        Step::Next(_, s) | Step::Branch(true, (_, s), _) | Step::Branch(false, _, (_, s)) => s,
        Step::Return(_, s) | Step::Trap(_, s) | Step::Call { state: s, .. } => s,
    }
}

fn broken(fact: &Fact<Concrete>) -> Option<End> {
    match fact {
        Fact::Assume(false, name) | Fact::Intend(false, name) => Some(End::Assumption((*name).to_string())),
        Fact::Require(false, what) | Fact::Access(false, what) | Fact::LateAccess(false, what) => {
            Some(End::Requirement((*what).to_string()))
        }
        Fact::RequireEqual(a, b, what) if a != b => Some(End::Requirement(format!("{what}: {a:#x}, {b:#x}"))),
        _ => None,
    }
}

/// A digest of a sparse memory's written bytes that does not depend on their order.
fn digest(memory: &Bytes) -> u64 {
    let Bytes::Sparse { written, .. } = memory else {
        return 0;
    };
    let of = |at: u32, byte: u8| {
        let low = mix(at ^ u32::from(byte).wrapping_mul(0x9e37_79b9));
        u64::from(low) | u64::from(mix(low.wrapping_add(at.rotate_left(7)))) << 32
    };
    written.iter().fold(0, |sum, (at, byte)| sum.wrapping_add(of(*at, *byte)))
}

/// Answers the last event: result words. The callee writes a cell and two words of linear memory, at one of its
/// arguments and near one of the caller's (so that few places are written, however many calls there are); where memory
/// can grow, it sometimes does.
fn answer<P>(
    start: &Start,
    setting: &Setting,
    events: &[Event<P>],
    results: usize,
    d: &mut Concrete,
    world: &mut World<Concrete>,
) -> Vec<u32> {
    let event = events.last().expect("invariant: the event was pushed");
    let (Ok(target) | Err(target)) = event.target();
    let mut seed = mix(start.answers_seed ^ target).wrapping_add(events.len() as u32);
    event.args.iter().for_each(|a| seed = mix(seed ^ *a));
    let mut random = Random(seed);
    let size = world.memory_bytes;
    if let Some(last) = size.checked_sub(4) {
        let own: Vec<u32> = start.args.iter().map(|a| a.wrapping_add(random.below(64))).collect();
        for pointers in [&event.args, &own] {
            let inside: Vec<u32> = pointers.iter().copied().filter(|a| *a <= last).collect();
            let at = match inside[..] {
                [] => random.below(64.min(last)),
                _ => inside[random.below(inside.len() as u32) as usize],
            };
            let word = random.draw();
            (0..4).for_each(|i| d.memory.set(at + i, (word >> (8 * i)) as u8));
        }
    }
    if !world.cells.is_empty() {
        let cell = random.below(world.cells.len() as u32) as usize;
        world.cells[cell] = random.word(size, &setting.hints);
        setting::fix_cells(&mut world.cells, setting);
    }
    let grows =
        setting.shape.memory_bytes.is_none() && size.saturating_add(PAGE_BYTES) <= setting.shape.memory_bytes_max;
    if grows && random.below(4) == 0 {
        world.memory_bytes += PAGE_BYTES;
    }
    let mut words: Vec<u32> = (0..results).map(|_| random.word(size, &setting.hints)).collect();
    for (call, i, value) in &start.answers {
        if *call as usize == events.len()
            && let Some(word) = words.get_mut(*i as usize)
        {
            *word = *value;
        }
    }
    words
}

/// What two runs from one start show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Agree,
    /// Different things: the right side does not refine the left one.
    Differ(Box<Difference>),
    /// Nothing, for this reason.
    Inconclusive(String),
}

/// Runs both sides from a start, the left one for at most `fuel` steps, and compares.
pub fn compare<L, R>(left: &L, right: &R, start: &Start, setting: &Setting, fuel: u64) -> Comparison
where
    L: Program<Concrete>,
    R: Program<Concrete>,
{
    let inconclusive = |text: String| Comparison::Inconclusive(text);
    let l = run(left, start, setting, fuel);
    let right_fuel = match &l.end {
        End::Fuel if l.events.is_empty() => {
            return inconclusive("the left side does not end".to_string());
        }
        // An endless left side is compared by its calls.
        End::Fuel => 8 * l.steps + RIGHT_STEPS_SPARE / 10,
        End::Return(_) | End::Trap(_) => RIGHT_STEPS_PER_STEP * l.steps + 16 * l.bulk_bytes + RIGHT_STEPS_SPARE,
        other => return inconclusive(format!("left: {other}")),
    };
    let r = execute(right, start, setting, &Mode { stop_at: l.events.len(), ..Mode::plain(right_fuel) });
    let common = l.events.len().min(r.events.len());
    let parted = (0..common).find(|i| !l.events[*i].same(&r.events[*i]));
    if (0..common.min(parted.map_or(common, |i| i + 1))).any(|i| l.events[i].types_differ(&r.events[i])) {
        return inconclusive("the claimed type of an indirect call differs".to_string());
    }
    let ended = matches!(r.end, End::Return(_) | End::Trap(_));
    let stop_at = match (parted, &l.end, &r.end) {
        (Some(i), ..) => i,
        (None, End::Fuel, _) if ended && r.events.len() < l.events.len() => r.events.len(),
        (None, End::Fuel, _) => return inconclusive("the left side does not end".to_string()),
        (None, _, End::Unsupported(_) | End::Assumption(_)) if r.events.len() <= l.events.len() => {
            return inconclusive(format!("right: {}", r.end));
        }
        (None, ..) if l.events.len() != r.events.len() => common,
        (None, ..) if report::judge(&l, &r, start.memory_seed).is_none() => {
            return Comparison::Agree;
        }
        (None, ..) => usize::MAX,
    };
    let again = |watch| Mode { fuel, stop_at, watch, record_loads: watch.is_none() };
    let right_mode = |watch| Mode { fuel: right_fuel, ..again(watch) };
    let l = execute(left, start, setting, &again(None));
    let r = execute(right, start, setting, &right_mode(None));
    let Some(verdict) = report::judge(&l, &r, start.memory_seed) else {
        return inconclusive("digests of linear memory differ".to_string());
    };
    let writers = verdict.watch.map(|watch| {
        let l = execute(left, start, setting, &again(Some(watch))).changed;
        (l, execute(right, start, setting, &right_mode(Some(watch))).changed)
    });
    let memory = start.domain(setting).memory;
    Comparison::Differ(Box::new(report::difference((left, &l), (right, &r), verdict, writers, start, &memory)))
}
