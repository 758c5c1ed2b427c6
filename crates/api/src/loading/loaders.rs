//! The look-ups of one operation, or of all subscribers to one event: within one workspace, in batches. Use the
//! requester for objects that not every viewer may see.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use inlet_domain::{
    ids::{
        ApiKeyId, CampaignId, ChannelId, ContactId, ConversationId, DeliveryId, EventId, GroupId, InboundEventId,
        LabelId, MemberId, MessageId, ProviderAccountId, SourceId, TeamId,
    },
    model::source::Source,
    scope::Scope,
    secrets::Sealer,
};
use inlet_store::{
    database::Database,
    error::StoreError,
    log::{self, LogEntry},
    records::{
        api_keys::{self, ApiKey},
        campaigns::{self, Campaign},
        channels::{self, Channel, ProviderAccount},
        contacts::{self, Contact, Identity, SuggestedMerge},
        conversations::{self, Conversation},
        delivery_log::{self, Attempt},
        groups::{self, Group},
        inbound_events::{self, InboundEvent},
        labels::{self, Label},
        members::{self, Member},
        messages::{self, Attachment, Message, StatusReport},
        opt_outs::{self, Address, OptOut},
        page::{Page, Slice},
        references,
        report_jobs::{self, ReportJob},
        sources,
        teams::{self, Team},
    },
};

use crate::loading::{batch::Batch, connection_budget::Gate};

type ById<I, T> = Batch<I, Arc<T>>;
type Lists<I, T> = Batch<I, Vec<Arc<T>>>;
/// The same slice of the lists of several objects.
type Pages<I, T> = Batch<(I, Slice), Page<Arc<T>>>;

/// All look-ups of an operation.
pub struct Loaders {
    pub conversations: ById<ConversationId, Conversation>,
    /// Go through [`crate::access::requester::Requester::message`].
    pub messages: ById<MessageId, Message>,
    /// With notes or without. Go through [`crate::access::requester::Requester::messages_of`].
    pub pages: Batch<(ConversationId, Slice, bool), Page<Arc<Message>>>,
    /// By the provider's id. Go through [`crate::access::requester::Requester::message_of_provider`].
    pub by_external: Batch<(ProviderAccountId, String), Arc<Message>>,
    pub campaigns: Batch<(ProviderAccountId, String), Arc<Campaign>>,
    /// Reports of campaigns, oldest first.
    pub campaign_reports: Lists<CampaignId, ReportJob>,
    pub attachments: Pages<MessageId, Attachment>,
    /// Status reports.
    pub reports: Pages<MessageId, StatusReport>,
    pub contacts: ById<ContactId, Contact>,
    pub identities: Pages<ContactId, Identity>,
    /// Opt-outs in force for a contact.
    pub bindings: Pages<ContactId, OptOut>,
    /// Opt-outs in force for an address.
    pub refusals: Pages<Address, OptOut>,
    pub suggested_merges: Lists<ContactId, SuggestedMerge>,
    pub channels: ById<ChannelId, Channel>,
    pub accounts: ById<ProviderAccountId, ProviderAccount>,
    pub members: ById<MemberId, Member>,
    pub keys: ById<ApiKeyId, ApiKey>,
    pub teams: ById<TeamId, Team>,
    pub team_members: Batch<TeamId, Vec<MemberId>>,
    pub labels: ById<LabelId, Label>,
    pub groups: ById<GroupId, Group>,
    /// Number of inbound messages of a conversation that a member has read.
    pub read_marks: Batch<(MemberId, ConversationId), i64>,
    pub attempts: Pages<DeliveryId, Attempt>,
    pub inbound: ById<InboundEventId, InboundEvent>,
    /// Sources that are not deleted, with the tokens of their URLs.
    pub sources: Batch<SourceId, Arc<(Source, String)>>,
    /// Go through [`crate::access::requester::Requester::event`].
    pub events: ById<EventId, LogEntry>,
    /// The present epoch of the log.
    pub epoch: Batch<(), i32>,
}

fn keyed<I: Hash + Eq, T>(items: Vec<T>, id: impl Fn(&T) -> I) -> HashMap<I, Arc<T>> {
    items.into_iter().map(|item| (id(&item), Arc::new(item))).collect()
}

fn grouped<I: Hash + Eq, T>(items: Vec<T>, parent: impl Fn(&T) -> Option<I>) -> HashMap<I, Vec<Arc<T>>> {
    let mut groups: HashMap<I, Vec<Arc<T>>> = HashMap::new();
    for item in items {
        if let Some(parent) = parent(&item) {
            groups.entry(parent).or_default().push(Arc::new(item));
        }
    }
    groups
}

