//! Whom our own connections believe: the certificates that the system trusts, and those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why a connection's certificates could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or holds no certificate.
    #[error("{file}: {reason}")]
    CaFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The library refuses; it does not with what is compiled in.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 as a client, with the roots of the system and, unless the path is empty, those of a PEM file.
/// A system without roots is told in the log: then only the file's are believed.
///
/// # Errors
/// The file cannot be used.
pub fn client_config(ca_file: &Path) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let of_system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(of_system.certs);
    if !ca_file.as_os_str().is_empty() {
        add_file(&mut roots, ca_file)?;
    }
    if roots.is_empty() {
        tracing::warn!(
            errors = ?of_system.errors,
            "the system trusts no certificates (on Debian, the package ca-certificates is missing): no https address can be reached"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let fault = |reason: String| TlsError::CaFile {
        file: path.display().to_string(),
        reason,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| fault(error.to_string()))?;
    if certificates.is_empty() {
        return Err(fault("holds no certificate in PEM".to_owned()));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| fault(error.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(client_config(&path).unwrap_err().to_string().contains("ca.pem"));
        std::fs::write(&path, "nothing of that kind").unwrap();
        let message = client_config(&path).unwrap_err().to_string();
        assert!(message.contains("no certificate"), "{message}");
    }
}
