//! Options for trampolines: `--marshal`, `--marshal-source`.

use super::diagnostic::Diagnostic;
use crate::marshal::{self, Marshalled, Parameter};
use crate::module::Module;
use std::path::{Path, PathBuf};

/// Arguments about trampolines.
#[derive(clap::Args)]
pub struct MarshalArgs {
    /// Let callers of this exported function pass a pointer to a structure of the host as this parameter (counted from 0): a trampoline in C
    /// copies the members that the description FILE lists; may be given several times
    #[arg(
        long,
        value_name = "FUNCTION:PARAM=FILE",
        requires = "marshal_source",
        conflicts_with = "linear_memory_base",
        help_heading = "Trampolines"
    )]
    marshal: Vec<Parameter>,
    /// The trampolines' C source to write; beside it a header with the ending .h
    #[arg(long, value_name = "FILE.c", requires = "marshal", help_heading = "Trampolines")]
    marshal_source: Option<PathBuf>,
}

impl MarshalArgs {
    /// Source and header, if they are to be written.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.marshal_source.iter().flat_map(|path| [path.clone(), path.with_extension("h")])
    }

    /// The descriptions.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.marshal.iter().map(|parameter| Path::new(&parameter.file))
    }

    /// Reads the descriptions.
    ///
    /// # Errors
    /// A file that cannot be read or is no description.
    pub fn read(&self, is_private: bool) -> Result<Vec<Marshalled>, Diagnostic> {
        if is_private && !self.marshal.is_empty() {
            let error = "trampolines need the symbol of linear memory";
            return Err(Diagnostic::new(error).help("leave out --private-data"));
        }
        if let Some(path) = self.marshal_source.as_ref().filter(|p| p.extension().is_none_or(|e| e != "c")) {
            return Err(Diagnostic::new("the trampolines' source is C").file(path).help("give a name that ends in .c"));
        }
        let read = |parameter: &Parameter| {
            let path = Path::new(&parameter.file);
            let text = std::fs::read_to_string(path).map_err(|e| Diagnostic::file_system("read", path, &e))?;
            let structure =
                toml::from_str(&text).map_err(|e| Diagnostic::new(format!("no description: {e}")).file(path))?;
            Ok((parameter.clone(), structure))
        };
        self.marshal.iter().map(read).collect()
    }

    /// The file to write, and the texts of source and header.
    ///
    /// # Errors
    /// What does not fit the module.
    pub fn sources(
        &self,
        module: &Module,
        marshalled: &[Marshalled],
        input: &Path,
    ) -> Result<Option<(&Path, (String, String))>, Diagnostic> {
        let Some(path) = &self.marshal_source else { return Ok(None) };
        for file in self.files() {
            let is_ours = |text: Vec<u8>| text.starts_with(marshal::FIRST_WORDS.as_bytes());
            if std::fs::read(&file).is_ok_and(|text| !is_ours(text)) {
                let error = Diagnostic::new("the file is there, and trampolines did not write it").file(&file);
                return Err(error.help("give --marshal-source another name: source and header are written"));
            }
        }
        let name = |path: &Path| path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let texts = marshal::source(module, marshalled, &name(input), &name(&path.with_extension("h")));
        let texts = texts.map_err(|e| Diagnostic::new(format!("trampolines: {e}")).file(input))?;
        Ok(Some((path, texts)))
    }
}
