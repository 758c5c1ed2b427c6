//! The names that providers give our entities. A transaction that mentions a name locks the row of the name first and
//! looks at the entity afterwards, so that two transactions that mention one thing see each other (P4).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use inlet_domain::model::waiting::WaitingHalf;
use sqlx::{AssertSqlSafe, PgConnection, Row, types::Json};
use uuid::Uuid;

use super::stub::MessageStub;
use crate::rows::columns::{Insert, Update, arrays, columns, equals_given, given_in_order, names, names_in};

/// A kind of entity that a provider names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RefKind {
    Attachment,
    BalanceAlert,
    Campaign,
    Channel,
    Conversation,
    Group,
    Message,
    Verification,
}

impl RefKind {
    const ALL: [Self; 8] = [
        Self::Attachment,
        Self::BalanceAlert,
        Self::Campaign,
        Self::Channel,
        Self::Conversation,
        Self::Group,
        Self::Message,
        Self::Verification,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::BalanceAlert => "balance_alert",
            Self::Campaign => "campaign",
            Self::Channel => "channel",
            Self::Conversation => "conversation",
            Self::Group => "group",
            Self::Message => "message",
            Self::Verification => "verification",
        }
    }
}

/// A provider's name for an entity: (workspace, account, kind, id), in lock order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RefKey {
    pub workspace: Uuid,
    pub account: Uuid,
    pub kind: RefKind,
    pub id: String,
}

/// The columns of a row beside its name.
#[derive(Debug, Clone, PartialEq, Default)]
struct Meaning {
    target: Option<Uuid>,
    deleted_at: Option<DateTime<Utc>>,
    /// The kind of report that waits for the named entity, with an id that tells since when.
    waiting: Option<(Uuid, WaitingHalf)>,
    /// The members that versions have told of a message that is yet to come.
    pending: Option<MessageStub>,
}

#[derive(Debug, Clone, Default)]
struct State {
    meaning: Meaning,
    /// The columns that the database holds. The save writes a difference.
    stored: Meaning,
    /// The target that the row was inserted with. A new entity takes this id, so that the row need not be written
    /// again.
    suggested: Option<Uuid>,
}

/// The references that a batch mentions.
#[derive(Debug, Default)]
pub(crate) struct References {
    known: BTreeMap<RefKey, State>,
}

columns! {
    RefKey as key {
        workspace_id: "uuid" = key.workspace,
        provider_account_id: "uuid" = key.account,
        kind: "text" = key.kind.as_str(),
        external_id: "text" = key.id.as_str(),
    }
}

columns! {
    Meaning as meaning {
        target_id: "uuid" = meaning.target,
        deleted_at: "timestamptz" = meaning.deleted_at,
        waiting_id: "uuid" = meaning.waiting.map(|(id, _)| id),
        waiting: "text" = meaning.waiting.map(|(_, half)| half),
        pending: "jsonb" = meaning.pending.as_ref().map(Json),
    }
}

/// The id that the entity of a new name will take.
struct Suggested(Option<Uuid>);

columns! {
    Suggested as suggested {
        target_id: "uuid" = suggested.0,
    }
}

fn select(lock: &str) -> String {
    format!(
        "SELECT {} FROM {} JOIN external_ref ON {} ORDER BY given.place {lock}",
        names_in::<(RefKey, Meaning)>("external_ref"),
        given_in_order::<RefKey>(),
        equals_given::<RefKey>("external_ref")
    )
}

static READ: LazyLock<String> = LazyLock::new(|| select(""));

static LOCK: LazyLock<String> = LazyLock::new(|| select("FOR NO KEY UPDATE OF external_ref"));

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    let tail = format!("ON CONFLICT DO NOTHING RETURNING {}", names::<RefKey>());
    Insert::of::<(RefKey, Suggested)>("external_ref", &tail)
});

static UPDATE: LazyLock<Update> = LazyLock::new(|| Update::of::<RefKey, (RefKey, Meaning)>("external_ref"));

fn key_of(row: &sqlx::postgres::PgRow) -> Result<RefKey, sqlx::Error> {
    let word: &str = row.try_get("kind")?;
    let kind = RefKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| sqlx::Error::Decode(format!("external_ref of unknown kind {word}").into()))?;
    Ok(RefKey {
        workspace: row.try_get("workspace_id")?,
        account: row.try_get("provider_account_id")?,
        kind,
        id: row.try_get("external_id")?,
    })
}

