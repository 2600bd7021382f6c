//! Runs cases in QEMU: code and cases are loaded into the board's memory, `guest.S` runs them one after the other.
//!
//! The board is `mps2-an386`, a Cortex-M4. Source: Arm DAI 0386, table 3-1 (memory), QEMU's documentation (loader).

use super::case::{Case, FILLER};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use synth_validator::concrete::Concrete;

/// How long a boot may take. One that is over is a failure, so the clock decides nothing else.
const TIME_MAX: Duration = Duration::from_secs(120);
const IMAGE_START: u32 = 0x1000;
const IMAGE_END: u32 = 0x40_0000;
/// The caller's address lies behind this.
const SLOTS_END: u32 = 0x3f_0000;
/// No case is longer, except for those with a far target.
const CASE_BYTES_MAX: u32 = 0x1_8000;
const FAR_CASE_BYTES_MAX: u32 = 0x11_0000;
/// Address and size of the list of cases; the board keeps outcomes behind it.
const CASES_ADDRESS: u32 = 0x2110_0000;
const CASES_BYTES_MAX: usize = 0xd0_0000;
/// Words of an outcome before its windows.
const HEAD_WORDS: usize = 20;

/// What the board did with a case.
#[derive(Clone, Debug)]
pub struct Seen {
    /// r0 to r12, sp, lr.
    pub regs: [u32; 15],
    /// pc of the exception.
    pub pc: u32,
    /// xPSR of the interrupted thread.
    pub xpsr: u32,
    /// Number of the exception.
    pub exception: u32,
    /// Configurable Fault Status Register.
    pub cfsr: u32,
    /// EXC_RETURN.
    pub exc_return: u32,
    /// The words of the case's memory, by ascending address.
    pub memory: Vec<u32>,
}

/// Cases of one boot.
pub struct Boot {
    image: Vec<u8>,
    next: u32,
    cases: Vec<u8>,
    windows: Vec<usize>,
}

impl Boot {
    /// No cases yet; all code memory is `udf #0`.
    pub fn new() -> Self {
        let halves = (IMAGE_END - IMAGE_START) as usize / 2;
        Boot { image: FILLER.to_le_bytes().repeat(halves), next: IMAGE_START, cases: vec![], windows: vec![] }
    }
    /// Whether another case fits.
    pub fn has_room(&self, far: bool) -> bool {
        self.place(true, far) + bytes_max(far) <= SLOTS_END && self.cases.len() < CASES_BYTES_MAX
    }
    /// Whether there are no cases.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
    /// Where the next case's code goes: at a multiple of 4, or 2 more.
    pub fn place(&self, odd_half: bool, far: bool) -> u32 {
        let functions = Concrete::function_word(0) & !0xfff;
        let near = self.next < functions + 0x1000 && self.next + bytes_max(far) > functions;
        let start = if near { functions + 0x1000 } else { self.next };
        start.next_multiple_of(4) + if odd_half { 2 } else { 0 }
    }
    /// Adds a case.
    pub fn add(&mut self, case: &Case) {
        let code = case.linked();
        assert!(code.len() < FAR_CASE_BYTES_MAX as usize, "invariant: a case of {} bytes", code.len());
        assert!(case.regs[13] % 4 == 0, "invariant: sp is {:#x}", case.regs[13]);
        let start = (case.address - IMAGE_START) as usize;
        self.image[start..start + code.len()].copy_from_slice(&code);
        self.next = case.address + code.len() as u32;
        let windows = case.windows();
        let mut words = vec![case.address, case.nzcv << 28 | 1 << 24, case.regs[13], case.regs[14]];
        words.extend(&case.regs[..13]);
        words.push(windows.len() as u32);
        for (address, contents) in &windows {
            words.extend([*address, contents.len() as u32]);
            words.extend(contents);
        }
        self.cases.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        self.windows.push(case.memory.len());
    }
    /// Runs the cases.
    ///
    /// # Errors
    /// Why there are no results: tools, time, or memory written to outside the cases' windows.
    pub fn run(mut self) -> Result<Vec<Seen>, String> {
        let folder = Folder::new()?;
        self.cases.extend([0; 4]);
        let image = folder.write("image", &self.image)?;
        let cases = folder.write("cases", &self.cases)?;
        let output = emulate(&folder, &image, &cases)?;
        let mut words = output.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        let expected: usize = self.windows.iter().map(|w| HEAD_WORDS + w).sum::<usize>() + 2;
        if output.len() != 4 * expected {
            let text = String::from_utf8_lossy(&output[..output.len().min(200)]).into_owned();
            return Err(format!("the emulator gave {} bytes instead of {}: {text}", output.len(), 4 * expected));
        }
        let mut take = |n: usize| words.by_ref().take(n).collect::<Vec<u32>>();
        let seen = self.windows.iter().map(|window| seen(&take(HEAD_WORDS), take(*window))).collect();
        match take(2)[..] {
            [0, _] => Ok(seen),
            ref stray => Err(format!("{} words outside all windows were written to, one at {:#x}", stray[0], stray[1])),
        }
    }
}

