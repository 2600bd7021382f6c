//! Foreign solvers as processes: each gets obligations as text and has to say `unsat`.
//!
//! A solver is another program, so it may say anything, stop, or never answer. Each process is first and last given a query that has a
//! solution: one that does not call it `sat` both times, or does not end with status 0 then, is not believed at all. Each query is
//! followed by an `echo` of its number and of a digest of what was asked until then, so that answers are not mistaken for those of other
//! queries, nor given before the query was read. If a process with many queries fails, each gets a process of its own. A solver that has
//! no query to answer gets those two alone.
//! The time limit is the solver's own; a process that has said nothing for longer is killed with all that it started, and has failed.
//! So the counts depend on the machine. No verdict and no certificate depends on them.

use super::obligations::{self, Obligation};
use crate::certificate::sha256;
use crate::check_command::printable;
use crate::ladder::Rung;
use crate::validate::Session;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Serialize;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Seconds that a solver gets for one query, unless told otherwise.
pub const LIMIT_SECONDS: u32 = 10;
/// Queries of one process.
const BATCH: usize = 64;
/// What a killed process had above the solver's own limit.
const GRACE: Duration = Duration::from_secs(10);
/// What a process that has failed gets to end by itself, so that it can be said how it ended.
const DYING: Duration = Duration::from_millis(200);
/// Digits of a digest behind an answer.
const DIGEST_DIGITS: usize = 16;
/// Bytes of one line, and lines for one query, that are read.
const LINE_BYTES_MAX: usize = 4096;
const LINES_MAX: usize = 64;
/// Characters of an unexpected answer that are shown.
const SHOWN_CHARS: usize = 200;
/// Failures in a row after which no more is asked.
const FAILURES_MAX: usize = 3;
/// A query that has a solution, in the logic of obligations.
const CONTROL: &str = "(set-logic QF_AUFBV)
(declare-const |memory| (Array (_ BitVec 32) (_ BitVec 8)))
(declare-fun f ((_ BitVec 32)) (_ BitVec 32))
(define-fun t0 () (_ BitVec 32) (f (concat #x000000 (select |memory| #x00000004))))
(assert (= (bvadd t0 #x00000001) #x00000000))
(check-sat)
";
/// Asks for the version. Bitwuzla does not know the command; our script for it says the version unasked.
const VERSION: &str = "(get-info :version)\n";

/// The solvers whose command lines are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Z3.
    Z3,
    /// cvc5.
    Cvc5,
    /// Bitwuzla.
    Bitwuzla,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Z3, Kind::Cvc5, Kind::Bitwuzla];
    /// The name, which is that of its program too.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Z3 => "z3",
            Kind::Cvc5 => "cvc5",
            Kind::Bitwuzla => "bitwuzla",
        }
    }
    /// What a solver is told for a second try.
    fn second_way(self) -> Option<&'static str> {
        // Products and quotients of words are hard for bits and easy for integers.
        (self == Kind::Cvc5).then_some("--solve-bv-as-int=sum")
    }
    fn arguments(self, limit: Duration) -> Vec<String> {
        let ms = limit.as_millis();
        match self {
            Kind::Z3 => vec!["-in".into(), "-smt2".into(), format!("-t:{ms}")],
            Kind::Cvc5 => vec!["--lang=smt2".into(), format!("--tlimit-per={ms}")],
            Kind::Bitwuzla => vec![format!("--time-limit-per={ms}")],
        }
    }
    fn remedy(self) -> &'static str {
        match self {
            Kind::Z3 => "`apt-get install z3` or `pip install z3-solver`",
            Kind::Cvc5 => "`apt-get install cvc5`",
            Kind::Bitwuzla => "`pip install bitwuzla`, and give scripts/bitwuzla-smt2 as its program",
        }
    }
}

/// A solver and the program that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Which.
    pub kind: Kind,
    /// Its program: a name to be looked for in `PATH`, or a path.
    pub program: PathBuf,
}

impl FromStr for Foreign {
    type Err = String;
    /// `NAME` or `NAME=PROGRAM`.
    fn from_str(text: &str) -> Result<Foreign, String> {
        let (name, program) = text.split_once('=').unwrap_or((text, text));
        let kind = Kind::ALL.into_iter().find(|k| k.name() == name);
        match kind {
            Some(kind) if !program.is_empty() => Ok(Foreign { kind, program: program.into() }),
            _ => Err(format!("{text:?} is no solver; known are z3, cvc5 and bitwuzla, each alone or as NAME=PROGRAM")),
        }
    }
}

