//! HTTPS: certificate and key from files, read anew when they change, without a restart and without a connection lost.
//!
//! It must *not* know what is served.

use crate::settings::TlsFiles;
use axum::serve::Listener;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Handshakes going on at one time; more wait in the kernel.
const HANDSHAKES_MAX: usize = 256;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the files are looked at when nobody sends SIGHUP.
const LOOKS_EVERY: Duration = Duration::from_secs(10);

/// What can be wrong with certificate and key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not what it should be.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// They do not do for a server.
    #[error("{path}: {source}")]
    Unfit {
        /// The certificate's file.
        path: String,
        /// Why.
        source: rustls::Error,
    },
}

/// What stands in the files.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &std::path::Path| {
            std::fs::read(path).map_err(|error| TlsError::File {
                path: path.display().to_string(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
        })
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let wrong = |path: &std::path::Path, reason: &str| TlsError::File {
            path: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| wrong(&files.certificate, "this is no PEM file"))?;
        if chain.is_empty() {
            return Err(wrong(&files.certificate, "there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| wrong(&files.key, "there is no private key in it"))?;
        let unfit = |source| TlsError::Unfit {
            path: files.certificate.display().to_string(),
            source,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Whether the files do for a server.
pub fn check(files: &TlsFiles) -> Result<(), TlsError> {
    Contents::read(files)?.config(files).map(|_| ())
}

/// Whether nobody but its owner may read a file, as far as its mode says.
pub fn is_for_owner_only(path: &Path) -> bool {
    let about = std::fs::metadata(path);
    about.is_ok_and(|about| about.permissions().mode() & 0o777 | 0o700 == 0o700)
}

type Shaking = Pin<Box<dyn Future<Output = Option<(TlsStream<TcpStream>, SocketAddr)>> + Send>>;

/// Takes connections whose handshake was made. Slow ones hold up nobody.
pub struct TlsListener {
    tcp: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    shaking: FuturesUnordered<Shaking>,
}

/// Listens with certificate and key of some files, which are looked at again at every SIGHUP and now and then.
pub fn listen(tcp: TcpListener, files: TlsFiles, hang_up: Signal) -> Result<TlsListener, TlsError> {
    let contents = Contents::read(&files)?;
    let (sender, config) = watch::channel(contents.config(&files)?);
    tokio::spawn(keep_fresh(files, contents, sender, hang_up));
    Ok(TlsListener {
        tcp,
        config,
        shaking: FuturesUnordered::new(),
    })
}

async fn keep_fresh(
    files: TlsFiles,
    mut known: Contents,
    config: watch::Sender<Arc<ServerConfig>>,
    mut hang_up: Signal,
) {
    while !config.is_closed() {
        let _ = tokio::time::timeout(LOOKS_EVERY, hang_up.recv()).await;
        // Two small files: not worth another thread.
        let read = Contents::read(&files);
        let fresh = match read {
            Ok(contents) if contents == known => continue,
            Ok(contents) => {
                known = contents;
                known.config(&files)
            }
            Err(error) => Err(error),
        };
        match fresh {
            Ok(fresh) => {
                config.send_replace(fresh);
                tracing::info!("the certificate was read anew");
            }
            Err(error) => tracing::error!(%error, "the certificate is kept as it was"),
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.shaking.len() < HANDSHAKES_MAX;
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.tcp), if has_room => {
                    let acceptor = TlsAcceptor::from(self.config.borrow().clone());
                    self.shaking.push(Box::pin(async move {
                        let made = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
                        made.ok()?.ok().map(|stream| (stream, address))
                    }));
                }
                Some(made) = self.shaking.next() => {
                    if let Some(made) = made {
                        return made;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
