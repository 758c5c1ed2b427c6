//! A workspace with something of every kind in it, the credentials of everyone who may come, and its rows as they stand
//! in the database: for tests of who sees what.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{ContactId, WorkspaceId},
    model::right::{KeyScope, Role},
    secrets::{new_token, token_hash},
};
use inlet_server::{
    dev_file::DevSource,
    seed::{self, Seeds},
};
use reqwest::Response;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::{TestServer, database, fixtures, operation::Operation, seeds, server::sealer, sign};

/// A workspace and how to get in.
pub struct SeededWorkspace {
    /// Its id, as it is in the database.
    pub workspace: WorkspaceId,
    /// Its short name.
    pub slug: String,
    /// The owner's login.
    pub email: String,
    /// The owner's password.
    pub password: String,
    /// A key with every scope.
    pub key: String,
    /// The owner's session.
    pub owner: String,
    /// A word that stands in its rows and in no other's.
    pub mark: String,
    /// URL and secret of the source of each provider.
    pub sources: BTreeMap<String, DevSource>,
    seeds: Seeds,
    database: PgPool,
    graphql_url: String,
    client: reqwest::Client,
}

/// When a credential ends and whether it was revoked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Term {
    /// Ended an hour ago.
    pub is_expired: bool,
    /// Revoked an hour ago.
    pub is_revoked: bool,
}

impl Term {
    fn times(self) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
        let now = Ambient::system().now();
        let ends = if self.is_expired { now - TimeDelta::hours(1) } else { now + TimeDelta::days(1) };
        (ends, self.is_revoked.then(|| now - TimeDelta::hours(1)))
    }
}

impl SeededWorkspace {
    /// A new one with an owner, a key and a source of each provider.
    pub async fn of(server: &TestServer) -> Self {
        let ambient = Ambient::system();
        let mark = format!("mark{}", &database::unique()[16..]);
        let slug = format!("party-{mark}");
        let mut transaction = server.database.begin().await.unwrap();
        let seeds = seed::plant(&mut transaction, &ambient, &sealer(&ambient), "SeededWorkspace", &slug).await.unwrap();
        transaction.commit().await.unwrap();
        let mut party = Self::behind(server, seeds, slug, mark);
        party.owner = party.session(party.owner_id().await, Term::default()).await;
        party
    }

    fn behind(server: &TestServer, seeds: Seeds, slug: String, mark: String) -> Self {
        Self {
            workspace: seeds.workspace,
            slug,
            email: seeds.email.clone(),
            password: seeds.password.expose_secret().to_owned(),
            key: seeds.api_key.expose_secret().to_owned(),
            owner: String::new(),
            mark,
            sources: seeds.urls(&server.url),
            seeds,
            database: server.database.clone(),
            graphql_url: server.graphql_url.clone(),
            client: server.client.clone(),
        }
    }

    /// All that [`Self::read`] needs to find it again in a clone of its database.
    pub(crate) fn to_json(&self) -> Value {
        json!({"seeds": seeds::to_json(&self.seeds), "slug": self.slug, "mark": self.mark, "owner": self.owner})
    }

    /// The one that [`Self::to_json`] told of, behind a server over a clone of its database.
    pub(crate) fn read(server: &TestServer, told: &Value) -> Self {
        let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
        let party = Self::behind(server, seeds::from_json(&told["seeds"]), text("slug"), text("mark"));
        Self { owner: text("owner"), ..party }
    }

    /// The owner.
    pub async fn owner_id(&self) -> Uuid {
        let sql = "SELECT id FROM member WHERE workspace_id = $1 ORDER BY id LIMIT 1";
        sqlx::query_scalar(sql).bind(self.workspace).fetch_one(&self.database).await.unwrap()
    }

    /// Sends an operation with this bearer token; none where it is empty.
    pub async fn send(&self, token: &str, operation: &Operation) -> Value {
        let mut request = self.client.post(&self.graphql_url).json(&operation.body());
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("the server answers");
        let status = answer.status();
        assert!(!status.is_server_error(), "{status}: {}", operation.query);
        answer.json().await.expect("the answer is JSON")
    }

    /// Sends one with the key of every scope.
    pub async fn ask(&self, operation: &Operation) -> Value {
        self.send(&self.key, operation).await
    }

    /// Posts a body as the provider would, signed.
    pub async fn post(&self, provider: &str, event: Option<&str>, body: &str) -> Response {
        let source = &self.sources[provider];
        let (header, signature) = sign::header(provider, &source.secret, body.as_bytes());
        let url = event.map_or_else(|| source.url.clone(), |event| format!("{}/{event}", source.url));
        let request = self.client.post(url).header("content-type", "application/json").header(header, signature);
        request.body(body.to_owned()).send().await.expect("the server answers")
    }