impl Foreign {
    /// Looks for the program.
    ///
    /// # Errors
    /// It is not there: a sentence with how to install it.
    pub fn find(&self) -> Result<(), String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_path = self.program.components().count() > 1;
        let there = match is_path {
            true => self.program.is_file(),
            false => std::env::split_paths(&path).any(|folder| folder.join(&self.program).is_file()),
        };
        let (name, program) = (self.kind.name(), self.program.display());
        let place = if is_path { "does not exist" } else { "is not in PATH" };
        there.then_some(()).ok_or_else(|| {
            format!("the solver {name} is missing: {program} {place}. Install it with {}", self.kind.remedy())
        })
    }
}

/// What a solver makes of an obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `unsat`: it holds.
    Agrees,
    /// `unknown`: the solver's limit was reached.
    Unknown,
    /// `sat`: it does not hold.
    Disagrees,
    /// No answer, for this reason.
    Failed(String),
}

/// What became of obligations under one solver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Name of the solver.
    pub solver: String,
    /// Its program.
    pub program: PathBuf,
    /// What it says its version is.
    pub version: Option<String>,
    /// Obligations that it was given.
    pub asked: u32,
    /// Those of them that certificates count.
    pub counted: u32,
    /// Obligations that it finds to hold.
    pub agreed: u32,
    /// Names of obligations on which it reached its limit.
    pub unknown: Vec<String>,
    /// Names of obligations that it finds not to hold.
    pub disagreed: Vec<String>,
    /// Names of obligations for which it gave no answer, with the reason.
    pub failed: Vec<(String, String)>,
    /// Why it is not believed, if it had no obligation to fail on.
    pub distrusted: Option<String>,
}

impl Tally {
    /// Whether every obligation got an answer, none of which contradicts the proof, and not all of which are `unknown`. If there is no
    /// obligation, whether the solver is to be believed.
    pub fn is_agreement(&self) -> bool {
        let is_whole = self.disagreed.is_empty() && self.failed.is_empty() && self.distrusted.is_none();
        is_whole && (self.agreed > 0 || self.asked == 0)
    }
}

impl fmt::Display for Tally {
    /// One line of counts, then one for each obligation that is not agreed upon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
        let [unknown, disagreed, failed] = [self.unknown.len(), self.disagreed.len(), self.failed.len()];
        let Tally { solver, asked, agreed, .. } = self;
        write!(
            f,
            "{solver}{version}: {agreed} of {asked} obligations agreed, {unknown} unknown, {disagreed} disagreed, {failed} failed"
        )?;
        self.distrusted.iter().try_for_each(|why| write!(f, "\n  {solver} is not believed: {why}"))?;
        self.disagreed.iter().try_for_each(|id| write!(f, "\n  {id}: {solver} finds that it does not hold"))?;
        self.unknown.iter().try_for_each(|id| write!(f, "\n  {id}: unknown, within {solver}'s limit"))?;
        self.failed.iter().try_for_each(|(id, why)| write!(f, "\n  {id}: {solver} failed: {why}"))
    }
}

/// What is asked, and how.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The solvers.
    pub solvers: &'a [Foreign],
    /// Obligations closed on this rung or above are asked about.
    pub least: Rung,
    /// Time for one query.
    pub limit: Duration,
    /// Folder for the text of what a solver disagrees with or fails on.
    pub keep: Option<&'a Path>,
}

/// Why there are no tallies.
#[derive(Debug)]
pub enum AskError {
    /// A solver is not there; how to install it.
    Missing(String),
    /// Text could not be kept.
    Keep(PathBuf, std::io::Error),
    /// The links of a function cannot be attempted.
    NotAttempted(u32, String),
    /// What was proved cannot be read any more.
    Changed(String),
    /// Fewer obligations were found than the certificate counts: found, counted.
    Missed(u32, u32),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Missing(text) => f.write_str(text),
            AskError::Keep(path, e) => write!(f, "cannot write {}: {e}", path.display()),
            AskError::Changed(why) => write!(f, "the files changed meanwhile: {why}"),
            AskError::Missed(found, counted) => {
                write!(f, "{found} obligations were found, and the certificate counts {counted}")
            }
            AskError::NotAttempted(function, why) => write!(f, "function {function} has no obligations: {why}"),
        }
    }
}

