//! Which body a function gets: its own, the cleaned one, or the one with calls inlined.
//!
//! The smallest is taken. Inlining a function that then nothing calls counts what that function's body took. After inlining, or
//! without it, each pass of [`super::PASSES`] is kept if the body does not become larger.

use super::{CLEAN, EMPTY_BODY, INLINE, PASSES};
use crate::error::CompileError;
use crate::module::Module;
use crate::pass::{Cx, Pass};
use crate::pipeline::{checked, stage};
use crate::wasm_writer::{Kept, Written, write};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::claim::Stage;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The body of a function.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Locals and code.
    pub(super) body: Vec<u8>,
    /// Why it is the function's own; none if it is a new one.
    pub(super) kept: Option<Kept>,
    /// IR forms, of which the body is the last one's.
    pub(super) stages: Vec<Stage>,
    /// The body with its witness.
    pub(super) written: Option<Written>,
    /// Calls inlined.
    pub(super) inlined: usize,
    /// Whether it is the body of a function that nothing calls.
    pub(super) uncalled: bool,
    /// Passes applied.
    pub(super) passes: Vec<&'static str>,
}

impl Choice {
    /// The function's own body.
    pub(super) fn keep(module: &Module, bytes: &[u8], index: u32, kept: Kept) -> Choice {
        let body = bytes[module.functions[index as usize].body.clone()].to_vec();
        let (stages, passes) = (Vec::new(), Vec::new());
        Choice { body, kept: Some(kept), stages, written: None, inlined: 0, uncalled: false, passes }
    }
    /// The body of a function that nothing calls.
    pub(super) fn uncalled() -> Choice {
        Choice {
            body: EMPTY_BODY.to_vec(),
            kept: None,
            stages: Vec::new(),
            written: None,
            inlined: 0,
            uncalled: true,
            passes: vec!["uncalled"],
        }
    }
    fn written(written: Written, stages: Vec<Stage>) -> Choice {
        let inlined = stages.iter().map(|s| s.inlined.len()).sum();
        let body = written.body.clone();
        let applied = |pass: &&Pass| stages.iter().any(|s| s.name == pass.name);
        let optimizer = [INLINE, CLEAN];
        let mut passes: Vec<&str> = optimizer.iter().chain(PASSES).filter(applied).map(|p| p.name).collect();
        passes.push("write");
        Choice { body, kept: None, stages, written: Some(written), inlined, uncalled: false, passes }
    }
}

/// What choosing needs to know of the module.
pub(super) struct Chooser<'a> {
    bytes: &'a [u8],
    cx: &'a Cx<'a>,
    /// Functions that one call only, in all bodies, keeps alive, with the function that makes it.
    called_once: BTreeMap<u32, u32>,
}

