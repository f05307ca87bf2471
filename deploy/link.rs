//! Functions that came out the same are kept once in the programs: a tenth of their size. Rust's own linker can do it,
//! which this toolchain takes for this target.
#![allow(clippy::print_stdout, reason = "it is how a build script speaks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=deploy/link.rs");
    if std::env::var_os("TARGET").is_some_and(|target| target == "x86_64-unknown-linux-gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
