//! Table `privacy_request`, as it is shown.

use ::entity::privacy_request::{Column, Entity};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter};
use uuid::Uuid;

use super::window;
use crate::domain::ids::AccountId;
use crate::domain::page::{Slice, Window};
use crate::domain::privacy::{PrivacyState, RecordedRequest};
use crate::store::privacy_requests::from_row;

/// A page of the account's requests, newest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    state: Option<PrivacyState>,
    page: &Window<Uuid>,
) -> Result<Slice<RecordedRequest>, DbErr> {
    let mut query = Entity::find().filter(Column::AccountId.eq(account.0));
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.as_str()));
    }
    let rows = window::by_id(query, Column::Id, &Order::Desc, page).all(db).await?;
    let requests = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(requests, page.size, page.end))
}
