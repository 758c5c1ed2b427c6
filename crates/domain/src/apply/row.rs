//! Whole rows in and out, many at a time: one statement locks and reads them, one writes them.

/// Declares a row of a table whose key is (workspace_id, id). What stands under `shows` is read and never written: others
/// change it, under the lock of the row.
macro_rules! row {
    (
        $(#[$doc:meta])* $name:ident of $table:literal { $($field:ident: $type:ty = $sql:literal,)* }
        $(shows { $($shown:ident: $shown_type:ty,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
        pub(crate) struct $name {
            pub workspace_id: uuid::Uuid,
            pub id: uuid::Uuid,
            $(pub $field: $type,)*
            $($(pub $shown: $shown_type,)*)?
        }

        impl $name {
            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[("workspace_id", "uuid"), ("id", "uuid"), $((stringify!($field), $sql),)*];
            const READ: &'static [&'static str] =
                &["workspace_id", "id", $(stringify!($field),)* $($(stringify!($shown),)*)?];

            /// Locks the rows in the order of their keys and reads them.
            #[allow(dead_code, reason = "not every table is read back")]
            pub(crate) async fn lock(
                connection: &mut sqlx::PgConnection,
                keys: &[$crate::apply::row::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::apply::row::select($table, $name::READ, "FOR NO KEY UPDATE OF t"));
                $crate::apply::row::fetch(connection, SQL.as_str(), keys).await
            }

            /// Reads the rows without a lock.
            #[allow(dead_code, reason = "not every table is read back")]
            pub(crate) async fn read(
                connection: &mut sqlx::PgConnection,
                keys: &[$crate::apply::row::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::apply::row::select($table, $name::READ, ""));
                $crate::apply::row::fetch(connection, SQL.as_str(), keys).await
            }

            /// Inserts the rows, or overwrites those that stand.
            #[allow(dead_code, reason = "not every table is overwritten")]
            pub(crate) async fn save(
                connection: &mut sqlx::PgConnection,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::apply::row::upsert($table, $name::COLUMNS));
                Self::write(connection, SQL.as_str(), rows).await
            }

            /// Inserts the rows.
            #[allow(dead_code, reason = "most tables are overwritten too")]
            pub(crate) async fn insert(
                connection: &mut sqlx::PgConnection,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::apply::row::insert($table, $name::COLUMNS));
                Self::write(connection, SQL.as_str(), rows).await
            }

            async fn write(
                connection: &mut sqlx::PgConnection,
                sql: &'static str,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                if rows.is_empty() {
                    return Ok(());
                }
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(rows.iter().map(|row| row.workspace_id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
                    $(.bind(rows.iter().map(|row| row.$field.clone()).collect::<Vec<_>>()))*
                    .execute(connection)
                    .await?;
                Ok(())
            }
        }

        impl $crate::apply::row::Keyed for $name {
            fn key(&self) -> $crate::apply::row::Key {
                (self.workspace_id, self.id)
            }
        }
    };
}
pub(crate) use row;

use std::collections::BTreeMap;

use sqlx::{FromRow, PgConnection, postgres::PgRow};
use uuid::Uuid;

/// (workspace, id).
pub(crate) type Key = (Uuid, Uuid);

/// What has a key.
pub(crate) trait Keyed {
    /// Its key.
    fn key(&self) -> Key;
}

/// The statement that reads rows by key, in the order of the keys given.
pub(crate) fn select(table: &str, columns: &[&str], lock: &str) -> String {
    let list: Vec<String> = columns.iter().map(|name| format!("t.{name}")).collect();
    format!(
        "SELECT {} FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY k(w, i, n) \
         JOIN {table} t ON t.workspace_id = k.w AND t.id = k.i ORDER BY k.n {lock}",
        list.join(", ")
    )
}

/// The statement that inserts rows from one array for each column.
pub(crate) fn insert(table: &str, columns: &[(&str, &str)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let arrays: Vec<String> = columns.iter().enumerate().map(|(i, (_, sql))| format!("${}::{sql}[]", i + 1)).collect();
    format!("INSERT INTO {table} ({}) SELECT * FROM unnest({})", names.join(", "), arrays.join(", "))
}

/// The same, overwriting the rows that stand.
pub(crate) fn upsert(table: &str, columns: &[(&str, &str)]) -> String {
    let sets: Vec<String> = columns.iter().skip(2).map(|(name, _)| format!("{name} = excluded.{name}")).collect();
    format!("{} ON CONFLICT (workspace_id, id) DO UPDATE SET {}", insert(table, columns), sets.join(", "))
}

/// Runs a statement of [`select`].
pub(crate) async fn fetch<R>(
    connection: &mut PgConnection,
    sql: &'static str,
    keys: &[Key],
) -> Result<Vec<R>, sqlx::Error>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(workspaces).bind(ids).fetch_all(connection).await
}

/// The rows of one table that a batch works on, in memory, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Table<R> {
    rows: BTreeMap<Uuid, (R, bool)>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<R: Keyed> Table<R> {
    /// Takes in what was read.
    pub(crate) fn load(&mut self, rows: Vec<R>) {
        for row in rows {
            self.rows.entry(row.key().1).or_insert((row, false));
        }
    }

    /// A row to look at.
    pub(crate) fn get(&self, id: Uuid) -> Option<&R> {
        self.rows.get(&id).map(|(row, _)| row)
    }

    /// A row to change: it will be written.
    pub(crate) fn edit(&mut self, id: Uuid) -> Option<&mut R> {
        self.rows.get_mut(&id).map(|(row, changed)| {
            *changed = true;
            row
        })
    }

    /// A new row.
    pub(crate) fn add(&mut self, row: R) {
        self.rows.insert(row.key().1, (row, true));
    }

    /// Every row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.rows.values().map(|(row, _)| row)
    }

    /// What is to be written.
    pub(crate) fn changed(&self) -> Vec<&R> {
        self.rows.values().filter(|(_, changed)| *changed).map(|(row, _)| row).collect()
    }
}
