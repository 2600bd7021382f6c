//! Requirements and the tests that cover them, read from comments of the sources, and what is wrong with them.
//!
//! A requirement stands beside what it requires, in a comment of `src` or `validator/src`:
//!
//! ```text
//! /// Requirement TOR-VERDICT-UNKNOWN: a limit that is reached shall give `Unknown`, with the limit's name.
//! ```
//!
//! It goes on until an empty comment line, the next requirement or the end of the comment. A test says what it covers in the comment
//! before it, or a file of tests in its heading, for all its tests:
//!
//! ```text
//! /// Covers TOR-VERDICT-UNKNOWN, TOR-LIMIT-STEPS.
//! #[test]
//! ```
//!
//! Families of requirements are made from tables (`families.rs`); a test covers all of one by its beginning and `*`. Reading is strict:
//! every comment that has an id in it is one of the two forms, or an error with its place. Only lines are looked at, so that a reader
//! can do the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// Beginning of all ids.
const PREFIX: &str = "TOR-";
/// Families that are made from tables; only these may be covered as a whole.
pub const FAMILIES: [&str; 4] = ["TOR-ENC-", "TOR-LEMMA-", "TOR-OP-", "TOR-SELECT-"];
/// Folders whose comments state requirements.
const STATING: [&str; 2] = ["src/", "validator/src/"];
/// The list of all ids that were ever used.
pub const LIST: &str = "docs/requirements.list";

/// Source files by path from the root, with slashes.
pub type Tree = BTreeMap<String, String>;

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// The file, from the root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its permanent id.
    pub id: String,
    /// What is required, as a sentence.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// Where the committed table gives its cases, if it comes from a table.
    pub cases: Option<Cases>,
}

/// Cases of a requirement of a family.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cases {
    /// The file that counts them.
    pub table: String,
    /// How many there are.
    pub count: u64,
    /// How many gave another answer than expected.
    pub differences: u64,
    /// What they are, in words.
    pub what: String,
}

/// A test of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Where its function stands.
    pub place: Place,
    /// The function's name.
    pub name: String,
    /// What its comment says beside what it covers.
    pub about: String,
    /// Ids that it says it covers, families with `*`.
    pub covers: Vec<String>,
}

impl Test {
    /// File and function.
    pub fn id(&self) -> String {
        format!("{}::{}", self.place.file, self.name)
    }
}

/// What is wrong with the requirements, the tests or the list of ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A comment has `TOR-` in it and is neither a requirement nor says what a test covers.
    Malformed(Place, String),
    /// An id is stated twice.
    Twice(Place, String),
    /// A comment that says what is covered stands at no test: the test was removed, or renamed together with its comment's place.
    Stale(Place),
    /// A test covers what is not required.
    UnknownId(Place, String),
    /// No test covers a requirement.
    Uncovered(Place, String),
    /// An id of the list is stated no more and not withdrawn there.
    Vanished(String),
    /// A stated id is not in the list.
    Unlisted(Place, String),
    /// An id is stated that the list says is withdrawn.
    Withdrawn(Place, String),
    /// A line of the list is malformed or repeats an id.
    ListLine(usize, String),
    /// A requirement of a family has no row in the table that counts its cases, or a row with differences.
    NoCases(String, String),
    /// A row of a table belongs to no requirement.
    OrphanRow(String, String),
    /// A table cannot be read.
    Table(String, String),
    /// The validator names an assumption about which nothing is required.
    Assumption(Place, String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Malformed(at, what) => write!(f, "{at}: {what}"),
            Problem::Twice(at, id) => write!(f, "{at}: {id} is stated a second time"),
            Problem::Stale(at) => write!(f, "{at}: no test follows the comment that says what is covered"),
            Problem::UnknownId(at, id) => write!(f, "{at}: {id} is covered, but nothing states it"),
            Problem::Uncovered(at, id) => write!(f, "{at}: no test covers {id}"),
            Problem::Vanished(id) => {
                write!(f, "{LIST}: {id} is stated no more; state it again, or write `{id} withdrawn: REASON`")
            }
            Problem::Unlisted(at, id) => {
                write!(f, "{at}: {id} is not in {LIST}; `BLESS=1 cargo test --test release` adds it")
            }
            Problem::Withdrawn(at, id) => write!(f, "{at}: {id} is stated, but {LIST} says that it is withdrawn"),
            Problem::ListLine(line, what) => write!(f, "{LIST}:{line}: {what}"),
            Problem::NoCases(id, why) => write!(f, "{id}: {why}"),
            Problem::OrphanRow(table, row) => write!(f, "{table}: the row `{row}` belongs to no requirement"),
            Problem::Table(table, why) => write!(f, "{table}: {why}"),
            Problem::Assumption(at, name) => {
                write!(f, "{at}: verdicts may name {name}, and nothing states {}", assumption_id(name))
            }
        }
    }
}

