//! What calls may reach, and modules without the functions that are not supported.
//!
//! A module that computes with floating point is not compiled. What is left of it without the functions that do can be:
//! the body of each such function becomes `unreachable`, and all other functions stay as they are, to the byte. A call
//! that may reach a replaced function says nothing and must not be made.

use std::collections::BTreeSet;
use synth_validator::wasm::{code, reader};
use wasmparser::{ElementItems, ExternalKind, Operator, Parser, Payload, TypeRef};

/// A body without locals: `unreachable`, `end`. Source: WebAssembly Core 2.0, 5.4.1 and 5.5.13.
const UNREACHABLE: [u8; 4] = [3, 0, 0x00, 0x0b];

/// A module without some of its functions.
pub struct Reduced {
    /// The module.
    pub bytes: Vec<u8>,
    /// Functions with another body than in the original, by index.
    pub replaced: BTreeSet<u32>,
    /// Exports that may reach them.
    pub tainted_exports: BTreeSet<String>,
}

/// What is known of the functions of a module.
#[derive(Default)]
pub struct Functions {
    imported: u32,
    types: Vec<wasmparser::FuncType>,
    /// By function: its type.
    type_of: Vec<u32>,
    bodies: Vec<Body>,
    /// Functions that tables may hold.
    elements: BTreeSet<u32>,
    exports: Vec<(String, u32)>,
    start: Option<u32>,
}

/// What is known of a body.
#[derive(Default)]
struct Body {
    callees: BTreeSet<u32>,
    /// Types of functions that are called through tables.
    called_types: BTreeSet<u32>,
    /// Whether it may change memory, a global or a table.
    writes: bool,
}

impl Body {
    fn read(body: &wasmparser::FunctionBody<'_>) -> wasmparser::Result<Body> {
        let mut found = Body::default();
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            match operator {
                Operator::Call { function_index } => drop(found.callees.insert(function_index)),
                Operator::CallIndirect { type_index, .. } => drop(found.called_types.insert(type_index)),
                _ => {}
            }
            let name = format!("{operator:?}");
            let writes = ["Store", "GlobalSet", "Grow", "Copy", "Fill", "Init", "Drop {", "TableSet"];
            found.writes |= writes.iter().any(|part| name.contains(part));
        }
        Ok(found)
    }
}

impl Functions {
    /// Reads a module; of one that is malformed, what comes before.
    pub fn read(bytes: &[u8]) -> Functions {
        let mut found = Functions::default();
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            // What cannot be read further adds nothing; whoever runs the module refuses it.
            let _ = found.section(payload);
        }
        found
    }

    fn section(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    self.types.push(ty?);
                }
            }
            Payload::FunctionSection(types) => {
                for ty in types {
                    self.type_of.push(ty?);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(ty) = import?.ty {
                        self.type_of.push(ty);
                        self.imported += 1;
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push((export.name.to_string(), export.index));
                    }
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => {
                for element in elements {
                    if let ElementItems::Functions(items) = element?.items {
                        for function in items {
                            self.elements.insert(function?);
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(Body::read(&body)?),
            _ => {}
        }
        Ok(())
    }

    /// Functions that are among these or may call one of them.
    fn reaching(&self, goals: &BTreeSet<u32>) -> BTreeSet<u32> {
        let mut reaching = goals.clone();
        loop {
            let before = reaching.len();
            let element = |ty: &u32| {
                let is_called = |f: &&u32| self.types[self.type_of[**f as usize] as usize] == self.types[*ty as usize];
                self.elements.iter().filter(is_called).any(|f| reaching.contains(f))
            };
            let through_tables: Vec<bool> =
                self.bodies.iter().map(|body| body.called_types.iter().any(element)).collect();
            for ((body, index), through_tables) in self.bodies.iter().zip(self.imported..).zip(through_tables) {
                let calls = body.callees.iter().any(|f| reaching.contains(f));
                reaching.extend((calls || through_tables).then_some(index));
            }
            if reaching.len() == before {
                return reaching;
            }
        }
    }

    fn exports_among(&self, functions: &BTreeSet<u32>) -> BTreeSet<String> {
        self.exports.iter().filter(|(_, f)| functions.contains(f)).map(|(name, _)| name.clone()).collect()
    }

    /// Exports that may leave something behind: in memory, globals or tables, or in what other modules hold.
    pub fn writing_exports(&self) -> BTreeSet<String> {
        let writing = self.bodies.iter().zip(self.imported..).filter(|(body, _)| body.writes);
        let goals = writing.map(|(_, index)| index).chain(0..self.imported).collect();
        self.exports_among(&self.reaching(&goals))
    }

    /// The module without the functions whose bodies have no meaning here, if something of it is left to be called.
    pub fn reduced(&self, bytes: &[u8]) -> Option<Reduced> {
        let module = reader::read(bytes).ok()?;
        let defined = self.imported..module.functions.len() as u32;
        let replaced: BTreeSet<u32> = defined.filter(|f| code::body(&module, bytes, *f).is_err()).collect();
        let tainted = self.reaching(&replaced);
        let nothing_left = self.exports.iter().all(|(_, f)| tainted.contains(f));
        if replaced.is_empty() || nothing_left || self.start.is_some_and(|start| tainted.contains(&start)) {
            return None;
        }
        let bytes = rewritten(bytes, self.imported, &replaced)?;
        Some(Reduced { bytes, tainted_exports: self.exports_among(&tainted), replaced })
    }
}

/// Reads an unsigned LEB128 number of 32 bits. Source: WebAssembly Core 2.0, 5.2.2.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Writes an unsigned LEB128 number.
fn append(number: usize, to: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// The module with other bodies. All sections but that of code are copied.
fn rewritten(bytes: &[u8], imported: u32, replaced: &BTreeSet<u32>) -> Option<Vec<u8>> {
    const CODE: u8 = 10;
    let (mut out, mut at) = (bytes.get(..8)?.to_vec(), 8);
    while at < bytes.len() {
        let start = at;
        at += 1;
        let size = number(bytes, &mut at)?;
        let (contents, end) = (at, at + size);
        at = end;
        if bytes[start] != CODE {
            out.extend_from_slice(bytes.get(start..end)?);
            continue;
        }
        let mut inner = contents;
        let count = number(bytes, &mut inner)?;
        let mut code = Vec::new();
        append(count, &mut code);
        for index in (imported..).take(count) {
            let body = inner;
            let size = number(bytes, &mut inner)?;
            inner += size;
            code.extend_from_slice(if replaced.contains(&index) { &UNREACHABLE } else { bytes.get(body..inner)? });
        }
        out.push(CODE);
        append(code.len(), &mut out);
        out.extend(code);
    }
    Some(out)
}
