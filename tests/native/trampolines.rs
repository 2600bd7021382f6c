//! Trampolines (`--marshal`): they copy what their description says and pass what else there is; descriptions that do not fit are refused.

use super::{boot, host, library, must, source, synth, text};
use synth::simulator::board::Folder;

#[test]
fn trampolines_copy_what_their_description_says() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder, "copies.c", &["--export=sem_copy"]);
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let (image, unlinked, trampolines) = (path("image.elf"), path("module.o"), path("trampolines.c"));
    let description = source("sem.toml");
    let functions = ["sem_give", "sem_take", "sem_given"];
    let marshal: Vec<String> = functions.iter().map(|f| format!("--marshal={f}:0={description}")).collect();
    let mut options: Vec<&str> = marshal.iter().map(String::as_str).collect();
    options.extend(["--marshal-source", &trampolines]);
    must(env!("CARGO_BIN_EXE_synth"), &[&["compile", &module, "-o", &unlinked], &options[..]].concat());
    let copies = host(&folder, &trampolines);
    let linked = [&options[..], &["--link", &copies]].concat();
    let object = host(&folder, &source("marshalled.c"));
    let (printed, status) = boot(&module, &object, &image, &linked);
    assert_eq!((printed.as_str(), status), ("all as expected\n", Some(0)));
    // A description that forgets to copy the count back.
    let right = std::fs::read_to_string(&description).expect("there");
    let wrong = right.replacen("type = \"u32\"", "type = \"u32\"\ncopy = \"in\"", 1);
    assert_ne!(wrong, right);
    let wrong = folder.write("wrong.toml", wrong.as_bytes()).expect("written");
    let changed: Vec<String> = linked.iter().map(|o| o.replace(&description, text(&wrong))).collect();
    let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
    must(env!("CARGO_BIN_EXE_synth"), &[&["compile", &module, "-o", &unlinked], &changed[..options.len()]].concat());
    host(&folder, &trampolines);
    let (printed, _) = boot(&module, &object, &image, &changed);
    assert_eq!(printed, "wrong\n");
}

#[test]
fn descriptions_that_do_not_fit_are_errors() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder, "copies.c", &["--export=sem_copy"]);
    let out = folder.path().join("module.o");
    let text_of = std::fs::read_to_string(source("sem.toml")).expect("there");
    let cases = [
        ("sem_give:1", text_of.clone(), "has no parameter 1 that is an i32"),
        ("sem_post:0", text_of.clone(), "exports no function sem_post"),
        ("sem_give:0", text_of.replace("sem_copy", "sem_other"), "exports no immutable i32 global sem_other"),
        ("sem_give:0", text_of.replace("bytes = 32", "bytes = 26"), "member waiters does not fit into 26 bytes"),
        ("sem_give:0", text_of.replace("offset = 8", "offset = 7"), "members count and limit overlap"),
        ("sem_give:0", text_of.replace("\"sem_copy\"", "131070"), "do not fit into linear memory"),
        ("sem_give:0", text_of.replace("u16", "u17"), "unknown variant `u17`"),
        ("sem_give:0", text_of.replace("\"sem_copy\"", "0"), "a copy at address 0 is the null pointer to the module"),
    ];
    for (place, description, expected) in cases {
        let file = folder.write("case.toml", description.as_bytes()).expect("written");
        let marshal = format!("--marshal={place}={}", text(&file));
        let trampolines = folder.path().join("case.c");
        let given = ["compile", &module, "-o", text(&out), &marshal, "--marshal-source", text(&trampolines)];
        let (status, said) = synth(&given);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!out.exists() && !trampolines.exists());
    }
}

/// Two structures in one call, and floating-point numbers beside them; the source compiles for hosts with an FPU too, which is not run.
#[test]
fn trampolines_pass_numbers_and_several_structures() {
    let folder = Folder::new().expect("a folder");
    let module = r#"(module (import "env" "sum" (func $sum (param f32 f64) (result f64))) (memory (export "memory") 1)
        (func (export "mix") (param f32 i32 f64 i32 i64) (result f64)
            (i32.store (local.get 3) (i32.sub (i32.load (local.get 1)) (i32.wrap_i64 (local.get 4))))
            (call $sum (local.get 0) (local.get 2))))"#;
    let module = text(&folder.write("mix.wat", module.as_bytes()).expect("written")).to_string();
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let described = |name: &str, at: u32, copy: &str| {
        let description = format!(
            "struct = \"struct cell\"\ninclude = [\"cell.h\"]\nat = {at}\nbytes = 4\n\
             [[member]]\nname = \"value\"\noffset = 0\ntype = \"i32\"\ncopy = \"{copy}\"\n"
        );
        text(&folder.write(name, description.as_bytes()).expect("written")).to_string()
    };
    folder.write("cell.h", b"#pragma once\nstruct cell { short before; int value; };\n").expect("written");
    let (from, to, close) = (described("from", 16, "in"), described("to", 20, "out"), described("close", 19, "out"));
    let trampolines = path("trampolines.c");
    let compile = |second: &str, out: &str| {
        let marshal = [format!("--marshal=mix:1={from}"), format!("--marshal=mix:3={second}")];
        synth(&["compile", &module, "-o", out, &marshal[0], &marshal[1], "--marshal-source", &trampolines])
    };
    let object = path("mix.o");
    let (status, said) = compile(&close, &object);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("the copies for parameters 1 and 3 of mix need places of their own"), "{said}");
    assert_eq!(compile(&to, &object).0, Some(0));
    let host = r#"#include "trampolines.h"
        double sum(float x, double y) { return x + y; }
        int main(void)
        {
            struct cell from = {7, 1000}, to = {7, 0};
            const double mixed = synth_marshal_mix(0.5f, &from, 0.25, &to, 3);
            return mixed != 0.75 || to.value != 997 || from.value != 1000 || from.before != 7 || to.before != 7;
        }"#;
    let host = text(&folder.write("main.c", host.as_bytes()).expect("written")).to_string();
    let compiled = |source: &str, name: &str, more: &[&str]| {
        let (object, host) =
            (path(name), ["-mcpu=cortex-m4", "-mthumb", "-O2", "-Wall", "-Werror", "-c", source, "-o"]);
        must("arm-none-eabi-gcc", &[&host[..], &[&object], more].concat());
        object
    };
    compiled(&trampolines, "hard.o", &["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]);
    let objects = [compiled(&host, "main.o", &[]), compiled(&trampolines, "trampolines.o", &[])];
    let marshal = [format!("--marshal=mix:1={from}"), format!("--marshal=mix:3={to}")];
    let options = [&marshal[0], &marshal[1], "--marshal-source", &trampolines, "--link", &objects[1]];
    assert_eq!(boot(&module, &objects[0], &path("image.elf"), &options).1, Some(0));
}

#[test]
fn sources_that_are_there_are_not_written_over() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder, "copies.c", &["--export=sem_copy"]);
    let marshal = format!("--marshal=sem_give:0={}", source("sem.toml"));
    let out = folder.path().join("module.o");
    for name in ["library.c", "library.h"] {
        let file = folder.write(name, b"/* somebody's own */\n").expect("written");
        let given = folder.path().join("library.c");
        let (status, said) = synth(&["compile", &module, "-o", text(&out), &marshal, "--marshal-source", text(&given)]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("trampolines did not write it") && !out.exists(), "{said}");
        assert_eq!(std::fs::read(&file).expect("there"), b"/* somebody's own */\n");
        std::fs::remove_file(&file).expect("removed");
    }
}
