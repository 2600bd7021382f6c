//! Modules alone: start-up, data, results, traps, stacks, consoles, boards, linkers.

use super::*;
use object::{Object, ObjectSymbol};

/// Data segments, globals, memory that starts as zeros behind them, functions without parameters of every kind of result.
const DATA: &str = r#"(module
  (memory (export "memory") 1)
  (global $word (mut i32) (i32.const 0x11223344))
  (global $wide (mut i64) (i64.const 0x0123456789abcdef))
  (data (i32.const 16) "\01\02\03\04")
  (data (i32.const 65532) "\fe\ff\ff\ff")
  (func (export "nothing"))
  (func (export "sum") (result i32)
    (i32.add (global.get $word) (i32.add (i32.load (i32.const 16)) (i32.load (i32.const 65532)))))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "rest") (result i32)
    (local $at i32) (local $or i32)
    (loop $next
      (if (i32.ne (local.get $at) (i32.const 16))
        (then (local.set $or (i32.or (local.get $or) (i32.load (local.get $at))))))
      (br_if $next
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 65532))))
    (i32.add (local.get $or) (i32.const 3)))
  (func (export "wide") (result i64) (i64.add (global.get $wide) (i64.const 1)))
  (func (export "several") (result i32 i64 i32 i64)
    (i32.const 1) (i64.const 0x2000000003) (i32.const -4) (i64.const 0x5000000006)))"#;

#[test]
fn every_board_boots_with_either_linker_and_console() {
    let folder = Folder::new("boards");
    let (module, elf) = (folder.write("data.wat", DATA), folder.path("fw.elf"));
    for (board, ..) in MACHINES {
        for linker in LINKERS {
            note(&format!("{board}, {linker}"));
            let with = |entry: &str, console: &str| {
                let more = ["--entry", entry, "--linker", linker, "--console", console];
                image(&module, &elf, board, &more);
            };
            // 0x11223344 + 0x04030201 - 2; the status is what the operating system keeps of it.
            with("sum", "semihosting");
            assert_eq!(boot(board, &elf), run("result: 0x15253543\n", 0x43));
            with("rest", "semihosting");
            assert_eq!(boot(board, &elf), run("result: 0x00000003\n", 3), "zeroed memory");
            with("seven", "uart");
            assert_eq!(boot_serial(board, &elf), "result: 0x00000007\r\nexit: 0x00000007\r\n");
        }
    }
    assert_eq!(folder.names(), ["data.wat", "fw.elf", "fw.ld"]);
}

/// The emulator fills no memory by itself: without a row of start-up code's tables the poison is seen.
#[test]
fn start_up_code_is_what_initialises() {
    let folder = Folder::new("tables");
    let zeros = r#"(module (memory 1) (global $word (mut i32) (i32.const 5))
      (func (export "memory") (result i32) (i32.load (i32.const 40000)))
      (func (export "global") (result i32) (global.get $word)))"#;
    let (module, elf) = (folder.write("zeros.wat", zeros), folder.path("fw.elf"));
    let rows = [
        ("memory", "    LONG(ADDR(.memory_zero)) LONG(SIZEOF(.memory_zero))\n", 0),
        ("global", "    LONG(LOADADDR(.data)) LONG(ADDR(.data)) LONG(SIZEOF(.data))\n", 5),
    ];
    for (entry, row, value) in rows {
        image(&module, &elf, "mps2-an385", &["--entry", entry]);
        assert_eq!(boot("mps2-an385", &elf), run(&format!("result: 0x0000000{value}\n"), value));
        let script = std::fs::read_to_string(folder.path("fw.ld")).expect("is there");
        assert!(script.contains(row), "{script}");
        let script = folder.write("without.ld", script.replace(row, ""));
        image(&module, &elf, "mps2-an385", &["--entry", entry, "--linker-script", &script]);
        assert_eq!(boot("mps2-an385", &elf), run("result: 0xa5a5a5a5\n", 0xa5), "{entry}");
    }
}

