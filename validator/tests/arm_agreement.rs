//! The tables and capstone agree on every 16-bit encoding and on pseudo-random 32-bit ones.

use std::collections::BTreeMap;
use synth_validator::arm::decode::{FunctionBytes, decode};
use synth_validator::concrete::mix;

/// Decodes one instruction at offset 64 of a function that jumps there. Result: why it is refused.
fn refusal(code: &[u8]) -> Option<String> {
    // b.n to offset 64; padding; the instruction; room for literals and targets.
    let mut bytes = vec![0x1e, 0xe0];
    bytes.resize(64, 0);
    bytes.extend(code);
    bytes.extend([0x01, 0xde]);
    bytes.resize(1200, 0);
    decode(&FunctionBytes { bytes, ..FunctionBytes::default() }).err().map(|u| u.0)
}

fn disagreements(codes: impl Iterator<Item = Vec<u8>>) -> (usize, BTreeMap<String, String>) {
    let (mut decoded, mut found) = (0, BTreeMap::new());
    for code in codes {
        match refusal(&code) {
            Some(why) if why.contains("capstone") => {
                let key: String = why.split('`').nth(1).unwrap_or(&why).split(' ').next().unwrap_or("").to_string();
                found.entry(key).or_insert(why);
            }
            Some(_) => {}
            None => decoded += 1,
        }
    }
    (decoded, found)
}

/// Covers TOR-ARM-DECODE.
#[test]
fn narrow() {
    let codes = (0..0xe800u16).map(|h| h.to_le_bytes().to_vec());
    let (decoded, found) = disagreements(codes);
    assert_eq!(found, BTreeMap::new());
    assert!(decoded > 49_000, "{decoded} encodings decoded");
}

/// Covers TOR-ARM-DECODE.
#[test]
fn wide() {
    let codes = (0..300_000u32).map(|i| {
        let r = mix(i);
        let first = 0xe800 + (r % 0x1800) as u16;
        let second = (mix(r) & 0xffff) as u16;
        [first.to_le_bytes(), second.to_le_bytes()].concat()
    });
    let (decoded, found) = disagreements(codes);
    assert_eq!(found, BTreeMap::new());
    assert!(decoded > 15_000, "{decoded} encodings decoded");
}
