//! Objects written in assembler, by GNU's: what the compiler would not write.

use std::path::Path;
use std::process::Command;
use synth::simulator::board::Folder;

/// Runs a program that has to succeed.
pub fn must(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The object of an assembler source.
pub fn assembled(folder: &Folder, source: &str) -> Vec<u8> {
    let head = ".syntax unified\n.cpu cortex-m4\n.thumb\n";
    let input = folder.write("code.s", format!("{head}{source}").as_bytes()).expect("written");
    let output = folder.path().join("code.o");
    must("arm-none-eabi-as", &[&input, Path::new("-o"), &output]);
    std::fs::read(output).expect("an object")
}

/// The source of a function of a module that it exports.
pub fn function(index: u32, export: &str, code: &str) -> String {
    let name = format!("__synth_f{index}");
    format!(
        ".section .text.{export},\"ax\"\n.balign 4\n.type {name}, %function\n.type {export}, %function\n.global {export}\n\
         {name}:\n{export}:\n{code}\n.size {name}, . - {name}\n.size {export}, . - {export}\n"
    )
}

/// The source of linear memory that takes so many bytes.
pub fn memory(bytes: u32) -> String {
    format!(
        ".section .bss.synth_memory,\"aw\",%nobits\n.balign 8\n.global __linear_memory_base\n\
         .type __linear_memory_base, %object\n__linear_memory_base: .space {bytes}\n.size __linear_memory_base, {bytes}\n"
    )
}

/// The source of the cell of linear memory's size.
pub fn memory_bytes(bytes: u32) -> String {
    format!(
        ".section .data.synth_memory_bytes,\"aw\"\n.balign 4\n.global __synth_memory_bytes\n\
         .type __synth_memory_bytes, %object\n__synth_memory_bytes: .word {bytes}\n.size __synth_memory_bytes, 4\n"
    )
}
