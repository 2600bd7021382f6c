//! `synth compile`: a module to an object, with proofs if asked for. Nothing is written unless all of it holds.
//!
//! Requirement TOR-EXIT-NOFILE: `synth compile --validate` shall write neither object nor certificate, and shall leave files that are
//! there as they are, unless everything is proved.

use super::diagnostic::Diagnostic;
use super::evidence::{Destination, Evidence, Subject};
use super::image::{self, Image, ImageArgs};
use super::inlining::InlineArgs;
use super::input::{self, Module};
use super::marshal::MarshalArgs;
use super::paths::Paths;
use super::proof::{CacheArgs, LimitArgs, Proof, compile_and_prove};
use super::{Format, JSON_SCHEMA, Status, output, passes, stack, table};
use crate::c_header;
use crate::compile::Core;
use crate::debug_info::{DebugOptions, Lines};
use crate::evidence::build_record::Compilation;
use crate::evidence::page::State;
use crate::inline_report::InlineReport;
use crate::marshal;
use crate::native::{Remark, Request};
use crate::object_writer::{ExportBinding, SymbolOptions};
use crate::pass::Level;
use crate::pass_report::{self, PassOutcome};
use crate::pipeline::{self, Compiled, Options};
use crate::proof_cache::Uses;
use crate::refusal::Refusal;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use synth_validator::certificate::{CERTIFICATE_FILE, CLAIM_FILE, Certificate, sha256};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::evidence::solver::Foreign;

/// The file in a certificate's folder that says what became of each optimizer pass. It is no part of the proof.
const PASS_FILE: &str = "passes.json";

/// Arguments of `synth compile`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Object to write, or firmware image
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    code: CodeArgs,
    /// Write debug information (DWARF); lines are those of the module's sources where it has DWARF of its own
    #[arg(short = 'g', long, value_enum, value_name = "LINES", default_missing_value = "source", num_args = 0..=1, require_equals = true)]
    debug: Option<LinesArg>,
    #[command(flatten)]
    inlining: InlineArgs,
    #[command(flatten)]
    marshal: MarshalArgs,
    #[command(flatten)]
    image: ImageArgs,
    /// Prove every function and the initial image on the final bytes; write nothing unless all is proved
    #[arg(long)]
    validate: bool,
    /// Write the certificate into this folder (with --validate)
    #[arg(long, value_name = "DIR", requires = "validate")]
    certificate: Option<PathBuf>,
    /// Write evidence into this folder (with --validate): proofs, trace, assumptions, as pages and for machines; also if not all is proved
    #[arg(long, value_name = "DIR", requires = "validate")]
    evidence: Option<PathBuf>,
    /// Let --evidence replace a package of other evidence
    #[arg(long, requires = "evidence")]
    replace_evidence: bool,
    /// Ask z3, cvc5 or bitwuzla about the exported obligations as well (with --evidence); may be given several times
    #[arg(long, value_name = "NAME[=PROGRAM]", requires = "evidence")]
    solver: Vec<Foreign>,
    #[command(flatten)]
    cache: CacheArgs,
    /// Write a C header for the host
    #[arg(long, value_name = "FILE")]
    emit_header: Option<PathBuf>,
    /// Write the stack use of each function, in the form of `-fstack-usage`
    #[arg(long, value_name = "FILE")]
    stack_usage: Option<PathBuf>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Arguments that decide which code comes out.
