//! The back end on hand-built IR: objects that a foreign disassembler reads without unknown instructions, and
//! witnesses that name places.

use smallvec::smallvec;
use std::process::Command;
use synth::compile::{CompiledFunction, Core, compile_function};
use synth::module_info::{FunctionInfo, ModuleInfo, TypeInfo};
use synth::object_writer::{Image, ObjectData, SymbolOptions, write_object};
use synth::select::Tuning;
use synth_validator::domain::{BinOp, DivOp, Space, UnOp, Width};
use synth_validator::ir::{Block, BlockData, Cond, Edge, Func, Inst, Op, Terminator, Type, Value};
use synth_validator::trap::TrapKind;
use synth_validator::witness::Loc;

/// Builds a function block by block.
struct Builder {
    func: Func,
    at: usize,
}

impl Builder {
    fn new(index: u32, params: usize, results: usize) -> (Builder, Vec<Value>) {
        let func = Func { index, results: vec![Type::I32; results], values: Vec::new(), blocks: Vec::new() };
        let mut b = Builder { func, at: 0 };
        let params = b.block(params);
        (b, params)
    }
    /// Adds a block and makes it current.
    fn block(&mut self, params: usize) -> Vec<Value> {
        let params: Vec<Value> = (0..params).map(|_| self.func.value(Type::I32)).collect();
        let end = Terminator::Trap(TrapKind::Unreachable);
        self.func.blocks.push(BlockData { params: params.clone().into(), insts: Vec::new(), end, end_origin: 0 });
        self.at = self.func.blocks.len() - 1;
        params
    }
    fn many(&mut self, op: Op, args: &[Value], results: usize) -> Vec<Value> {
        let results: Vec<Value> = (0..results).map(|_| self.func.value(Type::I32)).collect();
        let origin = self.func.values.len() as u32;
        self.func.blocks[self.at].insts.push(Inst { op, args: args.into(), results: results.clone().into(), origin });
        results
    }
    fn one(&mut self, op: Op, args: &[Value]) -> Value {
        self.many(op, args, 1)[0]
    }
    fn constant(&mut self, k: u32) -> Value {
        self.one(Op::Const(k), &[])
    }
    fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        self.one(Op::Bin(op), &[a, b])
    }
    fn end(&mut self, end: Terminator) {
        self.func.blocks[self.at].end = end;
    }
}

fn edge(block: u32, args: &[Value]) -> Edge {
    Edge { block: Block(block), args: args.into() }
}

fn info() -> ModuleInfo {
    let function = |params: usize, results: usize| FunctionInfo {
        params: vec![Type::I32; params],
        results: vec![Type::I32; results],
        import: None,
    };
    let mut functions = vec![function(2, 1); 4];
    functions[0].import = Some("host_add".to_string());
    functions[1] = FunctionInfo {
        params: vec![Type::I32, Type::I64, Type::I32, Type::I64, Type::I32],
        results: vec![Type::I64],
        import: None,
    };
    functions.push(function(8, 6));
    let types = vec![TypeInfo { params: vec![Type::I32], results: vec![Type::I32] }];
    ModuleInfo { functions, types, host_data: Vec::new(), memory_bytes_min: 0x20000, memory_is_constant: true }
}

fn compile_with(func: &Func, info: &ModuleInfo) -> CompiledFunction {
    compile_function(func, info, Tuning::default()).expect("compiles")
}

/// Compiles, writes an object, disassembles it, and checks that every instruction is known.
fn listing(func: &Func) -> String {
    let info = info();
    let compiled = compile_with(func, &info);
    for cut in &compiled.witness.cuts {
        assert!(cut.right > 0 && cut.right < compiled.code.len() as u64);
        assert!(cut.equal.iter().any(|(left, _)| matches!(left, Loc::Value(..))));
    }
    let data = ObjectData {
        exports: vec![("exported".to_string(), func.index), ("host_alias".to_string(), 0)],
        memory: Some(Image::Zero(0x20000)),
        memory_align: 8,
        memory_bytes: Some(0x20000),
        witness: vec![1, 2, 3],
        ..ObjectData::default()
    };
    let object = write_object(&[compiled], &info, &data, Core::CortexM4, SymbolOptions::default()).expect("writes");
    let path = std::env::temp_dir().join(format!("synth-back-{}-{}.o", std::process::id(), func.values.len()));
    std::fs::write(&path, object).expect("writes a file");
    let out = Command::new("llvm-objdump-19")
        .args(["-d", "-r", "--triple=thumbv7em"])
        .arg(&path)
        .output()
        .expect("llvm-objdump-19 runs");
    std::fs::remove_file(&path).expect("removes its file");
    let text = String::from_utf8(out.stdout).expect("text") + &String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("<unknown>") && !text.contains("warning"), "{text}");
    if std::env::var_os("SHOW_LISTING").is_some() {
        println!("{text}");
    }
    text
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        let start: String = text.chars().take(4000).collect();
        assert!(text.contains(part), "no {part} in\n{start}");
    }
}

