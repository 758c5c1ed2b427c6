//! Addresses, and the contacts that they claim. Apply locks the row of an address before it does anything in its name
//! (P5). The transaction that loses the race for a new address takes the winner's contact.

mod statements;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    command::{IdentityKind, IdentityRef, IdentityScope},
    model::contact::MOST_ADDRESSES,
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use self::statements::{COUNT, Creation, INSERT, LOCK, UPDATE};
use crate::rows::{Key, columns::arrays};

/// An address: (workspace, scope, kind, value), in lock order. The scope is the account, or nil for an address of the
/// whole workspace.
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

/// The addresses of a person that a command names. The first is the address that the command is about.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub keys: Vec<ClaimedKey>,
    pub wants: Wants,
    /// Whether the command had its effect before and is replayed. An address whose contact was deleted meanwhile stays
    /// without one then.
    pub again: bool,
}

/// Which contact a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The contact that the address has, if any: for a group, a bare conversation, or the receiver of a report.
    Standing,
    /// The contact that wrote from the address, or was written to, at this time. Apply creates a missing contact. No
    /// contact owns what occurred before the provider deleted its record of the person.
    Writer(DateTime<Utc>),
    /// The contact of the provider's record of the person. Apply creates a missing contact, unless the record was
    /// deleted.
    Record,
}

/// An address that a claim names.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedKey {
    pub key: IdentityKey,
    /// The address as it was written, if that differs from the value.
    pub original: Option<String>,
    /// See [`IdentityRef::leads`].
    pub leads: bool,
}

/// The result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The id of the address in `identity`.
    pub address: Uuid,
    /// The contact that the claim wants.
    pub contact: Option<Uuid>,
    /// The contact that the address would have joined, if that contact did not have [`MOST_ADDRESSES`] already.
    pub apart_from: Option<Uuid>,
}

#[derive(Debug, Clone, Default)]
struct State {
    id: Uuid,
    contact: Option<Uuid>,
    /// The address as it was last written, if that differs from the value.
    original: Option<String>,
    /// Whether the row existed before the batch.
    stands: bool,
    /// No contact owns what came from the address until this time.
    record_deleted_at: Option<DateTime<Utc>>,
    /// The contact and the original form that the database holds.
    stored: (Option<Uuid>, Option<String>),
}

impl State {
    /// Takes over the form that was last written, if its digits differ. Some countries write a number in two ways, and
    /// replies use the form in which the number came.
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
    /// The contacts that existed before the batch.
    old_contacts: HashSet<Uuid>,
    /// The addresses that the batch inserted.
    new_addresses: HashSet<Uuid>,
}

impl Identities {
    /// Locks every address of the claims, inserts the new ones, and gives each claim its address and contact. The
    /// contact is the contact of the address; else the contact of another identity that leads to it and has fewer than
    /// [`MOST_ADDRESSES`]; else a new one. The identities of the claim that have no contact join this contact, and the
    /// others keep theirs. An id that only one provider knows leads no new address to a contact unless the adapter says
    /// so: two channels of a provider may give one number to different people.
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

    /// The number of addresses of each contact that a claim may give another one.
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
        let contacts: Vec<Key> = leading.into_iter().map(|(contact, workspace)| (workspace, contact)).collect();
        let most = i64::try_from(MOST_ADDRESSES).unwrap_or(i64::MAX);
        let counting = sqlx::query_as_with(AssertSqlSafe(COUNT.as_str()), arrays(&contacts)?).bind(most);
        let rows: Vec<(Uuid, i64)> = counting.fetch_all(connection).await?;
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
        let keys: Vec<&IdentityKey> = keys.collect();
        let rows = sqlx::query_with(AssertSqlSafe(LOCK.as_str()), arrays(&keys)?).fetch_all(connection).await?;
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

    /// Inserts the missing identities as they are assigned. Returns the keys that another transaction inserted first.
    async fn insert(
        &mut self,
        connection: &mut PgConnection,
        missing: &[IdentityKey],
        now: DateTime<Utc>,
    ) -> Result<Vec<IdentityKey>, sqlx::Error> {
        let rows: Vec<(&IdentityKey, (&State, Creation))> = missing
            .iter()
            .filter_map(|key| {
                let state = self.known.get(key)?;
                Some((key, (state, Creation { id: state.id, created_at: now })))
            })
            .collect();
        let inserted = INSERT.bind(&rows)?.fetch_all(connection).await?;
        let inserted: HashSet<Uuid> = inserted.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
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

    /// Whether the contact existed before the batch.
    pub(crate) fn is_old_contact(&self, id: Uuid) -> bool {
        self.old_contacts.contains(&id)
    }

    /// Whether the batch inserted the address. Nothing refers to a new address yet.
    pub(crate) fn is_new(&self, address: Uuid) -> bool {
        self.new_addresses.contains(&address)
    }

    /// Writes the identities that differ from their rows.
    pub(crate) async fn save(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let differs = |state: &State| (state.contact, &state.original) != (state.stored.0, &state.stored.1);
        let changed: Vec<(&IdentityKey, &State)> = self.known.iter().filter(|(_, state)| differs(state)).collect();
        if !changed.is_empty() {
            UPDATE.bind(&changed)?.execute(connection).await?;
        }
        Ok(())
    }
}

/// The ids minted for new contacts. A second assignment uses them again.
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
