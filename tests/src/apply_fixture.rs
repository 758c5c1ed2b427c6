//! A workspace with a provider account and a stepped clock, for tests that hand commands to apply.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use inlet_domain::{
    ambient::{Ambient, SteppedClock, SystemEntropy},
    command::{
        ChannelRef, ChannelReport, Command, Effect, IdempotencyKey, IdentityKind, IdentityRef, Inbound, MessageReport,
        Patch, PersonReport, Purpose, RawRequest, Reading, StatusReport, StatusTimes, ThreadReport,
    },
    ids::{MemberId, ProviderAccountId, SourceId, WorkspaceId},
    model::{
        channel::Medium,
        message::{Direction, MessageKind},
        right::Role,
        status::DeliveryStatus,
    },
    secrets::Sealer,
};
use inlet_store::{
    apply::{Apply, ApplyConfig},
    database::Database,
    log::Heads,
};
use serde_json::Map;
use sqlx::Row;

use crate::database;

/// A workspace in a database of its own.
pub struct ApplyFixture {
    /// The database.
    pub database: Database,
    /// The stepped clock and the machine's randomness.
    pub ambient: Ambient,
    /// The clock, to step it.
    pub clock: Arc<SteppedClock>,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its one provider account.
    pub account: ProviderAccountId,
    source: SourceId,
    url: String,
}

/// When the first message is written. The clock starts a week later: all that was written has come.
#[must_use]
pub fn start() -> DateTime<Utc> {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

impl ApplyFixture {
    /// An empty one.
    pub async fn build() -> Self {
        let url = database::create().await;
        let database = Database::connect(&url, 16, 4).await.unwrap();
        let clock = SteppedClock::at(start() + Duration::days(7));
        let ambient = Ambient::new(Arc::clone(&clock), SystemEntropy);
        let source = SourceId(ambient.uuid());
        let (workspace, account) = plant(&database, &ambient).await;
        Self { database, ambient, clock, workspace, account, source, url }
    }

    /// A second workspace in the same database, with an account of its own.
    pub async fn neighbour(&self) -> Self {
        let (workspace, account) = plant(&self.database, &self.ambient).await;
        let (database, ambient, clock) = (self.database.clone(), self.ambient.clone(), Arc::clone(&self.clock));
        Self {
            database,
            ambient,
            clock,
            workspace,
            account,
            source: SourceId(self.ambient.uuid()),
            url: self.url.clone(),
        }
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives the database back.
    pub async fn leave(self) {
        self.database.close().await;
        database::drop(&self.url).await;
    }

    /// Lanes over the workspace's database.
    #[must_use]
    pub fn apply(&self, lanes: usize, batch: usize) -> Apply {
        self.apply_on(self.database.clone(), lanes, batch)
    }

    /// Lanes over the same database through other connections.
    #[must_use]
    pub fn apply_on(&self, database: Database, lanes: usize, batch: usize) -> Apply {
        let sealer = Sealer::new([(1, [7; 32])], self.ambient.clone()).unwrap();
        let config = ApplyConfig { lanes, queue: 4096, batch, patience: std::time::Duration::from_secs(30) };
        Apply::start(database, Heads::default(), sealer, self.ambient.clone(), config)
    }

    /// A request of the account's provider that says these things.
    #[must_use]
    pub fn inbound(&self, commands: Vec<Command>) -> Inbound {
        Inbound {
            id: self.ambient.uuid().into(),
            workspace: self.workspace,
            source: self.source,
            account: self.account,
            received_at: self.ambient.now(),
            event: None,
            raw: RawRequest { method: "POST".into(), query: None, headers: Vec::new(), body: b"{}".to_vec() },
            reading: Reading::of(commands, false),
            purpose: Purpose::Receipt,
        }
    }

    /// A member of this role, disabled or not.
    pub async fn member(&self, role: Role, disabled: bool) -> MemberId {
        let (person, member) = (self.ambient.uuid(), MemberId(self.ambient.uuid()));
        let sql = "INSERT INTO person (id, email, name, created_at, workspace_id) VALUES ($1, $2, 'm', now(), $3)";
        sqlx::query(sql)
            .bind(person)
            .bind(format!("{person}@example.com"))
            .bind(self.workspace)
            .execute(&self.database.pool)
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO member (workspace_id, id, person_id, role, created_at, disabled_at) \
             VALUES ($1, $2, $3, $4, now(), CASE WHEN $5 THEN now() END)",
        )
        .bind(self.workspace)
        .bind(member)
        .bind(person)
        .bind(role.as_str())
        .bind(disabled)
        .execute(&self.database.pool)
        .await
        .unwrap();
        member
    }

    /// The number that a statement about this workspace (`$1`) gives.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).bind(self.workspace).fetch_one(&self.database.pool).await.unwrap()
    }

    /// All that a user would see, without the ids that are minted here.
    pub async fn state(&self) -> Vec<String> {
        let rows = sqlx::query(
            "SELECT concat_ws('|', ch.medium, ch.identifier, i.value, coalesce(ct.phone, '-'), coalesce(ct.name, '-'), \
                c.status, c.inbound_count, c.last_message_at, m.external_id, m.direction, m.content, m.placeholder, \
                coalesce(m.status, '-'), m.delivered_at, m.read_at, \
                (SELECT count(*) FROM status_report r WHERE r.workspace_id = m.workspace_id AND r.message_id = m.id)) AS line \
             FROM message m JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id \
             JOIN channel ch ON ch.workspace_id = c.workspace_id AND ch.id = c.channel_id \
             JOIN identity i ON i.workspace_id = c.workspace_id AND i.id = c.address_id \
             LEFT JOIN contact ct ON ct.workspace_id = c.workspace_id AND ct.id = c.contact_id \
             WHERE m.workspace_id = $1 ORDER BY 1",
        )
        .bind(self.workspace)
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        rows.iter().map(|row| row.get("line")).collect()
    }

    /// Fails unless the log's numbers are 1, 2, 3 ... without a gap.
    pub async fn assert_gapless_log(&self) {
        let (count, most, distinct): (i64, i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(max(seq), 0), count(DISTINCT seq) FROM event WHERE workspace_id = $1",
        )
        .bind(self.workspace)
        .fetch_one(&self.database.pool)
        .await
        .unwrap();
        assert_eq!((count, count), (most, distinct), "the log has a gap or a repeat");
    }
}

