//! Rewrite lemmas as data: one file per operator family under `rules/`, read and checked for form, not for truth.
//!
//! A lemma is a claim `left = right` for all words and booleans, under conditions on its constants:
//!
//! ```text
//! lemma lshr_of_and
//!   rule   (lshr (and ?x #m) #n) => (and (lshr ?x #n) (lshr #m #n))
//!   if     (ult #n 32)
//!   source DDI 0403E, LSR (immediate) and AND (immediate)
//!   broken (and (lshr ?x #n) #m)
//! ```
//!
//! `?x` is any word or boolean, `#m` a constant word; a part of a right side that is made of constants only stands for
//! its value. `=>` may be used from left to right, `<=>` both ways. The name is permanent: certificates cite it.
//! `each #c 3 5 7` says the lemma for these values of a constant only; it is proved for each of them.
//! `use rewrite` gives the lemma to the optimizer only, `use proof` to the prover only, neither line to both; before the first lemma
//! of a file it is the file's default. The widths are those of the operations: 64 bits where one is about pairs of words.
//! The broken twin is the lemma with another right side (`broken`) or with other conditions (`broken_if`, `true` for
//! none); it must be refuted. What a lemma means, and its proof, is the validator's business.

mod term;

pub use term::{Op, Sort, Term, TermError};

/// A named claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lemma {
    /// Permanent name.
    pub name: String,
    /// Operator family: the stem of its file.
    pub family: String,
    /// Line of the name in its file, from 1.
    pub line: usize,
    /// Left pattern.
    pub left: Term,
    /// Right pattern.
    pub right: Term,
    /// Whether it may be used from right to left too.
    pub both_ways: bool,
    /// Conditions on its constants; all must hold.
    pub conditions: Vec<Term>,
    /// A constant and the only values that it may have.
    pub cases: Option<(String, Vec<u32>)>,
    /// Who searches with it.
    pub usage: Usage,
    /// Document and section that say what the operations do.
    pub source: String,
    broken_right: Option<Term>,
    broken_conditions: Option<Vec<Term>>,
}

/// Who searches with a lemma. Whoever checks a proof accepts any lemma that is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The optimizer.
    pub rewrite: bool,
    /// The prover.
    pub proof: bool,
}

impl Usage {
    fn parse(text: &str) -> Option<Usage> {
        match text {
            "rewrite" => Some(Usage { rewrite: true, proof: false }),
            "proof" => Some(Usage { rewrite: false, proof: true }),
            _ => None,
        }
    }
}

impl Lemma {
    /// All that is claimed, in one line: what its proof is about.
    pub fn statement(&self) -> String {
        let arrow = if self.both_ways { "<=>" } else { "=>" };
        let mut text = format!("{}: {} {arrow} {}", self.name, self.left, self.right);
        self.conditions.iter().for_each(|c| text += &format!(" if {c}"));
        if let Some((name, values)) = &self.cases {
            text += &format!(" each #{name}");
            values.iter().for_each(|v| text += &format!(" {v}"));
        }
        text
    }
    /// Width in bits of the widest operation: 64 if it is about pairs of words.
    pub fn width(&self) -> u32 {
        self.left.width().max(self.right.width())
    }
    /// Whether a constant may have this value, as far as `each` says.
    pub fn admits(&self, name: &str, value: u32) -> bool {
        self.cases.as_ref().is_none_or(|(n, values)| n != name || values.contains(&value))
    }
    /// The lemma without its conditions: what a careless author would have claimed.
    pub fn without_conditions(&self) -> Lemma {
        Lemma { conditions: vec![], ..self.clone() }
    }
    /// The broken twin: it must be refuted.
    pub fn broken_twin(&self) -> Lemma {
        let mut twin = self.clone();
        twin.both_ways = false;
        twin.name = format!("{}_broken", self.name);
        if let Some(right) = &self.broken_right {
            twin.right = right.clone();
        }
        if let Some(conditions) = &self.broken_conditions {
            twin.conditions = conditions.clone();
        }
        twin
    }
}

/// What is wrong with a file of lemmas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A line before the first `lemma`, or with an unknown key.
    UnexpectedLine(String),
    /// A term does not parse or has the wrong sorts.
    Term(TermError),
    /// The rule has neither `=>` nor `<=>`.
    NoArrow,
    /// A part is missing.
    Missing(&'static str),
    /// The variables of the right side, or of a condition, do not stand on the left.
    Unbound(String),
    /// The two sides have different sorts.
    Sides,
    /// `use` names no user.
    Usage(String),
    /// `each` names no constant of the left side, or a value is no number.
    Each(String),
    /// `<=>` with a side that cannot be matched.
    OneWayOnly,
    /// The name stands twice.
    Twice(String),
}

/// An error in a file of lemmas.
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

