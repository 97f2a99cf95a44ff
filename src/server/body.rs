//! Reading a request's body, within bytes and time, also when the request is refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, sleep, timeout};

use super::connections::Traffic;
use super::gate::{Part, Permit};
use super::limits::{BODY_BYTES_MAX, Limits};

/// Up to here a body is short: it is read as it comes, because the number of connections bounds it.
/// A longer one must first find room among the bytes that may be held at once.
const SHORT_BYTES: usize = 32 * 1024;
/// How much is reserved for a body whose length is not announced.
const UNKNOWN_RESERVED_BYTES: usize = 128 * 1024;
/// While others wait, this much of a body must come...
const LEAST_BYTES: usize = 32 * 1024;
/// ... in this time.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is longer than allowed, by its announced or its real length.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// The client broke off, or the framing is broken.
    Broken,
    /// Others need the room. This is what is left of it.
    Busy(Incoming),
}

/// A whole body, with the room that it takes.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) bytes: Bytes,
    _room: Option<Permit<'a>>,
}

/// Reads a body, which must not be slow while others wait. `part` is what its address has of the room.
///
/// # Errors
/// The body is too large, too slow or broken, or there is no room for it.
pub(super) async fn read<'a>(
    mut body: Incoming,
    limits: &Limits,
    traffic: &'a Traffic,
    part: &'a Part,
) -> Result<Whole<'a>, BodyError> {
    let hint = body.size_hint();
    if usize::try_from(hint.lower()).map_or(true, |announced| announced > BODY_BYTES_MAX) {
        return Err(BodyError::TooLarge);
    }
    let announced = hint.exact().and_then(|announced| usize::try_from(announced).ok());
    let most = announced.unwrap_or(BODY_BYTES_MAX);
    let room = if most > SHORT_BYTES {
        let Some(room) = traffic.body_bytes.pass(most, part).await else {
            return Err(BodyError::Busy(body));
        };
        Some(room)
    } else {
        None
    };
    let come = AtomicUsize::new(0);
    let read = tokio::select! {
        biased;
        bytes = collect(&mut body, announced, &come) => bytes.map(Some),
        overdue = overdue(limits.body, traffic, room.is_some().then_some(part), &come) => overdue.map(|()| None),
    };
    match read {
        Ok(Some(bytes)) => Ok(Whole { bytes, _room: room }),
        Ok(None) => Err(BodyError::Busy(body)),
        Err(error) => Err(error),
    }
}

/// Reads a body to its end and keeps nothing.
///
/// A server that answers and closes with unread data makes Go's client see a broken pipe instead of
/// the answer.
///
/// # Errors
/// The body is too large, too slow or broken.
pub(super) async fn discard(mut body: Incoming, time_max: Duration) -> Result<(), BodyError> {
    let read = async {
        let mut length = 0;
        while let Some(data) = next(&mut body).await? {
            length += data.len();
            if length > BODY_BYTES_MAX {
                return Err(BodyError::TooLarge);
            }
        }
        Ok(())
    };
    timeout(time_max, read).await.unwrap_or(Err(BodyError::TooSlow))
}

/// Ends when a body has had its time, with an error, or when others need what it holds. A long one holds some
/// of its address's part of the room.
async fn overdue(
    time_max: Duration,
    traffic: &Traffic,
    part: Option<&Part>,
    come: &AtomicUsize,
) -> Result<(), BodyError> {
    let started = Instant::now();
    let mut seen = 0;
    while started.elapsed() < time_max {
        sleep(PATIENCE.min(time_max.saturating_sub(started.elapsed()))).await;
        let come = come.load(Ordering::Relaxed);
        let is_slow = come < seen + LEAST_BYTES && traffic.is_short();
        // What comes just as fast as it must can take its place for long.
        if is_slow || part.is_some_and(|part| traffic.body_bytes.owes(part)) {
            return Ok(());
        }
        seen = come;
    }
    Err(BodyError::TooSlow)
}

/// Puts a body together; `come` tells how much of it there is.
async fn collect(
    body: &mut Incoming,
    announced: Option<usize>,
    come: &AtomicUsize,
) -> Result<Bytes, BodyError> {
    let Some(first) = next(body).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = next(body).await? else {
        // Most reviews arrive in one piece, which needs no copy.
        return if first.len() > BODY_BYTES_MAX { Err(BodyError::TooLarge) } else { Ok(first) };
    };
    // Growing piece by piece would copy the beginning again and again.
    let mut whole = BytesMut::with_capacity(announced.unwrap_or(UNKNOWN_RESERVED_BYTES));
    whole.extend_from_slice(&first);
    drop(first);
    let mut piece = Some(second);
    while let Some(data) = piece {
        if whole.len() + data.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&data);
        come.store(whole.len(), Ordering::Relaxed);
        piece = next(body).await?;
    }
    Ok(whole.freeze())
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
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
