//! Trials that have an installation of their own: they run one after another, beside all others.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::Run;
use crate::world::World;

type Outcome = Result<(), String>;

/// What became of a trial, and what it has to say.
type Ended = (Outcome, Vec<String>);

thread_local! {
    /// What the trial on this thread has to say.
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Prints this when the outcome is asked for, so that it does not come into the middle of another line.
pub(crate) fn say(line: String) {
    SAID.with_borrow_mut(|lines| lines.push(line));
}

/// The outcomes of trials that run.
#[derive(Debug)]
pub(crate) struct Beside(Mutex<BTreeMap<&'static str, Receiver<Ended>>>);

impl Beside {
    /// Begins with the first.
    pub(crate) fn start(world: &'static World, trials: Vec<(&'static str, Run)>) -> Self {
        let mut receivers = BTreeMap::new();
        let mut queue = Vec::new();
        for (name, run) in trials {
            let (sender, receiver) = channel();
            receivers.insert(name, receiver);
            queue.push((run, sender));
        }
        thread::spawn(move || {
            for (run, sender) in queue {
                let outcome = catch_unwind(AssertUnwindSafe(|| run(world)));
                // Nobody waits for it any more when the others have ended the program.
                let outcome = outcome.map_err(|panic| message(panic.as_ref()));
                let _ = sender.send((outcome, SAID.take()));
            }
        });
        Self(Mutex::new(receivers))
    }

    /// Waits for the end of this one.
    pub(crate) fn outcome(&self, name: &str) -> Outcome {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        let receiver = receiver.ok_or_else(|| format!("{name} was not started"))?;
        let ended = receiver.recv().map_err(|_| "its thread has ended".to_owned());
        let (outcome, said) = ended?;
        if !said.is_empty() {
            println!("\n{}", said.join("\n"));
        }
        outcome
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
