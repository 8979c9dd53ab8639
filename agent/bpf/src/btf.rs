//! A reader of BTF type data, as far as member offsets need it.
//!
//! Format: Documentation/bpf/btf.rst, v6.12. The types stay in the bytes they came in and are
//! found through an index of 4 bytes a type: a kernel's 5 MB of BTF costs half a megabyte more.

use std::{fs, path::Path};

/// The kernel's own types, on kernels built with CONFIG_DEBUG_INFO_BTF.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    #[error("cannot read {path}: {reason}; the kernel must be built with CONFIG_DEBUG_INFO_BTF=y")]
    Read { path: String, reason: std::io::Error },
    #[error("BTF data is malformed: {0}")]
    Malformed(&'static str),
    #[error("this kernel has no struct {0}")]
    NoStruct(String),
    #[error("struct {structure} has no member {path}")]
    NoMember { structure: String, path: String },
    #[error("struct {structure} has a bit field at {path}, which cannot be read")]
    BitField { structure: String, path: String },
}

/// Parsed BTF.
#[derive(Debug)]
pub struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Position in `data` of each type, by id; id 0 (void) has none.
    types: Vec<u32>,
}

/// A structure member found by path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the start of the structure.
    pub offset: u32,
    /// Bytes of the member.
    pub size: u32,
}

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;
/// Deeper chains of typedefs or nested structs than any kernel has.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    vlen: u32,
    bit_fields: bool,
    /// Bytes, or the id of the type that is pointed to or renamed, as the kind has it.
    size_or_id: u32,
    /// Where the kind's own data begins.
    body: usize,
}