#[test]
fn straight_line() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let four = b.constant(4);
    let scaled = b.bin(BinOp::Shl, p[1], four);
    let sum = b.bin(BinOp::Add, p[0], scaled);
    let product = b.bin(BinOp::Mul, sum, p[1]);
    let big = b.constant(0x1234_5678);
    let mixed = b.bin(BinOp::Xor, product, big);
    b.end(Terminator::Return(smallvec![mixed]));
    contains(&listing(&b.func), &["lsl #4", "mul", "[pc, #", "bx\tlr", "<exported>", "R_ARM_THM_JUMP24\thost_add"]);
}

#[test]
fn long_products() {
    let (mut b, p) = Builder::new(4, 8, 6);
    let low = b.bin(BinOp::Mul, p[0], p[1]);
    let high = b.bin(BinOp::SMulHi, p[1], p[0]);
    let sum = b.many(Op::AddPair, &[p[2], p[3], low, high], 2);
    let wide = b.many(Op::MulWide, &[p[4], p[5]], 2);
    let other = b.many(Op::AddPair, &[wide[0], wide[1], p[6], p[7]], 2);
    let signed = [b.bin(BinOp::Mul, p[2], p[3]), b.bin(BinOp::SMulHi, p[2], p[3])];
    b.end(Terminator::Return(smallvec![sum[0], sum[1], other[0], other[1], signed[0], signed[1]]));
    let text = listing(&b.func);
    contains(&text, &["smlal", "umlal", "smull"]);
    assert!(!text.contains("mul.w") && !text.contains("adc"), "{text}");
}

#[test]
fn choices_and_bits() {
    let (mut b, p) = Builder::new(4, 8, 6);
    let [least, greatest] = [-0x8000i32, 0x7fff].map(|k| b.constant(k as u32));
    let below = b.one(Op::Cmp(Cond::LtS), &[p[0], greatest]);
    let inner = b.one(Op::Select, &[below, p[0], greatest]);
    let above = b.one(Op::Cmp(Cond::GtS), &[inner, least]);
    let saturated = b.one(Op::Select, &[above, inner, least]);
    let less = b.one(Op::CmpPair(Cond::LtS), &p[0..4]);
    let chosen = [0, 1].map(|n| b.one(Op::Select, &[less, p[n], p[n + 2]]));
    let [bit, five] = [0x10, 5].map(|k| b.constant(k));
    let masked = b.bin(BinOp::And, p[4], bit);
    let decided = b.one(Op::Select, &[masked, p[5], p[6]]);
    let shifted = b.bin(BinOp::Lshr, p[7], five);
    let low = b.constant(0x7f);
    let field = b.bin(BinOp::And, shifted, low);
    let ones = b.constant(u32::MAX);
    let complement = b.bin(BinOp::Xor, p[5], ones);
    let cleared = b.bin(BinOp::And, p[4], complement);
    b.end(Terminator::Return(smallvec![saturated, chosen[0], chosen[1], decided, field, cleared]));
    contains(&listing(&b.func), &["ssat", "itt\tlt", "tst.w", "ubfx", "bic"]);
}