impl std::error::Error for AskError {}

/// Gives the obligations of all functions of a session to solvers. Result: one tally for each solver, in order. `done` is called with
/// the number of obligations after each part.
///
/// # Errors
/// A solver that is missing (before anything is asked), a function that cannot be attempted, or a file that cannot be written.
pub fn ask_all(session: &Session<'_>, plan: &Plan<'_>, done: &dyn Fn(usize)) -> Result<Vec<Tally>, AskError> {
    for solver in plan.solvers {
        solver.find().map_err(AskError::Missing)?;
    }
    if let Some(folder) = plan.keep {
        std::fs::create_dir_all(folder).map_err(|e| AskError::Keep(folder.to_path_buf(), e))?;
    }
    let mut tallies: Vec<Tally> = plan.solvers.iter().map(|s| Tally::of(s)).collect();
    let mut waiting: Vec<Obligation> = Vec::new();
    for function in session.functions() {
        let found = obligations::of(session, function, plan.least);
        waiting.extend(found.map_err(|v| AskError::NotAttempted(function, format!("{}: {}", v.name(), v.detail())))?);
        if waiting.len() >= BATCH {
            ask_some(&mut tallies, &waiting, plan)?;
            done(waiting.len());
            waiting.clear();
        }
    }
    ask_some(&mut tallies, &waiting, plan)?;
    done(waiting.len());
    tallies.iter_mut().zip(plan.solvers).for_each(|(tally, solver)| tally.doubt(solver, plan.limit));
    Ok(tallies)
}

