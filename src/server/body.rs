//! Reading a request's body, within bytes and time, also when the request is refused.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

/// How much is reserved because a client announces it; what is more has to come first.
const RESERVED_BYTES_MAX: usize = 128 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed, by its announced or its real length.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// The client broke off, or the framing is broken.
    Broken,
}

/// Reads a body of at most `bytes_max` bytes.
///
/// # Errors
/// The body is too large, too slow or broken.
pub async fn read(body: Body, bytes_max: usize, time_max: Duration) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > bytes_max) {
        return Err(BodyError::TooLarge);
    }
    timeout(time_max, collect(body, bytes_max)).await.unwrap_or(Err(BodyError::TooSlow))
}

/// Reads a body to its end and keeps nothing.
///
/// A server that answers and closes with unread data makes Go's client see a broken pipe instead of
/// the answer.
///
/// # Errors
/// The body is too large, too slow or broken.
pub async fn discard(mut body: Body, bytes_max: usize, time_max: Duration) -> Result<(), BodyError> {
    let read = async {
        let mut length = 0;
        while let Some(data) = next(&mut body).await? {
            length += data.len();
            if length > bytes_max {
                return Err(BodyError::TooLarge);
            }
        }
        Ok(())
    };
    timeout(time_max, read).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, BodyError> {
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = next(&mut body).await? else {
        // Most reviews arrive in one piece, which needs no copy.
        return if first.len() > bytes_max { Err(BodyError::TooLarge) } else { Ok(first) };
    };
    // Growing piece by piece would copy the beginning again and again.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let expected = first.len() + second.len() + announced;
    let mut whole = BytesMut::with_capacity(expected.min(RESERVED_BYTES_MAX));
    whole.extend_from_slice(&first);
    drop(first);
    let mut piece = Some(second);
    while let Some(data) = piece {
        if whole.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&data);
        piece = next(&mut body).await?;
    }
    Ok(whole.freeze())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
