//! Which words at functions' borders are host addresses: what the user asks for, what the module's custom section `synth.abi` says, and
//! what follows from both for functions within the module.
//!
//! `synth.abi` holds text, one request a line, as the command line takes them: `FUNCTION:PARAMETER`, `FUNCTION:result` or `all`.
//! A parameter of a function that is not exported is a host address if every call passes one (or null). `all` makes those parameters of
//! exported functions host addresses through which something is accessed. What the words then mean is the validator's
//! ([`synth_validator::wasm::provenance`]); here it is seen to that it is what the user means, and errors say what else to do.

use crate::error::CompileError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use synth_validator::contract::Native;
use synth_validator::wasm::module::{ExportKind, Module};
use synth_validator::wasm::provenance::{self, Followed, Origin, Passed, Source, Target, follow, value_of};
use synth_validator::wasm::reader;
use synth_validator::wasm::relocations::{self, Relocations};
use wasmparser::{Parser, Payload};

/// The custom section.
pub const SECTION: &str = "synth.abi";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// All parameters of exported functions through which something is accessed.
    All,
    /// A parameter of the function with this name.
    Param(String, u32),
    /// The only result of the function with this name.
    Result(String),
    /// Every address: linear memory is a part of the host's memory.
    Everything,
}

impl FromStr for Request {
    type Err = String;
    fn from_str(text: &str) -> Result<Request, String> {
        if text == "all" {
            return Ok(Request::All);
        }
        let parts = text.rsplit_once(':').filter(|(name, _)| !name.is_empty());
        match parts.map(|(name, word)| (name.to_string(), word)) {
            Some((name, "result")) => Ok(Request::Result(name)),
            Some((name, word)) if word.parse::<u32>().is_ok() => Ok(Request::Param(name, word.parse().unwrap_or(0))),
            _ => Err(format!("{text:?} is not FUNCTION:PARAMETER (counted from 0), FUNCTION:result or all")),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::All => write!(f, "all"),
            Request::Param(name, n) => write!(f, "{name}:{n}"),
            Request::Result(name) => write!(f, "{name}:result"),
            Request::Everything => write!(f, "--linear-memory-base 0"),
        }
    }
}

/// Something to look at that is no error.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Remark {
    /// Function index (imports first).
    pub function: u32,
    /// Byte offset in the module.
    pub offset: u32,
    /// What it is.
    pub text: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The words.
    pub native: BTreeSet<Native>,
    /// Byte offsets of the accesses that have host addresses.
    pub host_accesses: BTreeSet<u32>,
    /// Which numbers are addresses in linear memory, if every address is the host's.
    pub relocations: Relocations,
    /// Remarks, by function and offset.
    pub remarks: Vec<Remark>,
}

/// Finds the host addresses of a valid module.
///
/// # Errors
/// Requests that name nothing or no `i32`; an access, call or function of which it cannot be said whose address it has or gets.
pub fn find(bytes: &[u8], requests: &[Request]) -> Result<Found, CompileError> {
    let mut requests = requests.to_vec();
    requests.extend(section(bytes)?);
    let module = reader::read(bytes)
        .map_err(|e| CompileError::Malformed { offset: e.offset as u64, message: e.message.clone() })?;
    let takes_addresses = module.globals.iter().any(|g| g.import.is_some() && !g.mutable);
    if requests.is_empty() && !takes_addresses {
        return Ok(Found::default());
    }
    if requests.contains(&Request::Everything) {
        return everything(&module, bytes);
    }
    let asked = asked(&module, bytes, &requests)?;
    let (native, followed) = closed(&module, bytes, &asked);
    let all = Words { module: &module, asked: &asked, native: &native, followed: &followed };
    all.check()?;
    let host_accesses = followed.values().flat_map(|f| f.host.keys()).copied().collect();
    Ok(Found { remarks: all.remarks(), native, host_accesses, relocations: Relocations::default() })
}

/// Every address as a host address.
fn everything(module: &Module, bytes: &[u8]) -> Result<Found, CompileError> {
    let relocations = relocations::read(module, bytes).map_err(|e| {
        let remedy = "link with wasm-ld --emit-relocs and change nothing afterwards, or name the parameters that are pointers with \
                      --native-pointer";
        error(None, Some(e.offset as u64), e.message, remedy.to_string())
    })?;
    let native = BTreeSet::from([Native::Everything]);
    let host_accesses = provenance::host_accesses(module, bytes, &native).map_err(|open| {
        let remedy = "leave it out or name the pointers with --native-pointer".to_string();
        error(Some(open.func), Some(open.offset.into()), open.to_string(), remedy)
    })?;
    Ok(Found { native, host_accesses, relocations, remarks: Vec::new() })
}

