use super::*;

/// A library of one segment at its own offset, with functions one after the other.
fn library(functions: &[(&str, &[u8])]) -> Library {
    let (mut bytes, mut symbols) = (Vec::new(), HashMap::new());
    for (name, code) in functions {
        symbols.insert((*name).to_owned(), BASE + bytes.len() as u64);
        bytes.extend_from_slice(code);
        bytes.resize(bytes.len().next_multiple_of(64), 0xcc);
    }
    let segments = vec![(BASE, 0, bytes.len() as u64)];
    Library { bytes, segments, symbols }
}

const BASE: u64 = 0x10_0000;

const PUSH: &[u8] = &[0x53];
const PUSH_R12: &[u8] = &[0x41, 0x54];
const SUB_RSP: &[u8] = &[0x48, 0x83, 0xec, 0x18];
const ENDBR64: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
const TEST_EDX: &[u8] = &[0x85, 0xd2];
const JS: &[u8] = &[0x78, 0x20];
const RCX_IS_RSP: &[u8] = &[0x48, 0x89, 0xe1];
const RCX_IS_0: &[u8] = &[0x31, 0xc9];
const WIDEN: &[u8] = &[0x48, 0x63, 0xd2];
const RDI_IS_RSI: &[u8] = &[0x48, 0x89, 0xf7];
const RET: &[u8] = &[0xc3];

/// `call` from `at` bytes into the code to `to`.
fn call(at: usize, to: usize) -> Vec<u8> {
    let ahead = to as i32 - (at as i32 + 5);
    [&[0xe8][..], &ahead.to_le_bytes()].concat()
}

/// As Debian's libssl: SSL_read at 0, SSL_read_ex at 64, what both call at 128.
fn debian(before_plain: &[&[u8]], before_ex: &[&[u8]], shared: &[u8]) -> Library {
    let (plain, ex) = (before_plain.concat(), before_ex.concat());
    let plain = [plain.clone(), call(plain.len(), 128), RET.to_vec()].concat();
    let ex = [ex.clone(), call(64 + ex.len(), 128), RET.to_vec()].concat();
    library(&[("SSL_read", &plain), ("SSL_read_ex", &ex), ("internal", shared)])
}

#[test]
fn a_probe_lies_on_what_the_kernel_carries_out_itself() {
    let place = |code: &[&[u8]]| library(&[("SSL_free", &code.concat())]).entry("SSL_free").expect("a place");
    assert_eq!(place(&[PUSH, RET]), Place { offset: 0, is_cheap: true });
    assert_eq!(place(&[PUSH_R12, RET]), Place { offset: 0, is_cheap: true });
    assert_eq!(place(&[ENDBR64, PUSH, RET]), Place { offset: 4, is_cheap: true });
    assert_eq!(place(&[TEST_EDX, JS, RET]), Place { offset: 2, is_cheap: true });
    assert_eq!(place(&[SUB_RSP, PUSH, RET]), Place { offset: 0, is_cheap: false }, "the stack has moved");
    assert_eq!(place(&[RDI_IS_RSI, PUSH, RET]), Place { offset: 0, is_cheap: false }, "an argument has gone");
    assert_eq!(place(&[RET, PUSH]), Place { offset: 0, is_cheap: false });
}

#[test]
fn what_both_variants_are_carried_out_with_is_probed_instead() {
    let pair = &PAIRS[0];
    let plain: &[&[u8]] = &[SUB_RSP, TEST_EDX, JS, RCX_IS_RSP, WIDEN];
    let shared = |library: &Library| library.shared(pair).map(|place| place.offset);
    assert_eq!(shared(&debian(plain, &[SUB_RSP], PUSH)), Some(128));
    assert_eq!(shared(&debian(plain, &[SUB_RSP], SUB_RSP)), None, "no cheaper");
    assert_eq!(shared(&debian(&[SUB_RSP, RDI_IS_RSI], &[SUB_RSP], PUSH)), None, "other arguments");
    assert_eq!(shared(&debian(plain, &[SUB_RSP, RCX_IS_0], PUSH)), None, "the length goes elsewhere");
    assert_eq!(shared(&debian(&[PUSH], &[PUSH], PUSH)), None, "they are cheap themselves");
    let apart = library(&[
        ("SSL_read", &[SUB_RSP, &call(4, 128), RET].concat()),
        ("SSL_read_ex", &[SUB_RSP, &call(68, 192), RET].concat()),
        ("one", PUSH),
        ("other", PUSH),
    ]);
    assert_eq!(shared(&apart), None, "not the same");
}

#[test]
fn a_library_of_this_host_is_read() {
    for path in crate::libraries().into_values() {
        let Some(library) = Library::open(&path) else { continue };
        let read = library.entry("SSL_read");
        assert!(read.is_some_and(|place| place.offset > 0), "{}", path.display());
    }
}

#[test]
fn any_bytes_are_no_library_or_one() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..2000 {
        let len = rng.usize(1..200);
        let code: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
        let library = library(&[("SSL_read", &code), ("SSL_read_ex", &code)]);
        let _any = (library.entry("SSL_read"), library.shared(&PAIRS[0]));
        assert!(Library::new(code).is_none());
    }
}