#[test]
fn a_raw_copy_of_the_flash_boots() {
    let folder = Folder::new("raw");
    let (module, elf, raw) = (folder.write("data.wat", DATA), folder.path("fw.elf"), folder.path("fw.bin"));
    for linker in LINKERS {
        for (board, machine, _) in MACHINES {
            let said = image(&module, &elf, board, &["--entry", "sum", "--linker", linker]);
            tool(Command::new("arm-none-eabi-objcopy").args(["-O", "binary", &elf, &raw]));
            let flash = &said["image"]["regions"][0];
            let bytes = std::fs::metadata(&raw).expect("is there").len();
            assert!(bytes.abs_diff(flash["used"].as_u64().expect("a number")) < 8, "{board}, {linker}: {bytes} bytes");
            let loader = format!("loader,file={raw},addr={},force-raw=on", flash["origin"]);
            assert_eq!(ended(loaded(machine, &loader)), run("result: 0x15253543\n", 0x43), "{board}, {linker}");
        }
    }
}

#[test]
fn results_are_printed_whole() {
    let folder = Folder::new("results");
    let (module, elf) = (folder.write("data.wat", DATA), folder.path("fw.elf"));
    let cases = [
        ("nothing", "", 0),
        ("wide", "result: 0x0123456789abcdf0\n", 0),
        ("several", "result: 0x00000001 0x0000002000000003 0xfffffffc 0x0000005000000006\n", 0),
        ("seven", "result: 0x00000007\n", 7),
    ];
    for (entry, printed, status) in cases {
        image(&module, &elf, "mps2-an386", &["--entry", entry]);
        assert_eq!(boot("mps2-an386", &elf), run(printed, status), "{entry}");
    }
}

const TRAPS: &str = r#"(module
  (type $word (func (result i32)))
  (memory 1)
  (table 3 funcref)
  (elem (i32.const 0) func $other $word)
  (global $zero (mut i32) (i32.const 0))
  (global $ones (mut i32) (i32.const -1))
  (global $index (mut i32) (i32.const 2))
  (global $far (mut i32) (i32.const 65533))
  (func $other (param i32))
  (func $word (type $word) (i32.const 1))
  (func (export "t1") unreachable)
  (func (export "t2") (result i32) (i32.rem_u (i32.const 5) (global.get $zero)))
  (func (export "t3") (result i32) (i32.div_s (i32.const 0x80000000) (global.get $ones)))
  (func (export "t4") (result i32) (i32.load (global.get $far)))
  (func (export "t5") (result i32) (call_indirect (type $word) (i32.add (global.get $index) (i32.const 1))))
  (func (export "t6") (result i32) (call_indirect (type $word) (global.get $index)))
  (func (export "t7") (result i32) (call_indirect (type $word) (global.get $zero))))"#;

#[test]
fn traps_are_named_with_their_place() {
    let folder = Folder::new("traps");
    let (module, elf) = (folder.write("traps.wat", TRAPS), folder.path("fw.elf"));
    let names = [
        "unreachable",
        "integer-divide-by-zero",
        "integer-overflow",
        "out-of-bounds-memory",
        "out-of-bounds-table",
        "uninitialized-element",
        "indirect-call-type-mismatch",
    ];
    for (kind, name) in (1..).zip(names) {
        let entry = format!("t{kind}");
        image(&module, &elf, "mps2-an385", &["--entry", &entry]);
        let ended = boot("mps2-an385", &elf);
        assert_eq!(ended.status, Some(128 + kind), "{ended:?}");
        let place = ended.printed.strip_prefix(&format!("trap: {name} at 0x"));
        let place = place.and_then(|p| p.strip_suffix('\n')).unwrap_or_else(|| panic!("{ended:?}"));
        let place = u64::from_str_radix(place, 16).expect("a number");
        // The place is a `udf` of this kind within the function. Source: DDI 0403E, UDF T1.
        let bytes = std::fs::read(&elf).expect("reads");
        let file = object::File::parse(&*bytes).expect("an ELF file");
        let function = file.symbols().find(|s| s.name() == Ok(&entry)).expect("its symbol");
        let start = function.address() & !1;
        assert!((start..start + function.size()).contains(&place), "{place:#x} is not in {entry}");
        assert_eq!(code(&file, place), 0xde00 | kind as u16);
    }
    image(&module, &elf, "stm32f4", &["--entry", "t2", "--console", "uart"]);
    let printed = boot_serial("stm32f4", &elf);
    assert!(printed.starts_with("trap: integer-divide-by-zero at 0x0800"), "{printed}");
    assert!(printed.ends_with("\r\nexit: 0x00000082\r\n"), "{printed}");
}

