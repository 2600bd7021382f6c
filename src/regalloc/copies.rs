//! Parallel copies: many moves at once, put in an order that keeps what is still to be read.

use super::Place;
use crate::faults;
use crate::machine::Inst;
use smallvec::SmallVec;

/// Where a copy takes its word from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// A place.
    Place(Place),
    /// An instruction makes it from nothing, in any register.
    Made(Inst),
}

/// A move in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ordered {
    /// From place to place, never from slot to slot.
    Move(Place, Place),
    /// An instruction makes the word in a core register.
    Made(Inst, u8),
}

/// Copies: where each takes its word from, and where it puts it.
pub(super) type Copies = SmallVec<[(Source, Place); 2]>;

/// The register that copies may use.
const SPARE: Place = Place::Reg(12);

/// Puts copies in order; nothing if one spare register is not enough. Each place is written once.
pub(super) fn ordered(copies: Copies) -> Option<SmallVec<[Ordered; 2]>> {
    let mut out = SmallVec::new();
    let mut open: SmallVec<[(Place, Place); 4]> = SmallVec::new();
    let mut made = Vec::new();
    for (source, to) in copies {
        match source {
            Source::Place(from) if from == to => {}
            Source::Place(from) => open.push((from, to)),
            Source::Made(inst) => made.push((inst, to)),
        }
    }
    while !open.is_empty() {
        let is_read = |to: &Place| open.iter().any(|(from, _)| from == to) && !faults::on("allocate-copy-cycle");
        let free = open.iter().position(|(_, to)| !is_read(to));
        if let Some(at) = free {
            let (from, to) = open.remove(at);
            if let (Place::Slot(_), Place::Slot(_)) = (from, to) {
                // The spare register holds a word of a broken cycle until the cycle is done.
                if open.iter().any(|(from, _)| *from == SPARE) {
                    return None;
                }
                out.push(Ordered::Move(from, SPARE));
                out.push(Ordered::Move(SPARE, to));
            } else {
                out.push(Ordered::Move(from, to));
            }
            continue;
        }
        // What is left are cycles: one word waits in the spare register.
        if open.iter().any(|(from, _)| *from == SPARE) {
            return None;
        }
        let first = &mut open[0];
        out.push(Ordered::Move(first.0, SPARE));
        first.0 = SPARE;
    }
    for (inst, to) in made {
        match to {
            Place::Reg(n) => out.push(Ordered::Made(inst, n)),
            Place::Slot(_) => {
                out.push(Ordered::Made(inst, 12));
                out.push(Ordered::Move(SPARE, to));
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Executes moves on places that hold their own number at first.
    fn run(moves: &[Ordered]) -> BTreeMap<Place, Place> {
        let mut held: BTreeMap<Place, Place> = BTreeMap::new();
        for m in moves {
            let Ordered::Move(from, to) = m else { panic!("only moves") };
            let word = *held.get(from).unwrap_or(from);
            held.insert(*to, word);
        }
        held
    }

    /// All permutations and fan-outs of five places, two of them slots.
    #[test]
    fn every_place_gets_its_word() {
        let place = |n: usize| if n < 3 { Place::Reg(n as u8) } else { Place::Slot(n as u32) };
        let mut ordered_all = 0;
        for code in 0..5usize.pow(5) {
            let sources: Vec<usize> = (0..5).map(|n| code / 5usize.pow(n) % 5).collect();
            let copies = sources.iter().enumerate().map(|(to, from)| (Source::Place(place(*from)), place(to)));
            let Some(moves) = ordered(copies.collect()) else { continue };
            ordered_all += 1;
            let held = run(&moves);
            for (to, from) in sources.iter().enumerate() {
                assert_eq!(*held.get(&place(to)).unwrap_or(&place(to)), place(*from), "{sources:?}: {moves:?}");
            }
            let memory = |m: &Ordered| matches!(m, Ordered::Move(Place::Slot(_), Place::Slot(_)));
            assert!(!moves.iter().any(memory), "{moves:?}");
        }
        // The others have a cycle with both slots in it.
        assert!(ordered_all > 2700, "{ordered_all} of 3125");
    }
}
