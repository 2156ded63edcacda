//! Keyset pages in SQL.

use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::domain::page::{End, Window};

/// Narrows a query to a window of the list that is ordered by `column`, one row longer than asked for.
///
/// Rows come from the asked end on; [`crate::domain::page::Slice::new`] cuts and turns them.
pub(super) fn by_id<E: EntityTrait>(
    query: Select<E>,
    column: impl ColumnTrait,
    order: &Order,
    window: &Window<Uuid>,
) -> Select<E> {
    let ascending = matches!(order, Order::Asc);
    let later = |id| if ascending { column.gt(id) } else { column.lt(id) };
    let earlier = |id| if ascending { column.lt(id) } else { column.gt(id) };
    let mut query = query;
    if let Some(id) = window.after {
        query = query.filter(later(id));
    }
    if let Some(id) = window.before {
        query = query.filter(earlier(id));
    }
    let read_ascending = ascending == (window.end == End::First);
    query.order_by(column, if read_ascending { Order::Asc } else { Order::Desc }).limit(window.size + 1)
}
