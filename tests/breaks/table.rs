//! The breaks: clauses of the trusted part and of the compiler's tables, each with a wrong form that somebody could have written.

/// A test binary, and the environment that keeps its run short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oracle {
    /// Package.
    pub package: &'static str,
    /// Test target.
    pub test: &'static str,
    /// Which of its tests.
    pub filter: &'static str,
    /// Environment variables.
    pub environment: &'static [(&'static str, &'static str)],
}

const fn oracle(package: &'static str, test: &'static str, filter: &'static str) -> Oracle {
    Oracle { package, test, filter, environment: &[] }
}

/// QEMU, instruction by instruction, with fewer cases than the full test.
pub const QEMU: Oracle = Oracle {
    environment: &[("CASES", "60")],
    ..oracle("synth-validator", "arm_conformance", "semantics_and_board_agree")
};
/// The specification suite on the interpreter.
pub const SUITE: Oracle = oracle("synth", "spec_suite", "the_interpreter_alone_holds");
/// Rules of the term graph, by z3 and by execution.
pub const TERMS: Oracle = oracle("synth-validator", "terms", "rules_hold_at_every_width");
/// What path assumptions decide, by z3.
pub const PATHS: Oracle = oracle("synth-validator", "terms", "what_paths_decide_holds");
/// Symbolic against concrete semantics.
pub const SYMBOLIC: Oracle = oracle("synth-validator", "symbolic", "terms_evaluate_to_the_numbers_of_the_same_step");
/// Operand roles.
pub const ROLES: Oracle = oracle("synth", "operand_roles", "stated_roles_are_those_of_the_emitted_code");
/// The encoder against two disassemblers.
pub const ENCODER: Oracle = oracle("synth", "encode", "table");
/// Rewrites in witnesses.
pub const REWRITES: Oracle = oracle("synth-validator", "rewrites", "damaged_rewrites_are_refused");
/// Words that sweeping puts together.
pub const SWEPT: Oracle = oracle("synth-validator", "sweep", "words_that_agree_in_samples_only_stay_apart");
/// Bulk operations whose other operands are zero.
pub const BULK: Oracle = oracle("synth-validator", "stored", "bulk_operations_on_no_bytes_change_nothing");
/// Outcomes of many decisions of the left side.
pub const FORKS: Oracle = oracle("synth-validator", "forks", "every_outcome_that_can_be_is_compared");
/// Executions of which nothing is said.
pub const VACUOUS: Oracle = oracle("synth", "validate", "verdicts_are_as_the_folders_say");
/// Instructions that the contract's core does not have.
pub const CORE: Oracle = oracle("synth", "object_readings", "instructions_that_the_core_lacks_are_unsupported");
/// What linkers and loaders read otherwise than the validator did.
const fn reading(test: &'static str) -> Oracle {
    oracle("synth", "object_readings", test)
}
/// The same, about names and tables.
const fn name_reading(test: &'static str) -> Oracle {
    oracle("synth", "object_names", test)
}
/// The same, about images.
const fn image_reading(test: &'static str) -> Oracle {
    oracle("synth", "image_readings", test)
}
/// Code that gives itself memory.
pub const SIZES: Oracle = oracle("synth", "memory_size", "code_gives_itself_no_memory");
/// Sizes of memory that are written for a while.
pub const WRITTEN: Oracle = oracle("synth", "memory_size", "every_size_that_is_written_is_one_that_memory_may_have");
/// Sizes of memory that forms of a claim write.
pub const FORMS: Oracle = oracle("synth", "memory_size", "forms_of_a_claim_write_no_other_sizes");
/// Symbols of the host's that may be functions, and its memory's size.
pub const ODD: Oracle = oracle("synth", "host_symbols", "addresses_of_the_hosts_symbols_with_odd_addends_are_refused");
pub const STARTED: Oracle = oracle("synth", "host_symbols", "the_start_up_function_sets_no_size");
/// Memory that somebody else than the first module grows.
pub const RESIZED: Oracle =
    oracle("synth", "optimize", "between_modules_memory_has_no_fixed_size_if_either_or_a_host_changes_it");
/// Reads and writes of the host's memory that the module does not make, or made before a call.
pub const DIRECTION: Oracle =
    oracle("synth", "native", "forged::code_reads_and_writes_what_the_module_does_and_when_it_does");
/// Contracts in claims of which caller and callee say otherwise.
pub const DISAGREE: Oracle =
    oracle("synth", "native", "forged::contracts_with_callers_and_callees_that_disagree_are_refused");
