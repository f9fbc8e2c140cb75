//! A stand-in for the apiban API, on a loopback port, with faults on demand.
//!
//! Written from what the API's public clients and pages show. The program `apiban-simulator` wraps
//! it for the demo and for black-box tests; `tests/it/feed_faults.rs` runs it in its own process.
//! Plain sockets and no HTTP library: most of its faults are answers that a library would not send.

pub mod api;
pub mod fault;
pub mod server;
pub mod tls;
pub mod wire;

pub use fault::Fault;
pub use server::{Options, Simulator};
