//! The encodings that the encoder knows, one per line: bits as the Arm manual prints them, instruction, encoding.
//!
//! No other file writes a pattern: a [`Row`] cannot be made elsewhere, and [`super::bits::fill`] takes nothing else.
//! Source of all patterns: DDI 0403E, chapter A7.

/// An encoding.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pattern: &'static str,
    syntax: &'static str,
    encoding: &'static str,
}

impl Row {
    /// One or two halfwords, most significant bit first: digits, letters for fields, spaces for the reader.
    pub fn pattern(&self) -> &'static str {
        self.pattern
    }
    /// The instruction. Where a field chooses among several, they are separated by bars, or `alu`, `shift`, `extend`
    /// and `access` stand for the operations of [`super::AluOp`], [`super::ShiftOp`], [`super::UnaryOp`] and
    /// [`super::memory::Access`].
    pub fn syntax(&self) -> &'static str {
        self.syntax
    }
    /// The manual's name of the encoding, or its table of several.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }
}

macro_rules! rows {
    ($($name:ident $pattern:literal $syntax:literal $encoding:literal)*) => {
        $(
            #[doc = concat!("`", $syntax, "`: ", $encoding, ".")]
            pub(super) static $name: Row = Row { pattern: $pattern, syntax: $syntax, encoding: $encoding };
        )*
        /// All encodings.
        pub static ROWS: &[&Row] = &[$(&$name),*];
    };
}

