//! TLS between processes: both sides show a certificate of the same authority.
//!
//! Files are read anew by each generation, so certificates that were renewed are taken up by restarting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::hosts::Address;
use super::wire::AnyWire;
use crate::error::Error;

/// Where the certificates are, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that has signed those of all processes.
    pub ca: PathBuf,
    /// The certificate of this process, with those between it and the authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Both roles of a process.
#[derive(Clone)]
pub(crate) struct Tls {
    accepts: TlsAcceptor,
    connects: TlsConnector,
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// If one is missing, or they do not fit together.
    pub(crate) fn read(files: &TlsFiles) -> Result<Tls, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authority = Arc::new(authority(&files.ca)?);
        let certificates = || certificates(&files.cert);
        let key =
            || PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error));
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::clone(&authority),
            Arc::clone(&provider),
        );
        let verifier = verifier.build().map_err(|error| wrong(&files.ca, &error))?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&files.cert, &error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates()?, key()?)
            .map_err(|error| wrong(&files.cert, &error))?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&files.cert, &error))?
            .with_root_certificates(authority)
            .with_client_auth_cert(certificates()?, key()?)
            .map_err(|error| wrong(&files.cert, &error))?;
        Ok(Tls {
            accepts: TlsAcceptor::from(Arc::new(server)),
            connects: TlsConnector::from(Arc::new(client)),
        })
    }

    /// The connection that somebody has opened.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<AnyWire> {
        Ok(Box::new(self.accepts.accept(stream).await?))
    }

    /// A connection to `address`, whose certificate must be of that name.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        address: &Address,
    ) -> std::io::Result<AnyWire> {
        let name = ServerName::try_from(address.host.clone()).map_err(std::io::Error::other)?;
        Ok(Box::new(self.connects.connect(name, stream).await?))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, &error))?;
    let found: Result<Vec<_>, _> = found.collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(path, &"there is no certificate in it")),
        found => found.map_err(|error| wrong(path, &error)),
    }
}

fn authority(path: &Path) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| wrong(path, &error))?;
    }
    Ok(store)
}

fn wrong(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Certificates { path: path.display().to_string(), why: why.to_string() }
}
