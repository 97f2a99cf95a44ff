//! The program under test.

use std::env;
use std::path::PathBuf;

/// What `PULLKEY_PROGRAM` names, for `make test` the binary of the image; without it the build of this test.
pub(crate) fn under_test() -> PathBuf {
    let named = env::var_os("PULLKEY_PROGRAM").filter(|named| !named.is_empty());
    named.map_or_else(|| env!("CARGO_BIN_EXE_pullkey").into(), PathBuf::from)
}