impl Btf {
    /// Reads a BTF file.
    ///
    /// # Errors
    /// When the file cannot be read or is not BTF.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, BtfError> {
        let data = fs::read(&path)
            .map_err(|reason| BtfError::Read { path: path.as_ref().display().to_string(), reason })?;
        Self::parse(data)
    }

    /// Indexes BTF data.
    ///
    /// # Errors
    /// When `data` is not BTF in this machine's byte order.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        const MAGIC: u32 = 0xeb9f;
        let word = |at: usize| u32_at(&data, at).ok_or(BtfError::Malformed("header is cut short"));
        if word(0)? & 0xffff != MAGIC {
            return Err(BtfError::Malformed("bad magic number"));
        }
        let header = word(4)? as usize;
        let start = header + word(8)? as usize;
        let end = start + word(12)? as usize;
        let strings = header + word(16)? as usize;
        if end > data.len() || strings > data.len() {
            return Err(BtfError::Malformed("sections lie beyond the end"));
        }
        let mut btf = Self { data, strings, types: vec![0] };
        let mut at = start;
        while at < end {
            let header = btf.header_at(at).ok_or(BtfError::Malformed("type is cut short"))?;
            btf.types.push(at as u32);
            let extra = match header.kind {
                INT | VAR | DECL_TAG => 4,
                ARRAY => 12,
                STRUCT | UNION | DATASEC | ENUM64 => header.vlen as usize * 12,
                ENUM | FUNC_PROTO => header.vlen as usize * 8,
                0 | 20.. => return Err(BtfError::Malformed("unknown kind of type")),
                _ => 0,
            };
            at = header.body + extra;
        }
        Ok(btf)
    }

    /// Finds `path` (members separated by dots; anonymous members are looked through) in `structure`.
    ///
    /// # Errors
    /// When the structure or a member is not there, or is a bit field.
    pub fn place(&self, structure: &str, path: &str) -> Result<Place, BtfError> {
        let mut current =
            self.named(STRUCT, structure).ok_or_else(|| BtfError::NoStruct(structure.to_owned()))?;
        let mut offset = 0;
        for name in path.split('.') {
            let (bits, width, member) = self.member(current, name, 0).ok_or_else(|| BtfError::NoMember {
                structure: structure.to_owned(),
                path: path.to_owned(),
            })?;
            if width != 0 || bits % 8 != 0 {
                return Err(BtfError::BitField { structure: structure.to_owned(), path: path.to_owned() });
            }
            offset += bits / 8;
            current = member;
        }
        let size = self.size_of(current).ok_or(BtfError::Malformed("type without size"))?;
        Ok(Place { offset, size })
    }

    /// How many arguments the tracepoint `name` passes to a tp_btf program; `None` if it is not there.
    pub fn tracepoint_arguments(&self, name: &str) -> Option<u32> {
        let typedef = self.named(TYPEDEF, &format!("btf_trace_{name}"))?;
        let pointer = self.get(typedef.size_or_id)?;
        let proto = self.get(pointer.size_or_id)?;
        // The first parameter is the tracepoint's own `void *__data`.
        (proto.kind == FUNC_PROTO).then(|| proto.vlen.saturating_sub(1))
    }

    /// The names of the values of `enum name`; empty if it is not there.
    pub fn enum_values(&self, name: &str) -> Vec<(u32, String)> {
        let Some(found) = self.named(ENUM, name) else { return Vec::new() };
        (0..found.vlen as usize)
            .filter_map(|i| {
                let at = found.body + i * 8;
                let name = self.string(u32_at(&self.data, at)?)?;
                Some((u32_at(&self.data, at + 4)?, name.to_owned()))
            })
            .collect()
    }

    /// Bit offset, bit-field width and type of `name` in `of` or in its anonymous members.
    fn member(&self, of: Type, name: &str, depth: usize) -> Option<(u32, u32, Type)> {
        if depth > MAX_DEPTH || !matches!(of.kind, STRUCT | UNION) {
            return None;
        }
        (0..of.vlen as usize).find_map(|i| {
            let at = of.body + i * 12;
            let member_name = self.string(u32_at(&self.data, at)?)?;
            let member = self.plain(u32_at(&self.data, at + 4)?)?;
            let raw = u32_at(&self.data, at + 8)?;
            let (bits, width) = if of.bit_fields { (raw & 0x00ff_ffff, raw >> 24) } else { (raw, 0) };
            if member_name == name {
                return Some((bits, width, member));
            }
            if !member_name.is_empty() {
                return None;
            }
            let (inner, width, member) = self.member(member, name, depth + 1)?;
            Some((bits + inner, width, member))
        })
    }

    fn size_of(&self, of: Type) -> Option<u32> {
        match of.kind {
            INT | STRUCT | UNION | ENUM | ENUM64 => Some(of.size_or_id),
            PTR => Some(size_of::<usize>() as u32),
            ARRAY => {
                let element = self.plain(u32_at(&self.data, of.body)?)?;
                self.size_of(element)?.checked_mul(u32_at(&self.data, of.body + 8)?)
            }
            _ => None,
        }
    }

    /// The type behind typedefs and qualifiers.
    fn plain(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let found = self.get(id)?;
            if !matches!(found.kind, TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG) {
                return Some(found);
            }
            id = found.size_or_id;
        }
        None
    }

    fn named(&self, kind: u32, name: &str) -> Option<Type> {
        self.types[1..]
            .iter()
            .filter_map(|&at| self.header_at(at as usize))
            .find(|found| found.kind == kind && self.string(found.name) == Some(name))
    }

    fn get(&self, id: u32) -> Option<Type> {
        let at = *self.types.get(id as usize)?;
        if at == 0 { None } else { self.header_at(at as usize) }
    }

    fn header_at(&self, at: usize) -> Option<Type> {
        let info = u32_at(&self.data, at + 4)?;
        Some(Type {
            name: u32_at(&self.data, at)?,
            kind: (info >> 24) & 0x1f,
            vlen: info & 0xffff,
            bit_fields: info >> 31 == 1,
            size_or_id: u32_at(&self.data, at + 8)?,
            body: at + 12,
        })
    }

    fn string(&self, offset: u32) -> Option<&str> {
        let from = self.data.get(self.strings + offset as usize..)?;
        let len = from.iter().position(|&byte| byte == 0)?;
        std::str::from_utf8(&from[..len]).ok()
    }
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes BTF for tests.
    #[derive(Default)]
    struct Writer {
        types: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        fn new() -> Self {
            Self { types: Vec::new(), strings: vec![0] }
        }

        fn string(&mut self, text: &str) -> u32 {
            let at = self.strings.len() as u32;
            self.strings.extend_from_slice(text.as_bytes());
            self.strings.push(0);
            at
        }

        fn kind(&mut self, name: &str, kind: u32, vlen: u32, size_or_type: u32, body: &[u32]) {
            let name = if name.is_empty() { 0 } else { self.string(name) };
            for word in [name, kind << 24 | vlen, size_or_type].iter().chain(body) {
                self.types.extend_from_slice(&word.to_ne_bytes());
            }
        }

        fn finish(&self) -> Vec<u8> {
            let mut out = Vec::new();
            let len = self.types.len() as u32;
            for word in [0x0001_eb9f, 24, 0, len, len, self.strings.len() as u32] {
                out.extend_from_slice(&word.to_ne_bytes());
            }
            out.extend_from_slice(&self.types);
            out.extend_from_slice(&self.strings);
            out
        }
    }

    /// struct outer { u32 first; union { u64 whole; struct { u16 low; } parts; }; u32 flag:1; }
    fn example() -> Vec<u8> {
        let mut w = Writer::new();
        w.kind("unsigned int", INT, 0, 4, &[32]); // 1
        w.kind("unsigned long", INT, 0, 8, &[64]); // 2
        w.kind("unsigned short", INT, 0, 2, &[16]); // 3
        let low = w.string("low");
        w.kind("", STRUCT, 1, 2, &[low, 3, 0]); // 4
        let (whole, parts) = (w.string("whole"), w.string("parts"));
        w.kind("", UNION, 2, 8, &[whole, 2, 0, parts, 4, 0]); // 5
        let (first, flag) = (w.string("first"), w.string("flag"));
        w.kind("outer", STRUCT | 0x80, 3, 24, &[first, 1, 0, 0, 5, 64, flag, 1, 128 | 1 << 24]); // 6
        w.finish()
    }

    #[test]
    fn members_are_found_through_anonymous_unions_and_by_path() {
        let btf = Btf::parse(example()).expect("parses");
        assert_eq!(btf.place("outer", "first").expect("first"), Place { offset: 0, size: 4 });
        assert_eq!(btf.place("outer", "whole").expect("whole"), Place { offset: 8, size: 8 });
        assert_eq!(btf.place("outer", "parts.low").expect("low"), Place { offset: 8, size: 2 });
    }

    #[test]
    fn what_is_missing_is_named() {
        let btf = Btf::parse(example()).expect("parses");
        assert!(matches!(btf.place("inner", "x"), Err(BtfError::NoStruct(name)) if name == "inner"));
        assert!(matches!(btf.place("outer", "x"), Err(BtfError::NoMember { .. })));
        assert!(matches!(btf.place("outer", "flag"), Err(BtfError::BitField { .. })));
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        let whole = example();
        for len in 0..whole.len() {
            if let Ok(btf) = Btf::parse(whole[..len].to_vec()) {
                // Only strings were cut: names may be lost, nothing may panic.
                let _found = btf.place("outer", "first");
            }
        }
    }
}
