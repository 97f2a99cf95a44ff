//! The certificate being served: where it comes from, and how it is replaced without a restart.

pub mod anchored;
pub mod bundle;
pub mod cell;
pub mod ephemeral;
pub mod files;
pub mod issue;
pub mod issuer;
pub mod plan;
pub mod published;
pub mod said;
pub mod swap;
pub mod trust;
