//! The pure middle: what a feed said becomes prefixes, what must get through is taken out, and a plan says which
//! rows to write. No I/O happens here and no clock is read: everything comes in as an argument, so that a dry run
//! and a real run are the same computation.

pub mod batch;
pub mod cost;
pub mod cover;
pub mod entry;
pub mod health;
pub mod hits;
pub mod never_block;

pub mod ownership;
pub mod pacing;
pub mod permit;
pub mod plan;
pub mod prefix;
pub mod snapshot;
pub mod special;
pub mod strikes;
pub mod surge;
pub mod target;
pub mod timed;
pub mod wanted;
pub mod widen;
pub mod width;

pub use cover::Cover;
pub use entry::Entry;
pub use never_block::{NeverBlock, Protection, Source};
pub use prefix::Prefix;
