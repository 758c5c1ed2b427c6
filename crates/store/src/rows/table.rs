//! Reads and writes whole rows, many at a time: one statement locks and reads the rows, one writes them.

/// Declares a row of a table whose key is (workspace_id, id). The columns under `shows` are read and never written:
/// others change them, under the lock of the row.
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

        $crate::rows::columns::columns! {
            $name as row {
                workspace_id: "uuid" = row.workspace_id,
                id: "uuid" = row.id,
                $($field: $sql = &row.$field,)*
            }
        }

        impl $name {
            fn statements() -> &'static $crate::rows::table::Statements {
                static STATEMENTS: std::sync::LazyLock<$crate::rows::table::Statements> =
                    std::sync::LazyLock::new(|| {
                        $crate::rows::table::Statements::of::<$name>($table, &[$($(stringify!($shown),)*)?])
                    });
                &STATEMENTS
            }

            /// Locks the rows in the order of their keys and reads them.
            #[allow(dead_code, reason = "not every table is read back")]
            pub(crate) async fn lock(
                connection: &mut sqlx::PgConnection,
                keys: &[$crate::rows::table::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                $crate::rows::table::fetch(connection, &Self::statements().lock, keys).await
            }

            /// Reads the rows without a lock.
            #[allow(dead_code, reason = "not every table is read back")]
            pub(crate) async fn read(
                connection: &mut sqlx::PgConnection,
                keys: &[$crate::rows::table::Key],
            ) -> Result<Vec<Self>, sqlx::Error> {
                $crate::rows::table::fetch(connection, &Self::statements().read, keys).await
            }

            /// Writes the rows that a batch changed, then those that it made: a new row may take what a changed one
            /// gave up.
            #[allow(dead_code, reason = "not every table is overwritten")]
            pub(crate) async fn save(
                connection: &mut sqlx::PgConnection,
                table: &$crate::rows::table::Table<Self>,
            ) -> Result<(), sqlx::Error> {
                $crate::rows::table::update(connection, Self::statements(), &table.changed_rows()).await?;
                Self::insert(connection, &table.new_rows()).await
            }

            pub(crate) async fn insert(
                connection: &mut sqlx::PgConnection,
                rows: &[&Self],
            ) -> Result<(), sqlx::Error> {
                $crate::rows::table::insert(connection, Self::statements(), rows).await
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

use std::{collections::BTreeMap, iter};

use sqlx::{AssertSqlSafe, FromRow, PgConnection, postgres::PgRow};
use uuid::Uuid;

use super::columns::{Columns, Insert, Update, arrays, columns, equals_given, given_in_order, names_in};

/// (workspace, id).
pub(crate) type Key = (Uuid, Uuid);

columns! {
    Key as key {
        workspace_id: "uuid" = key.0,
        id: "uuid" = key.1,
    }
}

/// A row with a key.
pub(crate) trait Keyed {
    fn key(&self) -> Key;
}

/// The statements that read and write the rows of one table by their keys.
#[derive(Debug)]
pub(crate) struct Statements {
    pub lock: String,
    pub read: String,
    insert: Insert,
    update: Update,
}

impl Statements {
    /// For a table with rows of `R`; the columns of `shown` are only read.
    pub(crate) fn of<R: Columns>(table: &str, shown: &[&str]) -> Self {
        let shown = shown.iter().map(|column| format!("{table}.{column}"));
        let columns: Vec<String> = iter::once(names_in::<R>(table)).chain(shown).collect();
        let select = |lock: &str| {
            format!(
                "SELECT {} FROM {} JOIN {table} ON {} ORDER BY given.place {lock}",
                columns.join(", "),
                given_in_order::<Key>(),
                equals_given::<Key>(table)
            )
        };
        Self {
            lock: select(&format!("FOR NO KEY UPDATE OF {table}")),
            read: select(""),
            insert: Insert::of::<R>(table, ""),
            update: Update::of::<Key, R>(table),
        }
    }
}

/// Reads the rows of these keys, in the order of the keys.
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
    sqlx::query_as_with(AssertSqlSafe(sql), arrays(keys)?).fetch_all(connection).await
}

/// Updates locked rows.
pub(crate) async fn update<R: Columns>(
    connection: &mut PgConnection,
    statements: &'static Statements,
    rows: &[&R],
) -> Result<(), sqlx::Error> {
    if !rows.is_empty() {
        statements.update.bind(rows)?.execute(connection).await?;
    }
    Ok(())
}

/// Inserts rows.
pub(crate) async fn insert<R: Columns>(
    connection: &mut PgConnection,
    statements: &'static Statements,
    rows: &[&R],
) -> Result<(), sqlx::Error> {
    if !rows.is_empty() {
        statements.insert.bind(rows)?.execute(connection).await?;
    }
    Ok(())
}

/// How a batch used a row.
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
    /// Takes in rows that were read.
    pub(crate) fn load(&mut self, rows: Vec<R>) {
        for row in rows {
            self.rows.entry(row.key().1).or_insert((row, Touch::Read));
        }
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&R> {
        self.rows.get(&id).map(|(row, _)| row)
    }

    /// A row to change. It will be written.
    pub(crate) fn edit(&mut self, id: Uuid) -> Option<&mut R> {
        self.rows.get_mut(&id).map(|(row, touch)| {
            if *touch == Touch::Read {
                *touch = Touch::Changed;
            }
            row
        })
    }

    /// Puts a row in: it is new, unless the table holds a row of its key.
    pub(crate) fn add(&mut self, row: R) {
        let id = row.key().1;
        let touch = match self.rows.get(&id) {
            Some((_, Touch::Read | Touch::Changed)) => Touch::Changed,
            Some((_, Touch::New)) | None => Touch::New,
        };
        self.rows.insert(id, (row, touch));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.rows.values().map(|(row, _)| row)
    }

    pub(crate) fn new_rows(&self) -> Vec<&R> {
        self.touched(Touch::New)
    }

    pub(crate) fn changed_rows(&self) -> Vec<&R> {
        self.touched(Touch::Changed)
    }

    fn touched(&self, wanted: Touch) -> Vec<&R> {
        self.rows.values().filter(|(_, touch)| *touch == wanted).map(|(row, _)| row).collect()
    }
}