#[test]
fn loop_with_memory() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let zero = b.constant(0);
    b.end(Terminator::Jump(edge(1, &[p[0], zero])));
    let l = b.block(2);
    b.many(Op::BoundsCheck { offset: 8, bytes: 4 }, &[l[0]], 0);
    let word = b.one(Op::Load { space: Space::Linear, width: Width::Word, signed: false, offset: 8 }, &[l[0]]);
    let sum = b.bin(BinOp::Add, l[1], word);
    b.many(Op::Store { space: Space::Linear, width: Width::Byte, offset: 9 }, &[l[0], sum], 0);
    let four = b.constant(4);
    let next = b.bin(BinOp::Add, l[0], four);
    let more = b.one(Op::Cmp(Cond::LtU), &[next, p[1]]);
    b.end(Terminator::Branch(more, edge(1, &[next, sum]), edge(2, &[])));
    b.block(0);
    b.end(Terminator::Return(smallvec![sum]));
    contains(&listing(&b.func), &["R_ARM_ABS32\t__linear_memory_base", "udf\t#0x4", "strb", "blo"]);
}

#[test]
fn entry_block_may_be_a_loop_header() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let next = b.bin(BinOp::Sub, p[0], p[1]);
    b.end(Terminator::Branch(next, edge(0, &[next, p[1]]), edge(1, &[])));
    b.block(0);
    b.end(Terminator::Return(smallvec![next]));
    listing(&b.func);
}

#[test]
fn calls_with_stack_arguments_and_results() {
    let (mut b, p) = Builder::new(4, 8, 6);
    let args = [p[0], p[1], p[2], p[3], p[4], p[5], p[6]];
    let r = b.many(Op::Call { func: 1 }, &args, 2);
    let s = b.one(Op::Call { func: 0 }, &[r[0], p[7]]);
    let t = b.one(Op::CallIndirect { type_index: 0 }, &[s, r[1]]);
    let d = b.many(Op::DivPair(DivOp::SRem), &[r[0], r[1], s, t], 2);
    b.many(Op::MemoryFill, &[p[0], p[1], p[2]], 0);
    b.many(Op::MemoryCopy, &[p[0], p[1], p[2]], 0);
    b.end(Terminator::Return(smallvec![d[0], d[1], s, t, p[6], r[0]]));
    let text = listing(&b.func);
    contains(&text, &["R_ARM_THM_CALL\t__synth_f1", "R_ARM_THM_CALL\thost_add", "blx", "__aeabi_ldivmod", "pc}"]);
    contains(&text, &["__aeabi_memset", "__aeabi_memmove", "__synth_results"]);
}

#[test]
fn spills() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let values: Vec<Value> = (0..24u32)
        .map(|n| {
            let k = b.constant(n * 3 + 1);
            let v = b.bin(BinOp::Mul, p[0], k);
            b.bin(BinOp::Xor, v, p[1])
        })
        .collect();
    let mut sum = b.one(Op::Call { func: 0 }, &[p[0], p[1]]);
    for v in values.iter().rev() {
        sum = b.bin(BinOp::Sub, *v, sum);
    }
    b.end(Terminator::Return(smallvec![sum]));
    contains(&listing(&b.func), &["[sp", "push"]);
}

#[test]
fn huge_frame() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let values: Vec<Value> = (0..1500u32)
        .map(|n| {
            let k = b.constant(n * 3 + 1);
            b.bin(BinOp::Mul, p[0], k)
        })
        .collect();
    let mut sum = b.one(Op::Call { func: 0 }, &[p[0], p[1]]);
    for v in values.iter() {
        sum = b.bin(BinOp::Sub, *v, sum);
    }
    b.end(Terminator::Return(smallvec![sum]));
    contains(&listing(&b.func), &["add\tlr, sp, lr"]);
}

#[test]
fn switch() {
    for targets in [2u32, 6] {
        let (mut b, p) = Builder::new(2, 2, 1);
        let edges = (0..targets).map(|n| edge(1 + n % 3, if n % 3 == 2 { &p[..1] } else { &[] })).collect();
        b.end(Terminator::Switch(p[0], edges, edge(3, &p[1..])));
        for n in 0..2 {
            b.block(0);
            let k = b.constant(n + 7);
            let v = b.bin(BinOp::Add, p[1], k);
            b.end(Terminator::Jump(edge(3, &[v])));
        }
        let last = b.block(1);
        let again = b.one(Op::Cmp(Cond::GtS), &[last[0], p[0]]);
        b.end(Terminator::Branch(again, edge(1, &[]), edge(4, &[])));
        b.block(0);
        b.end(Terminator::Return(last.into()));
        contains(&listing(&b.func), if targets < 4 { &["cmp"] } else { &["tbh"] });
    }
}

