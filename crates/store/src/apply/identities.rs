//! Addresses, and the contacts that they claim. The row of an address is locked before anything is done in its name
//! (P5), and who loses the race for a new one takes the winner's contact.

mod statements;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    command::{IdentityKind, IdentityRef, IdentityScope},
    model::contact::MOST_ADDRESSES,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use self::statements::{COUNT, FEW, INSERT, LOCK, UPDATE, columns};
use crate::rows;

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

/// A person that a command speaks of: the address first.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub keys: Vec<ClaimedKey>,
    pub wants: Wants,
    /// Whether it is of a command that had its effect before and is replayed: an address whose contact went since stays
    /// without one.
    pub again: bool,
}

/// Which contact a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The one that the address has, if it has one: of a group, a bare conversation, the receiver of a report.
    Standing,
    /// The one that wrote from the address, or was written to, at this time; made if need be. What occurred before the
    /// provider deleted its record of the person is nobody's.
    Writer(DateTime<Utc>),
    /// The one that the provider keeps a record of, made if need be; none once that record was deleted.
    Record,
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
    /// The contact: see [`Wants`].
    pub contact: Option<Uuid>,
    /// The contact that it would have been, had that not [`MOST_ADDRESSES`] already.
    pub apart_from: Option<Uuid>,
}

#[derive(Debug, Clone, Default)]
struct State {
    id: Uuid,
    contact: Option<Uuid>,
    /// As it was written last, where that differs from the value.
    original: Option<String>,
    /// Whether the row stood before the batch.
    stands: bool,
    /// Until when what came from it is nobody's.
    record_deleted_at: Option<DateTime<Utc>>,
    /// Contact and original in the row as it stands.
    stored: (Option<Uuid>, Option<String>),
}

impl State {
    /// Takes over the form that was written last, where it has other digits: a number of a country that writes some of its
    /// numbers in two ways is answered to in the way that it came.
    fn write(&mut self, value: &str, original: Option<&String>) {
        let digits = |form: &str| form.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
        let form = |original: Option<&String>| digits(original.map_or(value, String::as_str));
        if form(original) != form(self.original.as_ref()) {
            self.original = original.cloned();
        }
    }
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

impl Identities {
    /// Locks every address of the claims, inserts the new ones, and tells each claim its address and contact. A
    /// claim's contact is the one of its address, else the one of an identity that leads to it and that has fewer than
    /// [`MOST_ADDRESSES`], else a new one;
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
                let original = original.cloned();
                self.known.insert(key.clone(), State { id: ambient.uuid(), original, ..State::default() });
                missing.push(key.clone());
            }
        }
        let before = self.known.clone();
        let mut minted = Minted::new(ambient);
        let counts = self.count(connection, claims).await?;
        let mut resolved = self.assign(claims, counts, &mut minted);
        if !missing.is_empty() {
            let lost = self.insert(connection, &missing, ambient.now()).await?;
            if !lost.is_empty() {
                let assigned = std::mem::replace(&mut self.known, before);
                for key in &missing {
                    if let (Some(now), Some(then)) = (self.known.get_mut(key), assigned.get(key)) {
                        now.stored = (then.contact, then.original.clone());
                    }
                }
                self.lock(connection, lost.iter()).await?;
                let counts = self.count(connection, claims).await?;
                resolved = self.assign(claims, counts, &mut minted.again());
            }
        }
        Ok(resolved)
    }

    /// How many addresses the contacts have that a claim may lead one more to.
    async fn count(
        &self,
        connection: &mut PgConnection,
        claims: &[Option<Claim>],
    ) -> Result<HashMap<Uuid, usize>, sqlx::Error> {
        let mut leading = BTreeMap::<Uuid, Uuid>::new();
        for claim in claims.iter().flatten().filter(|claim| claim.wants != Wants::Standing) {
            let contact = |claimed: &ClaimedKey| self.known.get(&claimed.key).and_then(|state| state.contact);
            if claim.keys.iter().any(|claimed| contact(claimed).is_none()) {
                let found = claim.keys.iter().filter_map(|it| Some((contact(it)?, it.key.workspace)));
                leading.extend(found);
            }
        }
        if leading.is_empty() {
            return Ok(HashMap::new());
        }
        let (contacts, workspaces): (Vec<Uuid>, Vec<Uuid>) = leading.into_iter().unzip();
        let most = i64::try_from(MOST_ADDRESSES).unwrap_or(i64::MAX);
        let rows: Vec<(Uuid, i64)> =
            sqlx::query_as(COUNT).bind(workspaces).bind(contacts).bind(most).fetch_all(connection).await?;
        Ok(rows
            .into_iter()
            .map(|(contact, count)| (contact, usize::try_from(count).unwrap_or(MOST_ADDRESSES)))
            .collect())
    }

    fn assign(
        &mut self,
        claims: &[Option<Claim>],
        mut counts: HashMap<Uuid, usize>,
        minted: &mut Minted<'_>,
    ) -> Vec<Option<Resolved>> {
        claims
            .iter()
            .map(|claim| {
                let claim = claim.as_ref()?;
                let named = claim.keys.first()?;
                let address = self.known.get_mut(&named.key)?;
                let address_id = address.id;
                let is_nobodys = match claim.wants {
                    Wants::Standing => {
                        return Some(Resolved { address: address_id, contact: address.contact, apart_from: None });
                    }
                    Wants::Writer(at) => address.record_deleted_at.is_some_and(|deleted_at| at <= deleted_at),
                    Wants::Record => address.record_deleted_at.is_some(),
                };
                if matches!(claim.wants, Wants::Writer(_)) && named.key.kind == IdentityKind::Phone {
                    address.write(&named.key.value, named.original.as_ref());
                }
                let went = claim.again && address.stands && address.contact.is_none();
                if is_nobodys || went {
                    return Some(Resolved { address: address_id, contact: None, apart_from: None });
                }
                let own = address.contact;
                let led = || {
                    let mut leading = claim.keys.iter().filter(|claimed| claimed.leads);
                    leading.find_map(|claimed| self.known.get(&claimed.key)?.contact)
                };
                let is_full = |contact: &Uuid| counts.get(contact).is_some_and(|count| *count >= MOST_ADDRESSES);
                let led = if own.is_none() { led() } else { None };
                let apart_from = led.filter(is_full);
                let contact = own.or(led.filter(|contact| !is_full(contact))).unwrap_or_else(|| minted.next());
                let count = counts.entry(contact).or_default();
                for ClaimedKey { key, .. } in &claim.keys {
                    let state = self.known.get_mut(key).filter(|state| state.contact.is_none());
                    if let Some(state) = state.filter(|_| *count < MOST_ADDRESSES) {
                        state.contact = Some(contact);
                        *count += 1;
                    }
                }
                Some(Resolved { address: address_id, contact: Some(contact), apart_from })
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
            let kind = IdentityKind::ALL
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
            let original: Option<String> = row.try_get("original")?;
            let state = State {
                id: row.try_get("id")?,
                contact,
                original: original.clone(),
                stands: true,
                record_deleted_at: row.try_get("record_deleted_at")?,
                stored: (contact, original),
            };
            self.known.insert(key, state);
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
        let inserted: Vec<Uuid> = match rows::for_few(&FEW, missing.len()) {
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
                    state.stored = (state.contact, state.original.clone());
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
        let differs = |state: &State| (state.contact, &state.original) != (state.stored.0, &state.stored.1);
        let changed: Vec<(&IdentityKey, &State)> = self.known.iter().filter(|(_, state)| differs(state)).collect();
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
            .bind(changed.iter().map(|(_, state)| state.original.clone()).collect::<Vec<_>>())
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
