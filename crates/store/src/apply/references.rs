//! What providers call our entities. Whatever mentions a provider's id locks its row first and looks only afterwards,
//! so that two transactions that mention the same thing see each other (P4).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use inlet_domain::model::waiting::WaitingHalf;
use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use super::stub::MessageStub;
use crate::rows;

/// The kinds of things that a provider names.
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

/// A provider's name for something: (workspace, account, kind, id), in lock order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RefKey {
    pub workspace: Uuid,
    pub account: Uuid,
    pub kind: RefKind,
    pub id: String,
}

/// What a row says of its name.
#[derive(Debug, Clone, PartialEq, Default)]
struct Meaning {
    target: Option<Uuid>,
    deleted_at: Option<DateTime<Utc>>,
    /// What waits for the named thing, with an id that tells since when.
    waiting: Option<(Uuid, WaitingHalf)>,
    /// What versions of a message that is yet to come said already.
    pending: Option<MessageStub>,
}

#[derive(Debug, Clone, Default)]
struct State {
    meaning: Meaning,
    /// What the row in the database holds: a difference is written at the end.
    stored: Meaning,
    /// The id that the row was inserted with: what is made for it takes this id, and nothing need be written again.
    suggested: Option<Uuid>,
}

/// The references that a batch mentions.
#[derive(Debug, Default)]
pub(crate) struct References {
    known: BTreeMap<RefKey, State>,
}

type Columns = (Vec<Uuid>, Vec<Uuid>, Vec<&'static str>, Vec<String>);

fn columns<'a>(keys: impl Iterator<Item = &'a RefKey>) -> Columns {
    let mut columns = Columns::default();
    for key in keys {
        columns.0.push(key.workspace);
        columns.1.push(key.account);
        columns.2.push(key.kind.as_str());
        columns.3.push(key.id.clone());
    }
    columns
}

const READ: &str = "SELECT r.workspace_id, r.provider_account_id, r.kind, r.external_id, r.target_id, r.deleted_at, r.waiting_id, r.waiting, r.pending \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY k(w, a, k, e, n) \
    JOIN external_ref r ON r.workspace_id = k.w AND r.provider_account_id = k.a AND r.kind = k.k AND r.external_id = k.e \
    ORDER BY k.n";

const LOCK: &str = "SELECT r.workspace_id, r.provider_account_id, r.kind, r.external_id, r.target_id, r.deleted_at, r.waiting_id, r.waiting, r.pending \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY k(w, a, k, e, n) \
    JOIN external_ref r ON r.workspace_id = k.w AND r.provider_account_id = k.a AND r.kind = k.k AND r.external_id = k.e \
    ORDER BY k.n FOR NO KEY UPDATE OF r";

const INSERT: &str = "INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id) \
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) \
    ON CONFLICT DO NOTHING \
    RETURNING workspace_id, provider_account_id, kind, external_id";

static FEW: LazyLock<Vec<String>> = LazyLock::new(|| {
    let columns = [
        ("workspace_id", "uuid"),
        ("provider_account_id", "uuid"),
        ("kind", "text"),
        ("external_id", "text"),
        ("target_id", "uuid"),
    ];
    let tail = "ON CONFLICT DO NOTHING RETURNING workspace_id, provider_account_id, kind, external_id";
    rows::insert_few("external_ref", &columns, tail)
});

