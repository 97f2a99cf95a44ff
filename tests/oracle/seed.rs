//! Random choices that can be repeated: the seed is printed when a test fails.

use std::env;

/// A source of random choices.
#[derive(Debug)]
pub(crate) struct Random {
    numbers: fastrand::Rng,
}

impl Random {
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self { numbers: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.numbers.usize(..end)
    }

    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        self.numbers.usize(least..=most)
    }

    /// True once in so many times, on average.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<Item: Copy>(&mut self, items: &[Item]) -> Item {
        items[self.below(items.len())]
    }

    /// A text of the given length from the characters of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| self.pick(&alphabet)).collect()
    }
}

/// `PULLKEY_ORACLE_SEED`, or another seed for each run.
pub(crate) fn seed() -> u64 {
    number("PULLKEY_ORACLE_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// `PULLKEY_ORACLE_CASES`: how many images, and how many pairs, one run generates.
pub(crate) fn cases() -> usize {
    number("PULLKEY_ORACLE_CASES").unwrap_or(100_000)
}

fn number<Number: std::str::FromStr>(variable: &str) -> Option<Number> {
    let text = env::var(variable).ok()?;
    let Ok(number) = text.parse() else { panic!("{variable} is not a whole number: {text:?}") };
    Some(number)
}
