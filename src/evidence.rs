//! Evidence: what was proved, under what, of which bytes, in files that an engineer can file and another tool can check again.

pub mod page;
pub mod plot;
pub mod release;
