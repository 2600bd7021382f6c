//! Which functions of a module can ever be called.
//!
//! Roots are exports, the start function, and every function that any element segment or constant expression names, whatever becomes of
//! the reference. From a reachable body every function that it calls or takes a reference to is reachable.

use super::reader::{ReadError, features};
use wasmparser::{ElementItems, ExternalKind, FunctionBody, Operator, Parser, Payload, TableInit};

/// By function index (imports first): whether the function can be called. The bytes are those of a module that
/// [`super::reader::read`] accepted.
///
/// # Errors
/// What cannot be read.
pub fn callable(bytes: &[u8]) -> Result<Vec<bool>, ReadError> {
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut open: Vec<u32> = Vec::new();
    let mut imports = 0;
    let mut bodies: Vec<FunctionBody<'_>> = Vec::new();
    let mut functions = 0;
    for payload in parser.parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imports += usize::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(section) => functions = section.count() as usize,
            Payload::TableSection(section) => {
                for table in section {
                    if let TableInit::Expr(expr) = table?.init {
                        references(expr.get_operators_reader(), &mut open)?;
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    references(global?.init_expr.get_operators_reader(), &mut open)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        open.push(export.index);
                    }
                }
            }
            Payload::StartSection { func, .. } => open.push(func),
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(list) => {
                            for func in list {
                                open.push(func?);
                            }
                        }
                        ElementItems::Expressions(_, list) => {
                            for expr in list {
                                references(expr?.get_operators_reader(), &mut open)?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    let mut callable = vec![false; imports + functions];
    while let Some(func) = open.pop() {
        let Some(seen) = callable.get_mut(func as usize) else { continue };
        if !std::mem::replace(seen, true)
            && let Some(body) = (func as usize).checked_sub(imports).and_then(|place| bodies.get(place))
        {
            references(body.get_operators_reader()?, &mut open)?;
        }
    }
    Ok(callable)
}

/// The functions that code calls or takes references to.
fn references(mut code: wasmparser::OperatorsReader<'_>, found: &mut Vec<u32>) -> Result<(), ReadError> {
    while !code.eof() {
        match code.read()? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => found.push(function_index),
            _ => {}
        }
    }
    Ok(())
}
