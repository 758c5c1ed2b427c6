//! Campaigns, opt-outs, verifications and balance alerts in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_store::records::{balance_alerts, campaigns, opt_outs, report_jobs::ReportJob, verifications};

use super::{
    campaign_report::{CampaignReport, together},
    channel::ProviderAccount,
    contact::Contact,
    enums,
    scalars::{DateTime, Decimal, Revision},
};
use crate::{error::Result, execution::context::loaders};

/// Maximum number of reports that a campaign lists.
const MOST_REPORTS: usize = 20;

/// A bulk send at the provider.
#[derive(Clone)]
pub struct Campaign(pub Arc<campaigns::Campaign>);

impl Campaign {
    /// Reports that Inlet fetches or has fetched, oldest first.
    async fn jobs(&self, ctx: &Context<'_>) -> Result<Vec<Arc<ReportJob>>> {
        Ok(loaders(ctx)?.campaign_reports.load(self.0.id).await?.unwrap_or_default())
    }
}

/// A bulk send at the provider.
#[Object]
impl Campaign {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Provider's id of the campaign.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Status.
    async fn status(&self) -> enums::CampaignStatus {
        self.0.status.into()
    }

    /// URL of the provider's report.
    async fn report_url(&self) -> Option<&str> {
        self.0.report_url.as_deref()
    }

    /// Combined status of the reports: RUNNING or PENDING if one is unfinished, else FAILED if one failed, else DONE.
    /// Null if there is no report.
    async fn report_status(&self, ctx: &Context<'_>) -> Result<Option<enums::CampaignReportStatus>> {
        Ok(together(&self.jobs(ctx).await?).map(Into::into))
    }

    /// Last error of the newest report that has one. Null if no report has an error.
    async fn report_error(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.jobs(ctx).await?.iter().rev().find_map(|report| report.error.clone()))
    }

    /// Number of report pages that Inlet has applied.
    async fn report_pages_done(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.jobs(ctx).await?.iter().fold(0, |pages, report| pages.saturating_add(report.pages_done)))
    }

    /// Reports, newest first, at most 20. Each URL that the provider gave has one report.
    async fn reports(&self, ctx: &Context<'_>) -> Result<Vec<CampaignReport>> {
        Ok(self.jobs(ctx).await?.into_iter().rev().take(MOST_REPORTS).map(CampaignReport).collect())
    }

    /// Revision of the object. It grows with every change.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time when the provider finished. Null until then.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.completed_at.map(DateTime)
    }

    /// Provider account of the campaign.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// A person's refusal of messages. It applies to an address: it stays if the contact with this address is merged or
/// deleted.
#[derive(Clone)]
pub struct OptOut(pub Arc<opt_outs::OptOut>);

/// A person's refusal of messages. It applies to an address: it stays if the contact with this address is merged or
/// deleted.
#[Object]
impl OptOut {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Medium that the opt-out applies to.
    async fn medium(&self) -> enums::Medium {
        self.0.medium.into()
    }

    /// Scope of the opt-out.
    async fn scope(&self) -> enums::OptOutScope {
        self.0.scope.into()
    }

    /// Category, sender, tag, service or product that `scope` refers to. `*` or empty for all.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// Provider's id of the opt-out.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Time of the refusal as the provider gives it, else the time when Inlet received it.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of withdrawal. Null while the opt-out is in force.
    async fn withdrawn_at(&self) -> Option<DateTime> {
        self.0.withdrawn_at.map(DateTime)
    }

    /// Address that the opt-out applies to.
    async fn address(&self) -> OptOutAddress {
        OptOutAddress { kind: self.0.address.kind.into(), value: self.0.address.value.clone() }
    }

    /// Contact that has the address now. Null if no contact has it.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }
}

/// Address that an opt-out applies to.
#[derive(SimpleObject)]
pub struct OptOutAddress {
    /// Kind of address.
    kind: enums::IdentityKind,
    /// Address in normal form; see `Identity.value`.
    value: String,
}

/// A check of a one-time password (OTP) at the provider. Inlet never stores the code.
#[derive(Clone)]
pub struct Verification(pub Arc<verifications::Verification>);

/// A check of a one-time password (OTP) at the provider. Inlet never stores the code.
#[Object]
impl Verification {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Provider's id of the verification.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Identifier that was verified, such as a phone number, as the provider gives it.
    async fn identifier(&self) -> Option<&str> {
        self.0.identifier.as_deref()
    }

    /// Whether the person entered the right code.
    async fn verified(&self) -> bool {
        self.0.verified
    }

    /// Time when the code expired.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Provider account.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// A provider's warning of low credit.
#[derive(Clone)]
pub struct BalanceAlert(pub Arc<balance_alerts::BalanceAlert>);

/// A provider's warning of low credit.
#[Object]
impl BalanceAlert {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Company whose credit is low, as the provider names it.
    async fn firm(&self) -> Option<&str> {
        self.0.firm.as_deref()
    }

    /// Remaining credit.
    async fn units(&self) -> Option<Decimal> {
        self.0.units.clone().map(Decimal)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Provider account.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}