fn bytes_max(far: bool) -> u32 {
    if far { FAR_CASE_BYTES_MAX } else { CASE_BYTES_MAX }
}

fn seen(head: &[u32], memory: Vec<u32>) -> Seen {
    let mut regs = [0; 15];
    regs[..4].copy_from_slice(&head[8..12]);
    regs[4..12].copy_from_slice(&head[..8]);
    (regs[12], regs[13], regs[14]) = (head[12], head[16], head[13]);
    Seen { regs, pc: head[14], xpsr: head[15], exception: head[17], cfsr: head[18], exc_return: head[19], memory }
}

/// A folder for one boot below cargo's folder for test files; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("conformance-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
    fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, String> {
        let path = self.0.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The runner, linked.
static GUEST: LazyLock<Result<Vec<u8>, String>> = LazyLock::new(|| {
    let folder = Folder::new()?;
    let source = folder.write("guest.S", include_bytes!("guest.S"))?;
    let layout = folder.write("guest.ld", include_bytes!("guest.ld"))?;
    let elf = folder.0.join("guest.elf");
    let mut gcc = Command::new("arm-none-eabi-gcc");
    gcc.args(["-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-static", "-Wl,--build-id=none"]);
    gcc.args(["-Wl,--no-warn-rwx-segments", "-T"]).arg(layout).arg(source).arg("-o").arg(&elf);
    let output = gcc.stdin(Stdio::null()).output().map_err(|error| missing("arm-none-eabi-gcc", &error))?;
    if !output.status.success() {
        return Err(format!("guest.S: {}", String::from_utf8_lossy(&output.stderr)));
    }
    fs::read(&elf).map_err(|error| error.to_string())
});

fn missing(tool: &str, error: &std::io::Error) -> String {
    format!("{tool} does not start ({error}); scripts/setup-test.sh installs it")
}

fn emulate(folder: &Folder, image: &Path, cases: &Path) -> Result<Vec<u8>, String> {
    let guest = folder.write("guest.elf", GUEST.as_ref().map_err(Clone::clone)?)?;
    let (printed, errors) = (folder.0.join("outcomes"), folder.0.join("errors"));
    let create = |path: &Path| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
    let load = |path: &Path, address: u32| {
        format!("loader,file={},addr={address:#x},force-raw=on", path.display().to_string().replace(',', ",,"))
    };
    let mut qemu = Command::new("qemu-system-arm");
    qemu.args(["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none"]);
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(guest);
    qemu.args(["-device", &load(image, IMAGE_START), "-device", &load(cases, CASES_ADDRESS)]);
    qemu.stdin(Stdio::null()).stdout(create(&printed)?).stderr(create(&errors)?);
    let mut child = qemu.spawn().map_err(|error| missing("qemu-system-arm", &error))?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > TIME_MAX => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the emulator did not finish in {} s", TIME_MAX.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let errors = fs::read_to_string(&errors).unwrap_or_default();
    if !status.success() || !errors.is_empty() {
        return Err(format!("qemu-system-arm: {status}: {errors}"));
    }
    fs::read(&printed).map_err(|error| error.to_string())
}
