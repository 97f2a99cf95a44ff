//! What `make run` shows: the webhook serves the example configuration, one real `AdmissionReview` is
//! posted to it over TLS, and the answer is explained. It goes on serving until Ctrl-C.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::signal::unix::{SignalKind, signal};

const CONFIG: &str = "examples/config.yaml";
const POD: &str = "examples/pod.yaml";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // Returned from here it would come with a backtrace where RUST_BACKTRACE is set.
        Err(error) => {
            eprintln!("make run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let (Some(pullkey), Some(folder)) = (args.next(), args.next()) else {
        bail!("call `make run`, or: try PULLKEY_BINARY FOLDER_FOR_THE_CERTIFICATE");
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let ca = folder.join("ca.pem");

    // The signals are caught before the server starts, so that it is never left behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut server = start(&pullkey, &ca)?;
    let mut log = BufReader::new(server.stderr.take().context("the server has no log")?).lines();
    let listen = wait_until_it_serves(&mut log).await?;
    show(&pullkey, &ca, listen).await?;

    println!("\nServing https://localhost:{}/mutate until Ctrl-C.", listen.port());
    println!("Its certificate is in {}; its log follows.", ca.display());
    loop {
        tokio::select! {
            line = log.next_line() => match line? {
                Some(line) => println!("{line}"),
                None => break,
            },
            _ = interrupt.recv() => ask_to_end(&server).await?,
            _ = terminate.recv() => ask_to_end(&server).await?,
        }
    }
    let status = server.wait().await?;
    if !status.success() {
        bail!("the server ended with {status}");
    }
    Ok(())
}

fn start(pullkey: &Path, ca: &Path) -> anyhow::Result<Child> {
    let port = env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let mut command = Command::new(pullkey);
    command
        .args(["serve", "--config", CONFIG, "--dns-name", "localhost", "--drain-timeout=0s", "--ca-out"])
        .arg(ca);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--admin-listen", "127.0.0.1:0"]);
    command.args(["--log-format", "json"]).stderr(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C goes to the terminal's foreground group: the server is to hear of it once, from us.
    command.process_group(0);
    command.spawn().with_context(|| format!("cannot start {}", pullkey.display()))
}

/// The log line `serving` says where the server listens.
async fn wait_until_it_serves(log: &mut Lines<BufReader<ChildStderr>>) -> anyhow::Result<SocketAddr> {
    while let Some(line) = log.next_line().await? {
        println!("{line}");
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["message"] == "serving" {
            return event["listen"].as_str().unwrap_or_default().parse().context("the log has no address");
        }
    }
    bail!("the server ended before it served")
}

async fn ask_to_end(server: &Child) -> anyhow::Result<()> {
    if let Some(pid) = server.id() {
        Command::new("sh").arg("-c").arg(format!("kill -TERM {pid}")).status().await?;
    }
    Ok(())
}

async fn show(pullkey: &Path, ca: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let text = fs::read_to_string(POD).with_context(|| format!("cannot read {POD}"))?;
    let pod: Value = serde_saphyr::from_str(&text).with_context(|| format!("cannot read {POD}"))?;
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": pod["metadata"]["namespace"],
            "operation": "CREATE",
            "object": pod,
        },
    });
    let answer = post(ca, listen, &review)?;
    let response = &answer["response"];
    if response["allowed"] != true {
        bail!("the Pod was not allowed: {answer}");
    }
    let patch = STANDARD.decode(response["patch"].as_str().context("the answer has no patch")?)?;
    let patch: Value = serde_json::from_slice(&patch)?;

    println!("\nThe API server would ask about this Pod ({POD}):");
    let containers =
        ["initContainers", "containers"].into_iter().filter_map(|list| pod["spec"][list].as_array());
    for container in containers.flatten() {
        println!("  {:<8} {}", text_of(&container["name"]), text_of(&container["image"]));
    }
    println!("\npullkey answers with this patch:");
    println!("{}", serde_json::to_string_pretty(&patch)?);
    println!("\nThe reason, from `pullkey explain --config {CONFIG} -f {POD}`:");
    let explained = Command::new(pullkey).args(["explain", "--config", CONFIG, "-f", POD]).output().await?;
    print!("{}", String::from_utf8_lossy(&explained.stdout));
    Ok(())
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Posts a review as the API server does, trusting only the certificate that the server wrote.
fn post(ca: &Path, listen: SocketAddr, review: &Value) -> anyhow::Result<Value> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut tls = StreamOwned::new(connection, TcpStream::connect(listen)?);
    let body = review.to_string();
    write!(
        tls,
        "POST /mutate?timeout=5s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    tls.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("the server answered: {answer}");
    }
    Ok(serde_json::from_str(body)?)
}
