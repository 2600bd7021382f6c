//! What became of calls: which were inlined, and which survive although inlining was expected, with the reason.
//!
//! A call is listed if it stands in a last form, on a path from an export, the start function or a table entry, and its callee is
//! small, hinted or used once. The reason is the one with which inlining decided ([`inline::decisions`]), or why it did not run. Of a
//! call through a table the functions that the table holds count as callees.

use crate::call_graph;
use crate::module::{ExportKind, Module};
use crate::pass::{Cx, NotRun};
use crate::passes::inline::{self, Decision, Merit, Obstacle};
use crate::pipeline::{OPTIMIZER, Options};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use synth_validator::claim::Stage;
use synth_validator::ir::{Func, Op};

/// A function of the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Function index (imports first).
    pub index: u32,
    /// Its name for people.
    pub name: String,
}

/// Calls of one function in another that were inlined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InlinedCalls {
    /// The function into which the callee was inlined.
    pub caller: Named,
    /// The callee.
    pub callee: Named,
    /// How often.
    pub calls: usize,
}

/// A call that survives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SurvivingCall {
    /// The function whose last form has it.
    pub caller: Named,
    /// The function that is called; of a call through a table, the first one that it may be.
    pub callee: Named,
    /// Byte offset of the call in the module's binary form.
    pub offset: u32,
    /// The function in whose body the offset lies, if it is not the caller but one that was inlined there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Named>,
    /// Why inlining is expected: `small`, `hinted` or `used-once`.
    pub expected: &'static str,
    /// Instructions of the callee before inlining, constants not counted.
    pub instructions: usize,
    /// What the first function of the path is: `export`, `start` or `table`.
    pub root: &'static str,
    /// Functions from that one to the caller, over calls that survive.
    pub path: Vec<Named>,
    /// Why it was not inlined, as a word.
    pub reason: &'static str,
    /// The same as a sentence.
    pub detail: String,
}

/// What became of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InlineReport {
    /// Calls that were inlined, summed up, in functions that the object has.
    pub inlined: Vec<InlinedCalls>,
    /// Calls that survive, by caller, in the order of the code.
    pub surviving: Vec<SurvivingCall>,
}

/// Why a call survives.
enum Reason {
    Indirect(usize),
    NotRun(NotRun),
    Obstacle(Obstacle),
    TooManyLive,
    Later,
}

impl Reason {
    fn name(&self) -> &'static str {
        match self {
            Reason::Indirect(_) => "indirect",
            Reason::NotRun(NotRun::Level) => "level",
            Reason::NotRun(NotRun::LeftOut) => "left-out",
            Reason::NotRun(NotRun::Refused) => "refused",
            Reason::Obstacle(Obstacle::NoBody) => "import",
            Reason::Obstacle(Obstacle::NoMerit) => "not-worth-it",
            Reason::Obstacle(Obstacle::Recursive) => "recursive",
            Reason::Obstacle(Obstacle::CalleeTooLarge(..)) => "callee-too-large",
            Reason::Obstacle(Obstacle::CallerTooLarge(..)) => "caller-too-large",
            Reason::Obstacle(Obstacle::TooDeep(_)) => "too-deep",
            Reason::TooManyLive => "too-many-live",
            Reason::Later => "after-inlining",
        }
    }
    fn detail(&self) -> String {
        match self {
            Reason::Indirect(callees) => format!("it goes through a table and may reach {callees} such functions"),
            Reason::NotRun(NotRun::Level) => "inlining does not run at this level".into(),
            Reason::NotRun(NotRun::LeftOut) => "inlining is left out".into(),
            Reason::NotRun(NotRun::Refused) => "the validator refused inlining in the caller".into(),
            Reason::Obstacle(Obstacle::NoBody) => "the callee is an import".into(),
            Reason::Obstacle(Obstacle::NoMerit) => "nothing speaks for it".into(),
            Reason::Obstacle(Obstacle::Recursive) => "the callee is among the functions around the call".into(),
            Reason::Obstacle(Obstacle::CalleeTooLarge(insts, limit)) => {
                format!("the callee has {insts} instructions; the limit is {limit}")
            }
            Reason::Obstacle(Obstacle::CallerTooLarge(insts, limit)) => {
                format!("the caller would have {insts} instructions; the limit is {limit}")
            }
            Reason::Obstacle(Obstacle::TooDeep(limit)) => format!("it is more than {limit} inlined calls deep"),
            Reason::TooManyLive => "too many values are live in the caller".into(),
            Reason::Later => "it became a direct call after inlining".into(),
        }
    }
}

