//! What the program is made of: the files whose digest binds it to its sources.
//!
//! `build.rs` computes the digest and compiles it in, `synth report release` computes it again over the tree that it stands in and refuses
//! another one. Anyone can do the same without us:
//!
//! ```text
//! find Cargo.lock Cargo.toml boards build.rs lemmas src validator/Cargo.toml validator/build.rs validator/src -type f |
//!   LC_ALL=C sort | xargs sha256sum | sha256sum
//! ```
//!
//! Tests and documents are not among these files: they are bound by the commit. Build scripts include this file.

/// Files and folders that the program is made of, relative to the root of the sources, in byte order.
pub const PARTS: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "boards",
    "build.rs",
    "lemmas",
    "src",
    "validator/Cargo.toml",
    "validator/build.rs",
    "validator/src",
];
