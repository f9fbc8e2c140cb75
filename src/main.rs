//! banbridge
fn main() {}