/// A batch that reads with `$read(database, scope, &keys)` and arranges the rows with `$arrange`.
macro_rules! batch {
    ($way:ident, $scope:ident, $read:path, $arrange:expr) => {{
        let way = $way.clone();
        Batch::new(move |keys: Vec<_>| {
            let way = way.clone();
            async move { Ok($arrange($read(&*way.gate.enter(&way.database).await, $scope, &keys).await?)) }
        })
        .remembering($way.remembers)
    }};
}

/// A batch that reads parts of lists with `$read(database, scope, &objects, &slice)`: one statement for each slice.
macro_rules! pages {
    ($way:ident, $scope:ident, $read:path) => {{
        let way = $way.clone();
        Batch::new(move |keys: Vec<(_, Slice)>| {
            let way = way.clone();
            async move {
                let mut found = HashMap::with_capacity(keys.len());
                for (slice, objects) in by_slice(keys) {
                    let pages = $read(&*way.gate.enter(&way.database).await, $scope, &objects, &slice).await?;
                    found.extend(pages.into_iter().map(|(object, page)| ((object, slice), shared(page))));
                }
                Ok(found)
            }
        })
        .remembering($way.remembers)
    }};
}

/// Access of look-ups to the database, and whether they keep values.
#[derive(Clone)]
struct Way {
    database: Database,
    gate: Gate,
    remembers: bool,
}

impl Loaders {
    /// For an operation in `scope` that uses `gate`.
    #[must_use]
    pub fn new(database: &Database, gate: &Gate, sealer: &Sealer, scope: Scope) -> Self {
        Self::by(&Way { database: database.clone(), gate: gate.clone(), remembers: false }, sealer, scope)
    }

    /// For all subscribers to one event of `scope`: each value is read once.
    #[must_use]
    pub fn of_event(database: &Database, gate: &Gate, sealer: &Sealer, scope: Scope) -> Self {
        Self::by(&Way { database: database.clone(), gate: gate.clone(), remembers: true }, sealer, scope)
    }

    fn by(way: &Way, sealer: &Sealer, scope: Scope) -> Self {
        Self {
            sources: sources_by(way, sealer, scope),
            conversations: batch!(way, scope, conversations::by_ids, |rows| keyed(rows, |row: &Conversation| row.id)),
            messages: batch!(way, scope, messages::by_ids, |rows| keyed(rows, |row: &Message| row.id)),
            attachments: pages!(way, scope, messages::attachments_of),
            reports: pages!(way, scope, messages::reports_on),
            contacts: batch!(way, scope, contacts::by_ids, |rows| keyed(rows, |row: &Contact| row.id)),
            identities: pages!(way, scope, contacts::identities_of),
            bindings: pages!(way, scope, opt_outs::binding),
            refusals: pages!(way, scope, opt_outs::of_addresses),
            suggested_merges: batch!(way, scope, contacts::suggested_merges, |rows| grouped(
                rows,
                |row: &SuggestedMerge| Some(row.of)
            )),
            channels: batch!(way, scope, channels::by_ids, |rows| keyed(rows, |row: &Channel| row.id)),
            accounts: batch!(way, scope, channels::accounts_by_ids, |rows| keyed(rows, |row: &ProviderAccount| row.id)),
            members: batch!(way, scope, members::by_ids, |rows| keyed(rows, |row: &Member| row.id)),
            keys: batch!(way, scope, api_keys::by_ids, |rows| keyed(rows, |row: &ApiKey| row.id)),
            teams: batch!(way, scope, teams::by_ids, |rows| keyed(rows, |row: &Team| row.id)),
            team_members: batch!(way, scope, teams::members_of, lists),
            labels: batch!(way, scope, labels::by_ids, |rows| keyed(rows, |row: &Label| row.id)),
            groups: batch!(way, scope, groups::by_ids, |rows| keyed(rows, |row: &Group| row.id)),
            attempts: pages!(way, scope, delivery_log::attempts_of),
            inbound: batch!(way, scope, inbound_events::by_ids, |rows| keyed(rows, |row: &InboundEvent| row.id)),
            events: batch!(way, scope, entries, |rows| keyed(rows, |row: &LogEntry| row.id)),
            epoch: batch!(way, scope, epoch, |epoch| HashMap::from([((), epoch)])),
            by_external: batch!(way, scope, by_external, |found| found),
            campaign_reports: batch!(way, scope, report_jobs::of_campaigns, |rows| grouped(rows, |row: &ReportJob| {
                Some(row.campaign_id)
            })),
            campaigns: batch!(way, scope, campaigns_by_external, |found| found),
            pages: batch!(way, scope, messages_of, |found| found),
            read_marks: batch!(way, scope, read_marks, |found| found),
        }
    }
}

