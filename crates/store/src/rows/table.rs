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
                keys: &[$crate::rows::table::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::rows::table::select($table, $name::READ, "FOR NO KEY UPDATE OF t"));
                $crate::rows::table::fetch(connection, SQL.as_str(), keys).await
            }

            /// Reads the rows without a lock.
            #[allow(dead_code, reason = "not every table is read back")]
            pub(crate) async fn read(
                connection: &mut sqlx::PgConnection,
                keys: &[$crate::rows::table::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                static SQL: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::rows::table::select($table, $name::READ, ""));
                $crate::rows::table::fetch(connection, SQL.as_str(), keys).await
            }

            /// Writes what a batch changed and made of this table, in this order: what a row gives up a new one may take.
            #[allow(dead_code, reason = "not every table is overwritten")]
            pub(crate) async fn save(
                connection: &mut sqlx::PgConnection,
                table: &$crate::rows::table::Table<Self>,
            ) -> Result<(), sqlx::Error> {
                static ONE: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::rows::table::update_one($table, $name::COLUMNS));
                static MANY: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::rows::table::update($table, $name::COLUMNS));
                let changed = table.changed_rows();
                match changed.as_slice() {
                    [] => {}
                    [_] => Self::write_few(connection, ONE.as_str(), &changed).await?,
                    _ => Self::write_many(connection, MANY.as_str(), &changed).await?,
                }
                Self::insert(connection, &table.new_rows()).await
            }

            /// Inserts the rows.
            pub(crate) async fn insert(
                connection: &mut sqlx::PgConnection,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                static FEW: std::sync::LazyLock<Vec<String>> =
                    std::sync::LazyLock::new(|| $crate::rows::table::insert_few($table, $name::COLUMNS, ""));
                static MANY: std::sync::LazyLock<String> =
                    std::sync::LazyLock::new(|| $crate::rows::table::insert($table, $name::COLUMNS));
                match $crate::rows::table::for_few(&FEW, rows.len()) {
                    _ if rows.is_empty() => Ok(()),
                    Some(sql) => Self::write_few(connection, sql, rows).await,
                    None => Self::write_many(connection, MANY.as_str(), rows).await,
                }
            }

            async fn write_few(
                connection: &mut sqlx::PgConnection,
                sql: &'static str,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                for row in rows {
                    query = query.bind(row.workspace_id).bind(row.id)$(.bind(row.$field.clone()))*;
                }
                query.execute(connection).await?;
                Ok(())
            }

            async fn write_many(
                connection: &mut sqlx::PgConnection,
                sql: &'static str,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(rows.iter().map(|row| row.workspace_id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
                    $(.bind(rows.iter().map(|row| row.$field.clone()).collect::<Vec<_>>()))*
                    .execute(connection)
                    .await?;
                Ok(())
            }
        }

        impl $crate::rows::table::Keyed for $name {
            fn key(&self) -> $crate::rows::table::Key {
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

/// Up to so many rows are inserted by parameters of their own: to unfold an array for each column costs as much as thirty
/// rows do, and at little load most batches are of one request.
const FEW: usize = 4;

/// The statements that insert one row, two, and so on up to a few; `tail` says what else.
pub(crate) fn insert_few(table: &str, columns: &[(&str, &str)], tail: &str) -> Vec<String> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let row = |number: usize| {
        let first = number * columns.len() + 1;
        let values = columns.iter().enumerate().map(|(place, (_, sql))| format!("${}::{sql}", first + place));
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    let rows = |count: usize| (0..count).map(row).collect::<Vec<_>>().join(", ");
    (1..=FEW).map(|count| format!("INSERT INTO {table} ({}) VALUES {} {tail}", names.join(", "), rows(count))).collect()
}

/// The one of [`insert_few`] for so many rows, if they are few.
pub(crate) fn for_few(statements: &'static [String], rows: usize) -> Option<&'static str> {
    statements.get(rows.checked_sub(1)?).map(String::as_str)
}

/// The statement that overwrites one row that stands and is locked.
pub(crate) fn update_one(table: &str, columns: &[(&str, &str)]) -> String {
    let values = columns.iter().enumerate().map(|(place, (name, sql))| format!("{name} = ${}::{sql}", place + 1));
    let values: Vec<String> = values.collect();
    let (key, sets) = values.split_at(2);
    format!("UPDATE {table} SET {} WHERE {}", sets.join(", "), key.join(" AND "))
}

/// The statement that overwrites rows that stand and are locked, from the same arrays.
pub(crate) fn update(table: &str, columns: &[(&str, &str)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let arrays: Vec<String> = columns.iter().enumerate().map(|(i, (_, sql))| format!("${}::{sql}[]", i + 1)).collect();
    let sets: Vec<String> = names.iter().skip(2).map(|name| format!("{name} = k.{name}")).collect();
    format!(
        "UPDATE {table} t SET {} FROM unnest({}) k({}) WHERE t.workspace_id = k.workspace_id AND t.id = k.id",
        sets.join(", "),
        arrays.join(", "),
        names.join(", ")
    )
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

/// What a batch did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    Read,
    Changed,
    New,
}

/// The rows of one table that a batch works on, in memory, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Table<R> {
    rows: BTreeMap<Uuid, (R, Touch)>,
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
            self.rows.entry(row.key().1).or_insert((row, Touch::Read));
        }
    }

    /// A row to look at.
    pub(crate) fn get(&self, id: Uuid) -> Option<&R> {
        self.rows.get(&id).map(|(row, _)| row)
    }

    /// A row to change: it will be written.
    pub(crate) fn edit(&mut self, id: Uuid) -> Option<&mut R> {
        self.rows.get_mut(&id).map(|(row, touch)| {
            if *touch == Touch::Read {
                *touch = Touch::Changed;
            }
            row
        })
    }

    /// A row as it is to be: a new one, unless one of its key is here.
    pub(crate) fn add(&mut self, row: R) {
        let id = row.key().1;
        let touch = match self.rows.get(&id) {
            Some((_, Touch::Read | Touch::Changed)) => Touch::Changed,
            Some((_, Touch::New)) | None => Touch::New,
        };
        self.rows.insert(id, (row, touch));
    }

    /// Every row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.rows.values().map(|(row, _)| row)
    }

    /// What is to be inserted.
    pub(crate) fn new_rows(&self) -> Vec<&R> {
        self.touched(Touch::New)
    }

    /// What is to be overwritten.
    pub(crate) fn changed_rows(&self) -> Vec<&R> {
        self.touched(Touch::Changed)
    }

    fn touched(&self, wanted: Touch) -> Vec<&R> {
        self.rows.values().filter(|(_, touch)| *touch == wanted).map(|(row, _)| row).collect()
    }
}
