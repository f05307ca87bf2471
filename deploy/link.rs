//! How the programs are linked: functions that came out the same are kept once, a tenth of their size, which Rust's own
//! linker can do, the one for this target; and addresses that are fixed up at the start are written down in short, a
//! twentieth, where the system's loader reads that.
#![allow(clippy::print_stdout, reason = "it is how a build script speaks to cargo")]

/// The first version of the C library whose loader reads them.
const READS_SHORT_ADDRESSES: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=deploy/link.rs");
    if std::env::var_os("TARGET").is_some_and(|target| target == "x86_64-unknown-linux-gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
        if glibc().is_some_and(|version| version >= READS_SHORT_ADDRESSES) {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
    }
}

/// Version of this machine's C library, for which the programs are built.
fn glibc() -> Option<(u32, u32)> {
    let said = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
