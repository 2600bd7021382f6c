//! Prints forms of a function on the way to machine code, and what the witnesses between them say: for people who work on passes.
//!
//!     cargo run --example stages -- in.wasm FUNCTION [PASS]
//!
//! FUNCTION is an index (imports first), PASS the name of a stage as `synth validate` heads its columns: the form before it and its own
//! are printed, or without PASS all. Options are the compiler's defaults.

use std::error::Error;
use synth::pipeline::{Options, compile};
use synth::print::print;
use synth_validator::witness::Witness;

fn show(title: &str, witness: &Witness) {
    println!("== {title}");
    for cut in &witness.cuts {
        println!("{cut:?}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, function, wanted @ ..] = &arguments[..] else {
        return Err("arguments: in.wasm FUNCTION [PASS]".into());
    };
    let (index, wanted): (u32, Option<&String>) = (function.parse()?, wanted.first());
    let compiled = compile(&wat::parse_file(module)?, &Options::default())?;
    let claim = compiled.claim.functions.iter().find(|f| f.index == index).ok_or("no such function is compiled")?;
    let is_wanted = |name: &str| wanted.is_none_or(|w| w == name);
    for (at, stage) in claim.stages.iter().enumerate() {
        if is_wanted(&stage.name) {
            show(&format!("witness of {}", stage.name), &stage.witness);
        }
        if is_wanted(&stage.name) || claim.stages.get(at + 1).is_some_and(|next| is_wanted(&next.name)) {
            println!("== {}\n{}", stage.name, print(&stage.func));
        }
    }
    if is_wanted("machine") {
        show("witness of machine", &claim.witness);
    }
    Ok(())
}
