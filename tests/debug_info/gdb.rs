//! A debugger on an emulator: it stops in the module's sources, shows who called, and steps.

use super::{library, must, synth, text};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use synth::simulator::board::Folder;

/// How long the emulator may take to listen, and the debugger to end. Over it the test fails.
const TIME_MAX: Duration = Duration::from_secs(60);

const HOST_C: &str = r#"
int sample_add(int a, int b);
void __synth_put_word(unsigned word);
static int events;
void host_event(int value) {
  events += value;
}
static __attribute__((noinline)) int twice(int a) {
  int first = sample_add(a, 5);
  int second = sample_add(a, 9);
  return first + second;
}
int main(void) {
  __synth_put_word(twice(3));
  return 0;
}
"#;

/// The emulator, ended with the test.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an image, stopped, with a server for debuggers.
fn started(image: &Path) -> (Emulator, u16) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let server = format!("tcp:127.0.0.1:{port}");
    let child = Command::new("qemu-system-arm")
        .args(["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel", text(image), "-S", "-gdb", &server])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the emulator");
    let emulator = Emulator(child);
    let start = Instant::now();
    // Asking the port itself would be taken for the debugger's connection: a second server cannot bind while it listens.
    while TcpListener::bind(("127.0.0.1", port)).is_ok() {
        assert!(start.elapsed() < TIME_MAX, "the emulator does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    (emulator, port)
}

/// Has the debugger carry out commands. Result: what it printed.
fn session(image: &Path, commands: &[&str]) -> String {
    let (_emulator, port) = started(image);
    let target = format!("target remote 127.0.0.1:{port}");
    let settings = ["set pagination off", "set confirm off", "set width 0", "set style enabled off", &target];
    let all = settings.iter().chain(commands).flat_map(|c| ["-ex", c]);
    let args: Vec<&str> = ["-nx", "-batch", text(image)].into_iter().chain(all).collect();
    let limit = TIME_MAX.as_secs().to_string();
    let said = must("timeout", &[&[limit.as_str(), "gdb-multiarch"], &args[..]].concat());
    drop(TcpStream::connect(("127.0.0.1", port)));
    said
}

/// Checks that texts follow each other in what was printed.
fn in_order(said: &str, wanted: &[&str]) {
    let mut rest = said;
    for text in wanted {
        let at = rest.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{rest}\nof\n{said}"));
        rest = &rest[at + text.len()..];
    }
}

/// A firmware of the library and a host in C, both with debug information, proved in the image.
fn firmware(folder: &Folder, options: &[&str]) -> std::path::PathBuf {
    let module = library(folder);
    let host = folder.write("host.c", HOST_C.as_bytes()).expect("written");
    let object = folder.path().join("host.o");
    let flags = ["-g", "-O1", "-mcpu=cortex-m4", "-mthumb", "-c"];
    must("arm-none-eabi-gcc", &[&flags[..], &[text(&host), "-o", text(&object)]].concat());
    let image = folder.path().join("fw.elf");
    let flags = ["--validate", "--image", "--board", "mps2-an386", "--link", text(&object)];
    let (code, said) = synth(&[&flags[..], options, &[text(&module), "-o", text(&image)]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("image: Proved"), "{said}");
    let (code, said) = synth(&["validate", text(&module), text(&image)]);
    assert!(code == 0 && said.contains("2 of 2 functions proved"), "{said}");
    let said = must("llvm-dwarfdump-19", &["--verify", text(&image)]);
    assert!(said.contains("No errors."), "{said}");
    image
}

#[test]
fn a_debugger_stops_at_lines_and_shows_callers() {
    let folder = Folder::new().expect("a folder");
    let image = firmware(&folder, &["-g", "--without-pass", "inline"]);
    let said = session(
        &image,
        &[
            "break weigh.c:8",
            "continue",
            "backtrace",
            "next",
            "next",
            "step",
            "backtrace",
            "delete",
            "finish",
            "finish",
            "next",
            "info locals",
            "break sample_add",
            "continue",
            "backtrace",
            "finish",
        ],
    );
    in_order(
        &said,
        &[
            "weigh.c, line 8.",
            // Who called whom, with the lines of all three sources.
            "weigh.c:8\n",
            "#0  weigh () at ",
            "weigh.c:8\n",
            " in sample_add () at ",
            "sample.c:5\n",
            " in twice (a=a@entry=3) at ",
            "host.c:9\n",
            " in main () at ",
            "host.c:14\n",
            // The loop goes round, and into the host.
            "6\t  for (int i = 0; i < a; i++) {\n",
            "3\t  while (value > 100) {\n",
        ],
    );
    // `finish` goes to the callers: registers that they have in use are there again. 5 and 9 and 16 by the loop's rounds.
    in_order(
        &said,
        &[
            "weigh () at ",
            "\nsample_add () at ",
            " in twice (a=a@entry=3) at ",
            "host.c:9\n",
            "first = 16\n",
            "Breakpoint 2, sample_add () at ",
            "sample.c:5\n",
            "#1  ",
            " in twice (a=a@entry=3) at ",
            "host.c:10\n",
            "#2  ",
            " in main () at ",
            "twice (a=a@entry=3) at ",
        ],
    );
}

#[test]
fn inlined_functions_have_frames_of_their_own() {
    let folder = Folder::new().expect("a folder");
    let image = firmware(&folder, &["-g", "--inline", "weigh"]);
    let said = session(&image, &["break weigh.c:8", "continue", "backtrace", "up", "info frame"]);
    in_order(
        &said,
        &[
            "#0  weigh () at ",
            "weigh.c:8\n",
            "#1  sample_add () at ",
            "sample.c:5\n",
            "#2  ",
            " in twice (a=a@entry=3) at ",
            " in main () at ",
            "#1  sample_add () at ",
        ],
    );
    // The same by programs that name addresses.
    let at = said.lines().find_map(|l| l.split("Breakpoint 1 at ").nth(1)).and_then(|l| l.split([':', '.']).next());
    let read = must("llvm-addr2line-19", &["-i", "-f", "-e", text(&image), at.expect("an address")]);
    let lines: Vec<&str> = read.lines().collect();
    assert!(lines.len() >= 2, "{read}");
}

#[test]
fn every_stop_of_a_run_has_its_callers() {
    let folder = Folder::new().expect("a folder");
    let image = firmware(&folder, &["--debug=offsets", "--without-pass", "inline"]);
    let mut commands = vec!["break twice", "continue"];
    // Instruction by instruction through prologues, calls and epilogues of both functions.
    for _ in 0..220 {
        commands.extend(["stepi", "backtrace"]);
    }
    let said = session(&image, &commands);
    let ends = |trace: &&str| !trace.contains("__synth_put_word");
    let traces: Vec<&str> = said.split("#0  ").skip(1).take_while(ends).collect();
    let (mut inside, mut deep) = (0, 0);
    for trace in traces {
        let own = ["weigh ()", "sample_add ()"].iter().any(|f| trace.lines().next().is_some_and(|l| l.contains(f)));
        let end = trace.contains(" in main () at ") || trace.starts_with("main ()");
        assert!(end, "a trace that does not end in main:\n{trace}");
        let callers: Vec<&str> = trace.lines().filter(|l| l.starts_with('#')).collect();
        if own {
            inside += 1;
            assert!(callers.iter().any(|l| l.contains(" in twice (")), "{trace}");
        }
        deep += usize::from(trace.contains("host_event") && callers.iter().any(|l| l.contains(" in weigh ()")));
    }
    println!("{inside} stops in the module, {deep} in the host below it");
    assert!(inside > 100 && deep > 5, "{said}");
}