/// Requirements and tests as they stand in comments.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// Requirements, by file and line.
    pub requirements: Vec<Requirement>,
    /// Tests, by file and line.
    pub tests: Vec<Test>,
    /// What is wrong with their form.
    pub problems: Vec<Problem>,
}

/// Reads the Rust sources, tables and lists below `root`.
///
/// # Errors
/// A file or folder cannot be read.
pub fn read_tree(root: &Path) -> std::io::Result<Tree> {
    let mut tree = Tree::new();
    for folder in ["src", "validator/src", "validator/tests", "tests", "lemmas/src"] {
        read_folder(root, folder, &["rs"], &mut tree)?;
    }
    read_folder(root, "docs/conformance", &["md"], &mut tree)?;
    for folder in ["lemmas/rules", "lemmas/selection"] {
        read_folder(root, folder, &["lemma", "select", "list"], &mut tree)?;
    }
    for path in [LIST, super::quality::DOCUMENT] {
        let file = root.join(path);
        if file.is_file() {
            tree.insert(path.to_string(), std::fs::read_to_string(file)?);
        }
    }
    Ok(tree)
}

fn read_folder(root: &Path, folder: &str, kinds: &[&str], tree: &mut Tree) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            read_folder(root, &path, kinds, tree)?;
        } else if name.rsplit_once('.').is_some_and(|(_, kind)| kinds.contains(&kind)) {
            tree.insert(path, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// Whether a file may have tests.
fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// A comment line's marker and text.
fn comment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let marker = ["//!", "///", "//"].into_iter().find(|m| line.starts_with(m))?;
    Some((marker, line[marker.len()..].trim()))
}

/// A stretch of comment that belongs together: where it starts, its marker, its lines joined.
struct Paragraph {
    line: usize,
    last: usize,
    marker: String,
    text: String,
}

/// Paragraphs of the comments of a file: ended by an empty line, another marker, or the beginning of a new entry.
fn paragraphs(text: &str) -> Vec<Paragraph> {
    let mut found: Vec<Paragraph> = Vec::new();
    let mut open = false;
    let mut fenced = false;
    for (line, content) in (1..).zip(text.lines()) {
        let Some((marker, text)) = comment(content) else {
            open = false;
            continue;
        };
        if text.starts_with("```") {
            fenced = !fenced;
            open = false;
            continue;
        }
        if fenced {
            continue;
        }
        if text.is_empty() {
            open = false;
            continue;
        }
        let begins = text.starts_with("Requirement ") || text.starts_with("Covers ");
        match found.last_mut() {
            Some(last) if open && !begins && last.marker == marker => {
                last.text.push(' ');
                last.text.push_str(text);
                last.last = line;
            }
            _ => found.push(Paragraph { line, last: line, marker: marker.to_string(), text: text.to_string() }),
        }
        open = true;
    }
    found
}

/// Whether a text speaks of a requirement.
fn mentions_id(text: &str) -> bool {
    text.match_indices(PREFIX).any(|(at, _)| text[at + PREFIX.len()..].starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Whether an id that is stated by hand is well formed: `TOR-`, then words of capitals and digits.
fn is_id(id: &str) -> bool {
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    id.strip_prefix(PREFIX).is_some_and(|rest| rest.split('-').all(word))
        && !FAMILIES.iter().any(|family| id.starts_with(family))
}

fn requirement(paragraph: &Paragraph, file: &str) -> Result<Requirement, String> {
    let rest = paragraph.text.strip_prefix("Requirement ").unwrap_or_default();
    let (id, text) = rest.split_once(": ").ok_or("a requirement is `Requirement TOR-…: text.`")?;
    if !is_id(id) {
        return Err(format!(
            "`{id}` is no id: TOR- and words of capitals and digits, none of a family made from a table"
        ));
    }
    if !text.contains(" shall ") {
        return Err(format!("{id} does not say what shall be"));
    }
    if !text.ends_with('.') || mentions_id(text) {
        return Err(format!("{id} has to be sentences without other ids, up to a full stop"));
    }
    let place = Place { file: file.to_string(), line: paragraph.line };
    Ok(Requirement { id: id.to_string(), text: text.to_string(), place, cases: None })
}

fn covers(paragraph: &Paragraph) -> Result<Vec<String>, String> {
    const FORM: &str = "what a test covers is `Covers TOR-…, TOR-….`";
    let ids = paragraph.text.strip_prefix("Covers ").and_then(|t| t.strip_suffix('.')).ok_or(FORM)?;
    let ids: Vec<String> = ids.split(", ").map(String::from).collect();
    let family = |id: &str| id.strip_suffix('*').is_some_and(|f| FAMILIES.contains(&f));
    match ids.iter().find(|id| !is_id(id) && !family(id)) {
        Some(wrong) => Err(format!("{FORM}, and `{wrong}` is no id")),
        None => Ok(ids),
    }
}

/// The id of the requirement about an assumption.
pub fn assumption_id(name: &str) -> String {
    format!("{PREFIX}ASSUME-{}", name.trim_start_matches("A-"))
}

/// Assumptions that the validator's code names, with their first places.
fn assumptions(tree: &Tree) -> BTreeMap<String, Place> {
    let mut found = BTreeMap::new();
    for (file, text) in tree.iter().filter(|(file, _)| file.starts_with("validator/src/") && is_rust(file)) {
        for (line, content) in (1..).zip(text.lines()).filter(|(_, l)| comment(l).is_none()) {
            for rest in content.split("\"A-").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
                if end > 0 {
                    found.entry(format!("A-{}", &rest[..end])).or_insert(Place { file: file.clone(), line });
                }
            }
        }
    }
    found
}

/// The name in `fn name(`.
fn function_name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

/// Tests of a file with what they cover; and the last lines of comments that stand at one.
fn tests_of(
    file: &str,
    text: &str,
    covering: &[(usize, usize, Vec<String>)],
    heading: &[String],
) -> (Vec<Test>, BTreeSet<usize>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut tests = Vec::new();
    let mut placed = BTreeSet::new();
    for (at, _) in lines.iter().enumerate().filter(|(_, l)| l.trim() == "#[test]") {
        let Some((down, name)) = lines[at..].iter().enumerate().find_map(|(d, l)| Some((d, function_name(l)?))) else {
            continue;
        };
        let is_head = |l: &&&str| l.trim_start().starts_with("///") || l.trim_start().starts_with("#[");
        let above = lines[..at].iter().rev().take_while(is_head).count();
        let (from, to) = (at - above + 1, at + down + 1);
        let mut ids: Vec<String> = heading.to_vec();
        for (first, _, covered) in covering.iter().filter(|(first, last, _)| from <= *first && *last <= to) {
            placed.insert(*first);
            ids.extend(covered.iter().cloned());
        }
        let about = lines[from - 1..to].iter().filter_map(|l| l.trim_start().strip_prefix("///"));
        let about: Vec<&str> = about.map(str::trim).collect();
        let about = about.join(" ");
        let about = about.split("Covers TOR-").next().unwrap_or_default().trim().to_string();
        tests.push(Test {
            place: Place { file: file.to_string(), line: to },
            name: name.to_string(),
            about,
            covers: ids,
        });
    }
    (tests, placed)
}

/// Reads requirements and tests from the sources.
pub fn read(tree: &Tree) -> Stated {
    let mut stated = Stated::default();
    for (file, text) in tree.iter().filter(|(file, _)| is_rust(file)) {
        let states = STATING.iter().any(|folder| file.starts_with(folder));
        let (mut heading, mut covering) = (Vec::new(), Vec::new());
        let mut headings = Vec::new();
        for paragraph in paragraphs(text).iter().filter(|p| mentions_id(&p.text)) {
            let place = Place { file: file.clone(), line: paragraph.line };
            let malformed = |what: String| Problem::Malformed(place.clone(), what);
            if paragraph.text.starts_with("Requirement ") && states {
                match requirement(paragraph, file) {
                    Ok(requirement) => stated.requirements.push(requirement),
                    Err(what) => stated.problems.push(malformed(what)),
                }
            } else if paragraph.text.starts_with("Covers ") {
                match covers(paragraph) {
                    Ok(ids) if paragraph.marker == "//!" => {
                        headings.push(place.clone());
                        heading.extend(ids);
                    }
                    Ok(ids) => covering.push((paragraph.line, paragraph.last, ids)),
                    Err(what) => stated.problems.push(malformed(what)),
                }
            } else {
                let what =
                    format!("`{PREFIX}` stands in a comment that is neither a requirement nor says what a test covers");
                stated.problems.push(malformed(what));
            }
        }
        let (tests, placed) = tests_of(file, text, &covering, &heading);
        let stale = covering.iter().filter(|(first, ..)| !placed.contains(first));
        stated.problems.extend(stale.map(|(line, ..)| Problem::Stale(Place { file: file.clone(), line: *line })));
        if tests.is_empty() {
            stated.problems.extend(headings.into_iter().map(Problem::Stale));
        }
        stated.tests.extend(tests);
    }
    stated
}

/// An entry of the list of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// Why it is withdrawn, if it is.
    pub withdrawn: Option<String>,
}

/// Reads the list of ids: one a line, in order; `ID withdrawn: REASON` for those that are no longer required.
pub fn read_list(text: &str) -> (Vec<Listed>, Vec<Problem>) {
    let (mut list, mut problems): (Vec<Listed>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (line, content) in (1..).zip(text.lines()).filter(|(_, l)| !l.starts_with('#')) {
        let (id, rest) = content.split_once(' ').unwrap_or((content, ""));
        let withdrawn = rest.strip_prefix("withdrawn: ").filter(|reason| !reason.trim().is_empty());
        if !id.starts_with(PREFIX) || !rest.is_empty() && withdrawn.is_none() {
            problems.push(Problem::ListLine(line, "a line is `ID` or `ID withdrawn: REASON`".to_string()));
        } else if list.iter().any(|l| l.id == id) {
            problems.push(Problem::ListLine(line, format!("{id} stands twice")));
        } else {
            list.push(Listed { id: id.to_string(), withdrawn: withdrawn.map(String::from) });
        }
    }
    (list, problems)
}

/// The list with the ids that are not in it yet.
pub fn extended_list(text: &str, requirements: &[Requirement]) -> String {
    let (mut list, _) = read_list(text);
    for requirement in requirements {
        if !list.iter().any(|l| l.id == requirement.id) {
            list.push(Listed { id: requirement.id.clone(), withdrawn: None });
        }
    }
    list.sort_by(|a, b| a.id.cmp(&b.id));
    let head = "# All ids of requirements that were ever used. None is removed or given to something else; `cargo test --test release` compares.\n\
                # A line `ID withdrawn: REASON` is for what is no longer required.\n";
    list.iter().fold(head.to_string(), |text, l| match &l.withdrawn {
        Some(reason) => text + &format!("{} withdrawn: {reason}\n", l.id),
        None => text + &format!("{}\n", l.id),
    })
}

/// Links both ways, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// All requirements, by id.
    pub requirements: Vec<Requirement>,
    /// All tests of the sources, by file and line.
    pub tests: Vec<Test>,
    /// By requirement: indices of its tests.
    pub tests_of: Vec<Vec<usize>>,
    /// By test: indices of the requirements that it covers.
    pub requirements_of: Vec<Vec<usize>>,
    /// Ids that are no longer required, with the reason.
    pub withdrawn: Vec<Listed>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Links requirements and tests and compares with the list of ids.
pub fn trace(tree: &Tree) -> Traced {
    let Stated { mut requirements, tests, mut problems } = read(tree);
    let made = super::families::read(tree);
    requirements.extend(made.requirements);
    problems.extend(made.problems);
    requirements.sort_by(|a, b| (&a.id, &a.place).cmp(&(&b.id, &b.place)));
    let twice = requirements.windows(2).filter(|w| w[0].id == w[1].id);
    problems.extend(twice.map(|w| Problem::Twice(w[1].place.clone(), w[1].id.clone())));
    requirements.dedup_by(|b, a| a.id == b.id);

    let mut tests_of = vec![Vec::new(); requirements.len()];
    let mut requirements_of = vec![Vec::new(); tests.len()];
    for (number, test) in tests.iter().enumerate() {
        for covered in &test.covers {
            let of: Vec<usize> = match covered.strip_suffix('*') {
                Some(family) => (0..requirements.len()).filter(|i| requirements[*i].id.starts_with(family)).collect(),
                None => requirements.binary_search_by(|r| r.id.as_str().cmp(covered)).into_iter().collect(),
            };
            if of.is_empty() {
                problems.push(Problem::UnknownId(test.place.clone(), covered.clone()));
            }
            for i in of {
                if !tests_of[i].contains(&number) {
                    tests_of[i].push(number);
                    requirements_of[number].push(i);
                }
            }
        }
    }
    for (requirement, tests) in requirements.iter().zip(&tests_of) {
        if tests.is_empty() {
            problems.push(Problem::Uncovered(requirement.place.clone(), requirement.id.clone()));
        }
    }

    for (name, place) in assumptions(tree) {
        if !requirements.iter().any(|r| r.id == assumption_id(&name)) {
            problems.push(Problem::Assumption(place, name));
        }
    }

    let (list, wrong) = read_list(tree.get(LIST).map(String::as_str).unwrap_or_default());
    problems.extend(wrong);
    let listed: BTreeMap<&str, &Listed> = list.iter().map(|l| (l.id.as_str(), l)).collect();
    for requirement in &requirements {
        let (place, id) = (requirement.place.clone(), requirement.id.clone());
        match listed.get(id.as_str()) {
            None => problems.push(Problem::Unlisted(place, id)),
            Some(listed) if listed.withdrawn.is_some() => problems.push(Problem::Withdrawn(place, id)),
            Some(_) => {}
        }
    }
    let stated: BTreeSet<&str> = requirements.iter().map(|r| r.id.as_str()).collect();
    let gone = list.iter().filter(|l| l.withdrawn.is_none() && !stated.contains(l.id.as_str()));
    problems.extend(gone.map(|l| Problem::Vanished(l.id.clone())));
    problems.sort();
    let withdrawn = list.into_iter().filter(|l| l.withdrawn.is_some()).collect();
    Traced { requirements, tests, tests_of, requirements_of, withdrawn, problems }
}
