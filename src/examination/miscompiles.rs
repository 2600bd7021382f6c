//! Known miscompiles: a right program, calls that expose the defect, and the artefacts that wrong compilers made of it.
//!
//! A case is a folder with `program.wat`, `vectors.vec` and `case.toml`; `corpus/miscompiles/README.md` describes the last.

use super::listing;
use super::{Program, Said, difference, verdict};
use crate::compile::CompiledFunction;
use crate::faults;
use crate::image::object_data;
use crate::object_writer::write_object;
use crate::pass::Level;
use crate::pipeline::{Compiled, Options, compile, module_info};
use crate::simulator::vectors;
use serde::Deserialize;
use std::path::Path;
use synth_validator::contract::Bounds;
use synth_validator::ladder::Limits;
use synth_validator::validate::module::ModuleSession;
use synth_validator::validate::{Session, Verdict};

/// What `case.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    lines: Vec<u32>,
    history: String,
    #[serde(default)]
    bounds: BoundsName,
    memory_pages: Option<u32>,
    refused: Option<String>,
    #[serde(default)]
    wrong: Vec<Wrong>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BoundsName {
    #[default]
    Software,
    Mask,
    None,
}

/// A wrong artefact: one of `edit`, `code` and `fault` says how it comes to be.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    what: String,
    /// The verdict, if there is no execution to differ.
    verdict: Option<String>,
    #[serde(default)]
    edit: Vec<[String; 2]>,
    code: Option<String>,
    fault: Option<String>,
}

/// A case.
pub struct Case {
    /// Its folder's name.
    pub name: String,
    /// Lines of the list of miscompiles that it belongs to.
    pub lines: Vec<u32>,
    /// What is known of the defect.
    pub history: String,
    program: Program,
    text: String,
    refused: Option<String>,
    wrong: Vec<Wrong>,
}

