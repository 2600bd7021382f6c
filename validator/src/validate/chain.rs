//! The chain of links that every session proves: module, IR forms, and a program at the end that the session reads.

use super::{FunctionReport, InputError, LIMIT_REACHED, LinkReport, Verdict};
use crate::claim::{Claim, FunctionClaim, Ignoring, Stage};
use crate::concrete::Concrete;
use crate::contract::{Bounds, PAGE_BYTES, SYM_MARSHALLED, is_plain, is_symbol};
use crate::ir::Func;
use crate::ir_semantics::IrProgram;
use crate::ladder::Limits;
use crate::program::Program;
use crate::refinement::{self, Closed, Effort, Failure, FailureKind, Ignored, Observer, Place, Shape};
use crate::refute::executing::{Bodies, Executing};
use crate::refute::report::{Difference, Kind};
use crate::refute::search::{Plan, search};
use crate::refute::setting::{Setting, Start, from_model};
use crate::refute::{self, Comparison, Recording};
use crate::term::Graph;
use crate::wasm;
use crate::wasm::module::{ExportKind, Module};
use crate::wasm::provenance;
use crate::wasm::semantics::Function as Wasm;
use crate::witness::Witness;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A module and a claim about its functions.
pub(super) struct Chain<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) module: Module,
    pub(super) claim: Claim,
    pub(super) limits: Limits,
    /// Tables, segments and fixed globals for runs; absent if instantiation is not supported.
    setting: Option<Setting>,
    /// Links between IR forms, by place of the function in the claim and number of the stage, proved when first asked for.
    links: Vec<Vec<OnceLock<Link>>>,
}

/// What became of a link.
#[derive(Clone)]
struct Link {
    verdict: Verdict,
    effort: Effort,
    failure: Option<Failure>,
}

impl Link {
    fn of(result: Result<Effort, Failure>) -> Link {
        match result {
            Ok(effort) => Link { verdict: Verdict::Proved, effort, failure: None },
            Err(failure) => Link { verdict: verdict(&failure), effort: Effort::default(), failure: Some(failure) },
        }
    }
    fn not_attempted(verdict: Verdict) -> Link {
        Link { verdict, effort: Effort::default(), failure: None }
    }
}

/// Both sides of a function's proof: the module's function and the program that is to refine it, with what runs of them share.
struct Sides<'s, R> {
    /// The function's claim, with its place among the claims.
    claimed: Option<(usize, &'s FunctionClaim)>,
    shape: Shape,
    setting: Option<Setting>,
    module: Executing<'s, Wasm<'s>>,
    code: Executing<'s, R>,
}

/// A link with the name of the pass that made its right side.
struct LinkOf<'a> {
    name: &'a str,
    link: Cow<'a, Link>,
}

impl LinkOf<'_> {
    fn report(&self) -> LinkReport {
        let Link { verdict, effort, failure } = &*self.link;
        let place = failure.as_ref().map(|f| f.place.clone());
        LinkReport { name: self.name.to_string(), verdict: verdict.clone(), effort: effort.clone(), place }
    }
}

impl<'a> Chain<'a> {
    /// A module, read from these bytes, and a claim about it.
    ///
    /// # Errors
    /// A contract that does not fit the module.
    pub(super) fn new(bytes: &'a [u8], module: Module, claim: Claim, limits: Limits) -> Result<Self, InputError> {
        let nothing = Shape { args: 0, cells: 0, memory_bytes: None, memory_bytes_min: 0, memory_bytes_max: 0 };
        let setting = Setting::of_module(&module, bytes, nothing).ok();
        let links = claim.functions.iter().map(|f| f.stages.iter().map(|_| OnceLock::new()).collect()).collect();
        let chain = Chain { bytes, module, claim, limits, setting, links };
        chain.contract_fits().map_err(InputError::Claim)?;
        Ok(chain)
    }