#[test]
fn operators() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let mut v = p[0];
    for op in [
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
    ] {
        v = b.bin(op, v, p[1]);
        for k in [0, 1, 5, 255, 256, 4095, 0xffff, 0x1ffff, 0xffff_ff00, 0xffff_fffb, 0x00ff_00ff, 0xdead_beef] {
            let k = b.constant(k);
            v = b.bin(op, v, k);
            v = b.bin(op, k, v);
        }
    }
    for op in [UnOp::Clz, UnOp::Rbit, UnOp::Rev, UnOp::Rev16, UnOp::Popcnt, UnOp::Sext8, UnOp::Sext16] {
        v = b.one(Op::Un(op), &[v]);
    }
    let conds =
        [Cond::Eq, Cond::Ne, Cond::LtU, Cond::LtS, Cond::GtU, Cond::GtS, Cond::LeU, Cond::LeS, Cond::GeU, Cond::GeS];
    for cond in conds {
        for right in [0, 7, 0xffff_fff0, 0x1234_5678] {
            let right = b.constant(right);
            let a = b.one(Op::Cmp(cond), &[v, right]);
            let w = b.one(Op::Select, &[a, v, p[1]]);
            let c = b.one(Op::CmpPair(cond), &[v, p[0], w, right]);
            let x = b.one(Op::CmpPair(cond), &[w, right, v, p[0]]);
            b.many(Op::TrapIf(TrapKind::IntegerOverflow), &[x], 0);
            let pair = b.many(Op::AddPair, &[v, c, w, right], 2);
            let pair = b.many(Op::SubPair, &[pair[0], right, pair[1], w], 2);
            v = b.bin(BinOp::Xor, pair[0], pair[1]);
        }
    }
    for table in [0, 1] {
        let ty = b.one(Op::TableType { table }, &[v]);
        let word = b.one(Op::TableFunction { table }, &[ty]);
        let cell = b.one(Op::GlobalGet { cell: table * 2000 }, &[]);
        b.many(Op::GlobalSet { cell: 3 }, &[cell], 0);
        v = b.bin(BinOp::Add, word, cell);
    }
    for offset in [0, 1, 4095, 4096, 40000, 0x1_0000, u32::MAX] {
        for width in [Width::Byte, Width::Half, Width::Word] {
            let k = b.constant(12);
            let x = b.one(Op::Load { space: Space::Linear, width, signed: true, offset }, &[v]);
            let y = b.one(Op::Load { space: Space::Linear, width, signed: false, offset }, &[k]);
            b.many(Op::Store { space: Space::Linear, width, offset }, &[x, y], 0);
            b.many(Op::BoundsCheck { offset, bytes: width.bytes() }, &[y], 0);
            v = b.bin(BinOp::Or, x, y);
        }
    }
    b.end(Terminator::Return(smallvec![v]));
    listing(&b.func);
}

#[test]
fn long_branches_reach() {
    let (mut b, p) = Builder::new(2, 2, 1);
    b.end(Terminator::Jump(edge(1, &[p[0]])));
    let l = b.block(1);
    let mut v = l[0];
    for n in 0..3000u32 {
        let k = b.constant(n.wrapping_mul(0x9e37_79b9));
        let w = b.bin(BinOp::Xor, v, k);
        b.many(Op::TrapIf(TrapKind::IntegerOverflow), &[w], 0);
        v = w;
    }
    b.end(Terminator::Branch(v, edge(1, &[v]), edge(2, &[])));
    b.block(0);
    b.end(Terminator::Return(smallvec![v]));
    contains(&listing(&b.func), &["b.w", "bne.w"]);
}

#[test]
fn same_input_same_bytes() {
    let (mut b, p) = Builder::new(2, 2, 1);
    let v = b.bin(BinOp::UDiv, p[0], p[1]);
    b.end(Terminator::Return(smallvec![v]));
    let info = info();
    let (first, second) = (compile_with(&b.func, &info), compile_with(&b.func, &info));
    assert_eq!((first.code, first.relocations), (second.code, second.relocations));
    assert_eq!(first.witness, second.witness);
}