#[derive(Clone, clap::Args)]
pub struct CodeArgs {
    /// Core to compile for [default: the board's, else cortex-m4]
    #[arg(long, value_enum)]
    target: Option<TargetArg>,
    /// Optimization level: 0 (what code generation needs), 1, 2, or s (small code)
    #[arg(short = 'O', value_name = "LEVEL", value_enum, default_value_t = LevelArg::Two)]
    optimize: LevelArg,
    /// What happens on accesses outside of linear memory
    #[arg(long, value_enum, default_value_t = BoundsArg::Software)]
    pub bounds: BoundsArg,
    /// Who defines linear memory
    #[arg(long, value_enum, default_value_t = MemoryArg::Own)]
    memory: MemoryArg,
    /// Pages of 64 KiB to which linear memory may grow [default: the module's minimum]
    #[arg(long, value_name = "N")]
    memory_pages: Option<u32>,
    /// Where addresses and other long constants come from
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = PoolsArg::Auto, default_missing_value = "auto", num_args = 0..=1, require_equals = true)]
    literal_pools: PoolsArg,
    /// What the symbols of imports begin with
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = import_prefix)]
    import_prefix: String,
    /// Take this parameter (counted from 0) as a host address that is accessed directly, `FUNCTION:result` for a function's result, `all` for all
    /// parameters of exported functions through which something is accessed; may be given several times
    #[arg(long, value_name = "FUNCTION:PARAM|all")]
    native_pointer: Vec<Request>,
    /// Let linear memory begin at this address, 0: every address in the module is a host address. A module with data or a stack has to be
    /// linked with `wasm-ld --emit-relocs`
    #[arg(long, value_name = "0", value_parser = clap::value_parser!(u32).range(0..=0))]
    linear_memory_base: Option<u32>,
    /// How exported functions are bound
    #[arg(long, value_enum, default_value_t = ExportsArg::Global)]
    exports: ExportsArg,
    /// Keep the symbols of linear memory and its size to the object, so that several objects fit into one image
    #[arg(long)]
    private_data: bool,
    /// Leave out this optimizer pass; may be given several times
    #[arg(long, value_name = "NAME", value_parser = passes::names())]
    without_pass: Vec<String>,
    /// Switch a fault of the compiler on
    #[cfg(feature = "faults")]
    #[arg(long, hide = true, value_name = "NAME", value_parser = super::faults::names())]
    fault: Option<String>,
}

/// Cores.
#[derive(Clone, Copy, ValueEnum)]
pub enum TargetArg {
    /// Armv7-M
    CortexM3,
    /// Armv7E-M, integer code
    CortexM4,
    /// Armv7E-M, integer code
    CortexM7,
}

/// What lines of debug information are.
#[derive(Clone, Copy, ValueEnum)]
enum LinesArg {
    /// Lines of the module's sources where it has DWARF, else byte offsets in the module
    Source,
    /// Byte offsets in the module
    Offsets,
}

impl LinesArg {
    fn options(self, module: &Path) -> DebugOptions {
        let lines = match self {
            LinesArg::Source => Lines::Source,
            LinesArg::Offsets => Lines::Offsets,
        };
        DebugOptions { lines, path: module.to_string_lossy().into_owned() }
    }
}

impl TargetArg {
    /// The compiler's word for it.
    pub fn core(self) -> Core {
        match self {
            TargetArg::CortexM3 => Core::CortexM3,
            TargetArg::CortexM4 => Core::CortexM4,
            TargetArg::CortexM7 => Core::CortexM7,
        }
    }
}

/// Where long constants come from.
#[derive(Clone, Copy, ValueEnum)]
enum PoolsArg {
    /// Words behind the code (R_ARM_ABS32), where that is shorter and in reach
    Auto,
    /// Only movw and movt (R_ARM_THM_MOVW_ABS_NC, R_ARM_THM_MOVT_ABS)
    Never,
}

/// Bindings of exported functions.
#[derive(Clone, Copy, ValueEnum)]
enum ExportsArg {
    /// Global
    Global,
    /// Weak: a definition elsewhere takes the place of the module's for callers by name
    Weak,
    /// Hidden: visible only inside of what is linked together
    Hidden,
}

/// A prefix that symbols may have in C.
fn import_prefix(text: &str) -> Result<String, String> {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_plain && !text.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok(text.to_string()),
        false => Err("only letters, digits and _, and no digit first".to_string()),
    }
}

/// Optimization levels.
#[derive(Clone, Copy, ValueEnum)]
enum LevelArg {
    #[value(name = "0")]
    Zero,
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    #[value(name = "s")]
    Size,
}

/// Bounds modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BoundsArg {
    /// One compare before each access; out of range traps
    Software,
    /// The memory protection unit faults (assumption A-BOUNDS)
    Mpu,
    /// Addresses are masked to a power of two (assumption A-BOUNDS)
    Mask,
    /// No checks (assumption A-BOUNDS)
    None,
}

/// Owners of linear memory.
#[derive(Clone, Copy, ValueEnum)]
enum MemoryArg {
    /// The object, with its initial image
    Own,
    /// The host; __synth_instance_init writes the initial image
    Extern,
}

impl BoundsArg {
    /// The contract's word for it.
    pub fn bounds(self) -> Bounds {
        match self {
            BoundsArg::Software => Bounds::Software,
            BoundsArg::Mpu => Bounds::Mpu,
            BoundsArg::Mask => Bounds::Mask,
            BoundsArg::None => Bounds::None,
        }
    }
}

