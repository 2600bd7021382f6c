//! Calls across the border, both ways: 500 random signatures, exported by a module and called from C, which the module passes on to C functions
//! with the arguments in another order. C is compiled by gcc and by clang against the generated header; every argument and
//! result is compared on the emulated core. The object and the linked image are proved.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use synth::simulator::board::Folder;

const SIGNATURES: usize = 500;
const PARAMS_MAX: u64 = 11;

/// A small generator of pseudo-random numbers (SplitMix64, G. L. Steele and others).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Type {
    I32,
    I64,
    F32,
    F64,
}

impl Type {
    fn wasm(self) -> &'static str {
        match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
        }
    }
    fn c(self) -> &'static str {
        match self {
            Type::I32 => "uint32_t",
            Type::I64 => "uint64_t",
            Type::F32 => "float",
            Type::F64 => "double",
        }
    }
    /// A value in C, exact in every type.
    fn value(self, random: &mut Random) -> String {
        match self {
            Type::I32 => format!("{:#x}u", random.next() as u32),
            Type::I64 => format!("{:#x}ull", random.next()),
            Type::F32 => format!("{}.5f", random.below(1 << 20)),
            Type::F64 => format!("{}.25", random.below(1 << 40)),
        }
    }
}

/// Results of a function.
struct Results(Vec<Type>);

impl Results {
    fn words(&self) -> usize {
        self.0.iter().map(|t| if matches!(t, Type::I64 | Type::F64) { 2 } else { 1 }).sum()
    }
    /// What a C function returns that has them.
    fn c(&self) -> &'static str {
        match &self.0[..] {
            [] => "void",
            [one] => one.c(),
            _ if self.words() == 2 => "uint64_t",
            _ => "synth_words",
        }
    }
    /// The end of a function that returns values, and a call of another that compares them.
    fn returned(&self, random: &mut Random, function: &str, args: &str) -> (String, String) {
        let call = format!("{function}({args})");
        match &self.0[..] {
            [] => (String::new(), format!("    {call};\n")),
            [_] | [Type::I32, Type::I32] => {
                let value = if let [one] = self.0[..] { one } else { Type::I64 }.value(random);
                (format!("    return {value};\n"), format!("    wrong += {call} != {value};\n"))
            }
            all => {
                let words = self.words();
                let mut back = format!("    uint32_t words[{}] = {{0}};\n", words.max(4));
                let mut compared = format!("    {{\n        struct {function}_results r = {call};\n");
                let mut at = 0;
                for (n, ty) in all.iter().enumerate() {
                    let value = ty.value(random);
                    let (c, bytes) = (ty.c(), if matches!(ty, Type::I64 | Type::F64) { 8 } else { 4 });
                    let _ = writeln!(back, "    {{ {c} v = {value}; __builtin_memcpy(&words[{at}], &v, {bytes}); }}");
                    let _ = writeln!(compared, "        wrong += r.r{n} != {value};");
                    at += bytes / 4;
                }
                compared.push_str("    }\n");
                (4..words).for_each(|n| back += &format!("    __synth_results[{}] = words[{n}];\n", n - 4));
                back.push_str("    return (synth_words){words[0], words[1], words[2], words[3]};\n");
                (back, compared)
            }
        }
    }
}

