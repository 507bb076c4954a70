//! The cryptography of the TLS connections that are opened to others: an S3-compatible store, an identity provider.

/// Says that it is ring's, as of the server's own connections: before the first client of HTTP is made. One that was
/// installed before serves as well.
pub fn install_provider() {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
}
