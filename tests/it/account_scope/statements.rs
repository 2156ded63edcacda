//! SQL as far as it has to be understood: which tables, and what their rows are found by.

use std::collections::BTreeSet;

use regex::Regex;

/// One statement.
pub(super) struct Statement<'a> {
    pub(super) sql: &'a str,
    /// Without what is shown and set: the tables, the conditions, the columns of an insert.
    conditions: String,
    /// The tables, in order of appearance.
    tables: Vec<String>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        let mut conditions = sql.to_owned();
        for (pattern, kept) in [
            (r"SELECT (DISTINCT )?[^()]*? FROM ", "SELECT FROM "),
            (r"(?s) SET .*? WHERE ", " WHERE "),
            (r" RETURNING .*$", ""),
            (r" ORDER BY [^()]*", " "),
            (r"(?s) ON CONFLICT .*$", ""),
        ] {
            conditions = expression(pattern).replace_all(&conditions, kept).into_owned();
        }
        let named = expression(r#"(?:FROM|JOIN|INTO|UPDATE) "(\w+)""#);
        let tables = named.captures_iter(&conditions).map(|found| found[1].to_owned()).collect();
        Self { sql, conditions, tables }
    }

    pub(super) fn touches(&self, table: &str) -> bool {
        self.tables.iter().any(|one| one == table)
    }

    /// Whether each of these tables in it is narrowed to an account, or written with one.
    pub(super) fn names_account_for(&self, scoped: &BTreeSet<String>) -> bool {
        let is_unqualified = self.tables.len() == 1 && expression(r#"(^|[^.])"account_id""#).is_match(&self.conditions);
        self.tables
            .iter()
            .filter(|table| scoped.contains(*table))
            .all(|table| is_unqualified || self.conditions.contains(&format!("\"{table}\".\"account_id\"")))
    }

    /// What it does to which table, and the columns by which rows are found, for example `SELECT sync_run by id`.
    pub(super) fn shape(&self) -> String {
        let verb = self.sql.split_whitespace().next().unwrap_or_default();
        let words = expression(r#""(\w+)"( ?\.)?"#);
        let columns: BTreeSet<String> = words
            .captures_iter(&self.conditions)
            .filter(|found| found.get(2).is_none() && !self.tables.iter().any(|table| *table == found[1]))
            .map(|found| found[1].to_owned())
            .collect();
        let columns: Vec<String> = columns.into_iter().collect();
        format!("{verb} {} by {}", self.tables.join("+"), columns.join(", "))
    }
}

fn expression(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is one")
}

#[test]
fn a_statement_is_read_for_its_conditions_only() {
    let scoped: BTreeSet<String> = ["run".to_owned(), "page".to_owned()].into();
    let names = |sql| Statement::new(sql).names_account_for(&scoped);
    assert!(!names(r#"SELECT "run"."account_id" FROM "run" WHERE "run"."id" = $1"#));
    assert!(names(r#"SELECT "run"."id" FROM "run" WHERE "run"."account_id" = $1"#));
    assert!(!names(r#"SELECT "run"."id" FROM "run" JOIN "page" ON 1 WHERE "run"."account_id" = $1"#));
    assert!(!names(r#"UPDATE "run" SET "account_id" = $1 WHERE "run"."id" = $2"#));
    assert!(names(r#"INSERT INTO "run" ("id", "account_id") VALUES ($1, $2) ON CONFLICT ("id") DO NOTHING"#));
    assert!(names(r#"DELETE FROM "other" WHERE "id" = $1 RETURNING "account_id""#));
    let shape = Statement::new(r#"DELETE FROM "run" WHERE "run"."id" = $1 AND "state" = $2 RETURNING "x""#).shape();
    assert_eq!(shape, "DELETE run by id, state");
}
