//! `synth disasm`: machine code as the validator decodes it, beside the module's operators.
//!
//! A module is compiled first, and the code is shown beside the operators that it comes from. An object is shown as it
//! is; with its module, the claim's cut points say which operators some of the code corresponds to.

use super::compile::{CodeArgs, build};
use super::diagnostic::Diagnostic;
use super::input;
use super::{Status, output};
use crate::compile::CompiledFunction;
use crate::emit::NO_ORIGIN;
use crate::listing::{Piece, cut_lines, operators, pieces, tidy};
use object::{Object, ObjectSymbol};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use synth_validator::arm::decode::{FunctionBytes, decode};
use synth_validator::arm::linked;
use synth_validator::arm::object::{ObjectFile, read};
use synth_validator::contract::SYM_FUNCTION;
use synth_validator::wasm::module::{Export, ExportKind, FuncType, Function, ImportName, Memory, Module};

/// Arguments of `synth disasm`.
#[derive(clap::Args)]
pub struct Args {
    /// Object, or a module that is compiled first
    input: PathBuf,
    /// Module of the object, to show its operators and names
    module: Option<PathBuf>,
    /// Only the function with this index or name
    #[arg(long, value_name = "NAME|INDEX")]
    function: Option<String>,
    #[command(flatten)]
    code: CodeArgs,
}

/// Column at which operators start.
const OPERATOR_COLUMN: usize = 64;

/// Runs the command.
///
/// # Errors
/// Bad input.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let bytes = input::read(&args.input)?;
    let text = match bytes.starts_with(b"\x7fELF") {
        true => of_object(args, &bytes)?,
        false => of_module(args)?,
    };
    output::print(&text);
    Ok(Status::Done)
}

fn of_module(args: &Args) -> Result<String, Diagnostic> {
    let input = input::module(&args.input)?;
    args.code.fits(&input)?;
    let compiled = build(&input, &args.code.options(), 1)?;
    let module = validated(&input)?;
    let object = object_file(&args.input, &compiled.object, &module)?;
    let known = |f: &CompiledFunction| f.lines.iter().copied().filter(|(_, origin)| *origin != NO_ORIGIN).collect();
    let lines = compiled.functions.iter().map(|f| (f.index, known(f))).collect();
    listing(args, &module, &input.bytes, &object, &lines)
}

fn of_object(args: &Args, bytes: &[u8]) -> Result<String, Diagnostic> {
    let Some(path) = &args.module else {
        let module = stand_in(&args.input, bytes)?;
        let object = object_file(&args.input, bytes, &module)?;
        return listing(args, &module, &[], &object, &BTreeMap::new());
    };
    let input = input::module(path)?;
    let mut module = validated(&input)?;
    let claim = linked::claim(bytes, &input.bytes).ok();
    if let Some(claim) = &claim {
        module.import_prefix.clone_from(&claim.contract.import_prefix);
    }
    let object = object_file(&args.input, bytes, &module)?;
    let lines = claim.iter().flat_map(|c| &c.functions).map(|f| (f.index, cut_lines(f))).collect();
    listing(args, &module, &input.bytes, &object, &lines)
}

fn validated(input: &input::Module) -> Result<Module, Diagnostic> {
    let module = synth_validator::wasm::reader::read(&input.bytes);
    module.map_err(|e| Diagnostic::new(e.message.clone()).file(&input.path).offset(e.offset as u64, &input.bytes))
}

fn object_file(path: &Path, bytes: &[u8], module: &Module) -> Result<ObjectFile, Diagnostic> {
    read(bytes, module).map_err(|e| Diagnostic::new(format!("the object is refused: {e}")).file(path))
}

