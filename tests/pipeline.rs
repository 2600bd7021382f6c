//! A library in an existing build, directly and through synth: with CMake and with make, at the same path, in the same firmware, with
//! the same console output on an emulated board; what the manifests say; and what is said of wrong use.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use synth::simulator::board::Folder;
use synth_validator::certificate::sha256;

const SYNTH: &str = env!("CARGO_BIN_EXE_synth");
const RUSTC: &str = "/usr/bin/rustc";
const STAGES: [&str; 6] = ["compile", "compile", "link", "wasm-opt", "synth-optimize", "synth-compile"];

/// The first lines that the firmware prints, worked out by hand from main.c; then come two lines with sums.
const FIRST_LINES: &str = "put 0\nput 0\nput 0\nput 0\nput 0\nput 0\nput 0\nput 0\nput -1\ncount 8\n\
get 0\nword 100\nget 0\nword 101\nput 0\n\
get 0\nword 102\nget 0\nword 103\nget 0\nword 104\nget 0\nword 105\nget 0\nword 106\nget 0\nword 107\nget 0\nword 200\n\
get -2\nwake 1\nput 0\nput -3\ncount -3\nsum ";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cmake/example")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn must(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {}", said(&output));
    said(&output)
}

/// Runs CMake in a build folder, where no `synth` is installed. Result: whether it succeeded, and what it said.
fn configure(build: &Path, options: &[&str]) -> (bool, String) {
    let tools = format!("-DCMAKE_TOOLCHAIN_FILE={}", text(&example().join("arm-none-eabi.cmake")));
    let rustc = format!("-DSYNTH_RUSTC={RUSTC}");
    let source = example();
    let args = [&["PATH=/usr/bin:/bin", "cmake", "-S", text(&source), "-B", text(build), &tools, &rustc], options];
    let output = run("env", &args.concat());
    (output.status.success(), said(&output))
}

fn make(build: &Path, options: &[&str]) -> (bool, String) {
    let (out, file) = (format!("OUT={}", text(build)), example().join("Makefile"));
    let output = run("make", &[&["-f", text(&file), &out], options].concat());
    (output.status.success(), said(&output))
}

fn synth_option(name: &str) -> String {
    format!("{name}={SYNTH}")
}

/// What a firmware prints on an emulated board.
fn console(firmware: &Path) -> String {
    let options = ["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"];
    let host = ["-semihosting-config", "enable=on,target=native", "-kernel", text(firmware)];
    must("timeout", &[&["60", "qemu-system-arm"], &options[..], &host].concat())
}

fn symbols(archive: &Path) -> String {
    must("arm-none-eabi-nm", &["-g", "--defined-only", text(archive)])
}

fn manifest(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", path.display()))
}

/// Checks a manifest against the files that it names: every digest, and that each stage takes what one before has made.
fn check_manifest(manifest: &Value, ran: &[bool; 6]) {
    let stages = manifest["stages"].as_array().expect("stages");
    let names: Vec<&str> = stages.iter().map(|s| s["stage"].as_str().expect("a name")).collect();
    assert_eq!(names, STAGES);
    let mut made: Vec<&Value> = Vec::new();
    let digest = |file: &Value| {
        let path = file["path"].as_str().expect("a path");
        assert_eq!(file["sha256"], sha256(&std::fs::read(path).expect("a file")), "{path}");
    };
    for (stage, ran) in stages.iter().zip(ran) {
        assert_eq!(stage["ran"], *ran, "{stage}");
        if !ran {
            assert!(stage["reason"].as_str().is_some_and(|r| !r.is_empty()), "{stage}");
            continue;
        }
        digest(&stage["tool"]);
        assert!(stage["tool"]["version"].as_str().is_some_and(|v| v.contains(|c: char| c.is_ascii_digit())), "{stage}");
        let [name, path] = [&stage["command"][0], &stage["tool"]["path"]].map(|v| v.as_str().expect("a program"));
        assert!(path.ends_with(name), "{stage}");
        for input in stage["inputs"].as_array().expect("inputs") {
            digest(input);
            let path = input["path"].as_str().expect("a path");
            let is_given = path.ends_with(".c") || path.ends_with(".rs") || path.ends_with(".rlib");
            assert!(is_given || made.contains(&input), "{path} comes from no stage");
        }
        digest(&stage["output"]);
        made.push(&stage["output"]);
    }
}