/// The requests in the module.
fn section(bytes: &[u8]) -> Result<Vec<Request>, CompileError> {
    let mut requests = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CustomSection(section) = payload? else { continue };
        if section.name() != SECTION {
            continue;
        }
        let offset = section.data_offset() as u64;
        let wrong = |what: String| error(None, Some(offset), what, "mend what writes the section".to_string());
        let text = std::str::from_utf8(section.data()).map_err(|_| wrong(format!("section {SECTION} is no text")))?;
        for line in text.split(['\n', '\0']).map(str::trim).filter(|line| !line.is_empty()) {
            requests.push(line.parse().map_err(|e| wrong(format!("section {SECTION}: {e}")))?);
        }
    }
    Ok(requests)
}

fn error(function: Option<u32>, offset: Option<u64>, what: String, remedy: String) -> CompileError {
    CompileError::Border { function, offset, what, remedy }
}

/// The words that requests name.
fn asked(module: &Module, bytes: &[u8], requests: &[Request]) -> Result<BTreeSet<Native>, CompileError> {
    let mut asked = BTreeSet::new();
    for request in requests {
        let native = match request {
            Request::All => continue,
            Request::Everything => Native::Everything,
            Request::Param(name, n) => Native::Param(function(module, name)?, *n),
            Request::Result(name) => Native::Result(function(module, name)?, 0),
        };
        if !provenance::fits(module, native) {
            let (Native::Param(func, _) | Native::Result(func, _)) = native else { continue };
            let remedy = "parameters are counted from 0, and only an i32 can be an address".to_string();
            return Err(error(Some(func), None, format!("{request} is no i32 of the function's type"), remedy));
        }
        asked.insert(native);
    }
    if requests.contains(&Request::All) {
        asked.extend(accessed(module, bytes)?);
    }
    Ok(asked)
}

/// The function with this name: an export's, its own or an import's field.
fn function(module: &Module, name: &str) -> Result<u32, CompileError> {
    let exported = module.exports.iter().find(|e| e.kind == ExportKind::Function && e.name == name);
    let all = 0..module.functions.len() as u32;
    let named = || all.clone().find(|f| module.display_name(*f) == name);
    let field = |f: &u32| module.functions[*f as usize].import.as_ref().is_some_and(|i| i.field == name);
    let found = exported.map(|e| e.index).or_else(named).or_else(|| all.clone().find(field));
    found.ok_or_else(|| CompileError::NoFunction { name: name.to_string() })
}

fn is_exported(module: &Module, func: u32) -> bool {
    module.exports.iter().any(|e| e.kind == ExportKind::Function && e.index == func)
}

/// Parameters of exported functions through which something is accessed, there or in a function that gets them.
fn accessed(module: &Module, bytes: &[u8]) -> Result<BTreeSet<Native>, CompileError> {
    let exported = (module.imported_functions()..module.functions.len() as u32).filter(|f| is_exported(module, *f));
    let params = |f: u32| (0..module.type_of(f).params.len() as u32).map(move |n| Native::Param(f, n));
    let every: BTreeSet<Native> = exported.flat_map(params).filter(|n| provenance::fits(module, *n)).collect();
    let (_, followed) = closed(module, bytes, &every);
    if let Some(open) = followed.values().flat_map(|f| &f.ambiguous).next() {
        let what = format!("which parameters are host addresses cannot be inferred: {open}");
        let remedy = "name them one by one instead of `all`".to_string();
        return Err(error(Some(open.func), Some(open.offset.into()), what, remedy));
    }
    let param = |func: u32, source: Source| match source {
        Source::Param(n) => Some(Native::Param(func, n)),
        _ => None,
    };
    let direct = followed.iter().flat_map(|(func, f)| f.host.values().filter_map(|s| param(*func, *s)));
    let mut pointers: BTreeSet<Native> = direct.collect();
    loop {
        let before = pointers.len();
        for (func, found) in &followed {
            for Passed { callee, word, origin, .. } in &found.passed {
                if let (Target::Function(callee), Origin::Host(source)) = (callee, origin)
                    && param_of(module, *callee, *word).is_some_and(|p| pointers.contains(&p))
                {
                    pointers.extend(param(*func, *source));
                }
            }
        }
        if pointers.len() == before {
            break;
        }
    }
    Ok(pointers.intersection(&every).copied().collect())
}

/// With the parameters of other functions to which host addresses are passed.
fn closed(module: &Module, bytes: &[u8], asked: &BTreeSet<Native>) -> (BTreeSet<Native>, BTreeMap<u32, Followed>) {
    let mut native = asked.clone();
    loop {
        let followed = follow(module, bytes, &native);
        let passed = followed.values().flat_map(|f| &f.passed).filter(|p| matches!(p.origin, Origin::Host(_)));
        let params = passed.filter_map(|p| match p.callee {
            Target::Function(func) if module.functions[func as usize].import.is_none() => {
                param_of(module, func, p.word)
            }
            _ => None,
        });
        let more: BTreeSet<Native> = params.filter(|p| !native.contains(p)).collect();
        if more.is_empty() {
            return (native, followed);
        }
        native.extend(more);
    }
}

