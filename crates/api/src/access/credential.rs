//! Under what a connection runs: a token, who it stands for, and what it gives now.

use std::sync::Arc;

use inlet_domain::model::right::{Grant, Need, Right};
use inlet_store::records::credentials::Viewer;
use tokio::sync::watch;

use crate::error::{ApiError, ErrorCode};

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

/// That a credential does not give what is needed.
pub fn forbidden(need: Need) -> ApiError {
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
