//! Random IR functions and a plain evaluation of them.

use synth_validator::domain::{BinOp, Space, UnOp, Width};
use synth_validator::ir::{Block, BlockData, Cond, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;

/// Bytes of linear memory.
pub const MEMORY_BYTES: u32 = 0x10000;
/// Index of the imported function.
const HOST: u32 = 0;

/// A multiplicative congruential generator with a fixed seed; high bits are used.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % u64::from(below)) as u32
    }
    pub fn word(&mut self) -> u32 {
        const EDGES: [u32; 12] =
            [0, 1, 2, 31, 32, 255, 0xffff, 0x1ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
        match self.next(3) {
            0 => EDGES[self.next(12) as usize],
            1 => self.next(1 << 12),
            _ => self.next(1 << 16) << 16 | self.next(1 << 16),
        }
    }
}

const BINS: [BinOp; 14] = [
    BinOp::Add,
    BinOp::Sub,
    BinOp::Mul,
    BinOp::UMulHi,
    BinOp::SMulHi,
    BinOp::UDiv,
    BinOp::SDiv,
    BinOp::And,
    BinOp::Or,
    BinOp::Xor,
    BinOp::Shl,
    BinOp::Lshr,
    BinOp::Ashr,
    BinOp::Ror,
];
const UNS: [UnOp; 7] = [UnOp::Clz, UnOp::Rbit, UnOp::Rev, UnOp::Rev16, UnOp::Popcnt, UnOp::Sext8, UnOp::Sext16];
const CONDS: [Cond; 10] =
    [Cond::Eq, Cond::Ne, Cond::LtU, Cond::LtS, Cond::GtU, Cond::GtS, Cond::LeU, Cond::LeS, Cond::GeU, Cond::GeS];
const WIDTHS: [Width; 3] = [Width::Byte, Width::Half, Width::Word];

fn bin(op: BinOp, a: u32, b: u32) -> u32 {
    let amount = b & 0xff;
    match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::UMulHi => (u64::from(a) * u64::from(b) >> 32) as u32,
        BinOp::SMulHi => (i64::from(a as i32) * i64::from(b as i32) >> 32) as u32,
        BinOp::UDiv => a.checked_div(b).unwrap_or(0),
        BinOp::SDiv => {
            if b == 0 {
                0
            } else {
                (a as i32).wrapping_div(b as i32) as u32
            }
        }
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.checked_shl(amount).unwrap_or(0),
        BinOp::Lshr => a.checked_shr(amount).unwrap_or(0),
        BinOp::Ashr => ((a as i32) >> amount.min(31)) as u32,
        BinOp::Ror => a.rotate_right(b % 32),
    }
}

fn un(op: UnOp, a: u32) -> u32 {
    match op {
        UnOp::Clz => a.leading_zeros(),
        UnOp::Rbit => a.reverse_bits(),
        UnOp::Rev => a.swap_bytes(),
        UnOp::Rev16 => a.swap_bytes().rotate_left(16),
        UnOp::Popcnt => a.count_ones(),
        UnOp::Sext8 => a as i8 as u32,
        UnOp::Sext16 => a as i16 as u32,
    }
}

fn holds(cond: Cond, a: u64, b: u64, bits: u32) -> bool {
    let signed = |x: u64| (x << (64 - bits)) as i64;
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::LtU => a < b,
        Cond::LtS => signed(a) < signed(b),
        Cond::GtU => a > b,
        Cond::GtS => signed(a) > signed(b),
        Cond::LeU => a <= b,
        Cond::LeS => signed(a) <= signed(b),
        Cond::GeU => a >= b,
        Cond::GeS => signed(a) >= signed(b),
    }
}

/// What the imported function computes, here and in the driver.
fn host(args: &[u32]) -> u32 {
    args.iter().zip([3, 5, 7, 11, 13, 17]).fold(0, |sum: u32, (a, k)| sum.wrapping_add(a.wrapping_mul(k)))
}

/// Linear memory and globals.
pub struct State {
    pub memory: Vec<u8>,
    pub cells: Vec<u32>,
}

