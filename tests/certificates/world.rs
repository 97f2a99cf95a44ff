//! Replicas, a registration and the passing of time, with the laws that hold at every step.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use pullkey::certs::bundle::{Anchor, Bundle, CERTIFICATES_MAX, Fingerprint};
use pullkey::certs::issue::{self, SubjectName};
use pullkey::certs::plan::STORM;
use pullkey::certs::plan::leaf::Leaf;
use pullkey::cluster::registration::{SETTLED_ANNOTATION, Sight};
use serde_json::json;

use super::events::{Event, REPLICAS};
use super::replica::{Deed, Replica, wall};
use super::server::{Server, base64, client_config, read_as_go_does};

/// The registration, the replicas, and what may not happen.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) at: Duration,
    pub(crate) server: Server,
    pub(crate) replicas: Vec<Replica>,
    away_until: Duration,
    /// Since when each certificate has been in the stored bundle.
    stands_since: BTreeMap<Fingerprint, Duration>,
    /// Which law was broken, and how.
    pub(crate) broken: Option<String>,
}

impl World {
    pub(crate) fn new(skews: [i64; REPLICAS], life: Duration, seed: u64) -> Self {
        let replica = |(number, skew)| Replica::new(number, skew, life, seed ^ number as u64);
        Self {
            at: Duration::from_secs(1),
            server: Server::new(),
            replicas: skews.into_iter().enumerate().map(replica).collect(),
            away_until: Duration::ZERO,
            stands_since: BTreeMap::new(),
            broken: None,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.at + duration;
        while self.broken.is_none() {
            let next = self
                .replicas
                .iter()
                .enumerate()
                .filter_map(|(number, replica)| Some((replica.next_at()?, number)));
            let Some((at, number)) = next.min().filter(|(at, _)| *at <= end) else {
                break;
            };
            self.at = self.at.max(at);
            let version = self.server.read().version().cloned();
            let deed = self.replicas[number].step(self.at, &mut self.server, self.at < self.away_until);
            if self.server.read().version() != version.as_ref() {
                self.announce();
            }
            if let Some(deed) = deed {
                self.judge(number, deed);
            }
        }
        self.at = end;
    }

    pub(crate) fn happen(&mut self, event: &Event) {
        let at = self.at;
        match event.clone() {
            Event::Start(replica, kept) => self.replicas[replica].start(at, kept),
            Event::Crash(replica) => self.replicas[replica].crash(),
            Event::CrashAfter(replica, steps) => self.replicas[replica].crashes_after = Some(steps),
            Event::Suspend(replica, time) => self.replicas[replica].suspend(at, at + time),
            Event::Lag(replica, lag) => self.replicas[replica].lag = lag,
            Event::LoseSights(replica) => self.replicas[replica].queue.clear(),
            Event::LoseAnswer(replica) => self.replicas[replica].loses_answer = true,
            Event::Distrust(replica) => {
                if let Some(plan) = &mut self.replicas[replica].plan {
                    plan.distrusted();
                }
            }
            Event::Away(time) => self.away_until = at + time,
            Event::Lossy(loses) => self.server.loses = loses,
            Event::Pair => {
                self.label(1);
                self.pass(Duration::from_millis(3));
                self.label(2);
            }
            Event::Storm(writes) => {
                for number in 0..writes {
                    self.label(number);
                    self.pass(Duration::from_millis(333));
                }
            }
            Event::Wipe => self.meddle(|_| None),
            Event::Rubbish => self.meddle(|_| Some(b"rubbish, and no PEM".to_vec())),
            Event::Glue => self.meddle(|bundle| {
                let glued = [bundle.trim_ascii_end(), &others()[0]].concat();
                Some(glued)
            }),
            Event::Comment => self.meddle(|bundle| Some([b"# mine\n", bundle].concat())),
            Event::Others(number) => {
                self.meddle(|bundle| Some([bundle, &others()[..number].concat()].concat()));
            }
            Event::Overwrite => self.meddle(|_| Some(others()[1].clone())),
            Event::Unsettle => self.change(|object| {
                if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
                    annotations.remove(SETTLED_ANNOTATION);
                }
            }),
            Event::Rename => self.change(|object| {
                object["webhooks"][1]["name"] = json!("renamed.example.com");
            }),
            Event::RenameBack => self.rename_back(),
            Event::Delete => {
                self.server.delete();
                self.announce();
            }
            Event::Create => {
                self.server.create(at);
                self.announce();
            }
        }
    }

    /// From now on all is well.
    pub(crate) fn calm_down(&mut self) {
        self.away_until = self.at;
        let awake_at = self.replicas.iter().map(|replica| replica.sleeps_until).max().unwrap_or_default();
        self.pass(awake_at.saturating_sub(self.at));
        self.replicas.iter_mut().for_each(|replica| replica.crashes_after = None);
        self.server.create(self.at);
        self.rename_back();
        self.announce();
    }

