//! The API server as a client sees it: the registration for `serve`, and what a user may read for other commands.

pub mod client;
pub mod reader;
pub mod registration;
mod words;
