//! What cannot become an image: each case says what is wrong and what helps, and leaves no file.

use super::*;

const MODULE: &str = r#"(module (import "os" "now" (func $now (result i32)))
  (func (export "run") (result i32) (call $now))
  (func (export "main") (result i32) (i32.const 1))
  (func (export "twice") (param i32 i64) (result i32) (local.get 0)))"#;

const ALONE: &str = r#"(module (memory 1) (data (i32.const 0) "x") (global $g (mut i32) (i32.const 1))
  (func (export "run") (result i32) (i32.add (global.get $g) (i32.load8_u (i32.const 0)))))"#;

/// Runs a command that fails, with what its message must say, and sees that nothing is left.
fn refused(folder: &Folder, args: &[&str], says: &[&str]) {
    let before = folder.names();
    let elf = folder.path("fw.elf");
    let (out, message) = check(&[&["compile", "-o", &elf], args].concat(), 2);
    for part in says {
        assert!(message.contains(part), "{args:?} does not say {part:?}:\n{message}");
    }
    assert_eq!((out.as_str(), folder.names()), ("", before), "{args:?}");
}

#[test]
fn entries_and_imports() {
    let folder = Folder::new("entries");
    let module = folder.write("module.wat", MODULE);
    let main = folder.c("main", "int run(void); int main(void) { return run(); }");
    let now = folder.c("now", "int now(void) { return 4; }");
    let both =
        folder.c("both", "int now(void) { return 4; } int twice(int x) { return x; } int start(void) { return 1; }");
    let at = |more: &[&'static str]| [&["--image", "--board", "mps2-an385"], more].concat();
    let refused = |more: &[&str], says: &[&str]| {
        refused(&folder, &[&[module.as_str()], &at(&[])[..], more].concat(), says);
    };
    refused(
        &["--entry", "run"],
        &["the import os.now is not there", "no linked object defines now", "--link", "--define"],
    );
    refused(&[], &["no entry", "--entry", "these without parameters: run, main"]);
    refused(&["--entry", "walk"], &["no function walk", "run, main"]);
    refused(
        &["--entry", "twice", "--link", &now],
        &["twice cannot be the entry", "parameters (i32, i64)", "run, main"],
    );
    refused(&["--link", &main, "--link", &now], &["main is defined twice", "by the module", &main, "rename"]);
    refused(&["--entry", "start", "--link", &both], &["twice is defined twice", "by the module", &both]);
    refused(&["--entry", "run", "--link", &now, "--link", &both], &["now is defined twice", &now, &both]);
    let reset = folder.c("reset", "int now(void) { return 4; } void Reset_Handler(void) { }");
    refused(&["--entry", "run", "--link", &reset], &["Reset_Handler is defined twice", "start-up code", &reset]);
    refused(&["--entry", "run", "--link", &now, "--define", "now=4"], &["now is defined twice", "by --define", &now]);
    refused(&["--entry", "run", "--define", "now"], &["--define", "SYMBOL=ADDRESS"]);
    refused(&["--entry", "run", "--define", "now=here"], &["here is no address"]);
    let needs = folder.c("needs", "int far(void); int now(void) { return far(); }");
    refused(&["--entry", "run", "--link", &needs], &["no linked object defines far", &needs, "needs", "--link"]);
    refused(&["--entry", "run", "--link", &module], &["cannot link the file", "module.wat"]);
    refused(&["--entry", "run", "--link", "/bin/sh"], &["cannot link the file", "Arm", "/bin/sh"]);
    refused(&["--entry", "run", "--link", &folder.path("gone.o")], &["cannot read the file", "gone.o"]);
}

/// The vector table has the addresses of what is called so.
#[test]
fn exports_are_no_handlers() {
    let folder = Folder::new("handlers");
    for (number, handler) in ["HardFault_Handler", "SysTick_Handler", "IRQ3_Handler"].into_iter().enumerate() {
        let text = format!(
            r#"(module (func (export "{handler}") (result i32) (i32.const 7)) (func (export "go") (result i32) (i32.const 42)))"#
        );
        let module = folder.write(&format!("module{number}.wat"), &text);
        refused(
            &folder,
            &[&module, "--image", "--board", "mps2-an386", "--entry", "go"],
            &[&format!("the export {handler}"), "handler of an exception", "rename the export"],
        );
    }
}

#[test]
fn options_belong_to_images() {
    let folder = Folder::new("options");
    let module = folder.write("module.wat", ALONE);
    for option in [
        ["--board", "mps2-an385"],
        ["--entry", "run"],
        ["--link", "a.o"],
        ["--define", "a=1"],
        ["--console", "uart"],
        ["--stack", "above"],
        ["--stack-size", "8K"],
        ["--handler-stack-size", "1K"],
        ["--linker", "ld"],
        ["--linker-script", "a.ld"],
    ] {
        refused(&folder, &[&[module.as_str()], &option[..]].concat(), &["--image"]);
    }
    refused(&folder, &[&module, "--image"], &["--board"]);
    let image = [module.as_str(), "--image", "--board", "mps2-an385", "--entry", "run"];
    for size in ["0", "100", "4097", "8M", "-8", "5000000K"] {
        refused(&folder, &[&image[..], &[&format!("--stack-size={size}")]].concat(), &["multiple of 8"]);
    }
    refused(
        &folder,
        &[&image[..], &["--linker", "no-such-linker"]].concat(),
        &["no-such-linker does not start", "--linker", "install"],
    );
    refused(&folder, &[&image[..], &["--linker", "false"]].concat(), &["false does not start", "version"]);
    refused(&folder, &[&image[..], &["--target", "cortex-m4"]].concat(), &["Cortex-M3", "--target"]);
    let output = Command::new(env!("CARGO_BIN_EXE_synth"))
        .args(["compile", "-o", &folder.path("fw.elf")])
        .args(image)
        .env("PATH", folder.path("nothing"))
        .output()
        .expect("runs");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        message.contains("no linker is there: arm-none-eabi-ld, ld.lld, ld.lld-19") && message.contains("--linker"),
        "{message}"
    );
    assert_eq!(folder.names(), ["module.wat"]);
    let object = folder.c("host", "int main(void) { return 1; }");
    let before = std::fs::read(&object).expect("is there");
    let (_, message) = check(&[&["compile", "-o", &object], &image[..], &["--link", &object]].concat(), 2);
    assert!(message.contains("the output is another input") && message.contains(&object), "{message}");
    assert!(std::fs::read(&object).expect("is there") == before);
    std::fs::remove_file(object).expect("is there");
    let (_, message) = check(&[&["compile", "-o", &folder.path("fw.ld")], &image[..]].concat(), 2);
    assert!(message.contains("name of its linker script"), "{message}");
    assert_eq!(folder.names(), ["module.wat"]);
}