fn sources_by(way: &Way, sealer: &Sealer, scope: Scope) -> Batch<SourceId, Arc<(Source, String)>> {
    let (remembers, way, sealer) = (way.remembers, way.clone(), sealer.clone());
    Batch::new(move |_| {
        let (way, sealer) = (way.clone(), sealer.clone());
        async move {
            // A workspace has few sources.
            let all = sources::list(&*way.gate.enter(&way.database).await, scope, &sealer).await?;
            Ok(all.into_iter().map(|found| (found.0.id, Arc::new(found))).collect())
        }
    })
    .remembering(remembers)
}

async fn entries(database: &Database, scope: Scope, ids: &[EventId]) -> Result<Vec<LogEntry>, StoreError> {
    log::by_ids(&database.pool, scope, ids).await
}

async fn epoch(database: &Database, scope: Scope, _: &[()]) -> Result<i32, StoreError> {
    Ok(log::state(&database.pool, scope).await?.epoch)
}

fn lists(pairs: Vec<(TeamId, MemberId)>) -> HashMap<TeamId, Vec<MemberId>> {
    let mut lists: HashMap<TeamId, Vec<MemberId>> = HashMap::new();
    for (team, member) in pairs {
        lists.entry(team).or_default().push(member);
    }
    lists
}

async fn by_external(
    database: &Database,
    scope: Scope,
    keys: &[(ProviderAccountId, String)],
) -> Result<HashMap<(ProviderAccountId, String), Arc<Message>>, StoreError> {
    let found = references::resolve(database, scope, "message", keys).await?;
    let ids: Vec<MessageId> = found.iter().map(|(_, id)| *id).collect();
    let messages = keyed(messages::by_ids(database, scope, &ids).await?, |message| message.id);
    Ok(found.into_iter().filter_map(|(key, id)| Some((key, Arc::clone(messages.get(&id)?)))).collect())
}

async fn campaigns_by_external(
    database: &Database,
    scope: Scope,
    keys: &[(ProviderAccountId, String)],
) -> Result<HashMap<(ProviderAccountId, String), Arc<Campaign>>, StoreError> {
    let found = references::resolve(database, scope, "campaign", keys).await?;
    let ids: Vec<CampaignId> = found.iter().map(|(_, id)| *id).collect();
    let campaigns = keyed(campaigns::by_ids(database, scope, &ids).await?, |campaign| campaign.id);
    Ok(found.into_iter().filter_map(|(key, id)| Some((key, Arc::clone(campaigns.get(&id)?)))).collect())
}

fn by_slice<K>(keys: Vec<(K, Slice)>) -> HashMap<Slice, Vec<K>> {
    let mut groups: HashMap<Slice, Vec<K>> = HashMap::new();
    for (key, slice) in keys {
        groups.entry(slice).or_default().push(key);
    }
    groups
}

fn shared<T>(page: Page<T>) -> Page<Arc<T>> {
    let items = page.items.into_iter().map(|(position, item)| (position, Arc::new(item))).collect();
    Page { items, has_previous: page.has_previous, has_next: page.has_next }
}

type MessagePages = HashMap<(ConversationId, Slice, bool), Page<Arc<Message>>>;

async fn messages_of(
    database: &Database,
    scope: Scope,
    keys: &[(ConversationId, Slice, bool)],
) -> Result<MessagePages, StoreError> {
    let mut found = HashMap::with_capacity(keys.len());
    for with_notes in [true, false] {
        let wanted = keys.iter().filter(|key| key.2 == with_notes).map(|key| (key.0, key.1)).collect();
        for (slice, conversations) in by_slice(wanted) {
            let pages = messages::of_conversations(database, scope, &conversations, &slice, with_notes).await?;
            found.extend(pages.into_iter().map(|(it, page)| ((it, slice, with_notes), shared(page))));
        }
    }
    Ok(found)
}

async fn read_marks(
    database: &Database,
    scope: Scope,
    keys: &[(MemberId, ConversationId)],
) -> Result<HashMap<(MemberId, ConversationId), i64>, StoreError> {
    let marks = conversations::read_marks(database, scope, keys).await?;
    Ok(marks.into_iter().map(|(member, conversation, count)| ((member, conversation), count)).collect())
}
