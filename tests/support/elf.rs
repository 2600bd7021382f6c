//! Objects and images whose fields are changed: where they stand, and what objcopy makes of an object.

use super::assembler::must;
use std::path::Path;
use synth::simulator::board::Folder;

/// Where the header of a section and the entry of a symbol stand in a file.
pub fn place(file: &[u8], name: &str) -> usize {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("a word")) as usize;
    let half = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().expect("a halfword")) as usize;
    let is = |at: usize| file[at..].starts_with(name.as_bytes()) && file[at + name.len()] == 0;
    let header = |i: usize| word(0x20) + 40 * i;
    let names = word(header(half(0x32)) + 16);
    let headers: Vec<usize> = (0..half(0x30)).map(header).collect();
    let symbols = *headers.iter().find(|h| word(**h + 4) == 2).expect("symbols");
    let strings = word(header(word(symbols + 24)) + 16);
    let mut entries = (word(symbols + 16)..word(symbols + 16) + word(symbols + 20)).step_by(16);
    let section = headers.iter().copied().find(|h| is(names + word(*h)));
    section.or_else(|| entries.find(|e| is(strings + word(*e)))).unwrap_or_else(|| panic!("no {name}"))
}

/// Overwrites bytes of a file.
pub fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// An object that objcopy changed.
pub fn objcopied(folder: &Folder, object: &[u8], arguments: &[&str]) -> Vec<u8> {
    let (input, output) = (folder.write("before.o", object).expect("written"), folder.path().join("after.o"));
    let arguments: Vec<&Path> = arguments.iter().map(Path::new).chain([input.as_path(), output.as_path()]).collect();
    must("arm-none-eabi-objcopy", &arguments);
    std::fs::read(output).expect("an object")
}

/// The word at a place in a file.
pub fn word(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().expect("a word"))
}