async fn plant(database: &Database, ambient: &Ambient) -> (WorkspaceId, ProviderAccountId) {
    let (workspace, account) = (WorkspaceId(ambient.uuid()), ProviderAccountId(ambient.uuid()));
    sqlx::query("INSERT INTO workspace (id, name, slug, created_at) VALUES ($1, 'w', $2, now())")
        .bind(workspace)
        .bind(workspace.to_string())
        .execute(&database.pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO provider_account (workspace_id, id, provider, name, created_at) \
         VALUES ($1, $2, 'mobtexting', 'a', now())",
    )
    .bind(workspace)
    .bind(account)
    .execute(&database.pool)
    .await
    .unwrap();
    (workspace, account)
}

fn person(phone: &str) -> PersonReport {
    let identity = IdentityRef::new(IdentityKind::Phone, phone);
    PersonReport { identities: vec![identity], phone: Some(phone.into()), ..PersonReport::default() }
}

fn channel() -> ChannelRef {
    ChannelRef::Reported(Box::new(ChannelReport::at_address(Medium::Whatsapp, "919019120000")))
}

/// A WhatsApp message with the given id, from or to `phone`, written `minute` minutes after the start.
#[must_use]
pub fn message(id: &str, phone: &str, direction: Direction, content: &str, minute: i64) -> Command {
    let report = MessageReport {
        ids: vec![id.into()],
        external_id: Some(id.into()),
        version: None,
        channel: channel(),
        person: Some(person(phone)),
        thread: ThreadReport::default(),
        direction,
        kind: MessageKind::Message,
        author_name: None,
        content_type: Patch::Value("text".into()),
        content: Patch::Value(content.into()),
        details: Map::new(),
        attachments: None,
        reactions: Patch::Absent,
        quoted_id: None,
        occurred_at: Some(start() + Duration::minutes(minute)),
        read_at: Patch::Absent,
    };
    Command { key: IdempotencyKey::new("message", id), effect: Effect::Message(Box::new(report)) }
}

/// A report that the message with the given id took a step, `minute` minutes after the start.
#[must_use]
pub fn status(id: &str, phone: &str, status: DeliveryStatus, minute: i64) -> Command {
    let report = StatusReport {
        ids: vec![id.into()],
        external_id: Some(id.into()),
        part: String::new(),
        status: Some(status),
        raw_status: status.to_string(),
        code: None,
        reason: None,
        reported_at: Some(start() + Duration::minutes(minute)),
        times: StatusTimes::default(),
        channel: channel(),
        person: Some(person(phone)),
        campaign_id: None,
        details: Map::new(),
    };
    let key = IdempotencyKey::new("status", format!("{id}/{status}/{minute}"));
    Command { key, effect: Effect::Status(Box::new(report)) }
}
