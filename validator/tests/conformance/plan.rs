//! All encodings and groups, each with its cases: makes them, runs them on both sides, counts.
//!
//! The subjects are dealt out in fixed chunks, and each draws from a seed of its own, so the number of threads changes
//! nothing.

use super::board::Boot;
use super::case::Case;
use super::compare::{describe, differences};
use super::encodings::{Encodings, Forms, Key};
use super::groups::{self, Members};
use super::model::{self, End, Outcome};
use super::single::{self, Setting};
use super::values::Random;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use synth_validator::arm::encoding::decode;
use synth_validator::arm::insn::{Cond, Op};

/// Seed of everything; printed in the table.
pub const SEED: u32 = 20_260_321;
/// The run stops after so many differences.
const DIFFERENCES_MAX: usize = 20;
/// States tried before a form counts as refused.
const TRIES: usize = 400;
/// One in so many cases of a 32-bit branch has a far target.
const FAR: usize = 400;
/// Threads: while one waits for the emulator, another makes cases.
const THREADS: usize = 2;
/// Subjects dealt out at a time.
const CHUNK: usize = 8;

/// What cases are made of.
pub enum Subject<'a> {
    /// One encoding.
    Encoding(&'a Key, &'a Forms),
    /// Instructions that hand the carry flag on.
    CarryChains,
    /// Straight lines with memory accesses.
    Sequences,
}

/// What was found out about a subject.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases compared.
    pub cases: usize,
    /// Those with the instruction in an IT block.
    pub in_it: usize,
    /// Those that ended by an alignment fault.
    pub faults: usize,
    /// States that the semantics refused and that others were tried for.
    pub retried: usize,
    /// Those that differed.
    pub differences: usize,
    /// Forms tested.
    pub forms: usize,
    /// Forms without a case, and why.
    pub refused: Vec<(String, String)>,
    /// Descriptions of differences.
    pub reports: Vec<String>,
}

/// A change of an outcome, to see that the comparison notices.
pub type Tamper = fn(&mut Outcome);

/// The subjects in the order of the table.
pub fn subjects(encodings: &Encodings) -> Vec<Subject<'_>> {
    let single = encodings.0.iter().map(|(key, forms)| Subject::Encoding(key, forms));
    single.chain([Subject::CarryChains, Subject::Sequences]).collect()
}

/// Runs `cases` cases of each subject.
///
/// # Errors
/// Why the board gave no results.
pub fn run(
    subjects: &[Subject],
    members: &Members,
    cases: usize,
    tamper: Option<Tamper>,
) -> Result<Vec<Tally>, String> {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut done = Vec::new();
        loop {
            let first = CHUNK * next.fetch_add(1, Ordering::Relaxed);
            if first >= subjects.len() || found.load(Ordering::Relaxed) >= DIFFERENCES_MAX {
                return Ok::<_, String>(done);
            }
            let mut worker =
                Worker { members, tamper, boot: Boot::new(), waiting: vec![], found: &found, retried: Cell::new(0) };
            let chunk = &subjects[first..subjects.len().min(first + CHUNK)];
            let mut tallies: Vec<Tally> = chunk.iter().map(|_| Tally::default()).collect();
            for (i, subject) in chunk.iter().enumerate() {
                worker.subject(subject, (first + i) as u32, cases, i, &mut tallies)?;
            }
            worker.flush(&mut tallies)?;
            done.push((first, tallies));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let results = threads.into_iter().map(|t| t.join().expect("invariant: workers do not panic"));
        results.collect::<Result<Vec<_>, String>>()
    })?
    .concat();
    all.sort_by_key(|(first, _)| *first);
    Ok(all.into_iter().flat_map(|(_, tallies)| tallies).collect())
}

struct Worker<'a> {
    members: &'a Members,
    tamper: Option<Tamper>,
    boot: Boot,
    /// Cases of the boot, with the place of their subject in the chunk.
    waiting: Vec<(usize, Case, Outcome)>,
    found: &'a AtomicUsize,
    /// States refused since the last case.
    retried: Cell<usize>,
}