fn ask_some(tallies: &mut [Tally], obligations: &[Obligation], plan: &Plan<'_>) -> Result<(), AskError> {
    std::thread::scope(|scope| {
        let parts: Vec<_> = tallies.iter_mut().zip(plan.solvers).collect();
        let threads: Vec<_> =
            parts.into_iter().map(|(tally, solver)| scope.spawn(|| tally.ask(solver, obligations, plan))).collect();
        let results = threads.into_iter().map(|t| t.join().expect("invariant: asking does not panic"));
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

impl Tally {
    /// A tally in which nothing was asked yet.
    pub fn of(solver: &Foreign) -> Tally {
        Tally { solver: solver.kind.name().to_string(), program: solver.program.clone(), ..Tally::default() }
    }
    fn ask(&mut self, solver: &Foreign, obligations: &[Obligation], plan: &Plan<'_>) -> Result<(), AskError> {
        let texts: Vec<&str> = obligations.iter().map(|o| o.smt2.as_str()).collect();
        let (answers, version) = ask(solver, &texts, plan.limit);
        self.version = self.version.take().or(version);
        for (obligation, answer) in obligations.iter().zip(answers) {
            let id = obligation.id();
            if let (Some(folder), Answer::Disagrees | Answer::Failed(_)) = (plan.keep, &answer) {
                let file = folder.join(&id).with_extension("smt2");
                std::fs::write(&file, &obligation.smt2).map_err(|e| AskError::Keep(file, e))?;
            }
            self.counted += u32::from(obligation.counts);
            self.note(id, answer);
        }
        Ok(())
    }
    /// Starts a solver that was asked nothing, for a solver that is not there says nothing either.
    pub fn doubt(&mut self, solver: &Foreign, limit: Duration) {
        if self.asked == 0 {
            let heard = session(solver, None, &[], limit);
            (self.version, self.distrusted) = (heard.version, heard.trouble);
        }
    }
    /// Notes an answer about the obligation with a name.
    pub fn note(&mut self, id: String, answer: Answer) {
        self.asked += 1;
        match answer {
            Answer::Agrees => self.agreed += 1,
            Answer::Unknown => self.unknown.push(id),
            Answer::Disagrees => self.disagreed.push(id),
            Answer::Failed(why) => self.failed.push((id, why)),
        }
    }
}

/// Asks a solver about texts, about those that it does not answer in a second way, if it knows one. Result: an answer for each, and
/// what the solver says its version is.
pub fn ask(solver: &Foreign, texts: &[&str], limit: Duration) -> (Vec<Answer>, Option<String>) {
    let (mut answers, version) = ask_in(solver, None, texts, limit);
    let is_open = |answer: &Answer| matches!(answer, Answer::Unknown | Answer::Failed(_));
    let open: Vec<usize> = (0..texts.len()).filter(|n| is_open(&answers[*n])).collect();
    if let Some(way) = solver.kind.second_way().filter(|_| !open.is_empty()) {
        let texts: Vec<&str> = open.iter().map(|n| texts[*n]).collect();
        for (n, answer) in open.into_iter().zip(ask_in(solver, Some(way), &texts, limit).0) {
            if !is_open(&answer) {
                answers[n] = answer;
            }
        }
    }
    (answers, version)
}

fn ask_in(solver: &Foreign, way: Option<&str>, texts: &[&str], limit: Duration) -> (Vec<Answer>, Option<String>) {
    let (mut answers, mut version, mut failures) = (Vec::new(), None, 0);
    let mut batch = BATCH;
    while answers.len() < texts.len() {
        if failures >= FAILURES_MAX {
            answers.push(Answer::Failed(format!("not asked: {FAILURES_MAX} failures in a row before")));
            continue;
        }
        let next = &texts[answers.len()..texts.len().min(answers.len() + batch)];
        let heard = session(solver, way, next, limit);
        version = version.or(heard.version);
        match heard.trouble {
            None => {
                answers.extend(heard.answers);
                failures = 0;
            }
            // Which query it was is known only of a process that has no other.
            Some(_) if next.len() > 1 => batch = 1,
            Some(why) => {
                answers.push(Answer::Failed(why));
                failures += 1;
            }
        }
    }
    (answers, version)
}

/// What one process said.
#[derive(Default)]
struct Heard {
    answers: Vec<Answer>,
    version: Option<String>,
    /// Why nothing that it said counts.
    trouble: Option<String>,
}

/// What is read from a process.
enum Event {
    Line(String),
    /// A line that is too long.
    Huge,
}

/// Runs a process with some queries between two controls.
fn session(solver: &Foreign, way: Option<&str>, texts: &[&str], limit: Duration) -> Heard {
    let mut command = Command::new(&solver.program);
    command.args(solver.kind.arguments(limit)).args(way).process_group(0);
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(e) => return Heard { trouble: Some(format!("it does not start: {e}")), ..Heard::default() },
    };
    let (mut input, mut markers) = (String::new(), Vec::new());
    for (number, text) in [CONTROL].iter().chain(texts).chain([&CONTROL]).enumerate() {
        input.push_str(if number > 0 { "(reset)\n" } else { "" });
        // A solver that finds its answer to be another than the status may end without giving it.
        for line in text.lines().filter(|line| !line.starts_with("(set-info :status")) {
            input.push_str(line);
            input.push('\n');
        }
        input.push_str(if number == 0 && solver.kind != Kind::Bitwuzla { VERSION } else { "" });
        markers.push(format!("synth-{number}-{}", &sha256(input.as_bytes())[..DIGEST_DIGITS]));
        input.push_str(&format!("(echo \"{}\")\n", markers[number]));
    }
    input.push_str("(exit)\n");
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(mut stderr)) = pipes else {
        unreachable!("invariant: they were asked for")
    };
    let (send, events) = sync_channel(LINES_MAX);
    let (told, errors) = sync_channel(1);
    // The threads end when the process and all that it started are gone, and with them the other ends of the pipes.
    std::thread::spawn(move || {
        // A process that does not read to the end says so by what it does not answer.
        let _ = stdin.write_all(input.as_bytes());
    });
    std::thread::spawn(move || read_lines(stdout, &send));
    std::thread::spawn(move || {
        let mut first = Vec::new();
        let _ = stderr.by_ref().take(LINE_BYTES_MAX as u64).read_to_end(&mut first);
        let _ = told.send(String::from_utf8_lossy(&first).trim().to_string());
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    });
    let mut heard = listen(&events, &markers, limit);
    let status = end(&mut child, if heard.trouble.is_some() { DYING } else { GRACE });
    if heard.trouble.is_none() && !status.is_some_and(|status| status.success()) {
        heard.trouble = Some("it does not end as it should after its answers".to_string());
    }
    if let Some(trouble) = &mut heard.trouble {
        let said = errors.recv_timeout(GRACE).unwrap_or_default();
        let said = said.lines().next().map(|line| format!(": {}", printable(line))).unwrap_or_default();
        let status = status.map(|s| format!(" ({s}{said})")).unwrap_or_default();
        trouble.push_str(&status);
    }
    heard
}

/// Ends a process and all that it started, after some time. Result: how it ended, if it ended by itself.
fn end(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let pid =
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("invariant: a process has a number above 0");
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let has_ended = || matches!(waitid(WaitId::Pid(pid), options), Ok(Some(_)));
    // One that has closed its output is about to end; how it ends says what went wrong.
    let deadline = Instant::now() + time;
    while !has_ended() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    let by_itself = has_ended();
    // Its number is its own until it is waited for, whether it has ended or not.
    let _ = kill_process_group(pid, Signal::KILL);
    child.wait().ok().filter(|_| by_itself)
}

/// Sends the lines of a stream, up to the end or a line that is too long.
fn read_lines(mut from: impl Read, to: &SyncSender<Event>) {
    let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        for &byte in &buffer[..n] {
            if byte != b'\n' {
                line.push(byte);
                if line.len() <= LINE_BYTES_MAX {
                    continue;
                }
            }
            let text = String::from_utf8_lossy(&line).trim().to_string();
            let event = if line.len() > LINE_BYTES_MAX { Event::Huge } else { Event::Line(text) };
            let is_last = matches!(event, Event::Huge);
            line.clear();
            if to.send(event).is_err() || is_last {
                return;
            }
        }
    }
}

