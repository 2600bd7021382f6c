//! What a pass is: it makes the next form of a function, with the witness that the next form refines the one before.
//!
//! A pass is a guess. Its link is proved like every other; a link that is not proved costs the function this pass, and nothing
//! else (`refusal.rs`).

use crate::ir_facts::Cuts;
use crate::liveness::{LIVE_MAX, Uses, live_in};
use crate::module::Module;
use crate::prune::Known;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use synth_validator::claim::{Ignoring, Inlined, Stage};
use synth_validator::contract::Contract;
use synth_validator::ir::{Block, Cond, Func, Op, Value};
use synth_validator::witness::{Cut, Loc, Step, Witness, Word};

/// Optimization levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What code generation needs, and cleaning.
    O0,
    /// Passes that make code smaller and faster.
    O1,
    /// All passes.
    #[default]
    O2,
    /// All passes; smaller code is preferred to faster code.
    Os,
}

impl Level {
    /// As one writes it after `-O`.
    pub fn name(self) -> &'static str {
        match self {
            Level::O0 => "0",
            Level::O1 => "1",
            Level::O2 => "2",
            Level::Os => "s",
        }
    }
}

/// Why a pass does not run on a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// The level is lower than the pass's.
    Level,
    /// The user left it out.
    LeftOut,
    /// The validator refused it there.
    Refused,
}

/// What a pass may look at besides the function.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// The module's declarations.
    pub module: &'a Module,
    /// The object contract.
    pub contract: &'a Contract,
    /// The level.
    pub level: Level,
    /// Forms of all defined functions before inlining, by number of the function among the defined ones. Empty until all functions
    /// have come so far; a function's are empty if it has none.
    pub forms: &'a [Vec<Stage>],
    /// Calls of each function in these forms.
    pub calls: &'a FxHashMap<u32, u32>,
    /// Parameters that these forms do not use, by function, for functions that have any.
    pub unused: &'a FxHashMap<u32, Vec<usize>>,
    /// Functions that others than the module's may call.
    pub roots: &'a BTreeSet<u32>,
    /// Functions that the user wants inlined.
    pub hinted: &'a BTreeSet<u32>,
}

impl Cx<'_> {
    /// Whether linear memory always has the size that it starts with: nothing grows it, or it has its capacity from the start.
    pub fn memory_is_constant(&self) -> bool {
        crate::pipeline::memory_is_constant(self.module, self.contract)
    }
    /// The last form of a function before inlining, with its number; none for imports.
    pub fn form(&self, index: u32) -> Option<(u32, &Func)> {
        let place = index.checked_sub(self.module.imported_functions())?;
        let stages = self.forms.get(place as usize)?;
        let (last, before) = stages.split_last()?;
        Some((before.len() as u32, &last.func))
    }
}

/// The next form of a function.
#[derive(Clone, Debug)]
pub struct Form {
    /// The form.
    pub func: Func,
    /// That it refines the form before.
    pub witness: Witness,
    /// Calls of the form before that it executes in place.
    pub inlined: Vec<Inlined>,
    /// Forms of callees whose unread argument words it passes otherwise than the form before.
    pub ignoring: Vec<Ignoring>,
}

impl From<(Func, Witness)> for Form {
    /// A form that inlines nothing.
    fn from((func, witness): (Func, Witness)) -> Form {
        Form { func, witness, inlined: Vec::new(), ignoring: Vec::new() }
    }
}

/// The witness that says of each live word at each cut point of a form which word of the form before it equals. `left` gives a
/// block's point in the form before, `value` a value's value there, if it has one. Nothing if too many words are live.
pub fn witness(func: &Func, left: impl Fn(Block) -> u64, value: impl Fn(Value) -> Option<Value>) -> Option<Witness> {
    let live = live_in(func, LIVE_MAX)?;
    let points = Cuts::of(func);
    let mut cuts = Vec::new();
    for (i, block) in func.blocks.iter().enumerate().filter(|(i, _)| points.is_cut(*i as u32)) {
        let here = block.params.iter().chain(&live[i]);
        let words = here.flat_map(|v| (0..func.type_of(*v).words() as u8).map(|half| (*v, half)));
        let mut equal = Vec::with_capacity(block.params.len() + live[i].len());
        equal.extend(words.filter_map(|(v, h)| Some((Loc::Value(value(v)?, h), Loc::Value(v, h)))));
        cuts.push(Cut { left: left(Block(i as u32)), right: i as u64, equal, ..Cut::default() });
    }
    Some(Witness { cuts, ..Witness::default() })
}

/// Where a block of the form before has become the middle of another, which is a cut point of the link as well.
#[derive(Clone, Copy, Debug)]
pub struct Seam {
    /// The block in the new form.
    pub block: Block,
    /// The first of its instructions that stood in the old block.
    pub inst: usize,
    /// The old block.
    pub left: Block,
}

