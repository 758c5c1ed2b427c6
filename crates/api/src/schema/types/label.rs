//! Labels in the schema.

use std::sync::Arc;

use async_graphql::{ID, Object};
use inlet_store::records::labels;

use super::scalars::{DateTime, Revision};

/// A word that conversations are sorted by.
#[derive(Clone)]
pub struct Label(pub Arc<labels::Label>);

/// A word that conversations are sorted by.
#[Object]
impl Label {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The word.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// For display.
    async fn color(&self) -> Option<&str> {
        self.0.color.as_deref()
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
