//! Switchback: binary.
fn main() {}
