//! What holds for every input, over generated ones.
//!
//! A failure prints the smallest input that shows it, and proptest writes its seed beside the test,
//! where it is tried first from then on: commit it together with the repair. More cases:
//!
//! ```text
//! PROPTEST_CASES=10000 cargo test --test properties
//! ```

#[path = "properties/credentials.rs"]
mod credentials;
#[path = "properties/init.rs"]
mod init;
#[path = "properties/manifests.rs"]
mod manifests;
#[path = "properties/names.rs"]
mod names;
#[path = "properties/parts.rs"]
mod parts;
#[path = "properties/patches.rs"]
mod patches;
#[path = "properties/reviews.rs"]
mod reviews;
#[path = "properties/styles.rs"]
mod styles;