impl References {
    /// Locks every mentioned name, and inserts each new name with the id suggested for its entity.
    ///
    /// The name of a channel never changes its meaning, so a known one is read without a lock. Otherwise all messages
    /// of a channel would wait for each other.
    pub(crate) async fn lock(
        &mut self,
        connection: &mut PgConnection,
        mentioned: BTreeMap<RefKey, Option<Uuid>>,
    ) -> Result<(), sqlx::Error> {
        if mentioned.is_empty() {
            return Ok(());
        }
        let channels = mentioned.keys().filter(|key| key.kind == RefKind::Channel);
        self.take(connection, &READ, channels).await?;
        let is_settled = |references: &Self, key: &RefKey| {
            let known = references.known.get(key);
            key.kind == RefKind::Channel && known.is_some_and(|state| state.meaning.target.is_some())
        };
        // Insert the new names before locking the old ones, each time in the order of the keys, so that no two
        // transactions wait for each other.
        let missing: Vec<(&RefKey, Suggested)> = mentioned
            .iter()
            .filter(|(key, _)| !is_settled(self, key))
            .map(|(key, suggested)| (key, Suggested(*suggested)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = INSERT.bind(&missing)?.fetch_all(&mut *connection).await?;
        let mut inserted = BTreeSet::new();
        for row in &rows {
            let key = key_of(row)?;
            let suggested = mentioned.get(&key).copied().flatten();
            let stored = Meaning { target: suggested, ..Meaning::default() };
            self.known.insert(key.clone(), State { stored, suggested, ..State::default() });
            inserted.insert(key);
        }
        let standing = missing.iter().map(|(key, _)| *key).filter(|key| !inserted.contains(*key));
        self.take(connection, &LOCK, standing).await
    }

    async fn take(
        &mut self,
        connection: &mut PgConnection,
        sql: &'static str,
        keys: impl Iterator<Item = &RefKey>,
    ) -> Result<(), sqlx::Error> {
        let keys: Vec<&RefKey> = keys.collect();
        if keys.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query_with(AssertSqlSafe(sql), arrays(&keys)?).fetch_all(connection).await?;
        for row in &rows {
            let waiting_id: Option<Uuid> = row.try_get("waiting_id")?;
            let half: Option<WaitingHalf> = row.try_get("waiting")?;
            let meaning = Meaning {
                target: row.try_get("target_id")?,
                deleted_at: row.try_get("deleted_at")?,
                waiting: waiting_id.zip(half),
                pending: row.try_get::<Option<Json<MessageStub>>, _>("pending")?.map(|stub| stub.0),
            };
            self.known.insert(key_of(row)?, State { meaning: meaning.clone(), stored: meaning, suggested: None });
        }
        Ok(())
    }

    /// The target of the first name that has one.
    pub(crate) fn target<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<Uuid> {
        keys.into_iter().find_map(|key| self.known.get(key)?.meaning.target)
    }

    /// When the provider deleted the named entity, possibly before it came.
    pub(crate) fn deleted_at<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<DateTime<Utc>> {
        keys.into_iter().find_map(|key| self.known.get(key)?.meaning.deleted_at)
    }

    /// The id suggested for the entity of the names.
    pub(crate) fn suggested<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<Uuid> {
        keys.into_iter().find_map(|key| self.known.get(key)?.suggested)
    }

    /// Whether a report waited for the named entity before the batch.
    pub(crate) fn is_awaited(&self, key: &RefKey) -> bool {
        self.known.get(key).is_some_and(|state| state.stored.waiting.is_some())
    }

    /// Points the names that have no target at `target`; points all of them if `anew`.
    pub(crate) fn point<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, target: Uuid, anew: bool) {
        for key in keys {
            let meaning = &mut self.known.entry(key.clone()).or_default().meaning;
            if anew || meaning.target.is_none() {
                meaning.target = Some(target);
            }
        }
    }

    /// Notes on the first of the names that a report waits for the entity; `id` tells since when.
    pub(crate) fn wait<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, id: Uuid, half: WaitingHalf) {
        if let Some(key) = keys.into_iter().next() {
            self.known.entry(key.clone()).or_default().meaning.waiting.get_or_insert((id, half));
        }
    }

    /// Takes the members that versions have told of the message of these names, which is yet to come.
    pub(crate) fn pending<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<MessageStub> {
        keys.into_iter().find_map(|key| self.known.get_mut(key)?.meaning.pending.take())
    }

    /// Keeps the members that versions have told of a message until the message comes.
    pub(crate) fn keep_pending(&mut self, key: &RefKey, stub: MessageStub) {
        self.known.entry(key.clone()).or_default().meaning.pending = Some(stub);
    }

    /// Notes that the entity of the names has come: no report waits for it any more.
    pub(crate) fn settle<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>) {
        for key in keys {
            if let Some(state) = self.known.get_mut(key) {
                state.meaning.waiting = None;
            }
        }
    }

    /// Points every known name of `from` at `to`.
    pub(crate) fn redirect(&mut self, from: Uuid, to: Uuid) {
        for state in self.known.values_mut().filter(|state| state.meaning.target == Some(from)) {
            state.meaning.target = Some(to);
        }
    }

    /// The targets of the names, each once, in the order of the names.
    pub(crate) fn all_targets<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Vec<Uuid> {
        let mut targets = Vec::new();
        for target in keys.into_iter().filter_map(|key| self.known.get(key)?.meaning.target) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Notes that the provider deleted the entity of the names, possibly before it came. The last time counts.
    pub(crate) fn bury<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, at: DateTime<Utc>) {
        for key in keys {
            let deleted_at = &mut self.known.entry(key.clone()).or_default().meaning.deleted_at;
            *deleted_at = (*deleted_at).max(Some(at));
        }
    }

    /// The known targets of a kind, each with its workspace.
    pub(crate) fn targets(&self, kind: RefKind) -> impl Iterator<Item = (Uuid, Uuid)> {
        self.known
            .iter()
            .filter(move |(key, _)| key.kind == kind)
            .filter_map(|(key, state)| Some((key.workspace, state.meaning.target?)))
    }

    /// Writes the names that differ from their rows.
    pub(crate) async fn save(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let changed = self.known.iter().filter(|(_, state)| state.meaning != state.stored);
        let changed: Vec<(&RefKey, &Meaning)> = changed.map(|(key, state)| (key, &state.meaning)).collect();
        if !changed.is_empty() {
            UPDATE.bind(&changed)?.execute(connection).await?;
        }
        Ok(())
    }
}
