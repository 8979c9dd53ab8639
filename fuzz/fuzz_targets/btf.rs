//! Arbitrary bytes as a kernel's type information.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whohungup_bpf::btf::Btf;

fuzz_target!(|input: &[u8]| {
    let Ok(btf) = Btf::parse(input.to_vec()) else { return };
    for path in ["a", "a.b", "a.b.c", ""] {
        let _place = btf.place("s", path);
    }
    let _arguments = btf.tracepoint_arguments("t");
    let _values = btf.enum_values("e");
});
