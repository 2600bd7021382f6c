//! Branches, calls, returns and traps. Source: DDI 0403E, A7.7; IHI 0042, 6 (calls); IHI 0043, 4.2 and 4.3.4 (helpers).
//!
//! Requirement TOR-CLAUSE-REGISTERS: A function that returns with another value in r4 to r11 or sp than it was entered with shall not
//! be proved.
//!
//! Requirement TOR-CLAUSE-RETURN: A function that returns to another place than its caller shall not be proved.
//!
//! Requirement TOR-CLAUSE-SPALIGN: A call with a stack pointer that is not a multiple of 8 shall not be proved.

use super::abi::{self, Slot};
use super::decode::{Helper, Target};
use super::insn::*;
use super::semantics::{Cpu, Flow, Point, TABLE, TAIL_RETURN, integer_type};
use crate::bounds;
use crate::domain::{CmpOp, DivOp, Domain, Place, Space, Symbol};
use crate::pair;
use crate::program::{Callee, Unsupported};
use crate::trap::TrapKind;

const CALLEE_SAVED: [(u8, &str); 8] = [
    (4, "callee-saved r4"),
    (5, "callee-saved r5"),
    (6, "callee-saved r6"),
    (7, "callee-saved r7"),
    (8, "callee-saved r8"),
    (9, "callee-saved r9"),
    (10, "callee-saved r10"),
    (11, "callee-saved r11"),
];

