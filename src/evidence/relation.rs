//! Cut points and what is related there, as text, from the claim's witnesses. The proofs start from the same witnesses:
//! what stands here for a link that is `Proved` holds whenever its cut point is reached.

use serde::Serialize;
use std::collections::BTreeMap;
use synth_validator::claim::FunctionClaim;
use synth_validator::domain::{BinOp, Symbol};
use synth_validator::ir::Op;
use synth_validator::witness::{Cut, Loc, Witness, Word};

/// Two places with the same word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pair {
    /// Of the left side, or a word known to both.
    pub left: String,
    /// Of the right side.
    pub right: String,
}

/// A cut point of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutText {
    /// Point of the left side.
    pub left: String,
    /// Point of the right side.
    pub right: String,
    /// Places with the same word.
    pub equal: Vec<Pair>,
    /// Words that are not zero.
    pub holds: Vec<String>,
}

/// The cut points of a link, the entry left out: there arguments, memory and globals are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkText {
    /// Name of the link.
    pub name: String,
    /// Cut points in the order of the witness.
    pub cuts: Vec<CutText>,
    /// Lemmas that rewrites of words on its left side cite, in order of first use.
    pub lemmas: Vec<String>,
}

/// A cut point from the module's function to the code, through all links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WholeCut {
    /// Number among the final link's cut points; the entry is 0.
    pub number: u32,
    /// Byte offset in the module; nothing if a link has no cut point there.
    pub module_offset: Option<u32>,
    /// Offset in the function's code.
    pub code_offset: u32,
    /// Words of the module's function, or known ones, and where the code holds them.
    pub equal: Vec<Pair>,
    /// Places of the code whose word is one of the last form and that the module's function has no place for.
    pub inner: Vec<Pair>,
}

fn symbol(symbol: Symbol) -> String {
    match symbol {
        Symbol::Memory => "linear memory".to_string(),
        Symbol::MemoryBytes => "the size of linear memory".to_string(),
        Symbol::Globals => "the globals".to_string(),
        Symbol::Results => "the result words".to_string(),
        Symbol::Table(n) => format!("table {n}"),
        Symbol::HostData(n) => format!("host data of global {n}"),
        Symbol::Function(n) => format!("function {n}"),
        Symbol::Data(n) => format!("data segment {n}"),
    }
}

fn register(n: u8) -> String {
    match n {
        13 => "sp".to_string(),
        14 => "lr".to_string(),
        n => format!("r{n}"),
    }
}

fn signed(by: i32) -> String {
    match by {
        0 => String::new(),
        by if by < 0 => format!(" - {}", by.unsigned_abs()),
        by => format!(" + {by}"),
    }
}

/// A place as text.
pub fn place(loc: &Loc) -> String {
    match *loc {
        Loc::WasmLocal(n) => format!("local word {n}"),
        Loc::WasmStack(n) => format!("operand word {n}"),
        Loc::Value(v, 0) => format!("v{}", v.0),
        Loc::Value(v, _) => format!("v{}.high", v.0),
        Loc::Reg(n) => register(n),
        Loc::Frame(by) => format!("[sp at entry{}]", signed(by)),
        Loc::Sp => "sp".to_string(),
        Loc::Entry(n, by) => format!("{} at entry{}", register(n), signed(by)),
        Loc::Const(word) => format!("{word:#x}"),
        Loc::Address(of) => format!("address of {}", symbol(of)),
    }
}

/// Operands of operands that a word is written with.
const DEPTH_MAX: u32 = 8;

/// A word as text: a place, or what steps of the cut compute.
fn word(cut: &Cut, word: &Word) -> String {
    word_within(cut, word, 0)
}

fn word_within(cut: &Cut, word: &Word, depth: u32) -> String {
    match word {
        Word::Loc(loc) => place(loc),
        Word::Step(step, half) => {
            // Steps use earlier ones; what a damaged claim makes of them has no end.
            let Some(step) = cut.steps.get(*step as usize).filter(|_| depth < DEPTH_MAX) else {
                return "…".to_string();
            };
            let args: Vec<String> = step.args.iter().map(|arg| word_within(cut, arg, depth + 1)).collect();
            let high = if *half == 0 { "" } else { ".high" };
            match (&step.op, &args[..]) {
                (Op::Bin(BinOp::Add), [a, b]) => format!("{a} + {b}"),
                (Op::Bin(op), _) => format!("{}({}){high}", format!("{op:?}").to_lowercase(), args.join(", ")),
                (op, _) => format!("{op:?}({}){high}", args.join(", ")),
            }
        }
    }
}

