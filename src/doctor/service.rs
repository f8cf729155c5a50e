//! The port, and the service behind it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use super::Finding;
use crate::config::Config;

const BODY_SHOWN_BYTES: usize = 200;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Looks whether Fresnel could listen, or listens already; says which.
pub(super) async fn check(config: &Config) -> (bool, Vec<Finding>) {
    let listen = config.server.listen;
    let error = match TcpListener::bind(listen) {
        Ok(_) => return (false, vec![Finding::good("port", format!("{listen} is free"))]),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::AddrInUse {
        if ask(listen, "/livez").await.is_ok_and(|(status, _)| status == 200) {
            return (true, check_running(config).await);
        }
        let taken = Finding::bad("port", format!("{listen} is taken by another program"))
            .advice("stop it, or set server.listen (FRESNEL_SERVER__LISTEN) to another port");
        return (false, vec![taken]);
    }
    let bad = Finding::bad("port", format!("{listen} cannot be listened on: {error}")).advice(
        "set server.listen (FRESNEL_SERVER__LISTEN) to an address of this machine and a port above 1023",
    );
    (false, vec![bad])
}

/// Asks the service that should be running.
pub(super) async fn check_running(config: &Config) -> Vec<Finding> {
    let listen = config.server.listen;
    let alive = match ask(listen, "/livez").await {
        Ok((200, _)) => Finding::good("service", format!("answers on {listen}")),
        Ok((status, _)) => Finding::bad("service", format!("/livez on {listen} answers {status}")),
        Err(error) => Finding::bad("service", format!("no answer on {listen}: {error}"))
            .advice("start it with `fresnel serve`, with the same settings as this command"),
    };
    if alive.verdict != super::Verdict::Good {
        return vec![alive];
    }
    let ready = match ask(listen, "/readyz").await {
        Ok((200, body)) if body.contains(r#""degraded""#) => Finding::warning(
            "ready",
            "takes beacons; ClickHouse is away or behind, or memory is short",
        )
        .advice("the service's log says why; /api/health, with the admin token, says how much waits"),
        Ok((200, _)) => Finding::good("ready", "takes beacons, and ClickHouse takes them from the log"),
        Ok((status, body)) => Finding::bad("ready", format!("/readyz answers {status}: {}", body.trim()))
            .advice("the service's log says why; a full disk is the usual reason"),
        Err(error) => Finding::bad("ready", error),
    };
    vec![alive, ready]
}

/// The answer's status, and the beginning of its body.
async fn ask(listen: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIMEOUT)
        .build()
        .map_err(|error| cause(&error))?;
    let url = format!("http://{}{path}", reachable(listen));
    let mut answer = client.get(url).send().await.map_err(|error| cause(&error))?;
    let status = answer.status().as_u16();
    // Another program may be there, and send without an end.
    let body = answer
        .chunk()
        .await
        .map_err(|error| cause(&error))?
        .unwrap_or_default();
    let shown = body.get(..body.len().min(BODY_SHOWN_BYTES)).unwrap_or_default();
    Ok((status, String::from_utf8_lossy(shown).into_owned()))
}

/// The innermost cause: "connection refused" tells more than "error sending request".
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Who listens everywhere is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}
