//! Who has connected and waits for room: a line for each address, so that no crowd stands before others.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// All lines. That of the address whose turn it is stands first, and none is empty.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    lines: VecDeque<Line<T>>,
    /// How many may wait together.
    max: usize,
}

/// Those of one address, who has waited longest first.
#[derive(Debug)]
struct Line<T> {
    from: IpAddr,
    waiting: VecDeque<(T, Instant)>,
}

impl<T> Waiting<T> {
    pub(super) fn new(max: usize) -> Self {
        Self { lines: VecDeque::new(), max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many addresses wait.
    pub(super) fn addresses(&self) -> usize {
        self.lines.len()
    }

    /// Somebody comes.
    pub(super) fn push(&mut self, from: IpAddr, newcomer: T) {
        let newcomer = (newcomer, Instant::now());
        match self.lines.iter_mut().find(|line| line.from == from) {
            Some(line) => line.waiting.push_back(newcomer),
            None => self.lines.push_back(Line { from, waiting: VecDeque::from([newcomer]) }),
        }
    }

    /// The address whose turn it is.
    pub(super) fn turn(&self) -> Option<IpAddr> {
        self.lines.front().map(|line| line.from)
    }

    /// Takes out who has waited longest of this address, after which it is the next one's turn.
    pub(super) fn take(&mut self) -> Option<T> {
        let mut line = self.lines.pop_front()?;
        let (first, _) = line.waiting.pop_front()?;
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        Some(first)
    }

    /// There is no room for this address; it is the next one's turn.
    pub(super) fn pass(&mut self) {
        if !self.lines.is_empty() {
            self.lines.rotate_left(1);
        }
    }

    /// Sends away who has waited for longer than this, and, where too many wait, of the longest line who has
    /// waited longest: his client will give up first.
    pub(super) fn send_away(&mut self, patience: Duration) {
        for line in &mut self.lines {
            let is_over = |(_, since): &(T, Instant)| since.elapsed() >= patience;
            line.waiting.drain(..line.waiting.partition_point(is_over));
        }
        let mut surplus =
            self.lines.iter().map(|line| line.waiting.len()).sum::<usize>().saturating_sub(self.max);
        while surplus > 0 {
            // Of lines as long as each other the one that came last.
            if let Some(longest) = self.lines.iter_mut().max_by_key(|line| line.waiting.len()) {
                longest.waiting.pop_front();
            }
            surplus -= 1;
        }
        self.lines.retain(|line| !line.waiting.is_empty());
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        let lines = std::mem::take(&mut self.lines);
        lines.into_iter().flat_map(|line| line.waiting).map(|(newcomer, _)| newcomer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const POD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn the_addresses_take_turns_and_each_keeps_its_order() {
        let mut waiting = Waiting::new(10);
        for (from, newcomer) in [(POD, "a"), (POD, "b"), (POD, "c"), (SERVER, "d")] {
            waiting.push(from, newcomer);
        }
        assert_eq!(waiting.take(), Some("a"));
        assert_eq!(waiting.turn(), Some(SERVER));
        waiting.pass();
        assert_eq!(waiting.take(), Some("b"), "the server found no room");
        assert_eq!(waiting.take(), Some("d"));
        assert_eq!((waiting.turn(), waiting.addresses()), (Some(POD), 1));
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), ["c"]);
        assert!(waiting.is_empty() && waiting.take().is_none());
    }

    #[test]
    fn a_crowd_pushes_out_its_own_only() {
        let mut waiting = Waiting::new(3);
        waiting.push(SERVER, "server");
        for newcomer in ["a", "b", "c", "d"] {
            waiting.push(POD, newcomer);
            waiting.send_away(PATIENCE);
        }
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), ["server", "c", "d"]);
        let mut waiting = Waiting::new(1);
        waiting.push(SERVER, "server");
        waiting.push(POD, "a");
        waiting.send_away(PATIENCE);
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), ["server"], "who came first stays");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_too_long_is_sent_away_wherever_he_stands() {
        let mut waiting = Waiting::new(10);
        waiting.push(POD, "old");
        tokio::time::sleep(PATIENCE / 2).await;
        waiting.push(POD, "new");
        waiting.push(SERVER, "server");
        tokio::time::sleep(PATIENCE / 2).await;
        waiting.send_away(PATIENCE);
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), ["new", "server"]);
    }
}
