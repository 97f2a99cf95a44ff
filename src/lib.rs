//! pullkey gives every Pod the image pull secrets that its images need.

pub mod engine;
