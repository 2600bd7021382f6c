//! What a relocated field denotes: its target in an object, and in a linked image what was there before it was linked.

use super::super::decode::{Relocation, RelocationKind, Target};
use super::super::linked::Site;
use super::names::{contract_symbol, has_plain_type, imported};
use super::{ObjectError, Reader, Section, error};
use crate::contract::*;
use crate::domain::Symbol;
use object::{Object, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;
use std::ops::Range;

impl<'d> Reader<'d> {
    /// Puts the field of a relocation back to what it was before it was linked.
    pub(super) fn unresolve(&self, name: &str, start: u32, site: &Site, bytes: &mut [u8]) -> Result<(), ObjectError> {
        let Some(to) = self.address(site.relocation.target) else {
            let is_code = matches!(site.relocation.target, Target::Helper(_) | Target::Symbol(Symbol::Function(_)));
            let what = if is_code { "no Thumb function of others" } else { "in no section of the image" };
            return error(name, site.offset.into(), format!("{:?} is {what}", site.relocation.target));
        };
        let at = site.offset as usize;
        let field = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>());
        let Some(field) = field else {
            return error(name, site.offset.into(), "relocation past the end of what it belongs to");
        };
        let halfword = |address: u32| {
            let holds = |s: &&Section| s.executable && s.loaded && (s.base..s.base + s.size).contains(&address);
            let section = self.sections.values().find(holds)?;
            let rest = section.data.get((address - section.base) as usize..)?;
            rest.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
        };
        let place = start.wrapping_add(site.offset);
        match site.unresolved(u32::from_le_bytes(*field), place, to, halfword) {
            Some(before) => *field = before.to_le_bytes(),
            None => {
                let what = format!("does not hold what {:?} at {to:#x} gives", site.relocation);
                return error(name, site.offset.into(), what);
            }
        }
        Ok(())
    }

    /// The address of a target in a linked image; bit 0 is set for functions.
    fn address(&self, target: Target) -> Option<u32> {
        let outside = |name: &str| self.linked.as_ref()?.addresses.get(name).copied();
        let symbol = |import: &Option<_>| Some(self.module.import_symbol(import.as_ref()?));
        // Thumb code that is loaded, and none of the module's own, in whose middle a linker script may define a name.
        let function = |name: &str| {
            let (to, is_function) = outside(name)?;
            let mut own = self.ranges.values().flatten();
            let mut code = self.sections.values().filter(|s| s.loaded && s.executable);
            let is_thumb = to & 1 == 1;
            let is_outside = !own.any(|(range, ..)| range.contains(&(to & !1)));
            let is_code = is_function && code.any(|s| (s.base..s.base + s.size).contains(&to));
            (is_thumb && is_outside && is_code).then_some(to)
        };
        match target {
            Target::Helper(helper) => function(helper.name()),
            Target::Symbol(Symbol::Function(f)) => match self.out.places.get(&f) {
                Some((_, at)) => Some(at | 1),
                None => function(&symbol(&self.module.functions.get(f as usize)?.import)?),
            },
            Target::Symbol(Symbol::HostData(g)) => {
                outside(&symbol(&self.module.globals.get(g as usize)?.import)?).map(|(at, _)| at)
            }
            Target::Symbol(Symbol::Memory | Symbol::MemoryBytes) if self.module.memories.is_empty() => None,
            Target::Symbol(data) => match self.homes.get(&data) {
                Some((_, at)) => Some(*at),
                None if data == Symbol::Memory => outside(SYM_MEMORY).map(|(at, _)| at),
                None => None,
            },
        }
    }

    pub(super) fn relocations(
        &self,
        section: &Section<'d>,
        range: &Range<u32>,
    ) -> Result<BTreeMap<u32, Relocation>, ObjectError> {
        let mut out = BTreeMap::new();
        for (at, (code, symbol)) in section.relocations.range(range.clone()) {
            let place = u64::from(*at);
            // Zeros that the file does not hold are not relocated.
            if at + 4 > range.end || *at as usize + 4 > section.data.len() {
                return error(&section.name, place, "relocation past the end of what it belongs to");
            }
            let kind = match code {
                2 => RelocationKind::Abs32,
                10 => RelocationKind::ThmCall,
                30 => RelocationKind::ThmJump24,
                47 => RelocationKind::ThmMovw,
                48 => RelocationKind::ThmMovt,
                _ => {
                    return error(&section.name, place, format!("relocation type {code} is not supported"));
                }
            };
            let target = self.target(&section.name, place, *symbol)?;
            out.insert(at - range.start, Relocation { kind, target });
        }
        Ok(out)
    }

    fn target(&self, section: &str, at: u64, symbol: object::SymbolIndex) -> Result<Target, ObjectError> {
        let symbol = self.file.symbol_by_index(symbol);
        let symbol =
            symbol.map_err(|e| ObjectError { place: section.to_string(), offset: at, message: e.to_string() })?;
        let Ok(name) = symbol.name() else {
            return error(section, at, "relocation to a symbol without name");
        };
        // A weak symbol that nobody defines is address 0, and a call of it no call; one that is defined may be somebody else's.
        if symbol.is_weak() || !has_plain_type(&symbol) {
            return error(section, at, format!("relocation to `{name}`, which is weak or of another type"));
        }
        // A defined function by its place, whatever it is called here.
        if symbol.kind() == SymbolKind::Text
            && let Some(home) = symbol.section_index()
        {
            let location = (home.0, (symbol.address() & !1) as u32);
            // Linker scripts may define a name that others see anew.
            if !symbol.is_local() {
                return error(section, at, format!("relocation to `{name}`, a function's global symbol"));
            }
            // What linkers write is the symbol's address as it is.
            if symbol.address() & 1 == 0 {
                return error(section, at, format!("relocation to `{name}`, a function at an even address"));
            }
            return match self.out.places.iter().find(|(_, l)| **l == location) {
                Some((index, _)) => Ok(Target::Symbol(Symbol::Function(*index))),
                None => error(section, at, format!("relocation to `{name}`, which is no function of the module")),
            };
        }
        let target = contract_symbol(name).or_else(|| imported(self.module, name));
        let allowed = match target {
            Some(Target::Symbol(Symbol::Function(f))) => {
                symbol.is_undefined() && self.module.functions.get(f as usize).is_some_and(|f| f.import.is_some())
            }
            Some(Target::Symbol(Symbol::HostData(_)) | Target::Helper(_)) => symbol.is_undefined(),
            // Who has no memory says nothing of its size.
            Some(Target::Symbol(Symbol::Memory | Symbol::MemoryBytes)) if self.module.memories.is_empty() => false,
            // A data object by its place; linear memory may be the host's instead.
            Some(Target::Symbol(data)) => {
                let home = symbol.section_index().map(|s| (s.0, symbol.address() as u32));
                let extern_memory = data == Symbol::Memory && symbol.is_undefined();
                self.homes.get(&data).copied() == home && (home.is_some() || extern_memory)
            }
            None => false,
        };
        match target.filter(|_| allowed) {
            Some(target) => Ok(target),
            None => error(section, at, format!("relocation to `{name}`, which is no symbol of the contract")),
        }
    }
}
