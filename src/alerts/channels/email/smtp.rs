//! One mail's way to the server: SMTP (RFC 5321), a connection for each mail.
//!
//! Recipients are judged one by one: the address of somebody who has left must not keep an alert from all others.

use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};

use super::MailError;
use crate::config::{SmtpConfig, SmtpTls};

/// Writes a mail to these recipients.
pub(super) type Write<'a> = dyn Fn(&[Address]) -> Result<Vec<u8>, String> + Send + Sync + 'a;

/// Time for the good-bye of a server that has taken a mail.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// How the way to the server is encrypted.
#[derive(Clone)]
enum Security {
    None,
    Starttls(TlsParameters),
    Implicit(TlsParameters),
}

/// The server of the settings. A clone is cheap and is the same.
#[derive(Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What the server said of a recipient that it did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotTaken {
    /// Whom it does not take, and why.
    pub(super) said: String,
    /// Whether it may take it later.
    pub(super) is_for_now: bool,
}

/// A mail was taken, for some of its recipients at least.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) answer: Response,
    pub(super) not_for: Vec<NotTaken>,
}

/// Why a mail was not taken for anybody.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Smtp(#[from] Error),
    #[error("the mail server has not taken the mail within {0:?}")]
    TimedOut(Duration),
    #[error("the mail server does not offer STARTTLS (setting smtp.tls)")]
    NoStarttls,
    #[error("the mail server takes no addresses with letters beyond ASCII (setting smtp.from)")]
    OnlyAscii,
    #[error("{0}")]
    NoMail(String),
    #[error("no recipient was taken: {}", .0.iter().map(|one| one.said.as_str()).collect::<Vec<_>>().join("; "))]
    NoRecipient(Vec<NotTaken>),
}

impl Failure {
    /// Whether the same may be taken later. What a server refuses with 5xx it would refuse again; all else (4xx, no connection, a broken
    /// one, a certificate that has run out) is about this moment.
    pub(super) fn is_for_now(&self) -> bool {
        match self {
            Self::Smtp(error) => !error.is_permanent(),
            Self::TimedOut(_) | Self::NoStarttls => true,
            Self::OnlyAscii | Self::NoMail(_) => false,
            Self::NoRecipient(all) => all.iter().any(|one| one.is_for_now),
        }
    }

    /// The code of the server's reply, if that is what went wrong.
    pub(super) fn status(&self) -> Option<u32> {
        match self {
            Self::Smtp(error) => error.status().map(|code| u16::from(code).into()),
            Self::TimedOut(_)
            | Self::NoStarttls
            | Self::OnlyAscii
            | Self::NoMail(_)
            | Self::NoRecipient(_) => None,
        }
    }
}

impl Server {
    /// The server of the settings; `domain` is what it is greeted with.
    pub(super) fn new(config: &SmtpConfig, domain: &str) -> Result<Self, MailError> {
        let tls = || tls(&config.host, &config.ca_file);
        let security = match config.tls {
            SmtpTls::None => Security::None,
            SmtpTls::Starttls => Security::Starttls(tls()?),
            SmtpTls::Implicit => Security::Implicit(tls()?),
        };
        let credentials = (!config.username.is_empty()).then(|| {
            let password = config.password.reveal().to_owned();
            Credentials::new(config.username.clone(), password)
        });
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            security,
            hello: ClientId::Domain(domain.to_owned()),
            credentials,
            timeout: Duration::from_millis(config.timeout_ms),
        })
    }

    /// Hands over a mail, within the time of the settings.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: Vec<Address>,
        mail: &Write<'_>,
    ) -> Result<Taken, Failure> {
        // The library bounds no more than the connection.
        match tokio::time::timeout(self.timeout, self.converse(from, to, mail)).await {
            Ok((outcome, connection)) => {
                if let Some(mut connection) = connection {
                    let _whatever = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
                }
                outcome
            }
            Err(_) => Err(Failure::TimedOut(self.timeout)),
        }
    }

    /// The whole conversation but the good-bye, which must not make a mail that was taken look as if it were not.
    async fn converse(
        &self,
        from: &Address,
        to: Vec<Address>,
        mail: &Write<'_>,
    ) -> (Result<Taken, Failure>, Option<AsyncSmtpConnection>) {
        match self.connect().await {
            Ok(mut connection) => {
                let outcome = hand_over(&mut connection, from, to, mail).await;
                (outcome, Some(connection))
            }
            Err(failure) => (Err(failure), None),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let implicit = match &self.security {
            Security::Implicit(tls) => Some(tls.clone()),
            Security::None | Security::Starttls(_) => None,
        };
        let place = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(place, Some(self.timeout), &self.hello, implicit, None)
                .await?;
        if let Security::Starttls(tls) = &self.security {
            if !connection.can_starttls() {
                return Err(Failure::NoStarttls);
            }
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: Vec<Address>,
    mail: &Write<'_>,
) -> Result<Taken, Failure> {
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let takes_all = connection.server_info().supports_feature(Extension::SmtpUtfEight);
    if !takes_all && !is_ascii(from) {
        return Err(Failure::OnlyAscii);
    }
    let (to, strange): (Vec<_>, Vec<_>) = to.into_iter().partition(|one| takes_all || is_ascii(one));
    let mut not_for: Vec<_> = strange
        .into_iter()
        .map(|recipient| NotTaken {
            said: format!("{recipient}: the mail server takes no letters beyond ASCII"),
            is_for_now: false,
        })
        .collect();
    if to.is_empty() {
        return Err(Failure::NoRecipient(not_for));
    }
    let mail = mail(&to).map_err(Failure::NoMail)?;
    let is_plain = is_ascii(from) && to.iter().all(is_ascii);
    let parameters = if is_plain {
        Vec::new()
    } else {
        vec![MailParameter::SmtpUtfEight]
    };
    connection
        .command(Mail::new(Some(from.clone()), parameters))
        .await?;
    let mut taken = 0;
    for recipient in to {
        match connection.command(Rcpt::new(recipient.clone(), Vec::new())).await {
            Ok(_) => taken += 1,
            Err(error) => match error.status().map(|code| code.severity) {
                Some(severity) => not_for.push(NotTaken {
                    said: format!("{recipient}: {error}"),
                    is_for_now: severity == Severity::TransientNegativeCompletion,
                }),
                None => return Err(error.into()),
            },
        }
    }
    if taken == 0 {
        return Err(Failure::NoRecipient(not_for));
    }
    connection.command(Data).await?;
    let answer = connection.message(&mail).await?;
    Ok(Taken { answer, not_for })
}

fn tls(host: &str, ca_file: &Path) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if !ca_file.as_os_str().is_empty() {
        let fault = |reason: String| MailError::CaFile {
            file: ca_file.display().to_string(),
            reason,
        };
        let pem = std::fs::read(ca_file).map_err(|error| fault(error.to_string()))?;
        if !pem.windows(11).any(|bytes| bytes == b"CERTIFICATE") {
            return Err(fault("holds no certificate in PEM".to_owned()));
        }
        let certificates = Certificate::from_pem(&pem).map_err(|error| fault(error.to_string()))?;
        builder = builder.add_root_certificate(certificates);
    }
    Ok(builder.build_rustls()?)
}