/// Where something else than the vector table starts the image, stacks and vector table are set all the same: a trap is reported.
#[test]
fn an_image_may_be_started_at_its_entry_point() {
    let folder = Folder::new("started");
    let (module, elf) = (folder.write("traps.wat", TRAPS), folder.path("fw.elf"));
    let board = "cpu = \"cortex-m4\"\ninterrupts = 0\n[flash]\norigin = 0x21000000\nbytes = 0x100000\n[[ram]]\nname = \"LOW\"\n\
                 origin = 0x20000000\nbytes = 0x100000\n";
    let board = folder.write("high.toml", board);
    for linker in LINKERS {
        image(&module, &elf, &board, &["--entry", "t1", "--linker", linker]);
        let ended = ended(loaded("mps2-an386", &format!("loader,file={elf},cpu-num=0")));
        assert!(ended.printed.starts_with("trap: unreachable at 0x2100"), "{linker}: {ended:?}");
        assert_eq!(ended.status, Some(129), "{linker}");
    }
}

/// The halfword at an address.
fn code(file: &object::File<'_>, at: u64) -> u16 {
    use object::ObjectSection;
    let half = file.sections().find_map(|s| s.data_range(at, 2).ok().flatten()).expect("a section");
    u16::from_le_bytes([half[0], half[1]])
}

/// A recursion of a depth that a global gives, each level with a frame, and words of data that must survive.
fn recursion(depth: u32) -> String {
    format!(
        r#"(module
  (memory 1)
  (data (i32.const 0) "untouched")
  (global $depth (mut i32) (i32.const {depth}))
  (func $down (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (local.get 0) (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "run") (result i32) (call $down (global.get $depth))))"#
    )
}

#[test]
fn an_overflow_of_the_stack_below_faults() {
    let folder = Folder::new("stack");
    let elf = folder.path("fw.elf");
    // A level takes at least 8 bytes, and not 64: 4,000 levels overflow 8 KiB, and fit into 256 KiB.
    let (deep, shallow) = (folder.write("deep.wat", recursion(4000)), folder.write("shallow.wat", recursion(100)));
    for (board, ..) in MACHINES {
        for linker in LINKERS {
            image(&deep, &elf, board, &["--entry", "run", "--linker", linker]);
            let ended = boot(board, &elf);
            assert!(
                ended.printed.starts_with("trap: call-stack-exhausted, stack pointer 0x1fff"),
                "{board}: {ended:?}"
            );
            assert_eq!((ended.status, ended.printed.lines().count()), (Some(136), 1), "{board}: {ended:?}");
            // The sum of 1 to 100 is 5050.
            image(&shallow, &elf, board, &["--entry", "run", "--linker", linker]);
            assert_eq!(boot(board, &elf), run("result: 0x000013ba\n", 0xba), "{board}");
        }
    }
    // The sum of 1 to 4000 is 8002000.
    image(&deep, &elf, "mps2-an385", &["--entry", "run", "--stack-size", "256K"]);
    assert_eq!(boot("mps2-an385", &elf), run("result: 0x007a19d0\n", 0xd0));
    image(&shallow, &elf, "mps2-an385", &["--entry", "run", "--stack-size", "512"]);
    assert_eq!(boot("mps2-an385", &elf).status, Some(136));
}

