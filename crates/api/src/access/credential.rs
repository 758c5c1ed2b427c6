//! The credential of a connection: token, viewer and present rights.

use std::sync::Arc;

use inlet_domain::model::right::{Grant, Need, Right};
use inlet_store::records::credentials::Viewer;
use tokio::sync::watch;

use crate::error::{ApiError, ErrorCode};

/// The credential that a connection runs under. Cheap to clone: all clones share the present rights.
#[derive(Clone)]
pub struct Credential {
    pub bearer: Arc<str>,
    /// The holder of the token. The rights at the time of the look-up; `grant` has the present ones.
    pub viewer: Viewer,
    grant: watch::Sender<Grant>,
}

impl Credential {
    /// A credential whose token has just been looked up.
    #[must_use]
    pub fn new(bearer: &str, viewer: Viewer) -> Self {
        Self { bearer: bearer.into(), grant: watch::Sender::new(viewer.grant.clone()), viewer }
    }

    /// A credential whose rights never change, for connections that share what they are shown.
    #[must_use]
    pub fn fixed(viewer: Viewer, grant: Grant) -> Self {
        Self { bearer: "".into(), grant: watch::Sender::new(grant), viewer }
    }

    /// The present rights.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.grant.borrow().clone()
    }

    /// Whether it has a right at present.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.grant.borrow().gives(right)
    }

    /// Resolves when the credential no longer gives what a root field needs.
    pub fn until_forbidden(&self, need: Option<Need>) -> impl Future<Output = ApiError> + use<> {
        let mut grants = self.grant.subscribe();
        async move {
            let refused = grants.wait_for(|grant| need.is_none_or(|need| !need.is_met(grant))).await.is_ok();
            if !refused {
                // The connection is closing, and this future with it.
                std::future::pending::<()>().await;
            }
            forbidden(need.unwrap_or(Need::Credential))
        }
    }

    /// Takes over the rights of a new look-up. They take effect at once, also for running operations.
    pub fn renew(&self, now: &Viewer) {
        self.grant.send_if_modified(|grant| {
            let is_new = *grant != now.grant;
            grant.clone_from(&now.grant);
            is_new
        });
    }
}

/// The refusal of a credential that lacks what a field needs.
pub fn forbidden(need: Need) -> ApiError {
    match need {
        Need::Rights(rights) => no_right(rights),
        Need::Session => refused("an API key has no session: log in as a member to use this".to_owned()),
        Need::Member(rights) => {
            refused(format!("only members use this: log in as a member with the right {}", names(rights)))
        }
        Need::Nothing | Need::Credential | Need::Kind => refused("this credential does not allow this".to_owned()),
    }
}

/// The refusal of a credential that lacks one of these rights.
pub fn no_right(rights: &[Right]) -> ApiError {
    let names = names(rights);
    refused(format!("this credential does not give the right {names}: use one whose role or scopes give it"))
}

fn names(rights: &[Right]) -> String {
    let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
    format!("`{}`", names.join("` and `"))
}

fn refused(message: String) -> ApiError {
    ApiError::new(ErrorCode::Forbidden, message)
}
