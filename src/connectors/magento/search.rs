//! `searchCriteria` as query parameters (`vendors/magento.md` section 3).
//!
//! Filters of one group are alternatives, groups hold together; there is nothing deeper. A sort order without a
//! direction is a descending one, and no page size means every row, so both are always sent. A value that the shop
//! can't use is ignored without an error: a time in another form than [`TIME_FORMAT`] gives back everything.

use chrono::{DateTime, Utc};

/// Times in filters and in answers: UTC without a mark (`vendors/magento.md` section 9).
pub(super) const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// One condition: field, operator, value.
pub(super) type Filter<'a> = (&'a str, &'static str, String);

/// The parameters of one list request. Only ever the first page is asked for: see [`walk`](super::walk).
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pairs: Vec<(String, String)>,
    groups: usize,
    sorts: usize,
}

impl Search {
    /// At least one of these conditions, and all that was asked before.
    pub(super) fn any_of(mut self, filters: &[Filter<'_>]) -> Self {
        for (place, (field, condition, value)) in filters.iter().enumerate() {
            let filter = format!("searchCriteria[filterGroups][{}][filters][{place}]", self.groups);
            self.pairs.push((format!("{filter}[field]"), (*field).to_owned()));
            self.pairs.push((format!("{filter}[conditionType]"), (*condition).to_owned()));
            self.pairs.push((format!("{filter}[value]"), value.clone()));
        }
        self.groups += 1;
        self
    }

    /// Sorted by this field, after those given before.
    pub(super) fn sorted_by(mut self, field: &str, direction: &'static str) -> Self {
        let order = format!("searchCriteria[sortOrders][{}]", self.sorts);
        self.pairs.push((format!("{order}[field]"), field.to_owned()));
        self.pairs.push((format!("{order}[direction]"), direction.to_owned()));
        self.sorts += 1;
        self
    }

    /// The parameters, with the size of the page and the fields of its items.
    pub(super) fn parameters(&self, size: u64, fields: &str) -> Vec<(String, String)> {
        let paging = [
            ("searchCriteria[pageSize]".to_owned(), size.to_string()),
            ("searchCriteria[currentPage]".to_owned(), "1".to_owned()),
            ("fields".to_owned(), format!("items[{fields}],total_count")),
        ];
        self.pairs.iter().cloned().chain(paging).collect()
    }
}

/// A time as the shop's filters read it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format(TIME_FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_sort_orders_are_numbered() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let search = Search::default()
            .any_of(&[("updated_at", "gteq", time(at))])
            .any_of(&[("updated_at", "gt", time(at)), ("entity_id", "gt", "7".to_owned())])
            .sorted_by("updated_at", "ASC")
            .sorted_by("entity_id", "ASC");
        let sent: Vec<String> =
            search.parameters(300, "id").into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            sent,
            [
                "searchCriteria[filterGroups][0][filters][0][field]=updated_at",
                "searchCriteria[filterGroups][0][filters][0][conditionType]=gteq",
                "searchCriteria[filterGroups][0][filters][0][value]=2023-11-14 22:13:20",
                "searchCriteria[filterGroups][1][filters][0][field]=updated_at",
                "searchCriteria[filterGroups][1][filters][0][conditionType]=gt",
                "searchCriteria[filterGroups][1][filters][0][value]=2023-11-14 22:13:20",
                "searchCriteria[filterGroups][1][filters][1][field]=entity_id",
                "searchCriteria[filterGroups][1][filters][1][conditionType]=gt",
                "searchCriteria[filterGroups][1][filters][1][value]=7",
                "searchCriteria[sortOrders][0][field]=updated_at",
                "searchCriteria[sortOrders][0][direction]=ASC",
                "searchCriteria[sortOrders][1][field]=entity_id",
                "searchCriteria[sortOrders][1][direction]=ASC",
                "searchCriteria[pageSize]=300",
                "searchCriteria[currentPage]=1",
                "fields=items[id],total_count",
            ]
        );
    }
}
