//! Tables of lists. A row has what is a list's own: description, name, further arguments, item type and read. The macro
//! adds the four arguments of a connection, their limits and their cost.

/// Makes an object type whose fields are lists.
///
/// `Table;` makes a part of the query root. The expression of a row gives a page of the store.
///
/// `Table of Object;` makes the lists of one object; join them to its type with `#[graphql(flatten)]`. The expression
/// of a row gives a page, or `None` for an empty list. With `, long` the default page size is that of the root.
///
/// The names between the bars are the context, the viewer or the object, and the slice. A row may end with a function
/// that makes an item of a row of the store; without it, the item type wraps the row in an `Arc`.
macro_rules! lists {
    ($(#[$about:meta])* $table:ident; |$ctx:ident, $viewer:ident, $slice:ident| $($rows:tt)*) => {
        $(#[$about])*
        #[derive(Default)]
        pub(super) struct $table;

        $crate::schema::lists::lists! {
            @fields $table |_this, $ctx, $viewer, $slice| { $crate::execution::context::viewer($ctx)? }
            [
                root_cost root_slice root_list RootList
                "Page size from the start of the list: 1 to 100. Default: 20. Do not combine with `last`."
            ]
            $($rows)*
        }
    };
    ($(#[$about:meta])* $table:ident of $object:ty; |$ctx:ident, $this:ident, $slice:ident| $($rows:tt)*) => {
        $(#[$about])*
        pub struct $table(pub std::sync::Arc<$object>);

        $crate::schema::lists::lists! {
            @fields $table |this, $ctx, $this, $slice| { &this.0 }
            [
                inner_cost inner_slice inner_list Connection
                "Page size from the start of the list: 1 to 100. Default: 10. Do not combine with `last`."
            ]
            $($rows)*
        }
    };
    ($(#[$about:meta])* $table:ident of $object:ty, long; |$ctx:ident, $this:ident, $slice:ident| $($rows:tt)*) => {
        $(#[$about])*
        pub struct $table(pub std::sync::Arc<$object>);

        $crate::schema::lists::lists! {
            @fields $table |this, $ctx, $this, $slice| { &this.0 }
            [
                root_cost root_slice inner_list Connection
                "Page size from the start of the list: 1 to 100. Default: 20. Do not combine with `last`."
            ]
            $($rows)*
        }
    };
    (
        @fields $table:ident |$this:ident, $ctx:ident, $subject:ident, $slice:ident| $given:block
        [$cost:ident $slicing:ident $listed:ident $list:ident $first:tt]
        $(
            $(#[$doc:meta])*
            $name:ident $(( $( $(#[$argument:meta])* $extra:ident: $type:ty ),* ))? -> $node:ident
                = $page:expr $(, $of:expr)?;
        )*
    ) => {
        #[async_graphql::Object]
        impl $table {
            $(
                $(#[$doc])*
                #[graphql(complexity = $crate::schema::types::connection::$cost(first, last, child_complexity))]
                #[allow(clippy::too_many_arguments, reason = "GraphQL's arguments of a list with a filter and an order")]
                async fn $name(
                    &self,
                    $ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = $first)] first: Option<i32>,
                    #[graphql(desc = "Return only items after this cursor.")]
                    after: Option<$crate::schema::types::scalars::Cursor>,
                    #[graphql(desc = "Page size from the end of the list: 1 to 100. Do not combine with `first`.")]
                    last: Option<i32>,
                    #[graphql(desc = "Return only items before this cursor.")]
                    before: Option<$crate::schema::types::scalars::Cursor>,
                    $($( $(#[$argument])* $extra: $type, )*)?
                ) -> $crate::error::Result<$crate::schema::types::connection::$list<$node>> {
                    let $this = self;
                    let $subject = $given;
                    let $slice = $crate::schema::types::connection::$slicing(first, after, last, before)?;
                    let page = $page;
                    Ok($crate::schema::types::connection::$listed(
                        page,
                        $crate::schema::lists::lists!(@of $node $(, $of)?),
                    ))
                }
            )*
        }
    };
    (@of $node:ident) => { |row| $node(row.into()) };
    (@of $node:ident, $of:expr) => { $of };
}

pub(super) use lists;
