//! What the tests share that need a real API server.
//!
//! In reading order: `sandbox` makes the place where a cluster can live and die
//! without a trace, `programs` finds or builds Kubernetes (`program` is pullkey), `cluster` starts it,
//! `installation` installs pullkey as an operator would, `kubelet` runs its Pods
//! where a trial needs them (`objects` is what it reads, `container` what it runs, `status` what it tells,
//! `farewell` what it told to end), and `kubectl`, `process`, `shell` and `wait`
//! are the tools they use (with `signal`; `script` runs what builds the programs). `patching` is another webhook.
//! `helm` installs the chart. `markdown` reads the commands of the documentation.

pub(crate) mod api;
pub(crate) mod cluster;
pub(crate) mod container;
pub(crate) mod farewell;
pub(crate) mod helm;
pub(crate) mod installation;
pub(crate) mod kubectl;
pub(crate) mod kubelet;
pub(crate) mod markdown;
pub(crate) mod objects;
pub(crate) mod outcome;
pub(crate) mod patching;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod programs;
pub(crate) mod sandbox;
pub(crate) mod script;
pub(crate) mod shell;
pub(crate) mod signal;
pub(crate) mod status;
pub(crate) mod wait;
