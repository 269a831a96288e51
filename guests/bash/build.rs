//! A shell recurses: its functions, subshells and parser take stack here, and
//! a quarter of it where the engine keeps its own (tests/guest/bash).

fn main() {
    println!("cargo::rustc-link-arg-bins=-zstack-size=16777216");
    println!("cargo::rerun-if-changed=build.rs");
}
