//! House-keeping of the workspace.
fn main() {}