#[test]
fn both_builds_of_both_systems_say_the_same() {
    let folder = Folder::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mut consoles = Vec::new();
    let use_synth = ["-DMQ_USE_SYNTH=ON", &synth_option("-DSYNTH")];
    for (name, options) in [("direct", &[][..]), ("through", &use_synth[..])] {
        let build = at(name);
        let (good, said) = configure(&build, options);
        assert!(good, "{said}");
        must("cmake", &["--build", text(&build)]);
        consoles.push(console(&build.join("firmware.elf")));
    }
    let with = ["USE_SYNTH=1", &synth_option("SYNTH")];
    for (name, options) in [("direct_make", &[][..]), ("through_make", &with[..])] {
        let build = at(name);
        let (good, said) = make(&build, options);
        assert!(good, "{said}");
        consoles.push(console(&build.join("firmware.elf")));
        // Nothing is left to do.
        let (good, said) = make(&build, options);
        assert!(good && said.contains("up to date"), "{said}");
    }
    assert!(consoles[0].starts_with(FIRST_LINES), "{}", consoles[0]);
    assert!(consoles[0].ends_with("\nlocks 0\n"), "{}", consoles[0]);
    consoles.iter().for_each(|console| assert_eq!(console, &consoles[0]));
    for (direct, through) in [("direct", "through"), ("direct_make", "through_make")] {
        // The library lies at the same path, and is another one: with the module's functions, which are in the firmware.
        let [native, wasm] = [direct, through].map(|name| symbols(&at(name).join("libmq.a")));
        for function in ["mq_reset", "mq_put", "mq_get", "mq_count"] {
            assert!(native.contains(&format!(" T {function}\n")) && wasm.contains(&format!(" T {function}\n")));
        }
        assert!(native.contains("mq_decide_put") && !wasm.contains("mq_decide_put"), "{wasm}");
        check_manifest(&manifest(&at(through).join("mq.manifest.json")), &[true; 6]);
        assert!(!at(direct).join("mq.manifest.json").exists());
        // What was linked is what was proved.
        let module = match through {
            "through" => at(through).join("mq.synth/mq.synth-optimize.wasm"),
            _ => at(through).join("mq.synth-optimize.wasm"),
        };
        let verdict = must(SYNTH, &["validate", text(&module), text(&at(through).join("firmware.elf"))]);
        assert!(verdict.contains("4 of 4 functions proved"), "{verdict}");
    }
    // A second build folder gives the same object.
    let again = at("again");
    let (good, said) = make(&again, &with);
    assert!(good, "{said}");
    let object = |name: &str| std::fs::read(at(name).join("mq.synth.o")).expect("an object");
    assert_eq!(object("through_make"), object("again"));
}

#[test]
fn optional_stages_are_chosen_and_recorded() {
    let folder = Folder::new().expect("a folder");
    let through = ["USE_SYNTH=1", &synth_option("SYNTH")];
    for (stages, ran) in [("none", [false, false]), ("synth-optimize", [false, true]), ("wasm-opt", [true, false])] {
        let build = folder.path().join(stages);
        let (good, said) = make(&build, &[&through[..], &[&format!("STAGES={stages}")]].concat());
        assert!(good, "{said}");
        let all = [true, true, true, ran[0], ran[1], true];
        let manifest = manifest(&build.join("mq.manifest.json"));
        check_manifest(&manifest, &all);
        let skipped = manifest["stages"].as_array().expect("stages").iter().filter(|s| s["ran"] == false);
        skipped.for_each(|s| assert_eq!(s["reason"], "left out by STAGES"));
    }
    // An optimizer that is not there is left out by `auto`, and the manifest says so.
    let build = folder.path().join("auto");
    let (good, said) = make(&build, &[&through[..], &["WASM_OPT=/nowhere/wasm-opt"]].concat());
    assert!(good, "{said}");
    let manifest = manifest(&build.join("mq.manifest.json"));
    check_manifest(&manifest, &[true, true, true, false, true, true]);
    assert_eq!(manifest["stages"][3]["reason"], "not found");
    let build = folder.path().join("cmake");
    let synth = synth_option("-DSYNTH");
    let (good, said) = configure(&build, &["-DMQ_USE_SYNTH=ON", &synth, "-DMQ_SYNTH_STAGES=none"]);
    assert!(good, "{said}");
    must("cmake", &["--build", text(&build), "--target", "mq"]);
    check_manifest(&self::manifest(&build.join("mq.manifest.json")), &[true, true, true, false, false, true]);
}

