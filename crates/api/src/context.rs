//! What resolvers find in their context: the parts of the server, and who asks.

use std::sync::Arc;

use async_graphql::Context;
use inlet_domain::{
    ambient::Ambient,
    apply::Apply,
    database::Database,
    log::LogState,
    model::{right::Right, target::TargetPolicy},
    reader::Reader,
    secrets::Sealer,
    store::{credentials::Viewer, sources},
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
    /// Moves whenever a credential was revoked here, so that sockets look again at theirs.
    pub revocations: watch::Sender<u64>,
}

impl Shared {
    /// A source of the store with its whole URL.
    #[must_use]
    pub fn source(&self, (source, token): (sources::Source, String)) -> Source {
        Source { source: Arc::new(source), url: format!("{}/in/{token}", self.public_url) }
    }

    /// Tells every socket to look again at its credential.
    pub fn revoked(&self) {
        self.revocations.send_modify(|generation| *generation += 1);
    }
}

/// Who asks, with the look-ups that see their workspace.
pub struct Session {
    /// Who.
    pub viewer: Viewer,
    /// The look-ups.
    pub loaders: Loaders,
}

/// What one operation knows of its request.
#[derive(Clone, Default)]
pub struct Caller {
    /// Who asks; none without a credential.
    pub session: Option<Arc<Session>>,
    /// Where the log stood before anything else was read; where the operation asks for it.
    pub head: Option<LogState>,
    /// What bounds how much of the database it takes.
    pub gate: Gate,
}

/// Who asks, if they may do this.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential, `FORBIDDEN` where it does not give the right.
pub fn viewer<'a>(ctx: &Context<'a>, right: Right) -> Result<&'a Viewer, ApiError> {
    let viewer = &session(ctx)?.viewer;
    if viewer.may(right) {
        Ok(viewer)
    } else {
        let message = format!("this credential does not give the right `{}`", right.as_str());
        Err(ApiError::new(ErrorCode::Forbidden, message))
    }
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