fn pairs(cut: &Cut) -> Vec<Pair> {
    let equal = cut.equal.iter().map(|(l, r)| Pair { left: place(l), right: place(r) });
    let computed = cut.computed.iter().map(|(l, r)| Pair { left: word(cut, l), right: place(r) });
    equal.chain(computed).collect()
}

fn link(name: &str, witness: &Witness, left: impl Fn(u64) -> String, right: impl Fn(u64) -> String) -> LinkText {
    let cut = |cut: &Cut| CutText {
        left: left(cut.left),
        right: right(cut.right),
        equal: pairs(cut),
        holds: cut.holds.iter().map(|w| format!("{} is not 0", word(cut, w))).collect(),
    };
    let mut lemmas: Vec<String> = Vec::new();
    for step in witness.rewrites.iter().flat_map(|r| &r.proof.steps) {
        if !lemmas.contains(&step.rule) {
            lemmas.push(step.rule.clone());
        }
    }
    LinkText { name: name.to_string(), cuts: witness.cuts.iter().map(cut).collect(), lemmas }
}

/// The links of a function with their cut points, in order.
pub fn links(claim: &FunctionClaim) -> Vec<LinkText> {
    let (module, block) = (|at: u64| format!("module offset {at:#x}"), |at: u64| format!("block {at}"));
    let mut links = Vec::new();
    for (number, stage) in claim.stages.iter().enumerate() {
        links.push(match number {
            0 => link(&stage.name, &stage.witness, module, block),
            _ => link(&stage.name, &stage.witness, block, block),
        });
    }
    links.push(link("machine", &claim.witness, block, |at| format!("code offset {at:#x}")));
    links
}

/// The final link's cut points, followed back to the module's function.
pub fn whole(claim: &FunctionClaim) -> Vec<WholeCut> {
    let follow = |(number, cut): (usize, &Cut)| {
        // Places of the form under consideration, and the places of the code that hold their words.
        let mut open: BTreeMap<Loc, Vec<Loc>> = BTreeMap::new();
        for (l, r) in &cut.equal {
            open.entry(*l).or_default().push(*r);
        }
        let (mut at, mut inner) = (Some(cut.left), Vec::new());
        inner.extend(cut.computed.iter().map(|(l, r)| Pair { left: word(cut, l), right: place(r) }));
        for stage in claim.stages.iter().rev() {
            let before = at.and_then(|at| stage.witness.cuts.iter().find(|c| c.right == at));
            at = before.map(|c| c.left);
            let mut left: BTreeMap<Loc, Vec<Loc>> = BTreeMap::new();
            for (loc, held) in open {
                if !matches!(loc, Loc::Value(..)) {
                    left.entry(loc).or_default().extend(held);
                    continue;
                }
                let of: Vec<Loc> =
                    before.map_or(&[][..], |c| &c.equal).iter().filter(|(_, r)| *r == loc).map(|(l, _)| *l).collect();
                if of.is_empty() {
                    inner.extend(
                        held.iter()
                            .map(|r| Pair { left: format!("{} of {}", place(&loc), stage.name), right: place(r) }),
                    );
                }
                of.into_iter().for_each(|l| left.entry(l).or_default().extend(&held));
            }
            open = left;
        }
        let mut equal: Vec<Pair> = Vec::new();
        for (l, held) in &open {
            equal.extend(held.iter().map(|r| Pair { left: place(l), right: place(r) }));
        }
        equal.dedup();
        inner.sort();
        inner.dedup();
        WholeCut {
            number: number as u32 + 1,
            module_offset: at.map(|at| at as u32),
            code_offset: cut.right as u32,
            equal,
            inner,
        }
    };
    claim.witness.cuts.iter().enumerate().map(follow).collect()
}

/// Cut points and relations of a function, `functions/<index>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionFile {
    /// [`super::SCHEMA`].
    pub schema: &'static str,
    /// `function`.
    pub kind: &'static str,
    /// Function index (imports first).
    pub index: u32,
    /// Cut points of the final link, followed back to the module.
    pub whole: Vec<WholeCut>,
    /// Every link with its cut points.
    pub links: Vec<LinkText>,
}

/// The file of a function; without a claim it has no cut points.
pub fn function_file(index: u32, claim: Option<&FunctionClaim>) -> FunctionFile {
    FunctionFile {
        schema: super::SCHEMA,
        kind: "function",
        index,
        whole: claim.map_or(Vec::new(), whole),
        links: claim.map_or(Vec::new(), links),
    }
}
