//! Bounds that the verifier can see.

/// Hides a value's history from the compiler, so that the checks that follow stay in the program.
///
/// 64 bits, because on a shorter value the checks are made on a shifted copy. One real instruction, because
/// empty assembly gets a line record of its own and the kernel refuses two for one instruction.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub(super) fn opaque(mut value: u64) -> u64 {
    // SAFETY: a move of a register to itself.
    unsafe {
        core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub(super) fn opaque(value: u64) -> u64 {
    value
}

/// `len` as a size from 1 to `most` that the verifier can see is one. Counted from 0 and stepped up
/// after the check, because before v6.8 the verifier does not learn from `len != 0` that it is at least 1.
#[inline(always)]
pub fn within(len: u64, most: u64) -> Option<u64> {
    let less = opaque(len.wrapping_sub(1));
    if less < most { Some(less + 1) } else { None }
}

/// Eight bytes at any address, the first lowest. On the bpf target a plain unaligned load would be eight loads
/// of a byte.
///
/// # Safety
/// `at` must be readable for 8 bytes.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub(super) unsafe fn load_word(at: *const u8) -> u64 {
    let value: u64;
    // SAFETY: the caller's; the kernel handles loads from map values that are not aligned.
    unsafe {
        core::arch::asm!("{0} = *(u64 *)({1} + 0)", out(reg) value, in(reg) at, options(readonly, nostack, preserves_flags));
    }
    value
}

/// Eight bytes at any address, the first lowest.
///
/// # Safety
/// `at` must be readable for 8 bytes.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub(super) unsafe fn load_word(at: *const u8) -> u64 {
    // SAFETY: the caller's.
    u64::from_le(unsafe { at.cast::<u64>().read_unaligned() })
}

/// Stores eight bytes at any address, the lowest first.
///
/// # Safety
/// `at` must be writable for 8 bytes.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub(super) unsafe fn store_word(at: *mut u8, value: u64) {
    // SAFETY: the caller's.
    unsafe {
        core::arch::asm!("*(u64 *)({0} + 0) = {1}", in(reg) at, in(reg) value, options(nostack, preserves_flags));
    }
}

/// Stores eight bytes at any address, the lowest first.
///
/// # Safety
/// `at` must be writable for 8 bytes.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub(super) unsafe fn store_word(at: *mut u8, value: u64) {
    // SAFETY: the caller's.
    unsafe { at.copy_from_nonoverlapping(value.to_le_bytes().as_ptr(), 8) };
}
