//! Fuzz targets: what reads untrusted bytes must not panic, and reads its own output back. `fuzz/` drives them with coverage, the tests
//! with fixed seeds.

use arbitrary::{Result, Unstructured};
use synth_validator::arm::decode::{FunctionBytes, Relocation, RelocationKind, Target, decode};
use synth_validator::arm::insn::render;
use synth_validator::certificate::Certificate;
use synth_validator::claim::{Claim, Rounds};
use synth_validator::domain::Symbol;
use synth_validator::{arm, wasm};

/// A target.
pub type Check = fn(&[u8]);

/// All targets by name.
pub const ALL: [(&str, Check); 5] = [
    ("decoder", decoder),
    ("wasm_reader", wasm_reader),
    ("certificate", certificate),
    ("object", object),
    ("lemmas", lemmas),
];

/// Thumb code as an object holds it: what is decoded has a text, and its instructions do not overlap.
pub fn decoder(data: &[u8]) {
    let Ok(bytes) = function(&mut Unstructured::new(data)) else { return };
    if let Ok(code) = decode(&bytes) {
        let mut end = 0;
        for insn in code.insns.values() {
            assert!(insn.offset >= end && !render(&insn.op).is_empty(), "{insn:?}");
            end = insn.end();
        }
        assert!(end as usize <= bytes.bytes.len());
    }
}

/// A function with relocations of all kinds.
fn function(u: &mut Unstructured<'_>) -> Result<FunctionBytes> {
    let kinds = [
        RelocationKind::Abs32,
        RelocationKind::ThmCall,
        RelocationKind::ThmJump24,
        RelocationKind::ThmMovw,
        RelocationKind::ThmMovt,
    ];
    let relocation = |(at, kind): &(u8, u8)| {
        let target = Target::Symbol(if kind & 8 == 0 { Symbol::Memory } else { Symbol::Function(0) });
        (u32::from(*at), Relocation { kind: kinds[usize::from(*kind) % kinds.len()], target })
    };
    let (relocations, starts): (Vec<(u8, u8)>, Vec<u8>) = u.arbitrary()?;
    let (address, halfwords): (u8, Vec<u16>) = u.arbitrary()?;
    Ok(FunctionBytes {
        address: u32::from(address) & !1,
        bytes: halfwords.iter().flat_map(|h| h.to_le_bytes()).collect(),
        relocations: relocations.iter().map(relocation).collect(),
        code_starts: starts.iter().map(|s| u32::from(*s)).collect(),
    })
}

/// A module: what is read has bodies or reasons.
pub fn wasm_reader(data: &[u8]) {
    let Ok(module) = wasm::reader::read(data) else { return };
    let _ = wasm::relocations::read(&module, data);
    for f in module.imported_functions()..module.functions.len() as u32 {
        let _ = wasm::code::body(&module, data, f);
    }
}

/// Certificates and claims: what is read is written as the same.
pub fn certificate(data: &[u8]) {
    if let Ok(claim) = Claim::decode(data) {
        assert_eq!(Claim::decode(&claim.encode()).as_ref(), Ok(&claim));
    }
    let _ = (Claim::decode_all(data), Rounds::decode(data));
    if let Ok(certificate) = serde_json::from_slice::<Certificate>(data) {
        let again: Certificate = serde_json::from_str(&certificate.to_json()).expect("reads what it writes");
        assert_eq!(again, certificate);
    }
}

/// An object, for a module with imports, data and a table.
pub fn object(data: &[u8]) {
    const MODULE: &str =
        "(module (import \"e\" \"h\" (func (param i32))) (memory 1) (table 1 funcref) (elem (i32.const 0) 1)
        (func (export \"f\")) (data (i32.const 0) \"abc\") (global (mut i32) (i32.const 1)))";
    let wasm = wat::parse_str(MODULE).expect("well formed");
    let module = wasm::reader::read(&wasm).expect("a module");
    let _ = (arm::linked::is_linked(data), arm::linked::claim(data, &wasm));
    if let Ok(object) = arm::object::read(data, &module) {
        object.functions.values().for_each(|f| drop(decode(f)));
    }
}

/// A file of lemmas: what is read is printed as something that is read as the same.
pub fn lemmas(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = synth_lemmas::parse("family", text);
}