/// Result words, or the trap.
pub fn evaluate(func: &Func, args: &[u32], state: &mut State) -> Result<Vec<u32>, TrapKind> {
    let mut v = vec![0u32; func.values.len()];
    let mut block = 0usize;
    func.blocks[0].params.iter().zip(args).for_each(|(p, a)| v[p.0 as usize] = *a);
    loop {
        for inst in &func.blocks[block].insts {
            let a: Vec<u32> = inst.args.iter().map(|x| v[x.0 as usize]).collect();
            let pair = |n: usize| u64::from(a[n + 1]) << 32 | u64::from(a[n]);
            let words = |x: u64| vec![x as u32, (x >> 32) as u32];
            let at = |offset: u32| a[0].wrapping_add(offset) as usize;
            let results = match &inst.op {
                Op::Const(k) => vec![*k],
                Op::Bin(op) => vec![bin(*op, a[0], a[1])],
                Op::Un(op) => vec![un(*op, a[0])],
                Op::Cmp(c) => vec![u32::from(holds(*c, a[0].into(), a[1].into(), 32))],
                Op::CmpPair(c) => vec![u32::from(holds(*c, pair(0), pair(2), 64))],
                Op::Select => vec![if a[0] != 0 { a[1] } else { a[2] }],
                Op::AddPair => words(pair(0).wrapping_add(pair(2))),
                Op::SubPair => words(pair(0).wrapping_sub(pair(2))),
                Op::MulWide => words(u64::from(a[0]) * u64::from(a[1])),
                Op::BoundsCheck { offset, bytes } => {
                    if u64::from(a[0]) + u64::from(*offset) + u64::from(*bytes) > u64::from(MEMORY_BYTES) {
                        return Err(TrapKind::OutOfBoundsMemory);
                    }
                    vec![]
                }
                Op::TrapIf(kind) if a[0] != 0 => return Err(*kind),
                Op::TrapIf(_) => vec![],
                Op::Load { space: _, width, signed, offset } => {
                    let bytes = &state.memory[at(*offset)..][..width.bytes() as usize];
                    let x = bytes.iter().rev().fold(0u32, |x, b| x << 8 | u32::from(*b));
                    let shift = 32 - 8 * width.bytes();
                    vec![if *signed { ((x << shift) as i32 >> shift) as u32 } else { x }]
                }
                Op::Store { space: _, width, offset } => {
                    let n = width.bytes() as usize;
                    state.memory[at(*offset)..][..n].copy_from_slice(&a[1].to_le_bytes()[..n]);
                    vec![]
                }
                Op::GlobalGet { cell } => vec![state.cells[*cell as usize]],
                Op::GlobalSet { cell } => {
                    state.cells[*cell as usize] = a[0];
                    vec![]
                }
                Op::Call { func: HOST } => vec![host(&a)],
                op => panic!("{op:?} is not generated"),
            };
            inst.results.iter().zip(results).for_each(|(r, x)| v[r.0 as usize] = x);
        }
        let edge = match &func.blocks[block].end {
            Terminator::Jump(e) => e,
            Terminator::Branch(c, yes, no) => {
                if v[c.0 as usize] != 0 {
                    yes
                } else {
                    no
                }
            }
            Terminator::Switch(i, targets, default) => targets.get(v[i.0 as usize] as usize).unwrap_or(default),
            Terminator::Return(values) => {
                return Ok(values.iter().map(|x| v[x.0 as usize]).collect());
            }
            Terminator::Trap(kind) => return Err(*kind),
        };
        let args: Vec<u32> = edge.args.iter().map(|x| v[x.0 as usize]).collect();
        block = edge.block.0 as usize;
        func.blocks[block].params.iter().zip(args).for_each(|(p, a)| v[p.0 as usize] = a);
    }
}

/// Makes a random function: a counted loop whose body has diamonds and switches.
struct Generator<'r> {
    random: &'r mut Random,
    func: Func,
    at: usize,
    /// Values that dominate the current block.
    scope: Vec<Value>,
}

