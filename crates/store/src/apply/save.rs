//! Writing what a batch changed: whole rows, one statement for each table.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{report_jobs, rules::WorkingSet};
use crate::rows::{
    AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, MessageRow, OptOutRow,
    StatusReportRow, VerificationRow,
};

/// Writes all that the fold changed, but for the identities, which were written when they were resolved.
pub(crate) async fn save(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    ChannelRow::save(connection, &working.channels).await?;
    ContactRow::save(connection, &working.contacts).await?;
    GroupRow::save(connection, &working.groups).await?;
    ConversationRow::save(connection, &working.conversations).await?;
    MessageRow::save(connection, &working.messages).await?;
    AttachmentRow::save(connection, &working.attachments).await?;
    withdraw(connection, working).await?;
    StatusReportRow::insert(connection, &working.reports.iter().collect::<Vec<_>>()).await?;
    CampaignRow::save(connection, &working.campaigns).await?;
    report_jobs::save(connection, &working.report_jobs).await?;
    OptOutRow::save(connection, &working.opt_outs).await?;
    VerificationRow::save(connection, &working.verifications).await?;
    save_balances(connection, working).await?;
    adopt(connection, working).await?;
    unite(connection, working).await?;
    recount(connection, working).await?;
    working.references.save(connection).await
}

