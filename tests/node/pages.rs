//! The pages say what was seen: the table of README.md, and the texts of docs/troubleshooting.md.

use std::sync::PoisonError;

use super::cases::CASES;
use super::demo::masked;
use super::support::markdown::{commands, fences, read};
use super::world::World;

const TABLE: &str = "| case | expected | seen |";
const TROUBLESHOOTING: &str = "docs/troubleshooting.md";

/// The rows of the table are the cases, each seen as it is expected.
pub(crate) fn readme_shows_every_case() -> Result<(), String> {
    let readme = read("README.md");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let head = cells(TABLE);
    let mut lines = readme.lines().skip_while(|line| cells(line) != head);
    lines.next().ok_or_else(|| format!("README.md has no table {TABLE}"))?;
    let shown: Vec<Vec<String>> = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect();
    let rows: Vec<Vec<String>> = CASES
        .iter()
        .map(|case| [case.name, case.expected, case.expected].map(str::to_owned).to_vec())
        .collect();
    if let Some((row, other)) = rows.iter().zip(&shown).find(|(row, other)| row != other) {
        return Err(format!("README.md has the row {other:?} where the table has {row:?}"));
    }
    if rows.len() == shown.len() {
        Ok(())
    } else {
        Err(format!("README.md shows {} rows, and the table has {}", shown.len(), rows.len()))
    }
}

/// What follows `make demo` is what it shows.
pub(crate) fn readme_shows_the_demo(world: &World) -> Result<(), String> {
    let blocks = commands("README.md", &read("README.md"))?;
    let demo =
        blocks.iter().find(|block| block.text == "make demo\n").ok_or("README.md has no `make demo`")?;
    let shown = demo.expected.as_deref().ok_or("README.md does not show what `make demo` prints")?;
    let told = world.told.lock().unwrap_or_else(PoisonError::into_inner);
    if masked(shown) == masked(&told) {
        Ok(())
    } else {
        Err(format!("README.md shows another demo than this:\n{told}"))
    }
}

/// Each text of the page is one that an event or a container had.
pub(crate) fn troubleshooting_quotes_what_the_kubelet_prints(world: &World) -> Result<(), String> {
    let messages = world.messages();
    let fences = fences(TROUBLESHOOTING, &read(TROUBLESHOOTING))?;
    let quoted = fences.iter().filter(|fence| fence.language == "text");
    let lines: Vec<&str> = quoted.flat_map(|fence| fence.text.lines()).collect();
    if lines.is_empty() {
        return Err(format!("{TROUBLESHOOTING} quotes nothing"));
    }
    let unseen: Vec<&str> = lines.into_iter().filter(|line| !messages.contains(*line)).collect();
    if unseen.is_empty() {
        return Ok(());
    }
    // Those that begin alike are what a reader looks for.
    let head = |text: &str| text.chars().take(40).collect::<String>();
    let near: Vec<&str> = messages
        .iter()
        .map(String::as_str)
        .filter(|message| unseen.iter().any(|line| head(line) == head(message)))
        .collect();
    let (unseen, near) = (unseen.join("\n"), near.join("\n"));
    Err(format!("{TROUBLESHOOTING} quotes what nobody said:\n{unseen}\nand this was said:\n{near}"))
}