impl CodeArgs {
    /// The core that was chosen.
    fn core(&self) -> Option<Core> {
        self.target.map(TargetArg::core)
    }
    fn native_requests(&self) -> Vec<Request> {
        let everything = self.linear_memory_base.map(|_| Request::Everything);
        self.native_pointer.iter().cloned().chain(everything).collect()
    }
    /// The compiler's options.
    pub fn options(&self) -> Options {
        let core = self.core().unwrap_or_default();
        let memory = match self.memory {
            MemoryArg::Own => MemoryOwner::Own,
            MemoryArg::Extern => MemoryOwner::Extern,
        };
        let level = match self.optimize {
            LevelArg::Zero => Level::O0,
            LevelArg::One => Level::O1,
            LevelArg::Two => Level::O2,
            LevelArg::Size => Level::Os,
        };
        let bounds = self.bounds.bounds();
        let exports = match self.exports {
            ExportsArg::Global => ExportBinding::Global,
            ExportsArg::Weak => ExportBinding::Weak,
            ExportsArg::Hidden => ExportBinding::Hidden,
        };
        Options {
            core,
            bounds,
            memory,
            memory_pages_max: self.memory_pages,
            import_prefix: self.import_prefix.clone(),
            native: self.native_requests(),
            symbols: SymbolOptions { exports, private_data: self.private_data },
            literal_pools: matches!(self.literal_pools, PoolsArg::Auto),
            level,
            left_out: self.without_pass.clone(),
            #[cfg(feature = "faults")]
            fault: self.fault.as_deref().map(super::faults::named),
            ..Options::default()
        }
    }
    /// Whether linear memory of the module can be as it is asked for.
    ///
    /// # Errors
    /// It starts with more pages than it may have.
    pub fn fits(&self, module: &Module) -> Result<(), Diagnostic> {
        // What is wrong with a module that cannot be read, the compiler says.
        let read = synth_validator::wasm::reader::read(&module.bytes).ok();
        let min = read.and_then(|m| m.memories.first().map(|memory| memory.min_pages));
        match (self.memory_pages, min) {
            (Some(pages), Some(min)) if u64::from(pages) < min => {
                let error = format!("linear memory starts with {min} pages, and --memory-pages allows {pages}");
                Err(Diagnostic::new(error).file(&module.path).help(format!("give {min} or more, or leave it out")))
            }
            _ => Ok(()),
        }
    }
}

/// Starts threads to compile on.
///
/// # Errors
/// The system has no more threads.
pub fn start_threads(count: usize) -> Result<rayon::ThreadPool, Diagnostic> {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(count).stack_size(synth_validator::prove_all::STACK_BYTES).build();
    pool.map_err(|e| Diagnostic::new(format!("no threads: {e}")))
}

/// Compiles on `threads` threads of its own.
///
/// # Errors
/// The compiler's error, with its place.
pub fn build(module: &Module, options: &Options, threads: usize) -> Result<Compiled, Diagnostic> {
    build_on(&start_threads(threads)?, module, options)
}

/// Compiles on these threads.
///
/// # Errors
/// The compiler's error, with its place.
pub fn build_on(pool: &rayon::ThreadPool, module: &Module, options: &Options) -> Result<Compiled, Diagnostic> {
    let compiled = pool.install(|| pipeline::compile(&module.bytes, options));
    compiled.map_err(|e| {
        let diagnostic = Diagnostic::compile(&e, &module.path, &module.bytes);
        match module.path.extension().is_some_and(|e| e == "wat") && diagnostic.offset.is_some() {
            true => diagnostic.note("offsets count in the binary form of the text"),
            false => diagnostic,
        }
    })
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    input: &'a Path,
    output: &'a Path,
    /// Whether the output was written.
    written: bool,
    module_sha256: String,
    object_sha256: String,
    contract: &'a Contract,
    functions: usize,
    code_bytes: usize,
    object_bytes: usize,
    validation: Option<&'a Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_cache: Option<&'a Uses>,
    /// Passes that the validator refused; those functions are compiled without them.
    refused: &'a [Refusal],
    /// Optimizer passes that changed something, with the number of functions.
    applied: BTreeMap<&'static str, usize>,
    /// What became of every optimizer pass, in order.
    passes: &'a [PassOutcome],
    /// Why nothing was written although everything asked for is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
    /// What to look at in the module's use of host addresses.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remarks: &'a [Remark],
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_report: Option<&'a InlineReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a image::Report>,
    /// The first screen of the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a State>,
}

/// What was done, and what came of it.
struct Outcome {
    compiled: Compiled,
    proof: Option<Proof>,
    refusals: Vec<Refusal>,
    passes: Vec<PassOutcome>,
    /// What a gate says against writing.
    gate: Option<String>,
    /// The firmware image, if one is asked for and nothing is against writing.
    image: Option<Image>,
}

