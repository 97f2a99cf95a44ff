//! What pullkey knows: image names, patterns, rules, Pods and patches.
//!
//! Everything here is pure: data in, data out, no clock, no file, no network.

pub mod image;
pub mod pattern;
