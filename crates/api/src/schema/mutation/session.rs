//! Logging in and out, ending sessions, and passwords.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{ids::SessionId, model::right::Right, scope::Actor};
use inlet_store::records::{
    logins::{self, Attempt, Login},
    mutations::{self, PasswordChange},
    resets,
};
use secrecy::{ExposeSecret, SecretString};

use super::asked;
use crate::{
    access::requester::Requester,
    error::{ApiError, ErrorCode, Result},
    execution::context::{Caller, Shared, loaders},
    schema::types::{member::Member, node::typed},
};

/// Who wants a session.
#[derive(InputObject)]
pub struct LoginInput {
    /// The login.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// The workspace, by its slug or id; needed where the email and the password are good in several.
    workspace: Option<String>,
}

/// A session that has begun.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// The session's token, for `Authorization: Bearer`. It is shown once and good for 30 days.
    token: String,
    /// Who logged in.
    member: Member,
    /// The workspace that the session is of.
    workspace_id: ID,
}

impl From<Login> for LoginPayload {
    fn from(login: Login) -> Self {
        Self {
            token: login.token.expose_secret().to_owned(),
            workspace_id: ID(login.scope.workspace().to_string()),
            member: Member(Arc::new(login.member)),
        }
    }
}

/// How to end the viewer's session.
#[derive(InputObject, Default)]
pub struct LogoutInput {
    /// Makes a repeat a repeat; as the session has ended, a repeat is refused before it is looked at.
    idempotency_key: Option<String>,
}

/// A session that has ended.
#[derive(SimpleObject)]
pub struct LogoutPayload {
    /// The session.
    deleted_session_id: ID,
}

/// Which session is to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// Its global id.
    id: ID,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A session that was ended.
#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    /// Its global id.
    deleted_session_id: ID,
}

/// The password until now, and from now on.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
    #[graphql(secret)]
    old_password: String,
    /// The password from now on: at least 10 characters, at most 1,024 bytes, and none that is easily guessed.
    #[graphql(secret)]
    new_password: String,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A member with another password.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// The member.
    member: Option<Member>,
}

/// Who has forgotten their password.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// The login.
    email: String,
}

/// A request for a new password that was taken.
#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// True, whether anyone has the email or not.
    requested: bool,
}

/// A new password instead of a forgotten one.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token, which stands behind the `#` of the link that was sent to the email.
    #[graphql(secret)]
    token: String,
    /// The password from now on: at least 10 characters, at most 1,024 bytes, and none that is easily guessed.
    #[graphql(secret)]
    new_password: String,
}

/// A password that was set.
#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    /// True: the person can log in with it.
    reset: bool,
}

/// The part of the mutation root for sessions.
#[derive(Default)]
pub(super) struct Sessions;

#[Object]
impl Sessions {
    /// Begins a session. After five failures of a login, or twenty from one address, within minutes, further ones are
    /// refused for a while with `RATE_LIMITED`, each time for longer.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: LoginInput,
    ) -> Result<Option<LoginPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let origin = ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default();
        let attempt = Attempt {
            email: &input.email,
            password: SecretString::from(input.password),
            workspace: input.workspace.as_deref(),
            origin: &origin,
        };
        let login = logins::login(&shared.database, &shared.sealer, &shared.ambient, attempt).await;
        Ok(Some(LoginPayload::from(login?)))
    }

    /// Sends a link for a new password to the email, where a person has proven it: where they accepted an invitation that was
    /// sent there. The answer is the same for every email. After five requests for an email, or twenty from one address,
    /// within minutes, further ones are refused for a while with `RATE_LIMITED`. Where the operator has set up no mail hook
    /// it is refused with `FORBIDDEN`.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: RequestPasswordResetInput,
    ) -> Result<Option<RequestPasswordResetPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        if !shared.has_mail_hook {
            let message = "reset by mail is not set up on this server: ask its operator to set a password with `inlet \
                           admin set-password`, or to set up a mail hook";
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        let origin = ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default();
        let (database, sealer, ambient) = (&shared.database, &shared.sealer, &shared.ambient);
        let about = (input.email.as_str(), shared.public_url.as_str());
        resets::request(database, sealer, ambient, about, &origin).await?;
        Ok(Some(RequestPasswordResetPayload { requested: true }))
    }

    /// Gives a person a new password by the token of a link that was sent to them, and ends all their sessions in every
    /// workspace at once. It needs no credential but the token, which works once and for an hour.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "With what.")] input: ResetPasswordInput,
    ) -> Result<Option<ResetPasswordPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let origin = ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default();
        let (token, password) = (input.token.into(), input.new_password.into());
        let ended = resets::reset(&shared.database, &shared.ambient, &token, password, &origin).await;
        for workspace in ended? {
            shared.revocations.tell(workspace);
        }
        Ok(Some(ResetPasswordPayload { reset: true }))
    }

    /// Ends the viewer's session, and with it every subscription that it opened.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How; nothing has to be said.")] input: Option<LogoutInput>,
    ) -> Result<Option<LogoutPayload>> {
        let key = input.unwrap_or_default().idempotency_key;
        let (session, asked) = asked(ctx, key.as_deref())?;
        let id = own(session)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let ended = mutations::revoke_session(&shared.database, &shared.ambient, &asked, &session.grant(), id).await;
        ended?;
        shared.revocations.tell(session.viewer.scope.workspace());
        Ok(Some(LogoutPayload { deleted_session_id: ID(id.to_string()) }))
    }

    /// Ends a session, and with it every subscription that it opened: one of the viewer's own, or, with the right to
    /// manage members, anyone's. Only an OWNER ends an OWNER's.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeSessionInput,
    ) -> Result<Option<RevokeSessionPayload>> {
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        if !session.may(Right::ManageMembers) && !matches!(session.viewer.actor, Actor::Member(_)) {
            let message = "this credential does not give the right `manage_members`";
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        let id: SessionId = typed("input.id", &input.id)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let ended = mutations::revoke_session(&shared.database, &shared.ambient, &asked, &session.grant(), id).await;
        ended?;
        shared.revocations.tell(session.viewer.scope.workspace());
        Ok(Some(RevokeSessionPayload { deleted_session_id: ID(id.to_string()) }))
    }

    /// Gives the viewer another password and ends their other sessions, in each of their workspaces, at once.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old one and the new one.")] input: ChangePasswordInput,
    ) -> Result<Option<ChangePasswordPayload>> {
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let Actor::Member(member) = session.viewer.actor else {
            return Err(ApiError::new(ErrorCode::Forbidden, "only a member has a password"));
        };
        let change = PasswordChange {
            member,
            kept: own(session)?,
            old: input.old_password.into(),
            new: input.new_password.into(),
        };
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let ended = mutations::change_password(&shared.database, &shared.sealer, &shared.ambient, &asked, change).await;
        for workspace in ended? {
            shared.revocations.tell(workspace);
        }
        let member = loaders(ctx)?.members.load(member).await?.map(Member);
        Ok(Some(ChangePasswordPayload { member }))
    }
}

fn own(session: &Requester) -> Result<SessionId, ApiError> {
    session.viewer.session.ok_or_else(|| ApiError::new(ErrorCode::Forbidden, "an API key has no session"))
}