impl Outcome {
    fn status(&self) -> Status {
        let proved = self.proof.as_ref().map_or(Status::Done, Proof::status);
        if self.gate.is_some() { Status::NotProved } else { proved }
    }
    fn functions(&self) -> usize {
        self.proof.as_ref().map_or(self.compiled.functions.len(), |p| p.certificate.functions.len())
    }
    /// The package of what was done.
    fn evidence<'a>(
        &self,
        args: &Args,
        module: &Module,
        options: &Options,
        to: &'a Destination<'a>,
    ) -> Result<Evidence<'a>, Diagnostic> {
        let proof = self.proof.as_ref().expect("invariant: evidence requires proofs");
        let object = self.image.as_ref().map_or(&self.compiled.object, |image| &image.elf);
        let compilation = Compilation::new(&self.compiled, options, &self.passes, &self.refusals);
        let linker = self.image.as_ref().map(Image::linked_by);
        let subject = Subject {
            module: (&args.input, &module.bytes),
            object: (&args.output, object),
            proof,
            compilation: Some(Compilation { linker, ..compilation }),
            gate: self.gate.clone(),
        };
        to.package(subject, &args.limits)
    }
    fn code_bytes(&self) -> usize {
        self.compiled.functions.iter().map(|f| f.code.len()).sum()
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input; what cannot be written.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    check_paths(args)?;
    let replace = (args.replace_evidence, "--replace-evidence");
    let destination =
        args.evidence.as_ref().map(|folder| Destination::new(folder, replace, &args.solver)).transpose()?;
    let marshalled = args.marshal.read(args.code.private_data)?;
    let mut options = args.inlining.choose(args.code.options());
    args.code.fits(&module)?;
    options.export_symbols = marshal::symbols(&marshalled);
    options.debug = args.debug.map(|lines| lines.options(&args.input));
    let plan = args.image.plan(&module, &args.output, &options)?;
    if let Some(plan) = &plan {
        options.core = plan.core(args.code.core())?;
    }
    let store = args.cache.open(args.validate)?;
    let scope = args.cache.scope(store.as_ref(), None);
    let (compiled, proof, refusals) = match args.validate {
        false => (build(&module, &options, args.limits.threads())?, None, Vec::new()),
        true => {
            let (compiled, proof, refusals) =
                compile_and_prove(&module, &args.output, options.clone(), &args.limits, scope)?;
            (compiled, Some(proof), refusals)
        }
    };
    let trampolines = args.marshal.sources(&compiled.module, &marshalled, &args.input)?;
    let passes = pass_report::outcomes(&compiled.claim, &options, &refusals);
    let gate = args.inlining.gate(compiled.inline_report.as_ref());
    let mut outcome = Outcome { compiled, proof, refusals, passes, gate, image: None };
    if let Some(report) = &outcome.compiled.inline_report {
        args.inlining.write(report, &args.input, args.format)?;
    }
    if let (Some(plan), Status::Done) = (&plan, outcome.status()) {
        let Compiled { object, claim, .. } = &outcome.compiled;
        let image = plan.link(object, &claim.contract, options.core)?;
        if let Some(of_object) = &outcome.proof {
            of_object.warn();
            let linked = (&*args.output, &*image.elf);
            outcome.proof = Some(of_object.of_image(&module, linked, &args.limits, scope)?);
        }
        outcome.image = Some(image);
    }
    let evidence = destination.as_ref().map(|to| outcome.evidence(args, &module, &options, to)).transpose()?;
    evidence.iter().try_for_each(Evidence::write)?;
    outcome.proof.iter().for_each(Proof::warn);
    if outcome.status() == Status::Done {
        if let (Some(proof), Some(folder)) = (&outcome.proof, &args.certificate) {
            proof.settle(folder, false)?;
            pass_file(folder, &outcome)?;
        }
        if let Some((path, source)) = &trampolines {
            input::write_whole(path, source.0.as_bytes())?;
            input::write_whole(&path.with_extension("h"), source.1.as_bytes())?;
        }
        if let Some(path) = &args.emit_header {
            input::write_whole(path, header(args, &outcome.compiled).as_bytes())?;
        }
        if let Some(path) = &args.stack_usage {
            input::write_whole(path, stack::su_file(&outcome.compiled, &module, &args.output)?.as_bytes())?;
        }
        match &outcome.image {
            Some(image) => image.write(&args.output)?,
            None => input::write_whole(&args.output, &outcome.compiled.object)?,
        }
    }
    if let Format::Text = args.format {
        for Remark { function, offset, text } in &outcome.compiled.remarks {
            let name = outcome.compiled.module.display_name(*function);
            output::print_error(&format!("warning: {name}, at byte offset {offset:#x}: {text}\n"));
        }
    }
    match args.format {
        Format::Json => print_json(args, &module, &outcome, evidence.as_ref()),
        Format::Text => {
            print_text(args, &outcome);
            evidence.iter().for_each(Evidence::print);
        }
    }
    let is_open = evidence.is_some_and(|e| !e.state().ok);
    Ok(if is_open { Status::NotProved } else { outcome.status() })
}

