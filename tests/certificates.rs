//! The bundle and the plan of published certificates, without an API server: replicas, clocks, lost
//! updates and other actors are simulated, so that a thousand bad days take a minute.

#[path = "certificates/bundle.rs"]
mod bundle;
#[path = "certificates/events.rs"]
mod events;
#[path = "certificates/kept.rs"]
mod kept;
#[path = "certificates/laws.rs"]
mod laws;
#[path = "certificates/replica.rs"]
mod replica;
#[path = "certificates/server.rs"]
mod server;
#[path = "certificates/world.rs"]
mod world;
