//! The encoder and the validator's decoder against two foreign disassemblers.

#![allow(unused)]
mod cases;
mod disassembler;
mod sample;
mod text;

use cases::{Case, Cases};
use disassembler::{Probe, Reading, capstone, llvm};
use std::collections::BTreeMap;
use synth::encode::bits::Code;
use synth_validator::arm::encoding;
use synth_validator::arm::insn::render;
use text::{Voice, canonical};

#[test]
fn probe() {
    let t = std::time::Instant::now();
    let cases = Cases::new();
    eprintln!("cases {} {:?}", cases.all.len(), t.elapsed());
    let mut uniq: BTreeMap<(u32, bool), Case> = BTreeMap::new();
    for c in &cases.all {
        let mut b = Vec::new();
        c.code.append_to(&mut b);
        let h: Vec<u32> = b.chunks(2).map(|x| u32::from(u16::from_le_bytes([x[0], x[1]]))).collect();
        let code = if h.len() == 2 { h[0] << 16 | h[1] } else { h[0] };
        uniq.insert((code, h.len() == 2), c.clone());
    }
    eprintln!("unique {} {:?}", uniq.len(), t.elapsed());
    let probes: Vec<Probe> = uniq.keys().map(|(c, w)| Probe::plain(*c, *w)).collect();
    let a = capstone(&probes);
    eprintln!("capstone {:?}", t.elapsed());
    let b = llvm(&probes);
    eprintln!("llvm {:?}", t.elapsed());
    let mut bad = 0;
    for (((p, c), a), b) in probes.iter().zip(uniq.values()).zip(&a).zip(&b) {
        if a != b || !a.as_ref().is_ok_and(|a| c.outside.contains(a)) {
            bad += 1;
            if bad < 60 {
                eprintln!("{:x} {a:?} {b:?} {:?}", p.code, c.outside);
            }
        }
    }
    eprintln!("bad {bad}");
}