impl<'a> Chooser<'a> {
    /// Counts calls. `callable` says by function whether it can be called at all.
    pub(super) fn new(bytes: &'a [u8], cx: &'a Cx<'a>, callable: Vec<bool>) -> Chooser<'a> {
        let module = cx.module;
        let mut calls = vec![0u32; module.functions.len()];
        let mut caller = vec![0u32; module.functions.len()];
        // Exports, the start function and table entries are called from elsewhere.
        let exports = module.exports.iter().filter(|e| e.kind == crate::module::ExportKind::Function).map(|e| e.index);
        let entries = module.elements.iter().flat_map(|e| &e.funcs).flatten().copied();
        exports.chain(entries).chain(module.start).for_each(|f| calls[f as usize] += 2);
        for (index, function) in module.functions.iter().enumerate() {
            if function.import.is_none() && callable[index] {
                for operator in operators(bytes, function.body.clone()) {
                    match operator {
                        Operator::Call { function_index } => {
                            calls[function_index as usize] += 1;
                            caller[function_index as usize] = index as u32;
                        }
                        Operator::RefFunc { function_index } | Operator::ReturnCall { function_index } => {
                            calls[function_index as usize] += 2;
                        }
                        _ => {}
                    }
                }
            }
        }
        let once = (0u32..).zip(calls).filter(|(_, n)| *n == 1).map(|(f, _)| (f, caller[f as usize]));
        let called_once = once.collect();
        Chooser { bytes, cx, called_once }
    }

    /// Chooses a body. `refused` names the passes that are not to run on this function.
    ///
    /// # Errors
    /// IR that is not well formed.
    pub(super) fn choose(
        &self,
        index: u32,
        stages: &[Stage],
        refused: &dyn Fn(&str) -> bool,
    ) -> Result<Choice, CompileError> {
        let own = self.cx.module.functions[index as usize].body.len();
        let plain = self.smaller(stages.to_vec(), refused)?;
        let with = if refused(INLINE.name) { None } else { self.inlined(stages, refused)? };
        let best = plain.as_ref().map_or(own, |(w, _)| w.body.len()).min(own);
        if let Some((written, stages)) = with {
            if written.body.len() < best + self.saved(index, &stages) {
                return Ok(Choice::written(written, stages));
            }
        }
        Ok(match plain {
            Ok((written, stages)) if written.body.len() < own => Choice::written(written, stages),
            Ok((written, _)) => Choice::keep(self.cx.module, self.bytes, index, Kept::NotSmaller(written.body.len())),
            Err(kept) => Choice::keep(self.cx.module, self.bytes, index, kept),
        })
    }

    /// Makes the form after a pass.
    fn apply(&self, pass: &Pass, stages: &[Stage]) -> Result<Option<Stage>, CompileError> {
        let last = &stages.last().expect("invariant: a function that is built has a form").func;
        let Some(form) = (pass.run)(last, self.cx) else { return Ok(None) };
        checked(pass.name, &form.func, self.cx.module)?;
        Ok(Some(stage(pass.name, form)))
    }

    /// The body after all passes that do not make it larger, and the forms up to it; or why the forms as they are cannot be written.
    fn smaller(
        &self,
        mut stages: Vec<Stage>,
        refused: &dyn Fn(&str) -> bool,
    ) -> Result<Result<(Written, Vec<Stage>), Kept>, CompileError> {
        let last = &stages.last().expect("invariant: a function that is built has a form").func;
        let mut best = match write(last, self.bytes, self.cx) {
            Ok(written) => written,
            Err(kept) => return Ok(Err(kept)),
        };
        for pass in PASSES.iter().filter(|p| !refused(p.name)) {
            let Some(next) = self.apply(pass, &stages)? else { continue };
            if let Ok(written) = write(&next.func, self.bytes, self.cx)
                && written.body.len() <= best.body.len()
            {
                best = written;
                stages.push(next);
            }
        }
        Ok(Ok((best, stages)))
    }

    /// Bytes of the functions that nothing calls any more once a function has these forms.
    fn saved(&self, index: u32, stages: &[Stage]) -> usize {
        let inlined: BTreeSet<u32> = stages.iter().flat_map(|s| &s.inlined).map(|i| i.callee).collect();
        let mut gone = BTreeSet::from([index]);
        // Callees stand after their callers in the list of inlined calls, but a set has no such order.
        while let Some(f) = inlined
            .iter()
            .find(|f| !gone.contains(*f) && self.called_once.get(*f).is_some_and(|caller| gone.contains(caller)))
        {
            gone.insert(*f);
        }
        gone.remove(&index);
        let size = |f: &u32| self.cx.module.functions[*f as usize].body.len().saturating_sub(EMPTY_BODY.len());
        gone.iter().map(size).sum()
    }

    /// The body with calls inlined, and the forms up to it.
    fn inlined(
        &self,
        stages: &[Stage],
        refused: &dyn Fn(&str) -> bool,
    ) -> Result<Option<(Written, Vec<Stage>)>, CompileError> {
        let Some(inlined) = self.apply(&INLINE, stages)? else { return Ok(None) };
        let mut stages = [stages, &[inlined]].concat();
        stages.extend(self.apply(&CLEAN, &stages)?);
        Ok(self.smaller(stages, refused)?.ok())
    }
}

/// The operators of a body of a valid module.
fn operators(bytes: &[u8], body: std::ops::Range<usize>) -> Vec<Operator<'_>> {
    let body = FunctionBody::new(BinaryReader::new(&bytes[body.clone()], body.start as _));
    let reader = body.get_operators_reader().into_iter();
    reader.flat_map(|r| r.into_iter().map_while(Result::ok)).collect()
}
