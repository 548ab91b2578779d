//! TLS of the client: what it trusts, and what the server showed when it was not trusted.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::report::Failure;

/// The certificates a server showed, leaf first.
pub(crate) type Chain = Arc<Mutex<Vec<Vec<u8>>>>;

/// What is trusted: the system's roots and those of `ca_files`. May be empty.
pub(crate) fn roots(ca_files: &[PathBuf]) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    // A system without roots, or with a broken one among them, is no reason to stop: --ca may be all that is needed.
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    for file in ca_files {
        add_file(&mut roots, file)?;
    }
    Ok(roots)
}

/// Makes the configuration of [`roots`]. `chain` receives what the server shows.
pub(crate) fn config(ca_files: &[PathBuf], chain: Chain) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = roots(ca_files)?;
    if roots.is_empty() {
        return Err(Failure::new("this system has no list of trusted certificate authorities").hint(
            "install it (Debian: apt-get install ca-certificates), or give the server's CA with --ca FILE",
        ));
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| Failure::new(format!("cannot prepare TLS: {error}")))?;
    judged_by(provider, Arc::new(Remembering { inner, chain }), own_certificate()?)
}

/// File with a certificate and its key, by which this device signs in; `hal cert client` makes it.
const CERTIFICATE_VARIABLE: &str = "HAL_CLIENT_CERT";

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own_certificate() -> Result<Option<Own>, Failure> {
    let named = std::env::var_os(CERTIFICATE_VARIABLE).filter(|file| !file.is_empty());
    let Some(file) = named.map(PathBuf::from) else { return Ok(None) };
    let failed = |why: String| {
        Failure::new(format!("{} of {CERTIFICATE_VARIABLE} cannot be used: {why}", file.display()))
            .hint("it holds a certificate and its key (PEM), as `hal cert client` writes them")
    };
    let text = std::fs::read(&file).map_err(|error| failed(error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| failed(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| failed(error.to_string()))?;
    Ok(Some((chain, key)))
}

fn judged_by(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    own: Option<Own>,
) -> Result<ClientConfig, Failure> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(format!("cannot prepare TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            Failure::new(format!("the certificate of {CERTIFICATE_VARIABLE} cannot be used: {error}"))
        })?,
    };
    // A WebSocket handshake of ours is HTTP/1.1; offered h2, HAProxy would take it.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A configuration that believes everything: for the question whether something answers at all, on this machine, with
/// nothing to hide. Never for a conversation.
pub(crate) fn blind_config() -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    judged_by(provider, Arc::new(Blind { schemes }), None)
}

#[derive(Debug)]
struct Blind {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), Failure> {
    let refuse = |why: String| {
        Failure::new(format!("the CA file {} cannot be used: {why}", file.display()))
            .hint("it is the hal-ca.pem that `hal cert self-signed` wrote, or a PEM file of your CA")
    };
    let text = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        count += 1;
    }
    if count == 0 { Err(refuse("it holds no certificate".to_owned())) } else { Ok(()) }
}

/// The usual verifier, word for word; it only keeps what the server showed, to explain a refusal.
#[derive(Debug)]
struct Remembering {
    inner: Arc<WebPkiServerVerifier>,
    chain: Chain,
}

impl ServerCertVerifier for Remembering {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = std::iter::once(end_entity).chain(intermediates).map(|der| der.to_vec()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