impl<D: Domain> Cpu<'_, D> {
    /// Executes a branch, call or trap.
    pub fn branch(&mut self) -> Result<Flow<D>, Unsupported> {
        match self.insn.op {
            Op::B { target, .. } if self.insn.relocation.is_none() => match self.insn.op {
                Op::B { cond: Cond::Al, .. } => Ok(Flow::Jump(start_of(target))),
                Op::B { cond, .. } => {
                    let holds = self.holds(cond);
                    self.either(holds, start_of(target))
                }
                _ => self.fail("not a branch"),
            },
            Op::B { .. } => {
                let lr = self.reg(Reg::LR)?;
                self.leaves(lr)?;
                self.direct_call(true)
            }
            Op::Bl { .. } => self.direct_call(false),
            Op::Cbz { nonzero, rn, target } => {
                let x = self.reg(rn)?;
                let zero = self.d.cmp_const(CmpOp::Eq, &x, 0);
                let holds = if nonzero { self.d.not(&zero) } else { zero };
                self.either(holds, start_of(target))
            }
            Op::Bx { rm } => {
                let target = self.reg(rm)?;
                if self.f.indirect_types.contains_key(&self.insn.offset) {
                    let lr = self.reg(Reg::LR)?;
                    self.leaves(lr)?;
                    return self.indirect_call(target, true);
                }
                self.branch_to(target)
            }
            Op::Blx { rm } => {
                let target = self.reg(rm)?;
                self.indirect_call(target, false)
            }
            Op::TableBranch { .. } => self.table_branch(0),
            Op::Udf(code) => match TrapKind::from_code(code) {
                Some(kind) => Ok(Flow::Trap(kind)),
                None => self.fail("udf with a number that is no trap kind"),
            },
            _ => self.fail("not a branch"),
        }
    }

    fn either(&mut self, holds: D::B, taken: Point) -> Result<Flow<D>, Unsupported> {
        Ok(match self.d.as_bool(&holds) {
            Some(true) => Flow::Jump(taken),
            Some(false) => Flow::Next,
            None => Flow::Branch(holds, taken, self.next()),
        })
    }

    /// Step `k` of a table branch: is the index `k`?
    pub fn table_branch(&mut self, k: u32) -> Result<Flow<D>, Unsupported> {
        let (Op::TableBranch { rm, .. }, Some(targets)) = (self.insn.op, self.f.code.tables.get(&self.insn.offset))
        else {
            return self.fail("no branch table");
        };
        let index = self.reg(rm)?;
        let known = self.d.as_word(&index).and_then(|i| targets.get(i as usize));
        if let Some(target) = known {
            return Ok(Flow::Jump(Point { offset: *target, micro: 0 }));
        }
        let Some(target) = targets.get(k as usize) else {
            let never = self.d.bool(false);
            self.require(never, "table branch out of its table");
            // Never reached: the fact above fails first.
            return Ok(Flow::Trap(TrapKind::Unreachable));
        };
        let here = self.d.cmp_const(CmpOp::Eq, &index, k);
        let taken = Point { offset: *target, micro: 0 };
        let other = Point { offset: self.insn.offset, micro: TABLE + k + 1 };
        Ok(match self.d.as_bool(&here) {
            Some(true) => Flow::Jump(taken),
            Some(false) => Flow::Jump(other),
            None => Flow::Branch(here, taken, other),
        })
    }

    /// A branch to an address: only a return to the caller.
    pub fn branch_to(&mut self, target: D::W) -> Result<Flow<D>, Unsupported> {
        self.leaves(target)?;
        Ok(Flow::Return(self.result_words()?))
    }

    /// Requires what must hold when the function gives up control for good.
    fn leaves(&mut self, target: D::W) -> Result<(), Unsupported> {
        let lr = self.d.entry_register(14);
        self.require_equal(target, lr, "returns to its caller");
        let (sp, entry) = (self.reg(Reg::SP)?, self.d.entry_register(13));
        self.require_equal(sp, entry, "sp is restored");
        for (n, why) in CALLEE_SAVED {
            let (now, entry) = (self.reg(Reg(n))?, self.d.entry_register(n));
            self.require_equal(now, entry, why);
        }
        Ok(())
    }

    /// Result words: r0 to r3, then the result cells.
    pub fn result_words(&mut self) -> Result<Vec<D::W>, Unsupported> {
        let count = self.f.result_words;
        let mut words: Vec<D::W> = self.state.regs[..count.min(4)].to_vec();
        let more = count.saturating_sub(4);
        match self.state.world.results.get(..more) {
            Some(rest) => words.extend(rest.iter().cloned()),
            None => return self.fail("returns with result words not written"),
        }
        Ok(words)
    }

    fn direct_call(&mut self, tail: bool) -> Result<Flow<D>, Unsupported> {
        match self.insn.relocation.map(|r| r.target) {
            Some(Target::Symbol(Symbol::Function(index))) => {
                let Some(function) = self.f.module.functions.get(index as usize) else {
                    return self.fail("calls a function that the module has not");
                };
                self.call(Callee::Function(index), function.type_index, tail)
            }
            Some(Target::Helper(helper)) if !tail => {
                self.helper(helper)?;
                Ok(Flow::Next)
            }
            _ => self.fail("call of something that is no function"),
        }
    }

    fn indirect_call(&mut self, address: D::W, tail: bool) -> Result<Flow<D>, Unsupported> {
        match self.f.indirect_types.get(&self.insn.offset).copied() {
            Some(type_index) => self.call(Callee::Address { address, type_index }, type_index, tail),
            None => self.fail("indirect call whose type is not claimed"),
        }
    }

    fn sp_at_call(&mut self) -> Result<i32, Unsupported> {
        let sp = self.sp()?;
        let aligned = self.d.bool(sp % 8 == 0);
        self.require(aligned, "sp is not 8-aligned at a call");
        Ok(sp)
    }

    fn call(&mut self, callee: Callee<D::W>, type_index: u32, tail: bool) -> Result<Flow<D>, Unsupported> {
        let (params, results) = integer_type(self.f.module, type_index)?;
        let (slots, bytes) = abi::arguments(&params);
        let sp = self.sp_at_call()?;
        if tail && (bytes > self.f.incoming_bytes() || results != self.f.result_words) {
            return self.fail("tail call of a function whose arguments or results do not fit");
        }
        let mut args = Vec::new();
        for slot in slots {
            args.push(match slot {
                Slot::Reg(n) => self.reg(Reg(n))?,
                Slot::Stack(offset) => match self.state.frame.get(&(sp + offset as i32)) {
                    Some(word) => word.clone(),
                    None => return self.fail("calls with a stack argument never written"),
                },
            });
        }
        self.state.outgoing_bytes = bytes;
        let next = if tail { Point { offset: self.insn.offset, micro: TAIL_RETURN } } else { self.next() };
        Ok(Flow::Call(callee, args, results, next))
    }

    /// A run-time helper does what the AEABI says (assumption `A-RT`).
    fn helper(&mut self, helper: Helper) -> Result<(), Unsupported> {
        self.sp_at_call()?;
        let r: [D::W; 4] = std::array::from_fn(|i| self.state.regs[i].clone());
        match helper {
            Helper::Uldivmod | Helper::Ldivmod => {
                self.facts.extend(bounds::divisor(self.d, &r[2], &r[3]));
                let signed = helper == Helper::Ldivmod;
                let (quotient, remainder) =
                    if signed { (DivOp::SQuot, DivOp::SRem) } else { (DivOp::UQuot, DivOp::URem) };
                let [a, b] = [(r[0].clone(), r[1].clone()), (r[2].clone(), r[3].clone())];
                let (q, m) = (pair::div(self.d, quotient, &a, &b), pair::div(self.d, remainder, &a, &b));
                self.clobber();
                self.state.regs[..4].clone_from_slice(&[q.0, q.1, m.0, m.1]);
            }
            Helper::Memmove => {
                let dst = self.memory_range(&r[0], &r[2])?;
                let memory = match self.d.locate(&r[1]) {
                    Place::Symbol(Symbol::Memory, _) => {
                        let src = self.memory_range(&r[1], &r[2])?;
                        self.d.copy(&self.state.world.memory, &dst, &src, &r[2])
                    }
                    Place::Symbol(Symbol::Data(k), src) => {
                        let len = self.f.module.data.get(k as usize).map_or(0, |data| data.bytes.len());
                        let size = self.d.word(len as u32);
                        self.range(&src, &r[2], &size);
                        self.d.init(&self.state.world.memory, k, &dst, &src, &r[2])
                    }
                    _ => return self.fail("copies from an address with unknown base"),
                };
                self.state.world.memory = memory;
                self.clobber();
            }
            Helper::Memset => {
                let dst = self.memory_range(&r[0], &r[1])?;
                self.state.world.memory = self.d.fill(&self.state.world.memory, &dst, &r[2], &r[1]);
                self.clobber();
            }
        }
        Ok(())
    }

    /// Requires that `len` bytes at an offset lie in `size` bytes.
    fn range(&mut self, offset: &D::W, len: &D::W, size: &D::W) {
        let good = bounds::range_inside(self.d, size, offset, len);
        self.access(Space::Linear, good);
    }

    /// The offset in linear memory of a bulk access, required to be in range.
    fn memory_range(&mut self, address: &D::W, len: &D::W) -> Result<D::W, Unsupported> {
        let Place::Symbol(Symbol::Memory, offset) = self.d.locate(address) else {
            return self.fail("bulk access at an address with unknown base");
        };
        // The module's functions make none there; the start-up function copies segments.
        if self.f.module.relocations.in_host && self.f.is_of_module() {
            return self.fail("bulk access where all addresses are the host's");
        }
        // Masking bounds single addresses only, so a bulk access must be inside the present size in all modes.
        let size = self.state.world.memory_bytes.clone();
        self.range(&offset, len, &size);
        Ok(offset)
    }
}

/// The instruction at a target that decoding found to be inside the function.
fn start_of(target: i64) -> Point {
    Point { offset: target as u32, micro: 0 }
}