/// Checks that what is written is no input, and that no two files are one.
fn check_paths(args: &Args) -> Result<Paths, Diagnostic> {
    let names = [CLAIM_FILE, CERTIFICATE_FILE, PASS_FILE];
    let certificate = args.certificate.iter().flat_map(|folder| names.map(|name| folder.join(name)));
    Paths::new(&args.input)
        .inputs(args.image.inputs().chain(args.marshal.inputs()))
        .file("the output", Some(&args.output))?
        .file("the linker script", args.image.script_beside(&args.output).as_deref())?
        .file("the header", args.emit_header.as_deref())?
        .file("the file of --stack-usage", args.stack_usage.as_deref())?
        .file("the file of --inline-report", args.inlining.file())?
        .files("a file of the trampolines", args.marshal.files())?
        .files("the certificate", certificate)?
        .folder("the evidence", args.evidence.as_deref())
}

/// The C header.
fn header(args: &Args, compiled: &Compiled) -> String {
    let name = args.input.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let has_init = compiled.functions.last().is_some_and(|f| f.index as usize == compiled.module.functions.len());
    c_header::header(&compiled.module, &compiled.claim.contract, &name, args.code.private_data, has_init)
}

/// Writes what became of the passes beside a certificate.
fn pass_file(folder: &Path, outcome: &Outcome) -> Result<(), Diagnostic> {
    #[derive(Serialize)]
    struct File<'a> {
        schema: u32,
        passes: &'a [PassOutcome],
        refused: &'a [Refusal],
    }
    let file = File { schema: JSON_SCHEMA, passes: &outcome.passes, refused: &outcome.refusals };
    input::write_whole(&folder.join(PASS_FILE), output::json(&file).as_bytes())
}

fn print_json(args: &Args, module: &Module, outcome: &Outcome, evidence: Option<&Evidence<'_>>) {
    let Outcome { compiled, proof, refusals, passes, gate, image } = outcome;
    output::print_json(&Report {
        schema: JSON_SCHEMA,
        command: "compile",
        input: &args.input,
        output: &args.output,
        written: outcome.status() == Status::Done,
        module_sha256: sha256(&module.bytes),
        object_sha256: sha256(&compiled.object),
        contract: &compiled.claim.contract,
        functions: outcome.functions(),
        code_bytes: outcome.code_bytes(),
        object_bytes: compiled.object.len(),
        validation: proof.as_ref().map(|p| &p.certificate),
        proof_cache: proof.as_ref().and_then(Proof::uses),
        refused: refusals,
        applied: passes.iter().map(|p| (p.pass, p.applied.len())).collect(),
        passes,
        gate: gate.as_deref(),
        remarks: &compiled.remarks,
        inline_report: compiled.inline_report.as_ref(),
        image: image.as_ref().map(|i| &i.report),
        evidence: evidence.map(Evidence::state),
    });
}

fn print_text(args: &Args, outcome: &Outcome) {
    if let Some(proof) = &outcome.proof {
        output::print(&table::verdicts(proof));
        output::print(&table::passes(&outcome.passes, &outcome.refusals));
    }
    if let Some(report) = &outcome.compiled.inline_report {
        output::print(&args.inlining.printed(report));
    }
    let (path, functions, code_bytes) = (args.output.display(), outcome.functions(), outcome.code_bytes());
    let open = outcome.proof.as_ref().is_some_and(|p| p.status() == Status::NotProved);
    let open = open.then_some("not everything is proved");
    let why: Vec<&str> = open.into_iter().chain(outcome.gate.as_deref()).collect();
    output::print(&match why.is_empty() {
        true => format!("{path}: {functions} functions, {code_bytes} bytes of code\n"),
        false => format!("{path} was not written: {}\n", why.join("; ")),
    });
    if let Some(image) = &outcome.image {
        output::print(&image.printed());
    }
}