    /// Hears every documented event but those that delete.
    pub async fn hear(&self) {
        for fixture in fixtures::all().iter().filter(|fixture| !fixture.file.contains("deleted")) {
            let answer = self.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
            assert_eq!(answer.status(), 200, "{}", fixture.file);
        }
    }

    /// Hears a message of a new contact, with the party's mark in it.
    pub async fn hear_marked(&self) {
        self.hear_messages(1).await;
    }

    /// Hears so many messages of one new contact.
    async fn hear_messages(&self, count: usize) {
        let name = database::unique();
        let phone = (919_000_000_000 + u64::from_str_radix(&name[24..], 16).unwrap() % 1_000_000_000).to_string();
        for number in 0..count {
            let body = json!({"event": "whatsapp:message:in", "payload": {
                "id": format!("{}-{name}-{number}", self.mark),
                "channels": [{"name": "whatsapp", "to": "919019120000"}],
                "recipient": {"from": phone, "user": {"id": name, "first_name": self.mark, "phone": phone}},
                "message": {"type": "text", "payload": {"text": self.mark}},
            }});
            let answer = self.post("mobtexting", None, &body.to_string()).await;
            assert_eq!(answer.json::<Value>().await.unwrap()["outcome"], "accepted");
        }
    }

    /// Every documented event, and at least three of every kind that a list shows.
    pub async fn fill(&self) {
        self.hear().await;
        for _ in 0..3 {
            self.hear_marked().await;
            for (table, over) in self.kinds() {
                if self.count(table).await > 0 {
                    self.copy(table, over).await;
                }
            }
        }
        self.settings().await;
        // The latest conversation has some.
        self.hear_messages(4).await;
        // What fetches reports would look like someone's doing.
        let sql = "UPDATE report_job SET due_at = NULL, lease_owner = NULL, status = 'failed' WHERE workspace_id = $1";
        sqlx::query(sql).bind(self.workspace).execute(&self.database).await.unwrap();
        // Someone beside the party's own key has done something.
        let admin = self.member(Role::Admin, false).await;
        let query = "mutation Q($k: String!) { createApiKey(input: {name: \"theirs\", scopes: [READ], idempotencyKey: $k}) \
                     { apiKey { id } } }";
        self.send(&admin, &Operation { query: query.into(), variables: json!({"k": database::unique()}) }).await;
    }

    /// Tables whose rows the providers' documents show once or not at all, with what must differ in a copy.
    fn kinds(&self) -> Vec<(&'static str, Value)> {
        let unique = format!("{} {}", self.mark, database::unique());
        vec![
            ("campaign", json!({"external_id": unique})),
            ("verification", json!({"external_id": unique})),
            ("balance_alert", json!({"firm": unique})),
            ("opt_out", json!({"value": unique, "scope": "tag"})),
            ("contact_group", json!({"external_id": unique, "name": unique})),
        ]
    }

    /// What people make: members, teams, labels, keys, webhooks, and deliveries to them.
    async fn settings(&self) {
        for role in [Role::Admin, Role::Agent, Role::Viewer] {
            self.member(role, false).await;
        }
        for number in 0..3 {
            let name = format!("{} {number}", self.mark);
            for table in ["team", "label"] {
                let sql =
                    format!("INSERT INTO {table} (workspace_id, id, name, created_at) VALUES ($1, $2, $3, now())");
                self.run(&sql, Ambient::system().uuid(), &name).await;
            }
            self.key_of(&[KeyScope::Read], Term::default()).await;
            self.webhook().await;
            self.invitation().await;
        }
        for sql in [
            "INSERT INTO team_member (workspace_id, team_id, member_id) SELECT t.workspace_id, t.id, m.id \
             FROM team t JOIN member m USING (workspace_id) WHERE t.workspace_id = $1",
            "UPDATE conversation SET assignee_id = (SELECT id FROM member m WHERE m.workspace_id = $1 ORDER BY id LIMIT 1), \
             team_id = (SELECT id FROM team t WHERE t.workspace_id = $1 ORDER BY id LIMIT 1), \
             label_ids = ARRAY(SELECT id FROM label l WHERE l.workspace_id = $1) WHERE workspace_id = $1",
            "INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, created_at) \
             SELECT workspace_id, (substr(e.id::text, 1, 18) || substr(gen_random_uuid()::text, 19))::uuid, w.id, e.id, \
                    e.seq, e.type, 'exhausted', now() \
             FROM event e JOIN webhook w USING (workspace_id) WHERE workspace_id = $1 AND (e.seq < 4 \
               OR w.id = (SELECT f.id FROM webhook f WHERE f.workspace_id = $1 ORDER BY f.id LIMIT 1))",
            "INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms) \
             SELECT workspace_id, gen_random_uuid(), id, 1, now(), 1 FROM delivery WHERE workspace_id = $1",
        ] {
            sqlx::query(sql).bind(self.workspace).execute(&self.database).await.unwrap();
        }
    }

