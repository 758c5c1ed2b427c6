//! What providers report beside messages: campaigns, refusals, verifications and balances.

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

/// The most reports of one campaign that are listed.
const MOST_REPORTS: usize = 20;

/// A mass sending at the provider.
#[derive(Clone)]
pub struct Campaign(pub Arc<campaigns::Campaign>);

impl Campaign {
    /// Its reports that are or were fetched, oldest first.
    async fn jobs(&self, ctx: &Context<'_>) -> Result<Vec<Arc<ReportJob>>> {
        Ok(loaders(ctx)?.campaign_reports.load(self.0.id).await?.unwrap_or_default())
    }
}

/// A mass sending at the provider.
#[Object]
impl Campaign {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The provider's id.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// RUNNING or COMPLETED.
    async fn status(&self) -> enums::CampaignStatus {
        self.0.status.into()
    }

    /// The provider's report.
    async fn report_url(&self) -> Option<&str> {
        self.0.report_url.as_deref()
    }

    /// How far the fetching of its report has come, of all where there are several; null where there is none.
    async fn report_status(&self, ctx: &Context<'_>) -> Result<Option<enums::CampaignReportStatus>> {
        Ok(together(&self.jobs(ctx).await?).map(Into::into))
    }

    /// The last error in the fetching of its report; null once it went on.
    async fn report_error(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.jobs(ctx).await?.iter().rev().find_map(|report| report.error.clone()))
    }

    /// Pages of its reports that were applied.
    async fn report_pages_done(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.jobs(ctx).await?.iter().fold(0, |pages, report| pages.saturating_add(report.pages_done)))
    }

    /// Its reports, newest first: one for each URL that the provider told, at most the 20 newest.
    async fn reports(&self, ctx: &Context<'_>) -> Result<Vec<CampaignReport>> {
        Ok(self.jobs(ctx).await?.into_iter().rev().take(MOST_REPORTS).map(CampaignReport).collect())
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ended.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.completed_at.map(DateTime)
    }

    /// The account.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// A refusal of messages. It binds an address: to merge or delete the contact that has it changes nothing.
#[derive(Clone)]
pub struct OptOut(pub Arc<opt_outs::OptOut>);

/// A refusal of messages. It binds an address: to merge or delete the contact that has it changes nothing.
#[Object]
impl OptOut {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// On which medium.
    async fn medium(&self) -> enums::Medium {
        self.0.medium.into()
    }

    /// Of what.
    async fn scope(&self) -> enums::OptOutScope {
        self.0.scope.into()
    }

    /// Which category, sender, tag ...; `*` or empty for all.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// The provider's id.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// When the person refused, as the provider tells it; else when Inlet heard of it.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was withdrawn.
    async fn withdrawn_at(&self) -> Option<DateTime> {
        self.0.withdrawn_at.map(DateTime)
    }

    /// The address that it binds, whoever has it.
    async fn address(&self) -> OptOutAddress {
        OptOutAddress { kind: self.0.address.kind.into(), value: self.0.address.value.clone() }
    }

    /// Who has the address now; null where no contact has it.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }
}

/// The address that an opt-out binds.
#[derive(SimpleObject)]
pub struct OptOutAddress {
    /// The kind of address.
    kind: enums::IdentityKind,
    /// In its normal form.
    value: String,
}

/// An OTP check at the provider. The code itself is kept nowhere.
#[derive(Clone)]
pub struct Verification(pub Arc<verifications::Verification>);

/// An OTP check at the provider. The code itself is kept nowhere.
#[Object]
impl Verification {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The provider's id.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Who was checked.
    async fn identifier(&self) -> Option<&str> {
        self.0.identifier.as_deref()
    }

    /// Whether they passed.
    async fn verified(&self) -> bool {
        self.0.verified
    }

    /// Until when the code was good.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The account.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// A provider's warning that credit runs out.
#[derive(Clone)]
pub struct BalanceAlert(pub Arc<balance_alerts::BalanceAlert>);

/// A provider's warning that credit runs out.
#[Object]
impl BalanceAlert {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Whose credit.
    async fn firm(&self) -> Option<&str> {
        self.0.firm.as_deref()
    }

    /// The credit that is left, as a decimal.
    async fn units(&self) -> Option<Decimal> {
        self.0.units.clone().map(Decimal)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The account.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}
