//! Writing what a batch changed: whole rows, one statement for each table.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    fold::Fold,
    rows::{
        AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, MessageRow, OptOutRow,
        StatusReportRow, VerificationRow,
    },
};

/// Writes all that the fold changed, but for the identities, which were written when they were resolved.
pub(crate) async fn save(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    ChannelRow::save(connection, &fold.channels.changed()).await?;
    ContactRow::save(connection, &fold.contacts.changed()).await?;
    GroupRow::save(connection, &fold.groups.changed()).await?;
    ConversationRow::save(connection, &fold.conversations.changed()).await?;
    MessageRow::save(connection, &fold.messages.changed()).await?;
    AttachmentRow::save(connection, &fold.attachments.changed()).await?;
    withdraw(connection, fold).await?;
    StatusReportRow::insert(connection, &fold.reports.iter().collect::<Vec<_>>()).await?;
    CampaignRow::save(connection, &fold.campaigns.changed()).await?;
    OptOutRow::save(connection, &fold.opt_outs.changed()).await?;
    VerificationRow::save(connection, &fold.verifications.changed()).await?;
    save_balances(connection, fold).await?;
    adopt(connection, fold).await?;
    unite(connection, fold).await?;
    fold.references.save(connection).await
}

async fn save_balances(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.balances.is_empty() {
        return Ok(());
    }
    let alerts = &fold.balances;
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
async fn withdraw(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.withdrawn.is_empty() {
        return Ok(());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = fold.withdrawn.iter().copied().unzip();
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
async fn unite(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.moves.is_empty() {
        return Ok(());
    }
    for table in ["status_report", "attachment"] {
        let sql = format!(
            "UPDATE {table} t SET message_id = k.t FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) k(w, f, t) \
             WHERE t.workspace_id = k.w AND t.message_id = k.f"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(fold.moves.iter().map(|it| it.0).collect::<Vec<_>>())
            .bind(fold.moves.iter().map(|it| it.1).collect::<Vec<_>>())
            .bind(fold.moves.iter().map(|it| it.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Files that came before their message in another batch join it.
async fn adopt(connection: &mut PgConnection, fold: &Fold<'_>) -> Result<(), sqlx::Error> {
    if fold.adoptions.is_empty() {
        return Ok(());
    }
    let adoptions = &fold.adoptions;
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