    /// The replicas that run, with what they serve.
    pub(crate) fn running(&self) -> impl Iterator<Item = (&Replica, Option<&Leaf>)> {
        let plans = self.replicas.iter().filter_map(|replica| Some((replica, replica.plan.as_ref()?)));
        plans.map(|(replica, plan)| (replica, plan.served()))
    }

    /// How many certificates were issued to renew others.
    pub(crate) fn issues(&self) -> usize {
        self.replicas.iter().map(|replica| replica.issues).sum()
    }

    fn rename_back(&mut self) {
        self.change(|object| {
            object["webhooks"][1]["name"] = json!(pullkey::cluster::registration::WEBHOOK_NAME);
        });
    }

    fn label(&mut self, number: u32) {
        let at = self.at.as_nanos().to_string();
        self.change(|object| object["metadata"]["labels"]["a"] = json!(format!("{at} {number}")));
    }

    fn meddle(&mut self, bundle: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
        let bundle = bundle(&self.server.bundle());
        self.change(|object| {
            let config = client_config(object).as_object_mut().expect("an object");
            match bundle {
                Some(bundle) => drop(config.insert("caBundle".to_owned(), base64(&bundle))),
                None => drop(config.remove("caBundle")),
            }
        });
    }

    fn change(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        self.server.meddle(self.at, change);
        self.announce();
    }

    /// The object has changed: each replica will see it in its time.
    fn announce(&mut self) {
        let sight = self.server.read().clone();
        for replica in &mut self.replicas {
            let last = replica.queue.back().map_or(Duration::ZERO, |(at, _)| *at);
            replica.queue.push_back((last.max(self.at + replica.lag), sight.clone()));
        }
        let stands = read_as_go_does(&self.server.bundle());
        let since = |anchor: &Anchor| {
            let fingerprint = anchor.fingerprint();
            (fingerprint, self.stands_since.get(&fingerprint).copied().unwrap_or(self.at))
        };
        self.stands_since = stands.anchors().iter().map(since).collect();
    }

    fn judge(&mut self, number: usize, deed: Deed) {
        match deed {
            Deed::Served { leaf, in_need } => {
                if wall(self.at) < leaf.not_before || leaf.has_expired(wall(self.at)) {
                    self.broken = Some(format!("replica {number} serves {leaf:?} out of its time"));
                }
                if in_need || matches!(self.server.read(), Sight::Missing) {
                    return;
                }
                let anchor = &leaf.anchors[0];
                let Some(since) = self.stands_since.get(&anchor.fingerprint()) else {
                    self.broken =
                        Some(format!("replica {number} serves {anchor:?}, which is not in the bundle"));
                    return;
                };
                if !self.server.trusts(anchor.der()) && self.at.saturating_sub(*since) < STORM {
                    self.broken = Some(format!(
                        "replica {number} serves {anchor:?}, which an API server does not trust yet"
                    ));
                }
            }
            Deed::ClungTo(leaf) => {
                self.broken = Some(format!("replica {number} serves {leaf:?}, which has expired"));
            }
            Deed::Wrote { before, after } => {
                let (before, after) = (Bundle::parse(&before), Bundle::parse(&after));
                let now = wall(self.at);
                let is_full = after.anchors().len() >= CERTIFICATES_MAX;
                let issued = &self.replicas[number].issued;
                let wrong = before.anchors().iter().find(|anchor| {
                    let is_own = issued.contains(&anchor.fingerprint());
                    !after.contains(anchor.fingerprint()) && !is_full && !is_own && anchor.not_after() > now
                });
                if let Some(anchor) = wrong {
                    self.broken = Some(format!("replica {number} removed {anchor:?}, which has not expired"));
                }
                // To touch an object is not to fill its bundle.
                if before != after && after.anchors().len() > CERTIFICATES_MAX {
                    self.broken =
                        Some(format!("replica {number} wrote {} certificates", after.anchors().len()));
                }
            }
            Deed::Other => {}
        }
    }
}

/// Certificates of others, as PEM. They are made once, because making keys takes time.
fn others() -> &'static [Vec<u8>] {
    static OTHERS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    OTHERS.get_or_init(|| {
        let names: [SubjectName; 1] = ["other.example.com".parse().expect("a name")];
        let year = Duration::from_secs(365 * 24 * 3600);
        let other = |number| {
            issue::issue_for(&format!("other {number} "), &names, year, wall(Duration::ZERO))
                .expect("a certificate")
                .pem
        };
        (0..70).map(|number| other(number).into_bytes()).collect()
    })
}
