//! What a database holds after a first pass, by size of the store.

use assent::auth::Caller;
use assent::domain::sync::RunMode;
use entity::contact;
use sea_orm::{DatabaseConnection, DbBackend, EntityTrait as _, FromQueryResult, PaginatorTrait as _, Statement};

use crate::apart::{Apart, StoreArguments};
use crate::place::Place;
use crate::{Arguments, Failure, shop};

/// Smaller ones are not shown, in bytes a contact.
const WORTH_SHOWING: f64 = 0.5;

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    for people in &arguments.sizes {
        let place = Place::new(arguments.database_url.as_deref()).await?;
        let of_store = StoreArguments { people: *people, ..arguments.store.clone() };
        let store = Apart::start(&of_store, arguments.platform).await?;
        let caller = Caller::operator(shop::new_account(&place.app).await?.account_id);
        let integration = shop::install(&place.app, &caller, arguments.platform, store.settings.clone()).await?;
        let (run, seconds) = shop::run(&place.app, &caller, integration, RunMode::Full).await?;
        let (read, rate) = (run.counts.read, run.counts.read as f64 / seconds);
        let contacts = contact::Entity::find().count(&place.app.db).await?;
        println!("{people} people: {read} records in {seconds:.1} s, {rate:.0} a second; {contacts} contacts");
        if let Some(failure) = &run.failure {
            println!("it failed: {}", failure.detail);
        }
        print(&sizes(&place.app.db).await?, contacts);
        place.remove().await?;
    }
    Ok(())
}

/// A table or an index.
#[derive(FromQueryResult)]
struct Size {
    of_table: String,
    /// `None`: the table itself.
    of_index: Option<String>,
    bytes: i64,
}

/// The table with what stands beside it, and each index.
const POSTGRES: &str = "\
SELECT relname::text AS of_table, NULL AS of_index, pg_table_size(oid)::int8 AS bytes FROM pg_class \
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
UNION ALL SELECT t.relname::text, i.relname::text, pg_relation_size(i.oid)::int8 FROM pg_index x \
JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
WHERE t.relnamespace = 'public'::regnamespace ORDER BY 1, 3 DESC";
const SQLITE: &str = "\
SELECT s.tbl_name AS of_table, CASE s.type WHEN 'index' THEN s.name END AS of_index, d.pgsize AS bytes FROM dbstat d \
JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate ORDER BY 1, 3 DESC";

async fn sizes(db: &DatabaseConnection) -> Result<Vec<Size>, Failure> {
    let backend = db.get_database_backend();
    let sql = if backend == DbBackend::Postgres { POSTGRES } else { SQLITE };
    Ok(Size::find_by_statement(Statement::from_string(backend, sql)).all(db).await?)
}

fn print(sizes: &[Size], contacts: u64) {
    let each = |bytes: i64| bytes as f64 / contacts.max(1) as f64;
    let sum = |wanted: &dyn Fn(&&Size) -> bool| sizes.iter().filter(wanted).map(|size| size.bytes).sum::<i64>();
    let indices = sum(&|size| size.of_index.is_some());
    let all = sum(&|_| true);
    println!("  bytes a contact: {:.0}, of which indices {:.0}; {all} bytes in all", each(all), each(indices));
    let mut tables: Vec<&str> = sizes.iter().map(|size| size.of_table.as_str()).collect();
    tables.dedup();
    for table in tables {
        let rows = sum(&|size| size.of_table == table && size.of_index.is_none());
        let indices = sum(&|size| size.of_table == table && size.of_index.is_some());
        if each(rows + indices) < WORTH_SHOWING {
            continue;
        }
        println!("  {table:<36}{:>8.0} rows {:>8.0} indices", each(rows), each(indices));
        for size in sizes.iter().filter(|size| size.of_table == table && each(size.bytes) >= WORTH_SHOWING) {
            if let Some(index) = &size.of_index {
                println!("    {index:<42}{:>19.0}", each(size.bytes));
            }
        }
    }
}
