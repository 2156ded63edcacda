//! The keys that sign access tokens: in the database, sealed; opened once per process.
//!
//! Replicas that start at the same moment may each make a key. That is no harm: every key of the table verifies,
//! and the oldest known one signs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use uuid::Uuid;

use crate::app::App;
use crate::domain::ids::new_uuid;
use crate::error::Error;
use crate::secrets::random;
use crate::store;

/// Start of the PKCS#8 form of an Ed25519 key; the 32 bytes of the key follow (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// One opened key.
pub(super) struct Key {
    pub(super) id: Uuid,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    /// Public half, base64url.
    x: String,
}

impl Key {
    fn open(id: Uuid, pkcs8: &[u8]) -> Result<Self, Error> {
        let broken = |_| Error::Internal("a signing key can't be read".to_owned());
        let encoding = EncodingKey::from_ed_der(pkcs8);
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).map_err(broken)?;
        let AlgorithmParameters::OctetKeyPair(parameters) = jwk.algorithm else {
            return Err(Error::Internal("a signing key is not of its kind".to_owned()));
        };
        let decoding = DecodingKey::from_ed_components(&parameters.x).map_err(broken)?;
        Ok(Self { id, encoding, decoding, x: parameters.x })
    }
}

/// The opened keys of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<RwLock<BTreeMap<Uuid, Arc<Key>>>>);

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

/// The public half of a key, as `/.well-known/jwks.json` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Key id, as in the header of tokens.
    pub id: Uuid,
    /// The 32 bytes in base64url.
    pub x: String,
}

impl KeyRing {
    fn oldest(&self) -> Option<Arc<Key>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    fn get(&self, id: Uuid) -> Option<Arc<Key>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn add(&self, app: &App, id: Uuid, sealed: &[u8]) -> Result<Arc<Key>, Error> {
        let pkcs8 = app.sealer.open(&place(id), sealed).map_err(|error| Error::Internal(error.to_string()))?;
        let key = Arc::new(Key::open(id, &pkcs8)?);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&key));
        Ok(key)
    }
}

fn place(id: Uuid) -> String {
    format!("signing_key/{id}")
}

/// The key that signs; made if there is none.
pub(super) async fn signing(app: &App) -> Result<Arc<Key>, Error> {
    if let Some(key) = app.keys.oldest() {
        return Ok(key);
    }
    load_all(app).await?;
    if let Some(key) = app.keys.oldest() {
        return Ok(key);
    }
    let now = app.clock.now();
    let id = new_uuid(now);
    let seed = random::<32>().map_err(|error| Error::Internal(error.to_string()))?;
    let pkcs8 = [PKCS8_PREFIX.as_slice(), &seed].concat();
    let sealed = app.sealer.seal(&place(id), &pkcs8).map_err(|error| Error::Internal(error.to_string()))?;
    let tx = store::begin(&app.db).await?;
    // Inside the transaction, so that on SQLite, where writers queue, only one key is ever made.
    if store::signing_keys::list(&tx).await?.is_empty() {
        store::signing_keys::insert(&tx, id, sealed, now).await?;
    }
    tx.commit().await?;
    load_all(app).await?;
    app.keys.oldest().ok_or_else(|| Error::Internal("there is no signing key".to_owned()))
}

/// The key that a token names; looked up in the table if another replica made it. `None`: no such key.
pub(super) async fn verifying(app: &App, id: Uuid) -> Result<Option<Arc<Key>>, Error> {
    if let Some(key) = app.keys.get(id) {
        return Ok(Some(key));
    }
    match store::signing_keys::find(&app.db, id).await? {
        Some(sealed) => Ok(Some(app.keys.add(app, id, &sealed)?)),
        None => Ok(None),
    }
}

async fn load_all(app: &App) -> Result<(), Error> {
    for (id, sealed) in store::signing_keys::list(&app.db).await? {
        app.keys.add(app, id, &sealed)?;
    }
    Ok(())
}

/// The public halves of all keys.
///
/// # Errors
/// Storage failed, or a key can't be opened.
pub async fn public(app: &App) -> Result<Vec<PublicKey>, Error> {
    signing(app).await?;
    load_all(app).await?;
    let keys = app.keys.0.read().unwrap_or_else(PoisonError::into_inner);
    Ok(keys.values().map(|key| PublicKey { id: key.id, x: key.x.clone() }).collect())
}

/// Random text of `N` bytes in base64url, for secrets that are shown once.
pub(crate) fn random_text<const N: usize>() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(random::<N>().map_err(|error| Error::Internal(error.to_string()))?))
}