/// Words that may be host addresses, and who gets them.
pub const PASSED: Oracle = oracle("synth", "native", "forged::addresses_that_may_be_the_hosts_are_passed_to_nobody");
/// Results that a contract names.
pub const RETURNED: Oracle =
    oracle("synth", "native", "forged::results_named_as_host_addresses_are_none_of_the_modules_own");
/// Results of calls through tables.
pub const THROUGH: Oracle = oracle("synth", "native", "forged::results_of_calls_through_tables_may_be_host_addresses");
/// Modules between which proofs say too little.
pub const MORE: Oracle = oracle("synth", "optimize", "modules_that_mean_more_than_their_operators_say_are_refused");
/// Text of claims in what people read.
pub const LINES: Oracle = oracle("synth", "assumptions", "claims_write_no_text_into_contracts");
/// Imports that are called as trampolines are.
pub const TRAMPOLINE: Oracle = oracle("synth", "assumptions", "no_import_is_called_as_a_trampoline_is");
/// Imports that are there twice.
pub const TWICE: Oracle =
    oracle("synth", "host_symbols", "globals_begin_with_the_address_of_an_import_that_is_there_twice");
/// Claims that give exports other names.
pub const RENAMED: Oracle = oracle("synth", "assumptions", "claims_do_not_rename_exports");
/// Instructions that the manual leaves open at some addresses.
pub const PLACES: Oracle = reading("ldrd_of_a_literal_stands_at_a_multiple_of_4");
/// Words of arguments that callees ignore, by which of them a claim names.
pub const EXCUSED: Oracle = oracle("synth", "ignored_words", "claims_about_other_forms_excuse_nothing");
/// The same, where the code passes another word than the one ignored.
pub const USED: Oracle = oracle("synth", "ignored_words", "a_fault_that_uses_an_ignored_word_is_refuted");
/// Forms that are inlined although a later one ignores words.
pub const INLINED: Oracle = oracle("synth", "ignored_words", "forms_are_not_inlined_of_which_later_ones_ignore_words");
/// Words that are ignored where nothing proves the form that ignores them.
pub const UNPROVED: Oracle = oracle("synth", "ignored_words", "a_form_with_a_fault_excuses_nothing");
/// Faults in accesses at the host's addresses.
pub const HOST_FAULTS: Oracle = oracle("synth", "native", "faults_in_accesses_through_host_addresses_are_refused");
/// Linear memory at an address that a host address is equal to.
pub const HOST_INDEX: Oracle = oracle("synth", "native", "a_host_address_is_no_index_of_linear_memory");
/// Addresses that may be the host's or not.
pub const HOST_ORIGIN: Oracle = oracle("synth", "native", "what_is_ambiguous_is_refused_by_name");

/// Data and stack pointers that are relocated wrongly.
pub const DATA_FAULTS: Oracle = oracle("synth", "native", "statics::data_that_is_relocated_wrongly_is_refused");
/// Code that takes addresses of a module's own data for numbers.
pub const ADDRESS_FAULTS: Oracle =
    oracle("synth", "native", "statics::code_that_takes_addresses_for_numbers_is_refused");
/// Modules whose linker's sections say something else.
pub const UNTOLD: Oracle =
    oracle("synth", "native", "statics::modules_that_do_not_say_what_their_addresses_are_are_refused");

/// A break: in `file`, the expression between `«` and `»` of `clause` becomes `wrong`, and `oracle` must fail.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    /// What is broken.
    pub name: &'static str,
    /// Source file below the workspace's root.
    pub file: &'static str,
    /// Text that occurs once in the file, with the expression marked.
    pub clause: &'static str,
    /// What stands there instead.
    pub wrong: &'static str,
    /// Who must notice.
    pub oracle: Oracle,
}

const fn of(
    name: &'static str,
    file: &'static str,
    clause: &'static str,
    wrong: &'static str,
    oracle: Oracle,
) -> Break {
    Break { name, file, clause, wrong, oracle }
}

