//! What any long-running process needs: metrics, readiness, logs, a way to stop, an admin port.

pub mod admin;
pub mod histogram;
pub mod logs;
pub mod metrics;
pub mod ready;
pub mod shutdown;
