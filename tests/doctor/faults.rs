//! One file for each part that can be broken.

pub(crate) mod registration;