/// Hears what a process says about queries and the controls before and after them. Operand `markers`: what follows each.
fn listen(events: &Receiver<Event>, markers: &[String], limit: Duration) -> Heard {
    let mut heard = Heard::default();
    for (number, marker) in markers.iter().enumerate() {
        let said = match hear(events, marker, limit + GRACE) {
            Ok(said) => said,
            Err(why) => {
                heard.trouble = Some(why);
                return heard;
            }
        };
        if number > 0 && number + 1 < markers.len() {
            heard.answers.push(answer(&said));
            continue;
        }
        let quoted = said.iter().find_map(|l| l.strip_prefix("(:version")?.strip_suffix(')'));
        heard.version = heard.version.or(quoted.map(|v| printable(v.trim().trim_matches('"'))));
        let answers = said.iter().filter(|l| !l.starts_with("(:version")).count();
        match answer(&said) {
            Answer::Disagrees if answers == 1 => {}
            Answer::Disagrees => heard.trouble = Some(format!("on a query that is trivial it says {:?}", shown(&said))),
            Answer::Agrees => heard.trouble = Some("it says unsat to a query that has a solution".to_string()),
            Answer::Unknown => heard.trouble = Some("it says unknown to a query that is trivial".to_string()),
            Answer::Failed(why) => heard.trouble = Some(format!("on a query that is trivial: {why}")),
        }
        if heard.trouble.is_some() {
            return heard;
        }
    }
    heard
}

/// The lines up to the marker.
fn hear(events: &Receiver<Event>, marker: &str, limit: Duration) -> Result<Vec<String>, String> {
    let (mut said, deadline) = (Vec::new(), Instant::now() + limit);
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Line(line)) if line.trim_matches('"') == marker => return Ok(said),
            Ok(Event::Line(_)) if said.len() == LINES_MAX => {
                return Err(format!("it prints more than {LINES_MAX} lines"));
            }
            Ok(Event::Line(line)) if line.is_empty() => {}
            Ok(Event::Line(line)) => said.push(line),
            Ok(Event::Huge) => return Err(format!("it prints a line of more than {LINE_BYTES_MAX} bytes")),
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("it said nothing for {} s and was killed", limit.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(match said.is_empty() {
                    true => "it ended without an answer".to_string(),
                    false => format!("it ended after {:?}", shown(&said)),
                });
            }
        }
    }
}

/// The beginning of lines.
fn shown(said: &[String]) -> String {
    printable(&said.join(" ")).chars().take(SHOWN_CHARS).collect()
}

/// The answer that lines are. `sat` counts whatever else is said.
fn answer(said: &[String]) -> Answer {
    let lines: Vec<&str> = said.iter().map(String::as_str).filter(|l| !l.starts_with("(:version")).collect();
    match lines[..] {
        _ if lines.contains(&"sat") => Answer::Disagrees,
        ["unsat"] => Answer::Agrees,
        ["unknown" | "timeout", ..] => Answer::Unknown,
        [] => Answer::Failed("it says nothing".to_string()),
        _ => Answer::Failed(format!("it says {:?}", shown(said))),
    }
}
