//! What registers and spill slots hold, and steps that are not needed because of it.
//!
//! Before: `ldr r0, =x; ldr r1, [r0]; adds r1, #1; ldr r0, =x; str r1, [r0]`. After: the same without the second `ldr r0, =x`. Where values
//! get no register they are loaded, or made again, before each use, as if nothing were known about the use before; and the moves at calls
//! and at the ends of blocks do not know what stands in a register already. Every word gets a number, block by block, and a step that puts
//! a word where it is goes. A slot's word that a register holds is moved from there, and so is an address or a long constant.
//!
//! Nothing is known at the start of a block that several lead to: what holds there is what the witness says.

use super::{Allocated, Place, Step};
use crate::encode::operand::{Condition, ModifiedImm};
use crate::faults;
use crate::machine::{Compare, Inst, MachineFunc, Reg, Src, Test};
use rustc_hash::FxHashMap;
use std::ops::Range;
use synth_validator::domain::Symbol;

/// Core registers.
const CORE: usize = 15;
/// The register for moves and within instructions, of which nothing is known.
const SPARE: usize = 12;
/// Registers that a call leaves as they were.
const PRESERVED: Range<usize> = 4..12;

/// A number for a word.
type Number = u32;

/// What is made from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Made {
    Constant(u32),
    Address(Symbol, i16),
    Incoming(u32),
}

fn made(inst: &Inst) -> Option<(Made, Reg)> {
    match inst {
        Inst::Const { rd, value } => Some((Made::Constant(*value), *rd)),
        Inst::SymbolAddress { rd, symbol, addend } => Some((Made::Address(*symbol, *addend), *rd)),
        Inst::LoadIncoming { rd, offset } => Some((Made::Incoming(*offset), *rd)),
        _ => None,
    }
}

/// Whether making it takes more than moving it.
fn is_costly(made: Made) -> bool {
    match made {
        Made::Constant(k) => k > 0xffff && ModifiedImm::new(k).or(ModifiedImm::new(!k)).is_none(),
        Made::Address(..) | Made::Incoming(_) => true,
    }
}

/// What is where.
#[derive(Clone, Default)]
struct Held {
    registers: [Option<Number>; CORE],
    slots: FxHashMap<u32, Number>,
}

impl Held {
    fn of(&self, place: Place) -> Option<Number> {
        match place {
            Place::Reg(n) => self.registers[usize::from(n)],
            Place::Slot(s) => self.slots.get(&s).copied(),
        }
    }
    fn put(&mut self, place: Place, number: Option<Number>) {
        match (place, number) {
            (Place::Reg(n), _) => {
                self.registers[usize::from(n)] = number.filter(|_| usize::from(n) != SPARE);
            }
            (Place::Slot(s), Some(number)) if faults::on("known-slot-stale") => {
                self.slots.entry(s).or_insert(number);
            }
            (Place::Slot(s), Some(number)) => drop(self.slots.insert(s, number)),
            (Place::Slot(s), None) => drop(self.slots.remove(&s)),
        }
    }
    /// The first register that holds a word.
    fn register(&self, number: Number) -> Option<u8> {
        self.registers.iter().position(|r| *r == Some(number)).map(|n| n as u8)
    }
}

/// Numbers of words.
#[derive(Default)]
struct Numbers {
    made: FxHashMap<Made, Number>,
    next: Number,
}

impl Numbers {
    fn fresh(&mut self) -> Number {
        self.next += 1;
        self.next
    }
    fn of(&mut self, made: Made) -> Number {
        match self.made.get(&made) {
            Some(number) => *number,
            None => {
                let number = self.fresh();
                self.made.insert(made, number);
                number
            }
        }
    }
}

/// Leaves out the steps that put a word where it is.
pub(super) fn without_known(machine: &MachineFunc, mut allocated: Allocated) -> Allocated {
    let mut numbers = Numbers::default();
    let mut ends: Vec<Option<Held>> = vec![None; machine.blocks.len()];
    for (b, block) in machine.blocks.iter().enumerate() {
        let mut held = match block.preds[..] {
            [above] => after(machine, &allocated.blocks[above], above, b, ends[above].as_ref(), &mut numbers),
            _ => Held::default(),
        };
        let steps = std::mem::take(&mut allocated.blocks[b]);
        allocated.blocks[b] = steps.into_iter().filter_map(|step| kept(step, &mut held, &mut numbers)).collect();
        ends[b] = Some(held);
    }
    allocated
}

/// What is held where a block goes on in its successor: also what the branch has found out.
fn after(
    machine: &MachineFunc,
    steps: &[Step],
    block: usize,
    to: usize,
    held: Option<&Held>,
    numbers: &mut Numbers,
) -> Held {
    let mut held = held.cloned().unwrap_or_default();
    if let Some(Step::Inst(Inst::Branch { test: Test { compare: Compare::Cmp(n, Src::Imm(k)), condition } }, _)) =
        steps.last()
        && let [yes, no] = machine.blocks[block].succs[..]
        && yes != no
        && let Condition::Eq | Condition::Ne = condition
        && (to == yes) == ((*condition == Condition::Eq) != faults::on("known-other-edge"))
    {
        held.put(Place::Reg(n.0 as u8), Some(numbers.of(Made::Constant(*k))));
    }
    held
}