fn merit_name(merit: Merit) -> &'static str {
    match merit {
        Merit::Small => "small",
        Merit::Hinted => "hinted",
        Merit::UsedOnce => "used-once",
    }
}

/// What inlining is expected to do about a callee: an import has no size, but may be hinted.
fn expected(cx: &Cx<'_>, callee: u32) -> Option<Merit> {
    let import = cx.form(callee).is_none();
    if import { cx.hinted.contains(&callee).then_some(Merit::Hinted) } else { inline::merit(cx, callee) }
}

/// Reports on the last forms. `stages` are those of the defined functions in order.
pub fn report(cx: &Cx<'_>, stages: &[Vec<Stage>], options: &Options) -> InlineReport {
    let first = cx.module.imported_functions();
    let last = |index: u32| Some(&stages.get(index.checked_sub(first)? as usize)?.last()?.func);
    let paths = Paths::new(cx, last);
    let mut report = InlineReport::default();
    for (index, stages) in (first..).zip(stages).filter(|(index, _)| paths.reached.contains_key(index)) {
        report.inlined.extend(inlined(cx.module, index, stages));
        let func = &stages.last().expect("invariant: the builder made one").func;
        report.surviving.extend(surviving(cx, func, options, &paths));
    }
    report
}

fn named(module: &Module, index: u32) -> Named {
    Named { index, name: module.display_name(index) }
}

fn inlined(module: &Module, caller: u32, stages: &[Stage]) -> Vec<InlinedCalls> {
    let mut calls: BTreeMap<u32, usize> = BTreeMap::new();
    for inlined in stages.iter().flat_map(|s| &s.inlined) {
        *calls.entry(inlined.callee).or_default() += 1;
    }
    let row = |(callee, calls)| InlinedCalls { caller: named(module, caller), callee: named(module, callee), calls };
    calls.into_iter().map(row).collect()
}

/// The calls of a function that survive although inlining is expected.
fn surviving(cx: &Cx<'_>, func: &Func, options: &Options, paths: &Paths) -> Vec<SurvivingCall> {
    let mut reasons: Option<Reasons> = None;
    let mut found = Vec::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        let (callee, reason) = match inst.op {
            Op::Call { func: callee } if expected(cx, callee).is_some() => {
                let reasons = reasons.get_or_insert_with(|| Reasons::new(cx, func.index, options));
                (callee, reasons.of(inst.origin, callee))
            }
            Op::CallIndirect { type_index } => {
                let callees = table_entries(cx, type_index);
                let Some(callee) = callees.first() else { continue };
                (*callee, Reason::Indirect(callees.len()))
            }
            _ => continue,
        };
        let body = |f: &crate::module::Function| f.body.contains(&(inst.origin as usize));
        let home = cx.module.functions.iter().position(body).map(|f| f as u32);
        let (root, path) = paths.to(func.index);
        found.push(SurvivingCall {
            caller: named(cx.module, func.index),
            callee: named(cx.module, callee),
            offset: inst.origin,
            inside: home.filter(|f| *f != func.index).map(|f| named(cx.module, f)),
            expected: merit_name(expected(cx, callee).expect("invariant: it was asked before")),
            instructions: cx.form(callee).map_or(0, |(_, body)| inline::size(body)),
            root,
            path: path.into_iter().map(|f| named(cx.module, f)).collect(),
            reason: reason.name(),
            detail: reason.detail(),
        });
    }
    found
}

