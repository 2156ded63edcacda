//! Signing in with client credentials, on both databases.

use assent::auth::token;
use assent::domain::access::Scope;
use assent::error::Error;
use assent::service::accounts::{self, NewAccount};
use assent::service::tokens::{self, Refused};
use chrono::TimeDelta;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_token_names_the_clients_account,
    a_token_can_carry_fewer_scopes_than_the_client_has,
    a_token_ends_after_an_hour,
    a_wrong_secret_gives_no_token,
    a_token_of_another_service_is_not_accepted,
    nobody_signs_in_twice_with_one_address,
);

async fn service_with_account(db: TestDatabase) -> (TestApp, NewAccount) {
    let test = TestApp::new(db).await;
    let account = accounts::create(&test.app, "Acme", "Owner@Example.com").await.expect("an account can be made");
    (test, account)
}

async fn token_of(test: &TestApp, account: &NewAccount, scope: Option<&str>) -> Result<String, Refused> {
    let id = account.client_id.to_string();
    let granted = tokens::client_credentials(&test.app, &id, &account.client_secret, scope).await?;
    Ok(granted.access_token)
}

async fn a_token_names_the_clients_account(db: TestDatabase) {
    let (test, account) = service_with_account(db).await;
    let token = token_of(&test, &account, None).await.expect("a token");
    let caller = token::verify(&test.app, &token).await.expect("the token is good");
    assert_eq!(caller.caller.account_id, account.account_id);
    assert_eq!(caller.caller.scopes, Scope::ALL);
}

async fn a_token_can_carry_fewer_scopes_than_the_client_has(db: TestDatabase) {
    let (test, account) = service_with_account(db).await;
    let scope = Scope::ALL[0];
    let token = token_of(&test, &account, Some(scope.as_str())).await.expect("a token");
    let caller = token::verify(&test.app, &token).await.expect("the token is good");
    assert_eq!(caller.caller.scopes, [scope]);
    let refused = token_of(&test, &account, Some("everything")).await;
    assert!(matches!(refused, Err(Refused::Scope)));
}

async fn a_token_ends_after_an_hour(db: TestDatabase) {
    let (test, account) = service_with_account(db).await;
    let token = token_of(&test, &account, None).await.expect("a token");
    test.clock.advance(token::LIFETIME - TimeDelta::seconds(1));
    token::verify(&test.app, &token).await.expect("the token is still good");
    test.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(token::verify(&test.app, &token).await, Err(Error::Unauthenticated)));
}

async fn a_wrong_secret_gives_no_token(db: TestDatabase) {
    let (test, account) = service_with_account(db).await;
    let wrong = NewAccount { client_secret: "guessed".to_owned(), ..account };
    assert!(matches!(token_of(&test, &wrong, None).await, Err(Refused::Other(Error::InvalidClient))));
}

async fn a_token_of_another_service_is_not_accepted(db: TestDatabase) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let (here, _) = service_with_account(db).await;
    let (there, stranger) = service_with_account(other).await;
    let token = token_of(&there, &stranger, None).await.expect("a token");
    assert!(matches!(token::verify(&here.app, &token).await, Err(Error::Unauthenticated)));
}

async fn nobody_signs_in_twice_with_one_address(db: TestDatabase) {
    let (test, _) = service_with_account(db).await;
    let again = accounts::create(&test.app, "Acme again", "owner@EXAMPLE.com").await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}
