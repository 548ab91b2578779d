//! A look at a certificate: the handshake goes through whatever it is, and what a careful client would say is noted.
//!
//! The verifier here is dangerous by design and stays in this file. A stream made with it says whether the chain was
//! trusted, and only a trusted one may carry a token or a question (see `http::Line`).

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::Deadline;
use super::socket::Timed;
use crate::doctor::facts::{Certificate, Handshake, Tls, Trust};
use crate::edge::certs::describe;

type TlsStream = Box<StreamOwned<ClientConnection, Timed>>;

/// Certificates of one chain that are described; a longer one is a fault or a joke.
const CHAIN_MAX: usize = 10;

/// Shakes hands with `host` over `tcp`. The stream is there whenever the handshake came to its end, trusted or not.
pub(super) fn handshake(
    tcp: TcpStream,
    host: &str,
    roots: &RootCertStore,
    deadline: Deadline,
) -> (Tls, Option<TlsStream>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut stream = match start(tcp, host, roots, deadline, &seen) {
        Ok(stream) => stream,
        Err(why) => return (Tls { outcome: Handshake::Other(why), trust: None, chain: Vec::new() }, None),
    };
    let mut outcome = Handshake::Done;
    while stream.conn.is_handshaking() {
        if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
            outcome = failed(&error);
            break;
        }
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let tls = Tls { trust: seen.trust, chain: seen.chain, outcome };
    let stream = (tls.outcome == Handshake::Done).then(|| Box::new(stream));
    (tls, stream)
}

fn start(
    tcp: TcpStream,
    host: &str,
    roots: &RootCertStore,
    deadline: Deadline,
    seen: &Arc<Mutex<Seen>>,
) -> Result<StreamOwned<ClientConnection, Timed>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let strict = if roots.is_empty() {
        None
    } else {
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider));
        Some(builder.build().map_err(|error| error.to_string())?)
    };
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let verifier = Looking { strict, schemes, seen: Arc::clone(seen), provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // As HAL's clients do: a WebSocket handshake of ours is HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    Ok(StreamOwned::new(connection, Timed::new(tcp, deadline)))
}

fn failed(error: &io::Error) -> Handshake {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::TimedOut => Handshake::TimedOut,
            io::ErrorKind::UnexpectedEof => Handshake::Closed,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Handshake::Reset
            }
            _ => Handshake::Other(error.to_string()),
        };
    };
    match inner {
        rustls::Error::InvalidMessage(_) => Handshake::NotTls,
        rustls::Error::AlertReceived(alert) => Handshake::Alert(format!("{alert:?}")),
        other => Handshake::Other(other.to_string()),
    }
}

#[derive(Clone, Debug, Default)]
struct Seen {
    trust: Option<Trust>,
    chain: Vec<Certificate>,
}

/// Lets every certificate through, and remembers what the strict verifier says.
#[derive(Debug)]
struct Looking {
    strict: Option<Arc<WebPkiServerVerifier>>,
    schemes: Vec<SignatureScheme>,
    provider: Arc<rustls::crypto::CryptoProvider>,
    seen: Arc<Mutex<Seen>>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let trust = match &self.strict {
            None => Trust::NoRoots,
            Some(strict) => {
                match strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                    Ok(_) => Trust::Trusted,
                    Err(error) => trust(&error),
                }
            }
        };
        let shown = std::iter::once(end_entity).chain(intermediates).take(CHAIN_MAX);
        let chain = shown.filter_map(|der| describe(der)).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { trust: Some(trust), chain };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

fn trust(error: &rustls::Error) -> Trust {
    let rustls::Error::InvalidCertificate(reason) = error else { return Trust::Other(error.to_string()) };
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Trust::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Trust::WrongName
        }
        CertificateError::UnknownIssuer => Trust::UnknownIssuer,
        // The library has no variant of its own for it.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => Trust::CaAsServer,
        other => Trust::Other(format!("{other:?}")),
    }
}
