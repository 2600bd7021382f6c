//! Runs a compiled object with a script in the validator's Arm interpreter.

use super::interpreter::{self, FUEL, Interpreter, Recorder};
use super::modules;
use super::observation::{Run, RunError};
use super::vectors::Script;
use synth_validator::arm::machine::Machine;
use synth_validator::arm::object;
use synth_validator::concrete::Bytes;
use synth_validator::contract::Contract;
use synth_validator::wasm::instance::Stop;
use synth_validator::wasm::reader;

impl Interpreter for Machine<'_, Recorder> {
    fn invoke(&mut self, export: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
        Machine::invoke(self, export, args)
    }
    fn memory(&self) -> &Bytes {
        Machine::memory(self)
    }
    fn memory_mut(&mut self) -> &mut Bytes {
        Machine::memory_mut(self)
    }
    fn memory_bytes(&self) -> u32 {
        Machine::memory_bytes(self)
    }
    fn host(&mut self) -> &mut Recorder {
        &mut self.host
    }
}

/// Runs `script` on `object`, compiled from the module `wasm` under this contract.
///
/// # Errors
/// `RunError`, if module, object or script do not fit each other.
pub fn run(object: &[u8], wasm: &[u8], contract: &Contract, script: &Script) -> Result<Run, RunError> {
    let interface = modules::interface(wasm)?;
    interface.check(script)?;
    let module = reader::read(wasm).map_err(|e| RunError::Module(format!("{:#x}: {}", e.offset, e.message)))?;
    let object = object::read(object, &module).map_err(|e| RunError::Module(format!("object: {e}")))?;
    let machine = Machine::new(&module, &object, contract.clone(), Recorder::new(&interface), FUEL);
    Ok(interpreter::run(machine, &interface, script))
}