    /// Registers a webhook; its id.
    pub async fn webhook(&self) -> String {
        let query = "mutation Q($n: String!, $k: String!) { registerWebhook(input: {name: $n, url: \"http://127.0.0.1:9/\", \
                     idempotencyKey: $k}) { webhook { id } } }";
        let variables = json!({"n": self.mark, "k": database::unique()});
        let answer = self.ask(&Operation { query: query.to_owned(), variables }).await;
        answer["data"]["registerWebhook"]["webhook"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Makes a source without a secret; its id.
    pub async fn source(&self) -> String {
        let query = "mutation Q($n: String!, $k: String!) { createSource(input: {name: $n, provider: CUSTOM, \
                     verification: NONE, idempotencyKey: $k}) { source { id } } }";
        let variables = json!({"n": self.mark, "k": database::unique()});
        let answer = self.ask(&Operation { query: query.to_owned(), variables }).await;
        answer["data"]["createSource"]["source"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The session of a new member.
    pub async fn member(&self, role: Role, is_disabled: bool) -> String {
        let (person, member) = (Ambient::system().uuid(), Ambient::system().uuid());
        let sql = "INSERT INTO person (id, email, name, password_hash, created_at, workspace_id) \
                   SELECT $1, $2, $3, p.password_hash, now(), p.workspace_id FROM person p WHERE p.email = $4";
        let email = format!("{}@{}.test", database::unique(), self.mark);
        let insert = sqlx::query(sql).bind(person).bind(email).bind(&self.mark).bind(&self.email);
        insert.execute(&self.database).await.unwrap();
        let sql = "INSERT INTO member (workspace_id, id, person_id, role, created_at, disabled_at) \
                   VALUES ($1, $2, $3, $4, now(), CASE WHEN $5 THEN now() END)";
        let insert = sqlx::query(sql).bind(self.workspace).bind(member).bind(person).bind(role.as_str());
        insert.bind(is_disabled).execute(&self.database).await.unwrap();
        self.session(member, Term::default()).await
    }

    /// Invites someone; the invitation's id, and the token of its link.
    pub async fn invitation(&self) -> (String, String) {
        let query = "mutation Q($e: String!, $n: String!) { inviteMember(input: {email: $e, name: $n, role: VIEWER, \
                     idempotencyKey: $e}) { invitation { id } link } }";
        let variables = json!({"e": format!("{}@{}.test", database::unique(), self.mark), "n": self.mark});
        let answer = self.ask(&Operation { query: query.to_owned(), variables }).await;
        let made = &answer["data"]["inviteMember"];
        let id = made["invitation"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (id, made["link"].as_str().unwrap().rsplit('#').next().unwrap().to_owned())
    }

    /// The token for a new password of someone who is a member nowhere.
    pub async fn reset(&self) -> String {
        let (person, token) = (Ambient::system().uuid(), new_token("reset_", &Ambient::system()));
        let sql = "INSERT INTO person (id, email, name, password_hash, created_at, proven_at) \
                   SELECT $1, $2, $3, p.password_hash, now(), now() FROM person p WHERE p.email = $4";
        let insert = sqlx::query(sql).bind(person).bind(format!("{}@reset.test", database::unique()));
        insert.bind(&self.mark).bind(&self.email).execute(&self.database).await.unwrap();
        let sql = "INSERT INTO password_reset (id, person_id, token_hash, created_at, expires_at) \
                   VALUES ($1, $2, $3, now(), now() + interval '1 hour')";
        let insert = sqlx::query(sql).bind(Ambient::system().uuid()).bind(person).bind(&token_hash(&token)[..]);
        insert.execute(&self.database).await.unwrap();
        token
    }

    /// The id of the newest row of a table of the workspace's.
    pub async fn newest(&self, table: &str) -> Uuid {
        let sql = format!("SELECT id FROM {table} WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1");
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(self.workspace).fetch_one(&self.database).await.unwrap()
    }

    /// A session of a member; its token.
    pub async fn session(&self, member: Uuid, term: Term) -> String {
        let token = new_token("is_", &Ambient::system());
        let (ends, revoked) = term.times();
        let sql = "INSERT INTO session (workspace_id, id, member_id, token_hash, created_at, expires_at, revoked_at) \
                   VALUES ($1, $2, $3, $4, now(), $5, $6)";
        let insert = sqlx::query(sql).bind(self.workspace).bind(Ambient::system().uuid()).bind(member);
        let insert = insert.bind(&token_hash(&token)[..]).bind(ends).bind(revoked);
        insert.execute(&self.database).await.unwrap();
        token
    }

    /// A key with these scopes; its token.
    pub async fn key_of(&self, scopes: &[KeyScope], term: Term) -> String {
        let token = new_token("ik_", &Ambient::system());
        let (ends, revoked) = term.times();
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let sql = "INSERT INTO api_key (workspace_id, id, name, token_hash, scopes, created_at, expires_at, revoked_at) \
                   VALUES ($1, $2, $3, $4, $5, now(), $6, $7)";
        let insert = sqlx::query(sql).bind(self.workspace).bind(Ambient::system().uuid()).bind(&self.mark);
        let insert = insert.bind(&token_hash(&token)[..]).bind(words).bind(ends).bind(revoked);
        insert.execute(&self.database).await.unwrap();
        token
    }

    /// A copy of one of the workspace's rows under a new id, with other values in these columns.
    async fn copy(&self, table: &str, mut over: Value) {
        over["id"] = json!(Ambient::system().uuid());
        let sql = format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, $2)).* FROM {table} t WHERE workspace_id = $1 LIMIT 1"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(self.workspace).bind(over).execute(&self.database).await.unwrap();
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE workspace_id = $1");
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(self.workspace).fetch_one(&self.database).await.unwrap()
    }

    async fn run(&self, sql: &str, id: Uuid, name: &str) {
        let insert = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(self.workspace).bind(id).bind(name);
        insert.execute(&self.database).await.unwrap();
    }

    /// Every table that has rows of workspaces.
    async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT t.relname::text FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid \
             WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition AND t.relkind IN ('r', 'p') \
               AND a.attname = 'workspace_id' ORDER BY 1",
        )
        .fetch_all(&self.database)
        .await
        .unwrap()
    }

    /// Each table's rows of this workspace: how many, and a hash of all that they hold, but for when a key was last used.
    pub async fn rows(&self) -> BTreeMap<String, (i64, Option<String>)> {
        let hash = |table: &String| {
            format!(
                "SELECT '{table}', count(*), md5(string_agg(h, '' ORDER BY h)) \
                 FROM (SELECT md5((to_jsonb(t) - 'last_used_at')::text) AS h FROM {table} t WHERE workspace_id = $1) r"
            )
        };
        let sql = self.tables().await.iter().map(hash).collect::<Vec<_>>().join(" UNION ALL ");
        let rows: Vec<(String, i64, Option<String>)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(self.workspace).fetch_all(&self.database).await.unwrap();
        assert!(rows.len() > 25, "{rows:?}");
        rows.into_iter().map(|(table, count, hash)| (table, (count, hash))).collect()
    }

    /// Which tables hold other rows of this workspace than they did.
    pub async fn changed(&self, before: &BTreeMap<String, (i64, Option<String>)>) -> Vec<String> {
        let now = self.rows().await;
        now.into_iter().filter(|(table, rows)| before.get(table) != Some(rows)).map(|(table, _)| table).collect()
    }

    /// The ids of all its rows, and its own: as global ids without their prefixes, and as UUIDs.
    pub async fn ids(&self) -> BTreeSet<String> {
        let sql = "SELECT table_name::text FROM information_schema.columns \
                   WHERE table_schema = 'public' AND column_name = 'id'";
        let with_id: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.database).await.unwrap();
        let tables = self.tables().await;
        let ids = tables.iter().filter(|table| with_id.contains(table));
        let ids = ids.map(|table| format!("SELECT id FROM {table} WHERE workspace_id = $1")).collect::<Vec<_>>();
        let sql = ids.join(" UNION ");
        let mut ids: Vec<Uuid> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(self.workspace).fetch_all(&self.database).await.unwrap();
        ids.push(self.workspace.0);
        let texts = |id: Uuid| [id.to_string(), ContactId(id).to_string().trim_start_matches("ctc_").to_owned()];
        ids.into_iter().flat_map(texts).collect()
    }
}