/// The functions of a type in tables of which inlining is expected, ascending.
fn table_entries(cx: &Cx<'_>, type_index: u32) -> Vec<u32> {
    let canonical = |type_index: u32| cx.module.canonical.get(type_index as usize);
    let of_type = |f: &u32| canonical(cx.module.functions[*f as usize].type_index) == canonical(type_index);
    let entries = cx.module.elements.iter().flat_map(|e| &e.funcs).flatten().copied();
    let mut wanted: Vec<u32> = entries.filter(|f| of_type(f) && expected(cx, *f).is_some()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Why the calls of one function survive.
struct Reasons {
    not_run: Option<NotRun>,
    decisions: Vec<Decision>,
}

impl Reasons {
    fn new(cx: &Cx<'_>, index: u32, options: &Options) -> Reasons {
        let pass = OPTIMIZER.iter().find(|p| p.name == "inline").expect("invariant: inlining is a pass");
        let not_run = options.not_run(pass, index);
        let decisions = cx.form(index).map_or(Vec::new(), |(_, func)| inline::decisions(func, cx));
        Reasons { not_run, decisions }
    }

    /// The reason of the next surviving call with this offset and callee. If there are more calls than decisions, a later pass
    /// has copied one.
    fn of(&mut self, origin: u32, callee: u32) -> Reason {
        if let Some(not_run) = self.not_run {
            return Reason::NotRun(not_run);
        }
        let of_call = |d: &Decision| d.origin == origin && d.callee == callee;
        let mut all = (0..self.decisions.len()).filter(|i| of_call(&self.decisions[*i]));
        let Some(some) = all.next() else { return Reason::Later };
        let mut kept = std::iter::once(some).chain(all).filter(|i| self.decisions[*i].decided.is_err());
        let Some(at) = kept.next() else { return Reason::TooManyLive };
        let decided = self.decisions[at].decided;
        if kept.next().is_some() {
            self.decisions.remove(at);
        }
        decided.err().map_or(Reason::TooManyLive, Reason::Obstacle)
    }
}

/// Shortest paths over the calls of the last forms.
struct Paths {
    /// By function that can be reached: what it is itself if it is a root, and the function before it if not.
    reached: BTreeMap<u32, Result<&'static str, u32>>,
}

impl Paths {
    fn new<'f>(cx: &Cx<'_>, last: impl Fn(u32) -> Option<&'f Func>) -> Paths {
        let exported = |f: u32| cx.module.exports.iter().any(|e| e.kind == ExportKind::Function && e.index == f);
        let kind = |f: u32| match (exported(f), cx.module.start == Some(f)) {
            (true, _) => "export",
            (false, true) => "start",
            (false, false) => "table",
        };
        let mut reached: BTreeMap<u32, _> = cx.roots.iter().map(|f| (*f, Ok(kind(*f)))).collect();
        // Exports first, so that a path begins with one where it can.
        let mut open: VecDeque<u32> = cx.roots.iter().copied().filter(|f| exported(*f)).collect();
        open.extend(cx.roots.iter().copied().filter(|f| !exported(*f)));
        while let Some(func) = open.pop_front() {
            for (callee, _) in last(func).into_iter().flat_map(call_graph::calls) {
                reached.entry(callee).or_insert_with(|| {
                    open.push_back(callee);
                    Err(func)
                });
            }
        }
        Paths { reached }
    }

    /// What the first function of the path is, and the functions of the path.
    fn to(&self, func: u32) -> (&'static str, Vec<u32>) {
        let mut path = vec![func];
        let mut at = func;
        loop {
            match self.reached[&at] {
                Ok(root) => {
                    path.reverse();
                    return (root, path);
                }
                Err(before) => {
                    path.push(before);
                    at = before;
                }
            }
        }
    }
}