async fn save_balances(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.balances.is_empty() {
        return Ok(());
    }
    let alerts = &working.balances;
    sqlx::query(
        "INSERT INTO balance_alert (workspace_id, id, provider_account_id, firm, units, created_at) \
         SELECT w, i, a, f, u::numeric, c \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) k(w, i, a, f, u, c)",
    )
    .bind(alerts.iter().map(|alert| alert.workspace).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.id).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.account).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.firm.clone()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.units.clone()).collect::<Vec<_>>())
    .bind(alerts.iter().map(|alert| alert.created_at).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Reports that are read anew leave the history; what is read now follows.
async fn withdraw(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.withdrawn.is_empty() {
        return Ok(());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = working.withdrawn.iter().copied().unzip();
    sqlx::query(
        "DELETE FROM status_report r USING unnest($1::uuid[], $2::uuid[]) k(w, i) \
         WHERE r.workspace_id = k.w AND r.id = k.i",
    )
    .bind(workspaces)
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// What hung on a message that turned out to be another hangs on that one.
async fn unite(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.moves.is_empty() {
        return Ok(());
    }
    for table in ["status_report", "attachment"] {
        let sql = format!(
            "UPDATE {table} t SET message_id = k.t FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) k(w, f, t) \
             WHERE t.workspace_id = k.w AND t.message_id = k.f"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(working.moves.iter().map(|it| it.0).collect::<Vec<_>>())
            .bind(working.moves.iter().map(|it| it.1).collect::<Vec<_>>())
            .bind(working.moves.iter().map(|it| it.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

// `last` is the newest message; `answer` the last one of ours, `waiting` the first of theirs after it; `question` their
// first, `response` our first after that. Calls and notes ask and answer nothing.
const LAST: &str = "UPDATE conversation c SET last_message_id = last.id, last_message_at = last.occurred_at, \
      last_activity_at = CASE WHEN c.last_activity_at = c.last_message_at \
        THEN coalesce(last.occurred_at, least(c.created_at, c.last_activity_at)) ELSE c.last_activity_at END, \
      waiting_since = waiting.occurred_at, first_response_at = response.occurred_at \
    FROM unnest($1::uuid[], $2::uuid[]) k(w, c) LEFT JOIN LATERAL ( \
      SELECT m.id, m.occurred_at FROM message m \
      WHERE m.workspace_id = k.w AND m.conversation_id = k.c AND m.deleted_at IS NULL AND NOT m.placeholder \
      ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) last ON true \
    LEFT JOIN LATERAL ( \
      SELECT m.id, m.occurred_at FROM message m \
      WHERE m.workspace_id = k.w AND m.conversation_id = k.c AND m.direction = 'outbound' AND m.kind = 'message' \
        AND NOT m.placeholder AND m.deleted_at IS NULL \
      ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) answer ON true \
    LEFT JOIN LATERAL ( \
      SELECT m.occurred_at FROM message m \
      WHERE m.workspace_id = k.w AND m.conversation_id = k.c AND m.direction = 'inbound' AND m.kind = 'message' \
        AND NOT m.placeholder AND m.deleted_at IS NULL \
        AND (m.occurred_at, m.id) > (coalesce(answer.occurred_at, '-infinity'), \
          coalesce(answer.id, '00000000-0000-0000-0000-000000000000')) \
      ORDER BY m.occurred_at, m.id LIMIT 1) waiting ON true \
    LEFT JOIN LATERAL ( \
      SELECT m.id, m.occurred_at FROM message m \
      WHERE m.workspace_id = k.w AND m.conversation_id = k.c AND m.direction = 'inbound' AND m.kind = 'message' \
        AND NOT m.placeholder AND m.deleted_at IS NULL \
      ORDER BY m.occurred_at, m.id LIMIT 1) question ON true \
    LEFT JOIN LATERAL ( \
      SELECT m.occurred_at FROM message m \
      WHERE m.workspace_id = k.w AND m.conversation_id = k.c AND m.direction = 'outbound' AND m.kind = 'message' \
        AND NOT m.placeholder AND m.deleted_at IS NULL AND (m.occurred_at, m.id) > (question.occurred_at, question.id) \
      ORDER BY m.occurred_at, m.id LIMIT 1) response ON true \
    WHERE c.workspace_id = k.w AND c.id = k.c";

// What goes is no longer counted; as read by those alone whose marks it stands before.
const GONE: &str = "WITH gone AS ( \
      SELECT k.w, k.c, k.o FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) k(w, c, o)), \
    own AS ( \
      UPDATE conversation_read r SET read_count = r.read_count - g.n FROM ( \
        SELECT mark.workspace_id, mark.conversation_id, mark.member_id, count(*) AS n \
        FROM gone JOIN conversation_read mark ON mark.workspace_id = gone.w AND mark.conversation_id = gone.c \
        WHERE gone.o <= mark.read_ordinal GROUP BY 1, 2, 3) g \
      WHERE r.workspace_id = g.workspace_id AND r.conversation_id = g.conversation_id AND r.member_id = g.member_id) \
    UPDATE conversation c SET inbound_count = c.inbound_count - g.n, \
      read_count = c.read_count \
        - (SELECT count(*) FROM gone WHERE gone.w = g.w AND gone.c = g.c AND gone.o <= c.read_ordinal) \
    FROM (SELECT w, c, count(*) AS n FROM gone GROUP BY w, c) g WHERE c.workspace_id = g.w AND c.id = g.c";

/// What conversations derive from messages that went, moved in time, or came late.
async fn recount(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if !working.recounts.is_empty() {
        let (workspaces, conversations): (Vec<Uuid>, Vec<Uuid>) = working.recounts.iter().copied().unzip();
        sqlx::query(LAST).bind(workspaces).bind(conversations).execute(&mut *connection).await?;
    }
    if !working.uncounted.is_empty() {
        sqlx::query(GONE)
            .bind(working.uncounted.iter().map(|it| it.0).collect::<Vec<_>>())
            .bind(working.uncounted.iter().map(|it| it.1).collect::<Vec<_>>())
            .bind(working.uncounted.iter().map(|it| it.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Files that came before their message in another batch join it.
async fn adopt(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.adoptions.is_empty() {
        return Ok(());
    }
    let adoptions = &working.adoptions;
    sqlx::query(
        "UPDATE attachment t SET message_id = k.m \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) k(w, a, e, m) \
         WHERE t.workspace_id = k.w AND t.provider_account_id = k.a AND t.message_external_id = k.e \
           AND t.message_id IS NULL",
    )
    .bind(adoptions.iter().map(|adoption| adoption.0).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.1).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.2.clone()).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.3).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
