//! A first configuration, made of the pull secrets that a user has.
//!
//! Everything here is pure, and no credential gets here: [`crate::engine::credentials`] keeps none.

pub mod docker;
pub mod proposal;
pub mod remarks;
pub mod secrets;
pub mod uses;
pub mod written;
