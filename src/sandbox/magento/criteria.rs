//! `searchCriteria` as a shop reads it (`vendors/magento.md` section 3), and `fields`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::sandbox::records::Second;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) field: String,
    pub(super) condition: String,
    pub(super) value: String,
}

/// One sort order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) field: String,
    pub(super) descending: bool,
}

/// What a list request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Criteria {
    /// Groups hold together; within a group one filter suffices.
    pub(super) groups: Vec<Vec<Filter>>,
    pub(super) orders: Vec<Order>,
    /// Absent: every row.
    pub(super) page_size: Option<u64>,
    pub(super) current_page: Option<u64>,
}

impl Criteria {
    /// Reads both spellings of the names.
    pub(super) fn read(query: &[(String, String)]) -> Result<Self, Refusal> {
        let mut criteria = Self::default();
        let (mut groups, mut orders) = (BTreeMap::<_, BTreeMap<_, Filter>>::new(), BTreeMap::<_, Order>::new());
        let mut is_there = false;
        for (name, value) in query {
            let Some(rest) = name.strip_prefix("searchCriteria") else { continue };
            is_there = true;
            let parts: Vec<&str> = rest.split(['[', ']']).filter(|part| !part.is_empty()).collect();
            match parts[..] {
                ["filterGroups" | "filter_groups", group, "filters", place, part] => {
                    let filters = groups.entry(number(group)).or_default();
                    let filter = filters.entry(number(place)).or_insert_with(Filter::blank);
                    filter.set(part, value);
                }
                ["sortOrders" | "sort_orders", place, part] => {
                    // Without a direction the order is a descending one (section 3).
                    let order =
                        orders.entry(number(place)).or_insert_with(|| Order { field: String::new(), descending: true });
                    match part {
                        "field" => order.field.clone_from(value),
                        "direction" => order.descending = !value.eq_ignore_ascii_case("asc"),
                        _ => {}
                    }
                }
                ["pageSize" | "page_size"] => criteria.page_size = value.parse().ok(),
                ["currentPage" | "current_page"] => criteria.current_page = value.parse().ok(),
                _ => {}
            }
        }
        if !is_there {
            return Err(Refusal::no_criteria());
        }
        criteria.groups = groups.into_values().map(|filters| filters.into_values().collect()).collect();
        criteria.orders = orders.into_values().collect();
        Ok(criteria)
    }

    /// As it comes back in the answer.
    pub(super) fn echo(&self) -> Value {
        let filter = |one: &Filter| json!({ "field": one.field, "value": one.value, "condition_type": one.condition });
        let group = |filters: &Vec<Filter>| json!({ "filters": filters.iter().map(filter).collect::<Vec<_>>() });
        let direction = |descending| if descending { "DESC" } else { "ASC" };
        let order = |one: &Order| json!({ "field": one.field, "direction": direction(one.descending) });
        let mut echo = json!({ "filter_groups": self.groups.iter().map(group).collect::<Vec<_>>() });
        if !self.orders.is_empty() {
            echo["sort_orders"] = self.orders.iter().map(order).collect();
        }
        for (name, number) in [("page_size", self.page_size), ("current_page", self.current_page)] {
            if let Some(number) = number {
                echo[name] = number.into();
            }
        }
        echo
    }
}

impl Filter {
    fn blank() -> Self {
        Self { field: String::new(), condition: "eq".to_owned(), value: String::new() }
    }

    fn set(&mut self, part: &str, value: &str) {
        match part {
            "field" => value.clone_into(&mut self.field),
            "value" => value.clone_into(&mut self.value),
            "conditionType" | "condition_type" => value.clone_into(&mut self.condition),
            _ => {}
        }
    }

    /// Whether a value of a column fits; a column that is null fits no comparison.
    pub(super) fn fits(&self, column: &Column) -> bool {
        let order = column.compare(&self.value);
        let is_listed =
            || self.value.split(',').any(|item| column.compare(item).is_some_and(std::cmp::Ordering::is_eq));
        match self.condition.as_str() {
            "null" => *column == Column::Null,
            "notnull" => *column != Column::Null,
            "eq" => order.is_some_and(std::cmp::Ordering::is_eq),
            "neq" => order.is_some_and(std::cmp::Ordering::is_ne),
            "gt" => order.is_some_and(std::cmp::Ordering::is_gt),
            "gteq" | "from" | "moreq" => order.is_some_and(std::cmp::Ordering::is_ge),
            "lt" => order.is_some_and(std::cmp::Ordering::is_lt),
            "lteq" | "to" => order.is_some_and(std::cmp::Ordering::is_le),
            "in" => is_listed(),
            "nin" => *column != Column::Null && !is_listed(),
            "like" => column.is_like(&self.value),
            // An operator that is none finds nothing, without an error (recorded: `customers_filter_bad_condition`).
            _ => false,
        }
    }
}

/// The value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Null,
    Number(u64),
    Time(Second),
    Text(String),
}

impl Column {
    /// As the database compares: texts without regard to case, times by their first 19 characters.
    fn compare(&self, value: &str) -> Option<std::cmp::Ordering> {
        match self {
            Self::Null => None,
            Self::Number(number) => Some(number.cmp(&value.trim().parse().ok()?)),
            Self::Time(time) => Some(time.cmp(&second_of(value))),
            Self::Text(text) => Some(text.to_lowercase().cmp(&value.to_lowercase())),
        }
    }

