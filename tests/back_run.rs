//! Random IR functions, compiled, linked and run in an emulator, against a plain evaluation of the IR; and the
//! allocator's claims of places, which witnesses repeat, checked by induction.

mod random_ir;

use random_ir::{MEMORY_BYTES, Random, State, evaluate, generate};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use synth::compile::{Core, compile_function};
use synth::encode::operand::Condition;
use synth::ir_facts::Facts;
use synth::machine::{Compare, Inst, Reg, Role, Src};
use synth::module_info::{FunctionInfo, ModuleInfo};
use synth::object_writer::{CellInit, Image, ObjectData, SymbolOptions, write_object};
use synth::regalloc::{Place, Step, allocate};
use synth::select::Tuning;
use synth::select::{Flow, Plan, plan, select};
use synth_validator::ir::Type;

const FUNCTIONS: u32 = 60;

fn info() -> ModuleInfo {
    let function = |import: Option<&str>| FunctionInfo {
        params: vec![Type::I32; 6],
        results: vec![Type::I32],
        import: import.map(str::to_string),
    };
    let mut functions = vec![function(Some("host"))];
    functions.extend((0..FUNCTIONS).map(|_| function(None)));
    ModuleInfo { functions, memory_bytes_min: MEMORY_BYTES, memory_is_constant: true, ..Default::default() }
}

