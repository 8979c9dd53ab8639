//! Where in a library to put the probes so that they cost little.
//!
//! A trap is cheap; the instruction under it decides. The kernel carries some out itself (`push_setup_xol_ops` and
//! `branch_setup_xol_ops`, arch/x86/kernel/uprobes.c, v6.1 to v6.18); all others it lets the processor run alone in single
//! step, which is a second exception and leaves a virtual machine: 0.25 to 0.75 us against 19 to 26 us (Linux 6.18, KVM).

use std::{collections::HashMap, fs::File, io::Read as _, path::Path};

use iced_x86::{
    Code as Instr, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, Register,
};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};

/// A larger file is not looked into: its functions are probed where they begin.
const MAX_FILE: u64 = 32 << 20;
/// Instructions that are looked at of a function.
const MAX_INSTRUCTIONS: usize = 24;
/// The longest that there is.
const MAX_INSTRUCTION_BYTES: usize = 15;

/// What both carry it out with: a function that does the work of `plain` and `ex`, and takes the arguments of `ex`.
pub(super) struct Pair {
    pub plain: &'static str,
    pub ex: &'static str,
}

pub(super) const PAIRS: [Pair; 2] =
    [Pair { plain: "SSL_read", ex: "SSL_read_ex" }, Pair { plain: "SSL_write", ex: "SSL_write_ex" }];

/// The code of a library.
pub(super) struct Library {
    bytes: Vec<u8>,
    /// Address in memory, offset in the file and length of what is mapped from it.
    segments: Vec<(u64, u64, u64)>,
    symbols: HashMap<String, u64>,
}

/// An instruction to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In the file.
    pub offset: u64,
    /// The kernel carries the instruction out itself.
    pub is_cheap: bool,
}

impl Library {
    /// `None` where the file cannot be read, or is no library for this machine.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        Self::new(bytes)
    }

    fn new(bytes: Vec<u8>) -> Option<Self> {
        let file = object::File::parse(&*bytes).ok()?;
        if file.architecture() != object::Architecture::X86_64 {
            return None;
        }
        let segments = file.segments().map(|segment| {
            let (at, len) = segment.file_range();
            (segment.address(), at, len)
        });
        let segments = segments.collect();
        let named = file.symbols().chain(file.dynamic_symbols()).filter(object::ObjectSymbol::is_definition);
        let symbols = named.filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.address())));
        let symbols = symbols.filter(|(name, _)| name.starts_with("SSL_")).collect();
        Some(Self { bytes, segments, symbols })
    }

    /// Where to probe the function `symbol` on entry, and on return from it; `None` where there is none.
    pub(super) fn entry(&self, symbol: &str) -> Option<Place> {
        self.place(*self.symbols.get(symbol)?)
    }

    /// Where to probe what both functions of `pair` are carried out with, where that is cheaper than the functions.
    pub(super) fn shared(&self, pair: &Pair) -> Option<Place> {
        let (plain, ex) = (*self.symbols.get(pair.plain)?, *self.symbols.get(pair.ex)?);
        if self.place(plain)?.is_cheap && self.place(ex)?.is_cheap {
            return None;
        }
        // The length goes where the fourth argument points: a local of the one, the caller's of the other.
        let target = self.callee(plain, &[Register::RDI, Register::RSI, Register::RDX])?;
        let is_shared =
            self.callee(ex, &[Register::RDI, Register::RSI, Register::RDX, Register::RCX]) == Some(target);
        self.place(target).filter(|place| is_shared && place.is_cheap)
    }

    fn offset(&self, address: u64) -> Option<u64> {
        let within = |&&(start, _, len): &&(u64, u64, u64)| address >= start && address - start < len;
        let (start, at, _) = self.segments.iter().find(within)?;
        Some(address - start + at)
    }

    fn instructions(&self, address: u64) -> Option<impl Iterator<Item = Instruction>> {
        let code = self.bytes.get(usize::try_from(self.offset(address)?).ok()?..)?;
        let code = &code[..code.len().min(MAX_INSTRUCTIONS * MAX_INSTRUCTION_BYTES)];
        let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
        let next = move || decoder.can_decode().then(|| decoder.decode()).filter(|one| !one.is_invalid());
        Some(std::iter::from_fn(next).take(MAX_INSTRUCTIONS))
    }

    /// The first instruction that the kernel carries out itself, if all before it leave stack and arguments alone; else the
    /// very first.
    fn place(&self, function: u64) -> Option<Place> {
        let mut info = InstructionInfoFactory::new();
        for instruction in self.instructions(function)? {
            if is_carried_out(&instruction) {
                return Some(Place { offset: self.offset(instruction.ip())?, is_cheap: true });
            }
            let goes_on = instruction.flow_control() == FlowControl::Next;
            let kept = [Register::RSP, Register::RDI, Register::RSI, Register::RDX, Register::RCX];
            if !goes_on || writes(&mut info, &instruction, &kept) {
                break;
            }
        }
        Some(Place { offset: self.offset(function)?, is_cheap: false })
    }

    /// What the function calls first, on the way that takes no branch, if `arguments` are still those of its own.
    fn callee(&self, function: u64, arguments: &[Register]) -> Option<u64> {
        let mut info = InstructionInfoFactory::new();
        for instruction in self.instructions(function)? {
            if instruction.code() == Instr::Call_rel32_64 {
                return Some(instruction.near_branch_target());
            }
            let goes_on =
                matches!(instruction.flow_control(), FlowControl::Next | FlowControl::ConditionalBranch);
            // An int becomes a size.
            let is_widened = instruction.mnemonic() == Mnemonic::Movsxd
                && (instruction.op0_register(), instruction.op1_register()) == (Register::RDX, Register::EDX);
            if !goes_on || (!is_widened && writes(&mut info, &instruction, arguments)) {
                return None;
            }
        }
        None
    }
}

/// `push` of a register, jumps, calls and the short nop.
fn is_carried_out(instruction: &Instruction) -> bool {
    match instruction.code() {
        Instr::Push_r64 | Instr::Call_rel32_64 | Instr::Jmp_rel8_64 | Instr::Jmp_rel32_64 | Instr::Nopd => {
            true
        }
        _ => instruction.is_jcc_short_or_near(),
    }
}

fn writes(info: &mut InstructionInfoFactory, instruction: &Instruction, registers: &[Register]) -> bool {
    info.info(instruction).used_registers().iter().any(|used| {
        let is_written = !matches!(
            used.access(),
            OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
        );
        is_written && registers.contains(&used.register().full_register())
    })
}

#[cfg(test)]
mod tests;
