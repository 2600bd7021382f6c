//! Constants, arithmetic, comparisons and conversions.

use super::Builder;
use crate::faults;
use synth_validator::domain::{BinOp, DivOp, UnOp};
use synth_validator::ir::{Bin64, Cond, Op, Type, Un64, Value};
use synth_validator::trap::TrapKind;
use wasmparser::Operator;

/// The comparison that an operator makes, and the type of its operands.
fn comparison(operator: &Operator<'_>) -> Option<(Type, Cond)> {
    use Operator as O;
    let (i32, i64) = (Type::I32, Type::I64);
    Some(match operator {
        O::I32Eq => (i32, Cond::Eq),
        O::I32Ne => (i32, Cond::Ne),
        O::I32LtU => (i32, Cond::LtU),
        O::I32LtS => (i32, Cond::LtS),
        O::I32GtU => (i32, Cond::GtU),
        O::I32GtS => (i32, Cond::GtS),
        O::I32LeU => (i32, Cond::LeU),
        O::I32LeS => (i32, Cond::LeS),
        O::I32GeU => (i32, Cond::GeU),
        O::I32GeS => (i32, Cond::GeS),
        O::I64Eq => (i64, Cond::Eq),
        O::I64Ne => (i64, Cond::Ne),
        O::I64LtU => (i64, Cond::LtU),
        O::I64LtS => (i64, Cond::LtS),
        O::I64GtU => (i64, Cond::GtU),
        O::I64GtS => (i64, Cond::GtS),
        O::I64LeU => (i64, Cond::LeU),
        O::I64LeS => (i64, Cond::LeS),
        O::I64GeU => (i64, Cond::GeU),
        O::I64GeS => (i64, Cond::GeS),
        _ => return None,
    })
}

/// The operation that a binary operator is by itself.
fn binary(operator: &Operator<'_>) -> Option<Op> {
    use Operator as O;
    Some(match operator {
        O::I32Add => Op::Bin(BinOp::Add),
        O::I32Sub => Op::Bin(BinOp::Sub),
        O::I32Mul => Op::Bin(BinOp::Mul),
        O::I32And => Op::Bin(BinOp::And),
        O::I32Or => Op::Bin(BinOp::Or),
        O::I32Xor => Op::Bin(BinOp::Xor),
        O::I32Rotr => Op::Bin(BinOp::Ror),
        O::I64Add => Op::Bin64(Bin64::Add),
        O::I64Sub => Op::Bin64(Bin64::Sub),
        O::I64Mul => Op::Bin64(Bin64::Mul),
        O::I64And => Op::Bin64(Bin64::And),
        O::I64Or => Op::Bin64(Bin64::Or),
        O::I64Xor => Op::Bin64(Bin64::Xor),
        O::I64Shl => Op::Bin64(Bin64::Shl),
        O::I64ShrU => Op::Bin64(Bin64::ShrU),
        O::I64ShrS => Op::Bin64(Bin64::ShrS),
        O::I64Rotl => Op::Bin64(Bin64::Rotl),
        O::I64Rotr => Op::Bin64(Bin64::Rotr),
        _ => return None,
    })
}

/// The operation that a unary operator is by itself.
fn unary(operator: &Operator<'_>) -> Option<Op> {
    use Operator as O;
    Some(match operator {
        O::I32Clz => Op::Un(UnOp::Clz),
        O::I32Popcnt => Op::Un(UnOp::Popcnt),
        O::I32Extend8S => Op::Un(UnOp::Sext8),
        O::I32Extend16S => Op::Un(UnOp::Sext16),
        O::I64Clz => Op::Un64(Un64::Clz),
        O::I64Ctz => Op::Un64(Un64::Ctz),
        O::I64Popcnt => Op::Un64(Un64::Popcnt),
        O::I64Extend8S => Op::Un64(Un64::Sext8),
        O::I64Extend16S => Op::Un64(Un64::Sext16),
        O::I64Extend32S => Op::Un64(Un64::Sext32),
        _ => return None,
    })
}

/// Type and operation of a division.
fn division(operator: &Operator<'_>) -> Option<(Type, DivOp)> {
    use Operator as O;
    Some(match operator {
        O::I32DivU => (Type::I32, DivOp::UQuot),
        O::I32DivS => (Type::I32, DivOp::SQuot),
        O::I32RemU => (Type::I32, DivOp::URem),
        O::I32RemS => (Type::I32, DivOp::SRem),
        O::I64DivU => (Type::I64, DivOp::UQuot),
        O::I64DivS => (Type::I64, DivOp::SQuot),
        O::I64RemU => (Type::I64, DivOp::URem),
        O::I64RemS => (Type::I64, DivOp::SRem),
        _ => return None,
    })
}

