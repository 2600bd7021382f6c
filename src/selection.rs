//! The selection table: rules that say which Thumb-2 instructions make what an IR tree computes.
//!
//! A rule is an entry of `lemmas/selection/<family>.select`:
//!
//! ```text
//! select ubfx_of_mask
//!   rule   (and (lshr ?x #n) #m) => ubfx rd, ?x, #n, #(popcnt #m)
//!   class  #n amount
//!   class  #m low_ones
//!   if     (ult (add #n (popcnt #m)) 33)
//!   cost   4 1
//!   source DDI 0403E, A7.7.193 UBFX
//!   broken ubfx rd, ?x, #(sub #n 1), #(popcnt #m)
//! ```
//!
//! The left side is a term as in the lemmas, over register operands `?x` and constants `#n`, each of a [`Class`]; two terms
//! separated by `;` are the low and the high word of a pair. The right side is read by [`assembly`]. `cost` is bytes (the fewest that
//! registers allow, for the constants that need most) and cycles of a Cortex-M4; `needs dsp` is an instruction that only Armv7E-M has.
//! The broken twin is the rule with another right side; it must be refuted.
//!
//! [`proof`] proves a rule for all words and all members of its classes, on the bytes that the encoder makes, by the validator's
//! semantics. Only rules in `proved.list` are loaded. That is not what the proof of a compiled function rests on: it looks at its
//! own bytes only.

pub mod assembly;
pub mod constants;
pub mod pattern;
pub mod proof;

use assembly::{Names, Template};
use constants::{Class, Expr};
use pattern::{Pattern, Root, Shape};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use synth_lemmas::{Term, TermError};

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Permanent name.
    pub name: String,
    /// Family: the stem of its file.
    pub family: String,
    /// Line of the name in its file, from 1.
    pub line: usize,
    /// What is computed: one word or truth value, or the low and the high word of a pair.
    pub left: Vec<Term>,
    /// The instructions.
    pub right: String,
    /// The class of each constant.
    pub classes: Vec<(String, Class)>,
    /// Conditions on its constants; all must hold.
    pub conditions: Vec<Term>,
    /// Whether it needs the DSP extension.
    pub needs_dsp: bool,
    /// Bytes.
    pub bytes: u32,
    /// Cycles.
    pub cycles: u32,
    /// Document and section that say what the instructions do.
    pub source: String,
    /// The right side of the broken twin.
    pub broken: String,
}

/// What is wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A line before the first `select`, or with an unknown key.
    UnexpectedLine(String),
    /// A term does not parse or has the wrong sorts.
    Term(TermError),
    /// The rule has no `=>`.
    NoArrow,
    /// A part is missing.
    Missing(&'static str),
    /// The left side is no operation of the IR.
    Left(String),
    /// This part of the right side is not understood.
    Right(String),
    /// There is no such class, or a constant has none.
    Class(String),
    /// A condition is not about the rule's constants.
    Condition(String),
    /// Not two numbers.
    Cost(String),
    /// A rule needs something else than `dsp`.
    Needs(String),
    /// The name stands twice.
    Twice(String),
}

/// An error in a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub wrong: Wrong,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {:?}", self.file, self.line, self.wrong)
    }
}

impl std::error::Error for Error {}

/// Reads the rules of one family.
///
/// # Errors
/// See [`Wrong`].
pub fn parse(family: &str, text: &str) -> Result<Vec<Rule>, Error> {
    let at = |line: usize| move |wrong| Error { file: format!("selection/{family}.select"), line, wrong };
    let mut entries: Vec<Vec<(usize, &str, &str)>> = Vec::new();
    for line in synth_lemmas::lines(text) {
        let (number, key, value) = line;
        match (key, entries.last_mut()) {
            ("select", _) => entries.push(vec![line]),
            ("rule" | "class" | "if" | "cost" | "needs" | "source" | "broken", Some(entry)) => entry.push(line),
            _ => return Err(at(number)(Wrong::UnexpectedLine(format!("{key} {value}")))),
        }
    }
    entries.iter().map(|entry| rule(family, entry).map_err(|(line, wrong)| at(line)(wrong))).collect()
}