/// What became of a wrong artefact.
#[derive(Clone, Debug)]
pub struct Caught {
    /// What is wrong with it.
    pub what: String,
    /// The difference that the validator found, or why it is not caught.
    pub found: Result<String, String>,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is to be said against the right program: it is not proved, or does not what its vectors expect.
    pub right: Result<(), String>,
    /// The wrong artefacts.
    pub wrong: Vec<Caught>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// What is missing or not understood.
    pub fn read(folder: &Path) -> Result<Case, String> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let name = folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let said: Description = toml::from_str(&read("case.toml")?).map_err(|e| format!("{name}/case.toml: {e}"))?;
        let text = read("program.wat")?;
        let wasm = wat::parse_str(&text).map_err(|e| format!("{name}/program.wat: {e}"))?;
        let script = vectors::parse(&read("vectors.vec")?).map_err(|e| format!("{name}/vectors.vec: {e}"))?;
        let bounds = match said.bounds {
            BoundsName::Software => Bounds::Software,
            BoundsName::Mask => Bounds::Mask,
            BoundsName::None => Bounds::None,
        };
        let options = Options { bounds, memory_pages_max: said.memory_pages, ..Options::default() };
        let program = Program { name: name.clone(), wasm, script, options };
        let Description { lines, history, refused, wrong, .. } = said;
        Ok(Case { name, lines, history, program, text, refused, wrong })
    }

    /// Whether one of its wrong artefacts is made by a fault of the compiler.
    pub fn has_faults(&self) -> bool {
        self.wrong.iter().any(|w| w.fault.is_some())
    }

    /// Whether its program is one that the compiler must refuse.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The right program by itself; none if it is one that the compiler must refuse.
    pub fn into_program(self) -> Option<Program> {
        self.refused.is_none().then_some(self.program)
    }

    /// Compiles and proves the right program, makes the wrong artefacts, and asks the validator about them.
    pub fn examine(&self) -> Outcome {
        let compiled = compile(&self.program.wasm, &self.program.options);
        if let Some(wanted) = &self.refused {
            let right = match compiled {
                Err(e) if e.to_string().contains(wanted) => Ok(()),
                Err(e) => Err(format!("refused for another reason: {e}")),
                Ok(_) => Err(format!("not refused: {wanted}")),
            };
            return Outcome { right, wrong: Vec::new() };
        }
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(e) => return Outcome { right: Err(e.to_string()), wrong: Vec::new() },
        };
        let possible = |w: &&Wrong| w.fault.is_none() || cfg!(feature = "faults");
        let caught = |wrong: &Wrong| Caught { what: wrong.what.clone(), found: self.caught(wrong, &compiled) };
        Outcome { right: self.right(&compiled), wrong: self.wrong.iter().filter(possible).map(caught).collect() }
    }

    /// The program is proved at every level, and does what its vectors expect.
    fn right(&self, compiled: &Compiled) -> Result<(), String> {
        let contract = &compiled.claim.contract;
        let module = self.program.run_module(contract)?;
        if let Some(failure) = module.failures.first() {
            return Err(format!("the module: {failure}"));
        }
        for level in [Level::O0, Level::O1, Level::O2, Level::Os] {
            let options = Options { level, ..self.program.options.clone() };
            let other = compile(&self.program.wasm, &options).map_err(|e| e.to_string())?;
            match verdict(&self.program.wasm, &other.object, None, |_| true) {
                Said::Proved => {}
                Said::Refuted(what) | Said::NotProved(what) => {
                    return Err(format!("not proved at -O{}: {what}", level.name()));
                }
            }
            let object = self.program.run_object(&other.object, contract)?;
            if let Some(difference) = difference(&module, &object) {
                return Err(format!("the object at -O{}: {difference}", level.name()));
            }
        }
        Ok(())
    }

    /// What the validator says against a wrong artefact, which the vectors expose.
    fn caught(&self, wrong: &Wrong, right: &Compiled) -> Result<String, String> {
        let object = match (&wrong.code, &wrong.fault) {
            (Some(code), None) => listed(code, &self.program.wasm, right, wrong.verdict.is_none())?,
            (None, Some(fault)) => {
                let fault = Some(faults::named(fault).ok_or_else(|| format!("no fault {fault}"))?.name);
                let options = Options { fault, ..self.program.options.clone() };
                compile(&self.program.wasm, &options).map_err(|e| e.to_string())?.object
            }
            (None, None) => {
                let wasm = self.edited(&wrong.edit)?;
                self.refined(&wasm)?;
                compile(&wasm, &self.program.options).map_err(|e| e.to_string())?.object
            }
            _ => return Err("a wrong artefact is made in one way".to_string()),
        };
        if object == right.object {
            return Err("the wrong artefact is the right one".to_string());
        }
        if let Some(wanted) = &wrong.verdict {
            return self.said(&object, wanted);
        }
        let contract = &right.claim.contract;
        if let Ok(run) = self.program.run_object(&object, contract)
            && difference(&self.program.run_module(contract)?, &run).is_none()
        {
            return Err("the vectors do not expose it".to_string());
        }
        // The witness of the wrong compilation, then that of the right one: which of them a wrong compiler writes is open.
        match verdict(&self.program.wasm, &object, None, |_| true) {
            Said::Refuted(what) => Ok(what),
            Said::Proved => Err("proved".to_string()),
            Said::NotProved(what) => match verdict(&self.program.wasm, &object, Some(&right.claim), |_| true) {
                Said::Refuted(what) => Ok(what),
                _ => Err(format!("not refuted: {what}")),
            },
        }
    }

    /// The module with other text.
    fn edited(&self, edits: &[[String; 2]]) -> Result<Vec<u8>, String> {
        let mut text = self.text.clone();
        for [old, new] in edits {
            match text.matches(old.as_str()).count() {
                1 => text = text.replace(old.as_str(), new),
                n => return Err(format!("`{old}` stands {n} times in the program")),
            }
        }
        wat::parse_str(&text).map_err(|e| e.to_string())
    }

    /// The edited module, as what an optimizer might have made of the right one, must be refuted as well, if only code was edited.
    fn refined(&self, after: &[u8]) -> Result<(), String> {
        let rounds = ModuleSession::unaided(&self.program.wasm, after)?;
        let claim = rounds.0.first().map(|r| r.claim.clone()).ok_or("invariant: there is one round")?;
        let session = ModuleSession::new(&self.program.wasm, after, claim, Limits::default());
        let session = session.map_err(|e| e.to_string())?;
        if session.declarations() != Verdict::Proved {
            return Ok(());
        }
        let refuted = session.functions().any(|f| matches!(session.function(f).verdict, Verdict::Refuted(_)));
        if refuted { Ok(()) } else { Err("between modules it is not refuted".to_string()) }
    }

    /// The verdict on the first function that is not proved, if it is the wanted one.
    fn said(&self, object: &[u8], wanted: &str) -> Result<String, String> {
        let session = match Session::new(&self.program.wasm, object, None, Limits::default()) {
            Ok(session) => session,
            Err(e) if wanted == "refused" => return Ok(e.to_string()),
            Err(e) => return Err(e.to_string()),
        };
        let mut verdicts = session.functions().into_iter().map(|f| session.function(f).verdict);
        match verdicts.find(|v| *v != Verdict::Proved) {
            Some(verdict) if verdict.name() == wanted => {
                Ok(format!("{wanted}: {}", verdict.detail().lines().next().unwrap_or_default()))
            }
            Some(other) => Err(format!("{} and not {wanted}: {}", other.name(), other.detail())),
            None => Err("proved".to_string()),
        }
    }
}

/// The object with listed code in place of functions.
fn listed(text: &str, wasm: &[u8], right: &Compiled, is_checked: bool) -> Result<Vec<u8>, String> {
    let mut functions = right.functions.clone();
    for listing in listing::parse(text, &right.module)? {
        if is_checked {
            listing.check()?;
        }
        let index = listing.function;
        let place = functions.iter_mut().find(|f| f.index == index).ok_or("the object does not have the function")?;
        *place = CompiledFunction {
            code: listing.code,
            relocations: listing.relocations,
            data_ranges: listing.data_ranges,
            ..place.clone()
        };
    }
    let (module, contract, options) = (&right.module, &right.claim.contract, Options::default());
    let mut data = object_data(module, wasm, contract).map_err(|e| e.to_string())?;
    data.witness = right.claim.encode();
    let info = module_info(module, contract).map_err(|e| e.to_string())?;
    write_object(&functions, &info, &data, options.core, options.symbols).map_err(|e| e.to_string())
}

/// Reads all cases of a folder, by name.
///
/// # Errors
/// A folder or case that cannot be read.
pub fn cases(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let mut folders: Vec<_> = paths.into_iter().filter(|p| p.is_dir()).collect();
    folders.sort();
    folders.iter().map(|f| Case::read(f)).collect()
}
