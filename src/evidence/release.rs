//! Evidence about the tool itself, bound to one program, one commit and one run of the tests.

pub mod families;
pub mod requirements;
pub mod source_digest;