fn rule(family: &str, entry: &[(usize, &str, &str)]) -> Result<Rule, (usize, Wrong)> {
    let (line, _, name) = entry[0];
    let lines =
        |key: &'static str| entry.iter().filter(move |(_, k, _)| *k == key).map(|(line, _, text)| (*line, *text));
    let need = |key: &'static str| lines(key).next().ok_or((line, Wrong::Missing(key)));
    let term = |line: usize, text: &str| Term::parse(text.trim()).map_err(|e| (line, Wrong::Term(e)));
    let (at, text) = need("rule")?;
    let (left, right) = text.split_once("=>").ok_or((at, Wrong::NoArrow))?;
    let left = left.split(';').map(|text| term(at, text)).collect::<Result<_, _>>()?;
    let class = |(line, text): (usize, &str)| {
        let wrong = || (line, Wrong::Class(text.to_string()));
        let (name, class) = text.split_once(char::is_whitespace).ok_or_else(wrong)?;
        let name = name.strip_prefix('#').ok_or_else(wrong)?;
        Ok((name.to_string(), Class::named(class.trim()).ok_or_else(wrong)?))
    };
    let (at_cost, cost) = need("cost")?;
    let numbers: Option<Vec<u32>> = cost.split_whitespace().map(|n| n.parse().ok()).collect();
    let Some(&[bytes, cycles]) = numbers.as_deref() else { return Err((at_cost, Wrong::Cost(cost.to_string()))) };
    let needs_dsp = match lines("needs").next() {
        None => false,
        Some((_, "dsp")) => true,
        Some((line, what)) => return Err((line, Wrong::Needs(what.to_string()))),
    };
    let rule = Rule {
        name: name.to_string(),
        family: family.to_string(),
        line,
        left,
        right: right.trim().to_string(),
        classes: lines("class").map(class).collect::<Result<_, _>>()?,
        conditions: lines("if").map(|(line, text)| term(line, text)).collect::<Result<_, _>>()?,
        needs_dsp,
        bytes,
        cycles,
        source: need("source")?.1.to_string(),
        broken: need("broken")?.1.to_string(),
    };
    Compiled::new(&rule).map_err(|wrong| (at, wrong))?;
    Compiled::new(&rule.broken_twin()).map_err(|wrong| (line, wrong))?;
    Ok(rule)
}

