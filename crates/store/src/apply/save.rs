//! Writes the changes of a batch: whole rows, one statement for each table.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    report_jobs,
    rules::{BalanceAlert, WorkingSet},
};
use crate::rows::{
    AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, Key, MessageRow, OptOutRow,
    StatusReportRow, VerificationRow,
    columns::{Insert, arrays, columns, equals_given, given},
};

/// Writes all that the working set changed, except the identities: resolving a claim writes those.
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

columns! {
    BalanceAlert as alert {
        workspace_id: "uuid" = alert.workspace,
        id: "uuid" = alert.id,
        provider_account_id: "uuid" = alert.account,
        firm: "text" = alert.firm.as_deref(),
        units: "text" as "numeric" = alert.units.as_deref(),
        created_at: "timestamptz" = alert.created_at,
    }
}

async fn save_balances(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    static INSERT: LazyLock<Insert> = LazyLock::new(|| Insert::of::<BalanceAlert>("balance_alert", ""));
    if !working.balances.is_empty() {
        INSERT.bind(&working.balances)?.execute(connection).await?;
    }
    Ok(())
}

/// Deletes the reports that are read anew. The reports of the new reading are inserted afterwards.
async fn withdraw(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    static DELETE: LazyLock<String> = LazyLock::new(|| {
        let (given, is_given) = (given::<Key>(), equals_given::<Key>("status_report"));
        format!("DELETE FROM status_report USING {given} WHERE {is_given}")
    });
    if !working.withdrawn.is_empty() {
        let arguments = arrays(&working.withdrawn)?;
        sqlx::query_with(AssertSqlSafe(DELETE.as_str()), arguments).execute(connection).await?;
    }
    Ok(())
}

/// Repoints reports and attachments from the duplicate to the message that stays.
async fn unite(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.moves.is_empty() {
        return Ok(());
    }
    for table in ["status_report", "attachment"] {
        let sql = format!(
            "UPDATE {table} SET message_id = given.message_id \
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) given(workspace_id, duplicate_id, message_id) \
             WHERE {table}.workspace_id = given.workspace_id AND {table}.message_id = given.duplicate_id"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(working.moves.iter().map(|pair| pair.0).collect::<Vec<_>>())
            .bind(working.moves.iter().map(|pair| pair.1).collect::<Vec<_>>())
            .bind(working.moves.iter().map(|pair| pair.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Brings up to date what conversations derive from messages that were deleted, moved in time, or came late.
async fn recount(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if !working.recounts.is_empty() {
        let derive = include_str!("save/derive_from_messages.sql");
        sqlx::query_with(derive, arrays(&working.recounts)?).execute(&mut *connection).await?;
    }
    if !working.uncounted.is_empty() {
        sqlx::query(include_str!("save/uncount.sql"))
            .bind(working.uncounted.iter().map(|gone| gone.0).collect::<Vec<_>>())
            .bind(working.uncounted.iter().map(|gone| gone.1).collect::<Vec<_>>())
            .bind(working.uncounted.iter().map(|gone| gone.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Gives the message its attachments that came before it, in another batch.
async fn adopt(connection: &mut PgConnection, working: &WorkingSet<'_>) -> Result<(), sqlx::Error> {
    if working.adoptions.is_empty() {
        return Ok(());
    }
    let adoptions = &working.adoptions;
    sqlx::query(
        "UPDATE attachment SET message_id = given.message_id \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) \
           given(workspace_id, provider_account_id, message_external_id, message_id) \
         WHERE attachment.workspace_id = given.workspace_id \
           AND attachment.provider_account_id = given.provider_account_id \
           AND attachment.message_external_id = given.message_external_id AND attachment.message_id IS NULL",
    )
    .bind(adoptions.iter().map(|adoption| adoption.0).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.1).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.2.as_str()).collect::<Vec<_>>())
    .bind(adoptions.iter().map(|adoption| adoption.3).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
