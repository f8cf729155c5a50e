//! The dashboard and the browser SDK are part of the binary: what `scripts/build-pages` makes is watched, because a new
//! file is nothing that cargo sees on its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=sdk/dist");
}
