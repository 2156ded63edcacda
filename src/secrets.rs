//! Sealing of secrets at rest: XChaCha20-Poly1305, bound to the row they belong to.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRngCore as _;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;

/// Seals and opens small secrets. Layout of a sealed value: key id (8), nonce (24), ciphertext with tag.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID_BYTES],
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// Why a secret key or a sealed value can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The configured key is not 32 bytes in base64.
    #[error("ASSENT_SECRET_KEY must be 32 bytes in base64; make one with: openssl rand -base64 32")]
    BadKey,
    /// The key file can't be read or made.
    #[error("the key file {path} can't be used: {source}")]
    KeyFile {
        /// Where it is.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Sealed under another key, for another row, or damaged.
    #[error("a sealed value can't be opened; is ASSENT_SECRET_KEY the key it was sealed with?")]
    CannotOpen,
    /// The machine gives no random numbers.
    #[error("the machine gives no random numbers")]
    NoRandomness,
}

impl Sealer {
    /// A sealer for a key.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::digest(key);
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self { cipher: XChaCha20Poly1305::new(key.into()), key_id }
    }

    /// A sealer for a key in base64.
    ///
    /// # Errors
    /// Not 32 bytes in base64.
    pub fn from_base64(key: &SecretString) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(key.expose_secret().trim()).map_err(|_| SealError::BadKey)?;
        Ok(Self::new(&bytes.try_into().map_err(|_| SealError::BadKey)?))
    }

    /// A sealer for the key in a file, which is made, readable by its owner only, if it is not there.
    ///
    /// # Errors
    /// The file can't be read or made, or does not hold a key.
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        let failed = |source| SealError::KeyFile { path: path.display().to_string(), source };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_base64(&SecretString::from(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = STANDARD.encode(random::<KEY_BYTES>()?);
                match write_private(path, &text) {
                    // Another process was faster: its key counts.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                        Self::from_base64(&SecretString::from(std::fs::read_to_string(path).map_err(failed)?))
                    }
                    written => written.map_err(failed).and_then(|()| Self::from_base64(&SecretString::from(text))),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Seals a secret for the row and column named by `place`.
    ///
    /// # Errors
    /// The machine gives no random numbers.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::CannotOpen)?;
        Ok([self.key_id.as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// Another key, another place, or damage.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (key_id, rest) = sealed.split_at_checked(KEY_ID_BYTES).ok_or(SealError::CannotOpen)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::CannotOpen)?;
        if key_id != self.key_id {
            return Err(SealError::CannotOpen);
        }
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::CannotOpen)
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Random bytes from the operating system.
///
/// # Errors
/// The machine gives none.
pub fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_at_its_place() {
        let sealer = Sealer::new(&[1; 32]);
        let ciphertext = sealer.seal("integration/1", b"secret").unwrap();
        assert_eq!(sealer.open("integration/1", &ciphertext).unwrap(), b"secret");
        assert!(!ciphertext.windows(6).any(|window| window == b"secret"));
        assert!(sealer.open("integration/2", &ciphertext).is_err());
        assert!(Sealer::new(&[2; 32]).open("integration/1", &ciphertext).is_err());
        let mut damaged = ciphertext.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(sealer.open("integration/1", &damaged).is_err());
        assert!(sealer.open("integration/1", &[]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let sealed = Sealer::from_file(&path).unwrap().seal("x", b"y").unwrap();
        assert_eq!(Sealer::from_file(&path).unwrap().open("x", &sealed).unwrap(), b"y");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