/// The module's text and the host's C source. Without `floats` all numbers are integers.
fn programs(random: &mut Random, floats: bool) -> (String, String) {
    let mut imports = String::new();
    let mut exports = String::new();
    let mut host = String::from("#include \"module.h\"\n\nstatic uint32_t wrong, calls;\n\n");
    let mut main = String::from("\nint main(void)\n{\n");
    let any = |random: &mut Random| {
        [Type::I32, Type::I64, Type::I32, Type::I64, Type::F32, Type::F64]
            [random.below(if floats { 6 } else { 4 }) as usize]
    };
    for n in 0..SIGNATURES {
        let params: Vec<Type> = (0..random.below(PARAMS_MAX + 1)).map(|_| any(random)).collect();
        // Where each parameter of the callee comes from: every one once, in another order.
        let mut order: Vec<usize> = (0..params.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i as u64 + 1) as usize);
        }
        // Nothing, one number, two words that come back as one 64-bit number in C, or more, of which the header makes a structure.
        let result = match random.below(5) {
            0 => Results(vec![]),
            1 => Results(vec![Type::I32, Type::I32]),
            2 => Results([vec![any(random), Type::I64], (0..random.below(4)).map(|_| any(random)).collect()].concat()),
            _ => Results(vec![any(random)]),
        };
        let list =
            |types: &mut dyn Iterator<Item = Type>| types.map(|t| t.wasm().to_string()).collect::<Vec<_>>().join(" ");
        let results = list(&mut result.0.iter().copied());
        let (own, passed) = (list(&mut params.iter().copied()), list(&mut order.iter().map(|i| params[*i])));
        let _ = writeln!(imports, "(import \"env\" \"host_{n}\" (func $host_{n} (param {passed}) (result {results})))");
        let _ = write!(exports, "(func (export \"pass_{n}\") (param {own}) (result {results})");
        order.iter().for_each(|i| exports += &format!(" local.get {i}"));
        let _ = writeln!(exports, " call $host_{n})");
        let values: Vec<String> = params.iter().map(|t| t.value(random)).collect();
        let names: Vec<String> = order.iter().enumerate().map(|(k, i)| format!("{} a{k}", params[*i].c())).collect();
        let names = if names.is_empty() { "void".to_string() } else { names.join(", ") };
        let _ = writeln!(host, "{} host_{n}({names})\n{{\n    calls++;", result.c());
        for (k, i) in order.iter().enumerate() {
            let _ = writeln!(host, "    wrong += a{k} != {};", values[*i]);
        }
        let (back, compared) = result.returned(random, &format!("pass_{n}"), &values.join(", "));
        host.push_str(&back);
        host.push_str("}\n");
        main.push_str(&compared);
    }
    let _ = writeln!(main, "    return calls != {SIGNATURES} ? 254 : wrong > 200 ? 200 : (int)wrong;\n}}");
    (format!("(module\n{imports}{exports})\n"), host + &main)
}

fn run(program: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn must(program: &str, args: &[&str]) -> String {
    let (code, said) = run(program, args);
    assert_eq!(code, Some(0), "{program} {args:?}: {said}");
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// How many arguments and results differ, for a compiler, an optimization level and a change of the host's source.
fn differences(seed: u64, floats: bool, compiler: &[&str], change: impl Fn(String) -> String) -> Option<i32> {
    let folder = Folder::new().expect("a folder");
    let (module, host) = programs(&mut Random(seed), floats);
    let path = |name: &str| folder.path().join(name);
    let (wat, source) = (path("module.wat"), path("host.c"));
    std::fs::write(&wat, module).expect("written");
    std::fs::write(&source, change(host)).expect("written");
    let (header, object, image) = (path("module.h"), path("host.o"), path("image.elf"));
    let synth = env!("CARGO_BIN_EXE_synth");
    let unlinked = path("module.o");
    must(synth, &["compile", text(&wat), "-o", text(&unlinked), "--emit-header", text(&header)]);
    let options = ["-ffreestanding", "-Wall", "-Werror", "-c", text(&source), "-o", text(&object)];
    must(compiler[0], &[&compiler[1..], &options].concat());
    let linked = ["--image", "--board", "mps2-an386", "--link", text(&object)];
    let said = must(synth, &[&["compile", "--validate", text(&wat), "-o", text(&image)], &linked[..]].concat());
    // Assumption A-LOAD: the verdicts are those of the image.
    assert!(
        said.contains(&format!("{SIGNATURES} of {SIGNATURES} functions proved")) && said.contains("A-LOAD"),
        "{said}"
    );
    let console = ["-semihosting-config", "enable=on,target=native", "-monitor", "none", "-serial", "none"];
    let machine = ["-M", "mps2-an386", "-nographic", "-kernel", text(&image)];
    run("qemu-system-arm", &[&machine[..], &console].concat()).0
}

const GCC: &[&str] = &["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-O2"];
const CLANG: &[&str] = &["clang-19", "--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mfloat-abi=soft", "-O1"];

/// Covers TOR-CLAUSE-ARGUMENTS.
#[test]
fn gcc_calls_and_is_called() {
    assert_eq!(differences(1, false, GCC, |c| c), Some(0));
}

/// Covers TOR-CLAUSE-ARGUMENTS.
#[test]
fn clang_calls_and_is_called() {
    assert_eq!(differences(2, true, CLANG, |c| c), Some(0));
}

#[test]
fn gcc_passes_floating_point_numbers() {
    assert_eq!(differences(3, true, GCC, |c| c), Some(0));
}

/// A module that has the host call its functions back, by number and through a table of its own.
const CALLBACKS: &str = r#"(module
    (type $f (func (param i32) (result i32)))
    (import "env" "apply" (func $apply (param i32 i32) (result i32)))
    (table (export "callbacks") 4 funcref)
    (elem (i32.const 1) $double $square)
    (global $calls (mut i32) (i32.const 0))
    (func $double (type $f) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.shl (local.get 0) (i32.const 1)))
    (func $square (export "square") (type $f) (i32.mul (local.get 0) (local.get 0)))
    (func (export "both") (param i32) (result i32)
      (i32.add (call $apply (i32.const 1) (local.get 0)) (call $apply (i32.const 2) (local.get 0))))
    (func (export "calls") (result i32) (global.get $calls)))"#;

