//! What resolvers find in their context: the parts of the server, and who asks.

use std::sync::Arc;

use async_graphql::{Context, parser::types::OperationType};
use inlet_domain::{
    ambient::Ambient,
    apply::Apply,
    database::Database,
    heads::Heads,
    log::LogState,
    model::{
        right::{self, Grant, Need, Right},
        target::TargetPolicy,
    },
    presence::Presence,
    reader::Reader,
    revocations::Revocations,
    secrets::Sealer,
    store::{audit::Origin, credentials::Viewer, inbox::Desk, sources},
};
use tokio::sync::watch;

use crate::{
    error::{ApiError, ErrorCode},
    gate::Gate,
    live::Live,
    loaders::Loaders,
    types::channel::Source,
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
    pub fn desk(&self) -> Desk<'_> {
        Desk { database: &self.database, heads: &self.heads, ambient: &self.ambient }
    }

    /// A source of the store with its whole URL.
    #[must_use]
    pub fn source(&self, (source, token): (sources::Source, String)) -> Source {
        Source { source: Arc::new(source), url: format!("{}/in/{token}", self.public_url) }
    }
}

/// Under what a connection runs. Cheap to clone: all clones learn what one learns.
#[derive(Clone)]
pub struct Credential {
    /// The token.
    pub bearer: Arc<str>,
    /// Who it stands for. What they may do is in `grant`, which may change while the connection lasts.
    pub viewer: Viewer,
    grant: watch::Sender<Grant>,
}

impl Credential {
    /// Of a token that has just been looked at.
    #[must_use]
    pub fn new(bearer: &str, viewer: Viewer) -> Self {
        Self { bearer: bearer.into(), grant: watch::Sender::new(viewer.grant.clone()), viewer }
    }

    /// One that stays as it is: of a group of connections that share what they are shown.
    #[must_use]
    pub fn fixed(viewer: Viewer, grant: Grant) -> Self {
        Self { bearer: "".into(), grant: watch::Sender::new(grant), viewer }
    }

    /// What it gives now.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.grant.borrow().clone()
    }

    /// Whether it gives a right now.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.grant.borrow().gives(right)
    }

    /// Resolves when it gives what a root field needs no longer.
    pub fn until_forbidden(&self, need: Option<Need>) -> impl Future<Output = ApiError> + use<> {
        let mut grants = self.grant.subscribe();
        async move {
            let refused = grants.wait_for(|grant| need.is_none_or(|need| !need.is_met(grant))).await.is_ok();
            if !refused {
                // The connection is going, and what waits goes with it.
                std::future::pending::<()>().await;
            }
            forbidden(need.unwrap_or(Need::Credential))
        }
    }

    /// Takes what it gives from a new look at it: it counts at once, for what runs already too.
    pub fn renew(&self, now: &Viewer) {
        self.grant.send_if_modified(|grant| {
            let is_new = *grant != now.grant;
            grant.clone_from(&now.grant);
            is_new
        });
    }
}

/// Who asks, with the look-ups that see their workspace. One for an operation.
pub struct Session {
    /// Who.
    pub viewer: Viewer,
    /// The look-ups.
    pub loaders: Arc<Loaders>,
    /// By what they may.
    pub credential: Credential,
}

impl Session {
    /// Of an operation under this credential.
    #[must_use]
    pub fn new(credential: Credential, loaders: Arc<Loaders>) -> Self {
        Self { viewer: credential.viewer.clone(), loaders, credential }
    }

    /// What they may do now.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.credential.grant()
    }

    /// Whether they may do this now.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.credential.may(right)
    }
}

/// What one operation knows of its request.
#[derive(Clone)]
pub struct Caller {
    /// Who asks; none without a credential.
    pub session: Option<Arc<Session>>,
    /// From where.
    pub origin: Origin,
    /// Where the log stood before anything else was read; where the operation asks for it.
    pub head: Option<LogState>,
    /// What bounds how much of the database it takes.
    pub gate: Gate,
    /// What is asked for.
    pub kind: OperationType,
}

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
    check(session, right::field(field).map(|(_, need)| need))?;
    Ok(&session.viewer)
}

/// Who asks, if they may see objects of a kind.
///
/// # Errors
/// As [`viewer`].
pub fn viewer_of_kind<'a>(ctx: &Context<'a>, kind: &str) -> Result<&'a Viewer, ApiError> {
    let session = session(ctx)?;
    check(session, right::kind(kind))?;
    Ok(&session.viewer)
}

/// The name of the root field as the table has it, and who asks, if they may have it.
///
/// # Errors
/// As [`viewer`].
pub fn root<'a>(ctx: &Context<'a>) -> Result<(&'static str, &'a Session), ApiError> {
    let session = session(ctx)?;
    let entry = root_entry(ctx);
    check(session, entry.map(|(_, need)| need))?;
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

fn check(session: &Session, need: Option<Need>) -> Result<(), ApiError> {
    match need {
        Some(need) if need.is_met(&session.grant()) => Ok(()),
        Some(need) => Err(forbidden(need)),
        None => Err(ApiError::new(ErrorCode::Forbidden, "no one may have this: the table of rights does not list it")),
    }
}

fn forbidden(need: Need) -> ApiError {
    let message = match need {
        Need::Session => "an API key has no session: this is for members who have logged in".to_owned(),
        Need::Rights(rights) => {
            let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
            format!("this credential does not give the right `{}`", names.join("` and `"))
        }
        Need::Member(rights) => {
            let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
            format!("this is for members who have logged in with the right `{}`", names.join("` and `"))
        }
        Need::Nothing | Need::Credential | Need::Kind => "this credential does not allow this".to_owned(),
    };
    ApiError::new(ErrorCode::Forbidden, message)
}

/// Whoever asks, whatever they may do.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential.
pub fn session<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
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