    /// The contract's capacity lies between the module's minimum and maximum; a masked memory is a power of two.
    fn contract_fits(&self) -> Result<(), String> {
        let contract = &self.claim.contract;
        let capacity = u64::from(contract.capacity_bytes);
        let page = u64::from(PAGE_BYTES);
        let (min, max) = match self.module.memories.first() {
            Some(m) => (m.min_pages * page, m.max_pages.map_or(u64::MAX, |p| p * page)),
            None => (0, page),
        };
        let masked = contract.bounds == Bounds::Mask;
        if capacity < min || capacity % page != 0 || capacity > 1 << 31 || (!masked && capacity > max) {
            return Err(format!("a capacity of {capacity} bytes does not fit a memory of {min} to {max} bytes"));
        }
        // Names stand in lines of tables and in names of files.
        let is_name = |name: &str| {
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') && !name.is_empty()
        };
        for claim in &self.claim.functions {
            let names = claim.stages.iter().map(|s| s.name.as_str());
            if let Some(name) = names.into_iter().find(|n| !is_name(n) || ["machine", "wasm"].contains(n)) {
                return Err(format!("a form has the name {name:?}"));
            }
        }
        if let Some(native) = contract.native.iter().find(|n| !provenance::fits(&self.module, **n)) {
            return Err(format!("{native:?} is no i32 of a function of the module"));
        }
        // Whoever calls an export by its name reaches it, or the trampoline of that name.
        let is_export =
            |name: &str| self.module.exports.iter().any(|e| e.kind == ExportKind::Function && e.name == name);
        let is_own = |(name, symbol): (&String, &String)| {
            is_export(name) && *symbol == format!("{SYM_MARSHALLED}{name}") && is_symbol(symbol)
        };
        if let Some((name, symbol)) = contract.export_symbols.iter().find(|export| !is_own(*export)) {
            return Err(format!("the export {name:?} has the symbol {symbol:?}"));
        }
        if !is_plain(&contract.import_prefix) {
            return Err(format!("the prefix {:?} of imports is none that names in C have", contract.import_prefix));
        }
        if masked && !contract.capacity_bytes.is_power_of_two() {
            return Err(format!("a masked memory of {capacity} bytes is not a power of two"));
        }
        Ok(())
    }

    /// A report that says nothing yet.
    pub(super) fn report(&self, index: u32, assumptions: Vec<String>) -> FunctionReport {
        FunctionReport {
            index,
            name: self.module.display_name(index),
            verdict: Verdict::Proved,
            links: Vec::new(),
            assumptions,
            agreed_runs: 0,
            counterexample: None,
        }
    }

    /// The body of a function of the module.
    pub(super) fn body(&self, index: u32) -> Result<wasm::code::Body, Verdict> {
        wasm::code::body(&self.module, self.bytes, index).map_err(|e| Verdict::Unsupported(e.to_string()))
    }

    fn shape(&self, index: u32) -> Result<Shape, Verdict> {
        let types = self.module.type_of(index).int_params();
        let types = types.map_err(|t| Verdict::Unsupported(format!("a parameter of type {t}")))?;
        let args = types.iter().map(|t| t.words() as u32).sum();
        let memory = self.module.memories.first();
        let min = memory.map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        let capacity = self.claim.contract.capacity_bytes;
        // A masked memory's capacity is a power of two, which may be more than the declared maximum.
        let declared = memory.and_then(|m| m.max_pages).map_or(u64::MAX, |pages| pages * u64::from(PAGE_BYTES));
        let most = declared.min(capacity.into()) as u32;
        // A memory that has its capacity from the start keeps its size: no memory exceeds it, and none shrinks.
        let fixed = min == capacity || !self.module.resizes();
        Ok(Shape {
            args,
            cells: self.module.cells,
            memory_bytes: fixed.then_some(min),
            memory_bytes_min: min,
            memory_bytes_max: most,
        })
    }

    fn ir<'s>(&'s self, func: &'s Func) -> IrProgram<'s> {
        let min = self.module.memories.first().map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        IrProgram::new(func, &self.claim.contract, min, &self.module)
    }

