//! The `.ARM.attributes` section. Source: IHI 0045 (Addenda to the ABI for the Arm Architecture), 3.

use crate::compile::Core;

/// Tag numbers. Source: IHI 0045, 3.3.
const TAG_FILE: u8 = 1;
const TAG_CPU_NAME: u8 = 5;
const TAG_CPU_ARCH: u8 = 6;
const TAG_CPU_ARCH_PROFILE: u8 = 7;
const TAG_THUMB_ISA_USE: u8 = 9;
const TAG_ABI_FP_NUMBER_MODEL: u8 = 23;
const TAG_ABI_ALIGN_NEEDED: u8 = 24;
const TAG_ABI_ALIGN_PRESERVED: u8 = 25;
const TAG_ABI_VFP_ARGS: u8 = 28;
const TAG_UNALIGNED_ACCESS: u8 = 34;

/// The section's contents for a core. An object that passes floating-point numbers says that they travel in core registers, so that
/// linkers refuse hosts that pass them otherwise; one that passes none fits both.
pub fn build(core: Core, passes_floats: bool) -> Vec<u8> {
    // CPU_arch: 10 is v7, 13 is v7E-M.
    let (name, arch) = match core {
        Core::CortexM3 => ("cortex-m3", 10),
        Core::CortexM4 => ("cortex-m4", 13),
        Core::CortexM7 => ("cortex-m7", 13),
    };
    let mut tags = vec![TAG_CPU_NAME];
    tags.extend_from_slice(name.as_bytes());
    tags.push(0);
    let values = [
        (TAG_CPU_ARCH, arch),
        (TAG_CPU_ARCH_PROFILE, b'M'),
        (TAG_THUMB_ISA_USE, 2),
        (TAG_ABI_ALIGN_NEEDED, 1),
        (TAG_ABI_ALIGN_PRESERVED, 1),
        (TAG_UNALIGNED_ACCESS, 1),
    ];
    values.iter().for_each(|(tag, value)| tags.extend_from_slice(&[*tag, *value]));
    if passes_floats {
        // IEEE 754 numbers; the base standard.
        tags.extend_from_slice(&[TAG_ABI_FP_NUMBER_MODEL, 3, TAG_ABI_VFP_ARGS, 0]);
    }
    let mut file = vec![TAG_FILE];
    file.extend_from_slice(&(tags.len() as u32 + 5).to_le_bytes());
    file.extend_from_slice(&tags);
    let vendor = b"aeabi\0";
    let mut section = vec![b'A'];
    section.extend_from_slice(&((4 + vendor.len() + file.len()) as u32).to_le_bytes());
    section.extend_from_slice(vendor);
    section.extend_from_slice(&file);
    section
}
