//! Tenants: made at the command line.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::auth::keys::random_text;
use crate::domain::Email;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, ApiClientId};
use crate::error::Error;
use crate::secrets::random;
use crate::service::input;
use crate::store;

/// A new tenant with the secrets that are shown this once.
pub struct NewAccount {
    /// The tenant.
    pub account_id: AccountId,
    /// Address the owner signs in with.
    pub owner_email: String,
    /// The owner's first password.
    pub owner_password: String,
    /// A client with every scope.
    pub client_id: ApiClientId,
    /// Its secret.
    pub client_secret: String,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// Makes a tenant with an owner, a client and an empty ledger.
///
/// # Errors
/// A name or address that can't be used, or an address that somebody signs in with already.
pub async fn create(app: &App, name: &str, owner_email: &str) -> Result<NewAccount, Error> {
    let name = input::text("name", name, 255)?;
    let email: Email = owner_email.parse().map_err(|problem| input::email("ownerEmail", problem))?;
    let now = app.clock.now();
    let (account_id, client_id) = (AccountId::at(now), ApiClientId::at(now));
    let internal = |error: crate::secrets::SealError| Error::Internal(error.to_string());
    let owner_password = random_text::<18>()?;
    let client_secret = random_text::<32>()?;
    let password_hash = hash_password(owner_password.clone()).await?;
    let key = random::<32>().map_err(internal)?;
    let suppression_key = app.sealer.seal(&format!("account/{account_id}"), &key).map_err(internal)?;
    let secret_hash = Sha256::digest(client_secret.as_bytes()).into();

    let tx = store::begin(&app.db).await?;
    store::accounts::insert(&tx, account_id, &name, suppression_key, now).await?;
    store::accounts::insert_owner(&tx, account_id, &email, password_hash, now).await?;
    store::accounts::insert_client(&tx, account_id, client_id, secret_hash, Scope::ALL, now).await?;
    tx.commit().await?;
    Ok(NewAccount { account_id, owner_email: email.typed().to_owned(), owner_password, client_id, client_secret })
}

/// Argon2id with the crate's defaults (19 MiB, 2 passes: the OWASP minimum), off the async threads.
async fn hash_password(password: String) -> Result<String, Error> {
    let salt = random::<16>().map_err(|error| Error::Internal(error.to_string()))?;
    let failed = || Error::Internal("a password could not be hashed".to_owned());
    tokio::task::spawn_blocking(move || -> Result<String, argon2::password_hash::Error> {
        let hash: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt)?;
        Ok(hash.to_string())
    })
    .await
    .map_err(|_| failed())?
    .map_err(|_| failed())
}