impl Worker<'_> {
    /// Makes the cases of a subject.
    fn subject(
        &mut self,
        subject: &Subject,
        number: u32,
        cases: usize,
        place: usize,
        tallies: &mut [Tally],
    ) -> Result<(), String> {
        let mut random = Random::new(SEED ^ number.wrapping_mul(0x0101_0101));
        if let Subject::Encoding(key, forms) = subject
            && !makes_it(key, forms)
        {
            return self.encoding(key, forms, &mut random, cases, place, tallies);
        }
        tallies[place].forms = 1;
        for i in 0..cases {
            match self.group(subject, &mut random, i) {
                Ok((case, outcome)) => self.add(place, case, outcome, tallies)?,
                Err(why) => return Err(format!("{}: {why}", name(subject))),
            }
        }
        Ok(())
    }

    /// Case `i` of an IT block's mask or of a group.
    fn group(&mut self, subject: &Subject, random: &mut Random, i: usize) -> Result<(Case, Outcome), String> {
        let members = self.members;
        let mut refused = String::new();
        for _ in 0..TRIES {
            let address = self.boot.place(random.one_in(2), false);
            let made = match subject {
                Subject::Encoding(_, forms) => {
                    let codes: Vec<u32> = forms.values().flatten().copied().collect();
                    Ok(groups::it_block(random, members, codes[i % codes.len()], address))
                }
                Subject::CarryChains => Ok(groups::carry_chain(random, members, address)),
                Subject::Sequences => groups::sequence(random, members, address),
            };
            match made.map_err(str::to_string).and_then(|case| self.model(case)) {
                Ok((case, outcome)) => return Ok((Case { text: name(subject), ..case }, outcome)),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// Makes the cases of a single encoding, the same number of each of its forms.
    fn encoding(
        &mut self,
        key: &Key,
        forms: &Forms,
        random: &mut Random,
        cases: usize,
        place: usize,
        tallies: &mut [Tally],
    ) -> Result<(), String> {
        let mut alive = Vec::new();
        for (form, codes) in forms {
            match self.one(key, codes, random, Setting::default()) {
                Ok(made) => {
                    self.add_form(place, form, key, made, tallies)?;
                    alive.push((form, codes));
                }
                Err(why) => {
                    self.retried.set(0);
                    tallies[place].refused.push((form.clone(), why));
                }
            }
        }
        tallies[place].forms = alive.len();
        for i in alive.len()..cases {
            let Some((form, codes)) = alive.get(i % alive.len().max(1)) else { break };
            let far = i % FAR == FAR - 1 && is_wide_branch(codes[0], key.wide);
            if !self.boot.has_room(far) {
                self.flush(tallies)?;
            }
            let in_it = i / alive.len() % 3 == 1 && codes.iter().any(|code| allowed_in_it(*code, key.wide));
            let setting = Setting { in_it, far, ..Setting::default() };
            let made = self.one(key, codes, random, setting);
            let made = made.or_else(|_| self.one(key, codes, random, Setting { in_it: false, ..setting }));
            self.add_form(place, form, key, made.map_err(|why| format!("{form}: {why}"))?, tallies)?;
        }
        Ok(())
    }

    fn add_form(
        &mut self,
        place: usize,
        form: &str,
        key: &Key,
        (case, outcome): (Case, Outcome),
        tallies: &mut [Tally],
    ) -> Result<(), String> {
        let text = format!("{form} ({})", key.pattern());
        self.add(place, Case { text, ..case }, outcome, tallies)
    }

    /// A case that the semantics has a meaning for, at an address of its own.
    fn one(&self, key: &Key, codes: &[u32], random: &mut Random, setting: Setting) -> Result<(Case, Outcome), String> {
        let mut refused = String::new();
        for _ in 0..TRIES {
            let setting = Setting { address: self.boot.place(random.one_in(2), setting.far), ..setting };
            let code = random.pick(codes);
            let made = single::make(random, (code, key.wide), setting);
            match made.map_err(str::to_string).and_then(|case| self.model(case)) {
                Ok(made) => return Ok(made),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    fn model(&self, case: Case) -> Result<(Case, Outcome), String> {
        let mut outcome = model::run(&case).map_err(|why| {
            self.retried.set(self.retried.get() + 1);
            cause(&why)
        })?;
        if let Some(tamper) = self.tamper {
            tamper(&mut outcome);
        }
        Ok((case, outcome))
    }

    fn add(&mut self, place: usize, case: Case, outcome: Outcome, tallies: &mut [Tally]) -> Result<(), String> {
        tallies[place].retried += self.retried.take();
        self.boot.add(&case);
        self.waiting.push((place, case, outcome));
        if self.boot.has_room(false) { Ok(()) } else { self.flush(tallies) }
    }

    /// Boots the board and compares.
    fn flush(&mut self, tallies: &mut [Tally]) -> Result<(), String> {
        if self.boot.is_empty() {
            return Ok(());
        }
        let boot = std::mem::replace(&mut self.boot, Boot::new());
        for ((place, case, outcome), seen) in self.waiting.drain(..).zip(boot.run()?) {
            let tally = &mut tallies[place];
            let found = differences(&case, &outcome, &seen);
            tally.cases += 1;
            tally.in_it += usize::from(case.in_it);
            tally.faults += usize::from(matches!(outcome.end, End::Unaligned(_)));
            if !found.is_empty() {
                tally.differences += 1;
                if self.found.fetch_add(1, Ordering::Relaxed) < DIFFERENCES_MAX {
                    tally.reports.push(describe(&case, &found));
                }
            }
        }
        Ok(())
    }
}

/// The name of a subject in the table.
pub fn name(subject: &Subject) -> String {
    match subject {
        Subject::Encoding(key, _) => key.name.clone(),
        Subject::CarryChains => "carry chains of 2 to 6".to_string(),
        Subject::Sequences => "sequences of 3 to 10, with memory".to_string(),
    }
}

/// Why the decoder or the semantics refuses a case, without the place.
fn cause(why: &str) -> String {
    let why = why.split(", bytes ").next().unwrap_or(why);
    why.rsplit(": ").next().unwrap_or(why).to_string()
}

fn is_wide_branch(code: u32, wide: bool) -> bool {
    wide && matches!(decode(code, wide, 0, false), Some(Op::B { .. }))
}

fn makes_it(key: &Key, forms: &Forms) -> bool {
    let code = forms.values().flatten().next();
    code.is_some_and(|code| matches!(decode(*code, key.wide, 0, false), Some(Op::It { .. })))
}

fn allowed_in_it(code: u32, wide: bool) -> bool {
    match decode(code, wide, 0, true) {
        None | Some(Op::It { .. } | Op::Cbz { .. }) => false,
        Some(Op::B { cond, .. }) => cond == Cond::Al,
        Some(_) => true,
    }
}