    /// Both sides of a function's proof, ready to run.
    fn with_sides<R, T>(
        &self,
        index: u32,
        right: &R,
        work: impl FnOnce(&Sides<'_, R>) -> Result<T, Verdict>,
    ) -> Result<T, Verdict> {
        let is_claimed = self.claim.functions.iter().any(|f| f.index == index);
        let claimed = is_claimed.then(|| self.claimed(index)).transpose()?;
        let body = self.body(index)?;
        let own = Wasm::new(&self.module, &body, &self.claim.contract);
        let shape = self.shape(index)?;
        let ignored = claimed.map_or(Ignored::new(), |(_, claim)| self.ignored_somewhere(claim));
        let setting = self.setting.as_ref().map(|s| Setting { ignored, ..s.for_function(shape, &body) });
        let inlined = claimed.map_or(BTreeMap::new(), |(_, claim)| self.inlined_bodies(claim));
        let wasm = inlined.iter().map(|(func, body)| (*func, Wasm::new(&self.module, body, &self.claim.contract)));
        let bodies: Bodies<'_> = wasm.collect();
        let module = Executing { program: &own, bodies: &bodies };
        let code = Executing { program: right, bodies: &bodies };
        work(&Sides { claimed, shape, setting, module, code })
    }

    /// Runs a function and a program that is to refine it from a start, for at most `fuel` steps each.
    pub(super) fn record<R: Program<Concrete>>(
        &self,
        index: u32,
        right: &R,
        start: &Start,
        fuel: u64,
    ) -> Result<[Recording; 2], Verdict> {
        self.with_sides(index, right, |Sides { module, code, setting, .. }| {
            let setting = setting.as_ref().ok_or_else(|| Verdict::Unsupported("instantiation".to_string()))?;
            Ok([refute::record(module, start, setting, fuel), refute::record(code, start, setting, fuel)])
        })
    }

    /// Proves that a program refines a function; `name` is that of its link, from the claim's last stage, or from the module's
    /// function if the claim does not have it.
    pub(super) fn prove<R: Program<Graph> + Program<Concrete>>(
        &self,
        index: u32,
        (right, name): (&R, &str),
        report: &mut FunctionReport,
        explains: bool,
    ) -> Result<(), Verdict> {
        self.with_sides(index, right, |sides| self.prove_sides(sides, name, report, explains))
    }

    fn prove_sides<R: Program<Graph> + Program<Concrete>>(
        &self,
        sides: &Sides<'_, R>,
        name: &str,
        report: &mut FunctionReport,
        explains: bool,
    ) -> Result<(), Verdict> {
        let Sides { claimed, shape, setting, module, code } = sides;
        let all_links = || self.links((module.program, *claimed), (code.program, name), shape);
        if let Some(setting) = setting {
            let found = search(module, code, setting, &Plan::QUICK);
            report.agreed_runs = found.agreed;
            if let Some(difference) = found.difference {
                if explains {
                    // The links are proved all the same, so that the report says where it went wrong.
                    report.links = all_links().iter().map(LinkOf::report).collect();
                }
                return Err(executed(difference, report));
            }
        }
        let links = all_links();
        report.links = links.iter().map(LinkOf::report).collect();
        let Some(LinkOf { link: failed, .. }) = links.iter().find(|l| l.link.verdict != Verdict::Proved) else {
            return Ok(());
        };
        let Some(failure) = &failed.failure else {
            return Err(failed.verdict.clone());
        };
        // What is not proved may be wrong: the solver's state, then many others, are run on both sides.
        let model = match &failure.kind {
            FailureKind::Differs(model) => Some(model.as_ref()),
            FailureKind::BadWitness => Some(None),
            _ => None,
        };
        if let (Some(setting), Some(model)) = (setting, model) {
            let start = model.map(|m| from_model(m, setting));
            let confirmed = start.and_then(|s| match refute::compare(module, code, &s, setting, Plan::THOROUGH.fuel) {
                Comparison::Differ(difference) => Some(difference),
                _ => None,
            });
            let thorough = || search(module, code, setting, &Plan::THOROUGH).difference;
            if let Some(difference) = confirmed.or_else(thorough) {
                return Err(executed(difference, report));
            }
        }
        Err(verdict(failure))
    }

    /// The functions that some link of a function executes in place of calls.
    fn inlined_bodies(&self, claim: &FunctionClaim) -> BTreeMap<u32, wasm::code::Body> {
        let callees = claim.stages.iter().flat_map(|s| &s.inlined).map(|i| i.callee);
        let defined = callees.filter(|f| self.module.functions.get(*f as usize).is_some_and(|f| f.import.is_none()));
        let body = |f: u32| Some((f, wasm::code::body(&self.module, self.bytes, f).ok()?));
        defined.filter_map(body).collect()
    }

    /// All links of a function.
    fn links<'s, R: Program<Graph>>(
        &'s self,
        (own, claimed): (&Wasm<'_>, Option<(usize, &'s FunctionClaim)>),
        (right, name): (&R, &'s str),
        shape: &Shape,
    ) -> Vec<LinkOf<'s>> {
        let Some((place, claim)) = claimed else {
            let (witness, ignored) = (Witness::default(), Ignored::new());
            let result = refinement::check(own, right, &witness, shape, &ignored, &self.limits, &mut |_| {});
            return vec![LinkOf { name, link: Cow::Owned(Link::of(result)) }];
        };
        let of = |(number, stage): (usize, &'s Stage)| LinkOf {
            name: &stage.name,
            link: Cow::Borrowed(self.link(place, number)),
        };
        let mut links: Vec<LinkOf<'_>> = claim.stages.iter().enumerate().map(of).collect();
        let result = self.last_link(claim, right, shape, &mut |_| {});
        links.push(LinkOf { name, link: Cow::Owned(Link::of(result)) });
        links
    }

    /// The link from a claim's last stage.
    fn last_link<R: Program<Graph>>(
        &self,
        claim: &FunctionClaim,
        right: &R,
        shape: &Shape,
        observer: &mut Observer<'_>,
    ) -> Result<Effort, Failure> {
        let last = &claim.stages.last().expect("invariant: claimed functions have a stage").func;
        refinement::check(&self.ir(last), right, &claim.witness, shape, &Ignored::new(), &self.limits, observer)
    }

    /// Makes the checks of all links of a claimed function once more. `observer` is told of every obligation that is closed, with
    /// the name of its link; no report or verdict comes of it.
    pub(super) fn observe<R: Program<Graph>>(
        &self,
        index: u32,
        (right, name): (&R, &str),
        observer: &mut dyn FnMut(&str, &Closed<'_>),
    ) -> Result<(), Verdict> {
        let (place, claim) = self.claimed(index)?;
        for (number, stage) in claim.stages.iter().enumerate() {
            self.prove_link(place, number, &mut |closed| observer(&stage.name, closed))?.ok();
        }
        self.last_link(claim, right, &self.shape(index)?, &mut |closed| observer(name, closed)).ok();
        Ok(())
    }

    /// The claim for a function, with its place among the claims. It has at least one stage, and its IR is closed.
    pub(super) fn claimed(&self, index: u32) -> Result<(usize, &FunctionClaim), Verdict> {
        let place = self.claim.functions.iter().position(|f| f.index == index);
        let Some(place) = place else {
            return Err(Verdict::Unknown("the claim does not have this function".into()));
        };
        let claim = &self.claim.functions[place];
        if claim.stages.is_empty() {
            return Err(Verdict::Unknown("the claim has no IR for this function".to_string()));
        }
        match claim.stages.iter().find(|s| !s.func.is_closed()) {
            None => Ok((place, claim)),
            Some(stage) => Err(Verdict::Unknown(format!(
                "the claim's IR after {} names values or blocks that do not exist",
                stage.name
            ))),
        }
    }

    /// The link whose right side is a stage, proved once. Links of callees that it rests on have smaller stage numbers, so
    /// that asking for them comes to an end.
    fn link(&self, place: usize, stage: usize) -> &Link {
        self.links[place][stage].get_or_init(|| match self.prove_link(place, stage, &mut |_| {}) {
            Ok(result) => Link::of(result),
            Err(verdict) => Link::not_attempted(verdict),
        })
    }

    /// The form of a callee after its stage `number`, for a link whose right side is stage `stage`: an earlier one, and all the
    /// callee's links up to it are proved.
    fn form(&self, callee: u32, number: u32, stage: usize) -> Result<&Func, Verdict> {
        let (place, form) = self.claimed_form(callee, number, stage)?;
        match (0..=number as usize).find(|s| self.link(place, *s).verdict != Verdict::Proved) {
            None => Ok(form),
            Some(open) => {
                let (name, pass) = (self.module.display_name(callee), &self.claim.functions[place].stages[open].name);
                Err(Verdict::Unknown(format!("{RESTS_ON} {name}, whose link {pass} is not proved")))
            }
        }
    }
    /// The form that a claim names, proved or not, and the place of its function in the claim.
    fn claimed_form(&self, callee: u32, number: u32, stage: usize) -> Result<(usize, &Func), Verdict> {
        let unknown = |text: String| Err(Verdict::Unknown(text));
        if self.module.functions.get(callee as usize).is_none_or(|f| f.import.is_some()) {
            return unknown(format!("function {callee} is not defined in the module"));
        }
        let (place, claim) = self.claimed(callee)?;
        let number = number as usize;
        let Some(form) = claim.stages.get(number).filter(|_| number < stage) else {
            return unknown(format!("stage {number} of a callee is not an earlier one"));
        };
        Ok((place, &form.func))
    }

    /// The argument words of direct calls that do not count in the link whose right side is this stage.
    ///
    /// Sound: let E be the code, M the module, and s a form of callee f that does not read a word, its links from M proved. If E
    /// calls f with arguments a' where M calls it with a, and they differ in that word only, then E_f(a') ⊑ … ⊑ s(a') = s(a) ⊑ … ⊑
    /// M_f(a), for s is on f's own chain, which is proved for all arguments. So the call refines the call, whatever the word; calls
    /// that f makes agree up to words that their callees ignore, and so on, by induction along E's run. Where f has the same bytes
    /// in E and M and no links after s, E_f = M_f does as s does in both calls: a module's functions are deterministic, and their
    /// links, with every access checked, assume nothing of a run.
    fn ignored(&self, number: usize, stage: &Stage) -> Result<Ignored, Verdict> {
        let mut ignored = Ignored::new();
        for Ignoring { callee, stage } in &stage.ignoring {
            let form = self.form(*callee, *stage, number)?;
            ignored.extend(form.unread_words().into_iter().map(|word| (*callee, word)));
        }
        Ok(ignored)
    }
    /// The same for all links of a function together, for runs of the module and the code. Here a form counts also if a proof of it
    /// reached a limit, but not if something speaks against it: that its callee reads a word has to be shown before runs that differ in this word show anything.
    /// Later links than those that ignore words compare all of them, so that what runs do not show, a proof does.
    fn ignored_somewhere(&self, claim: &FunctionClaim) -> Ignored {
        let mut ignored = Ignored::new();
        for (number, stage) in claim.stages.iter().enumerate() {
            ignored.extend(self.ignored(number, stage).unwrap_or_default());
            for Ignoring { callee, stage } in &stage.ignoring {
                let Ok((place, form)) = self.claimed_form(*callee, *stage, number) else { continue };
                if (0..=*stage as usize).all(|s| is_proved_or_open(&self.link(place, s).verdict)) {
                    let words = form.unread_words();
                    ignored.extend(words.into_iter().map(|word| (*callee, word)));
                }
            }
        }
        ignored
    }

    /// Whether some link ignores words that a later form of a callee than this one does not read. What such a form does may have been
    /// shown for the words only that the module passes, where the contract assumes something of its accesses; where it is inlined, it
    /// would be assumed for others. From the form on that ignores a word, all that is shown holds whatever the word is.
    fn is_ignored_after(&self, callee: u32, stage: u32) -> bool {
        let stages = self.claim.functions.iter().flat_map(|f| &f.stages);
        stages.flat_map(|s| &s.ignoring).any(|i| i.callee == callee && i.stage > stage)
    }

    fn prove_link(
        &self,
        place: usize,
        stage: usize,
        observer: &mut Observer<'_>,
    ) -> Result<Result<Effort, Failure>, Verdict> {
        let claim = &self.claim.functions[place];
        let shape = self.shape(claim.index)?;
        let right = &claim.stages[stage];
        let program = self.ir(&right.func);
        let ignored = self.ignored(stage, right)?;
        let Some(before) = stage.checked_sub(1).map(|s| &claim.stages[s]) else {
            if !right.inlined.is_empty() {
                return Err(Verdict::Unknown("the module's own calls cannot be inlined".to_string()));
            }
            let body = wasm::code::body(&self.module, self.bytes, claim.index);
            let body = body.map_err(|e| Verdict::Unsupported(e.to_string()))?;
            let module = Wasm::new(&self.module, &body, &self.claim.contract);
            return Ok(refinement::check(&module, &program, &right.witness, &shape, &ignored, &self.limits, observer));
        };
        let mut left = self.ir(&before.func);
        for inlined in &right.inlined {
            let body = self.form(inlined.callee, inlined.stage, stage)?;
            if self.is_ignored_after(inlined.callee, inlined.stage) {
                return Err(Verdict::Unknown("a form is inlined of which a later one ignores words".to_string()));
            }
            left.inline(inlined.block, inlined.inst, inlined.callee, body).map_err(|e| Verdict::Unknown(e.0))?;
        }
        Ok(refinement::check(&left, &program, &right.witness, &shape, &ignored, &self.limits, observer))
    }
}