const FILES: [(&str, &str); 13] = [
    ("arithmetic", include_str!("../rules/arithmetic.lemma")),
    ("bit_test", include_str!("../rules/bit_test.lemma")),
    ("bitwise", include_str!("../rules/bitwise.lemma")),
    ("boolean", include_str!("../rules/boolean.lemma")),
    ("compare", include_str!("../rules/compare.lemma")),
    ("constant", include_str!("../rules/constant.lemma")),
    ("division", include_str!("../rules/division.lemma")),
    ("extend", include_str!("../rules/extend.lemma")),
    ("identity", include_str!("../rules/identity.lemma")),
    ("pair", include_str!("../rules/pair.lemma")),
    ("select", include_str!("../rules/select.lemma")),
    ("shift", include_str!("../rules/shift.lemma")),
    ("strength", include_str!("../rules/strength.lemma")),
];

/// The lemmas that are proved, one line for each: the digest of its statement, and its name. A test proves all lemmas and compares.
/// The optimizer searches with these only, so that no lemma needs to be proved anew for each module.
pub const PROVED: &str = include_str!("../rules/proved.list");

/// Rules of instruction selection by family, as text. They are the compiler's: it reads them, and proves them by the validator's
/// semantics. No proof of a compiled function rests on one.
pub const SELECTION: [(&str, &str); 6] = [
    ("arithmetic", include_str!("../selection/arithmetic.select")),
    ("bitwise", include_str!("../selection/bitwise.select")),
    ("compare", include_str!("../selection/compare.select")),
    ("pair", include_str!("../selection/pair.select")),
    ("product", include_str!("../selection/product.select")),
    ("shift", include_str!("../selection/shift.select")),
];

/// The rules that are proved, one line for each, as in [`PROVED`]. Others are not loaded.
pub const SELECTION_PROVED: &str = include_str!("../selection/proved.list");

/// All lemmas, by file and line.
pub fn all() -> Vec<Lemma> {
    load().expect("invariant: the lemmas of this crate parse, as its tests show")
}

/// All lemmas, or the first error.
/// # Errors
/// See [`Wrong`].
pub fn load() -> Result<Vec<Lemma>, Error> {
    let mut lemmas: Vec<Lemma> = Vec::new();
    for (family, text) in FILES {
        for lemma in parse(family, text)? {
            if lemmas.iter().any(|l| l.name == lemma.name) {
                let (file, line) = (format!("rules/{family}.lemma"), lemma.line);
                return Err(Error { file, line, wrong: Wrong::Twice(lemma.name) });
            }
            lemmas.push(lemma);
        }
    }
    Ok(lemmas)
}

/// The lines of a file of entries: number from 1, key, and what stands behind it. Blank lines and comments are left out.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let stated = (1..).zip(text.lines().map(str::trim)).filter(|(_, text)| !text.is_empty() && !text.starts_with("//"));
    stated.map(|(line, text)| {
        let (key, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        (line, key, value.trim())
    })
}

/// Reads the lemmas of one family.
/// # Errors
/// See [`Wrong`].
pub fn parse(family: &str, text: &str) -> Result<Vec<Lemma>, Error> {
    let at = |line: usize| move |wrong| Error { file: format!("rules/{family}.lemma"), line, wrong };
    let mut entries: Vec<Vec<(usize, &str, &str)>> = Vec::new();
    let mut usage = Usage { rewrite: true, proof: true };
    for entry in lines(text) {
        let (line, key, value) = entry;
        match (key, entries.last_mut()) {
            ("lemma", _) => entries.push(vec![entry]),
            ("use", None) => usage = Usage::parse(value).ok_or_else(|| at(line)(Wrong::Usage(value.into())))?,
            ("rule" | "if" | "each" | "use" | "source" | "broken" | "broken_if", Some(last)) => last.push(entry),
            _ => return Err(at(line)(Wrong::UnexpectedLine(format!("{key} {value}")))),
        }
    }
    entries.iter().map(|e| lemma(family, e, usage).map_err(|(line, wrong)| at(line)(wrong))).collect()
}

