//! Finding the cluster that a user means.

use std::future::Future;

use anyhow::Context as _;

use crate::cli::access::AccessArgs;
use crate::cluster::reader::{Access, Reader};

/// Finds the API server that the flags and the kubeconfig lead to. Nothing is sent yet.
pub(super) async fn connect(args: &AccessArgs) -> anyhow::Result<Reader> {
    let AccessArgs { kubeconfig, context, in_cluster } = args;
    let access = Access { kubeconfig: kubeconfig.clone(), context: context.clone(), in_cluster: *in_cluster };
    Ok(Reader::connect(&access).await?)
}

/// Runs what a command does with a cluster. It mostly waits, so one thread is enough.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}