/// The witness that says of each word live at each cut point of the form before what it is in a form. `left` gives the old block at
/// whose start a new one stands, `is` the constant that an old value is known to be at the start of an old block, and the new value
/// that equals it. Nothing if too many words are live.
pub fn replaced(
    (old, new): (&Func, &Func),
    left: impl Fn(Block) -> Block,
    seams: &[Seam],
    is: impl Fn(Block, Value) -> (Option<Known>, Value),
) -> Option<Witness> {
    let (old_live, new_live) = (live_in(old, LIVE_MAX)?, live_in(new, LIVE_MAX)?);
    let points = Cuts::of(new);
    let starts = (0..new.blocks.len() as u32).filter(|b| points.is_cut(*b)).map(Block);
    let starts = starts.map(|block| Seam { block, inst: 0, left: left(block) });
    let mut cuts = Vec::new();
    for Seam { block, inst, left } in starts.chain(seams.iter().copied()) {
        let data = &new.blocks[block.0 as usize];
        let mut held: Vec<Value> = data.params.iter().chain(&new_live[block.0 as usize]).copied().collect();
        held.extend(data.insts[..inst].iter().flat_map(|i| &i.results));
        held.sort_unstable();
        let (old_params, old_words) = (&old.blocks[left.0 as usize].params, &old_live[left.0 as usize]);
        let mut equal = Vec::with_capacity(old_params.len() + old_words.len());
        for v in old_params.iter().chain(old_words) {
            let (known, value) = is(left, *v);
            let known = known.map(Known::locations);
            for half in 0..old.type_of(*v).words() as u8 {
                equal.extend(known.map(|k| (Loc::Value(*v, half), k[usize::from(half)])));
                if held.binary_search(&value).is_ok() {
                    equal.push((Loc::Value(*v, half), Loc::Value(value, half)));
                }
            }
        }
        let right = u64::from(block.0) | (inst as u64) << 32;
        cuts.push(Cut { left: u64::from(left.0), right, equal, ..Cut::default() });
    }
    Some(Witness { cuts, ..Witness::default() })
}

/// The witness of a form in which values stand for others: of each word that the old form may yet use it says which word of the new
/// form, or known to both, it equals. `stands` gives the locations of an old value's words, low first; `uses` are the new form's, and
/// perhaps more that are to be held for its facts. Values defined there beside the new form's are given back, by cut, where they are
/// live. Nothing if too many words are live.
pub fn renamed(
    (old, new): (&Func, &Func),
    uses: Uses,
    stands: impl Fn(Value) -> Vec<Loc>,
) -> Option<(Witness, Vec<Vec<Value>>)> {
    let (old_live, new_live) = (live_in(old, LIVE_MAX)?, uses.live_in(new, LIVE_MAX)?);
    let points = Cuts::of(new);
    let (mut witness, mut others) = (Witness::default(), Vec::new());
    for (i, data) in old.blocks.iter().enumerate().filter(|(i, _)| points.is_cut(*i as u32)) {
        let words = |v: Value| (0..old.type_of(v).words() as u8).map(move |half| Loc::Value(v, half));
        let mut equal: Vec<(Loc, Loc)> =
            data.params.iter().chain(&old_live[i]).flat_map(|v| words(*v).zip(stands(*v))).collect();
        let (values, beside): (Vec<Value>, Vec<Value>) =
            new_live[i].iter().partition(|v| (v.0 as usize) < new.values.len());
        equal.extend(values.iter().flat_map(|v| words(*v).zip(words(*v))));
        equal.sort_unstable();
        equal.dedup();
        witness.cuts.push(Cut { left: i as u64, right: i as u64, equal, ..Cut::default() });
        others.push(beside);
    }
    Some((witness, others))
}

/// What an operation that changes nothing computes: a word of the new form that the old one computes elsewhere or again.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The operation.
    pub op: Op,
    /// Operand words, of the old form or known.
    pub args: Vec<Loc>,
    /// Result words: locations that have one name in both forms, or constants.
    pub results: Vec<Loc>,
}

/// How a fact is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The new form holds the results, the old one need not.
    Computed,
    /// Both forms hold them.
    Held,
    /// As a condition: what holds the results is said elsewhere.
    Condition,
}

/// States facts at a cut, operands before what uses them. What the cut says of their results until now is said by the facts then.
pub fn rely<'a>(cut: &mut Cut, facts: impl IntoIterator<Item = (&'a Fact, Said)>) {
    let mut stated: FxHashMap<Loc, Word> = FxHashMap::default();
    for (fact, said) in facts {
        let word = |loc: &Loc| stated.get(loc).copied().unwrap_or(Word::Loc(*loc));
        let args = fact.args.iter().map(word).collect();
        let others: Vec<Word> = fact.results.iter().map(word).collect();
        let number = cut.steps.len() as u32;
        cut.steps.push(Step { op: fact.op.clone(), args, defines: None });
        for ((n, loc), other) in (0..).zip(&fact.results).zip(others) {
            let word = Word::Step(number, n);
            let is_value = matches!(loc, Loc::Value(..));
            if said == Said::Condition || !is_value || other != Word::Loc(*loc) {
                cut.holds.push(Word::Step(cut.steps.len() as u32, 0));
                cut.steps.push(Step { op: Op::Cmp(Cond::Eq), args: vec![word, other], defines: None });
                continue;
            }
            if said == Said::Held {
                match n {
                    0 => cut.steps[number as usize].defines = Some(*loc),
                    _ => cut.steps.push(same(word, *loc)),
                }
            }
            cut.computed.push((word, *loc));
            stated.insert(*loc, word);
        }
    }
    if stated.is_empty() {
        return;
    }
    let Cut { equal, steps, .. } = cut;
    equal.retain(|(old, new)| {
        let word = stated.get(new);
        steps.extend(word.filter(|_| old != new).map(|word| same(*word, *old)));
        word.is_none()
    });
}

/// The step that gives a location of the old form a word: a step defines its first result only.
fn same(word: Word, loc: Loc) -> Step {
    Step { op: Op::Join, args: vec![word, word], defines: Some(loc) }
}

/// A pass: the next form, or nothing if it changes nothing.
pub type Run = fn(&Func, &Cx<'_>) -> Option<Form>;

/// A pass and where it runs.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name, also that of its link.
    pub name: &'static str,
    /// The lowest level that runs it.
    pub from: Level,
    /// The pass.
    pub run: Run,
}
