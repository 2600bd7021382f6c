//! Code quality: what `synth` emits for a program, beside what other compilers emit for the same source.
//!
//! A program is built in several ways (`build`, `wasm2c`, `peer`), each linked with the simulator's firmware (`image`), run with the
//! same calls on the same emulated core while every instruction is counted (`execution`, `measure`, `cycles`), and compared with
//! the run of the module under software bounds checks (`compare`). `summary` has means and budgets, `plot` draws.

pub mod build;
pub mod compare;
pub mod cycles;
pub mod execution;
pub mod image;
pub mod measure;
pub mod peer;
pub mod plot;
pub mod summary;
pub mod wasm2c;
