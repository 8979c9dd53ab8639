//! One connection to the API for one request: TLS with the cluster's authority, and the service account's token. Both are files
//! that the kubelet writes anew from time to time, and so are read for each request.

use std::{fs::File, io::Read as _, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use serde::Deserialize;
use tokio::{net::TcpStream, task::AbortHandle, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::{
    failure::Failure,
    options::{ApiServer, KubernetesOptions},
};

/// For connecting, and for the head of the answer.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a file of the service account, of an answer's head, and of an error's text.
const LARGEST_FILE: u64 = 1 << 20;
const LARGEST_HEAD: usize = 64 << 10;
const LARGEST_ERROR: usize = 16 << 10;
/// A server that is gone is noticed after about 30 s.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;
/// Names, labels and owners are in the metadata; a server that cannot leave out the rest sends all.
const ACCEPT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const USER_AGENT: &str = concat!("whohungup/", env!("CARGO_PKG_VERSION"));

/// The answer to a request, as it comes; its end ends the connection.
pub(super) struct Answer {
    pub(super) body: Incoming,
    connection: AbortHandle,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Asks for `path`.
///
/// # Errors
/// When there is no answer in time, or it is no success.
pub(super) async fn get(options: &KubernetesOptions, path: &str) -> Result<Answer, Failure> {
    let server = options.server.clone().or_else(ApiServer::of_cluster).ok_or(Failure::Address)?;
    let account = &options.service_account;
    let token = read(&account.join("token"))?;
    let tls = tls(&account.join("ca.crt"))?;
    let request = Request::get(path)
        .header(header::HOST, server.authority())
        .header(header::AUTHORIZATION, bearer(&account.join("token"), &token)?)
        .header(header::ACCEPT, ACCEPT)
        .header(header::USER_AGENT, USER_AGENT)
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::Protocol(error.to_string()))?;
    let (response, connection) = timeout(ANSWERS_WITHIN, ask(&server, tls, request))
        .await
        .map_err(|_late| Failure::Timeout(ANSWERS_WITHIN))??;
    let (status, answer) = (response.status(), Answer { body: response.into_body(), connection });
    if status == StatusCode::OK { Ok(answer) } else { Err(refused(status, answer).await) }
}

async fn ask(
    server: &ApiServer,
    tls: TlsConnector,
    request: Request<Empty<Bytes>>,
) -> Result<(Response<Incoming>, AbortHandle), Failure> {
    let authority = server.authority();
    let connected = TcpStream::connect((server.host.as_str(), server.port)).await;
    let stream = connected.map_err(|error| Failure::Connect(authority.clone(), error))?;
    keep_alive(&stream).map_err(|error| Failure::Connect(authority.clone(), error.into()))?;
    let no_name = |error| Failure::Tls(authority.clone(), std::io::Error::other(error));
    let name = ServerName::try_from(server.host.clone()).map_err(no_name)?;
    let stream = tls.connect(name, stream).await.map_err(|error| Failure::Tls(authority, error))?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection).abort_handle();
    match sender.send_request(request).await {
        Ok(response) => Ok((response, connection)),
        Err(error) => {
            connection.abort();
            Err(error.into())
        }
    }
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)
}

/// With the authority in `path` and no other.
fn tls(path: &Path) -> Result<TlsConnector, Failure> {
    let unusable = |why: String| Failure::Credentials { path: path.to_owned(), why };
    let pem = read(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("has no certificate".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn bearer(path: &Path, token: &[u8]) -> Result<header::HeaderValue, Failure> {
    let unusable = || Failure::Credentials { path: path.to_owned(), why: "is no token".to_owned() };
    let token = token.trim_ascii();
    if token.is_empty() {
        return Err(unusable());
    }
    let mut value =
        header::HeaderValue::from_bytes(&[b"Bearer ", token].concat()).map_err(|_invalid| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::Credentials { path: path.to_owned(), why: error.to_string() };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// With the message of the Status that comes with it.
async fn refused(status: StatusCode, mut answer: Answer) -> Failure {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let body = Limited::new(&mut answer.body, LARGEST_ERROR).collect();
    let body = timeout(ANSWERS_WITHIN, body).await.ok().and_then(Result::ok);
    let said = body.and_then(|body| serde_json::from_slice::<Status>(&body.to_bytes()).ok());
    Failure::refused(status.as_u16(), said.as_ref().map_or("", |status| &status.message))
}