#[test]
fn wrong_use_is_said_and_leaves_no_library() {
    let folder = Folder::new().expect("a folder");
    let build = folder.path().join("build");
    let synth = synth_option("-DSYNTH");
    let on = "-DMQ_USE_SYNTH=ON";
    let cases: [(&[&str], &[&str]); 5] = [
        (&[on, "-DSYNTH=/nowhere/synth"], &["MQ_USE_SYNTH is ON", "/nowhere/synth", "-DMQ_USE_SYNTH=OFF"]),
        (&[on], &["MQ_USE_SYNTH is ON, but synth was not found", "-DSYNTH=/path/to/it", "-DMQ_USE_SYNTH=OFF"]),
        (&[on, &synth, "-DMQ_SYNTH_STAGES=wasm-op"], &["stage wasm-op,", "wasm-opt, synth-optimize", "auto, or none"]),
        (
            &[on, &synth, "-DMQ_SYNTH_STAGES=wasm-opt", "-DSYNTH_WASM_OPT=/nowhere/wasm-opt"],
            &["MQ_SYNTH_STAGES names wasm-opt", "/nowhere/wasm-opt"],
        ),
        (
            &[on, &synth, "-DSYNTH_RUSTC=/bin/echo"],
            &["no library for wasm32-unknown-unknown", "libstd-rust-dev-wasm32"],
        ),
    ];
    for (options, wanted) in cases {
        let _ = std::fs::remove_dir_all(&build);
        let (good, said) = configure(&build, options);
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!good, "{options:?}: {said}");
        wanted.iter().for_each(|text| assert!(flat.contains(text), "{text} in {said}"));
        assert!(!build.join("libmq.a").exists());
    }
    let at = |name: &str| folder.path().join(name);
    let (good, said) = make(&at("a"), &["USE_SYNTH=1", "SYNTH=/nowhere/synth"]);
    assert!(!good && said.contains("/nowhere/synth was not found") && said.contains("USE_SYNTH=0"), "{said}");
    let (good, said) = make(&at("b"), &["USE_SYNTH=1", &synth_option("SYNTH"), "STAGES=fast"]);
    assert!(!good && said.contains("names a stage fast") && said.contains("wasm-opt synth-optimize"), "{said}");
    // What is not proved becomes no library.
    let fails = folder.write("fails", b"#!/bin/sh\n[ $1 != compile ] || exit 1\n").expect("written");
    must("chmod", &["+x", text(&fails)]);
    let (good, said) = make(&at("c"), &["USE_SYNTH=1", &format!("SYNTH={}", text(&fails)), "STAGES=none"]);
    assert!(!good && said.contains("stage synth-compile failed"), "{said}");
    assert!(!at("c").join("libmq.a").exists() && !at("c").join("mq.manifest.json").exists());
    // A function of the host that was not named as an import.
    let source = std::fs::read_to_string(example().join("CMakeLists.txt")).expect("readable");
    let project = at("project");
    must("cp", &["-r", text(&example()), text(&project)]);
    let module = example().join("../SynthLibrary.cmake");
    let changed = source
        .replace("${CMAKE_CURRENT_SOURCE_DIR}/../SynthLibrary.cmake", text(&module))
        .replace("IMPORTS irq_lock irq_unlock mq_wake", "IMPORTS irq_lock irq_unlock");
    assert_ne!(changed, source);
    std::fs::write(project.join("CMakeLists.txt"), changed).expect("writable");
    let tools = format!("-DCMAKE_TOOLCHAIN_FILE={}", text(&project.join("arm-none-eabi.cmake")));
    let build = at("build");
    let _ = std::fs::remove_dir_all(&build);
    let rustc = format!("-DSYNTH_RUSTC={RUSTC}");
    must("cmake", &["-S", text(&project), "-B", text(&build), &tools, &rustc, on, &synth]);
    let output = run("cmake", &["--build", text(&build)]);
    assert!(
        !output.status.success() && self::said(&output).contains("undefined symbol: mq_wake"),
        "{}",
        self::said(&output)
    );
    assert!(!build.join("libmq.a").exists());
}
