//! The cluster with a user's own rights: what `doctor` and `init` read, and a Pod that is only tried.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::api::{GetParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Request;
use serde_json::Value;
use tokio::time::sleep;

use super::client::{CallError, ConnectError, call};

/// How many objects one answer of a list has at most; kubectl asks for as many.
const PAGE: u32 = 500;
/// What the API server answers when it has too much to do.
const TOO_MANY_REQUESTS: u16 = 429;
/// What it then asks for.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
const BUSY_MAX: usize = 5;

/// How to find the API server, as kubectl does.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The file; without one, those that `KUBECONFIG` names, or `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context; without one, the current one.
    pub context: Option<String>,
    /// Use the account of the Pod that this runs in.
    pub in_cluster: bool,
}

/// Reads objects by their paths.
#[derive(Clone)]
pub struct Reader {
    client: kube::Client,
    namespace: String,
    server: String,
}

impl Reader {
    /// Reads the user's files. Nothing is sent yet.
    ///
    /// # Errors
    /// They lead to no API server.
    pub async fn connect(access: &Access) -> Result<Self, ConnectError> {
        let mut config = config(access).await?;
        // Else an answer such as "not ready" would be asked for again until the time is over.
        config.default_retry = false;
        let (namespace, server) =
            (config.default_namespace.clone(), without_user(&config.cluster_url.to_string()));
        let client = kube::Client::try_from(config).map_err(|error| ConnectError::of(&error))?;
        Ok(Self { client, namespace, server })
    }

    /// The namespace that the context names, or `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The URL of the API server, without a user and a password.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Reads one object by its path, such as `/api/v1/namespaces/shop/secrets/regcred`.
    ///
    /// # Errors
    /// There is none, a right is missing, or the API server does not answer.
    pub async fn get(&self, path: &str) -> Result<Value, CallError> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).map_err(|error| no_json(path, &error))
    }

    /// Reads what is no object, such as the metrics of a Pod through the API server's proxy.
    ///
    /// # Errors
    /// There is nothing, a right is missing, or somebody does not answer.
    pub async fn text(&self, path: &str) -> Result<String, CallError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let request = Request::new(parent).get(name, &GetParams::default());
        let request = request.map_err(|error| CallError::Away(error.to_string()))?;
        self.answer(request).await
    }

    /// Reads all objects of a path, such as `/api/v1/pods`, a few hundred at a time.
    ///
    /// # Errors
    /// A right is missing, there is no such kind, or the API server does not answer.
    pub async fn list(&self, path: &str, each: impl FnMut(Value)) -> Result<(), CallError> {
        self.list_with(path, ListParams::default(), each).await
    }

    /// The same for the objects that have a label, whatever its value.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn list_labelled(
        &self,
        path: &str,
        label: Option<&str>,
        each: impl FnMut(Value),
    ) -> Result<(), CallError> {
        let label_selector = label.map(str::to_owned);
        self.list_with(path, ListParams { label_selector, ..ListParams::default() }, each).await
    }

    /// The same for the objects that a field selector such as `type=kubernetes.io/dockercfg` finds.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn list_selected(
        &self,
        path: &str,
        field_selector: Option<&str>,
        each: impl FnMut(Value),
    ) -> Result<(), CallError> {
        let field_selector = field_selector.map(str::to_owned);
        self.list_with(path, ListParams { field_selector, ..ListParams::default() }, each).await
    }

    async fn list_with(
        &self,
        path: &str,
        mut params: ListParams,
        mut each: impl FnMut(Value),
    ) -> Result<(), CallError> {
        params.limit = Some(PAGE);
        loop {
            let request = Request::new(path).list(&params);
            let request = request.map_err(|error| CallError::Away(error.to_string()))?;
            let text = self.answer(request).await?;
            let mut page: Value = serde_json::from_str(&text).map_err(|error| no_json(path, &error))?;
            if let Value::Array(items) = page["items"].take() {
                items.into_iter().for_each(&mut each);
            }
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => params.continue_token = Some(token.to_owned()),
                _ => return Ok(()),
            }
        }
    }

    /// Sends an object that is admitted and not stored, and returns what would have been stored.
    ///
    /// # Errors
    /// It is refused, or the API server does not answer.
    pub async fn try_to_create(&self, path: &str, object: &Value) -> Result<Value, CallError> {
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let request = Request::new(path).create(&params, object.to_string().into_bytes());
        let request = request.map_err(|error| CallError::Away(error.to_string()))?;
        let text = self.answer(request).await?;
        serde_json::from_str(&text).map_err(|error| no_json(path, &error))
    }

    /// Asks again only when the API server has too much to do, as kubectl does.
    async fn answer(&self, request: hyper::Request<Vec<u8>>) -> Result<String, CallError> {
        for _ in 0..BUSY_MAX {
            match call(self.client.request_text(request.clone())).await {
                Err(CallError::Other(TOO_MANY_REQUESTS, _)) => sleep(BUSY_PAUSE).await,
                answer => return answer,
            }
        }
        call(self.client.request_text(request)).await
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Reader({})", self.server)
    }
}

