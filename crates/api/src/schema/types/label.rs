//! Labels in the schema.

use std::sync::Arc;

use async_graphql::{ID, Object};
use inlet_store::records::labels;

use super::scalars::{DateTime, Revision};

/// A label for conversations.
#[derive(Clone)]
pub struct Label(pub Arc<labels::Label>);

/// A label for conversations.
#[Object]
impl Label {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Text of the label.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Display colour, such as `#1e90ff`.
    async fn color(&self) -> Option<&str> {
        self.0.color.as_deref()
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
