//! Modules with a host in C: imports, archives, constructors, run-time helpers, interrupts, memory of the host's, addresses.

use super::*;

/// What hosts may use of the start-up code.
const CONSOLE: &str = r#"
typedef unsigned u32; typedef unsigned long long u64;
void __synth_put_text(const char *text);
void __synth_put_word(u32 word);
_Noreturn void __synth_exit(u32 status);
static void say(const char *what, u32 word)
{
    __synth_put_text(what); __synth_put_text(" "); __synth_put_word(word); __synth_put_text("\n");
}
"#;

const SEMAPHORE: &str = r#"
int k_sem_init(u32 sem, u32 initial, u32 limit);
void k_sem_give(u32 sem);
int k_sem_take(u32 sem, int ticks);
u32 k_sem_count(u32 sem);
static u32 locked, pended = 7;
static u32 order[4] = {1, 2, 3, 4};
u32 irq_lock(void) { locked++; return 5; }
void irq_unlock(u32 key) { locked -= key == 5; }
void wake_first_waiter(u32 queue, int result) { say("wake", result); }
int pend_current(u32 queue, int ticks) { pended += ticks; locked--; return -1; }
void reschedule(u32 key) { locked -= key == 5; }
int main(void)
{
    say("init", k_sem_init(1024, 1, 2));
    k_sem_give(1024);
    k_sem_give(1024);
    say("count", k_sem_count(1024));
    k_sem_take(1024, 0);
    k_sem_take(1024, 0);
    say("busy", k_sem_take(1024, 0));
    say("again", k_sem_take(1024, 9));
    say("pended", pended);
    say("locked", locked);
    say("order", order[0] << 24 | order[1] << 16 | order[2] << 8 | order[3]);
    return 40 + k_sem_init(1024, 3, 2);
}
"#;

#[test]
fn the_semaphore_with_its_host_on_every_board() {
    let folder = Folder::new("semaphore");
    let elf = folder.path("fw.elf");
    let host = folder.c("host", &format!("{CONSOLE}{SEMAPHORE}"));
    // -16 is E_BUSY, -11 E_AGAIN, -22 E_INVAL (corpus/programs/semaphore.c).
    let lines = [
        "init 00000000",
        "count 00000002",
        "busy fffffff0",
        "again fffffff5",
        "pended 00000010",
        "locked 00000000",
        "order 01020304",
    ];
    for (board, ..) in MACHINES {
        for linker in LINKERS {
            image(&corpus("semaphore"), &elf, board, &["--link", &host, "--linker", linker]);
            assert_eq!(boot(board, &elf), run(&format!("{}\n", lines.join("\n")), 18), "{board}, {linker}");
            image(&corpus("semaphore"), &elf, board, &["--link", &host, "--linker", linker, "--console", "uart"]);
            let printed = boot_serial(board, &elf);
            assert_eq!(printed, format!("{}\nexit: 0x00000012\r\n", lines.join("\n")), "{board}, {linker}");
        }
    }
}

const GLOBALS: &str = r#"
u64 tick(void);
u32 random(void);
u32 has_base(void);
u32 get_state(void);
u32 report(u32 state);
u32 notify(u32 state, u64 ticks) { say("state", state); say("ticks", (u32)ticks); return 3; }
extern u32 __linear_memory_base[];
int main(void)
{
    u64 ticks = tick();
    say("tick", (u32)(ticks >> 32));
    say("tick", (u32)tick());
    say("base", has_base());
    say("start", __linear_memory_base[0]);
    say("report", report(17));
    say("state", get_state());
    return 0;
}
"#;

#[test]
fn imported_addresses_are_given() {
    let folder = Folder::new("globals");
    let elf = folder.path("fw.elf");
    let host = folder.c("host", &format!("{CONSOLE}{GLOBALS}"));
    for (address, base) in [("0x40004000", 1), ("0", 0)] {
        let define = format!("peripheral_base={address}");
        image(&corpus("globals"), &elf, "mps2-an386", &["--link", &host, "--define", &define]);
        let printed = format!(
            "tick ffffffff\ntick 00000000\nbase 0000000{base}\nstart 600df00d\nstate 00000011\nticks 00000000\n\
             state 00000012\nticks 89abcdef\nreport 00000001\nstate 00000012\n"
        );
        assert_eq!(boot("mps2-an386", &elf), run(&printed, 0));
    }
}

