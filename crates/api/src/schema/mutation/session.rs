//! Mutations of sessions and passwords.

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
    access::{credential::no_right, requester::Requester},
    error::{ApiError, ErrorCode, Result},
    execution::context::{Caller, Shared, loaders},
    schema::types::{member::Member, node::typed},
};

/// Input of `login`.
#[derive(InputObject)]
pub struct LoginInput {
    /// Email address of the login.
    email: String,
    /// Password.
    #[graphql(secret)]
    password: String,
    /// Slug or global id of the workspace. Needed if the email and the password are valid in several workspaces.
    workspace: Option<String>,
}

/// Result of `login` and `acceptInvitation`.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// Session token for `Authorization: Bearer`, valid for 30 days. Shown once.
    token: String,
    /// Member who logged in.
    member: Member,
    /// Global id of the session's workspace.
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

/// Input of `logout`.
#[derive(InputObject, Default)]
pub struct LogoutInput {
    /// Idempotency key. A retry fails with `UNAUTHENTICATED`, because the session has ended.
    idempotency_key: Option<String>,
}

/// Result of `logout`.
#[derive(SimpleObject)]
pub struct LogoutPayload {
    /// Global id of the ended session.
    deleted_session_id: ID,
}

/// Input of `revokeSession`.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// Global id of the session.
    id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `revokeSession`.
#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    /// Global id of the revoked session.
    deleted_session_id: ID,
}

/// Input of `changePassword`.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// Present password.
    #[graphql(secret)]
    old_password: String,
    /// New password: at least 10 characters, at most 1,024 bytes, and not easy to guess.
    #[graphql(secret)]
    new_password: String,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `changePassword`.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// The member.
    member: Option<Member>,
}

/// Input of `requestPasswordReset`.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// Email address of the login.
    email: String,
}

/// Result of `requestPasswordReset`.
#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Always true, whether or not the email address has a login.
    requested: bool,
}

/// Input of `resetPassword`.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// Token: the text after the `#` of the link that was sent to the email address.
    #[graphql(secret)]
    token: String,
    /// New password: at least 10 characters, at most 1,024 bytes, and not easy to guess.
    #[graphql(secret)]
    new_password: String,
}

/// Result of `resetPassword`.
#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    /// Always true: the person can log in with the new password.
    reset: bool,
}

/// The part of the mutation root for sessions.
#[derive(Default)]
pub(super) struct Sessions;

#[Object]
impl Sessions {
    /// Starts a session. After 5 failures for one login, or 20 from one IP address, within minutes, further calls fail
    /// with `RATE_LIMITED` for a time that grows with each refusal.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: LoginInput,
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

    /// Sends a link for a new password to the email address, if a person has proved to own it by accepting an
    /// invitation that was sent there. The result is the same for every email address. After 5 requests for one email
    /// address, or 20 from one IP address, within minutes, further calls fail with `RATE_LIMITED` for a while. Without
    /// a mail hook on the server, the call fails with `FORBIDDEN`.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RequestPasswordResetInput,
    ) -> Result<Option<RequestPasswordResetPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        if !shared.has_mail_hook {
            let message = "this server cannot reset passwords by mail: ask its operator to set a password with `inlet \
                           admin set-password`, or to set up a mail hook";
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        let origin = ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default();
        let (database, sealer, ambient) = (&shared.database, &shared.sealer, &shared.ambient);
        let about = (input.email.as_str(), shared.public_url.as_str());
        resets::request(database, sealer, ambient, about, &origin).await?;
        Ok(Some(RequestPasswordResetPayload { requested: true }))
    }

    /// Sets a person's password by the token of a link that was sent to them, and ends all their sessions in every
    /// workspace. It needs no credential except the token, which works once and for one hour.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: ResetPasswordInput,
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

    /// Ends the viewer's session and every subscription that it opened.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation. May be omitted.")] input: Option<LogoutInput>,
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

    /// Ends a session and every subscription that it opened. Without the right `manage_members`, a viewer ends only
    /// their own sessions. Only an OWNER ends an OWNER's session.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RevokeSessionInput,
    ) -> Result<Option<RevokeSessionPayload>> {
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        if !session.may(Right::ManageMembers) && !matches!(session.viewer.actor, Actor::Member(_)) {
            return Err(no_right(&[Right::ManageMembers]));
        }
        let id: SessionId = typed("input.id", &input.id)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let ended = mutations::revoke_session(&shared.database, &shared.ambient, &asked, &session.grant(), id).await;
        ended?;
        shared.revocations.tell(session.viewer.scope.workspace());
        Ok(Some(RevokeSessionPayload { deleted_session_id: ID(id.to_string()) }))
    }

    /// Changes the viewer's password and ends the viewer's other sessions in every workspace.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: ChangePasswordInput,
    ) -> Result<Option<ChangePasswordPayload>> {
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let Actor::Member(member) = session.viewer.actor else {
            return Err(ApiError::new(ErrorCode::Forbidden, "an API key has no password: log in as a member"));
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
    session
        .viewer
        .session
        .ok_or_else(|| ApiError::new(ErrorCode::Forbidden, "an API key has no session: log in as a member"))
}