    fn is_like(&self, pattern: &str) -> bool {
        let Self::Text(text) = self else { return false };
        let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
        match (pattern.strip_prefix('%'), pattern.strip_suffix('%')) {
            (Some(_), Some(_)) => text.contains(pattern.trim_matches('%')),
            (Some(end), None) => text.ends_with(end),
            (None, Some(start)) => text.starts_with(start),
            (None, None) => text == pattern,
        }
    }
}

/// A zone is ignored, and what is no time is before all times (recorded: `customers_updated_at_gt_offset`,
/// `customers_updated_at_garbage`).
pub(super) fn second_of(text: &str) -> Second {
    let mut head: String = text.chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect();
    // To MySQL a date alone is its midnight.
    if head.len() == "2026-11-21".len() {
        head.push_str(" 00:00:00");
    }
    let time = chrono::NaiveDateTime::parse_from_str(&head, "%Y-%m-%d %H:%M:%S");
    time.map_or(Second::MIN, |time| time.and_utc().timestamp())
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(u64::MAX)
}

/// What `fields` lets through: `items[id,extension_attributes[is_subscribed]],total_count`.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Option<Tree>);

#[derive(Debug, Clone, Default)]
struct Tree(BTreeMap<String, Tree>);

impl Fields {
    pub(super) fn read(query: &[(String, String)]) -> Self {
        let text = query.iter().find(|(name, _)| name == "fields").map(|(_, value)| value);
        Self(text.map(|text| Tree::read(&mut text.chars())))
    }

    pub(super) fn cut(&self, body: Value) -> Value {
        match &self.0 {
            Some(tree) => tree.cut(body),
            None => body,
        }
    }
}

impl Tree {
    /// Reads up to the bracket that closes it.
    fn read(letters: &mut std::str::Chars<'_>) -> Self {
        let (mut tree, mut name) = (Self::default(), String::new());
        while let Some(letter) = letters.next() {
            match letter {
                ',' => tree.add(&mut name, Self::default()),
                '[' => {
                    let inner = Self::read(letters);
                    tree.add(&mut name, inner);
                }
                ']' => break,
                letter => name.push(letter),
            }
        }
        tree.add(&mut name, Self::default());
        tree
    }

    fn add(&mut self, name: &mut String, inner: Self) {
        let name = std::mem::take(name);
        if !name.trim().is_empty() {
            self.0.insert(name.trim().to_owned(), inner);
        }
    }

    fn cut(&self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.cut(item)).collect(),
            Value::Object(fields) if !self.0.is_empty() => {
                let kept = fields.into_iter().filter_map(|(name, value)| {
                    let inner = self.0.get(&name)?;
                    Some((name, inner.cut(value)))
                });
                Value::Object(kept.collect::<Map<_, _>>())
            }
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    #[test]
    fn both_spellings_are_read_and_echoed() {
        let camel = "searchCriteria[filterGroups][0][filters][0][field]=email&searchCriteria[filterGroups][0][filters][0]\
                     [value]=x&searchCriteria[filterGroups][0][filters][0][conditionType]=like&searchCriteria[sortOrders]\
                     [0][field]=id&searchCriteria[pageSize]=2";
        let snake = camel.replace("filterGroups", "filter_groups").replace("conditionType", "condition_type");
        let criteria = Criteria::read(&query(camel)).unwrap();
        assert_eq!(criteria, Criteria::read(&query(&snake)).unwrap());
        assert_eq!(
            criteria.echo(),
            json!({"filter_groups": [{"filters": [{"field": "email", "value": "x", "condition_type": "like"}]}],
                "sort_orders": [{"field": "id", "direction": "DESC"}], "page_size": 2})
        );
        assert_eq!(Criteria::read(&query("fields=id")), Err(Refusal::no_criteria()));
    }

    #[test]
    fn times_compare_without_their_zone_and_garbage_is_before_all() {
        let filter = |value: &str| Filter {
            field: "updated_at".to_owned(),
            condition: "gt".to_owned(),
            value: value.to_owned(),
        };
        let column = Column::Time(second_of("2026-11-21 19:33:48"));
        for value in
            ["2026-11-21 19:33:47", "2026-11-21T19:33:47+02:00", "2026-11-21T19:33:47Z", "2026-11-21", "yesterday"]
        {
            assert!(filter(value).fits(&column), "{value}");
        }
        for value in ["2026-11-21 19:33:48", "2026-11-22"] {
            assert!(!filter(value).fits(&column), "{value}");
        }
    }

    #[test]
    fn fields_cut_down_to_the_brackets() {
        let fields = Fields::read(&query("fields=items[id,extension_attributes[is_subscribed]],total_count"));
        let body = json!({"items": [{"id": 1, "email": "a", "extension_attributes": {"is_subscribed": true, "x": 1}}],
            "search_criteria": {}, "total_count": 7});
        let cut = json!({"items": [{"id": 1, "extension_attributes": {"is_subscribed": true}}], "total_count": 7});
        assert_eq!(fields.cut(body), cut);
    }
}
