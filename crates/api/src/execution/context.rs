//! What resolvers find in their context: the parts of the server, and who asks.

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
    /// Postgres.
    pub database: Database,
    /// How far the logs have come.
    pub heads: Heads,
    /// Who is there, and who types.
    pub presence: Presence,
    /// Seals and opens secrets.
    pub sealer: Sealer,
    /// Time and randomness.
    pub ambient: Ambient,
    /// Where replays go.
    pub apply: Apply,
    /// What adapters make of a request.
    pub reader: Arc<dyn Reader>,
    /// The followers of the logs.
    pub live: Live,
    /// The server's own URL, without a slash at the end.
    pub public_url: String,
    /// Which URLs webhooks may have.
    pub targets: TargetPolicy,
    /// Whether letters to people go out.
    pub has_mail_hook: bool,
    /// Tells who holds a connection open to look again at its credential.
    pub revocations: Revocations,
}

impl Shared {
    /// Where changes of the inbox are written.
    #[must_use]
    pub fn writer(&self) -> InboxWriter<'_> {
        InboxWriter { database: &self.database, heads: &self.heads, ambient: &self.ambient }
    }
}

/// What one operation knows of its request.
#[derive(Clone)]
pub struct Caller {
    /// Who asks; none without a credential.
    pub session: Option<Arc<Requester>>,
    /// From where.
    pub origin: Origin,
    /// Where the log stood before anything else was read; where the operation asks for it.
    pub head: Option<LogState>,
    /// What bounds how much of the database it takes.
    pub gate: Gate,
    /// What is asked for.
    pub kind: OperationType,
}

/// Where a subscription to the log leaves what it asks for, instead of following: see [`crate::execution::streaming`].
#[derive(Clone, Default)]
pub struct Opening(pub Arc<Mutex<Option<Wanted>>>);

/// The one update that is to be rendered.
pub struct Injected(pub FeedItem);

/// Who asks, if they may have this root field: the table in [`right::FIELDS`] tells by its name.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential, `FORBIDDEN` where it does not give the rights, or no one has them.
pub fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, ApiError> {
    Ok(&root(ctx)?.1.viewer)
}

/// Who asks, if they may have a field below the root, such as `Delivery.webhook`.
///
/// # Errors
/// As [`viewer`].
pub fn viewer_of<'a>(ctx: &Context<'a>, field: &str) -> Result<&'a Viewer, ApiError> {
    let session = session(ctx)?;
    session.check(right::field(field).map(|(_, need)| need))?;
    Ok(&session.viewer)
}

/// Who asks, if they may see objects of a kind.
///
/// # Errors
/// As [`viewer`].
pub fn viewer_of_kind<'a>(ctx: &Context<'a>, kind: &str) -> Result<&'a Viewer, ApiError> {
    let session = session(ctx)?;
    session.check(right::kind(kind))?;
    Ok(&session.viewer)
}

/// The name of the root field as the table has it, and who asks, if they may have it.
///
/// # Errors
/// As [`viewer`].
pub fn root<'a>(ctx: &Context<'a>) -> Result<(&'static str, &'a Requester), ApiError> {
    let session = session(ctx)?;
    let entry = root_entry(ctx);
    session.check(entry.map(|(_, need)| need))?;
    Ok((entry.map_or("", |(name, _)| name), session))
}

/// What the table says of the root field.
#[must_use]
pub fn root_entry(ctx: &Context<'_>) -> Option<(&'static str, Need)> {
    let parent = match ctx.data_opt::<Caller>()?.kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    right::field(&format!("{parent}.{}", ctx.field().name()))
}

/// Resolves when who asks may have this root field no longer.
///
/// # Errors
/// As [`viewer`].
pub fn until_forbidden(ctx: &Context<'_>) -> Result<impl Future<Output = ApiError> + use<>, ApiError> {
    Ok(session(ctx)?.credential.until_forbidden(root_entry(ctx).map(|(_, need)| need)))
}

/// Whoever asks, whatever they may do.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential.
pub fn session<'a>(ctx: &Context<'a>) -> Result<&'a Requester, ApiError> {
    ctx.data_opt::<Caller>().and_then(|caller| caller.session.as_deref()).ok_or_else(|| {
        let message = "pass `Authorization: Bearer` with a session token (see `login`) or an API key";
        ApiError::new(ErrorCode::Unauthenticated, message)
    })
}

/// The look-ups of the request.
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
