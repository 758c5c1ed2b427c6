//! Pages of the lists of several parent objects, such as the messages of conversations. One statement reads the same
//! part of each list.

use std::{collections::HashMap, hash::Hash};

use inlet_domain::scope::Scope;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Statement};
use uuid::Uuid;

use super::{
    lean,
    page::{Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// The list of a parent object.
pub(super) struct List<C> {
    /// The column of the parent's id.
    pub(super) parent: C,
    /// The order of the list.
    pub(super) sort: Sort,
    /// The column of the order. None in an order by id.
    pub(super) at: Option<C>,
    /// The column of the id.
    pub(super) id: C,
    /// A further condition on the rows, in SQL. Empty for none.
    pub(super) only: &'static str,
}

/// Reads the part that `slice` asks for of the list of each parent, in ascending order. `place` returns a row's parent
/// and position.
pub(super) async fn fetch<E, P>(
    database: &Database,
    scope: Scope,
    list: List<E::Column>,
    parents: &[P],
    slice: &Slice,
    place: impl Fn(&E::Model) -> (Option<P>, Position),
) -> Result<Vec<(P, Page<E::Model>)>, StoreError>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Send + Sync,
    P: Copy + Eq + Hash + Into<Uuid>,
{
    slice.check(list.sort)?;
    let (table, columns) = (E::default().table_name().to_owned(), lean::columns::<E>());
    let (parent, id) = (list.parent.as_str(), list.id.as_str());
    let key = list.at.map_or_else(|| id.to_owned(), |at| format!("{}, {id}", at.as_str()));
    let direction = if slice.from_end { "DESC" } else { "ASC" };
    let order = key.split(", ").map(|column| format!("{column} {direction}")).collect::<Vec<_>>().join(", ");
    let mut sql = format!(
        "SELECT t.* FROM unnest($2::uuid[]) AS p(id) CROSS JOIN LATERAL (SELECT {columns} FROM {table} c \
         WHERE c.workspace_id = $1 AND c.{parent} = p.id"
    );
    let ids: Vec<Uuid> = parents.iter().map(|parent| (*parent).into()).collect();
    let mut values: Vec<sea_orm::Value> =
        vec![scope.workspace().into(), ids.into(), (i64::from(slice.size) + 1).into()];
    for (bound, sign) in [(slice.after, '>'), (slice.before, '<')] {
        let Some(bound) = bound else { continue };
        if list.at.is_some() {
            values.push(bound.key());
        }
        values.push(bound.id.into());
        let places = match list.at {
            Some(_) => format!("${}, ${}", values.len() - 1, values.len()),
            None => format!("${}", values.len()),
        };
        sql.push_str(&format!(" AND ({key}) {sign} ({places})"));
    }
    if !list.only.is_empty() {
        sql.push_str(&format!(" AND {}", list.only));
    }
    sql.push_str(&format!(" ORDER BY {order} LIMIT $3) t"));
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let mut rows_of: HashMap<P, Vec<(Position, E::Model)>> = HashMap::with_capacity(parents.len());
    for row in database.orm.query_all_raw(statement).await? {
        let row = E::Model::from_query_result(&row, "")?;
        if let (Some(parent), position) = place(&row) {
            rows_of.entry(parent).or_default().push((position, row));
        }
    }
    let page = |parent: &P| (*parent, Page::of_rows(rows_of.remove(parent).unwrap_or_default(), slice));
    Ok(parents.iter().map(page).collect())
}
