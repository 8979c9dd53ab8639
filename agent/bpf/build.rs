//! Packs the built probes: they are read once, at the start, and would be a sixteenth of the program.

use std::{env, error::Error, fs, io::Write as _, path::Path};

use flate2::{Compression, GzBuilder};

const OBJECT: &str = "../../agent-ebpf/object/whohungup.bpf.o";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={OBJECT}");
    let object = fs::read(OBJECT).map_err(|error| format!("read {OBJECT}: {error}"))?;
    // Without a time, so that each build gives the same bytes.
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(&object)?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("whohungup.bpf.o.gz"), packer.finish()?)?;
    Ok(())
}
