//! The demo workspace of `inlet dev`: an owner, an API key, and a source for each provider with a demo.

use std::collections::BTreeMap;

use inlet_adapters::registry::adapter;
use inlet_domain::{
    ambient::Ambient,
    ids::WorkspaceId,
    model::{
        provider::{Provider, Verification},
        right::{KeyScope, Role},
    },
    scope::{Actor, Scope},
    secrets::Sealer,
};
use inlet_store::{
    database::PgConnection,
    error::StoreError,
    records::{
        api_keys::{self, NewApiKey},
        members, setup,
        sources::{self, NewSource, SourceSettings},
    },
};
use secrecy::{ExposeSecret, SecretString};

/// The new workspace with its secrets.
#[derive(Clone)]
pub struct Seeds {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The owner's login.
    pub email: String,
    /// The owner's password.
    pub password: SecretString,
    /// An API key with every scope.
    pub api_key: SecretString,
    /// Token and secret of each provider's source.
    pub sources: BTreeMap<Provider, SeededSource>,
}

/// A source of the demo workspace.
#[derive(Clone)]
pub struct SeededSource {
    /// The part of its URL after `/in/`.
    pub token: String,
    /// The secret that the provider signs with.
    pub secret: SecretString,
}

/// Creates the workspace in the caller's transaction.
///
/// # Errors
/// The slug is taken, or the database refuses.
pub async fn plant(
    conn: &mut PgConnection,
    ambient: &Ambient,
    sealer: &Sealer,
    name: &str,
    slug: &str,
) -> Result<Seeds, StoreError> {
    let workspace = setup::create_workspace(conn, ambient, name, slug).await?;
    let scope = Scope::of(workspace);
    let email = format!("owner-{}@inlet.test", &random_word(ambient)[..8]);
    let password = SecretString::from(random_word(ambient));
    let owner = members::NewMember {
        email: email.clone(),
        name: "Demo Owner".to_owned(),
        role: Role::Owner,
        password: Some(password.clone()),
    };
    members::create(conn, ambient, scope, owner).await?;
    let demo = NewApiKey { name: "demo".to_owned(), scopes: KeyScope::ALL.to_vec(), expires_at: None };
    let (_, api_key) = api_keys::create(conn, ambient, scope, Actor::System, &demo).await?;
    let mut planted = BTreeMap::new();
    for provider in Provider::ALL.iter().copied() {
        let Some(demo) = adapter(provider).demo() else { continue };
        let secret = SecretString::from(random_word(ambient));
        let new = NewSource {
            name: demo.name.to_owned(),
            provider,
            account: None,
            verification: Verification::Hmac,
            secret: Some(secret.clone()),
            settings: SourceSettings {
                phone_region: demo.phone_region.map(str::to_owned),
                ..SourceSettings::default()
            },
        };
        let (_, token) = sources::create(conn, scope, sealer, ambient, new).await?;
        planted.insert(provider, SeededSource { token, secret });
    }
    Ok(Seeds { workspace, email, password, api_key, sources: planted })
}

impl Seeds {
    /// The secret and the URL of each provider's source, under the public URL of the server.
    #[must_use]
    pub fn urls(&self, public_url: &str) -> BTreeMap<String, crate::dev_file::DevSource> {
        self.sources
            .iter()
            .map(|(provider, source)| {
                let url = format!("{public_url}/in/{}", source.token);
                let secret = source.secret.expose_secret().to_owned();
                (provider.to_string(), crate::dev_file::DevSource { url, secret })
            })
            .collect()
    }
}

fn random_word(ambient: &Ambient) -> String {
    hex::encode(&ambient.random_256()[..16])
}
