//! What to do with a message queue. No state and no memory: numbers in, a decision out. Its low half says what, its high half where.
#![no_std]

const STORE: u32 = 1;
const STORE_AND_WAKE: u32 = 2;
const REFUSE: u32 = 3;
const TAKE: u32 = 4;
const WAIT: u32 = 5;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

fn decision(action: u32, place: u32) -> u64 {
    u64::from(place) << 32 | u64::from(action)
}

/// The place so many words after another one, round the end.
fn after(place: u32, words: u32, capacity: u32) -> u32 {
    let sum = place.wrapping_add(words);
    if sum >= capacity { sum - capacity } else { sum }
}

#[no_mangle]
pub extern "C" fn mq_decide_put(head: u32, count: u32, capacity: u32, waiting: u32) -> u64 {
    if count >= capacity {
        return decision(REFUSE, 0);
    }
    let place = after(head, count, capacity);
    decision(if waiting > 0 { STORE_AND_WAKE } else { STORE }, place)
}

#[no_mangle]
pub extern "C" fn mq_decide_get(head: u32, count: u32, capacity: u32) -> u64 {
    if count == 0 { decision(WAIT, 0) } else { decision(TAKE, after(head, 1, capacity)) }
}