/// What the detail of a verdict begins with if a form that it rests on is not proved.
const RESTS_ON: &str = "rests on";

/// Whether nothing speaks against what a verdict is about: it is proved, or a proof of it, or of what it rests on, reached a limit or what
/// has no meaning.
fn is_proved_or_open(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Proved | Verdict::Unsupported(_) => true,
        Verdict::Unknown(text) => text.starts_with(LIMIT_REACHED) || text.starts_with(RESTS_ON),
        Verdict::Refuted(_) | Verdict::Vacuous(_) => false,
    }
}

// Requirement TOR-VERDICT-ENDLESS: Code that merely runs much longer than the module shall be `Unknown`, with the state attached, and
// not `Refuted`.
/// An executed difference as a verdict. Code that merely ran long where the module ended is suspect, not refuted.
fn executed(difference: Box<Difference>, report: &mut FunctionReport) -> Verdict {
    let text = difference.render();
    let endless = difference.kind == Kind::Divergence;
    report.counterexample = Some(difference);
    if endless { Verdict::Unknown(text) } else { Verdict::Refuted(text) }
}

// Requirement TOR-VERDICT-UNCONFIRMED: A state in which the solver says that an obligation fails shall give `Refuted` only if executing
// it shows the difference; otherwise the verdict shall be `Unknown`.
/// A failed check as a verdict: nothing is called refuted that was not executed.
fn verdict(failure: &Failure) -> Verdict {
    let Place { region, left, right, obligation } = &failure.place;
    let sides = [("; left ", left), ("; right ", right)].map(|(side, at)| match at.is_empty() {
        true => String::new(),
        false => format!("{side}{at}"),
    });
    let text = format!("{obligation} [region {region}{}]", sides.concat());
    match &failure.kind {
        FailureKind::Differs(_) => Verdict::Unknown(format!("not confirmed: {text}")),
        FailureKind::Exhausted => Verdict::Unknown(format!("{LIMIT_REACHED}: {text}")),
        FailureKind::Unsupported => Verdict::Unsupported(text),
        FailureKind::Vacuous => Verdict::Vacuous(text),
        FailureKind::BadWitness => Verdict::Unknown(format!("bad witness: {text}")),
    }
}
