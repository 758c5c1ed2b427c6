//! Addresses, and the contacts that they claim. The row of an address is locked before anything is done in its name
//! (P5), and who loses the race for a new one takes the winner's contact.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::row;
use crate::{
    ambient::Ambient,
    command::{IdentityKind, IdentityRef, IdentityScope},
};

/// (workspace, scope, kind, value), in lock order. The scope is nil for an address of the whole workspace, else the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IdentityKey {
    pub workspace: Uuid,
    pub scope: Uuid,
    pub kind: IdentityKind,
    pub value: String,
}

impl IdentityKey {
    pub(crate) fn of(workspace: Uuid, account: Uuid, identity: &IdentityRef) -> Self {
        Self {
            workspace,
            scope: match identity.scope {
                IdentityScope::Workspace => Uuid::nil(),
                IdentityScope::Account => account,
            },
            kind: identity.kind,
            value: identity.value.clone(),
        }
    }
}

/// A person that a command speaks of: the address first. `contact` is false for a group and for a bare conversation.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub keys: Vec<ClaimedKey>,
    pub contact: bool,
}

/// An address that a claim names.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedKey {
    pub key: IdentityKey,
    /// As written, where that differs.
    pub original: Option<String>,
    /// See [`IdentityRef::leads`].
    pub leads: bool,
}

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// identity.id of the address.
    pub address: Uuid,
    /// The contact, unless the claim is of a group or a bare conversation that has none.
    pub contact: Option<Uuid>,
}

#[derive(Debug, Clone, Default)]
struct State {
    id: Uuid,
    contact: Option<Uuid>,
    /// The contact in the row as it stands.
    stored: Option<Uuid>,
    original: Option<String>,
}

/// The identities that a batch mentions.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    known: BTreeMap<IdentityKey, State>,
    /// The contacts that stood before the batch.
    old_contacts: HashSet<Uuid>,
    /// The addresses that the batch inserted.
    new_addresses: HashSet<Uuid>,
}

const LOCK: &str = "SELECT i.workspace_id, i.scope_id, i.kind, i.value, i.id, i.contact_id \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY k(w, s, k, v, n) \
    JOIN identity i ON i.workspace_id = k.w AND i.scope_id = k.s AND i.kind = k.k AND i.value = k.v \
    ORDER BY k.n FOR NO KEY UPDATE OF i";

const INSERT: &str = "INSERT INTO identity (workspace_id, scope_id, kind, value, id, original, contact_id, created_at) \
    SELECT k.*, $8 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[]) k \
    ON CONFLICT DO NOTHING RETURNING id";

static FEW: LazyLock<Vec<String>> = LazyLock::new(|| {
    let columns = [
        ("workspace_id", "uuid"),
        ("scope_id", "uuid"),
        ("kind", "text"),
        ("value", "text"),
        ("id", "uuid"),
        ("original", "text"),
        ("contact_id", "uuid"),
        ("created_at", "timestamptz"),
    ];
    row::insert_few("identity", &columns, "ON CONFLICT DO NOTHING RETURNING id")
});

const UPDATE: &str = "UPDATE identity i SET contact_id = k.c \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) k(w, s, k, v, c) \
    WHERE i.workspace_id = k.w AND i.scope_id = k.s AND i.kind = k.k AND i.value = k.v";

type Columns = (Vec<Uuid>, Vec<Uuid>, Vec<&'static str>, Vec<String>);

fn columns<'a>(keys: impl Iterator<Item = &'a IdentityKey>) -> Columns {
    let mut columns = Columns::default();
    for key in keys {
        columns.0.push(key.workspace);
        columns.1.push(key.scope);
        columns.2.push(key.kind.as_str());
        columns.3.push(key.value.clone());
    }
    columns
}

impl Identities {
    /// Locks every address of the claims, inserts the new ones, and tells each claim its address and contact. A
    /// claim's contact is the one of its address, else the one of an identity that leads to it, else a new one;
    /// identities without a contact join it, those with another are left as they are. An id that only one provider knows
    /// leads no new address to a contact unless the adapter says so: two channels of a provider may number people alike.
    pub(crate) async fn resolve(
        &mut self,
        connection: &mut PgConnection,
        ambient: &Ambient,
        claims: &[Option<Claim>],
    ) -> Result<Vec<Option<Resolved>>, sqlx::Error> {
        let mut wanted: BTreeMap<&IdentityKey, Option<&String>> = BTreeMap::new();
        for ClaimedKey { key, original, .. } in claims.iter().flatten().flat_map(|claim| &claim.keys) {
            let entry = wanted.entry(key).or_default();
            *entry = entry.or(original.as_ref());
        }
        if wanted.is_empty() {
            return Ok(vec![None; claims.len()]);
        }
        self.lock(connection, wanted.keys().copied()).await?;
        let mut missing = Vec::new();
        for (key, original) in wanted {
            if !self.known.contains_key(key) {
                self.known
                    .insert(key.clone(), State { id: ambient.uuid(), original: original.cloned(), ..State::default() });
                missing.push(key.clone());
            }
        }
        let before = self.known.clone();
        let mut minted = Minted::new(ambient);
        let mut resolved = self.assign(claims, &mut minted);
        if !missing.is_empty() {
            let lost = self.insert(connection, &missing, ambient.now()).await?;
            if !lost.is_empty() {
                let assigned = std::mem::replace(&mut self.known, before);
                for key in &missing {
                    if let (Some(now), Some(then)) = (self.known.get_mut(key), assigned.get(key)) {
                        now.stored = then.contact;
                    }
                }
                self.lock(connection, lost.iter()).await?;
                resolved = self.assign(claims, &mut minted.again());
            }
        }
        Ok(resolved)
    }

