//! Invalid and malformed modules: the validator's reader, the compiler and a proof session must each refuse them. What
//! a later version of WebAssembly allows, such as a second memory, may be refused as not supported; a limit is no refusal.

use super::outcome::Answer;
use super::script::Step;
use synth::error::CompileError;
use synth::pipeline::{Options, compile};
use synth_validator::ladder::Limits;
use synth_validator::validate::{InputError, Session};
use synth_validator::wasm::reader::{self, ReadErrorKind};

/// The answer of ways 1, 2 and 4 to a directive that wants a module refused; `None` for other directives.
pub fn refused(step: &Step) -> Option<[Answer; 3]> {
    match step {
        // There is one reader of text, before all ways.
        Step::RefuseText(refused) => Some([(); 3].map(|()| Answer::Refused(*refused, "text".to_string()))),
        Step::Refuse(bytes) => Some([by_reader(bytes), by_compiler(bytes), by_session(bytes)]),
        _ => None,
    }
}

fn by_reader(bytes: &[u8]) -> Answer {
    match reader::read(bytes) {
        Ok(_) => Answer::Refused(false, "accepted".to_string()),
        Err(e) => Answer::Refused(e.kind != ReadErrorKind::Limit, e.to_string()),
    }
}

fn by_compiler(bytes: &[u8]) -> Answer {
    match compile(bytes, &Options::default()) {
        Ok(_) => Answer::Refused(false, "accepted".to_string()),
        Err(e) => {
            let refused = matches!(e, CompileError::Malformed { .. } | CompileError::Unsupported { .. });
            Answer::Refused(refused, e.to_string())
        }
    }
}

fn by_session(bytes: &[u8]) -> Answer {
    // A module that is read is refused for its object, which is another error.
    match Session::new(bytes, &[], None, Limits::default()) {
        Ok(_) => Answer::Refused(false, "accepted".to_string()),
        Err(e) => Answer::Refused(matches!(e, InputError::Module { .. }), e.to_string()),
    }
}
