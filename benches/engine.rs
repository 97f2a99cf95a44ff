//! How long the engine takes for a review: `cargo bench --bench engine`.
//!
//! The lengths are those of a small, a usual and a large Pod. Entries with an exact host are to
//! cost nothing until an image names it; each glob is looked at once for every image.

use std::fmt;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use pullkey::engine::review;

#[path = "support/reviews.rs"]
mod reviews;

use reviews::{Registries, Size, assert_right};

const REGISTRIES: [Registries; 3] = [
    Registries { exact: 10, globs: 0 },
    Registries { exact: 1000, globs: 0 },
    Registries { exact: 10, globs: 100 },
];

/// One row.
#[derive(Clone, Copy, Debug)]
struct Case {
    size: Size,
    registries: Registries,
}

fn main() {
    divan::main();
}

#[divan::bench(args = cases(), sample_count = 200, sample_size = 10)]
fn review(bencher: Bencher<'_, '_>, Case { size, registries }: Case) {
    let (body, rules) = (size.review(), registries.rules());
    assert_right(&review::review(&body, &rules).expect("the review is well-formed").body);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| review::review(black_box(&body), black_box(&rules)));
}

fn cases() -> impl Iterator<Item = Case> {
    Size::ALL.into_iter().flat_map(|size| REGISTRIES.map(|registries| Case { size, registries }))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.size, self.registries)
    }
}
