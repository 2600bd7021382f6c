//! `synth-check` as a program: usage, and folders that are no certificates. That certificates hold, and that damage is
//! found, is tested beside the compiler (`tests/cli.rs`), which can make them.

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synth-check")).args(args).output().expect("runs")
}

fn check(args: &[&str], code: i32, part: &str) {
    let output = run(args);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    assert!(message.contains(part) && !message.contains("panicked"), "{args:?}: {message}");
}

/// Covers TOR-CHECK-EXIT.
#[test]
fn what_is_no_certificate_is_refused() {
    let folder = std::env::temp_dir().join(format!("synth-check-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).to_str().expect("a path").to_string();
    let (module, object, dir) = (path("in.wasm"), path("out.o"), path("."));
    std::fs::write(&module, b"\0asm\x01\0\0\0").expect("writes");
    std::fs::write(&object, b"\x7fELF").expect("writes");
    check(&[], 2, "usage");
    check(&[&dir, &module], 2, "usage");
    check(&[&dir, &path("absent"), &object], 2, "absent");
    check(&[&dir, &module, &object], 1, "certificate.json");
    for text in ["", "{", "{}", "[1]", "{\"schema\": 1}", "\u{fffd}"] {
        std::fs::write(path("certificate.json"), text).expect("writes");
        check(&[&dir, &module, &object], 1, "certificate.json");
    }
    std::fs::remove_dir_all(&folder).expect("removes its files");
}