fn lemma(family: &str, entry: &[(usize, &str, &str)], usage: Usage) -> Result<Lemma, (usize, Wrong)> {
    let (line, _, name) = entry[0];
    let find = |key: &str| entry.iter().find(|(_, k, _)| *k == key).map(|(line, _, text)| (*line, *text));
    let need = |key: &'static str| find(key).ok_or((line, Wrong::Missing(key)));
    let term = |(line, text): (usize, &str)| Term::parse(text).map_err(|e| (line, Wrong::Term(e)));
    let conditions = |key: &str| -> Result<Vec<Term>, (usize, Wrong)> {
        let lines = entry.iter().filter(|(_, k, _)| *k == key);
        lines.map(|(line, _, text)| term((*line, text))).collect()
    };
    let rule = need("rule")?;
    let both_ways = rule.1.contains("<=>");
    let arrow = if both_ways { "<=>" } else { "=>" };
    let (left, right) = rule.1.split_once(arrow).ok_or((rule.0, Wrong::NoArrow))?;
    let (left, right) = (term((rule.0, left))?, term((rule.0, right))?);
    let (broken, broken_if) = (find("broken"), find("broken_if"));
    if broken.is_none() && broken_if.is_none() {
        return Err((line, Wrong::Missing("broken or broken_if")));
    }
    let usage = match find("use") {
        Some((line, text)) => Usage::parse(text).ok_or_else(|| (line, Wrong::Usage(text.to_string())))?,
        None => usage,
    };
    let lemma = Lemma {
        name: name.to_string(),
        family: family.to_string(),
        line,
        left,
        right,
        both_ways,
        conditions: conditions("if")?,
        cases: find("each")
            .map(|(line, text)| each(text).ok_or_else(|| (line, Wrong::Each(text.into()))))
            .transpose()?,
        usage,
        source: need("source")?.1.to_string(),
        broken_right: broken.map(term).transpose()?,
        broken_conditions: broken_if.map(|_| conditions("broken_if")).transpose()?,
    };
    check(&lemma).map_err(|wrong| (rule.0, wrong))?;
    check(&lemma.broken_twin()).map_err(|wrong| (line, wrong))?;
    Ok(lemma)
}

/// A constant and its values: `#c 3 5 7`.
fn each(text: &str) -> Option<(String, Vec<u32>)> {
    let (name, values) = text.split_once(char::is_whitespace)?;
    let value = |word: &str| if let Ok(Term::Const(c)) = Term::parse(word) { Some(c) } else { None };
    let values = values.split_whitespace().map(value).collect::<Option<Vec<_>>>()?;
    Some((name.strip_prefix('#')?.to_string(), values))
}

fn check(lemma: &Lemma) -> Result<(), Wrong> {
    let mut sorts = Vec::new();
    let sort = |t: &Term, sorts: &mut Vec<_>| t.sort_with(sorts).map_err(Wrong::Term);
    let left = sort(&lemma.left, &mut sorts)?;
    let bound = sorts.len();
    if let Some((name, _)) = &lemma.cases
        && !sorts.iter().any(|(n, _)| n.strip_prefix('#') == Some(name))
    {
        return Err(Wrong::Each(name.clone()));
    }
    let right = sort(&lemma.right, &mut sorts)?;
    if lemma.name.is_empty() {
        return Err(Wrong::Missing("name"));
    }
    for condition in &lemma.conditions {
        if sort(condition, &mut sorts)? != Sort::Bool || !condition.is_constant() {
            return Err(Wrong::Unbound(condition.to_string()));
        }
    }
    if let Some((name, _)) = sorts.get(bound) {
        return Err(Wrong::Unbound(name.clone()));
    }
    if left != right {
        return Err(Wrong::Sides);
    }
    let matchable = |t: &Term| matches!(t, Term::Apply(..)) && !t.computes();
    let right_binds = {
        let mut on_right = Vec::new();
        sort(&lemma.right, &mut on_right)?;
        on_right.len() == bound
    };
    if !matchable(&lemma.left) || lemma.both_ways && !(matchable(&lemma.right) && right_binds) {
        return Err(Wrong::OneWayOnly);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_lemmas_parse() {
        let lemmas = load().unwrap_or_else(|e| panic!("{e}"));
        assert!(lemmas.len() >= 40, "{} lemmas", lemmas.len());
    }

    #[test]
    fn errors_name_file_and_line() {
        let check = |text: &str, line: usize, expected: &str| {
            let error = parse("shift", text).expect_err(text);
            assert_eq!((error.file.as_str(), error.line), ("rules/shift.lemma", line), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("rule (add ?x ?y) => ?x", 1, "UnexpectedLine");
        check("lemma a\n\n  rule (add ?x ?y)\n source s\n broken ?x", 3, "NoArrow");
        check("lemma a\n rule (add ?x ?y) => (add ?y ?z)\n source s\n broken ?x", 2, "Unbound");
        check("lemma a\n rule (add ?x ?y) => (eq ?y ?x)\n source s\n broken ?x", 2, "Sides");
        check("lemma a\n rule (plus ?x ?y) => ?x\n source s\n broken ?x", 2, "plus");
        check("lemma a\n rule (add ?x ?y) => (add ?y ?x)\n source s", 1, "Missing");
        check("lemma a\n rule (add ?x ?y) => (add ?y ?x)\n each #c 1\n source s\n broken ?x", 2, "Each");
        check("use nothing", 1, "Usage");
        check("lemma a\n rule (add ?x #c) <=> (add (not #c) ?x)\n source s\n broken ?x", 2, "Term");
        check("lemma a\n rule (add ?x #c) <=> (sub ?x (sub 0 #c))\n source s\n broken ?x", 2, "OneWayOnly");
    }
}
