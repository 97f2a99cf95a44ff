//! What the tests share that need a real API server.
//!
//! In reading order: `sandbox` makes the place where a cluster can live and die
//! without a trace, `programs` finds or builds Kubernetes, `cluster` starts it,
//! `installation` installs pullkey as an operator would, and `kubectl`, `process`
//! and `wait` are the tools they use.

pub(crate) mod cluster;
pub(crate) mod installation;
pub(crate) mod kubectl;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod sandbox;
pub(crate) mod wait;
