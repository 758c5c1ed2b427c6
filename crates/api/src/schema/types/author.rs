//! Who wrote a message, and who did something.

use async_graphql::{Context, SimpleObject, Union};
use inlet_domain::{
    ids::{ApiKeyId, ContactId, MemberId},
    scope::Actor as DomainActor,
};
use inlet_store::records::messages;
use uuid::Uuid;

use super::{
    contact::Contact,
    member::{ApiKey, Member},
};
use crate::{error::Result, execution::context::loaders};

/// Someone or something at the provider: an agent who answered there, or the provider's own automation.
#[derive(SimpleObject, Clone)]
pub struct ProviderAgent {
    /// As the provider names them.
    pub name: Option<String>,
}

/// Inlet itself.
#[derive(SimpleObject, Clone)]
pub struct System {
    /// Which part of it.
    pub name: Option<String>,
}

/// Who wrote or sent a message. Types may be added.
#[derive(Union, Clone)]
pub enum Author {
    /// A contact.
    Contact(Contact),
    /// A member.
    Member(Member),
    /// A program.
    ApiKey(ApiKey),
    /// Someone at the provider.
    ProviderAgent(ProviderAgent),
    /// Inlet.
    System(System),
}

/// Who did something. Types may be added.
#[derive(Union, Clone)]
pub enum Actor {
    /// A member.
    Member(Member),
    /// A program.
    ApiKey(ApiKey),
    /// A provider's report.
    ProviderAgent(ProviderAgent),
    /// Inlet.
    System(System),
}

/// The author of a message.
///
/// # Errors
/// Where the database fails.
pub async fn author(ctx: &Context<'_>, message: &messages::Message) -> Result<Option<Author>> {
    let name = message.author_name.clone();
    let loaders = loaders(ctx)?;
    Ok(match (message.author_kind.as_str(), message.author_id) {
        ("contact", Some(id)) => {
            let contact = loaders.contacts.load(ContactId(id)).await?;
            contact.map(|contact| Author::Contact(Contact(contact)))
        }
        ("member", Some(id)) => {
            let member = loaders.members.load(MemberId(id)).await?;
            member.map(|member| Author::Member(Member(member)))
        }
        ("api_key", Some(id)) => {
            let key = loaders.keys.load(ApiKeyId(id)).await?;
            key.map(|key| Author::ApiKey(ApiKey(key)))
        }
        // Someone of a group, of whom no more is known.
        ("contact", None) if name.is_some() => Some(Author::ProviderAgent(ProviderAgent { name })),
        ("provider", _) => Some(Author::ProviderAgent(ProviderAgent { name })),
        ("system", _) => Some(Author::System(System { name })),
        _ => None,
    })
}

/// The actor of an event.
///
/// # Errors
/// Where the database fails.
pub async fn actor(ctx: &Context<'_>, kind: &str, id: Option<Uuid>) -> Result<Option<Actor>> {
    let loaders = loaders(ctx)?;
    Ok(match (kind, id) {
        ("member", Some(id)) => {
            let member = loaders.members.load(MemberId(id)).await?;
            member.map(|member| Actor::Member(Member(member)))
        }
        ("api_key", Some(id)) => {
            let key = loaders.keys.load(ApiKeyId(id)).await?;
            key.map(|key| Actor::ApiKey(ApiKey(key)))
        }
        ("provider", _) => Some(Actor::ProviderAgent(ProviderAgent { name: None })),
        ("system", _) => Some(Actor::System(System { name: None })),
        _ => None,
    })
}

/// Which member or key an actor is.
#[must_use]
pub fn actor_id(actor: DomainActor) -> Option<Uuid> {
    match actor {
        DomainActor::Member(id) => Some(id.0),
        DomainActor::ApiKey(id) => Some(id.0),
        DomainActor::Provider | DomainActor::System => None,
    }
}