fn param_of(module: &Module, func: u32, word: u32) -> Option<Native> {
    let native = Native::Param(func, value_of(&module.type_of(func).params, word)?);
    provenance::fits(module, native).then_some(native)
}

/// Everything that is known.
struct Words<'a> {
    module: &'a Module,
    asked: &'a BTreeSet<Native>,
    native: &'a BTreeSet<Native>,
    followed: &'a BTreeMap<u32, Followed>,
}

impl Words<'_> {
    fn check(&self) -> Result<(), CompileError> {
        for (func, followed) in self.followed {
            if let Some(open) = followed.ambiguous.first() {
                let what = open.to_string();
                let remedy = "give each access one kind of address, for example by a function of its own for each kind";
                return Err(error(Some(*func), Some(open.offset.into()), what, remedy.to_string()));
            }
            for passed in &followed.passed {
                self.call(*func, passed)?;
            }
        }
        let Some(open) = provenance::disagreement(self.module, self.native, self.followed) else { return Ok(()) };
        let remedy =
            "let one function take or return host addresses, and another numbers and linear memory's addresses";
        Err(error(Some(open.func), Some(open.offset.into()), open.to_string(), remedy.to_string()))
    }

    /// Caller and callee agree on what an argument is.
    fn call(&self, caller: u32, passed: &Passed) -> Result<(), CompileError> {
        let module = self.module;
        let wrong = |what: String, remedy: String| Err(error(Some(caller), Some(passed.offset.into()), what, remedy));
        let is_host = matches!(passed.origin, Origin::Host(_));
        let callee = match passed.callee {
            Target::Function(func) if module.functions[func as usize].import.is_some() => return Ok(()),
            Target::Function(func) => func,
            Target::Table(..) => {
                for func in passed.callee.own(module).into_iter().filter(|_| is_host) {
                    let Some(Native::Param(_, n)) = param_of(module, func, passed.word) else { continue };
                    if !self.native.contains(&Native::Param(func, n)) {
                        let name = module.display_name(func);
                        return wrong(
                            format!(
                                "a host address is passed through a table that has {name}, for which parameter {n} is none"
                            ),
                            format!("add --native-pointer {name}:{n}"),
                        );
                    }
                }
                return Ok(());
            }
        };
        let Some(param @ Native::Param(_, n)) = param_of(module, callee, passed.word) else { return Ok(()) };
        let name = module.display_name(callee);
        let asked = self.asked.contains(&param);
        if is_host && !asked && is_exported(module, callee) {
            return wrong(
                format!("a host address is passed as parameter {n} of {name}, which is exported and takes none there"),
                format!("add --native-pointer {name}:{n}"),
            );
        }
        if !self.native.contains(&param) {
            return Ok(());
        }
        match passed.origin {
            Origin::Host(_) | Origin::Zero | Origin::Never => Ok(()),
            Origin::Number if asked => Ok(()),
            origin => {
                let other = match origin {
                    Origin::Global => "an address of the module's own stack",
                    Origin::Number => "a number or an address of linear memory",
                    _ => "something computed from a host address otherwise than by adding",
                };
                let why = if asked { "was named" } else { "other calls pass" };
                wrong(
                    format!("{other} is passed as parameter {n} of {name}, which {why} as a host address"),
                    "let one function take host addresses and another linear memory's".to_string(),
                )
            }
        }
    }

    fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        for (func, followed) in self.followed {
            remarks.extend(followed.kept.iter().map(|offset| Remark {
                function: *func,
                offset: *offset,
                text: "a host address is kept in linear memory or a global: loaded from there it is a number, and accesses through it \
                       go to linear memory"
                    .to_string(),
            }));
        }
        let used = |func: u32, n: u32| {
            let Some(followed) = self.followed.get(&func) else { return true };
            let is = |s: &Source| *s == Source::Param(n);
            followed.host.values().any(is)
                || followed.passed.iter().any(|p| matches!(&p.origin, Origin::Host(s) if is(s)))
                || followed.results.iter().any(|o| matches!(o, Origin::Host(s) if is(s)))
        };
        for native in self.asked {
            if let Native::Param(func, n) = *native
                && !used(func, n)
            {
                let text = format!("nothing is accessed through parameter {n}, which was named as a host address");
                let offset = self.module.functions[func as usize].body.start as u32;
                remarks.push(Remark { function: func, offset, text });
            }
        }
        remarks
    }
}
