//! Connections, each to an address that was looked at the moment before.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::guard::{Guard, Refusal, Security};
use super::names::Names;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// Time for one of them; what is left of the call's time bounds all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the guard refuses")]
    Refused(Refusal),
    #[error("the name has no address")]
    NoSuchName,
    #[error("no address of the host takes a connection")]
    Unreachable,
}

/// Opens TCP connections for the HTTP client. It is the only way that the client has, for names and for addresses.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) guard: Arc<Guard>,
    pub(super) names: Arc<dyn Names>,
}

impl Connector {
    /// Asks for the name once, and connects to what that answer holds: a second answer, which may be another, is never
    /// asked for.
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let security = match uri.scheme_str() {
            Some("https") => Security::Tls,
            Some("http") => Security::Plain,
            _ => return Err(ConnectError::Refused(Refusal::Scheme)),
        };
        let port = uri.port_u16().unwrap_or(match security {
            Security::Tls => 443,
            Security::Plain => 80,
        });
        let host = uri.host().ok_or(ConnectError::Refused(Refusal::NotAUrl))?;
        let mut outcome = Err(ConnectError::NoSuchName);
        for address in self.addresses(host).await?.into_iter().take(ADDRESSES_MAX) {
            if let Err(refusal) = self.guard.check_address(address, security) {
                // What a forbidden address says is worth more than what an allowed one failed with.
                outcome = Err(ConnectError::Refused(refusal));
                continue;
            }
            match open(SocketAddr::new(address, port)).await {
                Ok(stream) => return Ok(stream),
                Err(_) if matches!(outcome, Err(ConnectError::Refused(_))) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(host).parse() {
            return Ok(vec![address]);
        }
        self.names.look_up(host).await.map_err(|error| {
            tracing::debug!(host, %error, "no addresses");
            ConnectError::NoSuchName
        })
    }
}

async fn open(address: SocketAddr) -> Result<TokioIo<TcpStream>, ConnectError> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) | Err(_) => return Err(ConnectError::Unreachable),
    };
    // One request, one write: nothing is gained by waiting for more. A failure costs time, not the call.
    let _ = stream.set_nodelay(true);
    Ok(TokioIo::new(stream))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.clone().connect(uri).boxed()
    }
}
