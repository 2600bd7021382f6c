//! Parts of images by themselves: instructions of start-up code, boards against the emulator, guards, symbols.

use super::*;
use capstone::prelude::*;
use synth::board::{BOARDS, named, parse};
use synth::firmware::assembler::System;
use synth::firmware::layout::{Stacks, guard};

#[test]
fn instructions_for_special_registers_are_what_they_are_called() {
    let mode = arch::arm::ArchMode::Thumb;
    let extra = [arch::arm::ArchExtraMode::MClass];
    let capstone = Capstone::new().arm().mode(mode).extra_mode(extra.into_iter()).build().expect("capstone");
    for system in System::ALL {
        let (name, halves) = system.row();
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let read = capstone.disasm_all(&bytes, 0).expect("reads");
        let texts: Vec<String> = read
            .iter()
            .map(|i| {
                format!("{} {}", i.mnemonic().unwrap_or_default(), i.op_str().unwrap_or_default()).trim().to_string()
            })
            .collect();
        assert_eq!(texts, [name]);
    }
}

#[test]
fn boards_are_where_the_emulator_has_them() {
    for (name, machine, _) in MACHINES {
        let board = named(name).expect("is built in");
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", machine, "-display", "none", "-serial", "none", "-monitor", "stdio", "-S"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the emulator starts");
        child.stdin.take().expect("is piped").write_all(b"info mtree -f\nquit\n").expect("writes");
        let output = text(&child.wait_with_output().expect("ends").stdout);
        let ranges: Vec<(u64, u64)> = output
            .lines()
            .filter(|line| line.contains(", ram):") || line.contains(", rom):"))
            .filter_map(|line| {
                let (from, to) = line.split_whitespace().next()?.split_once('-')?;
                Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
            })
            .collect();
        assert!(!ranges.is_empty(), "{output}");
        for (region, origin, bytes) in board.regions() {
            // This emulator has the core-coupled memory of the STM32F405 elsewhere.
            if region == "CCM" {
                continue;
            }
            let (first, last) = (u64::from(origin), u64::from(origin) + u64::from(bytes) - 1);
            assert!(ranges.iter().any(|(from, to)| *from <= first && last <= *to), "{name}: {region}");
        }
        let uart = board.uart.expect("has a serial port");
        let line = format!("{:016x}-", uart.base);
        let there = output.lines().find(|l| l.trim_start().starts_with(&line)).unwrap_or_default();
        assert!(there.contains("uart") || there.contains("usart"), "{name}: {there}");
    }
    assert_eq!(BOARDS.map(|(name, _)| name), MACHINES.map(|(name, ..)| name));
}

#[test]
fn guards_lie_below_the_stack_and_touch_no_memory() {
    let below = Stacks { below: true, bytes: 8192, handler_bytes: 1024 };
    let board = |flash: u32, bytes: u32, ram: u32| {
        let text = format!(
            "cpu = \"cortex-m4\"\ninterrupts = 0\n[flash]\norigin = {flash}\nbytes = {bytes}\n[[ram]]\nname = \"R\"\norigin = {ram}\n\
             bytes = 65536"
        );
        parse(&text).expect("a board")
    };
    assert_eq!(guard(&board(0, 65536, 0x2000_0000), below), Some((0x1ff0_0000, 1 << 20)));
    // Flash ends 64 KiB below; right below; the memory starts at 0; at an odd address.
    assert_eq!(guard(&board(0, 0x10000, 0x20000), below), Some((0x10000, 0x10000)));
    assert_eq!(guard(&board(0, 0x20000, 0x20000), below), None);
    assert_eq!(guard(&board(0x0800_0000, 65536, 0), below), None);
    assert_eq!(guard(&board(0, 65536, 0x2000_0040), below), Some((0x2000_0000, 64)));
    assert_eq!(guard(&board(0, 65536, 0x2000_0008), below), None);
    assert_eq!(guard(&board(0, 65536, 0x2000_0000), Stacks { below: false, ..below }), None);
}