const CRC: &str = r#"
u32 crc32_bitwise(u32 data, u32 size);
extern unsigned char __linear_memory_base[];
int check(void)
{
    for (u32 i = 0; i < 9; i++) __linear_memory_base[40000 + i] = '1' + i;
    say("crc", crc32_bitwise(40000, 9));
    return 9;
}
"#;

#[test]
fn archives_give_what_is_missing() {
    let folder = Folder::new("archive");
    let elf = folder.path("fw.elf");
    let host = folder.c("host", &format!("{CONSOLE}{CRC}"));
    let other = folder.c(
        "other",
        "int check2(void) { return 1; } int undefined_elsewhere(void); int f(void) { return undefined_elsewhere(); }",
    );
    let archive = folder.path("libhost.a");
    tool(Command::new("arm-none-eabi-ar").args(["rcs", &archive, &other, &host]));
    for linker in LINKERS {
        let more = ["--link", &archive, "--entry", "check", "--linker", linker];
        let said = image(&corpus("crc32"), &elf, "mps2-an385", &more);
        // The check value of CRC-32 (IEEE 802.3).
        assert_eq!(boot("mps2-an385", &elf), run("crc cbf43926\n", 9));
        assert_eq!(said["image"]["libraries"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn linear_memory_may_be_the_hosts() {
    let folder = Folder::new("extern");
    let elf = folder.path("fw.elf");
    let module = r#"(module (import "env" "memory" (memory 1)) (data (i32.const 8) "\2a\00\00\00")
        (func (export "peek") (result i32) (i32.load (i32.const 8))))"#;
    let module = folder.write("module.wat", module);
    let host = folder.c("host", "__attribute__((aligned(8))) unsigned char __linear_memory_base[65536]; int peek(void); int main(void) { return peek() + (__linear_memory_base[8] == 42); }");
    let more = ["--link", &host];
    for memory in ["own", "extern"] {
        image(&module, &elf, "mps2-an386", &[&more[..], &["--memory", memory]].concat());
        assert_eq!(boot("mps2-an386", &elf), run("", 43));
    }
    // Without one of the host's, the image reserves it.
    image(&module, &elf, "mps2-an386", &["--entry", "peek"]);
    assert_eq!(boot("mps2-an386", &elf), run("result: 0x0000002a\n", 42));
}

/// Host pointers are addresses of linear memory if that starts at 0.
#[test]
fn linear_memory_may_start_at_zero() {
    let folder = Folder::new("zero");
    let elf = folder.path("fw.elf");
    let module = r#"(module (import "env" "memory" (memory 1))
      (func (export "second") (param i32) (result i32) (i32.load offset=4 (local.get 0))))"#;
    let module = folder.write("module.wat", module);
    let host =
        folder.c("host", "int second(int *); static int words[2] = {1, 42}; int main(void) { return second(words); }");
    for linker in LINKERS {
        let more = ["--link", &host, "--define", "__linear_memory_base=0", "--bounds", "none", "--linker", linker];
        image(&module, &elf, "mps2-an386", &more);
        assert_eq!(boot("mps2-an386", &elf), run("", 42));
    }
}

const DIVIDES: &str = r#"(module (memory 1)
  (global $a (mut i64) (i64.const 1000000000000)) (global $b (mut i64) (i64.const 1000000007))
  (func (export "run") (result i64)
    (memory.fill (i32.const 64) (i32.const 1) (i32.const 8))
    (memory.copy (i32.const 128) (i32.const 64) (i32.const 4))
    (i64.add (i64.load32_u (i32.const 128)) (i64.div_u (global.get $a) (global.get $b)))))"#;

#[test]
fn helpers_come_from_the_compiler_or_from_the_user() {
    let folder = Folder::new("helpers");
    let (elf, module) = (folder.path("fw.elf"), folder.write("divides.wat", DIVIDES));
    // 1000000000000 / 1000000007 is 999 (999 * 1000000007 = 999000006993), and 0x01010101.
    let right = run("result: 0x00000000010104e8\n", 0);
    for linker in LINKERS {
        let said = image(&module, &elf, "mps2-an385", &["--entry", "run", "--linker", linker]);
        assert_eq!(boot("mps2-an385", &elf), right, "{linker}");
        let libraries = said["image"]["libraries"].to_string();
        assert!(libraries.contains("libc.a") && libraries.contains("libgcc.a"), "{libraries}");
    }
    for name in ["fw.elf", "fw.ld"] {
        std::fs::remove_file(folder.path(name)).expect("is there");
    }
    // Where only a linker is there, what is missing is named; an archive of the user's gives it.
    let driver = ["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"];
    let libraries = ["-print-file-name=libc.a", "-print-libgcc-file-name"];
    let [c, gcc] = libraries.map(|l| tool(Command::new("arm-none-eabi-gcc").args(driver).arg(l)).trim().to_string());
    let linker = tool(Command::new("sh").args(["-c", "command -v ld.lld-19"]));
    let args = ["compile", &module, "-o", &elf, "--image", "--board", "mps2-an385", "--entry", "run"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_synth"));
    command.args(args).args(["--linker", linker.trim()]).env("PATH", folder.path("nothing"));
    let output = command.output().expect("runs");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for part in ["no linked object defines __aeabi_", "which the module needs", "--link", "arm-none-eabi-gcc"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(folder.names(), ["divides.wat"]);
    let output = command.args(["--link", &c, "--link", &gcc]).output().expect("runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(boot("mps2-an385", &elf), right);
}

const INTERRUPTS: &str = r#"
#define WORD(address) (*(volatile u32 *)(address))
static volatile u32 seen = 100;
static u32 built;
__attribute__((constructor)) static void build(void) { built = 5; }
void PendSV_Handler(void) { seen += 20; }
void IRQ3_Handler(void) { seen += 3; }
u32 run(void);
int main(void)
{
    WORD(0xe000ed04) = 1u << 28; /* ICSR.PENDSVSET */
    __asm__ volatile("dsb\n isb");
    WORD(0xe000e100) = 1u << 3 | 1u << 4; /* NVIC_ISER0 */
    WORD(0xe000e200) = 1u << 3; /* NVIC_ISPR0 */
    __asm__ volatile("dsb\n isb");
    say("seen", seen + built);
    LAST
    return 1;
}
"#;

#[test]
fn exceptions_go_to_the_hosts_handlers_or_are_reported() {
    let folder = Folder::new("interrupts");
    let (elf, module) = (folder.path("fw.elf"), folder.write("module.wat", r#"(module (func (export "run")))"#));
    let cases = [
        ("", "seen 00000080\n", 1),
        // Interrupt 4 is exception 20.
        (
            "WORD(0xe000e200) = 1u << 4; __asm__ volatile(\"dsb\\n isb\");",
            "seen 00000080\nunexpected exception 0x00000014\n",
            255,
        ),
        ("__synth_exit(9);", "seen 00000080\n", 9),
    ];
    for (last, printed, status) in cases {
        let host = folder.c("host", &format!("{CONSOLE}{}", INTERRUPTS.replace("LAST", last)));
        image(&module, &elf, "mps2-an385", &["--link", &host]);
        assert_eq!(boot("mps2-an385", &elf), run(printed, status), "{last}");
    }
    // What is no trap of the module is a fault with its address: nothing is at 0xf0000000; the guard, not an exhausted stack, is
    // hit at 0x1fff0000. CFSR: PRECISERR and BFARVALID, DACCVIOL and MMARVALID.
    for (address, status) in [("f0000000", "00008200"), ("1fff0000", "00000082")] {
        let last = format!("WORD(0x{address}) = 1;");
        let host = folder.c("host", &format!("{CONSOLE}{}", INTERRUPTS.replace("LAST", &last)));
        image(&module, &elf, "mps2-an385", &["--link", &host]);
        let ended = boot("mps2-an385", &elf);
        let line = ended.printed.lines().nth(1).unwrap_or_default();
        assert!(line.starts_with("fault at 0x0000"), "{ended:?}");
        let end = format!(", exception 0x00000003, CFSR 0x{status}, address 0x{address}");
        assert!(line.ends_with(&end), "{ended:?}");
        assert_eq!(ended.status, Some(255));
    }
}
