//! The API server as a client sees it: one object, the registration of the webhook.

pub mod client;
pub mod registration;
