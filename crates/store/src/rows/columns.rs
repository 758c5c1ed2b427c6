//! Lists of columns. [`columns`] names each column, its SQL type and its value once. [`Insert`], [`Update`] and [`given`]
//! make the statements for few rows and for many rows from such a list.

use sqlx::{AssertSqlSafe, Postgres, error::BoxDynError, postgres::PgArguments, query::Query, query_with};

/// A column as a statement names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    /// The SQL type of the parameter.
    parameter: &'static str,
    /// The SQL type of the column, if the parameter needs another type: Postgres has no arrays of arrays.
    cast: Option<&'static str>,
}

impl Column {
    pub(crate) const fn new(name: &'static str, parameter: &'static str) -> Self {
        Self { name, parameter, cast: None }
    }

    pub(crate) const fn cast(self, to: &'static str) -> Self {
        Self { cast: Some(to), ..self }
    }

    /// Parameter `number` as a value of the column.
    fn parameter(&self, number: usize) -> String {
        self.of_type(&format!("${number}::{}", self.parameter))
    }

    /// The value in a row of [`given`].
    fn given(&self) -> String {
        self.of_type(&format!("given.{}", self.name))
    }

    fn of_type(&self, value: &str) -> String {
        self.cast.map_or_else(|| value.to_owned(), |cast| format!("{value}::{cast}"))
    }
}

/// A row: it has a value for each of its columns. A pair of rows has the columns of both.
pub(crate) trait Columns {
    fn columns() -> Vec<Column>;

