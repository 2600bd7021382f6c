//! Generates modules of integers that end: dense, deeply nested, with i64, `br_table`, many parameters and live values, stores that
//! alias, indirect calls, multi-value, growing and bulk memory, globals. Functions call only functions after them, loops count down.

use std::fmt::Write;
use synth::mutate::inputs::Random;

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `i32`.
    I32,
    /// `i64`.
    I64,
}

use Type::{I32, I64};

impl Type {
    fn name(self) -> &'static str {
        match self {
            I32 => "i32",
            I64 => "i64",
        }
    }
}

/// A function's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Parameters.
    pub params: Vec<Type>,
    /// Results.
    pub results: Vec<Type>,
}

/// A generated module.
pub struct Program {
    /// Its text.
    pub text: String,
    /// A script that calls every function, several times, and reads the globals after each.
    pub script: String,
}

/// Functions at the end, which the table has.
const LEAVES: usize = 3;
const GLOBALS: [Type; 5] = [I32, I64, I32, I32, I64];

struct Generator<'r> {
    random: &'r mut Random,
    out: String,
    functions: Vec<Signature>,
    /// The function being written.
    at: usize,
    locals: Vec<Type>,
    /// Locals that count loops, and may not be written.
    counters: Vec<usize>,
    budget: i32,
    /// Nesting of loops.
    loops: u32,
    /// Pages of memory.
    pages: u32,
}

fn list(types: &[Type]) -> String {
    types.iter().map(|t| t.name()).collect::<Vec<_>>().join(" ")
}

/// The program with this number.
pub fn program(seed: u64) -> Program {
    let mut random = Random::new(0x9e0_5eed, seed);
    let count = 4 + random.below(4);
    let signature = |random: &mut Random| {
        let many = *random.pick(&[2, 3, 4, 6, 9]);
        let types = |random: &mut Random, n: usize| (0..n).map(|_| *random.pick(&[I32, I32, I64])).collect();
        let (params, results) = (random.below(many + 1), *random.pick(&[0, 1, 1, 1, 2, 3]));
        Signature { params: types(random, params), results: types(random, results) }
    };
    let mut functions: Vec<Signature> = (0..count).map(|_| signature(&mut random)).collect();
    let shared = functions[count - 1].clone();
    functions[count - 2] = shared;
    let pages = 1 + random.below(2) as u32;
    let mut g = Generator {
        random: &mut random,
        out: String::new(),
        functions,
        at: 0,
        locals: Vec::new(),
        counters: Vec::new(),
        budget: 0,
        loops: 0,
        pages,
    };
    g.module();
    let text = std::mem::take(&mut g.out);
    let script = g.script();
    Program { text, script }
}

