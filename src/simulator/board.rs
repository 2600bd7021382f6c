//! Runs a compiled object with a script on an emulated Cortex-M4: QEMU's `mps2-an386`.
//!
//! The object is linked with the test firmware in `firmware/` and with libgcc, and all calls of a script are made in
//! one boot. The firmware plays the host: it calls exports as the AAPCS has it, answers imports by `host_answer`, and
//! checks that calls keep r4-r11 and sp. The object contract is in docs/abi.md; used of it are functions, imports and
//! - `__synth_memory_bytes`: a `u32`, the present size of linear memory in bytes;
//! - results beyond the first four words: in order in the `u32` array `__synth_results`;
//! - `__synth_instance_init`, if there: a function called once before all others.

use super::interface::{self, Interface};
use super::observation::{Observation, Run, RunError};
use super::script::{self, Placement};
use super::vectors::Script;
use object::{Object, ObjectSymbol};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The compiler driver that also assembles and links.
pub const GCC: &str = "arm-none-eabi-gcc";

/// How long one boot may take. A run that is over is a failure, never a pass, so the clock decides no verdict.
const TIME_MAX: Duration = Duration::from_secs(120);

/// The board's external memory, in units of 2^20 bytes.
pub const MEMORY_MIB: u32 = 16;

/// Memory defined for an object that leaves `__linear_memory_base` to its host, at most; the board has 16 MiB.
const EXTERN_MEMORY_PAGES_MAX: u64 = 64;

/// Start-up code and exceptions.
pub const STARTUP: &str = include_str!("firmware/startup.S");
const BOARD: &str = include_str!("firmware/board.h");
/// The program that makes the calls of a script.
pub const DRIVER: &str = include_str!("firmware/driver.c");
const LINKER_SCRIPT: &str = include_str!("firmware/mps2_an386.ld");
/// Options of the compiler driver that choose the core.
pub const CPU: [&str; 3] = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"];

/// Runs `script` on `object`, a relocatable ELF compiled from the module `wasm`.
///
/// # Errors
/// `RunError`, if the module or script do not fit, or the object does not link. A firmware that faults or hangs is no
/// error but a failure of the run.
pub fn run(object: &[u8], wasm: &[u8], script: &Script) -> Result<Run, RunError> {
    let interface = interface::interface(wasm)?;
    interface.check(script)?;
    let folder = Folder::new()?;
    let image = link(&folder, object, &interface, script)?;
    let output = boot(&folder, &image, &[])?;
    Ok(parse(&output))
}

/// Compiles C source with the cross compiler into a relocatable object: what hand-made objects in tests come from.
///
/// # Errors
/// `RunError::Tool` with the compiler's messages.
pub fn compile_c(source: &str) -> Result<Vec<u8>, RunError> {
    let folder = Folder::new()?;
    let object = compile(&folder, "object.c", source)?;
    read(&object)
}

/// A folder for one run, among the system's temporary files; removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    ///
    /// # Errors
    /// `RunError::Tool` with what the file system says.
    pub fn new() -> Result<Self, RunError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("synth-board-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|error| RunError::Tool(format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// `RunError::Tool` with what the file system says.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, RunError> {
        let path = self.0.join(name);
        fs::write(&path, content).map_err(|error| RunError::Tool(format!("{}: {error}", path.display())))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads a file.
///
/// # Errors
/// `RunError::Tool` with what the file system says.
pub fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|error| RunError::Tool(format!("{}: {error}", path.display())))
}

/// The Debian packages that hold the programs used here and by `synth bench`.
const PACKAGES: [(&str, &str); 8] = [
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    ("qemu-system-arm", "qemu-system-arm"),
    ("clang-19", "clang-19"),
    ("wasm-ld-19", "lld-19"),
    ("llvm-objcopy-19", "llvm-19"),
    ("wasm2c", "wabt"),
    ("wat2wasm", "wabt"),
    ("cc", "gcc"),
];

/// The error of a program that does not start: what to install.
pub fn missing(name: &str, error: &std::io::Error) -> RunError {
    let package = PACKAGES.iter().find(|(program, _)| *program == name).map_or(name, |(_, package)| package);
    RunError::Tool(format!("{name} does not start ({error}); it is in the Debian package {package}"))
}