/// All rules of `synth-lemmas`, by file and line.
///
/// # Errors
/// See [`Wrong`].
pub fn load() -> Result<Vec<Rule>, Error> {
    let mut rules: Vec<Rule> = Vec::new();
    for (family, text) in synth_lemmas::SELECTION {
        for rule in parse(family, text)? {
            if rules.iter().any(|r| r.name == rule.name) {
                let (file, line) = (format!("selection/{family}.select"), rule.line);
                return Err(Error { file, line, wrong: Wrong::Twice(rule.name) });
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

impl Rule {
    /// The broken twin: it must be refuted.
    pub fn broken_twin(&self) -> Rule {
        Rule { name: format!("{}_broken", self.name), right: self.broken.clone(), ..self.clone() }
    }
    /// All that is claimed, in one line: what its proof is about.
    pub fn statement(&self) -> String {
        let left: Vec<String> = self.left.iter().map(Term::to_string).collect();
        let mut text = format!("{}: {} => {}", self.name, left.join(" ; "), self.right);
        self.classes.iter().for_each(|(name, class)| text += &format!(" #{name} {class:?}"));
        self.conditions.iter().for_each(|c| text += &format!(" if {c}"));
        text + &format!(" {} bytes", self.bytes)
    }
    /// Its line in the list of proved rules.
    pub fn listing(&self) -> String {
        let digest = synth_validator::certificate::sha256(self.statement().as_bytes());
        format!("{} {}", &digest[..16], self.name)
    }
    /// Names of operands and constants, in the order of the left side.
    fn names(&self) -> Result<Names, Wrong> {
        let mut sorts = Vec::new();
        for term in &self.left {
            term.sort_with(&mut sorts).map_err(Wrong::Term)?;
        }
        let with = |mark: char| {
            let all = sorts.iter().filter_map(|(name, _)| name.strip_prefix(mark));
            all.map(String::from).collect::<Vec<_>>()
        };
        Ok(Names { operands: with('?'), constants: with('#') })
    }
}

/// Most register operands and constants of a rule.
pub const OPERANDS_MAX: usize = 4;
/// Most constants.
pub const CONSTANTS_MAX: usize = 3;

/// A rule, ready to be matched and to be proved.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Its name.
    pub name: String,
    /// What is selected.
    pub root: Root,
    /// Patterns of the root's operands, in every order.
    orders: Vec<Vec<Pattern>>,
    /// Number of register operands.
    pub operands: usize,
    /// By constant: its class.
    pub classes: Vec<Class>,
    /// Conditions on the constants.
    pub conditions: Vec<Expr>,
    /// The instructions.
    pub template: Template,
    /// Whether it needs the DSP extension.
    pub needs_dsp: bool,
    /// Bytes and cycles.
    pub cost: (u32, u32),
}

impl Compiled {
    /// Checks a rule's form.
    ///
    /// # Errors
    /// See [`Wrong`].
    pub fn new(rule: &Rule) -> Result<Compiled, Wrong> {
        let names = rule.names()?;
        let shown = || rule.statement();
        let (root, orders) = pattern::compile(&rule.left, &names).ok_or_else(|| Wrong::Left(shown()))?;
        let template = Template::parse(&rule.right, &names).map_err(Wrong::Right)?;
        let is_test = matches!(root, Root::Cmp(_) | Root::LessPair(_) | Root::EqPair);
        let few = names.operands.len() <= OPERANDS_MAX && names.constants.len() <= CONSTANTS_MAX;
        if template.is_test != is_test || !few {
            return Err(Wrong::Right(shown()));
        }
        let class = |name: &String| {
            let found = rule.classes.iter().find(|(n, _)| n == name);
            found.map(|(_, class)| *class).ok_or_else(|| Wrong::Class(name.clone()))
        };
        let classes = names.constants.iter().map(class).collect::<Result<Vec<_>, _>>()?;
        if classes.len() != rule.classes.len() {
            return Err(Wrong::Class(shown()));
        }
        let condition = |c: &Term| Expr::new(c, &names.constants).ok_or_else(|| Wrong::Condition(c.to_string()));
        let conditions = rule.conditions.iter().map(condition).collect::<Result<_, _>>()?;
        let cost = (rule.bytes, rule.cycles);
        let (name, operands, needs_dsp) = (rule.name.clone(), names.operands.len(), rule.needs_dsp);
        Ok(Compiled { name, root, orders, operands, classes, conditions, template, needs_dsp, cost })
    }
}

/// A rule with the operands of its left side in one order.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Number of the rule.
    pub rule: u16,
    /// Patterns of the root's operands.
    pub patterns: Vec<Pattern>,
}

/// The rules that selection uses.
#[derive(Clone, Debug)]
pub struct Table {
    /// The rules.
    pub rules: Vec<Compiled>,
    variants: Vec<Variant>,
    /// By root and shapes of its first two operands: the variants that may match.
    candidates: Vec<Vec<u16>>,
    /// Rules that are not in the list of proved ones.
    pub dropped: Vec<String>,
}

impl Table {
    /// The proved rules of `synth-lemmas`.
    pub fn shipped() -> &'static Table {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            let rules = load().expect("invariant: the rules parse, as a test shows");
            Table::new(&rules, synth_lemmas::SELECTION_PROVED)
        })
    }
    /// Those of the given rules that are in the list of proved ones.
    pub fn new(rules: &[Rule], proved: &str) -> Table {
        let proved: BTreeSet<&str> = proved.lines().collect();
        let (kept, dropped): (Vec<&Rule>, Vec<&Rule>) =
            rules.iter().partition(|r| proved.contains(r.listing().as_str()));
        let compiled = |r: &&Rule| Compiled::new(r).expect("invariant: rules are checked when they are read");
        let rules: Vec<Compiled> = kept.iter().map(compiled).collect();
        let variant = |(n, rule): (u16, &Compiled)| -> Vec<Variant> {
            rule.orders.iter().map(|patterns| Variant { rule: n, patterns: patterns.clone() }).collect()
        };
        let variants: Vec<Variant> = (0..).zip(&rules).flat_map(variant).collect();
        let mut candidates = vec![Vec::new(); Root::COUNT * Shape::COUNT * Shape::COUNT];
        let shapes = Shape::all();
        for (n, variant) in (0u16..).zip(&variants) {
            let root = rules[usize::from(variant.rule)].root;
            let admits = |operand: usize, shape: Shape| match variant.patterns.get(operand) {
                Some(pattern) => pattern.admits(shape),
                None => shape == Shape::Plain,
            };
            for a in shapes.iter().filter(|s| admits(0, **s)) {
                for b in shapes.iter().filter(|s| admits(1, **s)) {
                    candidates[place(root, *a, *b)].push(n);
                }
            }
        }
        let dropped = dropped.iter().map(|r| r.name.clone()).collect();
        Table { rules, variants, candidates, dropped }
    }
    /// The variants that may match a root whose first two operands have these shapes; a second one that is absent counts as plain.
    pub fn candidates(&self, root: Root, first: Shape, second: Shape) -> impl Iterator<Item = &Variant> {
        self.candidates[place(root, first, second)].iter().map(|n| &self.variants[usize::from(*n)])
    }
}

fn place(root: Root, first: Shape, second: Shape) -> usize {
    (root.index() * Shape::COUNT + first.index()) * Shape::COUNT + second.index()
}
