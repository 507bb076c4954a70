//! A small identity provider: its keys, its tokens, and where its keys are fetched.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock, Mutex};
use tokio::net::TcpListener;

pub const ISSUER: &str = "https://id.city.test";
pub const AUDIENCE: &str = "docket";

/// Making one takes a while.
static RSA: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap());

/// Bytes as tokens and keys write them.
fn written(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs tokens, and how the provider tells of it.
pub struct Signer {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
    /// What everybody knows of it.
    public: Vec<u8>,
}

impl Signer {
    pub fn rsa(id: &str) -> Self {
        let private = &*RSA;
        let public = private.to_public_key();
        let der = private.to_pkcs1_der().unwrap();
        let (n, e) = (
            written(public.n().to_bytes_be()),
            written(public.e().to_bytes_be()),
        );
        Self {
            id: id.into(),
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(der.as_bytes()),
            jwk: json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": n, "e": e }),
            public: public.to_pkcs1_der().unwrap().as_bytes().to_vec(),
        }
    }

    pub fn ec(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let point = pair.der_bytes().to_vec();
        let (x, y) = (written(&point[1..33]), written(&point[33..]));
        Self {
            id: id.into(),
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(&pair.serialize_der()),
            jwk: json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y }),
            public: point,
        }
    }

    pub fn ed(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let public = pair.der_bytes().to_vec();
        let x = written(&public);
        Self {
            id: id.into(),
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(&pair.serialize_der()),
            jwk: json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "alg": "EdDSA", "x": x }),
            public,
        }
    }

    pub fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(self.algorithm)
        };
        encode(&header, claims, &self.key).unwrap()
    }

    /// Not signed at all.
    pub fn sign_by_none(&self, claims: &Value) -> String {
        let header = json!({ "alg": "none", "typ": "JWT", "kid": self.id });
        let (header, claims) = (written(header.to_string()), written(claims.to_string()));
        format!("{header}.{claims}.")
    }

    /// As if the public key were a secret that both sides know.
    pub fn sign_by_its_public_key(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let secret = EncodingKey::from_secret(&self.public);
        encode(&header, claims, &secret).unwrap()
    }
}

#[derive(Default)]
struct Served {
    text: String,
    down: bool,
    asked: u32,
}

/// The provider, on loopback, until the test is over.
pub struct Provider {
    pub url: String,
    served: Arc<Mutex<Served>>,
}

impl Provider {
    pub async fn start() -> Self {
        let served = Arc::new(Mutex::new(Served::default()));
        let shared = served.clone();
        let keys = move || {
            let shared = shared.clone();
            async move {
                let mut served = shared.lock().unwrap();
                served.asked += 1;
                let status = if served.down {
                    StatusCode::BAD_GATEWAY
                } else {
                    StatusCode::OK
                };
                (status, served.text.clone())
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(keys));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, served }
    }

    pub fn serve<const N: usize>(&self, signers: [&Signer; N]) {
        let keys = signers.map(|signer| signer.jwk.clone()).to_vec();
        self.serve_text(&json!({ "keys": keys }).to_string());
    }

    pub fn serve_text(&self, text: &str) {
        self.served.lock().unwrap().text = text.into();
    }

    pub fn set_down(&self, down: bool) {
        self.served.lock().unwrap().down = down;
    }

    pub fn asked(&self) -> u32 {
        self.served.lock().unwrap().asked
    }
}
