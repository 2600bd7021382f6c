//! Way 4: every function and the initial image of every compiled module, proved. Modules that are the same, to the
//! byte, and are compiled under the same contract are proved once.

use super::features::Feature;
use super::interpreted::Built;
use super::outcome::Answer;
use super::script::{File, Step, Unit};
use crate::support::proofs::{Proof, deep_map, prove};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use synth_validator::ladder::Limits;
use synth_validator::validate::Verdict;

/// What came of a module.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Functions that it defines.
    pub functions: usize,
    /// Functions whose verdict is `Proved`.
    pub proved: usize,
    /// What is not proved: image or function, verdict and reason.
    pub open: Vec<String>,
}

/// The modules of a file after way 4, by unit; `None` where there is no object.
pub type Modules = Vec<Option<Proved>>;

/// Proves the modules of all files. Result: by file.
pub fn way_4(files: &[(&File, &[Result<Built, Answer>])]) -> Vec<Modules> {
    let mut modules: BTreeMap<(&[u8], u32), (&Unit, &Built)> = BTreeMap::new();
    for (file, built) in files {
        for (unit, built) in file.units.iter().zip(*built) {
            let Ok(built) = built else { continue };
            let key = (unit.compiled_bytes(), built.compiled.claim.contract.capacity_bytes);
            modules.entry(key).or_insert((unit, built));
        }
    }
    // The largest first, so that no thread is left with it at the end.
    let mut modules: Vec<_> = modules.into_iter().collect();
    modules.sort_by_key(|(_, (_, built))| Reverse(built.compiled.object.len()));
    let proofs = deep_map(&modules, |(_, (unit, built))| match both(unit, built) {
        Ok(proof) => proved(unit, &proof),
        Err(refused) => Proved { functions: 1, proved: 0, open: vec![format!("object: {refused}")] },
    });
    let proofs: BTreeMap<_, _> = modules.iter().map(|(key, _)| *key).zip(proofs).collect();
    let of = |(file, built): &(&File, &[Result<Built, Answer>])| {
        let unit = |(unit, built): (&Unit, &Result<Built, Answer>)| {
            let capacity = built.as_ref().ok()?.compiled.claim.contract.capacity_bytes;
            proofs.get(&(unit.compiled_bytes(), capacity)).cloned()
        };
        file.units.iter().zip(*built).map(unit).collect()
    };
    files.iter().map(of).collect()
}

/// The proof of a module's object, and of the functions that it leaves out from the object that has all.
fn both(unit: &Unit, built: &Built) -> Result<Proof, String> {
    let one = |object: &[u8]| prove(unit.compiled_bytes(), object, None, Limits::default()).map_err(|e| e.to_string());
    let mut proof = one(&built.compiled.object)?;
    if let Some(whole) = &built.whole {
        let whole = one(whole)?;
        if proof.image == Verdict::Proved {
            proof.image = whole.image;
        }
        let there: Vec<u32> = proof.functions.iter().map(|f| f.index).collect();
        proof.functions.extend(whole.functions.into_iter().filter(|f| !there.contains(&f.index)));
    }
    Ok(proof)
}

fn proved(unit: &Unit, proof: &Proof) -> Proved {
    let is_proved = |verdict: &Verdict| *verdict == Verdict::Proved;
    let open = |place: String, verdict: &Verdict| format!("{place}: {}: {}", verdict.name(), verdict.detail());
    let image = Some(&proof.image).filter(|image| !is_proved(image));
    let functions = proof.functions.iter().filter(|f| !is_proved(&f.verdict));
    let functions = functions.map(|f| open(format!("function {}", f.index), &f.verdict));
    // Functions that the original has with another body do not count.
    let own = |index| unit.reduced.as_ref().is_none_or(|reduced| !reduced.replaced.contains(&index));
    Proved {
        functions: proof.functions.iter().filter(|f| own(f.index)).count(),
        proved: proof.functions.iter().filter(|f| own(f.index) && is_proved(&f.verdict)).count(),
        open: image.map(|image| open("image".to_string(), image)).into_iter().chain(functions).collect(),
    }
}

/// The answers of way 4 to a file's directives: a module is there if all of it is proved.
pub fn answers(file: &File, built: &[Result<Built, Answer>], modules: &Modules) -> Vec<Answer> {
    let answer = |step: &Step| match step {
        Step::Define(unit) | Step::DefineTraps(unit, _) => match (&modules[*unit], &built[*unit]) {
            (Some(module), _) if module.open.is_empty() => match file.units[*unit].reduced {
                // Not all of it.
                Some(_) => Answer::Skipped(Feature::FloatArithmetic.reason().to_string()),
                None => Answer::Proved,
            },
            (Some(module), _) => Answer::Stopped(module.open.join("; ")),
            (None, Err(Answer::Skipped(reason))) => Answer::Skipped(reason.clone()),
            // The compiler found that instantiation traps.
            (None, _) => Answer::Absent,
        },
        _ => Answer::Absent,
    };
    file.directives.iter().map(|directive| answer(&directive.step)).collect()
}