fn run(tool: &str, args: &[&str]) -> String {
    let out = Command::new(tool).args(args).output().unwrap_or_else(|e| panic!("{tool}: {e}"));
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{tool} {args:?}\n{errors}");
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn random_functions_run_as_evaluated() {
    let mut random = Random(0x5eed);
    let info = info();
    let mut state = State { memory: Vec::new(), cells: vec![0; 4] };
    let (mut compiled, mut expected, mut calls) = (Vec::new(), String::new(), Vec::new());
    let mut outcomes: BTreeMap<bool, u32> = BTreeMap::new();
    for index in 1..=FUNCTIONS {
        let func = generate(index, &mut random);
        compiled.push(compile_function(&func, &info, Tuning::default()).expect("compiles"));
        for _ in 0..8 {
            let args: Vec<u32> = (0..6).map(|_| random.word()).collect();
            state.memory = (0..MEMORY_BYTES).map(|i| i.wrapping_mul(7).wrapping_add(i >> 8) as u8).collect();
            let result = evaluate(&func, &args, &mut state);
            *outcomes.entry(result.is_ok()).or_default() += 1;
            let value = result.map_or_else(|kind| 0x7700_0000 | kind as u32, |r| r[0]);
            let sum = state.memory.iter().fold(0u32, |s, b| s.wrapping_mul(31).wrapping_add(u32::from(*b)));
            writeln!(expected, "{value:08x}\n{sum:08x}").expect("text");
            calls.push((index, args));
        }
    }
    assert!(outcomes[&true] > 40 && outcomes[&false] > 40, "{outcomes:?}");
    let exports = (1..=FUNCTIONS).map(|n| (format!("random{n}"), n)).collect();
    let cells = vec![CellInit::Word(0); 4];
    let memory = Some(Image::Zero(MEMORY_BYTES.into()));
    let data =
        ObjectData { exports, memory, memory_align: 8, memory_bytes: Some(MEMORY_BYTES), cells, ..Default::default() };
    let object = write_object(&compiled, &info, &data, Core::CortexM4, SymbolOptions::default()).expect("writes");
    let mut driver = include_str!("random_ir/driver.c").to_string();
    (1..=FUNCTIONS).for_each(|n| writeln!(driver, "extern F random{n};").expect("text"));
    let table: Vec<String> = calls.iter().map(|(n, _)| format!("random{n}")).collect();
    let rows: Vec<String> = calls
        .iter()
        .map(|(_, a)| format!("{{{}}}", a.iter().map(|x| format!("{x}u")).collect::<Vec<_>>().join(",")))
        .collect();
    write!(
        driver,
        "F *const functions[] = {{{}}};\nconst u32 arguments[][6] = {{{}}};\nconst u32 count = {};\n",
        table.join(","),
        rows.join(","),
        calls.len()
    )
    .expect("text");
    let dir = std::env::temp_dir().join(format!("synth-back-run-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = |name: &str| dir.join(name).to_str().expect("a path").to_string();
    std::fs::write(path("driver.c"), driver).expect("writes");
    std::fs::write(path("module.o"), object).expect("writes");
    std::fs::write(path("link.ld"), include_str!("random_ir/image.ld")).expect("writes");
    let target = [
        "--target=thumbv7em-none-eabi",
        "-mcpu=cortex-m4",
        "-mfloat-abi=soft",
        "-O1",
        "-ffreestanding",
        "-fno-builtin",
        "-w",
    ];
    let (c, o, e) = (path("driver.c"), path("driver.o"), path("image.elf"));
    run("clang-19", &[target.as_slice(), &["-c", &c, "-o", &o]].concat());
    run("arm-none-eabi-ld", &["-T", &path("link.ld"), "-o", &e, &o, &path("module.o")]);
    let out = run(
        "qemu-system-arm",
        &[
            "-M",
            "mps2-an386",
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-chardev",
            "stdio,id=host",
            "-semihosting-config",
            "enable=on,chardev=host",
            "-kernel",
            &e,
        ],
    );
    for (n, (got, want)) in out.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, want, "line {n}: call {} {:?}, files in {}", n / 2, calls[n / 2], dir.display());
    }
    assert_eq!(out.lines().count(), expected.lines().count());
    std::fs::remove_dir_all(&dir).expect("removes its files");
}

/// The register that an instruction with one operand writes.
fn result(inst: &Inst) -> Reg {
    let mut found = Reg(0);
    inst.clone().operands(&mut |r, _| found = *r);
    found
}

/// Follows the allocated code of each block from the places claimed at its start: every operand must be found where
/// the instruction looks for it, and the claims at the start of each successor must hold at the end.
#[test]
fn claimed_places_are_inductive() {
    let mut random = Random(0x91ace5);
    let info = info();
    let mut checked = 0;
    for index in 1..=FUNCTIONS {
        let func = generate(index, &mut random);
        let facts = Facts::new(&func);
        let flow = Flow::new(&func);
        let made = select(&func, &facts, &flow, &info, Tuning::default(), &Plan::new()).expect("selects").made;
        let machine = select(&func, &facts, &flow, &info, Tuning::default(), &plan(&func, &flow, &made))
            .expect("selects")
            .machine;
        // What costs nothing to make may be made anew, or not at all: by instruction, the registers that hold its result.
        let free = Inst::is_remade;
        let unnamed = |inst: &Inst| {
            let mut inst = inst.clone();
            inst.operands(&mut |r, _| *r = Reg(0));
            inst
        };
        let makers: Vec<(Inst, Reg)> =
            machine.insts.iter().filter(|i| free(i)).map(|i| (unnamed(i), result(i))).collect();
        let alike = |inst: &Inst, place: Place| {
            let inst = unnamed(inst);
            makers.iter().filter(move |(i, _)| *i == inst).map(move |(_, r)| (place, *r))
        };
        let all: Vec<Reg> = (0..machine.vregs).map(Reg).collect();
        let allocated = allocate(&machine, &all, index).expect("allocates");
        let mut ends: Vec<Vec<(Place, Reg)>> = Vec::new();
        for (b, block) in machine.blocks.iter().enumerate() {
            // Moves of edges into blocks with one predecessor stand in the successor: it goes on from there.
            let mut held: Vec<(Place, Reg)> = match block.preds[..] {
                [pred] => {
                    let mut held = ends[pred].clone();
                    // A branch may have found out that a register holds a constant.
                    if let Some(Step::Inst(Inst::Branch { test }, _)) = allocated.blocks[pred].last()
                        && let Compare::Cmp(n, Src::Imm(value)) = test.compare
                        && let Some(edge) = [Condition::Eq, Condition::Ne].iter().position(|c| *c == test.condition)
                        && machine.blocks[pred].succs[edge] == b
                        && machine.blocks[pred].succs[1 - edge] != b
                    {
                        held.extend(alike(&Inst::Const { rd: Reg(0), value }, Place::Reg(n.0 as u8)));
                    }
                    held
                }
                _ => allocated.live[b].iter().map(|(r, p)| (*p, *r)).collect(),
            };
            let mut insts = machine.insts[block.range.clone()].to_vec().into_iter();
            for step in &allocated.blocks[b] {
                match step {
                    Step::Move(from, to) => {
                        let moved: Vec<Reg> = held.iter().filter(|(p, _)| p == from).map(|(_, r)| *r).collect();
                        held.retain(|(p, _)| p != to);
                        held.extend(moved.into_iter().map(|r| (*to, r)));
                    }
                    Step::Inst(inst, _) => {
                        let (mut places, mut defs) = (Vec::new(), Vec::new());
                        let mut next = insts.clone().next();
                        while let Some(Inst::Move { rd, rm }) = next {
                            let copies: Vec<Place> = held.iter().filter(|(_, r)| *r == rm).map(|(p, _)| *p).collect();
                            held.extend(copies.into_iter().map(|p| (p, rd)));
                            insts.next();
                            next = insts.clone().next();
                        }
                        while next.as_ref().is_some_and(|n| free(n) && unnamed(n) != unnamed(inst)) {
                            insts.next();
                            next = insts.clone().next();
                        }
                        if free(inst) {
                            let place = Place::Reg(result(inst).0 as u8);
                            held.retain(|(p, _)| *p != place);
                            held.extend(alike(inst, place));
                            if next.as_ref().map(unnamed) == Some(unnamed(inst)) {
                                insts.next();
                            }
                            continue;
                        }
                        let mut before = insts.next().expect("one");
                        inst.clone().operands(&mut |r, _| places.push(Place::Reg(r.0 as u8)));
                        let mut place = places.iter();
                        before.operands(&mut |r, role| {
                            let place = *place.next().expect("as many operands");
                            match role {
                                Role::Use | Role::UseIn(_) => {
                                    assert!(held.contains(&(place, *r)), "{inst:?}: {r:?}")
                                }
                                _ => defs.push((place, *r)),
                            }
                        });
                        let lost = |p: &Place| matches!(p, Place::Reg(0..=3)) && inst.is_call();
                        held.retain(|(p, _)| !lost(p) && defs.iter().all(|(d, _)| d != p));
                        held.extend(defs);
                    }
                }
            }
            for (succ, args) in block.succs.iter().zip(&block.args) {
                let params = &machine.blocks[*succ].params;
                if machine.blocks[*succ].preds.len() == 1 {
                    continue;
                }
                for (r, p) in &allocated.live[*succ] {
                    let source = params.iter().position(|x| x == r).map_or(*r, |n| args[n]);
                    assert!(held.contains(&(*p, source)), "function {index}, edge {b} to {succ}: {r:?} in {p:?}");
                    checked += 1;
                }
            }
            ends.push(held);
        }
    }
    assert!(checked > 1000, "{checked}");
}
