//! Compiles the few lines of C++ between earmark and CTranslate2, whose headers and library `make setup` fetches.

use std::path::Path;

fn main() {
    // Set by .cargo/config.toml.
    println!("cargo:rerun-if-env-changed=EARMARK_ENGINE");
    let engine = std::env::var_os("EARMARK_ENGINE").unwrap_or_else(|| "../../engine".into());
    let (include, link) = (Path::new(&engine).join("include"), Path::new(&engine).join("link"));
    assert!(include.is_dir(), "{} is not there: run `make setup` first", include.display());
    println!("cargo:rerun-if-changed=src/whisper.cc");
    println!("cargo:rerun-if-changed=src/whisper.h");
    println!("cargo:rerun-if-changed={}", include.display());
    println!("cargo:rustc-link-search=native={}", link.display());
    println!("cargo:rustc-link-lib=dylib=ctranslate2");
    // The headers are others' work: their warnings are not ours to mend.
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .file("src/whisper.cc")
        .flag("-isystem")
        .flag(include)
        .compile("earmark_whisper");
}