/// Runs a tool.
///
/// # Errors
/// `RunError::Tool`, if it does not start or fails, with its messages.
pub fn tool(command: &mut Command) -> Result<(), RunError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| missing(&name, &error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(RunError::Tool(format!("{name}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Compiles or assembles a source for the board, by its file name; `board.h` is beside it. Result: the object's path.
///
/// # Errors
/// `RunError::Tool` with the compiler's messages.
pub fn compile(folder: &Folder, name: &str, source: &str) -> Result<PathBuf, RunError> {
    folder.write("board.h", BOARD.as_bytes())?;
    let source = folder.write(name, source.as_bytes())?;
    let object = source.with_extension("o");
    let flags = ["-O1", "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-c", "-o"];
    tool(Command::new(GCC).args(CPU).args(flags).arg(&object).arg(&source))?;
    Ok(object)
}

/// The start-up code, compiled.
///
/// # Errors
/// `RunError::Tool` with the compiler's messages.
pub fn startup() -> Result<&'static [u8], RunError> {
    firmware().map(|[startup, _]| startup.as_slice())
}

/// Start-up code and driver, compiled once for all runs of a test program.
fn firmware() -> Result<&'static [Vec<u8>; 2], RunError> {
    static OBJECTS: OnceLock<Result<[Vec<u8>; 2], RunError>> = OnceLock::new();
    let build = || {
        let folder = Folder::new()?;
        let startup = compile(&folder, "startup.S", STARTUP)?;
        let driver = compile(&folder, "driver.c", DRIVER)?;
        Ok([read(&startup)?, read(&driver)?])
    };
    OBJECTS.get_or_init(build).as_ref().map_err(Clone::clone)
}

/// Links an object with the test firmware and the calls of a script. Result: the image.
///
/// # Errors
/// `RunError` if the object does not link.
pub fn link(folder: &Folder, object: &[u8], interface: &Interface, script: &Script) -> Result<PathBuf, RunError> {
    let [startup, driver] = firmware()?;
    let placement = Placement { extern_memory_bytes: extern_memory_bytes(object, interface)?, ..Placement::default() };
    let text = script::assemble(interface, script, &placement);
    let parts = [
        folder.write("startup.o", startup)?,
        folder.write("driver.o", driver)?,
        compile(folder, "script.s", &text)?,
        folder.write("out.o", object)?,
    ];
    link_image(folder, &parts, MEMORY_MIB)
}

/// Links objects, start-up code among them, to an image for the board. Operand `memory_mib`: how much external memory
/// the linker may give away, [`MEMORY_MIB`] or more; an access to what is not there faults.
///
/// # Errors
/// `RunError::Tool` with the linker's messages.
pub fn link_image(folder: &Folder, parts: &[PathBuf], memory_mib: u32) -> Result<PathBuf, RunError> {
    let [have, give] = [MEMORY_MIB, memory_mib].map(|mib| format!("LENGTH = {mib}M"));
    let layout = folder.write("layout.ld", LINKER_SCRIPT.replace(&have, &give).as_bytes())?;
    let list: String = parts.iter().map(|part| format!("{}\n", part.display())).collect();
    let list = folder.write("parts", list.as_bytes())?;
    let image = folder.0.join("firmware.elf");
    let flags = ["-nostdlib", "-static", "-Wl,--no-warn-rwx-segments", "-Wl,--build-id=none", "-T"];
    let mut command = Command::new(GCC);
    command.args(CPU).args(flags).arg(layout).arg(format!("@{}", list.display())).arg("-lgcc").arg("-o").arg(&image);
    tool(&mut command)?;
    Ok(image)
}

/// How much linear memory the firmware must define: none, unless the object asks for `__linear_memory_base`.
///
/// # Errors
/// `RunError::Tool` if the object is no ELF file.
pub fn extern_memory_bytes(object: &[u8], interface: &Interface) -> Result<Option<u32>, RunError> {
    let file = object::File::parse(object).map_err(|error| RunError::Tool(format!("object file: {error}")))?;
    let wanted = file.symbols().any(|symbol| symbol.is_undefined() && symbol.name() == Ok("__linear_memory_base"));
    let (pages_min, pages_max) = interface.memory.unwrap_or((0, Some(0)));
    let pages = pages_max.unwrap_or(EXTERN_MEMORY_PAGES_MAX).min(EXTERN_MEMORY_PAGES_MAX).max(pages_min);
    Ok(wanted.then_some((pages * 65_536) as u32))
}

/// Runs the image until it exits and gives all it printed. Operand `options`: further options of the emulator.
///
/// # Errors
/// `RunError::Tool`, if the emulator does not start.
pub fn boot(folder: &Folder, image: &Path, options: &[String]) -> Result<String, RunError> {
    let printed = folder.0.join("output");
    let io = |error| missing("qemu-system-arm", &error);
    let output = File::create(&printed).map_err(io)?;
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none"]);
    command
        .args(["-semihosting-config", "enable=on,target=native", "-icount", "shift=0", "-kernel"])
        .arg(image)
        .args(options);
    command.stdin(Stdio::null()).stdout(output.try_clone().map_err(io)?).stderr(output);
    let mut child = command.spawn().map_err(io)?;
    let start = Instant::now();
    while child.try_wait().map_err(io)?.is_none() {
        if start.elapsed() > TIME_MAX {
            let _ = child.kill();
            let _ = child.wait();
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(String::from_utf8_lossy(&read(&printed)?).into_owned())
}

/// Reads what the firmware printed. What is no line of its own comes from the emulator and is a failure.
pub fn parse(output: &str) -> Run {
    let mut run = Run::default();
    let mut done = false;
    for line in output.lines() {
        if let Some(observation) = Observation::parse(line) {
            run.observations.push(observation);
        } else if let Some(failure) = line.strip_prefix("! ") {
            run.failures.push(failure.to_string());
        } else if let Some((_, bytes)) = line.strip_prefix("s ").and_then(|rest| rest.split_once(' ')) {
            run.stack_bytes.push(bytes.parse().unwrap_or(u32::MAX));
        } else if line == "done" {
            done = true;
        } else {
            run.failures.push(format!("emulator: {line}"));
        }
    }
    if !done {
        run.failures.push("the firmware did not finish".to_string());
    }
    run
}