const UPDATE: &str = "UPDATE external_ref r SET target_id = k.t, deleted_at = k.d, waiting_id = k.wi, waiting = k.wh, pending = k.p \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::uuid[], $8::text[], \
      $9::jsonb[]) k(w, a, k, e, t, d, wi, wh, p) \
    WHERE r.workspace_id = k.w AND r.provider_account_id = k.a AND r.kind = k.k AND r.external_id = k.e";

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
    /// Locks every mentioned name, inserting those that are new with the id suggested for what they will name.
    ///
    /// A channel's name never comes to mean another channel, so one that is known is read without a lock: else all
    /// messages of one channel would wait for each other.
    pub(crate) async fn lock(
        &mut self,
        connection: &mut PgConnection,
        mentioned: BTreeMap<RefKey, Option<Uuid>>,
    ) -> Result<(), sqlx::Error> {
        if mentioned.is_empty() {
            return Ok(());
        }
        let channels = mentioned.keys().filter(|key| key.kind == RefKind::Channel);
        self.take(connection, READ, channels).await?;
        let is_settled = |references: &Self, key: &RefKey| {
            let known = references.known.get(key);
            key.kind == RefKind::Channel && known.is_some_and(|state| state.meaning.target.is_some())
        };
        // All are inserted before any that stands is locked, each time in their order: so no two transactions wait for
        // each other.
        let missing: Vec<(&RefKey, Option<Uuid>)> =
            mentioned.iter().filter(|(key, _)| !is_settled(self, key)).map(|(key, id)| (key, *id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = match rows::for_few(&FEW, missing.len()) {
            Some(sql) => {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                for (key, suggested) in &missing {
                    let named = query.bind(key.workspace).bind(key.account).bind(key.kind.as_str());
                    query = named.bind(key.id.as_str()).bind(*suggested);
                }
                query.fetch_all(&mut *connection).await?
            }
            None => {
                let (workspaces, accounts, kinds, ids) = columns(missing.iter().map(|(key, _)| *key));
                let suggested: Vec<Option<Uuid>> = missing.iter().map(|(_, id)| *id).collect();
                let query = sqlx::query(INSERT).bind(workspaces).bind(accounts).bind(kinds).bind(ids).bind(suggested);
                query.fetch_all(&mut *connection).await?
            }
        };
        let mut inserted = BTreeSet::new();
        for row in &rows {
            let key = key_of(row)?;
            let suggested = mentioned.get(&key).copied().flatten();
            let stored = Meaning { target: suggested, ..Meaning::default() };
            self.known.insert(key.clone(), State { stored, suggested, ..State::default() });
            inserted.insert(key);
        }
        let standing = missing.iter().map(|(key, _)| *key).filter(|key| !inserted.contains(*key));
        self.take(connection, LOCK, standing).await
    }

    async fn take(
        &mut self,
        connection: &mut PgConnection,
        sql: &'static str,
        keys: impl Iterator<Item = &RefKey>,
    ) -> Result<(), sqlx::Error> {
        let (workspaces, accounts, kinds, ids) = columns(keys);
        if ids.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(sql).bind(workspaces).bind(accounts).bind(kinds).bind(ids).fetch_all(connection).await?;
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

    /// What the first known of the names means.
    pub(crate) fn target<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<Uuid> {
        keys.into_iter().find_map(|key| self.known.get(key)?.meaning.target)
    }

    /// When the named thing was deleted, be it before it came.
    pub(crate) fn deleted_at<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<DateTime<Utc>> {
        keys.into_iter().find_map(|key| self.known.get(key)?.meaning.deleted_at)
    }

    /// The id that what the names mean should get.
    pub(crate) fn suggested<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<Uuid> {
        keys.into_iter().find_map(|key| self.known.get(key)?.suggested)
    }

    /// Whether something waited before the batch for what the name means.
    pub(crate) fn is_awaited(&self, key: &RefKey) -> bool {
        self.known.get(key).is_some_and(|state| state.stored.waiting.is_some())
    }

    /// From now on the names mean `target`, those that mean nothing yet; all of them where `anew`.
    pub(crate) fn point<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, target: Uuid, anew: bool) {
        for key in keys {
            let meaning = &mut self.known.entry(key.clone()).or_default().meaning;
            if anew || meaning.target.is_none() {
                meaning.target = Some(target);
            }
        }
    }

    /// Notes, on the first of the names, that something waits for what they mean; `id` tells since when.
    pub(crate) fn wait<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, id: Uuid, half: WaitingHalf) {
        if let Some(key) = keys.into_iter().next() {
            self.known.entry(key.clone()).or_default().meaning.waiting.get_or_insert((id, half));
        }
    }

    /// What versions of the message that the names will mean have said so far.
    pub(crate) fn pending<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>) -> Option<MessageStub> {
        keys.into_iter().find_map(|key| self.known.get_mut(key)?.meaning.pending.take())
    }

    /// Keeps what versions of a message said until it comes.
    pub(crate) fn keep_pending(&mut self, key: &RefKey, stub: MessageStub) {
        self.known.entry(key.clone()).or_default().meaning.pending = Some(stub);
    }

    /// What the names mean is here: nothing waits for it any more.
    pub(crate) fn settle<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>) {
        for key in keys {
            if let Some(state) = self.known.get_mut(key) {
                state.meaning.waiting = None;
            }
        }
    }

    /// Every known name of `from` means `to` instead.
    pub(crate) fn redirect(&mut self, from: Uuid, to: Uuid) {
        for state in self.known.values_mut().filter(|state| state.meaning.target == Some(from)) {
            state.meaning.target = Some(to);
        }
    }

    /// All that the names mean, each once, in their order.
    pub(crate) fn all_targets<'a>(&self, keys: impl IntoIterator<Item = &'a RefKey>) -> Vec<Uuid> {
        let mut targets = Vec::new();
        for target in keys.into_iter().filter_map(|key| self.known.get(key)?.meaning.target) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Notes that what the names mean is gone, maybe before it came; of several times the last.
    pub(crate) fn bury<'a>(&mut self, keys: impl IntoIterator<Item = &'a RefKey>, at: DateTime<Utc>) {
        for key in keys {
            let deleted_at = &mut self.known.entry(key.clone()).or_default().meaning.deleted_at;
            *deleted_at = (*deleted_at).max(Some(at));
        }
    }

    /// Every known target of a kind.
    pub(crate) fn targets(&self, kind: RefKind) -> impl Iterator<Item = (Uuid, Uuid)> {
        self.known
            .iter()
            .filter(move |(key, _)| key.kind == kind)
            .filter_map(|(key, state)| Some((key.workspace, state.meaning.target?)))
    }

    /// Writes what differs from the rows as they stand.
    pub(crate) async fn save(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let changed: Vec<(&RefKey, &State)> =
            self.known.iter().filter(|(_, state)| state.meaning != state.stored).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let (workspaces, accounts, kinds, ids) = columns(changed.iter().map(|(key, _)| *key));
        sqlx::query(UPDATE)
            .bind(workspaces)
            .bind(accounts)
            .bind(kinds)
            .bind(ids)
            .bind(changed.iter().map(|(_, state)| state.meaning.target).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, state)| state.meaning.deleted_at).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, state)| state.meaning.waiting.map(|(id, _)| id)).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, state)| state.meaning.waiting.map(|(_, half)| half)).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, state)| state.meaning.pending.clone().map(Json)).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }
}
