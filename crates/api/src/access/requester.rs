//! The requester, and the only way to objects that not every viewer may see.

use std::sync::Arc;

use inlet_domain::{
    ids::{ConversationId, EventId, MessageId, ProviderAccountId},
    model::right::{Grant, Need, Right},
};
use inlet_store::{
    database::Database,
    error::StoreError,
    log::LogEntry,
    records::{
        conversations::Conversation,
        credentials::Viewer,
        messages::{self, Message},
        page::{Page, Slice},
    },
};

use super::{
    credential::{Credential, forbidden},
    visible::{may_see, may_see_message},
};
use crate::{
    error::{ApiError, ErrorCode},
    loading::loaders::Loaders,
};

type Found<T> = Result<Option<T>, Arc<StoreError>>;

/// The requester of one operation: viewer, credential, and look-ups in the viewer's workspace.
pub struct Requester {
    pub viewer: Viewer,
    pub loaders: Arc<Loaders>,
    pub credential: Credential,
}

impl Requester {
    #[must_use]
    pub fn new(credential: Credential, loaders: Arc<Loaders>) -> Self {
        Self { viewer: credential.viewer.clone(), loaders, credential }
    }

    /// The present rights.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.credential.grant()
    }

    /// Checks the requester's rights against a need. `None` stands for a field that the table of rights does not list.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn check(&self, need: Option<Need>) -> Result<(), ApiError> {
        match need {
            Some(need) if need.is_met(&self.grant()) => Ok(()),
            Some(need) => Err(forbidden(need)),
            None => Err(ApiError::new(
                ErrorCode::Forbidden,
                "nobody has the right to this field: the table of rights does not list it",
            )),
        }
    }

    /// Whether the requester has a right at present.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.credential.may(right)
    }
}

/// The only way to messages and to the event log: each method returns what the viewer may see.
impl Requester {
    pub async fn message(&self, id: MessageId) -> Found<Arc<Message>> {
        Ok(self.loaders.messages.load(id).await?.filter(|message| may_see_message(&self.credential, message)))
    }

    /// A message with all of its content.
    pub async fn whole_message(&self, database: &Database, id: MessageId) -> Result<Option<Message>, StoreError> {
        let found = messages::whole(database, self.credential.viewer.scope, id).await?;
        Ok(found.filter(|message| may_see_message(&self.credential, message)))
    }

    /// A message by the provider's id.
    pub async fn message_of_provider(&self, key: (ProviderAccountId, String)) -> Found<Arc<Message>> {
        Ok(self.loaders.by_external.load(key).await?.filter(|message| may_see_message(&self.credential, message)))
    }

    /// A part of the messages of a conversation.
    pub async fn messages_of(&self, id: ConversationId, slice: Slice) -> Found<Page<Arc<Message>>> {
        self.loaders.pages.load((id, slice, self.may(Right::ReadNotes))).await
    }

    /// The newest message of a conversation that the viewer may see.
    pub async fn last_message(&self, conversation: &Conversation) -> Found<Arc<Message>> {
        let Some(id) = conversation.last_message_id else { return Ok(None) };
        match self.loaders.messages.load(id).await? {
            Some(last) if may_see_message(&self.credential, &last) => Ok(Some(last)),
            Some(_) => {
                let newest = Slice { size: 1, from_end: true, after: None, before: None };
                let page = self.messages_of(conversation.id, newest).await?;
                Ok(page.and_then(|page| page.items.into_iter().next().map(|(_, message)| message)))
            }
            None => Ok(None),
        }
    }

    pub async fn event(&self, id: EventId) -> Found<Arc<LogEntry>> {
        Ok(self.loaders.events.load(id).await?.filter(|entry| may_see(&self.credential, entry)))
    }
}