impl Generator<'_> {
    fn put(&mut self, text: impl AsRef<str>) {
        self.out.push_str(text.as_ref());
        self.out.push('\n');
    }

    fn module(&mut self) {
        let pages = self.pages;
        self.put("(module");
        for (i, f) in self.functions.clone().iter().enumerate() {
            let (params, results) = (list(&f.params), list(&f.results));
            self.put(format!("(type $t{i} (func (param {params}) (result {results})))"));
        }
        self.put("(import \"env\" \"ask\" (func $ask (param i32 i64) (result i32)))");
        self.put("(import \"env\" \"tell\" (func $tell (param i64)))");
        self.put(format!("(memory {pages} {})", pages + 1));
        let bytes: String = (0..24).map(|_| format!("\\{:02x}", self.random.below(256))).collect();
        let at = 8 * self.random.below(16);
        self.put(format!("(data (i32.const {at}) \"{bytes}\")"));
        self.put(format!("(data $later \"{bytes}\")"));
        for (i, ty) in GLOBALS.iter().enumerate() {
            let value = self.constant(*ty);
            self.put(format!("(global $g{i} (mut {}) {value})", ty.name()));
        }
        let count = self.functions.len();
        self.put(format!("(table {} funcref)", LEAVES + 2));
        let leaves: Vec<String> = (count - LEAVES..count).map(|i| format!("$f{i}")).collect();
        self.put(format!("(elem (i32.const 1) {})", leaves.join(" ")));
        let state: String = (0..GLOBALS.len()).map(|i| format!("global.get $g{i} ")).collect();
        self.put(format!("(func (export \"state\") (result {}) {state})", list(&GLOBALS)));
        for i in 0..count {
            self.function(i);
        }
        self.put(")");
    }

    /// A constant as an expression in parentheses.
    fn constant(&mut self, ty: Type) -> String {
        let bits = match self.random.below(6) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => 1 << self.random.below(64),
            4 => self.random.below(100) as u64,
            _ => self.random.draw(),
        };
        match ty {
            I32 => format!("(i32.const {})", bits as u32 as i32),
            I64 => format!("(i64.const {})", bits as i64),
        }
    }

    fn function(&mut self, at: usize) {
        let signature = self.functions[at].clone();
        self.at = at;
        self.locals = signature.params.clone();
        let more = *self.random.pick(&[1, 3, 6, 10]);
        let own: Vec<Type> = (0..more).map(|_| *self.random.pick(&[I32, I32, I64])).collect();
        self.locals.extend(&own);
        self.counters = vec![self.locals.len(), self.locals.len() + 1, self.locals.len() + 2];
        self.locals.extend([I32, I32, I32]);
        (self.budget, self.loops) = (30 + self.random.below(90) as i32, 0);
        let results = list(&signature.results);
        self.put(format!(
            "(func $f{at} (export \"f{at}\") (type $t{at}) (param {}) (result {results}) (local {} i32 i32 i32)",
            list(&signature.params),
            list(&own)
        ));
        let statements = 2 + self.random.below(5);
        (0..statements).for_each(|_| self.statement(3));
        for ty in &signature.results {
            self.expression(*ty, 3);
        }
        self.put(")");
    }

    /// A local of a type; its own may not be a counter if it is to be written.
    fn local(&mut self, ty: Type, written: bool) -> Option<usize> {
        let fits = |i: &usize| self.locals[*i] == ty && !(written && self.counters.contains(i));
        let all: Vec<usize> = (0..self.locals.len()).filter(fits).collect();
        (!all.is_empty()).then(|| *self.random.pick(&all))
    }
    fn global(&mut self, ty: Type) -> usize {
        let all: Vec<usize> = (0..GLOBALS.len()).filter(|i| GLOBALS[*i] == ty).collect();
        *self.random.pick(&all)
    }

    /// An address: mostly in a small window, so that accesses alias; at times near the end, or anywhere.
    fn address(&mut self, depth: u32) {
        self.expression(I32, depth.saturating_sub(1));
        match self.random.below(10) {
            0 => self.put(format!("i32.const {} i32.add", self.pages * 65_536 - 16)),
            1 => {}
            2..=4 => self.put("i32.const 0xffff i32.and"),
            _ => {
                let mask = *self.random.pick(&[15, 63, 252, 1020]);
                self.put(format!("i32.const {mask} i32.and"));
            }
        }
    }
    fn offset(&mut self) -> String {
        match self.random.below(4) {
            0 | 1 => String::new(),
            2 => format!(" offset={}", self.random.below(16)),
            _ => format!(" offset={}", self.random.below(5000)),
        }
    }

    fn statement(&mut self, depth: u32) {
        self.budget -= 1;
        if self.budget < 0 {
            return;
        }
        let ty = *self.random.pick(&[I32, I32, I64]);
        match self.random.below(if depth == 0 { 9 } else { 15 }) {
            0..=3 => {
                let Some(local) = self.local(ty, true) else { return };
                self.expression(ty, depth);
                self.put(format!("local.set {local}"));
            }
            4 => {
                self.expression(ty, depth);
                let global = self.global(ty);
                self.put(format!("global.set $g{global}"));
            }
            5 | 6 => {
                self.address(depth);
                self.expression(ty, depth);
                let names: &[&str] = match ty {
                    I32 => &["i32.store", "i32.store", "i32.store8", "i32.store16"],
                    I64 => &["i64.store", "i64.store", "i64.store8", "i64.store16", "i64.store32"],
                };
                let (name, offset) = (*self.random.pick(names), self.offset());
                self.put(format!("{name}{offset}"));
            }
            7 => self.bulk(depth),
            8 => {
                let Some((callee, _)) = self.callee() else { return };
                self.call(callee, depth.min(1));
                for ty in self.functions[callee].results.clone().into_iter().rev() {
                    match self.local(ty, true) {
                        Some(local) => self.put(format!("local.set {local}")),
                        None => self.put("drop"),
                    }
                }
            }
            9 | 10 => {
                self.expression(I32, depth - 1);
                self.put("if");
                self.statements(depth - 1);
                if self.random.below(2) == 0 {
                    self.put("else");
                    self.statements(depth - 1);
                }
                self.put("end");
            }
            11 | 12 if self.loops < 2 => self.counted_loop(depth),
            13 => self.br_table(depth),
            _ => {
                self.put("block");
                self.statements(depth - 1);
                self.expression(I32, depth - 1);
                self.put("br_if 0");
                self.statements(depth - 1);
                self.put("end");
            }
        }
    }
    fn statements(&mut self, depth: u32) {
        let count = 1 + self.random.below(3);
        (0..count).for_each(|_| self.statement(depth));
    }

    fn bulk(&mut self, depth: u32) {
        self.address(depth.min(1));
        match self.random.below(4) {
            0 => {
                self.expression(I32, 1);
                let bytes = self.random.below(40);
                self.put(format!("i32.const {bytes} memory.fill"));
            }
            1 => {
                self.address(1);
                self.expression(I32, 0);
                self.put("i32.const 63 i32.and memory.copy");
            }
            2 => self.put("i32.const 3 i32.const 9 memory.init $later"),
            _ => {
                let answer = self.random.below(2) == 0;
                self.expression(I64, 1);
                self.put(if answer { "call $ask" } else { "call $tell i32.const 1 i32.and memory.grow" });
                self.put("drop");
            }
        }
    }

    /// A function after this one, and whether it is in the table.
    fn callee(&mut self) -> Option<(usize, bool)> {
        let (first, count) = (self.at + 1, self.functions.len());
        (first < count).then(|| {
            let callee = first + self.random.below(count - first);
            (callee, callee + LEAVES >= count && self.at + LEAVES < count)
        })
    }
    /// Calls a function, at times through the table, where its place may hold another.
    fn call(&mut self, callee: usize, depth: u32) {
        for ty in self.functions[callee].params.clone() {
            self.expression(ty, depth.min(1));
        }
        let (count, is_leaf) = (self.functions.len(), callee + LEAVES >= self.functions.len());
        // Leaves make no indirect calls, so that calls end.
        match is_leaf && self.at + LEAVES < count && self.random.below(3) > 0 {
            true => {
                let entry = callee + LEAVES - count + 1;
                match self.random.below(4) {
                    0 => {
                        self.expression(I32, 0);
                        self.put("i32.const 7 i32.and");
                    }
                    _ => self.put(format!("i32.const {entry}")),
                }
                self.put(format!("call_indirect (type $t{callee})"));
            }
            false => self.put(format!("call $f{callee}")),
        }
    }

    fn counted_loop(&mut self, depth: u32) {
        let counter = self.counters[self.loops as usize];
        self.loops += 1;
        self.expression(I32, 1);
        self.put(format!("i32.const 7 i32.and i32.const 1 i32.add local.set {counter}"));
        self.put("block loop");
        self.statements(depth - 1);
        if self.random.below(3) == 0 {
            self.expression(I32, 1);
            self.put("br_if 1");
        }
        self.statements(depth - 1);
        self.put(format!("local.get {counter} i32.const 1 i32.sub local.tee {counter} br_if 0"));
        self.put("end end");
        self.loops -= 1;
    }

    fn br_table(&mut self, depth: u32) {
        let arms = 2 + self.random.below(5);
        (0..=arms).for_each(|_| self.put("block"));
        self.expression(I32, depth - 1);
        if self.random.below(2) == 0 {
            self.put("i32.const 7 i32.and");
        }
        let targets: Vec<String> = (0..=arms).map(|_| self.random.below(arms).to_string()).collect();
        self.put(format!("br_table {}", targets.join(" ")));
        for arm in 0..=arms {
            self.put("end");
            if arm < arms {
                self.statement(depth - 1);
                if self.random.below(3) > 0 {
                    let out = arms - arm - 1;
                    self.put(format!("br {out}"));
                }
            }
        }
    }

    fn expression(&mut self, ty: Type, depth: u32) {
        self.budget -= 1;
        if depth == 0 || self.budget < 0 {
            match (self.random.below(5), self.local(ty, false)) {
                (0, _) | (_, None) => {
                    let constant = self.constant(ty);
                    self.put(constant);
                }
                (1, _) => {
                    let global = self.global(ty);
                    self.put(format!("global.get $g{global}"));
                }
                (_, Some(local)) => self.put(format!("local.get {local}")),
            }
            return;
        }
        match self.random.below(16) {
            0..=6 => self.binary(ty, depth),
            7 => {
                self.expression(ty, depth - 1);
                let names: &[&str] = match ty {
                    I32 => &["i32.clz", "i32.ctz", "i32.popcnt", "i32.extend8_s", "i32.extend16_s", "i32.eqz"],
                    I64 => &["i64.clz", "i64.ctz", "i64.popcnt", "i64.extend8_s", "i64.extend16_s", "i64.extend32_s"],
                };
                let name = *self.random.pick(names);
                self.put(name);
            }
            8 | 9 => self.convert(ty, depth),
            10 | 11 => {
                self.address(depth);
                let names: &[&str] = match ty {
                    I32 => &["i32.load", "i32.load", "i32.load8_s", "i32.load8_u", "i32.load16_s", "i32.load16_u"],
                    I64 => &["i64.load", "i64.load", "i64.load8_s", "i64.load16_u", "i64.load32_s", "i64.load32_u"],
                };
                let (name, offset) = (*self.random.pick(names), self.offset());
                self.put(format!("{name}{offset}"));
            }
            12 => {
                self.expression(ty, depth - 1);
                self.expression(ty, depth - 1);
                self.expression(I32, depth - 1);
                self.put("select");
            }
            13 => {
                self.expression(I32, depth - 1);
                self.put(format!("if (result {})", ty.name()));
                self.statement(depth - 1);
                self.expression(ty, depth - 1);
                self.put("else");
                self.expression(ty, depth - 1);
                self.put("end");
            }
            14 => {
                let fits = |(i, f): (usize, &Signature)| (i > self.at && f.results == [ty]).then_some(i);
                let all: Vec<usize> = self.functions.iter().enumerate().filter_map(fits).collect();
                match all.is_empty() {
                    true => self.binary(ty, depth),
                    false => {
                        let callee = *self.random.pick(&all);
                        self.call(callee, depth - 1);
                    }
                }
            }
            _ => match self.local(ty, true) {
                Some(local) => {
                    self.expression(ty, depth - 1);
                    self.put(format!("local.tee {local}"));
                }
                None => self.expression(ty, depth - 1),
            },
        }
    }

    fn convert(&mut self, ty: Type, depth: u32) {
        match (ty, self.random.below(4)) {
            (I32, 0) => self.put("memory.size"),
            (I32, 1) => {
                self.expression(I64, depth - 1);
                self.put("i32.wrap_i64");
            }
            (I32, _) => {
                let of = *self.random.pick(&[I32, I64]);
                self.expression(of, depth - 1);
                self.expression(of, depth - 1);
                let names = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
                let name = *self.random.pick(&names);
                self.put(format!("{}.{name}", of.name()));
            }
            (I64, n) => {
                self.expression(I32, depth - 1);
                self.put(if n < 2 { "i64.extend_i32_u" } else { "i64.extend_i32_s" });
            }
        }
    }

    fn binary(&mut self, ty: Type, depth: u32) {
        self.expression(ty, depth - 1);
        self.expression(ty, depth - 1);
        let names = [
            "add", "add", "sub", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "and",
            "div_u",
        ];
        let name = *self.random.pick(&names);
        match (name, self.random.below(6)) {
            // A division that mostly does not trap.
            ("div_u", n) => {
                let divide = ["div_u", "div_s", "rem_u", "rem_s", "div_u", "rem_u"][n];
                let name = ty.name();
                if self.random.below(4) > 0 {
                    self.put(format!("{name}.const 1 {name}.or"));
                }
                self.put(format!("{name}.{divide}"));
            }
            _ => self.put(format!("{}.{name}", ty.name())),
        }
    }

    fn script(&mut self) -> String {
        let mut text = String::new();
        for round in 0..3 {
            for (i, f) in self.functions.clone().iter().enumerate() {
                let _ = write!(text, "call f{i}");
                for ty in &f.params {
                    let value = match (round, self.random.below(4)) {
                        (0, 0) => 0,
                        (_, 1) => self.random.below(70) as u64,
                        (_, 2) => (self.random.below(70) as u64).wrapping_neg(),
                        _ => self.random.draw(),
                    };
                    let value = if *ty == I32 { value & 0xffff_ffff } else { value };
                    let _ = write!(text, " {value:#x}");
                }
                text.push_str("\ncall state\n");
            }
        }
        text
    }
}

/// What modules of `wasm-smith` may have: integers, one small memory, one small table.
pub fn smith() -> wasm_smith::Config {
    wasm_smith::Config {
        allow_floats: false,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        reference_types_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        wide_arithmetic_enabled: false,
        saturating_float_to_int_enabled: false,
        extended_const_enabled: false,
        custom_page_sizes_enabled: false,
        compact_imports_enabled: false,
        export_everything: true,
        max_memories: 1,
        max_memory32_bytes: 4 << 16,
        max_tables: 1,
        max_table_elements: 16,
        ..wasm_smith::Config::default()
    }
}