rows! {
    ADD_IMM_T1    "0001110 iii nnn ddd"                        "adds rd, rn, #imm3"         "ADD (immediate) T1"
    SUB_IMM_T1    "0001111 iii nnn ddd"                        "subs rd, rn, #imm3"         "SUB (immediate) T1"
    ADD_IMM_T2    "00110 ddd iiiiiiii"                         "adds rd, rd, #imm8"         "ADD (immediate) T2"
    SUB_IMM_T2    "00111 ddd iiiiiiii"                         "subs rd, rd, #imm8"         "SUB (immediate) T2"
    RSB_IMM_T1    "0100001001 nnn ddd"                         "rsbs rd, rn, #0"            "RSB (immediate) T1"
    MOV_IMM_T1    "00100 ddd iiiiiiii"                         "movs rd, #imm8"             "MOV (immediate) T1"
    CMP_IMM_T1    "00101 nnn iiiiiiii"                         "cmp rn, #imm8"              "CMP (immediate) T1"
    ADD_REG_T1    "0001100 mmm nnn ddd"                        "adds rd, rn, rm"            "ADD (register) T1"
    SUB_REG_T1    "0001101 mmm nnn ddd"                        "subs rd, rn, rm"            "SUB (register) T1"
    ALU_REG_T1    "010000 oooo mmm ddd"                        "alu|shift rd, rd, rm"       "T1 of A5.2.2"
    TST_REG_T1    "0100001000 mmm nnn"                         "tst rn, rm"                 "TST (register) T1"
    CMP_REG_T1    "0100001010 mmm nnn"                         "cmp rn, rm"                 "CMP (register) T1"
    MUL_T1        "0100001101 nnn ddd"                         "muls rd, rn, rd"            "MUL T1"
    MVN_REG_T1    "0100001111 mmm ddd"                         "mvns rd, rm"                "MVN (register) T1"
    ADD_REG_T2    "01000100 h mmmm ddd"                        "add rd, rd, rm"             "ADD (register) T2"
    ADD_SP_T1     "01000100 h 1101 ddd"                        "add rd, sp, rd"             "ADD (SP plus register) T1"
    CMP_REG_T2    "01000101 h mmmm nnn"                        "cmp rn, rm"                 "CMP (register) T2"
    MOV_REG_T1    "01000110 h mmmm ddd"                        "mov rd, rm"                 "MOV (register) T1"
    SHIFT_IMM_T1  "000 oo iiiii mmm ddd"                       "lsls|lsrs|asrs rd, rm, #n"  "LSL, LSR, ASR (imm) T1"
    EXTEND_T1     "10110010 oo mmm ddd"                        "extend rd, rm"              "extend T1"
    REV_T1        "10111010 0 o mmm ddd"                       "rev|rev16 rd, rm"           "REV, REV16 T1"
    WORD_IMM_T1   "0110 l iiiii nnn ttt"                       "str|ldr rt, [rn, #imm]"     "STR, LDR (immediate) T1"
    BYTE_IMM_T1   "0111 l iiiii nnn ttt"                       "strb|ldrb rt, [rn, #imm]"   "STRB, LDRB (immediate) T1"
    HALF_IMM_T1   "1000 l iiiii nnn ttt"                       "strh|ldrh rt, [rn, #imm]"   "STRH, LDRH (immediate) T1"
    WORD_SP_T2    "1001 l ttt iiiiiiii"                        "str|ldr rt, [sp, #imm]"     "STR, LDR (immediate) T2"
    LITERAL_T1    "01001 ttt iiiiiiii"                         "ldr rt, label"              "LDR (literal) T1"
    INDEX_T1      "0101 ooo mmm nnn ttt"                       "access rt, [rn, rm]"        "T1 of A5.2.4"
    PUSH_T1       "1011010 m llllllll"                         "push {list}"                "PUSH T1"
    POP_T1        "1011110 p llllllll"                         "pop {list}"                 "POP T1"
    SP_IMM_T1     "10110000 s iiiiiii"                         "add|sub sp, sp, #imm"       "ADD, SUB (SP, imm) T2, T1"
    B_T1          "1101 cccc iiiiiiii"                         "b<c> label"                 "B T1"
    B_T2          "11100 iiiiiiiiiii"                          "b label"                    "B T2"
    CBZ_T1        "1011 z 0 j 1 iiiii nnn"                     "cbz|cbnz rn, label"         "CBNZ, CBZ T1"
    BX_T1         "010001110 mmmm 000"                         "bx rm"                      "BX T1"
    BLX_T1        "010001111 mmmm 000"                         "blx rm"                     "BLX (register) T1"
    IT_T1         "10111111 cccc mmmm"                         "it{x{y{z}}} c"              "IT T1"
    NOP_T1        "1011111100000000"                           "nop"                        "NOP T1"
    UDF_T1        "11011110 iiiiiiii"                          "udf #imm8"                  "UDF T1"

    ALU_IMM_W     "11110 i 0 oooo s nnnn 0 iii dddd iiiiiiii"  "alu{s} rd, rn, #const"      "T1 to T3 of A5.3.1"
    COMPARE_IMM_W "11110 i 0 oooo 1 nnnn 0 iii 1111 iiiiiiii"  "tst|cmn|cmp rn, #const"     "TST, CMN T1, CMP (imm) T2"
    MOVE_IMM_W    "11110 i 0 001 o 0 1111 0 iii dddd iiiiiiii" "mov|mvn rd, #const"         "MOV (imm) T2, MVN T1"
    ADD_IMM12_W   "11110 i 10 s0s0 nnnn 0 iii dddd iiiiiiii"   "addw|subw rd, rn, #imm12"   "ADD, SUB (immediate) T4"
    SP_IMM12_W    "11110 i 10 s0s0 1101 0 iii 1101 iiiiiiii"   "addw|subw sp, sp, #imm12"   "ADD, SUB (SP, imm) T4, T3"
    MOV_HALF_W    "11110 i 10 t 100 jjjj 0 iii dddd iiiiiiii"  "movw|movt rd, #imm16"       "MOV (imm) T3, MOVT T1"
    ALU_REG_W     "1110101 oooo s nnnn 0 iii dddd ii tt mmmm"  "alu{s} rd, rn, rm, shift"   "T1 to T3 of A5.3.11"
    COMPARE_REG_W "1110101 oooo 1 nnnn 0 iii 1111 ii tt mmmm"  "tst|cmn|cmp rn, rm, shift"  "TST, CMN T2, CMP (reg) T3"
    SP_REG_W      "1110101 1s0s 0 1101 0000 1101 0000 mmmm"    "add|sub sp, sp, rm"         "ADD, SUB (SP, reg) T3, T1"
    SHIFT_IMM_W   "1110101 0010 0 1111 0 iii dddd ii tt mmmm"  "shift rd, rm, #n"           "LSL, LSR, ASR T2, ROR T1"
    MVN_REG_W     "1110101 0011 0 1111 0 iii dddd ii tt mmmm"  "mvn rd, rm, shift"          "MVN (register) T2"
    SHIFT_REG_W   "111110100 oo 0 nnnn 1111 dddd 0000 mmmm"    "shift rd, rn, rm"           "shift (register) T2"
    EXTEND_W      "111110100 ooo 1111 1111 dddd 10 rr mmmm"    "extend rd, rm, ror #n"      "extend T2"
    EXTEND_ADD_W  "111110100 ooo nnnn 1111 dddd 10 rr mmmm"    "sxtah|uxtah|sxtab|uxtab rd, rn, rm, ror #n" "SXTAH, UXTAH, SXTAB, UXTAB T1"
    REVERSE_W     "111110101001 nnnn 1111 dddd 10 oo mmmm"     "rev|rev16|rbit rd, rm"      "REV, REV16 T2, RBIT T1"
    CLZ_W         "111110101011 nnnn 1111 dddd 1000 mmmm"      "clz rd, rm"                 "CLZ T1"
    MUL_W         "111110110000 nnnn 1111 dddd 0000 mmmm"      "mul rd, rn, rm"             "MUL T2"
    MLA_W         "111110110000 nnnn aaaa dddd 0000 mmmm"      "mla rd, rn, rm, ra"         "MLA T1"
    MLS_W         "111110110000 nnnn aaaa dddd 0001 mmmm"      "mls rd, rn, rm, ra"         "MLS T1"
    LONG_W        "1111101110 u 0 nnnn llll hhhh 0000 mmmm"    "smull|umull lo, hi, rn, rm" "SMULL, UMULL T1"
    LONG_ADD_W    "1111101111 u 0 nnnn llll hhhh 0000 mmmm"    "smlal|umlal lo, hi, rn, rm" "SMLAL, UMLAL T1"
    DIV_W         "1111101110 u 1 nnnn 1111 dddd 1111 mmmm"    "sdiv|udiv rd, rn, rm"       "SDIV, UDIV T1"
    EXTRACT_W     "11110011 u 100 nnnn 0 iii dddd ii 0 wwwww"  "sbfx|ubfx rd, rn, #lsb, #width" "SBFX, UBFX T1"
    INSERT_W      "111100110110 nnnn 0 iii dddd ii 0 wwwww"     "bfi rd, rn, #lsb, #width"   "BFI T1"
    CLEAR_W       "111100110110 1111 0 iii dddd ii 0 wwwww"     "bfc rd, #lsb, #width"       "BFC T1"
    SATURATE_W    "11110011 u 0 s 0 nnnn 0 iii dddd ii 0 wwwww" "ssat|usat rd, #bits, rn, shift" "SSAT, USAT T1"
    ACCESS_IMM_W  "1111100 s 1 ooo nnnn tttt iiiiiiiiiiii"     "access rt, [rn, #imm12]"    "T1 to T3 of A5.3.7 to 10"
    ACCESS_REG_W  "1111100 s 0 ooo nnnn tttt 000000 ii mmmm"   "access rt, [rn, rm, lsl #n]" "T2 of A5.3.7 to 10"
    LITERAL_W     "11111000 1 101 1111 tttt iiiiiiiiiiii"      "ldr rt, label"              "LDR (literal) T2"
    PUSH_W        "1110100100101101 llllllllllllllll"          "push {list}"                "PUSH T2"
    POP_W         "1110100010111101 llllllllllllllll"          "pop {list}"                 "POP T2"
    B_T3          "11110 s cccc hhhhhh 10 j 0 k iiiiiiiiiii"   "b<c> label"                 "B T3"
    B_T4          "11110 s hhhhhhhhhh 10 j 1 k iiiiiiiiiii"    "b label"                    "B T4"
    BL_T1         "11110 s hhhhhhhhhh 11 j 1 k iiiiiiiiiii"    "bl label"                   "BL T1"
    TBH_W         "111010001101 1111 11110000 0001 mmmm"       "tbh [pc, rm, lsl #1]"       "TBH T1"
}
