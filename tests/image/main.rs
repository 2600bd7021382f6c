//! Firmware images: linked, booted on emulated boards, watched on their console. What they must print was worked out by hand from
//! the module, never taken from a run.

mod boots;
mod errors;
mod host;
mod parts;

use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long an image may run. One that is over it fails, so the clock decides nothing that passes.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Boards with the emulator's machine, whether their second memory is there, and its first memory's address.
const MACHINES: [(&str, &str, u32); 4] = [
    ("mps2-an385", "mps2-an385", 0x2000_0000),
    ("mps2-an386", "mps2-an386", 0x2000_0000),
    ("mps2-an500", "mps2-an500", 0x2000_0000),
    ("stm32f4", "netduinoplus2", 0x2000_0000),
];
/// Both linkers that scripts are written for.
const LINKERS: [&str; 2] = ["arm-none-eabi-ld", "ld.lld-19"];

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("synth-images-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path").to_string()
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    }
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("reads");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
    /// C compiled for the host.
    fn c(&self, name: &str, source: &str) -> String {
        let (from, to) = (self.write(&format!("{name}.c"), source), self.path(&format!("{name}.o")));
        let flags =
            ["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft", "-Os", "-ffreestanding", "-Wall", "-Werror", "-c"];
        tool(Command::new("arm-none-eabi-gcc").args(flags).args([&from, "-o", &to]));
        std::fs::remove_file(from).expect("is there");
        to
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tool(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn corpus(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm").join(format!("{name}.wasm"));
    path.to_str().expect("a path").to_string()
}

fn synth(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synth")).args(args).output().expect("runs")
}

/// Runs, checks the exit code, and gives standard output and standard error.
fn check(args: &[&str], code: i32) -> (String, String) {
    let output = synth(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "synth {args:?}\n{out}\n{err}");
    assert!(!err.contains("panicked"), "synth {args:?}\n{err}");
    (out, err)
}

/// Makes an image of a module and gives what is said of it.
fn image(module: &str, elf: &str, board: &str, more: &[&str]) -> Value {
    let args = [&["compile", module, "-o", elf, "--format", "json", "--image", "--board", board], more].concat();
    let (out, _) = check(&args, 0);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("synth {args:?}: {e}\n{out}"))
}

/// What an image printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    printed: String,
    status: Option<i32>,
}

fn run(printed: &str, status: i32) -> Run {
    Run { printed: printed.to_string(), status: Some(status) }
}

fn emulator(machine: &str, options: &[&str]) -> Command {
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", machine, "-display", "none", "-monitor", "none"]).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An emulator with semihosting and something in its memory.
fn loaded(machine: &str, device: &str) -> Command {
    let semihosting = "enable=on,target=native";
    emulator(machine, &["-serial", "none", "-semihosting-config", semihosting, "-device", device])
}

/// Boots with semihosting. Before, the first memory is filled with what it should not hold.
fn boot(board: &str, elf: &str) -> Run {
    let (_, machine, ram) = MACHINES.into_iter().find(|(name, ..)| *name == board).expect("a board");
    let poison = Folder::new(&format!("poison-{}", elf.replace('/', "-")));
    let poison = (poison.write("poison", [0xa5; 96 * 1024]), poison);
    let mut command = loaded(machine, &format!("loader,file={},addr={ram:#x},force-raw=on", poison.0));
    command.args(["-kernel", elf]);
    ended(command)
}

/// Runs an emulator to its end, but not for ever.
fn ended(mut command: Command) -> Run {
    let mut child = command.spawn().expect("the emulator starts");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("waits") {
            break status.code();
        }
        if start.elapsed() > TIME_MAX {
            child.kill().expect("is killed");
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = child.wait_with_output().expect("ends");
    Run { printed: text(&output.stdout) + &text(&output.stderr), status }
}

/// Boots with a serial port, up to the line that ends a run.
fn boot_serial(board: &str, elf: &str) -> String {
    let (_, machine, _) = MACHINES.into_iter().find(|(name, ..)| *name == board).expect("a board");
    let mut child = emulator(machine, &["-serial", "stdio", "-kernel", elf]).spawn().expect("the emulator starts");
    let mut output = child.stdout.take().expect("is piped");
    let reader = std::thread::spawn(move || {
        let (mut all, mut byte) = (Vec::new(), [0]);
        while output.read(&mut byte).is_ok_and(|n| n == 1) {
            all.push(byte[0]);
            if byte[0] == b'\n' && text(&all).lines().last().is_some_and(|line| line.starts_with("exit: ")) {
                break;
            }
        }
        text(&all)
    });
    let start = Instant::now();
    while !reader.is_finished() && start.elapsed() < TIME_MAX {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("is killed");
    child.wait().expect("ends");
    reader.join().expect("reads")
}

/// Says what is being done, for a test that takes long.
fn note(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
