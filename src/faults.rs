//! Faults: wrong things that somebody could have written into the compiler, switched on one at a time to examine the validator.
//!
//! Only builds with the feature `faults` have them, and no release build has that feature; in all others [`on`] is false before
//! code is made. A fault acts where its name stands, in the file that its row names. `synth faults` runs them over the corpus.
//!
//! Requirement TOR-ENV-NOFAULTS: A build without the feature `faults` shall have no switch that makes the compiler wrong.
//!
//! Requirement TOR-SENSE-FAULTS: Objects that a faulty compiler makes shall not be proved where they do something else than the module.

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` makes a compiler that can be told to be wrong: it is not for release builds");

use std::fmt;

/// The part of the compiler that a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the parts are those of the architecture's table")]
pub enum Stage {
    Decode,
    Build,
    Legalize,
    Simplify,
    Pass,
    Writer,
    Select,
    Allocate,
    Emit,
    Encode,
    Layout,
    Frame,
    Relocation,
    Image,
    Abi,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part that it is in.
    pub stage: Stage,
    /// Its name, which begins with that of its place.
    pub name: &'static str,
    /// Where it acts.
    pub file: &'static str,
    /// What is done wrong.
    pub what: &'static str,
}

const fn fault(stage: Stage, name: &'static str, file: &'static str, what: &'static str) -> Fault {
    Fault { stage, name, file, what }
}

/// All faults, in the order in which a module comes by them.
#[rustfmt::skip]
pub const ALL: &[Fault] = &[
    fault(Stage::Decode, "decode-type-identity", "src/decode.rs", "types that are equal count as different"),
    fault(Stage::Decode, "decode-data-shifted", "src/decode.rs", "a data segment begins and ends a byte early"),
    fault(Stage::Decode, "decode-growth", "src/module.rs", "memory.grow is overlooked: the size of memory counts as constant"),
    fault(Stage::Decode, "decode-global-words", "src/decode.rs", "a global of 64 bits gets one word"),
    fault(Stage::Decode, "decode-null-elements", "src/decode.rs", "null entries of an element segment take no place"),
    fault(Stage::Build, "build-shift-unmasked", "src/build/numeric.rs", "the amount of a shift is not taken modulo 32"),
    fault(Stage::Build, "build-division-by-zero", "src/build/numeric.rs", "division by zero does not trap"),
    fault(Stage::Build, "build-division-overflow", "src/build/numeric.rs", "the quotient that overflows does not trap"),
    fault(Stage::Build, "build-remainder-overflow", "src/build/numeric.rs", "a remainder traps where the quotient overflows"),
    fault(Stage::Build, "build-load-sign", "src/build/memory.rs", "a narrow signed load of 64 bits has a zero high word"),
    fault(Stage::Build, "build-local-start", "src/build.rs", "a local that was not written is not zero"),
    fault(Stage::Build, "build-select-exchanged", "src/build.rs", "the operands of a select change places"),
    fault(Stage::Build, "build-one-path", "src/build/control.rs", "a local that one path assigns has that value on all"),
    fault(Stage::Build, "build-loop-locals", "src/build/control.rs", "the last local that a loop assigns is that of the first iteration at its header"),
    fault(Stage::Build, "build-table-bound", "src/build/call.rs", "an index one past the end of a table passes"),
    fault(Stage::Build, "build-table-type", "src/build/call.rs", "a call through a table does not compare types"),
    fault(Stage::Build, "build-grow-room", "src/build/bulk.rs", "memory does not grow by all the room that there is"),
    fault(Stage::Build, "build-grow-failed", "src/build/bulk.rs", "memory.grow gives 0 where it fails"),
    fault(Stage::Build, "build-copy-source", "src/build/bulk.rs", "only the destination of a copy is checked"),
    fault(Stage::Build, "build-drop", "src/build/bulk.rs", "a data segment stays where it is dropped"),
    fault(Stage::Build, "build-access-width", "src/build/memory.rs", "only the first byte of an access is checked"),
    fault(Stage::Build, "contract-bounds", "src/pipeline.rs", "accesses are not checked, and the contract says that they need not be"),
    fault(Stage::Legalize, "legalize-select-half", "src/legalize.rs", "the high word of a select is that of its first operand"),
    fault(Stage::Legalize, "legalize-store-offset", "src/legalize.rs", "the high word is stored a halfword behind the low one"),
    fault(Stage::Legalize, "legalize-global-half", "src/legalize.rs", "a global of 64 bits keeps its old high word"),
    fault(Stage::Legalize, "legalize-compare-half", "src/legalize.rs", "equality of pairs looks at the low words only"),
    fault(Stage::Legalize, "legalize-clz", "src/legalize.rs", "leading zeros of a pair with a zero high word lack 32"),
    fault(Stage::Legalize, "legalize-sign", "src/legalize.rs", "the sign does not reach the high word"),
    fault(Stage::Legalize, "legalize-popcnt", "src/legalize.rs", "the ones of the low word are counted twice"),
    fault(Stage::Legalize, "legalize-funnel", "src/legalize/shift.rs", "what a shift fills up with comes a bit too low"),
    fault(Stage::Legalize, "legalize-amount", "src/legalize/shift.rs", "the amount of a 64-bit shift is not taken modulo 64"),
    fault(Stage::Legalize, "legalize-far-sign", "src/legalize/shift.rs", "a signed shift by 32 or more fills the low word with zeros"),
    fault(Stage::Legalize, "legalize-cross-product", "src/legalize/product.rs", "a product of pairs lacks one of the cross products"),
    fault(Stage::Legalize, "legalize-signed-product", "src/legalize/product.rs", "a factor counts as extended from a signed word"),
    fault(Stage::Simplify, "simplify-signed-words", "src/simplify/fold.rs", "pairs with zero high words are compared as signed words"),
    fault(Stage::Simplify, "simplify-shift-wraps", "src/simplify/fold.rs", "a word shifted out as a whole stays as it is"),
    fault(Stage::Simplify, "simplify-negation", "src/simplify/fold.rs", "a negated comparison loses its negation"),
    fault(Stage::Simplify, "simplify-carry", "src/simplify/fold.rs", "a constant low word that is added is left out"),
    fault(Stage::Simplify, "simplify-constant-trap", "src/simplify.rs", "a check that always traps is removed with those that never do"),
    fault(Stage::Simplify, "simplify-equal-loads", "src/simplify.rs", "a load gives what one from the same address gave before, whatever was stored since"),
    fault(Stage::Simplify, "simplify-case", "src/simplify.rs", "a dispatch on a constant takes the next case"),
    fault(Stage::Simplify, "simplify-unused-trap", "src/prune.rs", "bounds checks count as operations whose results nobody uses"),
    fault(Stage::Pass, "carriers-swapped", "src/passes/carriers.rs", "a shift by 32 leaves the low word where it is"),
    fault(Stage::Pass, "carriers-half", "src/passes/carriers.rs", "a mask of the low word clears both"),
    fault(Stage::Pass, "checks-too-wide", "src/passes/checks.rs", "a check with a smaller end counts as one with a greater end"),
    fault(Stage::Pass, "checks-sibling", "src/passes/checks.rs", "a check counts on paths that do not pass it"),
    fault(Stage::Pass, "checks-across-store", "src/passes/checks.rs", "a check is widened over a store"),
    fault(Stage::Pass, "dead_params-used", "src/passes/dead_params.rs", "parameters that the callee uses count as unused"),
    fault(Stage::Pass, "dead_params-import", "src/passes/dead_params.rs", "an import's last parameter counts as unused"),
    fault(Stage::Pass, "dead_params-table", "src/passes/dead_params.rs", "the last argument of a call through a table counts as unused"),
    fault(Stage::Pass, "dead_params-effect", "src/passes/dead_params.rs", "the call that computed an argument goes with it"),
    fault(Stage::Pass, "dead_store-trap", "src/passes/dead_store.rs", "a store above a check that may trap counts as unseen"),
    fault(Stage::Pass, "dead_store-read", "src/passes/dead_store.rs", "a store that a load may see counts as unseen"),
    fault(Stage::Pass, "dead_store-call", "src/passes/dead_store.rs", "a store above a call counts as unseen"),
    fault(Stage::Pass, "dead_store-narrow", "src/passes/dead_store.rs", "a store of a byte counts as one of the whole word"),
    fault(Stage::Pass, "forward-alias", "src/passes/forward.rs", "a store through another base is taken to leave a place alone"),
    fault(Stage::Pass, "forward-overlap", "src/passes/forward.rs", "a store counts as apart from what begins elsewhere"),
    fault(Stage::Pass, "forward-call", "src/passes/forward.rs", "a call is taken to leave memory and globals alone"),
    fault(Stage::Pass, "forward-width", "src/passes/forward.rs", "a narrow load gets the whole word that was stored"),
    fault(Stage::Pass, "forward-one-edge", "src/passes/forward.rs", "what one edge brings is known whichever was taken"),
    fault(Stage::Pass, "forward-loop", "src/passes/forward.rs", "what a loop writes is known in it as before it"),
    fault(Stage::Pass, "gvn-subtraction", "src/passes/gvn.rs", "the operands of a subtraction count as exchangeable"),
    fault(Stage::Pass, "gvn-signed", "src/passes/gvn.rs", "signed and unsigned comparisons count as the same"),
    fault(Stage::Pass, "gvn-loop", "src/passes/gvn.rs", "parameters that begin equal are taken to stay equal"),
    fault(Stage::Pass, "gvn-load", "src/passes/gvn.rs", "a load counts as a function of its address"),
    fault(Stage::Pass, "if_convert-exchanged", "src/passes/if_convert.rs", "a select takes the value of the arm that was not taken"),
    fault(Stage::Pass, "if_convert-half", "src/passes/if_convert.rs", "of several values only the first is selected"),
    fault(Stage::Pass, "if_convert-store", "src/passes/if_convert.rs", "a store is done whether its arm was to be taken or not"),
    fault(Stage::Pass, "if_convert-trap", "src/passes/if_convert.rs", "a check traps whether its arm was to be taken or not"),
    fault(Stage::Pass, "induction-stale-test", "src/passes/induction/counters.rs", "the variable that is tested is that of the iteration that ends"),
    fault(Stage::Pass, "induction-first-step", "src/passes/induction/variables.rs", "the step of one edge back counts as that of all"),
    fault(Stage::Pass, "induction-wrap", "src/passes/induction/counters.rs", "an order of counters counts as that of variables that wrap around elsewhere"),
    fault(Stage::Pass, "induction-last-value", "src/passes/induction.rs", "behind the loop a counter is what it was before its last step"),
    fault(Stage::Pass, "induction-offset", "src/passes/induction/addresses.rs", "an address is taken before its step where it was taken behind it"),
    fault(Stage::Pass, "inline-arguments", "src/passes/inline.rs", "arguments are bound in reverse order"),
    fault(Stage::Pass, "inline-early-return", "src/passes/inline.rs", "a return before the end of the callee returns from the caller"),
    fault(Stage::Pass, "licm-load-above-guard", "src/passes/licm.rs", "a load moves above the check that guards it"),
    fault(Stage::Pass, "licm-variant", "src/passes/licm.rs", "an operation on what the loop changes moves as well"),
    fault(Stage::Pass, "licm-written-global", "src/passes/licm.rs", "a read of a global that the loop writes moves"),
    fault(Stage::Pass, "licm-assignment-above-dispatch", "src/passes/licm.rs", "a store of one target moves above the br_table dispatch"),
    fault(Stage::Pass, "licm-trap-above-guard", "src/passes/licm.rs", "a trapping division's check moves above the branch that guards it"),
    fault(Stage::Pass, "merge-work", "src/passes/merge.rs", "a block that stores is skipped as if it only jumped"),
    fault(Stage::Pass, "merge-order", "src/passes/merge.rs", "the instructions of a joined block come first, if they use none of the others"),
    fault(Stage::Pass, "merge-default", "src/passes/merge.rs", "a dispatch becomes a jump though its default is another edge"),
    fault(Stage::Pass, "ranges-off-by-one", "src/passes/ranges/analysis.rs", "an index that may be the length counts as one below it"),
    fault(Stage::Pass, "ranges-unsigned", "src/passes/ranges/analysis.rs", "a signed comparison bounds an index that may be negative"),
    fault(Stage::Pass, "ranges-other-side", "src/passes/ranges/analysis.rs", "a condition counts where it does not hold"),
    fault(Stage::Pass, "ranges-first-iteration", "src/passes/ranges/analysis.rs", "a parameter of a loop keeps the interval that it enters with"),
    fault(Stage::Pass, "ranges-scaled", "src/passes/ranges/analysis.rs", "a scaled index counts as one that does not wrap"),
    fault(Stage::Pass, "rewrite-broken-twin", "src/passes/rewrite.rs", "a quotient by a power of two becomes a shift by one place too many, as the lemma's broken twin says"),
    fault(Stage::Pass, "rewrite-unknown-lemma", "src/passes/rewrite.rs", "the proof cites a lemma that does not exist"),
    fault(Stage::Pass, "rewrite-dropped-condition", "src/passes/rewrite.rs", "a mask is dropped as if the lemma's condition held"),
    fault(Stage::Pass, "rewrite-other-value", "src/passes/rewrite.rs", "the proof is about another value"),
    fault(Stage::Pass, "rotate-stale-test", "src/passes/rotate.rs", "the test at the bottom sees the words of the iteration that ends"),
    fault(Stage::Pass, "rotate-no-guard", "src/passes/rotate.rs", "the first iteration is made without a test"),
    fault(Stage::Pass, "rotate-exit-value", "src/passes/rotate.rs", "behind the loop a word is that of the last iteration's start"),
    fault(Stage::Pass, "sccp-join", "src/passes/sccp/solve.rs", "a parameter is taken for the constant of its first edge"),
    fault(Stage::Pass, "sccp-edge", "src/passes/sccp/beliefs.rs", "what a comparison says holds on its other edge as well"),
    fault(Stage::Pass, "sccp-trap", "src/passes/sccp.rs", "a trap that is always taken is taken away"),
    fault(Stage::Pass, "ends-any", "src/passes/ends.rs", "a check of an index that is not known counts as one that fails"),
    fault(Stage::Pass, "sccp-default", "src/passes/sccp/beliefs.rs", "on the default edge of a dispatch the index is the number of its cases"),
    fault(Stage::Writer, "wasm-writer-store-operands", "src/wasm_writer/select.rs", "address and value of a store change places"),
    fault(Stage::Writer, "wasm-writer-branch-arms", "src/wasm_writer/select.rs", "the arms of a branch change places"),
    fault(Stage::Select, "select-bounds-end", "src/select/memory.rs", "an access may end one byte past linear memory"),
    fault(Stage::Select, "select-bounds-signed", "src/select/memory.rs", "an index is compared with its bound as a signed word"),
    fault(Stage::Select, "select-bounds-size", "src/select/memory.rs", "the end of an access is subtracted from a size that may be less"),
    fault(Stage::Select, "select-size-stale", "src/select/memory.rs", "after memory.grow checks use the old size"),
    fault(Stage::Select, "select-cache-across-call", "src/select.rs", "the size of memory is kept over a call that may grow it"),
    fault(Stage::Select, "select-load-sign", "src/select/memory.rs", "a signed byte is loaded without its sign"),
    fault(Stage::Select, "select-store-width", "src/select/memory.rs", "a byte is stored as a halfword"),
    fault(Stage::Select, "select-table-entry", "src/select.rs", "entries of a table count as words"),
    fault(Stage::Select, "select-product-sign", "src/select/product.rs", "a long product has the other sign"),
    fault(Stage::Select, "select-accumulate-half", "src/select/product.rs", "a long product is added to the low word twice"),
    fault(Stage::Select, "select-saturate-sign", "src/select/saturate.rs", "choices by unsigned comparisons become a signed saturation"),
    fault(Stage::Select, "select-saturate-bits", "src/select/saturate.rs", "a signed saturation is a bit too narrow"),
    fault(Stage::Select, "select-choice-negated", "src/select/choose.rs", "a choice whose operands changed places keeps its condition"),
    fault(Stage::Select, "select-choices-order", "src/select/uses.rs", "choices are made together with one that comes after a use of them"),
    fault(Stage::Select, "select-remainder", "src/select/call.rs", "a remainder of pairs is the quotient"),
    fault(Stage::Select, "select-helper-sign", "src/select/call.rs", "unsigned division of pairs calls the signed helper"),
    fault(Stage::Select, "select-fill-order", "src/select/call.rs", "memory.fill passes length and value as memset wants them"),
    fault(Stage::Select, "select-copy-helper", "src/select/call.rs", "a copy that may overlap calls memcpy"),
    fault(Stage::Select, "select-edges-shared", "src/select/control.rs", "cases that pass the same values share an edge, whatever block they lead to"),
    fault(Stage::Select, "select-rule-condition", "src/select/tiles.rs", "a rule is used where its condition does not hold"),
    fault(Stage::Select, "select-compare-exchanged", "src/select/tiles.rs", "operands of a comparison stay where they should change places"),
    fault(Stage::Select, "select-truth-shift", "src/select/truth.rs", "whether a word is zero is told from one leading zero too few"),
    fault(Stage::Allocate, "roles-pair-early", "src/machine.rs", "the low word of a sum may take the register of a high operand"),
    fault(Stage::Allocate, "roles-choice-late", "src/machine.rs", "a choice may take the register that a later one still reads"),
    fault(Stage::Allocate, "roles-select-tied", "src/machine.rs", "a select may lie elsewhere than the value that stays"),
    fault(Stage::Allocate, "roles-accumulator", "src/machine.rs", "a product is added to whatever its low register held"),
    fault(Stage::Allocate, "allocate-call-clobbers", "src/regalloc/coloring.rs", "r3 counts as preserved over calls"),
    fault(Stage::Allocate, "allocate-copy-cycle", "src/regalloc/copies.rs", "parallel copies are made one after the other"),
    fault(Stage::Allocate, "allocate-slot-shared", "src/regalloc/coloring.rs", "all spilled values share one slot"),
    fault(Stage::Allocate, "allocate-store-lost", "src/regalloc/coloring.rs", "a spilled value that an instruction changes is not stored again"),
    fault(Stage::Allocate, "allocate-early", "src/regalloc/coloring.rs", "what is written early may share a register with operands"),
    fault(Stage::Allocate, "allocate-copy-shares", "src/regalloc/coloring.rs", "a copy's target may lie where a word lives that is wanted behind it"),
    fault(Stage::Allocate, "allocate-split-clobbers", "src/regalloc/backtracking.rs", "where registers run out calls change no register"),
    fault(Stage::Allocate, "allocate-split-early", "src/regalloc/backtracking.rs", "where registers run out, what is written early may share a register with operands"),
    fault(Stage::Allocate, "known-over-call", "src/regalloc/known.rs", "a call counts as leaving r0 to r3 as they were"),
    fault(Stage::Allocate, "known-slot-stale", "src/regalloc/known.rs", "a store to a spill slot is not noticed"),
    fault(Stage::Allocate, "known-other-edge", "src/regalloc/known.rs", "what a comparison has found equal counts as equal on its other edge"),
    fault(Stage::Emit, "emit-flags-kept", "src/emit.rs", "flags count as a result's after instructions that change them"),
    fault(Stage::Emit, "emit-trap-kind", "src/emit.rs", "all traps are of one kind"),
    fault(Stage::Emit, "emit-switch-bound", "src/emit/expand.rs", "an index that is the number of cases is looked up in the table"),
    fault(Stage::Emit, "emit-last-choice", "src/emit/choose.rs", "the last instruction of an IT block stands under the wrong condition"),
    fault(Stage::Emit, "emit-latch-live", "src/emit/latch.rs", "moves of one edge are made before the branch, whatever the other edge leads to"),
    fault(Stage::Emit, "emit-flags-killed", "src/emit/expand.rs", "another comparison stands between a comparison and its use"),
    fault(Stage::Emit, "emit-early-return", "src/emit/expand.rs", "an early return restores no register"),
    fault(Stage::Emit, "emit-incoming", "src/emit/expand.rs", "arguments on the stack are looked for below the saved registers"),
    fault(Stage::Emit, "emit-last-pop", "src/emit.rs", "r7 gets what r5 was"),
    fault(Stage::Emit, "emit-far-slot-scratch", "src/emit.rs", "the address of a far spill slot is made in the register of moves"),
    fault(Stage::Encode, "encode-commutes", "src/encode.rs", "operations whose operands count change them"),
    fault(Stage::Encode, "encode-modified-imm", "src/encode/operand.rs", "an immediate of nine bits loses one"),
    fault(Stage::Encode, "encode-load-sign", "src/encode/memory.rs", "a wide signed load of a halfword extends zeros"),
    fault(Stage::Encode, "encode-offset-scale", "src/encode/memory.rs", "an offset that is no multiple of the size loses its low bits"),
    fault(Stage::Encode, "encode-index-shift", "src/encode/memory.rs", "the shift of an index is left out"),
    fault(Stage::Encode, "encode-compare-order", "src/encode.rs", "operands of a comparison of low registers change places"),
    fault(Stage::Encode, "encode-extension", "src/encode.rs", "a byte is extended by zeros for its sign"),
    fault(Stage::Encode, "encode-trap-number", "src/encode/branch.rs", "traps have the number of the next kind"),
    fault(Stage::Encode, "encode-frame-size", "src/encode/memory.rs", "a large frame is as large as seven bits say"),
    fault(Stage::Encode, "encode-subtract", "src/encode.rs", "a constant of twelve bits is added where it should be subtracted"),
    fault(Stage::Layout, "layout-near-zero-branch", "src/encode/operand.rs", "cbz goes to a target out of its reach, modulo 128"),
    fault(Stage::Layout, "layout-near-branch", "src/encode/operand.rs", "a short conditional branch goes to a target out of its reach"),
    fault(Stage::Layout, "layout-literal-base", "src/branch_relax.rs", "the address from which a literal is loaded is not rounded down"),
    fault(Stage::Layout, "layout-pool-alignment", "src/branch_relax.rs", "literals stand at an odd halfword"),
    fault(Stage::Layout, "layout-table-base", "src/branch_relax.rs", "a table of branches counts from the instruction before it"),
    fault(Stage::Layout, "layout-literal-shared", "src/branch_relax.rs", "addresses in one object share a literal, whatever is added to them"),
    fault(Stage::Frame, "frame-alignment", "src/frame.rs", "the stack pointer is not a multiple of 8 at calls"),
    fault(Stage::Frame, "frame-saved", "src/frame.rs", "r5 is not saved"),
    fault(Stage::Frame, "frame-outgoing", "src/frame.rs", "spill slots lie where outgoing arguments do"),
    fault(Stage::Frame, "frame-overlap", "src/frame.rs", "the last spill slot lies on the first saved register"),
    fault(Stage::Frame, "frame-filler-result", "src/frame.rs", "registers that hold results are restored with the rest"),
    fault(Stage::Frame, "frame-link", "src/frame.rs", "lr is not saved by functions that call and save nothing else"),
    fault(Stage::Relocation, "relocation-call-addend", "src/emit/expand.rs", "calls lead to the second halfword of the callee"),
    fault(Stage::Relocation, "relocation-addend-lost", "src/branch_relax.rs", "what is added to an address is lost"),
    fault(Stage::Relocation, "relocation-relative", "src/object_writer.rs", "addresses are relative to where they stand"),
    fault(Stage::Relocation, "relocation-entry", "src/object_writer.rs", "the address of a table entry is put on its type"),
    fault(Stage::Relocation, "relocation-thumb-bit", "src/object_writer.rs", "symbols of functions do not say that they are Thumb code"),
    fault(Stage::Relocation, "relocation-neighbour", "src/object_writer.rs", "globals lie where the size of memory does"),
    fault(Stage::Image, "image-overlap", "src/image.rs", "of overlapping segments the first one wins"),
    fault(Stage::Image, "image-zero", "src/image.rs", "memory whose first bytes are zero counts as zero"),
    fault(Stage::Image, "image-pages", "src/image.rs", "memory has a page more than the module says"),
    fault(Stage::Image, "image-type-word", "src/image.rs", "type words of table entries are one too small"),
    fault(Stage::Image, "image-global-halves", "src/image.rs", "words of a 64-bit global stand high word first"),
    fault(Stage::Image, "image-element-order", "src/image.rs", "elements of a table stand in reverse order"),
    fault(Stage::Image, "image-start", "src/image.rs", "the start function is not called"),
    fault(Stage::Image, "image-export", "src/image.rs", "every export is the last function"),
    fault(Stage::Abi, "abi-pair-register", "src/abi.rs", "a pair may begin in an odd register"),
    fault(Stage::Abi, "abi-backfill", "src/abi.rs", "an argument behind one on the stack goes to a register that was left out"),
    fault(Stage::Abi, "abi-pair-stack", "src/abi.rs", "a pair on the stack is not at a multiple of 8"),
    fault(Stage::Abi, "abi-result-order", "src/select/control.rs", "words of a result change registers"),
    fault(Stage::Abi, "abi-fifth-result", "src/select/control.rs", "results after the fourth are stored a word too far"),
];

/// The faults whose names begin with that of an optimizer pass.
pub fn of_pass(pass: &str) -> impl Iterator<Item = &'static Fault> + use<> {
    let prefix = format!("{pass}-");
    ALL.iter().filter(move |f| f.stage == Stage::Pass && f.name.starts_with(&prefix))
}

#[cfg(feature = "faults")]
mod switch {
    use super::{ALL, Fault};
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// The fault with this name.
    pub fn named(name: &str) -> Option<&'static Fault> {
        ALL.iter().find(|f| f.name == name)
    }

    /// Whether the fault with this name is switched on.
    pub fn on(name: &str) -> bool {
        ACTIVE.get() == Some(name)
    }

    /// Whether some fault is switched on.
    pub fn any() -> bool {
        ACTIVE.get().is_some()
    }

    /// Does something with a fault switched on, on this thread, or with none.
    pub fn with<R>(fault: Option<&'static str>, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<&'static str>);
        impl Drop for Restore {
            fn drop(&mut self) {
                ACTIVE.set(self.0);
            }
        }
        let _restore = Restore(ACTIVE.replace(fault));
        work()
    }
}

#[cfg(not(feature = "faults"))]
mod switch {
    use super::Fault;

    /// The fault with this name: there is none.
    #[inline(always)]
    pub const fn named(_: &str) -> Option<&'static Fault> {
        None
    }

    /// Whether the fault with this name is switched on: never.
    #[inline(always)]
    pub const fn on(_: &str) -> bool {
        false
    }

    /// Whether some fault is switched on: never.
    #[inline(always)]
    pub const fn any() -> bool {
        false
    }

    /// Does something.
    #[inline(always)]
    pub fn with<R>(_: Option<&'static str>, work: impl FnOnce() -> R) -> R {
        work()
    }
}

pub use switch::{any, named, on, with};
