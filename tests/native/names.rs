//! A library in Rust with tables of its own: slices of static text, and a ring that the host reads.
#![no_std]

static NAMES: [&str; 3] = ["one", "twenty", "three hundred"];
static mut RING: [u32; 8] = [0; 8];
static mut AT: usize = 6;

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[no_mangle]
pub unsafe extern "C" fn name_copy(which: usize, to: *mut u8) -> usize {
    let name = NAMES[which % 3];
    for (i, byte) in name.bytes().enumerate() {
        *to.add(i) = byte;
    }
    *to.add(name.len()) = 0;
    name.len()
}

#[no_mangle]
pub unsafe extern "C" fn ring_put(word: u32) -> *const u32 {
    RING[AT % 8] = word;
    AT += 1;
    RING.as_ptr()
}
