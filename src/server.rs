//! The network edge: it carries bytes between the API server and the engine.

pub mod active;
mod body;
mod connections;
mod drain;
mod gate;
pub mod limits;
pub mod listener;
pub mod probe;
mod room;
pub mod routes;
mod session;
pub mod tls;
mod waiting;
