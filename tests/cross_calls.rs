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
        // Nothing, one number, or two words that come back as one 64-bit number in C.
        let result = match random.below(4) {
            0 => None,
            1 => Some((vec![Type::I32, Type::I32], Type::I64)),
            _ => Some(any(random)).map(|t| (vec![t], t)),
        };
        let list =
            |types: &mut dyn Iterator<Item = Type>| types.map(|t| t.wasm().to_string()).collect::<Vec<_>>().join(" ");
        let results = list(&mut result.iter().flat_map(|r| &r.0).copied());
        let (own, passed) = (list(&mut params.iter().copied()), list(&mut order.iter().map(|i| params[*i])));
        let _ = writeln!(imports, "(import \"env\" \"host_{n}\" (func $host_{n} (param {passed}) (result {results})))");
        let _ = write!(exports, "(func (export \"pass_{n}\") (param {own}) (result {results})");
        order.iter().for_each(|i| exports += &format!(" local.get {i}"));
        let _ = writeln!(exports, " call $host_{n})");
        let values: Vec<String> = params.iter().map(|t| t.value(random)).collect();
        let c_result = result.as_ref().map_or("void", |r| r.1.c());
        let names: Vec<String> = order.iter().enumerate().map(|(k, i)| format!("{} a{k}", params[*i].c())).collect();
        let names = if names.is_empty() { "void".to_string() } else { names.join(", ") };
        let _ = writeln!(host, "{c_result} host_{n}({names})\n{{\n    calls++;");
        for (k, i) in order.iter().enumerate() {
            let _ = writeln!(host, "    wrong += a{k} != {};", values[*i]);
        }
        let back = result.as_ref().map(|r| r.1.value(random));
        back.iter().for_each(|value| host += &format!("    return {value};\n"));
        host.push_str("}\n");
        let call = format!("pass_{n}({})", values.join(", "));
        let _ = match back {
            Some(value) => writeln!(main, "    wrong += {call} != {value};"),
            None => writeln!(main, "    {call};"),
        };
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

#[test]
fn gcc_calls_and_is_called() {
    assert_eq!(differences(1, false, GCC, |c| c), Some(0));
}

#[test]
fn clang_calls_and_is_called() {
    assert_eq!(differences(2, true, CLANG, |c| c), Some(0));
}

#[test]
fn gcc_passes_floating_point_numbers() {
    assert_eq!(differences(3, true, GCC, |c| c), Some(0));
}

#[test]
fn a_wrong_argument_is_counted() {
    // A callee that expects another value for its last argument.
    let at = |c: &str| c.rfind("wrong += a").expect("an argument is compared");
    let change = |c: String| format!("{}wrong += 1u + a{}", &c[..at(&c)], &c[at(&c) + 10..]);
    assert_eq!(differences(1, false, GCC, change), Some(1));
}
