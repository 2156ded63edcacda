//! Looking at one address again in every store that knows it, after something account-wide changed.

use sea_orm::ConnectionTrait;

use super::settle::{self, Behalf, Change, StoreContext};
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::ledger::Head;
use crate::error::Error;
use crate::store::people::SuppressionKey;
use crate::store::{installed, memberships, source_records};

/// Settles an address in all stores of the account, behind its lock.
pub(super) async fn settle_everywhere(
    app: &App,
    tx: &impl ConnectionTrait,
    account: AccountId,
    mut head: Head,
    address: &str,
    behalf: &Behalf,
) -> Result<Head, Error> {
    let at = app.clock.now();
    let suppression = SuppressionKey::load(tx, &app.sealer, account).await?;
    for integration in source_records::integrations_of(tx, account, address).await? {
        let Some(installed) = installed::find_of(tx, account, integration).await? else { continue };
        let store = StoreContext {
            account_id: account,
            integration_id: integration,
            platform: installed.platform,
            targets: memberships::targets(tx, account, integration).await?,
            suppression: suppression.clone(),
        };
        let change = Change { addresses: [(address.to_owned(), None)].into(), ..Change::default() };
        let plan = settle::plan(tx, &store, change, at).await?;
        (_, head) = settle::write(tx, &store, head, plan, behalf, at).await?;
    }
    Ok(head)
}