/// The step, or a cheaper one; nothing if the word is there.
fn kept(step: Step, held: &mut Held, numbers: &mut Numbers) -> Option<Step> {
    match step {
        Step::Move(from, to) => {
            let number = match held.of(from) {
                Some(number) => number,
                None => numbers.fresh(),
            };
            held.put(from, Some(number));
            if held.of(to) == Some(number) {
                return None;
            }
            let near = held.register(number).map(Place::Reg).filter(|_| matches!(from, Place::Slot(_)));
            held.put(to, Some(number));
            Some(Step::Move(near.unwrap_or(from), to))
        }
        Step::Inst(mut inst, origin) => {
            if let Some((what, rd)) = made(&inst) {
                let (number, to) = (numbers.of(what), Place::Reg(rd.0 as u8));
                if held.of(to) == Some(number) {
                    return None;
                }
                let near = held.register(number).filter(|_| is_costly(what));
                held.put(to, Some(number));
                return Some(near.map_or(Step::Inst(inst, origin), |near| Step::Move(Place::Reg(near), to)));
            }
            if inst.is_call() && !faults::on("known-over-call") {
                let lost = held.registers.iter_mut().enumerate().filter(|(n, _)| !PRESERVED.contains(n));
                lost.for_each(|(_, register)| *register = None);
            }
            inst.operands(&mut |r, role| {
                if role.is_def() {
                    held.put(Place::Reg(r.0 as u8), None);
                }
            });
            Some(Step::Inst(inst, origin))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::memory::Access;
    use crate::machine::{Address, MachineBlock, Target};

    const CONSTANT: u32 = 0x1234_5678;

    fn made_in(n: u32) -> Step {
        Step::Inst(Inst::Const { rd: Reg(n), value: CONSTANT }, 0)
    }
    fn load(n: u32) -> Step {
        Step::Inst(Inst::Memory { access: Access::Ldr, rt: Reg(n), address: Address::Offset(Reg(11), 0) }, 0)
    }
    fn call() -> Step {
        Step::Inst(Inst::Call { target: Target::Function(0), args: Vec::new(), results: Vec::new() }, 0)
    }
    fn moved(from: Place, to: Place) -> Step {
        Step::Move(from, to)
    }
    /// What is left of the blocks, the predecessors of which are given.
    fn left(blocks: &[(&[usize], &[usize], Vec<Step>)]) -> Vec<Vec<Step>> {
        let block = |preds: &[usize], succs: &[usize]| MachineBlock {
            preds: preds.to_vec(),
            succs: succs.to_vec(),
            ..MachineBlock::default()
        };
        let machine = MachineFunc {
            blocks: blocks.iter().map(|(preds, succs, _)| block(preds, succs)).collect(),
            ..MachineFunc::default()
        };
        let steps = blocks.iter().map(|(.., steps)| steps.clone()).collect();
        without_known(&machine, Allocated { blocks: steps, live: Vec::new(), slots: 9 }).blocks
    }
    fn left_of(steps: Vec<Step>) -> Vec<Step> {
        left(&[(&[], &[], steps)]).remove(0)
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        assert_eq!(left_of(vec![made_in(0), load(1), made_in(0)]), [made_in(0), load(1)]);
        assert_eq!(left_of(vec![made_in(0), load(0), made_in(0)]), [made_in(0), load(0), made_in(0)]);
        let near = moved(Place::Reg(0), Place::Reg(1));
        assert_eq!(left_of(vec![made_in(0), made_in(1), made_in(1)]), [made_in(0), near]);
    }

    #[test]
    fn calls_leave_only_what_they_preserve() {
        assert_eq!(left_of(vec![made_in(4), call(), made_in(4)]), [made_in(4), call()]);
        for n in [0, 3, 14] {
            assert_eq!(left_of(vec![made_in(n), call(), made_in(n)]), [made_in(n), call(), made_in(n)], "r{n}");
        }
        assert_eq!(left_of(vec![made_in(12), made_in(12)]), [made_in(12), made_in(12)]);
    }

    #[test]
    fn slots_hold_what_was_stored_last() {
        let [store, other] = [0, 1].map(|n| moved(Place::Reg(n), Place::Slot(7)));
        let reload = |n| moved(Place::Slot(7), Place::Reg(n));
        assert_eq!(left_of(vec![store.clone(), reload(0)]), [store.clone()]);
        assert_eq!(left_of(vec![store.clone(), reload(5)]), [store.clone(), moved(Place::Reg(0), Place::Reg(5))]);
        let all = vec![store.clone(), load(1), other.clone(), reload(0)];
        assert_eq!(left_of(all), [store.clone(), load(1), other, moved(Place::Reg(1), Place::Reg(0))]);
        assert_eq!(left_of(vec![store.clone(), load(0), reload(0)]), [store, load(0), reload(0)]);
    }

    #[test]
    fn blocks_know_what_the_only_one_before_them_knew() {
        let left = |preds: &[usize]| left(&[(&[], &[1], vec![made_in(0)]), (preds, &[], vec![made_in(0)])])[1].len();
        assert_eq!((left(&[0]), left(&[0, 0]), left(&[])), (0, 1, 1));
    }

    #[test]
    fn branches_tell_on_one_edge() {
        for (condition, told) in [(Condition::Eq, [0, 1]), (Condition::Ne, [1, 0]), (Condition::Hs, [1, 1])] {
            let test = Test { compare: Compare::Cmp(Reg(2), Src::Imm(CONSTANT)), condition };
            let branch = Step::Inst(Inst::Branch { test }, 0);
            let found =
                left(&[(&[], &[1, 2], vec![branch]), (&[0], &[], vec![made_in(2)]), (&[0], &[], vec![made_in(2)])]);
            assert_eq!([found[1].len(), found[2].len()], told, "{condition:?}");
        }
    }
}
