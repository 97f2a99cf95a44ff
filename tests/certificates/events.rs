//! What can go wrong, and how a bad day is made of it.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

/// How many replicas there may be.
pub(crate) const REPLICAS: usize = 3;

/// Something that happens to the world. A number is that of a replica.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Start(usize, bool),
    Crash(usize),
    CrashAfter(usize, u32),
    Suspend(usize, Duration),
    Lag(usize, Duration),
    LoseSights(usize),
    LoseAnswer(usize),
    Distrust(usize),
    /// The API servers do not answer for so long.
    Away(Duration),
    /// From now on these API servers miss one of two writes in quick succession.
    Lossy([bool; 2]),
    /// Two writes of somebody else, a few milliseconds apart.
    Pair,
    /// So many writes of somebody else, a third of a second apart.
    Storm(u32),
    Wipe,
    Rubbish,
    /// The last line end is missing, and another certificate follows.
    Glue,
    Comment,
    /// Certificates of so many other replicas.
    Others(usize),
    Overwrite,
    Unsettle,
    Rename,
    RenameBack,
    Delete,
    Create,
}

/// What happens, each so long after the one before.
pub(crate) type Day = Vec<(Duration, Event)>;

/// Days on which everything can happen.
pub(crate) fn days() -> impl Strategy<Value = Day> {
    vec((delay(), event()), 0..24)
}

fn delay() -> impl Strategy<Value = Duration> {
    let milliseconds = prop_oneof![
        3 => 0..40_u64,
        5 => 40..4_000_u64,
        2 => 4_000..120_000_u64,
        1 => 120_000..3_600_000_u64,
        1 => Just(9 * 3_600_000_u64),
    ];
    milliseconds.prop_map(Duration::from_millis)
}

fn event() -> impl Strategy<Value = Event> {
    let replica = || 0..REPLICAS;
    let seconds = |range: std::ops::Range<u64>| range.prop_map(Duration::from_secs);
    prop_oneof![
        8 => (replica(), any::<bool>()).prop_map(|(replica, kept)| Event::Start(replica, kept)),
        3 => replica().prop_map(Event::Crash),
        3 => (replica(), 0..8_u32).prop_map(|(replica, steps)| Event::CrashAfter(replica, steps)),
        1 => (replica(), seconds(1..200_000)).prop_map(|(replica, time)| Event::Suspend(replica, time)),
        2 => (replica(), (1..3_000_u64).prop_map(Duration::from_millis)).prop_map(|(replica, lag)| Event::Lag(replica, lag)),
        2 => replica().prop_map(Event::LoseSights),
        2 => replica().prop_map(Event::LoseAnswer),
        1 => replica().prop_map(Event::Distrust),
        1 => seconds(1..20_000).prop_map(Event::Away),
        2 => any::<[bool; 2]>().prop_map(Event::Lossy),
        2 => Just(Event::Pair),
        1 => (1..60_u32).prop_map(Event::Storm),
        2 => Just(Event::Wipe),
        1 => Just(Event::Rubbish),
        1 => Just(Event::Glue),
        1 => Just(Event::Comment),
        1 => (1..70_usize).prop_map(Event::Others),
        1 => Just(Event::Overwrite),
        2 => Just(Event::Unsettle),
        1 => Just(Event::Rename),
        1 => Just(Event::RenameBack),
        1 => Just(Event::Delete),
        3 => Just(Event::Create),
    ]
}
