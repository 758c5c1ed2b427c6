//! Enums whose values are texts in SQL and in webhooks, in lower snake case.

/// The text is no value of the enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one of: {}", known.join(", "))]
pub struct UnknownText {
    /// The text.
    pub text: String,
    /// The values of the enum.
    pub known: &'static [&'static str],
}

/// Declares an enum from one list of variants and their texts. The enum can be parsed, printed and serialised. With the
/// feature `postgres` it can also be bound to a query and read from a row as `text`.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $(
                $(#[$variant_doc])*
                #[serde(rename = $word)]
                $variant,
            )*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value in SQL and webhooks.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text_enum::UnknownText;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::text_enum::UnknownText { text: word.to_owned(), known: &[$($word,)*] }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $crate::text_enum_in_postgres!($name);
    };
}

/// The part of [`text_enum!`] that needs sqlx and sea-orm.
#[cfg(feature = "postgres")]
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum_in_postgres {
    ($name:ident) => {
        impl $crate::sqlx::Type<$crate::sqlx::Postgres> for $name {
            fn type_info() -> $crate::sqlx::postgres::PgTypeInfo {
                <&str as $crate::sqlx::Type<$crate::sqlx::Postgres>>::type_info()
            }
            fn compatible(info: &$crate::sqlx::postgres::PgTypeInfo) -> bool {
                <&str as $crate::sqlx::Type<$crate::sqlx::Postgres>>::compatible(info)
            }
        }

        impl $crate::sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> $crate::sqlx::postgres::PgTypeInfo {
                <&str as $crate::sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        impl<'q> $crate::sqlx::Encode<'q, $crate::sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut $crate::sqlx::postgres::PgArgumentBuffer,
            ) -> Result<$crate::sqlx::encode::IsNull, $crate::sqlx::error::BoxDynError> {
                <&str as $crate::sqlx::Encode<'q, $crate::sqlx::Postgres>>::encode_by_ref(&self.as_str(), buffer)
            }
        }

        impl<'r> $crate::sqlx::Decode<'r, $crate::sqlx::Postgres> for $name {
            fn decode(value: $crate::sqlx::postgres::PgValueRef<'r>) -> Result<Self, $crate::sqlx::error::BoxDynError> {
                Ok(<&str as $crate::sqlx::Decode<'r, $crate::sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }

        impl From<$name> for $crate::sea_orm::Value {
            fn from(value: $name) -> Self {
                value.as_str().into()
            }
        }

        impl $crate::sea_orm::TryGetable for $name {
            fn try_get_by<I: $crate::sea_orm::ColIdx>(
                row: &$crate::sea_orm::QueryResult,
                column: I,
            ) -> Result<Self, $crate::sea_orm::TryGetError> {
                let word = <String as $crate::sea_orm::TryGetable>::try_get_by(row, column)?;
                word.parse().map_err(|problem| $crate::text_enum::undecodable(column, problem))
            }
        }

        impl $crate::sea_orm::sea_query::ValueType for $name {
            fn try_from(value: $crate::sea_orm::Value) -> Result<Self, $crate::sea_orm::sea_query::ValueTypeErr> {
                let word = <String as $crate::sea_orm::sea_query::ValueType>::try_from(value)?;
                word.parse().map_err(|_| $crate::sea_orm::sea_query::ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> $crate::sea_orm::sea_query::ArrayType {
                $crate::sea_orm::sea_query::ArrayType::String
            }

            fn column_type() -> $crate::sea_orm::sea_query::ColumnType {
                $crate::sea_orm::sea_query::ColumnType::Text
            }
        }

        impl $crate::sea_orm::sea_query::Nullable for $name {
            fn null() -> $crate::sea_orm::Value {
                $crate::sea_orm::Value::String(None)
            }
        }
    };
}

/// sqlx's error for a column that holds an unknown text, in the form in which sea-orm passes on errors of sqlx.
#[cfg(feature = "postgres")]
#[doc(hidden)]
pub fn undecodable(column: impl std::fmt::Debug, problem: UnknownText) -> sea_orm::TryGetError {
    let error = sqlx::Error::ColumnDecode { index: format!("{column:?}"), source: Box::new(problem) };
    sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error))).into()
}

/// Without the feature there is nothing to add.
#[cfg(not(feature = "postgres"))]
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum_in_postgres {
    ($name:ident) => {};
}