#[test]
fn what_does_not_fit_is_said_in_bytes() {
    let folder = Folder::new("fit");
    let module = folder.write("module.wat", ALONE);
    let image = [module.as_str(), "--image", "--board", "stm32f4", "--entry", "run"];
    let refused = |more: &[&str], says: &[&str]| refused(&folder, &[&image[..], more].concat(), says);
    // 2 pages, 8 KiB and 1 KiB of stacks, a word of memory size and a word of globals, in 128 KiB; 64 KiB of the second memory hold one.
    let says = [
        "SRAM (131072 bytes at 0x20000000) is 9224 bytes too small",
        "--memory-pages 1",
        "linear memory takes 131072 bytes",
    ];
    refused(&["--memory-pages", "2"], &says);
    for linker in LINKERS {
        refused(&["--memory-pages", "3", "--linker", linker], &["is 74760 bytes too small", "--memory-pages 1"]);
    }
    // 32,767 pages are not even linked: stacks come to them, data is not counted.
    refused(&["--memory-pages", "32767"], &["is at least 2147296256 bytes too small", "--memory-pages 1 or less"]);
    // The stack alone.
    refused(
        &["--stack-size", "129K"],
        &["SRAM", "is 2056 bytes too small", "--stack-size 130040 or less", "the stack takes 132096 bytes"],
    );
    refused(
        &["--stack-size", "129K", "--stack", "above"],
        &["SRAM", "is 2056 bytes too small", "--stack-size 130040 or less"],
    );
    // A memory that the module itself asks for.
    let large = folder.write("large.wat", r#"(module (memory 40) (func (export "run")))"#);
    let args = [large.as_str(), "--image", "--board", "stm32f4", "--entry", "run"];
    super::errors::refused(&folder, &args, &["SRAM", "less memory than 40 pages", "at most 1 fit"]);
    // Flash: 1 MiB of constants and some code; 16 pages of linear memory with data, where 4 MiB of RAM have room for them.
    let host = folder.c("host", "extern const unsigned char big[1 << 20]; const unsigned char big[1 << 20] = {1}; int main(void) { return big[5]; }");
    refused(
        &["--link", &host],
        &["FLASH (1048576 bytes at 0x08000000) is", "bytes too small", "code, constants and initial data take"],
    );
    let little = folder.write("little.toml", BOARD.replacen("0x4_0000", "0x40_0000", 1));
    let args = [module.as_str(), "--image", "--board", &little, "--entry", "run", "--memory-pages", "16"];
    let says = ["FLASH (1048576 bytes at 0x00000000) is", "linear memory 1048576 of them", "--memory-pages 15 or less"];
    super::errors::refused(&folder, &args, &says);
    // What is just small enough is made: 130,040 bytes of stack leave nothing, and linear memory goes to the second memory.
    let elf = folder.path("fw.elf");
    let said = super::image(&module, &elf, "stm32f4", &["--entry", "run", "--stack-size", "130040"]);
    let used = |n: usize| said["image"]["regions"][n]["used"].as_u64();
    assert_eq!((used(1), used(2)), (Some(131_072), Some(65_536)));
}

/// A board like mps2-an386, but for names and sizes.
const BOARD: &str = r#"
cpu = "cortex-m4"
interrupts = 8
[flash]
origin = 0
bytes = 0x10_0000
[[ram]]
name = "MAIN"
origin = 0x2001_0000
bytes = 0x4_0000
[uart]
kind = "cmsdk"
base = 0x4000_4000
clock_hz = 25_000_000
baud = 9600
"#;

#[test]
fn a_board_of_the_users_boots() {
    let folder = Folder::new("custom");
    let (module, elf, board) =
        (folder.write("module.wat", ALONE), folder.path("fw.elf"), folder.write("mine.toml", BOARD));
    for linker in LINKERS {
        let said = image(&module, &elf, &board, &["--entry", "run", "--linker", linker]);
        assert_eq!(said["image"]["regions"][1]["region"], "MAIN");
        assert_eq!(boot("mps2-an386", &elf), run("result: 0x00000079\n", 0x79));
        image(&module, &elf, &board, &["--entry", "run", "--linker", linker, "--console", "uart"]);
        assert_eq!(boot_serial("mps2-an386", &elf), "result: 0x00000079\r\nexit: 0x00000079\r\n");
    }
}

#[test]
fn memories_may_lie_in_any_order() {
    let folder = Folder::new("order");
    let (module, elf) = (folder.write("module.wat", ALONE), folder.path("fw.elf"));
    let text = BOARD.replacen("origin = 0\n", "origin = 0x2100_0000\n", 1).replacen("0x2001_0000", "0x2000_0000", 1);
    let board = folder.write("high.toml", text);
    let host = folder.c("host", "extern const unsigned char big[500000]; const unsigned char big[500000] = {1}; int main(void) { return big[5]; }");
    for linker in LINKERS {
        let said = image(&module, &elf, &board, &["--link", &host, "--linker", linker]);
        let used = |n: usize| said["image"]["regions"][n]["used"].as_u64().expect("a number");
        // Constants and a page of linear memory; that page, stacks, two words.
        assert!((565_536..568_000).contains(&used(0)), "{}", used(0));
        assert_eq!(used(1), 65_536 + 8192 + 1024 + 8);
    }
}

/// A linker that puts another object of the module into the image, whose contract is another: what is proved of the image then is not
/// what was asked for.
///
/// Covers TOR-CONTRACT-ASKED.
#[test]
fn an_image_has_the_contract_that_was_asked_for() {
    let folder = Folder::new("contract");
    let (module, elf) = (folder.write("module.wat", ALONE), folder.path("fw.elf"));
    let linker = |bounds: &str| {
        let object = folder.path(&format!("{bounds}.object"));
        check(&["compile", &module, "-o", &object, "--bounds", bounds], 0);
        let swap = format!("case \"$x\" in *module.o) a+=('{object}') ;; *) a+=(\"$x\") ;; esac");
        let text = format!("#!/bin/bash\na=()\nfor x in \"$@\"; do {swap}; done\nexec {} \"${{a[@]}}\"\n", LINKERS[0]);
        let path = folder.write(&format!("ld-{bounds}"), text);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("set");
        path
    };
    let args = [&module, "--image", "--board", "mps2-an386", "--entry", "run", "--validate", "--linker"];
    check(&[&["compile", "-o", &elf], &args[..], &[&linker("software")]].concat(), 0);
    std::fs::remove_file(&elf).expect("removed");
    let says = ["`bounds none", "`bounds software", "another object"];
    refused(&folder, &[&args[..], &[&linker("none")]].concat(), &says);
}

#[test]
fn descriptions_of_boards_are_checked() {
    let folder = Folder::new("toml");
    let module = folder.write("module.wat", ALONE);
    let refused = |text: &str, says: &[&str]| {
        let board = folder.write("board.toml", text);
        refused(
            &folder,
            &[&module, "--image", "--board", &board, "--entry", "run"],
            &[says, &["board.toml", "docs/abi.md"]].concat(),
        );
    };
    let with = |from: &str, to: &str| {
        assert!(BOARD.contains(from), "{from}");
        BOARD.replacen(from, to, 1)
    };
    refused("cpu = ", &["line 1"]);
    refused(&with("interrupts = 8", "interrupts = 8\ncolour = \"red\""), &["line 4: unknown field `colour`"]);
    refused(&with("bytes = 0x10_0000", "bytes = 0x10_0000\nspeed = 1"), &["line 7: unknown field `speed`"]);
    refused(&with("[flash]\norigin = 0\nbytes = 0x10_0000\n", ""), &["missing field `flash`"]);
    refused(&with("bytes = 0x4_0000", ""), &["missing field `bytes`"]);
    refused(&with("cortex-m4", "cortex-m55"), &["line 2", "cortex-m55", "cortex-m7"]);
    refused(&with("0x4_0000", "\"256K\""), &["line 10", "invalid type"]);
    refused(&with("0x4_0000", "0x1_0000_0000"), &["line 10"]);
    refused(&with("origin = 0x2001_0000", "origin = 0x8_0000"), &["FLASH and MAIN overlap"]);
    refused(
        &with("[uart]", "[[ram]]\nname = \"MAIN\"\norigin = 0x3000_0000\nbytes = 64\n[uart]"),
        &["two memories are named MAIN"],
    );
    refused(
        &with("[uart]", "[[ram]]\nname = \"NEXT\"\norigin = 0x2004_fff8\nbytes = 16\n[uart]"),
        &["MAIN and NEXT overlap"],
    );
    refused(&with("origin = 0x2001_0000", "origin = 0xffff_0000"), &["MAIN ends at 0x100030000"]);
    refused(&with("\"MAIN\"", "\"MY RAM\""), &["MY RAM", "letters"]);
    refused(&with("bytes = 0x4_0000", "bytes = 0x4_0001"), &["MAIN", "multiples of 8"]);
    refused(&with("origin = 0\n", "origin = 64\n"), &["vector table", "multiple of 128"]);
    refused(&with("interrupts = 8", "interrupts = 497"), &["497 interrupts"]);
    refused(&with("interrupts = 8", "interrupts = -1"), &["line 3"]);
    refused(&with("baud = 9600", "baud = 0"), &["0 baud"]);
    refused(&with("baud = 9600", "baud = 5_000_000"), &["5000000 baud of 25000000 Hz"]);
    let no_ram = with("[[ram]]\nname = \"MAIN\"\norigin = 0x2001_0000\nbytes = 0x4_0000\n", "");
    refused(&no_ram, &["missing field `ram`"]);
    refused(
        &with("[[ram]]\nname = \"MAIN\"\norigin = 0x2001_0000\nbytes = 0x4_0000\n", "").replacen(
            "[flash]",
            "ram = []\n[flash]",
            1,
        ),
        &["[[ram]]"],
    );
    let silent = folder.write("silent.toml", &BOARD[..BOARD.find("[uart]").expect("is there")]);
    let args = [module.as_str(), "--image", "--board", &silent, "--entry", "run", "--console", "uart"];
    super::errors::refused(&folder, &args, &["no serial port", "[uart]", "semihosting"]);
    let unknown = [module.as_str(), "--image", "--board", "mps3", "--entry", "run"];
    super::errors::refused(
        &folder,
        &unknown,
        &["no board is named mps3", "mps2-an385, mps2-an386, mps2-an500, stm32f4", "toml"],
    );
    let gone = [module.as_str(), "--image", "--board", "gone.toml", "--entry", "run"];
    super::errors::refused(&folder, &gone, &["cannot read the file", "gone.toml"]);
}

#[test]
fn edited_scripts_are_used_and_kept() {
    let folder = Folder::new("script");
    let (module, elf, ld) = (folder.write("module.wat", ALONE), folder.path("fw.elf"), folder.path("fw.ld"));
    image(&module, &elf, "mps2-an385", &["--entry", "run"]);
    // One that is untouched is written anew, for another board too.
    image(&module, &elf, "mps2-an386", &["--entry", "run"]);
    let script = std::fs::read_to_string(&ld).expect("is there");
    assert!(script.starts_with("/* Generated by synth for mps2-an386; "), "{script}");
    let edited = script.replace("ORIGIN = 0x20000000, LENGTH = 0x00400000", "ORIGIN = 0x20100000, LENGTH = 0x00100000");
    assert_ne!(script, edited);
    std::fs::write(&ld, &edited).expect("writes");
    let before = std::fs::read(&elf).expect("is there");
    let args = ["compile", &module, "-o", &elf, "--image", "--board", "mps2-an386", "--entry", "run"];
    let (_, message) = check(&args, 2);
    for part in ["would overwrite", "fw.ld", "--linker-script"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(std::fs::read(&elf).expect("is there") == before, "the image was written");
    for linker in LINKERS {
        let said = image(&module, &elf, "mps2-an386", &["--entry", "run", "--linker-script", &ld, "--linker", linker]);
        assert_eq!(said["image"]["script"], ld.as_str());
        assert_eq!(boot("mps2-an386", &elf), run("result: 0x00000079\n", 0x79));
        let bytes = std::fs::read(&elf).expect("reads");
        let file = object::File::parse(&*bytes).expect("an ELF file");
        let limit = object::Object::symbols(&file).find(|s| object::ObjectSymbol::name(s) == Ok("__stack_limit"));
        assert_eq!(limit.map(|s| object::ObjectSymbol::address(&s)), Some(0x2010_0000));
    }
    assert_eq!(std::fs::read_to_string(&ld).expect("is there"), edited);
    assert_eq!(folder.names(), ["fw.elf", "fw.ld", "module.wat"]);
    // What the linker says of a script is passed on.
    let before = std::fs::read(&elf).expect("is there");
    let wrong = folder.write("wrong.ld", "MEMORY { FLASH (rx) : ORIGIN = 0 }");
    let (_, message) = check(&[&args[..], &["--linker-script", &wrong]].concat(), 2);
    assert!(message.contains("does not link the image") && message.contains("image.ld"), "{message}");
    assert!(std::fs::read(&elf).expect("is there") == before, "the image was written");
}