    /// Adds one argument for each column.
    fn add_values(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Adds one array for each column, with the values of all rows.
    fn add_arrays<'r>(
        rows: impl Iterator<Item = &'r Self> + Clone,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError>
    where
        Self: 'r;
}

/// Implements [`Columns`]: `columns! { Type as row { column: "parameter type" as "column type" = value, … } }`. Leave
/// `as "column type"` out if both types are equal.
macro_rules! columns {
    ($type:ty as $row:ident { $($column:ident: $parameter:literal $(as $cast:literal)? = $value:expr,)* }) => {
        impl $crate::rows::columns::Columns for $type {
            fn columns() -> Vec<$crate::rows::columns::Column> {
                vec![$($crate::rows::columns::Column::new(stringify!($column), $parameter)$(.cast($cast))?,)*]
            }

            fn add_values(
                &self,
                arguments: &mut sqlx::postgres::PgArguments,
            ) -> Result<(), sqlx::error::BoxDynError> {
                let $row = self;
                $(sqlx::Arguments::add(arguments, $value)?;)*
                Ok(())
            }

            fn add_arrays<'r>(
                rows: impl Iterator<Item = &'r Self> + Clone,
                arguments: &mut sqlx::postgres::PgArguments,
            ) -> Result<(), sqlx::error::BoxDynError>
            where
                Self: 'r,
            {
                $(sqlx::Arguments::add(arguments, rows.clone().map(|$row: &'r Self| $value).collect::<Vec<_>>())?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use columns;

impl<T: Columns> Columns for &T {
    fn columns() -> Vec<Column> {
        T::columns()
    }

    fn add_values(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        T::add_values(self, arguments)
    }

    fn add_arrays<'r>(
        rows: impl Iterator<Item = &'r Self> + Clone,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError>
    where
        Self: 'r,
    {
        T::add_arrays(rows.copied(), arguments)
    }
}

impl<A: Columns, B: Columns> Columns for (A, B) {
    fn columns() -> Vec<Column> {
        [A::columns(), B::columns()].concat()
    }

    fn add_values(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        self.0.add_values(arguments)?;
        self.1.add_values(arguments)
    }

    fn add_arrays<'r>(
        rows: impl Iterator<Item = &'r Self> + Clone,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError>
    where
        Self: 'r,
    {
        A::add_arrays(rows.clone().map(|(first, _)| first), arguments)?;
        B::add_arrays(rows.map(|(_, second)| second), arguments)
    }
}

fn list(columns: &[Column], separator: &str, text: impl Fn(&Column) -> String) -> String {
    columns.iter().map(text).collect::<Vec<_>>().join(separator)
}

/// The names of the columns, as a list.
pub(crate) fn names<R: Columns>() -> String {
    list(&R::columns(), ", ", |column| column.name.to_owned())
}

/// The columns of `table`, as a list.
pub(crate) fn names_in<R: Columns>(table: &str) -> String {
    list(&R::columns(), ", ", |column| format!("{table}.{}", column.name))
}

fn unnest<R: Columns>() -> String {
    let columns = R::columns();
    let arrays = columns.iter().enumerate().map(|(index, column)| format!("${}::{}[]", index + 1, column.parameter));
    format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
}

/// The rows of [`arrays`], as the table `given`: a column has the name that `R` gives it and the type of its parameter.
/// The arrays are the first parameters of the statement.
pub(crate) fn given<R: Columns>() -> String {
    format!("{} given({})", unnest::<R>(), names::<R>())
}

/// As [`given`], with the number of each row in the additional column `place`.
pub(crate) fn given_in_order<R: Columns>() -> String {
    format!("{} WITH ORDINALITY given({}, place)", unnest::<R>(), names::<R>())
}

/// The condition that the columns of `table` equal those of a row of [`given`].
pub(crate) fn equals_given<R: Columns>(table: &str) -> String {
    list(&R::columns(), " AND ", |column| format!("{table}.{} = {}", column.name, column.given()))
}

/// The arguments of a statement that reads rows from [`given`].
///
/// # Errors
/// If a value cannot be encoded for Postgres.
pub(crate) fn arrays<'r, R, I>(rows: I) -> Result<PgArguments, sqlx::Error>
where
    R: Columns + 'r,
    I: IntoIterator<Item = &'r R, IntoIter: Clone>,
{
    let mut arguments = PgArguments::default();
    R::add_arrays(rows.into_iter(), &mut arguments).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// A statement with its arguments.
pub(crate) type Bound = Query<'static, Postgres, PgArguments>;

/// The statement that inserts the rows of [`given`]; `tail` follows.
pub(crate) fn insert_given<R: Columns>(table: &str, tail: &str) -> String {
    let values = list(&R::columns(), ", ", Column::given);
    format!("INSERT INTO {table} ({}) SELECT {values} FROM {} {tail}", names::<R>(), given::<R>())
}

/// An insertion: a statement for each small number of rows, and one for all others.
///
/// Up to [`Insert::FEW`] rows have parameters of their own. Unnesting an array for each column costs as much as thirty
/// rows do, and at low load most batches have one request.
#[derive(Debug)]
pub(crate) struct Insert {
    few: Vec<String>,
    many: String,
}

impl Insert {
    const FEW: usize = 4;

    /// Inserts rows of `R` into `table`; `tail` ends the statement.
    pub(crate) fn of<R: Columns>(table: &str, tail: &str) -> Self {
        let columns = R::columns();
        let row = |place: usize| {
            let numbered = columns.iter().enumerate();
            let values = numbered.map(|(index, column)| column.parameter(place * columns.len() + index + 1));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        };
        let rows = |count: usize| (0..count).map(row).collect::<Vec<_>>().join(", ");
        let few = |count| format!("INSERT INTO {table} ({}) VALUES {} {tail}", names::<R>(), rows(count));
        Self { few: (1..=Self::FEW).map(few).collect(), many: insert_given::<R>(table, tail) }
    }

    /// The statement for these rows.
    ///
    /// # Errors
    /// If a value cannot be encoded for Postgres.
    pub(crate) fn bind<R: Columns>(&'static self, rows: &[R]) -> Result<Bound, sqlx::Error> {
        match rows.len().checked_sub(1).and_then(|last| self.few.get(last)) {
            Some(sql) => {
                let mut arguments = PgArguments::default();
                rows.iter().try_for_each(|row| row.add_values(&mut arguments)).map_err(sqlx::Error::Encode)?;
                Ok(query_with(AssertSqlSafe(sql.as_str()), arguments))
            }
            None => Ok(query_with(AssertSqlSafe(self.many.as_str()), arrays(rows)?)),
        }
    }
}

/// An update of locked rows: a statement for one row, and one for more.
#[derive(Debug)]
pub(crate) struct Update {
    one: String,
    many: String,
}

impl Update {
    /// Finds a row of `table` by the columns of `K`, which are the first columns of `R`, and sets the other columns of `R`.
    pub(crate) fn of<K: Columns, R: Columns>(table: &str) -> Self {
        let keys = K::columns();
        let numbered: Vec<String> = R::columns()
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} = {}", column.name, column.parameter(index + 1)))
            .collect();
        let (key, values) = numbered.split_at(keys.len());
        let columns = R::columns();
        let set = list(&columns[keys.len()..], ", ", |column| format!("{} = {}", column.name, column.given()));
        Self {
            one: format!("UPDATE {table} SET {} WHERE {}", values.join(", "), key.join(" AND ")),
            many: format!("UPDATE {table} SET {set} FROM {} WHERE {}", given::<R>(), equals_given::<K>(table)),
        }
    }

    /// The statement for these rows.
    ///
    /// # Errors
    /// If a value cannot be encoded for Postgres.
    pub(crate) fn bind<R: Columns>(&'static self, rows: &[R]) -> Result<Bound, sqlx::Error> {
        if let [row] = rows {
            let mut arguments = PgArguments::default();
            row.add_values(&mut arguments).map_err(sqlx::Error::Encode)?;
            return Ok(query_with(AssertSqlSafe(self.one.as_str()), arguments));
        }
        Ok(query_with(AssertSqlSafe(self.many.as_str()), arrays(rows)?))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Arguments;

    use super::*;

    struct Line {
        number: i32,
        units: &'static str,
    }

    columns! {
        Line as line {
            number: "integer" = line.number,
            units: "text" as "numeric" = line.units,
        }
    }

    struct Id(i64);

    columns! { Id as id { id: "bigint" = id.0, } }

    #[test]
    fn both_forms_of_an_insertion_name_each_column_and_its_types() {
        let insert = Insert::of::<(Id, Line)>("bill", "ON CONFLICT DO NOTHING");
        assert_eq!(insert.few.len(), Insert::FEW);
        assert_eq!(
            insert.few[1],
            "INSERT INTO bill (id, number, units) VALUES ($1::bigint, $2::integer, $3::text::numeric), \
             ($4::bigint, $5::integer, $6::text::numeric) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            insert.many,
            "INSERT INTO bill (id, number, units) SELECT given.id, given.number, given.units::numeric \
             FROM unnest($1::bigint[], $2::integer[], $3::text[]) given(id, number, units) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn both_forms_of_an_update_find_a_row_by_its_key_and_set_the_rest() {
        let update = Update::of::<Id, (Id, Line)>("bill");
        assert_eq!(update.one, "UPDATE bill SET number = $2::integer, units = $3::text::numeric WHERE id = $1::bigint");
        assert_eq!(
            update.many,
            "UPDATE bill SET number = given.number, units = given.units::numeric \
             FROM unnest($1::bigint[], $2::integer[], $3::text[]) given(id, number, units) WHERE bill.id = given.id"
        );
    }

    #[test]
    fn there_are_as_many_arguments_as_the_statement_has_parameters() {
        let rows: Vec<(Id, Line)> = (0..9).map(|id| (Id(id), Line { number: 1, units: "2" })).collect();
        let mut values = PgArguments::default();
        rows[0].add_values(&mut values).unwrap();
        assert_eq!((values.len(), arrays(&rows).unwrap().len()), (3, 3));
    }
}
