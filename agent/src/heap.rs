//! Memory that was freed goes back to the system.
//!
//! glibc keeps it for the next time, up to the most that there ever was: the kernel's types, which are read once, and
//! what a peak of connections took.

/// Returns whole pages that are free. Takes as long as there are free pieces: not for the path of an event.
#[cfg(target_env = "gnu")]
pub(crate) fn give_back() {
    // SAFETY: malloc_trim(3) takes a number, may be called by any thread at any time, and moves nothing in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators return it by themselves.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() {}

#[cfg(test)]
mod tests {
    use procfs::process::Process;

    use super::*;

    fn resident() -> u64 {
        let status = Process::myself().and_then(|me| me.status()).expect("read /proc/self/status");
        status.rssanon.expect("anonymous memory")
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_a_peak_took_is_resident_no_longer() {
        // Small pieces, so that none is mapped alone; the last keeps the heap from shrinking at its end.
        let mut pieces: Vec<Vec<u8>> = (0..64_000).map(|_| vec![1; 1000]).collect();
        let peak = resident();
        let last = pieces.pop();
        drop(pieces);
        give_back();
        let after = resident();
        assert!(after + 40_000 < peak, "{after} kB after {peak} kB");
        drop(last);
    }
}