/// A module that has just what the symbols of an object tell.
fn stand_in(path: &Path, bytes: &[u8]) -> Result<Module, Diagnostic> {
    let file = object::File::parse(bytes).map_err(|e| Diagnostic::new(format!("no object: {e}")).file(path))?;
    let mut module = Module {
        types: vec![FuncType { params: vec![], results: vec![] }],
        canonical: vec![0],
        // Symbols of linear memory say that there is one.
        memories: vec![Memory { min_pages: 0, max_pages: None, import: None }],
        ..Module::default()
    };
    let mut defined = BTreeMap::new();
    let mut imports = Vec::new();
    for symbol in file.symbols() {
        let Ok(name) = symbol.name() else { continue };
        let index = name.strip_prefix(SYM_FUNCTION).and_then(|n| n.parse::<u16>().ok());
        match index {
            Some(index) if symbol.is_definition() => drop(defined.insert(usize::from(index), symbol.address())),
            _ if symbol.is_undefined() && !name.is_empty() && !name.starts_with("__") => imports.push(name.to_string()),
            _ => {}
        }
    }
    let count = defined.keys().next_back().map_or(0, |last| last + 1);
    let mut imports = imports.into_iter();
    let mut index = 0;
    while index < count || imports.len() > 0 {
        let field = if defined.contains_key(&index) { None } else { Some(imports.next().unwrap_or_default()) };
        let import = field.map(|field| ImportName { module: String::new(), field });
        module.functions.push(Function { type_index: 0, import, body: 0..0 });
        index += 1;
    }
    for symbol in file.symbols().filter(|s| s.is_global() && s.is_definition() && s.kind() == object::SymbolKind::Text)
    {
        let function = defined.iter().find(|(_, address)| **address == symbol.address()).map_or(0, |(i, _)| *i as u32);
        let name = symbol.name().unwrap_or_default().to_string();
        module.exports.push(Export { name, kind: ExportKind::Function, index: function });
    }
    Ok(module)
}

fn listing(
    args: &Args,
    module: &Module,
    bytes: &[u8],
    object: &ObjectFile,
    lines: &BTreeMap<u32, Vec<(u32, u32)>>,
) -> Result<String, Diagnostic> {
    let mut out = String::new();
    let mut found = false;
    for (index, function) in &object.functions {
        let name = module.display_name(*index);
        let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Function && e.index == *index);
        let mut names = exported.map(|e| e.name.as_str()).chain([name.as_str()]);
        let number = index.to_string();
        let wanted = |wanted: &String| names.any(|n| n == wanted) || number == *wanted;
        if args.function.as_ref().is_some_and(|f| !{ wanted }(f)) {
            continue;
        }
        found = true;
        let operators = operators(module, bytes, *index);
        let lines = lines.get(index).map_or(&[][..], |l| l);
        let _ = writeln!(
            out,
            "{:08x} <{}>  function {index}, {} bytes",
            function.address,
            tidy(&name),
            function.bytes.len()
        );
        one(&mut out, module, function, &operators, lines);
        out.push('\n');
    }
    match (&args.function, found) {
        (Some(wanted), false) => Err(Diagnostic::new(format!("no function {wanted}"))
            .file(&args.input)
            .help("give an index (imports first), an export name, or a name of the name section")),
        _ => Ok(out),
    }
}

fn one(
    out: &mut String,
    module: &Module,
    function: &FunctionBytes,
    operators: &BTreeMap<u32, String>,
    lines: &[(u32, u32)],
) {
    let code = match decode(function) {
        Ok(code) => code,
        Err(e) => {
            let _ = writeln!(out, "    not decoded: {}", e.0);
            return;
        }
    };
    let mut lines = lines.iter().peekable();
    for Piece { offset: at, size, text, .. } in pieces(module, function, &code) {
        let bytes = &function.bytes[at as usize..(at + size) as usize];
        // Halfwords as the manual writes them.
        let hex: Vec<String> = bytes.chunks(2).map(|h| h.iter().rev().map(|b| format!("{b:02x}")).collect()).collect();
        let mut line = format!("{:8x}:  {:<9}  {text}", function.address + at, hex.join(" "));
        let mut origins = Vec::new();
        while let Some((_, offset)) = lines.next_if(|(from, _)| *from < at + size) {
            let operator = operators.get(offset).map_or("", String::as_str);
            origins.push(format!("{offset:#06x} {operator}"));
        }
        if !origins.is_empty() {
            line = format!("{line:<OPERATOR_COLUMN$}; {}", origins.join(", "));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