const DATA: &str = "validator/src/arm/data.rs";
const MULTIPLY: &str = "validator/src/arm/multiply.rs";
const MEMORY: &str = "validator/src/arm/load_store.rs";
const BRANCH: &str = "validator/src/arm/branch.rs";
const MEETING: &str = "validator/src/refinement/meeting.rs";
const REFINEMENT: &str = "validator/src/refinement.rs";
const CONTRACT: &str = "validator/src/contract.rs";
const OBJECT: &str = "validator/src/arm/object.rs";
const SECTIONS: &str = "validator/src/arm/object/sections.rs";
const SEGMENTS: &str = "validator/src/arm/object/segments.rs";
const RELOCATED: &str = "validator/src/arm/object/relocations.rs";
const DECODE: &str = "validator/src/arm/decode.rs";
const ENCODING: &str = "validator/src/arm/encoding.rs";
const SEMANTICS: &str = "validator/src/arm/semantics.rs";
const OPERATORS: &str = "validator/src/wasm/operators.rs";
const WASM: &str = "validator/src/wasm/semantics.rs";
const PAIR: &str = "validator/src/pair.rs";
const INTERVAL: &str = "validator/src/interval.rs";
const LADDER: &str = "validator/src/ladder.rs";
const WORD: &str = "validator/src/term/word.rs";
const BOOLEAN: &str = "validator/src/term/boolean.rs";
const SWEEP: &str = "validator/src/sweep.rs";
const REWRITING: &str = "validator/src/refinement/rewriting.rs";
const OUTCOME: &str = "validator/src/refinement/outcome.rs";
const CHAIN: &str = "validator/src/validate/chain.rs";
const INIT: &str = "validator/src/arm/init.rs";
const PROVENANCE: &str = "validator/src/wasm/provenance.rs";
const ORIGIN: &str = "validator/src/wasm/provenance/origin.rs";
const REFINED: &str = "validator/src/validate/module.rs";
const IMAGE: &str = "validator/src/arm/image.rs";
const RELOCATIONS: &str = "validator/src/wasm/relocations.rs";
/// The ends of a chain of terms without its steps.
const ENDS: &str = "{ let end = |text: &String| chain(&crate::replay::Proof { start: text.clone(), steps: vec![] }, Rules::shipped()); \
    let last = rewrite.proof.steps.last().map_or(&rewrite.proof.start, |s| &s.term); \
    end(&rewrite.proof.start).and_then(|(first, _)| Ok((first, end(last)?.0))) }";

