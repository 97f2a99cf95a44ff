//! The API server without kubectl, for what has to be fast.

use std::path::Path;
use std::sync::Arc;

use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::Runtime;

const JSON: &str = "application/json";

/// A client as a cluster administrator; its calls block.
#[derive(Clone)]
pub(crate) struct Api {
    runtime: Arc<Runtime>,
    client: kube::Client,
}

impl Api {
    pub(crate) fn new(kubeconfig: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime can be started");
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig can be read");
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a configuration");
            kube::Client::try_from(config).expect("a client")
        });
        Self { runtime: Arc::new(runtime), client }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        self.call("GET", path, JSON, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("POST", path, JSON, body)
    }

    /// A JSON Patch.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("PATCH", path, "application/json-patch+json", body)
    }

    fn call(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content_type)
            .body(body)
            .map_err(|error| error.to_string())?;
        let answer = self.runtime.block_on(self.client.request_text(request));
        let text = answer.map_err(|error| match error {
            kube::Error::Api(status) => status.message.clone(),
            error => error.to_string(),
        })?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Api")
    }
}
