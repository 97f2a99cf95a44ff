//! pullkey gives every Pod the image pull secrets that its images need.
//!
//! It is a Kubernetes mutating admission webhook. The parts, in reading order:
//! [`engine`] decides, [`server`] carries bytes to it, [`certs`] has the certificate,
//! [`process`] is what any long-running program needs, [`doctor`] judges an installation,
//! [`init`] makes a first configuration, [`commands`] puts them together, and [`shell`] has completions
//! and manual pages.

pub mod certs;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod doctor;
pub mod engine;
pub mod init;
pub mod process;
pub mod server;
pub mod shell;