/// As kubectl does: the flag, then `KUBECONFIG`, then the file at home, then the account of a Pod.
async fn config(access: &Access) -> Result<kube::Config, ConnectError> {
    let kubeconfig = if access.in_cluster { None } else { kubeconfig(access)? };
    let Some(kubeconfig) = kubeconfig else {
        let config = kube::Config::incluster();
        return config.map_err(|error| {
            if access.in_cluster {
                ConnectError::because(format!("--in-cluster works in a Pod with a token only: {error}"))
            } else {
                ConnectError::no_kubeconfig()
            }
        });
    };
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| wrong_context(&error))
}

/// The user's files, if there is one. kubectl passes over those in `KUBECONFIG` that do not exist.
fn kubeconfig(access: &Access) -> Result<Option<Kubeconfig>, ConnectError> {
    let files = match (&access.kubeconfig, env::var_os("KUBECONFIG").filter(|list| !list.is_empty())) {
        (Some(file), _) => vec![file.clone()],
        (None, Some(list)) => env::split_paths(&list).filter(|file| file.exists()).collect(),
        (None, None) => {
            let file = env::home_dir().map(|home| home.join(".kube/config"));
            file.filter(|file| file.exists()).into_iter().collect()
        }
    };
    let mut merged: Option<Kubeconfig> = None;
    for file in files {
        let next = Kubeconfig::read_from(&file).map_err(|error| wrong_kubeconfig(&file, &error))?;
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(|error| ConnectError::of(&error))?,
            None => next,
        });
    }
    Ok(merged)
}

/// A user and a password may stand in a URL, and are not for messages.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

/// A parser's own words show the text around the place, and with it a token or a key.
fn wrong_kubeconfig(file: &Path, error: &KubeconfigError) -> ConnectError {
    let file = file.display();
    match error {
        KubeconfigError::ReadConfig(error, _) => {
            ConnectError::because(format!("cannot read {file}: {error}"))
        }
        KubeconfigError::Parse(error) => {
            let place = error.location().map_or_else(String::new, |place| {
                format!(": it cannot be read from line {}, column {} on", place.line(), place.column())
            });
            ConnectError::because(format!("{file} is no kubeconfig{place}"))
        }
        error => ConnectError::of(error),
    }
}

fn wrong_context(error: &KubeconfigError) -> ConnectError {
    match error {
        KubeconfigError::CurrentContextNotSet => {
            ConnectError::because("the kubeconfig has no current context; name one with --context".to_owned())
        }
        KubeconfigError::LoadContext(name) => ConnectError::because(format!(
            "the kubeconfig has no context {name:?}; `kubectl config get-contexts` lists those that there are"
        )),
        error => ConnectError::of(error),
    }
}

fn no_json(path: &str, error: &serde_json::Error) -> CallError {
    CallError::Other(200, format!("{path} is no JSON ({error})"))
}
