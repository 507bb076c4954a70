//! HTTPS with certificate and key from files, read anew without a restart and without a connection lost.

use super::{DOCKET, serve, serving, set_up};
use docket_tests::TestStore;
use docket_tests::server::{ServerProcess, command, store_arguments};
use docket_tests::store::PATIENCE;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::{CertificateDer, ServerName};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where the certificate is said to be of.
const NAME: &str = "hotline.example";

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(store: &TestStore) -> Self {
        Self {
            certificate: store.dir().join("tls.pem"),
            key: store.dir().join("tls.key"),
        }
    }

    /// Makes a certificate of its own.
    fn make(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        std::fs::write(&self.certificate, cert.pem()).unwrap();
        std::fs::write(&self.key, signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }

    fn variables(&self) -> [(&'static str, &str); 2] {
        [
            ("DOCKET_TLS_CERTIFICATE", self.certificate.to_str().unwrap()),
            ("DOCKET_TLS_KEY", self.key.to_str().unwrap()),
        ]
    }
}

fn address(server: &ServerProcess) -> &str {
    server.url.strip_prefix("https://").expect("an HTTPS URL")
}

/// A connection, trusting one certificate only.
async fn connect(
    server: &ServerProcess,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address(server)).await?;
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// One request on a connection that is kept. The status line.
async fn ask(connection: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !told.ends_with(b"ok\n") {
        let read = connection.read_buf(&mut told).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&told));
    }
    let told = String::from_utf8(told).unwrap();
    told.lines().next().unwrap_or_default().to_owned()
}

async fn until_trusted(
    server: &ServerProcess,
    trusted: &CertificateDer<'static>,
) -> TlsStream<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect(server, trusted).await {
            Ok(connection) => return connection,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_changed_while_connections_go_on() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let files = Files::of(store);
        let first = files.make();
        let mut server = serve(store, &files.variables());
        let mut old = connect(&server, &first).await.unwrap();
        assert_eq!(ask(&mut old, "/livez").await, "HTTP/1.1 200 OK");
        // Who speaks no TLS, and who is silent, hold up nobody.
        let mut plain = TcpStream::connect(address(&server)).await.unwrap();
        plain
            .write_all(b"GET /livez HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let _silent = TcpStream::connect(address(&server)).await.unwrap();
        connect(&server, &first).await.unwrap();

        let second = files.make();
        server.signal("HUP");
        until_trusted(&server, &second).await;
        assert!(
            connect(&server, &first).await.is_err(),
            "the first is no longer shown"
        );
        assert_eq!(
            ask(&mut old, "/livez").await,
            "HTTP/1.1 200 OK",
            "the same connection"
        );

        // A certificate that does not do is not taken, and the next that does is.
        std::fs::write(&files.certificate, "-----BEGIN NONSENSE-----\n").unwrap();
        server.signal("HUP");
        for _ in 0..20 {
            connect(&server, &second).await.unwrap();
        }
        let third = files.make();
        server.signal("HUP");
        until_trusted(&server, &third).await;
        assert_eq!(ask(&mut old, "/livez").await, "HTTP/1.1 200 OK");
        drop(old);
        server.terminate();
        assert!(server.wait().0.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_do_not_fit_are_refused_and_doctor_tells() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let files = Files::of(store);
        files.make();
        let key = std::fs::read(&files.key).unwrap();
        files.make();
        std::fs::write(&files.key, key).unwrap();
        let refused = serving(store, &files.variables()).output().unwrap();
        assert!(!refused.status.success());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            said.contains("tls.pem: ") && refused.stdout.is_empty(),
            "{said}"
        );
        let mut doctor = command(DOCKET, store);
        doctor
            .arg("doctor")
            .args(store_arguments(store))
            .envs(files.variables());
        let told = doctor.output().unwrap();
        assert!(!told.status.success());
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains("problem  TLS: "), "{told}");
        assert!(
            told.contains("TLS key: ") && told.contains("chmod 600"),
            "{told}"
        );
        files.make();
        let mut serving = serving(store, &files.variables());
        serving.env("DOCKET_LOG", "warn");
        let (mut server, mut stderr) = ServerProcess::spawn_with_stderr(serving);
        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        assert!(log.contains("others may read the TLS key"), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_a_hang_up_ends_nothing() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let mut server = serve(store, &[]);
        for _ in 0..3 {
            server.signal("HUP");
            let alive = reqwest::get(format!("{}/livez", server.url)).await.unwrap();
            assert_eq!(alive.status(), 200);
        }
        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
    })
    .await;
}