#[test]
fn functions_of_the_module_are_called_back() {
    let folder = Folder::new().expect("a folder");
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let (wat, source) = (path("callbacks.wat"), path("host.c"));
    std::fs::write(&wat, CALLBACKS).expect("written");
    let host = r#"#include "module.h"
        static uint32_t (*last)(uint32_t);
        uint32_t apply(uint32_t number, uint32_t x)
        {
            last = (uint32_t (*)(uint32_t))__synth_table0[number].function;
            return last(x);
        }
        int main(void)
        {
            int wrong = 0;
            wrong += both(5) != 10 + 25;
            wrong += last != square;
            wrong += calls() != 1;
            wrong += __synth_table0[0].type != 0 || __synth_table0[3].function != 0;
            return wrong;
        }"#;
    std::fs::write(&source, host).expect("written");
    let (header, object, image, unlinked) = (path("module.h"), path("host.o"), path("image.elf"), path("module.o"));
    let synth = env!("CARGO_BIN_EXE_synth");
    must(synth, &["compile", &wat, "-o", &unlinked, "--emit-header", &header]);
    for compiler in [GCC, CLANG] {
        let options = ["-ffreestanding", "-Wall", "-Werror", "-c", &source, "-o", &object];
        must(compiler[0], &[&compiler[1..], &options].concat());
        let linked = ["--image", "--board", "mps2-an386", "--link", &object];
        must(synth, &[&["compile", "--validate", &wat, "-o", &image], &linked[..]].concat());
        let console = ["-semihosting-config", "enable=on,target=native", "-monitor", "none", "-serial", "none"];
        let machine = ["-M", "mps2-an386", "-nographic", "-kernel", &image];
        assert_eq!(run("qemu-system-arm", &[&machine[..], &console].concat()).0, Some(0));
    }
}

#[test]
fn functions_with_variable_arguments_are_no_imports() {
    let folder = Folder::new().expect("a folder");
    let module = r#"(module (import "env" "printf" (func $printf (param i32 i32) (result i32))) (memory 1)
        (func (export "f") (result i32) (call $printf (i32.const 16) (i32.const 32))))"#;
    let (wat, out) = (folder.write("module.wat", module.as_bytes()).expect("written"), folder.path().join("module.o"));
    let synth = env!("CARGO_BIN_EXE_synth");
    let (status, said) = run(synth, &["compile", text(&wat), "-o", text(&out)]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("printf is a C function with variable arguments") && !out.exists(), "{said}");
    must(synth, &["compile", text(&wat), "-o", text(&out), "--import-prefix", "host_"]);
}

#[test]
fn a_wrong_argument_is_counted() {
    // A callee that expects another value for its last argument.
    let at = |c: &str| c.rfind("wrong += a").expect("an argument is compared");
    let change = |c: String| format!("{}wrong += 1u + a{}", &c[..at(&c)], &c[at(&c) + 10..]);
    assert_eq!(differences(1, false, GCC, change), Some(1));
}

/// Masked accesses reach up to 8 bytes behind the capacity (docs/abi.md): the host that owns the memory has to give them.
#[test]
fn headers_say_how_long_the_memory_of_the_host_is() {
    let folder = Folder::new().expect("a folder");
    let wat = r#"(module (memory (export "memory") 1) (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let wat = folder.write("module.wat", wat.as_bytes()).expect("written");
    let (object, header) = (folder.path().join("module.o"), folder.path().join("module.h"));
    for (options, bytes) in [
        ("--memory extern --bounds mask", 65544),
        ("--memory extern --bounds software", 65536),
        ("--memory extern --bounds none", 65536),
        ("--memory extern --private-data", 65536),
        ("--memory own --bounds mask", 65536),
        ("--memory own --bounds software", 65536),
    ] {
        let options: Vec<&str> = options.split(' ').collect();
        let files = ["compile", text(&wat), "-o", text(&object), "--emit-header", text(&header)];
        must(env!("CARGO_BIN_EXE_synth"), &[&files[..], &options].concat());
        let source =
            format!("#include \"module.h\"\n_Static_assert(sizeof __linear_memory_base == {bytes}, \"bytes\");\n");
        let source = folder.write("size.c", source.as_bytes()).expect("written");
        must(GCC[0], &[&GCC[1..], &["-fsyntax-only", text(&source)]].concat());
    }
}
