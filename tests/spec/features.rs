//! What a module uses beyond integers, read from its bytes and not from the name of its file.

use std::collections::BTreeSet;
use wasmparser::{Operator, Parser, Payload, TypeRef, ValType};

/// Something that makes a module more than integer code with a state of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A floating-point type, or an operator that moves floating-point numbers.
    Float,
    /// An operator that computes with floating-point numbers.
    FloatArithmetic,
    /// A vector type or operator.
    Simd,
    /// References as values, or a table of anything but functions.
    Reference,
    /// An operator that reads or writes entries of a table, or takes its size: in WebAssembly 2.0 entries are references.
    TableOperator,
    /// An imported or exported-and-imported memory, table or mutable global: state that two modules share.
    ImportedState,
}

impl Feature {
    /// The reason for which a directive is skipped.
    pub fn reason(self) -> &'static str {
        match self {
            Feature::Float => "the module uses floating point",
            Feature::FloatArithmetic => "the module computes with floating point",
            Feature::Simd => "the module uses SIMD",
            Feature::Reference => "the module uses reference types",
            Feature::TableOperator => "the module has operators on table entries",
            Feature::ImportedState => "the module imports a memory, a table or a mutable global",
        }
    }
}

/// The features of a module in binary form; of one that is malformed, those up to there.
pub fn features(bytes: &[u8]) -> BTreeSet<Feature> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        // What cannot be read further adds nothing; whoever runs the module refuses it.
        let _ = section(payload, &mut found);
    }
    found
}

/// The modules from which this one imports a memory, a table or a mutable global.
pub fn imported_state(bytes: &[u8]) -> Vec<String> {
    let mut modules = Vec::new();
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let Payload::ImportSection(imports) = payload else {
            continue;
        };
        for import in imports.into_imports().map_while(Result::ok) {
            if is_state(import.ty) {
                modules.push(import.module.to_string());
            }
        }
    }
    modules
}

fn is_state(import: TypeRef) -> bool {
    match import {
        TypeRef::Memory(_) | TypeRef::Table(_) => true,
        TypeRef::Global(global) => global.mutable,
        _ => false,
    }
}

fn value(ty: ValType, found: &mut BTreeSet<Feature>) {
    found.extend(match ty {
        ValType::I32 | ValType::I64 => None,
        ValType::F32 | ValType::F64 => Some(Feature::Float),
        ValType::V128 => Some(Feature::Simd),
        ValType::Ref(_) => Some(Feature::Reference),
    });
}

fn section(payload: Payload<'_>, found: &mut BTreeSet<Feature>) -> wasmparser::Result<()> {
    match payload {
        Payload::TypeSection(types) => {
            for ty in types.into_iter_err_on_gc_types() {
                let ty = ty?;
                ty.params().iter().chain(ty.results()).for_each(|ty| value(*ty, found));
            }
        }
        Payload::ImportSection(imports) => {
            for import in imports.into_imports() {
                let ty = import?.ty;
                found.extend(is_state(ty).then_some(Feature::ImportedState));
                if let TypeRef::Global(global) = ty {
                    value(global.content_type, found);
                }
            }
        }
        Payload::TableSection(tables) => {
            for table in tables {
                let functions = table?.ty.element_type == wasmparser::RefType::FUNCREF;
                found.extend((!functions).then_some(Feature::Reference));
            }
        }
        Payload::GlobalSection(globals) => {
            for global in globals {
                value(global?.ty.content_type, found);
            }
        }
        Payload::CodeSectionEntry(body) => {
            for local in body.get_locals_reader()? {
                value(local?.1, found);
            }
            for operator in body.get_operators_reader()? {
                found.extend(of_operator(&operator?));
            }
        }
        _ => {}
    }
    Ok(())
}

fn of_operator(operator: &Operator<'_>) -> Option<Feature> {
    use Operator as O;
    match operator {
        O::RefNull { .. } | O::RefIsNull | O::RefFunc { .. } => return Some(Feature::Reference),
        O::TableGet { .. } | O::TableSet { .. } | O::TableGrow { .. } | O::TableFill { .. } => {
            return Some(Feature::Reference);
        }
        O::TableSize { .. } | O::TableCopy { .. } | O::TableInit { .. } => return Some(Feature::TableOperator),
        _ => {}
    }
    // Names of operators begin with the type that they work on, or end with the one that they take.
    let name = format!("{operator:?}");
    let name = name.split([' ', '{', '(']).next().unwrap_or_default();
    let is = |types: &[&str]| types.iter().any(|ty| name.contains(ty));
    match () {
        () if is(&["V128", "I8x16", "I16x8", "I32x4", "I64x2", "F32x4", "F64x2"]) => Some(Feature::Simd),
        () if is(&["Const", "Load", "Store", "Reinterpret"]) && is(&["F32", "F64"]) => Some(Feature::Float),
        () if is(&["F32", "F64"]) => Some(Feature::FloatArithmetic),
        () => None,
    }
}
