//! `pullkey serve`, the real program: what it reads again, what it says, and how it ends.

#[path = "support/running.rs"]
mod running;
#[path = "support/script.rs"]
mod script;
#[path = "support/serving.rs"]
mod serving;
#[path = "support/signal.rs"]
mod signal;
#[path = "support/promtool.rs"]
mod tool;
#[path = "support/trusting.rs"]
mod trusting;
#[path = "support/wait.rs"]
mod wait;

#[path = "serve/client.rs"]
mod client;
#[path = "serve/openmetrics.rs"]
mod openmetrics;
#[path = "serve/place.rs"]
mod place;

#[path = "serve/certificates.rs"]
mod certificates;
#[path = "serve/configuration.rs"]
mod configuration;
#[path = "serve/logging.rs"]
mod logging;
#[path = "serve/metrics.rs"]
mod metrics;
#[path = "serve/promtool.rs"]
mod promtool;
#[path = "serve/self_issued.rs"]
mod self_issued;
#[path = "serve/stopping.rs"]
mod stopping;
