//! Authors of messages, and actors.

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

/// A person or an automation at the provider, such as an agent who replied there.
#[derive(SimpleObject, Clone)]
pub struct ProviderAgent {
    /// Name, as the provider gives it.
    pub name: Option<String>,
}

/// Inlet itself.
#[derive(SimpleObject, Clone)]
pub struct System {
    /// Part of Inlet that acted.
    pub name: Option<String>,
}

/// Author of a message. Types may be added.
#[derive(Union, Clone)]
pub enum Author {
    /// A contact.
    Contact(Contact),
    /// A member.
    Member(Member),
    /// A program with an API key.
    ApiKey(ApiKey),
    /// A person or an automation at the provider.
    ProviderAgent(ProviderAgent),
    /// Inlet itself.
    System(System),
}

/// Actor of an event or an action. Types may be added.
#[derive(Union, Clone)]
pub enum Actor {
    /// A member.
    Member(Member),
    /// A program with an API key.
    ApiKey(ApiKey),
    /// A provider's report.
    ProviderAgent(ProviderAgent),
    /// Inlet itself.
    System(System),
}

/// The author of a message.
///
/// # Errors
/// Those of the look-ups.
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
        // A participant of a group: only the name is known.
        ("contact", None) if name.is_some() => Some(Author::ProviderAgent(ProviderAgent { name })),
        ("provider", _) => Some(Author::ProviderAgent(ProviderAgent { name })),
        ("system", _) => Some(Author::System(System { name })),
        _ => None,
    })
}

/// The actor of an event.
///
/// # Errors
/// Those of the look-ups.
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

/// The id of a member or a key; other actors have none.
#[must_use]
pub fn actor_id(actor: DomainActor) -> Option<Uuid> {
    match actor {
        DomainActor::Member(id) => Some(id.0),
        DomainActor::ApiKey(id) => Some(id.0),
        DomainActor::Provider | DomainActor::System => None,
    }
}
