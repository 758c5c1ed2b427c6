//! The context of resolvers: the parts of the server, and the requester.

use std::sync::Arc;

use parking_lot::Mutex;

use async_graphql::{Context, parser::types::OperationType};
use inlet_domain::{
    ambient::Ambient,
    model::{
        right::{self, Need},
        target::TargetPolicy,
    },
    reader::Reader,
    secrets::Sealer,
};
use inlet_store::{
    apply::Apply,
    database::Database,
    log::{Heads, LogState},
    long_work::LongWork,
    presence::Presence,
    records::{audit::Origin, credentials::Viewer, inbox::InboxWriter},
    revocations::Revocations,
};

use crate::{
    access::requester::Requester,
    error::{ApiError, ErrorCode},
    follow::{
        Live,
        feed::{FeedItem, Wanted},
    },
    loading::{
        connection_budget::{Entered, Gate},
        loaders::Loaders,
    },
};

/// The parts of the server that resolvers use. One for a process.
pub struct Shared {
    pub database: Database,
    /// Known heads of the event logs.
    pub heads: Heads,
    pub presence: Presence,
    pub sealer: Sealer,
    pub ambient: Ambient,
    /// Applies replays.
    pub apply: Apply,
    /// Reads requests with the adapters.
    pub reader: Arc<dyn Reader>,
    /// Runs long work on a thread of its own.
    pub long: LongWork,
    /// Followers of the event logs.
    pub live: Live,
    /// The server's own URL, without a trailing slash.
    pub public_url: String,
    /// URLs that webhooks may have.
    pub targets: TargetPolicy,
    /// Whether the server sends mail to people.
    pub has_mail_hook: bool,
    /// Makes open connections look up their credential again.
    pub revocations: Revocations,
}

impl Shared {
    /// Writes changes of the inbox.
    #[must_use]
    pub fn writer(&self) -> InboxWriter<'_> {
        InboxWriter { database: &self.database, heads: &self.heads, ambient: &self.ambient }
    }
}

/// The context of one operation.
#[derive(Clone)]
pub struct Caller {
    /// The requester; `None` without a credential.
    pub session: Option<Arc<Requester>>,
    pub origin: Origin,
    /// Head of the log before all other reads, if the operation asks for it.
    pub head: Option<LogState>,
    /// Limits the database connections of the operation.
    pub gate: Gate,
    pub kind: OperationType,
}

/// Takes the arguments of a subscription to the log, instead of following: see [`crate::execution::streaming`].
#[derive(Clone, Default)]
pub struct Opening(pub Arc<Mutex<Option<Wanted>>>);

/// The one update to render.
pub struct Injected(pub FeedItem);

/// The viewer, if the table in [`right::FIELDS`] allows this root field.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential; `FORBIDDEN` without the rights, or for a field that is not in the table.
pub fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, ApiError> {
    Ok(&root(ctx)?.1.viewer)
}

/// The viewer, if the table allows this field below the root, such as `Delivery.webhook`.
///
/// # Errors
/// As [`viewer`].
pub fn viewer_of<'a>(ctx: &Context<'a>, field: &str) -> Result<&'a Viewer, ApiError> {
    let session = session(ctx)?;
    session.check(right::field(field).map(|(_, need)| need))?;
    Ok(&session.viewer)
}

/// The viewer, if the table allows objects of this kind.
///
/// # Errors
/// As [`viewer`].
pub fn viewer_of_kind<'a>(ctx: &Context<'a>, kind: &str) -> Result<&'a Viewer, ApiError> {
    let session = session(ctx)?;
    session.check(right::kind(kind))?;
    Ok(&session.viewer)
}

/// The name of the root field in the table of rights, and the requester, if the table allows it.
///
/// # Errors
/// As [`viewer`].
pub fn root<'a>(ctx: &Context<'a>) -> Result<(&'static str, &'a Requester), ApiError> {
    let session = session(ctx)?;
    let entry = root_entry(ctx);
    session.check(entry.map(|(_, need)| need))?;
    Ok((entry.map_or("", |(name, _)| name), session))
}

/// The entry of the root field in the table of rights.
#[must_use]
pub fn root_entry(ctx: &Context<'_>) -> Option<(&'static str, Need)> {
    let parent = match ctx.data_opt::<Caller>()?.kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    right::field(&format!("{parent}.{}", ctx.field().name()))
}

/// Resolves when the requester may no longer have this root field.
///
/// # Errors
/// As [`viewer`].
pub fn until_forbidden(ctx: &Context<'_>) -> Result<impl Future<Output = ApiError> + use<>, ApiError> {
    Ok(session(ctx)?.credential.until_forbidden(root_entry(ctx).map(|(_, need)| need)))
}

/// The requester, whatever the rights.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential.
pub fn session<'a>(ctx: &Context<'a>) -> Result<&'a Requester, ApiError> {
    ctx.data_opt::<Caller>().and_then(|caller| caller.session.as_deref()).ok_or_else(|| {
        let message = "pass `Authorization: Bearer` with a session token (see `login`) or an API key";
        ApiError::new(ErrorCode::Unauthenticated, message)
    })
}

/// The look-ups of the operation.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential.
pub fn loaders<'a>(ctx: &Context<'a>) -> Result<&'a Loaders, ApiError> {
    Ok(&session(ctx)?.loaders)
}

/// The database for one statement of a resolver: `list(&*reads(ctx).await, ...)`.
pub async fn reads(ctx: &Context<'_>) -> Entered {
    let gate = ctx.data_opt::<Caller>().map(|caller| caller.gate.clone()).unwrap_or_default();
    gate.enter(&ctx.data_unchecked::<Arc<Shared>>().database).await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn p11_no_resolver_of_a_query_goes_round_the_gate() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut looked_at = 0;
        let mut folders = vec![sources.join("schema/query"), sources.join("schema/types")];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains(".database"), "{}: read by `reads(ctx).await`", path.display());
                looked_at += 1;
            }
        }
        assert!(looked_at > 15, "{looked_at}");
    }
}
