//! Certificates, good and bad, made anew for each run.

use std::error::Error;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What is wrong with the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing: for localhost, 127.0.0.1 and apiban.org, by an authority of our own.
    Good,
    /// For example.com.
    WrongName,
    /// Until the year 2020.
    Expired,
    /// By itself.
    SelfSigned,
}

impl Certificate {
    pub const NAMES: [&str; 4] = ["good", "wrong-name", "expired", "self-signed"];

    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Good, Self::WrongName, Self::Expired, Self::SelfSigned];
        Self::NAMES.iter().position(|known| *known == name).map(|at| all[at])
    }

    /// The server's side, and the authority's certificate in PEM, for the client to trust.
    pub fn make(self) -> Result<(Arc<ServerConfig>, String), Box<dyn Error>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        // A name of its own: else a certificate by itself would seem to be one of the authority's.
        authority.distinguished_name.push(DnType::CommonName, "apiban simulator's authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let names = match self {
            Self::WrongName => vec!["example.com".into()],
            _ => vec!["localhost".into(), "127.0.0.1".into(), "apiban.org".into()],
        };
        let mut params = CertificateParams::new(names)?;
        if self == Self::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = match self {
            Self::SelfSigned => params.self_signed(&key)?,
            _ => params.signed_by(&key, &authority)?,
        };
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        Ok((Arc::new(config), authority.pem()))
    }
}
