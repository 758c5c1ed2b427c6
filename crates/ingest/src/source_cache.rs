//! A cache of sources by token. A change of a source takes effect at once in the process that makes it, and within a
//! second in the others.

use std::{sync::Arc, time::Duration};

use inlet_domain::{
    model::source::Source,
    secrets::{Sealer, token_hash},
};
use inlet_store::{database::Database, error::StoreError, records::sources};
use moka::future::Cache;

const TTL: Duration = Duration::from_secs(1);
const MOST: u64 = 10_000;

/// The cache. Cheap to clone; the clones share their entries.
#[derive(Clone)]
pub(crate) struct SourceCache {
    database: Database,
    sealer: Sealer,
    // The key is the token's hash, so that the cache holds no token. Unknown tokens are cached too, so that guesses
    // cost one query a second each. The generation at the beginning of the look-up is part of the key, so that a result
    // that is older than a change is not found.
    known: Cache<(u64, [u8; 32]), Option<Arc<Source>>>,
}

impl SourceCache {
    pub(crate) fn new(database: Database, sealer: Sealer) -> Self {
        Self { database, sealer, known: Cache::builder().max_capacity(MOST).time_to_live(TTL).build() }
    }

    /// The source of a token. Concurrent callers share one query.
    pub(crate) async fn by_token(&self, token: &str) -> Result<Option<Arc<Source>>, Arc<StoreError>> {
        let look_up = async {
            let found = sources::by_token(&self.database, &self.sealer, token).await?;
            Ok(found.map(Arc::new))
        };
        self.known.try_get_with((self.database.source_generation(), token_hash(token)), look_up).await
    }
}