impl Generator<'_> {
    fn block(&mut self, params: usize) -> Values {
        let params: Values = (0..params).map(|_| self.func.value(Type::I32)).collect();
        let end = Terminator::Trap(TrapKind::Unreachable);
        self.func.blocks.push(BlockData { params: params.clone(), insts: Vec::new(), end, end_origin: 0 });
        self.at = self.func.blocks.len() - 1;
        self.scope.extend(&params);
        params
    }
    fn op(&mut self, op: Op, args: &[Value], results: usize) -> Values {
        let results: Values = (0..results).map(|_| self.func.value(Type::I32)).collect();
        self.func.blocks[self.at].insts.push(Inst { op, args: args.into(), results: results.clone(), origin: 0 });
        results
    }
    fn constant(&mut self) -> Value {
        let k = self.random.word();
        self.op(Op::Const(k), &[], 1)[0]
    }
    fn any(&mut self) -> Value {
        if self.random.next(4) == 0 {
            return self.constant();
        }
        let recent = self.scope.len().min(if self.random.next(2) == 0 { 4 } else { 40 });
        let n = self.scope.len() - 1 - self.random.next(recent as u32) as usize;
        self.scope[n]
    }
    fn args(&mut self, n: usize) -> Values {
        (0..n).map(|_| self.any()).collect()
    }
    /// An index that is in range for sure, unless a bounds check is made.
    fn index(&mut self, offset: u32, width: Width) -> Value {
        let v = self.any();
        if self.random.next(4) == 0 {
            self.op(Op::BoundsCheck { offset, bytes: width.bytes() }, &[v], 0);
            return v;
        }
        let mask = self.op(Op::Const(0x3ff), &[], 1)[0];
        self.op(Op::Bin(BinOp::And), &[v, mask], 1)[0]
    }
    fn step(&mut self) {
        let pick = self.random.next(24);
        let (op, args, results) = match pick {
            0..=8 => (Op::Bin(BINS[self.random.next(14) as usize]), 2, 1),
            9 => (Op::Un(UNS[self.random.next(7) as usize]), 1, 1),
            10 | 11 => (Op::Cmp(CONDS[self.random.next(10) as usize]), 2, 1),
            12 => (Op::CmpPair(CONDS[self.random.next(10) as usize]), 4, 1),
            13 | 14 => (Op::Select, 3, 1),
            15 => (Op::AddPair, 4, 2),
            16 => (Op::SubPair, 4, 2),
            17 => (Op::MulWide, 2, 2),
            18 => (Op::Call { func: HOST }, 6, 1),
            19 => (Op::GlobalGet { cell: self.random.next(4) }, 0, 1),
            20 => (Op::GlobalSet { cell: self.random.next(4) }, 1, 0),
            21 => {
                let kind = TrapKind::IntegerOverflow;
                let a = self.args(2);
                let c = self.op(Op::Cmp(Cond::Eq), &a, 1);
                let d = self.any();
                let c = self.op(Op::Bin(BinOp::And), &[c[0], d], 1);
                self.op(Op::TrapIf(kind), &c, 0);
                return;
            }
            22 => {
                let (width, offset) = self.access();
                let index = self.index(offset, width);
                let signed = self.random.next(2) == 1;
                let r = self.op(Op::Load { space: Space::Linear, width, signed, offset }, &[index], 1);
                self.scope.extend(r);
                return;
            }
            _ => {
                let (width, offset) = self.access();
                let index = self.index(offset, width);
                let value = self.any();
                self.op(Op::Store { space: Space::Linear, width, offset }, &[index, value], 0);
                return;
            }
        };
        let args = self.args(args);
        let r = self.op(op, &args, results);
        self.scope.extend(r);
    }
    fn access(&mut self) -> (Width, u32) {
        let offsets = [0, 0, 1, 4, 100, 4095, 4096, 0x7000, 0x9000];
        (WIDTHS[self.random.next(3) as usize], offsets[self.random.next(9) as usize])
    }
    fn edge(&mut self, block: usize, params: usize) -> Edge {
        let args = self.args(params);
        Edge { block: Block(block as u32), args }
    }
    fn end(&mut self, end: Terminator) {
        self.func.blocks[self.at].end = end;
    }
    /// Steps, then a choice among arms that meet again.
    fn diamond(&mut self) {
        (0..2 + self.random.next(8)).for_each(|_| self.step());
        let arms = 1 + self.random.next(6) as usize;
        let first = self.func.blocks.len();
        let join = first + arms;
        let choice = self.any();
        let kept = self.scope.len();
        let default = self.edge(join, 2);
        if arms == 1 {
            let yes = Edge { block: Block(first as u32), args: Values::new() };
            self.end(Terminator::Branch(choice, yes, default));
        } else {
            let k = self.op(Op::Const(7), &[], 1)[0];
            let choice = self.op(Op::Bin(BinOp::And), &[choice, k], 1)[0];
            let targets = (0..arms).map(|n| Edge { block: Block((first + n) as u32), args: Values::new() }).collect();
            self.end(Terminator::Switch(choice, targets, default));
        }
        for _ in 0..arms {
            self.block(0);
            (0..self.random.next(5)).for_each(|_| self.step());
            let edge = self.edge(join, 2);
            self.end(Terminator::Jump(edge));
            self.scope.truncate(kept);
        }
        self.block(2);
    }
}

pub fn generate(index: u32, random: &mut Random) -> Func {
    let func = Func { index, results: vec![Type::I32], values: Vec::new(), blocks: Vec::new() };
    let mut g = Generator { random, func, at: 0, scope: Vec::new() };
    g.block(6);
    g.diamond();
    let count = g.op(Op::Const(5), &[], 1)[0];
    let carried = g.args(3);
    let header = g.func.blocks.len();
    let args = [&[count], carried.as_slice()].concat().into();
    g.end(Terminator::Jump(Edge { block: Block(header as u32), args }));
    let params = g.block(4);
    g.diamond();
    (0..g.random.next(12)).for_each(|_| g.step());
    let one = g.op(Op::Const(1), &[], 1)[0];
    let left = g.op(Op::Bin(BinOp::Sub), &[params[0], one], 1)[0];
    let carried = g.args(3);
    let args = [&[left], carried.as_slice()].concat().into();
    let exit = Edge { block: Block(g.func.blocks.len() as u32), args: Values::new() };
    g.end(Terminator::Branch(left, Edge { block: Block(header as u32), args }, exit));
    g.block(0);
    g.step();
    let mut sum = g.any();
    for n in 0..g.scope.len() {
        let v = g.scope[n];
        sum = g.op(Op::Bin(BinOp::Xor), &[sum, v], 1)[0];
    }
    g.end(Terminator::Return([sum][..].into()));
    g.func
}
