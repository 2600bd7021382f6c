//! Which instructions of a function were inlined from another one, and where that was called.
//!
//! An instruction says which operator it comes from, and so which function's body. If that function was inlined at one place only, what
//! comes from it was inlined there. If it was at several, it is not known where, and nothing is said.

use std::collections::BTreeMap;
use std::ops::Range;
use synth_validator::claim::Claim;
use synth_validator::ir::Func;

/// A function that was inlined at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The inlined function.
    pub callee: u32,
    /// The site inside of which the call was, by number; none if in the function itself.
    pub parent: Option<usize>,
    /// The call's offset in the module.
    pub call: u32,
    /// What of the code comes from it, what it has inlined included; ascending.
    pub ranges: Vec<Range<u32>>,
}

/// All that was inlined into a function, callers first: callee, parent (0 the function, `n` the list's entry before `n`), offset of the call.
fn all(claim: &Claim, index: u32) -> Vec<(u32, usize, u32)> {
    let stages_of = |index: u32| claim.functions.iter().find(|f| f.index == index).map_or(&[][..], |f| &f.stages);
    let stages = stages_of(index);
    let Some(at) = stages.iter().position(|s| !s.inlined.is_empty()) else { return Vec::new() };
    let mut bodies: Vec<&Func> = at.checked_sub(1).map(|before| &stages[before].func).into_iter().collect();
    let mut out = Vec::new();
    for entry in &stages[at].inlined {
        let mut block = entry.block as usize;
        let mut call = None;
        for (number, body) in bodies.iter().enumerate() {
            match body.blocks.get(block) {
                Some(data) => {
                    call = data.insts.get(entry.inst as usize).map(|inst| (number, inst.origin));
                    break;
                }
                None => block -= body.blocks.len(),
            }
        }
        let (Some((parent, call)), Some(stage)) = (call, stages_of(entry.callee).get(entry.stage as usize)) else {
            return Vec::new();
        };
        out.push((entry.callee, parent, call));
        bodies.push(&stage.func);
    }
    out
}

/// What was inlined into a function at one place each. Operands: its lines, the bytes of its code, the function that an offset of
/// the module belongs to.
pub fn sites(
    claim: &Claim,
    index: u32,
    lines: &[(u32, u32)],
    bytes: u32,
    function_at: impl Fn(u32) -> Option<u32>,
) -> Vec<Site> {
    let all = all(claim, index);
    let mut copies: BTreeMap<u32, usize> = BTreeMap::new();
    all.iter().for_each(|(callee, ..)| *copies.entry(*callee).or_insert(0) += 1);
    // By entry of the list: the number of its site.
    let mut numbers: Vec<Option<usize>> = Vec::new();
    let mut sites: Vec<Site> = Vec::new();
    for &(callee, parent, call) in &all {
        let mut around = parent;
        let parent = loop {
            match around.checked_sub(1) {
                None => break None,
                Some(entry) if numbers[entry].is_some() => break numbers[entry],
                Some(entry) => around = all[entry].1,
            }
        };
        let is_single = copies[&callee] == 1 && callee != index;
        numbers.push(is_single.then_some(sites.len()));
        if is_single {
            sites.push(Site { callee, parent, call, ranges: Vec::new() });
        }
    }
    let ends = lines.iter().skip(1).map(|(at, _)| *at).chain([bytes]);
    for (&(from, origin), to) in lines.iter().zip(ends).filter(|((from, _), to)| from < to) {
        let mut site = function_at(origin).and_then(|f| sites.iter().position(|s| s.callee == f));
        while let Some(number) = site {
            match sites[number].ranges.last_mut() {
                Some(last) if last.end == from => last.end = to,
                _ => sites[number].ranges.push(from..to),
            }
            site = sites[number].parent;
        }
    }
    sites
}