/// Without a guard this emulator lets accesses below the first memory pass: the test before tells nothing by itself.
#[test]
fn the_guard_is_what_faults() {
    let folder = Folder::new("guard");
    let (elf, deep) = (folder.path("fw.elf"), folder.write("deep.wat", recursion(4000)));
    let ram = |name: &str, origin: u32| format!("[[ram]]\nname = \"{name}\"\norigin = {origin}\nbytes = 0x100000\n");
    let head = "cpu = \"cortex-m4\"\ninterrupts = 0\n[flash]\norigin = 0\nbytes = 0x100000\n";
    let guarded = folder.write("guarded.toml", format!("{head}{}", ram("HIGH", 0x2010_0000)));
    let open = folder.write("open.toml", format!("{head}{}{}", ram("HIGH", 0x2010_0000), ram("LOW", 0x2000_0000)));
    image(&deep, &elf, &guarded, &["--entry", "run"]);
    let ended = boot("mps2-an386", &elf);
    assert!(ended.printed.starts_with("trap: call-stack-exhausted, stack pointer 0x200f"), "{ended:?}");
    // A memory below leaves no room for a guard.
    image(&deep, &elf, &open, &["--entry", "run"]);
    assert_eq!(boot("mps2-an386", &elf), run("result: 0x007a19d0\n", 0xd0));
}

#[test]
fn a_mask_is_never_left() {
    let folder = Folder::new("mask");
    let elf = folder.path("fw.elf");
    let module = r#"(module (memory 1) (data (i32.const 0) "\05") (global $last (mut i32) (i32.const 65535))
      (func (export "run") (result i32)
        (i64.store (global.get $last) (i64.const -1))
        (i32.add (i32.load8_u (i32.const 0)) (i32.load8_u (global.get $last)))))"#;
    let module = folder.write("mask.wat", module);
    for memory in ["own", "extern"] {
        let more = ["--entry", "run", "--bounds", "mask", "--memory", memory];
        let said = image(&module, &elf, "mps2-an385", &more);
        // 8 bytes behind the memory, stacks, and words of memory size and global.
        assert_eq!(said["image"]["regions"][1]["used"].as_u64(), Some(65_544 + 9216 + 8), "{memory}");
        assert_eq!(boot("mps2-an385", &elf), run("result: 0x00000104\n", 4), "{memory}");
    }
}

#[test]
fn a_stack_above_has_all_that_is_left() {
    let folder = Folder::new("above");
    let (elf, deep) = (folder.path("fw.elf"), folder.write("deep.wat", recursion(4000)));
    for linker in LINKERS {
        let more = ["--entry", "run", "--stack", "above", "--linker", linker];
        let said = image(&deep, &elf, "mps2-an500", &more);
        assert_eq!(boot("mps2-an500", &elf), run("result: 0x007a19d0\n", 0xd0));
        assert_eq!(said["image"]["stack_bytes"], 8192);
        let script = std::fs::read_to_string(folder.path("fw.ld")).expect("is there");
        assert!(script.contains("__stack_top = ORIGIN(SSRAM) + LENGTH(SSRAM) - 1024;"), "{script}");
    }
}

#[test]
fn corpus_programs_without_a_host() {
    let folder = Folder::new("alone");
    let elf = folder.path("fw.elf");
    // Its start function sums 8 bytes of 97, 6 of 98 and 2 of 99.
    for (board, ..) in MACHINES {
        for memory in ["own", "extern"] {
            image(&corpus("segments"), &elf, board, &["--entry", "start_sum", "--memory", memory]);
            assert_eq!(boot(board, &elf), run("result: 0x0000061a\n", 0x1a), "{board}, {memory}");
        }
    }
    image(&corpus("traps"), &elf, "mps2-an386", &["--entry", "get_progress"]);
    assert_eq!(boot("mps2-an386", &elf), run("result: 0x00000000\n", 0));
}

