//! Runs a module with a script in the validator's WebAssembly interpreter.

use super::interpreter::{self, FUEL, Interpreter, Recorder};
use super::modules;
use super::observation::{Run, RunError};
use super::vectors::Script;
use synth_validator::concrete::Bytes;
use synth_validator::contract::Contract;
use synth_validator::wasm::instance::{Instance, Stop};
use synth_validator::wasm::reader;

impl Interpreter for Instance<'_, Recorder> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        Instance::invoke(self, export, args)
    }
    fn memory(&self) -> &Bytes {
        Instance::memory(self)
    }
    fn memory_mut(&mut self) -> &mut Bytes {
        Instance::memory_mut(self)
    }
    fn memory_bytes(&self) -> u32 {
        Instance::memory_bytes(self)
    }
    fn host(&mut self) -> &mut Recorder {
        &mut self.host
    }
}

/// Runs `script` on the module under this contract.
///
/// # Errors
/// `RunError::Module` or `RunError::Script`, if the module cannot be read or the script does not fit it.
pub fn run(wasm: &[u8], contract: &Contract, script: &Script) -> Result<Run, RunError> {
    let interface = modules::interface(wasm)?;
    interface.check(script)?;
    let module = reader::read(wasm).map_err(|e| RunError::Module(format!("{:#x}: {}", e.offset, e.message)))?;
    let host = Recorder::new(&interface);
    let instance = Instance::new(&module, wasm, contract.clone(), host, FUEL);
    Ok(interpreter::run(instance, &interface, script))
}
