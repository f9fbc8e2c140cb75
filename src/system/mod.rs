//! What every layer above uses and what knows none of them: programs, files, the database's connection, secrets, text,
//! time, and how the program ends.

pub mod child;
pub mod database;
pub mod decompress;
pub mod exit;
pub mod failure;
pub mod fault;
pub mod files;
pub mod hash;
pub mod limits;
pub mod machine;
pub mod program;
pub mod secret;
pub mod text;
pub mod time;
