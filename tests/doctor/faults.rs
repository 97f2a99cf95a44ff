//! One file for each part that can be broken.

pub(crate) mod around;
pub(crate) mod certificate;
pub(crate) mod configuration;
pub(crate) mod labels;
pub(crate) mod pods;
pub(crate) mod probe;
pub(crate) mod registration;
pub(crate) mod replicas;
pub(crate) mod rivals;
pub(crate) mod secrets;
pub(crate) mod service;