impl Builder<'_> {
    /// Translates a numeric operator; false if it is none.
    pub(super) fn numeric(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        if let Some((ty, cond)) = comparison(operator) {
            let (b, a) = (self.pop(), self.pop());
            let v = self.compare(ty, cond, a, b);
            self.push(v);
            return true;
        }
        if let Some(op) = binary(operator) {
            let (b, a) = (self.pop(), self.pop());
            let ty = self.func.type_of(a);
            let v = self.emit(op, &[a, b], &[ty])[0];
            self.push(v);
            return true;
        }
        if let Some(op) = unary(operator) {
            let a = self.pop();
            let ty = self.func.type_of(a);
            let v = self.emit(op, &[a], &[ty])[0];
            self.push(v);
            return true;
        }
        if let Some((ty, op)) = division(operator) {
            let (b, a) = (self.pop(), self.pop());
            self.check_division(ty, op, a, b);
            let v = self.divide(ty, op, a, b);
            self.push(v);
            return true;
        }
        let v = match *operator {
            O::I32Const { value } => {
                let k = self.k(value as u32);
                self.relocated(k)
            }
            O::I64Const { value } => self.constant(Type::I64, value as u64),
            O::F32Const { value } => self.k(value.bits()),
            O::F64Const { value } => self.constant(Type::I64, value.bits()),
            O::I32Eqz => {
                let (a, zero) = (self.pop(), self.k(0));
                self.cmp(Cond::Eq, a, zero)
            }
            O::I64Eqz => {
                let (a, zero) = (self.pop(), self.constant(Type::I64, 0));
                self.compare(Type::I64, Cond::Eq, a, zero)
            }
            O::I32Ctz => {
                let a = self.pop();
                let reversed = self.word(Op::Un(UnOp::Rbit), &[a]);
                self.word(Op::Un(UnOp::Clz), &[reversed])
            }
            O::I32Shl => self.shift(BinOp::Shl),
            O::I32ShrU => self.shift(BinOp::Lshr),
            O::I32ShrS => self.shift(BinOp::Ashr),
            O::I32Rotl => {
                let (n, a) = (self.pop(), self.pop());
                let minus = match self.take(n) {
                    Some(n) => self.k((n as u32).wrapping_neg() & 31),
                    None => {
                        let zero = self.k(0);
                        self.bin(BinOp::Sub, zero, n)
                    }
                };
                self.bin(BinOp::Ror, a, minus)
            }
            O::I32WrapI64 => {
                let a = self.pop();
                self.emit(Op::Split, &[a], &[Type::I32, Type::I32])[0]
            }
            O::I64ExtendI32U => {
                let a = self.pop();
                self.zero_extend(a)
            }
            O::I64ExtendI32S => {
                let a = self.pop();
                self.sign_extend(a)
            }
            _ => return false,
        };
        self.push(v);
        true
    }

    fn compare(&mut self, ty: Type, cond: Cond, a: Value, b: Value) -> Value {
        let op = if ty == Type::I32 { Op::Cmp(cond) } else { Op::Cmp64(cond) };
        self.word(op, &[a, b])
    }

    /// An `i32` shift: the amount is taken modulo 32.
    fn shift(&mut self, op: BinOp) -> Value {
        let (n, a) = (self.pop(), self.pop());
        let n = match self.take(n) {
            Some(k) if k < 32 => n,
            Some(k) => self.k(k as u32 & 31),
            None if faults::on("build-shift-unmasked") => n,
            None => self.bin_k(BinOp::And, n, 31),
        };
        self.bin(op, a, n)
    }

    /// The `I64` with this low word and a zero high word.
    pub(super) fn zero_extend(&mut self, low: Value) -> Value {
        let zero = self.k(0);
        self.long(Op::Join, &[low, zero])
    }

    /// The `I64` with this low word and copies of its sign.
    pub(super) fn sign_extend(&mut self, low: Value) -> Value {
        let sign = self.bin_k(BinOp::Ashr, low, 31);
        self.long(Op::Join, &[low, sign])
    }

    /// The traps of a division; those that constant operands exclude are left out.
    fn check_division(&mut self, ty: Type, op: DivOp, a: Value, b: Value) {
        let (divisor, dividend) = (self.take(b), self.take(a));
        let (ones, min) = match ty {
            Type::I32 => (u64::from(u32::MAX), 1 << 31),
            Type::I64 => (u64::MAX, 1 << 63),
        };
        if divisor.is_none_or(|k| k == 0) && !faults::on("build-division-by-zero") {
            let zero = self.constant(ty, 0);
            let is_zero = self.compare(ty, Cond::Eq, b, zero);
            self.trap_if(TrapKind::IntegerDivideByZero, is_zero);
        }
        let is_quotient = op == DivOp::SQuot || op == DivOp::SRem && faults::on("build-remainder-overflow");
        if is_quotient
            && !faults::on("build-division-overflow")
            && divisor.is_none_or(|k| k == ones)
            && dividend.is_none_or(|k| k == min)
        {
            let (min, ones) = (self.constant(ty, min), self.constant(ty, ones));
            let is_min = self.compare(ty, Cond::Eq, a, min);
            let is_minus_one = self.compare(ty, Cond::Eq, b, ones);
            let overflows = self.bin(BinOp::And, is_min, is_minus_one);
            self.trap_if(TrapKind::IntegerOverflow, overflows);
        }
    }

    /// The quotient or remainder; words have no remainder operation: it is `a - (a / b) * b`.
    fn divide(&mut self, ty: Type, op: DivOp, a: Value, b: Value) -> Value {
        if ty == Type::I64 {
            return self.long(Op::Bin64(Bin64::Div(op)), &[a, b]);
        }
        let quotient = match op {
            DivOp::UQuot | DivOp::URem => self.bin(BinOp::UDiv, a, b),
            DivOp::SQuot | DivOp::SRem => self.bin(BinOp::SDiv, a, b),
        };
        if matches!(op, DivOp::UQuot | DivOp::SQuot) {
            return quotient;
        }
        let product = self.bin(BinOp::Mul, quotient, b);
        self.bin(BinOp::Sub, a, product)
    }
}
