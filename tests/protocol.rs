//! The protocol to the byte: the real routes behind the real listener and real TLS, and a client that
//! controls every byte it sends.
//!
//! Of an answer the status line, the headers in their order and the body are compared; only the value
//! of `date` is left out. After each test the server must still answer a good review on a new
//! connection, and no thread of it may have panicked.

#[path = "support/trusting.rs"]
mod trusting;

#[path = "protocol/client.rs"]
mod client;
#[path = "protocol/reviews.rs"]
mod reviews;
#[path = "protocol/server.rs"]
mod server;

#[path = "protocol/answers.rs"]
mod answers;
#[path = "protocol/framing.rs"]
mod framing;
#[path = "protocol/malformed.rs"]
mod malformed;
#[path = "protocol/members.rs"]
mod members;
#[path = "protocol/panics.rs"]
mod panics;
#[path = "protocol/refusals.rs"]
mod refusals;
#[path = "protocol/size.rs"]
mod size;
#[path = "protocol/strangers.rs"]
mod strangers;
