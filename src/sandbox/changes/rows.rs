//! What happens to newsletter rows.

use crate::sandbox::names::normalized;
use crate::sandbox::nature::OrdersSpeak;
use crate::sandbox::records::{OUTSIDE, Row, Says, Second};
use crate::sandbox::state::State;

impl State {
    /// A no goes for every row in a chosen sales channel, a yes for the first; who has none gets one.
    pub(super) fn say_on_rows(&mut self, email: &str, says: Says, now: Second) {
        let mut rows = normalized(email).map(|address| self.records_with(&address)).unwrap_or_default().rows;
        rows.retain(|row| row.channel != OUTSIDE);
        if rows.is_empty() {
            rows.push(self.new_row(email, now));
        }
        if says == Says::Yes {
            rows.truncate(1);
        }
        for mut row in rows {
            row.shows_modified = row.created != now;
            // Whoever signs up again is not asked to confirm (vendors/shopware.md section 4).
            row.confirmed_at = row.confirmed_at.filter(|_| says == Says::No);
            (row.says, row.said_at, row.modified) = (says, now, now);
            self.rows.put(row);
        }
    }

    fn new_row(&mut self, email: &str, now: Second) -> Row {
        Row {
            id: self.rows.issue_id(),
            email: Some(email.trim().to_owned()),
            first_name: String::new(),
            last_name: String::new(),
            says: Says::Nothing,
            said_at: now,
            confirmed_at: None,
            channel: 0,
            created: now,
            modified: now,
            shows_modified: false,
            malformed: false,
        }
    }

    pub(crate) fn delete_row(&mut self, id: u64, now: Second) {
        let now = now.max(self.changed_at);
        self.changed_at = now;
        if let Some(row) = self.find::<Row>(id) {
            self.row_leaves(&row, now);
        }
        self.rows.remove(id);
    }

    /// A record that is deleted is an opt-out (`vendors/bigcommerce.md` section 4), also from what orders said before.
    pub(super) fn row_leaves(&mut self, row: &Row, now: Second) {
        let address = row.email.as_deref().and_then(normalized);
        if let Some(address) = address.filter(|_| self.nature().orders_speak == OrdersSpeak::WithoutRow) {
            self.noes.insert(address, now);
        }
    }
}
