//! A Deployment of two replicas, and what a rollout does to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::balancer::Balancer;
use super::replica::Replica;
use super::support::wait::until;

/// How many replicas there are outside of a rollout.
const REPLICAS: usize = 2;

/// The replicas and the Service before them.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) balancer: Balancer,
    /// With which new replicas are started.
    pub(crate) arguments: Vec<String>,
    /// With which new replicas are started too.
    pub(crate) environment: Vec<(String, String)>,
    folder: PathBuf,
    /// The oldest first.
    serving: Vec<Replica>,
    draining: Vec<(Replica, Instant)>,
    /// How long each took that has ended.
    drains: Vec<Duration>,
}

impl Fleet {
    /// Starts the replicas and returns when the Service leads to both.
    pub(crate) fn start(
        folder: &Path,
        listen: SocketAddr,
        delay: Duration,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
    ) -> Self {
        let mut fleet = Self {
            balancer: Balancer::start(listen, delay),
            arguments,
            environment,
            folder: folder.to_owned(),
            serving: Vec::new(),
            draining: Vec::new(),
            drains: Vec::new(),
        };
        let new: Vec<Replica> = (0..REPLICAS).map(|_| fleet.launch()).collect();
        for replica in new {
            fleet.take_in(replica);
        }
        fleet
    }

    /// Starts a replica that is not waited for.
    pub(crate) fn launch(&self) -> Replica {
        let replica = Replica::start(&self.folder, &self.arguments, &self.environment);
        self.balancer.add(replica.tls, replica.admin);
        replica
    }

    /// Returns when the Service leads to this replica.
    fn take_in(&mut self, mut replica: Replica) {
        until("the replica is ready", || replica.ready());
        until("the Service leads to the replica", || {
            if self.balancer.leads_to(replica.tls) { Ok(()) } else { Err("not yet".to_owned()) }
        });
        self.serving.push(replica);
    }

    /// Replaces the oldest replica, surge first: it is asked to end when the Service leads to its successor.
    ///
    /// It drains while this goes on, as it does in a cluster.
    pub(crate) fn replace_one(&mut self) {
        let new = self.launch();
        self.take_in(new);
        let old = self.serving.remove(0);
        old.signal("TERM");
        self.draining.push((old, Instant::now()));
        self.collect();
    }

    /// Replaces each replica, one after the other, which is one rolling restart.
    pub(crate) fn roll(&mut self) {
        for _ in 0..REPLICAS {
            self.replace_one();
        }
    }

    /// Kills the oldest replica as a lost node would, and starts another.
    pub(crate) fn crash_one(&mut self) {
        drop(self.serving.remove(0));
        let new = self.launch();
        self.serving.push(new);
    }

    /// Waits until all that were asked to end have ended, and returns the shortest and the longest time that one took.
    pub(crate) fn drained(&mut self) -> (Duration, Duration) {
        until("all replicas have drained", || {
            self.collect();
            match self.draining.first() {
                None => Ok(()),
                Some((replica, since)) => {
                    Err(format!("{} drains since {since:?}:\n{}", replica.name, replica.last_lines()))
                }
            }
        });
        for replica in &mut self.serving {
            until("the replicas are ready", || replica.ready());
        }
        let ordered = self.drains.iter().copied();
        (ordered.clone().min().unwrap_or_default(), ordered.max().unwrap_or_default())
    }

    fn collect(&mut self) {
        let drains = &mut self.drains;
        self.draining.retain_mut(|(replica, since)| {
            let Some(status) = replica.ended() else { return true };
            assert!(status.success(), "{} ended with {status}:\n{}", replica.name, replica.last_lines());
            drains.push(since.elapsed());
            false
        });
    }
}