#[test]
fn a_large_memory_goes_where_there_is_room() {
    let folder = Folder::new("large");
    let elf = folder.path("fw.elf");
    let module = r#"(module (memory 1) (global $at (mut i32) (i32.const 6291452))
        (func (export "run") (result i32)
          (i32.store offset=0 (i32.const 65532) (i32.const 5))
          (drop (memory.grow (i32.const 95)))
          (i32.store (global.get $at) (i32.const 37))
          (i32.add (i32.load (global.get $at)) (i32.load (i32.const 65532)))))"#;
    let module = folder.write("large.wat", module);
    // 96 pages are 6 MiB: more than the 4 MiB of the first memory.
    for (board, origin) in [("mps2-an385", 0x2100_0000u64), ("mps2-an500", 0x6000_0000)] {
        for linker in LINKERS {
            let said = image(&module, &elf, board, &["--entry", "run", "--memory-pages", "96", "--linker", linker]);
            let psram = &said["image"]["regions"][2];
            assert_eq!(
                (&psram["region"], &psram["used"], &psram["origin"]),
                (&"PSRAM".into(), &6_291_456.into(), &origin.into())
            );
            assert_eq!(boot(board, &elf), run("result: 0x0000002a\n", 42), "{board}");
        }
    }
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let folder = Folder::new("same");
    let module = folder.write("data.wat", DATA);
    for linker in LINKERS {
        let made = ["one", "two"].map(|name| {
            let temporary = folder.path(&format!("{name}-temporary"));
            std::fs::create_dir_all(&temporary).expect("a folder");
            let elf = folder.path(&format!("{name}.elf"));
            let args =
                ["compile", &module, "-o", &elf, "--image", "--board", "stm32f4", "--entry", "sum", "--linker", linker];
            tool(Command::new(env!("CARGO_BIN_EXE_synth")).args(args).env("TMPDIR", &temporary));
            assert_eq!(std::fs::read_dir(&temporary).expect("reads").count(), 0, "temporary files are left");
            (std::fs::read(elf).expect("reads"), std::fs::read(folder.path(&format!("{name}.ld"))).expect("reads"))
        });
        assert!(made[0] == made[1], "{linker}");
    }
}

/// What a proof of the linked bytes starts from is in the image: the claim, and the symbols of functions.
#[test]
fn images_keep_claim_and_symbols() {
    use object::ObjectSection;
    let folder = Folder::new("claim");
    let (module, elf, object) = (folder.write("data.wat", DATA), folder.path("fw.elf"), folder.path("out.o"));
    check(&["compile", &module, "-o", &object, "--target", "cortex-m3"], 0);
    let witness = |path: &str| {
        let bytes = std::fs::read(path).expect("reads");
        let file = object::File::parse(&*bytes).expect("an ELF file");
        let section = file.section_by_name(".synth.witness").expect("is there");
        let functions =
            file.symbols().filter(|s| s.name().is_ok_and(|n| n.starts_with("__synth_f") && !n.contains("fault")));
        (section.data().expect("reads").to_vec(), functions.count())
    };
    for linker in LINKERS {
        image(&module, &elf, "mps2-an385", &["--entry", "sum", "--linker", linker]);
        let (claim, functions) = witness(&elf);
        assert_eq!((functions, claim == witness(&object).0), (6, true), "{linker}");
    }
}

#[test]
fn an_image_is_written_only_if_its_object_is_proved() {
    let folder = Folder::new("proved");
    let (elf, module) = (folder.path("fw.elf"), folder.write("data.wat", DATA));
    let args = ["compile", &module, "-o", &elf, "--image", "--board", "mps2-an385", "--entry", "sum", "--validate"];
    let (out, _) = check(&args, 0);
    assert!(out.contains("6 of 6 functions proved") && out.contains("linked by"), "{out}");
    assert_eq!(folder.names(), ["data.wat", "fw.elf", "fw.ld"]);
    assert_eq!(boot("mps2-an385", &elf), run("result: 0x15253543\n", 0x43));
    for name in ["fw.elf", "fw.ld"] {
        std::fs::remove_file(folder.path(name)).expect("is there");
    }
    // With a step of exploration nothing can be proved.
    let (out, _) = check(&[&args[..], &["--limit-region-steps", "1"]].concat(), 1);
    assert!(out.contains("was not written"), "{out}");
    assert_eq!(folder.names(), ["data.wat"]);
}
