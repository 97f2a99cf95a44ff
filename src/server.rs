//! The network edge: it carries bytes between the API server and the engine.

pub mod active;
pub mod body;
pub mod limits;
pub mod listener;
pub mod routes;
pub mod tls;