    fn assign(&mut self, claims: &[Option<Claim>], minted: &mut Minted<'_>) -> Vec<Option<Resolved>> {
        claims
            .iter()
            .map(|claim| {
                let claim = claim.as_ref()?;
                let address = self.known.get(&claim.keys.first()?.key)?;
                let address_id = address.id;
                if !claim.contact {
                    return Some(Resolved { address: address_id, contact: address.contact });
                }
                let contact = address
                    .contact
                    .or_else(|| {
                        let mut leading = claim.keys.iter().filter(|claimed| claimed.leads);
                        leading.find_map(|claimed| self.known.get(&claimed.key)?.contact)
                    })
                    .unwrap_or_else(|| minted.next());
                for ClaimedKey { key, .. } in &claim.keys {
                    if let Some(state) = self.known.get_mut(key) {
                        state.contact.get_or_insert(contact);
                    }
                }
                Some(Resolved { address: address_id, contact: Some(contact) })
            })
            .collect()
    }

    async fn lock(
        &mut self,
        connection: &mut PgConnection,
        keys: impl Iterator<Item = &IdentityKey>,
    ) -> Result<(), sqlx::Error> {
        let (workspaces, scopes, kinds, values) = columns(keys);
        let rows =
            sqlx::query(LOCK).bind(workspaces).bind(scopes).bind(kinds).bind(values).fetch_all(connection).await?;
        for row in &rows {
            let word: &str = row.try_get("kind")?;
            let kind = [
                IdentityKind::Phone,
                IdentityKind::Email,
                IdentityKind::Username,
                IdentityKind::ProviderUser,
                IdentityKind::ProviderConversation,
                IdentityKind::Group,
            ]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| sqlx::Error::Decode(format!("identity of unknown kind {word}").into()))?;
            let key = IdentityKey {
                workspace: row.try_get("workspace_id")?,
                scope: row.try_get("scope_id")?,
                kind,
                value: row.try_get("value")?,
            };
            let contact: Option<Uuid> = row.try_get("contact_id")?;
            self.old_contacts.extend(contact);
            self.known.insert(key, State { id: row.try_get("id")?, contact, stored: contact, original: None });
        }
        Ok(())
    }

    /// Inserts the missing ones as they are assigned; the keys of those that another transaction was first with.
    async fn insert(
        &mut self,
        connection: &mut PgConnection,
        missing: &[IdentityKey],
        now: DateTime<Utc>,
    ) -> Result<Vec<IdentityKey>, sqlx::Error> {
        let states: Vec<State> = missing.iter().filter_map(|key| self.known.get(key).cloned()).collect();
        let inserted: Vec<Uuid> = match row::for_few(&FEW, missing.len()) {
            Some(sql) => {
                let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
                for (key, state) in missing.iter().zip(&states) {
                    let named = query.bind(key.workspace).bind(key.scope).bind(key.kind.as_str()).bind(&key.value);
                    query = named.bind(state.id).bind(&state.original).bind(state.contact).bind(now);
                }
                query.fetch_all(connection).await?
            }
            None => {
                let (workspaces, scopes, kinds, values) = columns(missing.iter());
                let query = sqlx::query_scalar(INSERT)
                    .bind(workspaces)
                    .bind(scopes)
                    .bind(kinds)
                    .bind(values)
                    .bind(states.iter().map(|state| state.id).collect::<Vec<_>>())
                    .bind(states.iter().map(|state| state.original.clone()).collect::<Vec<_>>())
                    .bind(states.iter().map(|state| state.contact).collect::<Vec<_>>())
                    .bind(now);
                query.fetch_all(connection).await?
            }
        };
        let inserted: HashSet<Uuid> = inserted.into_iter().collect();
        let mut lost = Vec::new();
        for key in missing {
            if let Some(state) = self.known.get_mut(key) {
                if inserted.contains(&state.id) {
                    state.stored = state.contact;
                } else {
                    lost.push(key.clone());
                }
            }
        }
        self.new_addresses.extend(inserted);
        Ok(lost)
    }

    /// Whether the contact stood before the batch.
    pub(crate) fn is_old_contact(&self, id: Uuid) -> bool {
        self.old_contacts.contains(&id)
    }

    /// Whether the batch inserted the address: nothing can hang on it yet.
    pub(crate) fn is_new(&self, address: Uuid) -> bool {
        self.new_addresses.contains(&address)
    }

    /// Writes what differs from the rows as they stand.
    pub(crate) async fn save(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let changed: Vec<(&IdentityKey, &State)> =
            self.known.iter().filter(|(_, state)| state.contact != state.stored).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let (workspaces, scopes, kinds, values) = columns(changed.iter().map(|(key, _)| *key));
        sqlx::query(UPDATE)
            .bind(workspaces)
            .bind(scopes)
            .bind(kinds)
            .bind(values)
            .bind(changed.iter().map(|(_, state)| state.contact).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Contact ids that were minted for claims, so that a second assignment gives the same.
struct Minted<'a> {
    ambient: &'a Ambient,
    ids: Vec<Uuid>,
    next: usize,
}

impl<'a> Minted<'a> {
    fn new(ambient: &'a Ambient) -> Self {
        Self { ambient, ids: Vec::new(), next: 0 }
    }

    fn next(&mut self) -> Uuid {
        if self.next == self.ids.len() {
            self.ids.push(self.ambient.uuid());
        }
        self.next += 1;
        self.ids[self.next - 1]
    }

    fn again(mut self) -> Self {
        self.next = 0;
        self
    }
}