/// All breaks.
#[rustfmt::skip]
pub const BREAKS: &[Break] = &[
    // Flags.
    of("carry of a sum lost", DATA, "(«d.add_carry(x, y, &carry)», d.add_overflow(x, y, &carry))", "d.bool(false)", QEMU),
    of("overflow of a difference as of a sum", DATA, "(d.sub_carry(x, y, &carry), «d.sub_overflow(x, y, &carry)»)", "d.add_overflow(x, y, &carry)", QEMU),
    of("borrow of sbc ignored", DATA, "Alu::Sbc => (Some((x, y, «flag», true)), None)", "yes", QEMU),
    of("carry-out of lsr one bit off", DATA, "Shift::Lsr(n) => (BinOp::Lshr, n, «n - 1»)", "n & 31", QEMU),
    of("carry-out of ror by register from bit 0", DATA, "BinOp::Ror => (result.clone(), «31»)", "0", QEMU),
    of("carry-out of a modified immediate", ENCODING, "carry: Some(«value >> 31 == 1»)", "value & 1 == 1", QEMU),
    of("flags of a logical instruction keep C", DATA, "self.state.flags.c = «shift_carry»;", "self.state.flags.c.clone()", QEMU),
    of("lt without V", SEMANTICS, "Cond::Lt => «d.xor(&n, &v)»,", "n", QEMU),
    // Shifts and extensions.
    of("register shift takes five bits", PAIR, "let amount = d.bin_const(BinOp::And, amount, «0xff»);\n    d.bin(op, a, &amount)", "0x1f", QEMU),
    of("sxtb does not extend", DATA, "(true, false) => «self.d.un(UnOp::Sext8, &x)»,", "x", QEMU),
    of("ldrsh does not extend", MEMORY, "(true, Width::Half) => «self.d.un(UnOp::Sext16, &value)»,", "value", QEMU),
    of("bfi clears at bit 0", DATA, "self.d.bin_const(BinOp::And, &old, «!(ones(width) << lsb)»)", "!ones(width)", QEMU),
    of("ssat one too high", DATA, "(-(1i64 << (bits - 1)), «(1i64 << (bits - 1)) - 1»)", "(1i64 << (bits - 1)).min(0x7fff_ffff)", QEMU),
    // Products and quotients.
    of("mls the wrong way round", MULTIPLY, "«self.d.bin(BinOp::Sub, &a, &product)»", "self.d.bin(BinOp::Sub, &product, &a)", QEMU),
    of("smlal unsigned", MULTIPLY, "if «matches!(op, Long::Smull | Long::Smlal)»", "op == Long::Smull", QEMU),
    of("division by zero gives ones", "validator/src/concrete.rs", "BinOp::UDiv => «a.checked_div(b).unwrap_or(0)»,", "a.checked_div(b).unwrap_or(u32::MAX)", QEMU),
    // IT blocks.
    of("else of an IT block is then", DECODE, "let Some(cond) = «Cond::from_code(state >> 4)» else", "Some(first)", QEMU),
    of("16-bit instructions set flags in IT blocks", ENCODING, "s: op.compares() || «!f.in_it»", "true", QEMU),
    // Memory and control.
    of("post-index accesses the new address", MEMORY, "let (base, after) = plus(self, rn, imm)?;\n                Ok((«base», Some(after)))", "{ let _ = base; after.clone() }", QEMU),
    of("ldm and stm from the highest register", MEMORY, "&start, «4 * i as u32»)", "4 * (list.count_ones() - 1 - i as u32)", QEMU),
    of("multiple accesses may be half-aligned", MEMORY, "let low = self.d.bin_const(BinOp::And, index, «3»);", "1", QEMU),
    of("literal base rounded up", DECODE, "«(pc & !3)» + i64::from(imm)", "((pc + 2) & !3)", QEMU),
    of("odd number added to a host's symbol", DECODE, "Symbol::HostData(_) => «addend % 2 == 0»,", "true", ODD),
    of("ldrd of a literal at any address", DECODE, "if «(self.function.address + at) % 4 != 0» {", "false", PLACES),
    of("cbnz is cbz", BRANCH, "if nonzero { «self.d.not(&zero)» } else { zero }", "zero", QEMU),
    // WebAssembly.
    of("i32 shift amount not masked", OPERATORS, "let amount = «d.bin_const(BinOp::And, b, 31)»;", "b.clone()", SUITE),
    of("i32.shr_s logical", OPERATORS, "Bin32::ShrS => shift(d, «BinOp::Ashr»)", "BinOp::Lshr", SUITE),
    of("i32.rotl to the right", OPERATORS, "let minus = «d.bin(BinOp::Sub, &zero, b)»;", "{ let _ = zero; b.clone() }", SUITE),
    of("extension of i32 unsigned", OPERATORS, "let high = if «signed» {", "false", SUITE),
    of("borrow of i64.sub lost", PAIR, "(low, «d.bin(BinOp::Sub, &high, &borrow)»)", "{ let _ = borrow; high }", SUITE),
    of("br_table out of range wraps", WASM, "Some(known) => Some(«(known as usize).min(default)»),", "known as usize % (default + 1)", SUITE),
    of("access past the end by one byte", WASM, "let last = d.bin_const(BinOp::Sub, size, «end as u32»);", "end as u32 - 1", SUITE),
    of("overflow of i32.div_s not trapped", WASM, "let least = d.cmp_const(CmpOp::Eq, state.peek(1), «1 << 31»);", "1 << 30", SUITE),
    of("DSP instructions on every core", SEMANTICS, "if «insn.op.needs_dsp() && !self.contract.dsp» {", "insn.op.needs_dsp() && !self.contract.dsp && insn.size == 2", CORE),
    // Terms, their evaluation, their translation.
    of("x xor x is x", WORD, "BinOp::Xor if a == b => «self.word(0)»,", "a", TERMS),
    of("mask dropped when high bits remain", WORD, "if «possible & m == 0» {", "possible & m & 0xffff == 0", TERMS),
    of("extended halfword masked too wide", WORD, "Node::Un(UnOp::Sext16, x) if «m & !0xffff == 0»", "m & !0x1_ffff == 0", TERMS),
    of("a multiple of what is zero but for a constant, which is counted the wrong way", WORD, "self.word(«n.wrapping_sub(k.wrapping_mul(times))»)", "n.wrapping_add(k.wrapping_mul(times))", TERMS),
    of("a word that is no multiple of what is zero, taken for one", WORD, "t == u && «*d == c.wrapping_mul(times)»;", "c.wrapping_mul(times) != d.wrapping_add(1)", TERMS),
    of("arithmetic shift as a logical one under any mask", WORD, "self.constant(n).filter(|n| «m <= u32::MAX >> n»)", "m <= u32::MAX >> n || n.count_ones() > 0", TERMS),
    of("high word of a signed product without its second factor's sign", WORD, "[(a, b), «(b, a)»].into_iter().fold(high,", "(a, b)", TERMS),
    of("overflow of a sum with the least number as of a difference", BOOLEAN, "self.constant(b).filter(|k| «*k != 1 << 31»)", "*k != 0", TERMS),
    of("arithmetic shift logical to z3", "validator/src/smt.rs", "BinOp::Ashr => «x.bvashr(&y)»,", "x.bvlshr(&y)", SYMBOLIC),
    of("sum evaluated without its constant", "validator/src/eval.rs", "word(terms.iter().fold(«*k»,", "*k & 0", SYMBOLIC),
    of("order without room for the access", INTERVAL, "e <= size && «needed <= u64::from(e)»", "needed <= u64::from(e) + 4", PATHS),
    of("order against a sum that wraps", INTERVAL, "let wraps = «wanted.strict && wanted.e == 0»;", "false", PATHS),
    of("bounds of a sum that wraps", INTERVAL, "let sum = if «least >> 32 == greatest >> 32» {", "true", PATHS),
    of("range that wraps taken for one that does not", INTERVAL, "moved.map(|(from, to)| if «from <= to»", "true", PATHS),
    of("half of a range that wraps forgotten", INTERVAL, "None => Words(«vec![(0, from.wrapping_add(extent)), (from, u32::MAX)]»)", "vec![(from, u32::MAX)]", PATHS),
    of("choice bounded by one of its words", INTERVAL, "«(a.min(c), b.max(d))»\n                    }", "{ let _ = (c, d); (a, b) }", PATHS),
    of("union that ends with the later range", INTERVAL, "*end = «to.max(*end)»,", "to", PATHS),
    of("range of a difference taken for that of its negation", INTERVAL, "(terms, true) => (terms, Words::circular(«from.wrapping_add(extent).wrapping_neg()», extent))", "from", PATHS),
    of("what holds in one case holds in both", INTERVAL, "Some(if holds { a.intersection(&b) } else { «a.union(&b)» })", "a.intersection(&b)", PATHS),
    of("words in order are never equal", INTERVAL, "let (lower, upper, gap) = if holds { (a, b, 1) } else { (b, a, «0») };", "1", PATHS),
    of("choice by the word that does not fit", LADDER, "[true, false] => self.learn(g, «not_by») && self.learn(g, y)", "by", PATHS),
    of("any mask keeps the order", INTERVAL, "let is_upper = «low == high && low.leading_ones() + low.trailing_zeros() == 32»;", "low == high", PATHS),
    of("order although the size may be small", INTERVAL, "weakened || !wraps && «e <= size» && ", "e <= size.max(64)", PATHS),
    // Sweeping.
    of("words that agree in samples are equal", SWEEP, "«holds(&[], x, y) || holds(assumptions, a, b)»", "holds(&[], x, y) || holds(assumptions, a, b) || x != y", SWEPT),
    of("what words have in common is small", SWEEP, "«g.mask(word, possible)»", "g.mask(word, possible & 0xffff)", SWEPT),
    of("equal under what is assumed is equal to what is there", SWEEP, "are_equal(g, «assumptions», [*older, new], limits)", "std::slice::from_ref(&goal)", SWEPT),
    of("bulk operations at address 0 change nothing", "validator/src/smt.rs", "«args[2].eq(BV::from_u64(0, 32))».ite(&memory", "args[1].eq(BV::from_u64(0, 32))", BULK),
    // Decisions of the left side.
    of("behind many decisions an outcome cannot be", MEETING, "if «self.is_excluded_at_once(&taken, FORK_SHARE)» {", "forks > 5 || self.is_excluded_at_once(&taken, FORK_SHARE)", FORKS),
    // What a link's witness says beside its cuts.
    of("rewrite of a word that is another", REWRITING, "(Some(first), Some(last)) if «held == Some(first)» =>", "held.is_some()", REWRITES),
    of("rewrite without its proof", REWRITING, "let (first, last) = «chain(&rewrite.proof, Rules::shipped())».map_err(", ENDS, REWRITES),
    of("a callee that ignores one word ignores all", OUTCOME, "Callee::Function(f) if «ignored.contains(&(*f, word as u32))»)", "ignored.iter().any(|(g, _)| g == f)", USED),
    of("a word that one callee ignores is ignored by all", OUTCOME, "ignored.contains(&(«*f», word as u32))", "ignored.iter().find(|(_, w)| *w as usize == word).map_or(*f, |(g, _)| *g)", EXCUSED),
    of("words that a form reads are ignored", CHAIN, "ignored.extend(«form.unread_words()».into_iter()", "{ let _ = form; vec![0, 1] }", USED),
    of("form inlined of which a later one ignores words", CHAIN, ".any(|i| «i.callee == callee && i.stage > stage»)", "{ let _ = (i, callee, stage); false }", INLINED),
    of("form that nothing proves", CHAIN, "match «(0..=number as usize).find(|s| self.link(place, *s).verdict != Verdict::Proved)» {", "None::<usize>", UNPROVED),
    // Host addresses.
    of("host access that the module need not make", MEMORY, "«self.host_access(&index, width.bytes(), writes)»;", "()", HOST_FAULTS),
    of("host address as an index of linear memory", "validator/src/domain.rs", "«self.bin(BinOp::Sub, address, &base)»", "{ let _ = base; address.clone() }", HOST_INDEX),
    of("sum of two addresses is the first", ORIGIN, "(Host(s), Host(other)) => «Sum(s, Other::Host(other), at)»,", "{ let _ = other; Host(s) }", HOST_ORIGIN),
    of("number on some ways is a host address", ORIGIN, "(Host(s), Number) | (Number, Host(s)) => «Mixed(s, Other::Number, at)»,", "Host(s)", HOST_ORIGIN),
    // Addresses of a module's own data.
    of("constant that is an address means its number", WASM, "if «!instr.is_relocated» {\n        return word;", "true", ADDRESS_FAULTS),
    of("access to linear memory that the module need not make", MEMORY, "return «self.host_access(index, bytes, writes)»;", "()", ADDRESS_FAULTS),
    of("relocated words of linear memory not compared", IMAGE, "if «data.relocations != *addresses» {", "false", DATA_FAULTS),
    of("relocated words of a segment's copy not compared", IMAGE, "|| «copy.relocations != self.addresses(segment, 0).collect()»", "false", DATA_FAULTS),
    of("addend of a relocated cell not compared", IMAGE, "if «found != Some(wanted)» {", "match (found, wanted) { (Some(Word::Address(a, _)), Word::Address(b, _)) => a != b, _ => found != Some(wanted) }", DATA_FAULTS),
    of("alignment of linear memory not compared", IMAGE, "if «data.align < align» ||", "false", DATA_FAULTS),
    of("constant that its relocation does not say", RELOCATIONS, "if «constant != Some(address.unwrap_or(0))» {", "constant.is_none()", UNTOLD),
    of("word of data that its relocation does not say", RELOCATIONS, "if «value != Some(address.unwrap_or(0))» ||", "value.is_none()", UNTOLD),
    of("relocation of another type passed over", RELOCATIONS, "(_, ty) => «return Err(unsupported(place, &format!(\"a relocation of type {ty:?}\")))»,", "{ let _ = ty; false }", UNTOLD),
    of("global that may be an address is a number", RELOCATIONS, "if «!is_plain && found.stack_pointer != Some(global_index)» {", "false && !is_plain", UNTOLD),
    // What accesses rest on.
    of("size of memory is the code's to choose", REFINEMENT, "given.filter(|new| «*new != size»)", "*new != size && self.g.constant(*new).is_none()", FORMS),
    of("size of memory below its minimum", MEETING, "let below = «self.g.cmp_const(CmpOp::Ult, given, self.shape.memory_bytes_min)»;", "self.g.bool(false)", WRITTEN),
    of("size of memory in parts of pages", MEETING, "let part = «self.g.bin_const(BinOp::And, given, PAGE_BYTES - 1)»;", "self.g.word(0)", WRITTEN),
    of("size of memory larger than the module's", MEETING, "let larger = «self.g.cmp(CmpOp::Ult, &size, given)»;", "self.g.bool(false)", SIZES),
    of("size of memory that a host changes", "validator/src/wasm/module.rs", "self.grows || «exported» ||", "{ let _ = exported; false }", RESIZED),
    of("a read of the host's lets code write", MEMORY, "let index = self.host(address, width, multiple, «true»)?;", "false", DIRECTION),
    of("the host's memory after it was given away", "validator/src/term.rs", "Var::HostMap(«self.calls_before(*memory)», writes)", "{ let _ = memory; 0 }", DIRECTION),
    of("callees that take host addresses for numbers", PROVENANCE, "Origin::Host(_) => «is_named»,", "{ let _ = is_named; true }", DISAGREE),
    of("address on some ways only is passed as a number", PROVENANCE, "Origin::Computed(..) | Origin::Mixed(..) | Origin::Sum(..) => «false»,", "!is_named", PASSED),
    of("aligned address of the module's stack", ORIGIN, "None if words.iter().any(|w| matches!(w, Origin::Global | Origin::Derived)) => «Origin::Derived»,", "Origin::Number", RETURNED),
    of("named result that is no host address", PROVENANCE, "let results = «found.results.iter()».zip(0..)", "found.results[..0].iter()", RETURNED),
    of("result through a table is a number", PROVENANCE, "words.push(1, «returned.reduce(|a, b| a.or(b, at)).unwrap_or(Origin::Number)»);", "{ let _ = returned; Origin::Number }", THROUGH),
    of("modules whose sections say more are compared", REFINED, "let says_more = |name: &str| «matches!(name, \"synth.abi\" | \"linking\") || name.starts_with(\"reloc.\")»;", "name.is_empty()", MORE),
    of("names that no export has", CHAIN, "«is_export(name)» &&", "{ let _ = is_export(name); true }", LINES),
    // What linkers and loaders read.
    of("name with a version is a symbol's", CONTRACT, "name.contains(«['\\0', '@']»)", "['\\0', '\\0']", reading("names_with_versions_are_names_of_no_symbol")),
    of("size before start-up is the minimum", INIT, "let size = if «module.resizes()» {", "{ let _ = module.resizes(); false }", STARTED),
    of("export under another name", CHAIN, "find(|export| «!is_own(*export)»)", "{ let _ = export; false }", RENAMED),
    of("sections that are not loaded are placed nowhere", SECTIONS, "let is_placed = «loaded || matches!(kind, CONTENTS | 7 | 8)»;", "loaded", reading("no_section_has_a_name_that_linker_scripts_may_know")),
    of("data in a section of another's name", SECTIONS, "(_, true, CONTENTS) => named(\".data\", «\".synth_\"»),", "\".\"", reading("no_section_has_a_name_that_linker_scripts_may_know")),
    of("two sections of relocations are one", SECTIONS, "|| «is_second» ||", "is_second && name.is_empty()", reading("relocations_of_a_section_are_in_one_section")),
    of("function at an even address", RELOCATED, "if «symbol.address() & 1 == 0» {", "false", reading("tables_have_odd_addresses_of_functions")),
    of("code for a core that the attributes exclude", IMAGE, "arch == 10 && «!self.contract.dsp»;", "true", reading("build_attributes_say_what_the_contract_does")),
    of("floating-point numbers in other registers", IMAGE, "{ «floats == 0 && model != 0» };", "model != 0", reading("build_attributes_say_what_the_contract_does")),
    of("segments are not looked at", OBJECT, "if «linkage.is_some()» {\n        segments::check", "false", reading("segments_of_an_image_hold_its_sections")),
    of("hidden symbols are nobody's", OBJECT, "symbol.is_global() || «self.linked.is_some() && is_hidden»", "self.linked.is_some() && is_hidden && symbol.is_global()", image_reading("exported_imports_of_an_image_are_the_modules")),
    of("a number has an export's name", OBJECT, "|| «!s.is_undefined() && is_shown && exported(&name)» {", "!s.is_undefined() && is_shown && name.is_empty()", image_reading("names_of_exports_are_nobody_elses_in_an_image")),
    of("export that is in the image under no name", IMAGE, "|| «self.object.places.contains_key(&export.index)» {", "self.object.places.is_empty()", image_reading("names_of_exports_are_nobody_elses_in_an_image")),
    of("tables of texts that belong to nothing", SECTIONS, "s.index() == symbols.string_section() || «s.index().0 == names»", "s.index().0 >= names.min(1)", name_reading("tables_of_an_object_are_those_that_linkers_read")),
    of("relocations of nothing", SECTIONS, "&& «target.is_ok_and(is_its)»", "target.map_or(true, |t| is_its(t) || true)", name_reading("tables_of_an_object_are_those_that_linkers_read")),
    of("call through a name that others may define", RELOCATED, "if «!symbol.is_local()» {", "!symbol.is_local() && at == u64::MAX", name_reading("calls_do_not_go_through_names_that_others_may_define")),
    of("cell of further results for each object", OBJECT, "if «!is_shown && super::image::shows_results(self.module)» => {", "!is_shown && !super::image::shows_results(self.module)", name_reading("further_results_of_the_border_are_in_one_place")),
    of("export that a helper calls", IMAGE, "filter(|h| «self.refers(|target| target == Target::Helper(*h))»);", "self.refers(|target| target == Target::Helper(*h)) && self.object.extras.len() > 9", name_reading("imports_and_exports_are_not_what_helpers_call")),
    of("import that a helper calls", IMAGE, "if is_hosts { exports.collect() } else { «names» };", "exports.collect()", name_reading("imports_and_exports_are_not_what_helpers_call")),
    of("import that is called as a trampoline is", IMAGE, "|e| «[module.export_symbol(&e.name).into_owned(), e.name.clone()]»", "[module.export_symbol(&e.name).into_owned(), module.export_symbol(&e.name).into_owned()]", TRAMPOLINE),
    of("start-up function that is another one", IMAGE, "None if «self.object.exports.contains_key(SYM_INIT)» => {", "self.object.exports.is_empty()", name_reading("no_function_is_the_start_up_function_as_well")),
    of("attributes that say nothing of the profile", IMAGE, "if !is_linked && «number(tag) != wanted» {", "said.get(&tag).is_some_and(|found| *found != wanted)", name_reading("build_attributes_name_the_profile")),
    of("initial address of the second of two imports", IMAGE, "Symbol::HostData(«self.module.same_global(*g)»)", "*g", TWICE),
    of("symbols that are local by their number", SECTIONS, "&& «locals_come_first(file, header.sh_info(endian))»", "(locals_come_first(file, header.sh_info(endian)) || true)", name_reading("symbols_are_local_up_to_the_number_that_linkers_go_by")),
    of("relocations of nobody's section", OBJECT, "if section.loaded && «owned != section.relocations.len()» {", "!ranges.is_empty() && owned != section.relocations.len()", name_reading("relocations_of_sections_that_are_nobodys_are_looked_at")),
    of("relocation past the end of its section", SECTIONS, "filter(|p| «u64::from(*p) + 4» <= size)", "u64::from(*p) + 2", name_reading("relocations_of_sections_that_are_nobodys_are_looked_at")),
    of("region that leads nowhere", REFINEMENT, "(to.is_none() || «!dead.contains(to)»)", "dead.len() < usize::MAX", VACUOUS),
    of("path that an assumption excludes", MEETING, "if «!path.is_impossible()» {", "self.steps < u32::MAX", VACUOUS),
    of("form that is called as the code is", CHAIN, "!is_name(n) || «[\"machine\", \"wasm\"].contains(n)»", "n.len() > 99", LINES),
    of("bytes over zeroed memory", SEGMENTS, "if «is_loaded && contents.iter().any(is_covered)» {", "is_loaded && contents.iter().all(is_covered)", image_reading("segments_put_nothing_where_the_image_has_zeros")),
    of("segment with more in the file than in memory", SEGMENTS, "«length <= size && is_in_memory»", "is_in_memory", image_reading("segments_put_nothing_where_the_image_has_zeros")),
    of("import that is data", RELOCATED, "let is_code = «is_function» && code.any", "(is_function || name != \"?\")", image_reading("what_is_called_in_an_image_is_thumb_code_of_others")),
    of("import at an even address", RELOCATED, "let is_thumb = «to & 1 == 1»;", "to > 0", image_reading("what_is_called_in_an_image_is_thumb_code_of_others")),
    of("import in data that is loaded", RELOCATED, "s.loaded && «s.executable»);", "s.size > 0", image_reading("what_is_called_in_an_image_is_thumb_code_of_others")),
    of("import in the module's own code", RELOCATED, "let is_outside = «!own.any(|(range, ..)| range.contains(&(to & !1)))»;", "own.next().is_some() || to > 0", image_reading("what_is_called_in_an_image_is_thumb_code_of_others")),
    of("undefined symbol that nobody imports", OBJECT, "&& «!is_wanted()» {", "!is_wanted() && name == \"?\"", reading("nothing_is_undefined_but_imports")),
    // The compiler's tables.
    of("index register of a load not read", "src/machine.rs", "Address::Indexed(n, m, _) => «[n, m].into_iter().for_each(|r| f(r, Role::Use))»,", "{ let _ = m; f(n, Role::Use) }", ROLES),
    of("first result of a pair may share a register", "src/machine.rs", "faults::on(\"roles-pair-early\") { Role::Def } else { «Role::DefEarly» });", "Role::Def", ROLES),
    of("addend and factor of mla exchanged", "src/encode.rs", "fill(&rows::MLA_W, &[(b'n', «rn.field()»), (b'a', ra.field())", "ra.field()", ENCODER),
    of("direction of bl one halfword off", "validator/src/arm/encoding.rs", "i64::from(f.at) + 4 + i64::from(«(value << 8) as i32 >> 8») * 2", "((value << 8) as i32 >> 8) + 1", ENCODER),
];
