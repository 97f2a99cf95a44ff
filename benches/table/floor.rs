//! The least that any TLS webhook costs: hyper and tokio-rustls, the whole body read, fixed bytes
//! answered. TLS, worker threads and allocator are those of `pullkey serve`; nothing else is there,
//! not even a timer.

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use pullkey::certs::cell::Cell;
use pullkey::certs::files::FilePair;
use pullkey::server::tls;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// As many as `pullkey serve` has.
const WORKER_THREADS: usize = 2;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    listen: String,
    #[arg(long)]
    tls_cert: PathBuf,
    #[arg(long)]
    tls_key: PathBuf,
    /// A file with the bytes of every answer
    #[arg(long)]
    answer: PathBuf,
}

/// Serves until it is killed.
pub(crate) fn run(args: Args) {
    let answer = Bytes::from(fs::read(&args.answer).expect("the answer can be read"));
    let (_, pair) =
        FilePair { cert: args.tls_cert, key: args.tls_key }.load().expect("the pair can be served");
    let tls = TlsAcceptor::from(Arc::new(tls::config(Arc::new(Cell::new(pair)))));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .expect("the runtime starts");
    runtime.block_on(async {
        let listener = TcpListener::bind(&args.listen).await.expect("the address is free");
        loop {
            let (tcp, _) = listener.accept().await.expect("a connection can be accepted");
            tokio::spawn(connection(tls.clone(), tcp, answer.clone()));
        }
    });
}

async fn connection(tls: TlsAcceptor, tcp: TcpStream, answer: Bytes) {
    tcp.set_nodelay(true).expect("TCP has this option");
    let Ok(stream) = tls.accept(tcp).await else {
        return;
    };
    let service = service_fn(|request| respond(request, answer.clone()));
    // How a connection ends is the client's affair.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(request: Request<Incoming>, answer: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        drop(frame);
    }
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
