//! What pullkey knows: image names, patterns, rules, Pods and patches.
//!
//! Everything here is pure: data in, data out, no clock, no file, no network.

pub mod conditions;
pub mod config;
pub mod credentials;
pub mod explain;
mod glob;
pub mod image;
mod json;
pub mod manifest;
pub mod patch;
pub mod pattern;
pub mod pod;
pub mod review;
pub mod rules;
