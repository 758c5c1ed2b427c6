//! Reports without a conversation: refusals, verifications, credit, campaigns.

use inlet_domain::{
    command::{BalanceReport, CampaignReport, Change, OptOutReport, VerificationReport, Version},
    event::{
        EventType,
        payload::{AddressBrief, BalancePayload, CampaignPayload, OptOutPayload, VerificationPayload},
    },
};
use secrecy::ExposeSecret;

use super::{BalanceAlert, Context, Rejection, WorkingSet, contacts::Told};
use crate::{
    apply::{identities::IdentityKey, references::RefKind, report_jobs::WantedReport},
    rows::{CampaignRow, OptOutRow, VerificationRow, payloads::bytes},
};

impl WorkingSet<'_> {
    pub(super) fn opt_out(&mut self, context: Context<'_>, report: &OptOutReport) -> Result<(), Rejection> {
        let version = Version::new(Change::Updated, None, context.at());
        let (_, contact) =
            self.person(context, Some(&report.person), Told { version, is_record: false, seen: None })?;
        let address = report.person.identities.first();
        let address =
            address.ok_or_else(|| Rejection("the report does not tell who wants no more messages".to_owned()))?;
        let address = IdentityKey::of(context.workspace(), context.speaker.account, address);
        let stands = self.opt_outs.iter().any(|row| {
            (row.workspace_id, row.address_scope_id, row.address_kind.as_str(), &row.address_value)
                == (address.workspace, address.scope, address.kind.as_str(), &address.value)
                && row.medium == report.medium
                && row.scope == report.scope
                && row.value == report.value
                && (row.withdrawn_at.is_none() || context.is_replay())
        });
        if stands {
            return Ok(());
        }
        let row = OptOutRow {
            workspace_id: context.workspace(),
            id: self.ambient.uuid(),
            address_scope_id: address.scope,
            address_kind: address.kind.as_str().to_owned(),
            address_value: address.value.clone(),
            medium: report.medium,
            scope: report.scope,
            value: report.value.clone(),
            external_id: report.external_id.clone(),
            created_at: report.occurred_at.unwrap_or(context.at()).min(context.at()),
            withdrawn_at: None,
        };
        let payload = OptOutPayload {
            id: row.id.into(),
            external_id: row.external_id.clone(),
            medium: row.medium,
            scope: row.scope,
            value: row.value.clone(),
            created_at: row.created_at,
            withdrawn_at: None,
            address: AddressBrief { kind: address.kind, value: address.value },
            contact: self.contact_brief(contact),
        };
        let mut draft = Self::draft(context, EventType::OptOutCreated, bytes(&payload));
        draft.contact_id = contact;
        draft.medium = Some(report.medium);
        self.opt_outs.add(row);
        self.drafts.push(draft);
        Ok(())
    }

    pub(super) fn verification(&mut self, context: Context<'_>, report: &VerificationReport) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Verification, &report.id);
        let known = self.references.target([&name]);
        let id = known.or_else(|| self.references.suggested([&name])).unwrap_or_else(|| self.ambient.uuid());
        let code_hash = report.code.as_ref().map(|code| {
            let secret = code.0.expose_secret().as_bytes();
            self.sealer.keyed_hash(context.inbound.workspace, "verification code", secret).to_vec()
        });
        let stood = self.verifications.get(id).cloned();
        let was_verified = stood.as_ref().is_some_and(|row| row.verified);
        let row = VerificationRow {
            workspace_id: context.workspace(),
            id,
            provider_account_id: context.speaker.account,
            external_id: report.id.clone(),
            identifier: report.identifier.clone().or(stood.as_ref().and_then(|row| row.identifier.clone())),
            verified: report.verified || was_verified,
            code_hash: code_hash.or(stood.as_ref().and_then(|row| row.code_hash.clone())),
            expires_at: report.expires_at.or(stood.as_ref().and_then(|row| row.expires_at)),
            created_at: stood.map_or(report.created_at.unwrap_or(context.at()).min(context.at()), |row| row.created_at),
        };
        self.references.point([&name], id, false);
        if row.verified && !was_verified {
            let payload = VerificationPayload {
                id: id.into(),
                external_id: row.external_id.clone(),
                identifier: row.identifier.clone(),
                verified: true,
                expires_at: row.expires_at,
                created_at: row.created_at,
            };
            self.drafts.push(Self::draft(context, EventType::VerificationVerified, bytes(&payload)));
        }
        self.verifications.add(row);
        Ok(())
    }

    pub(super) fn balance(&mut self, context: Context<'_>, report: &BalanceReport) -> Result<(), Rejection> {
        let name = context.speaker.keyed(RefKind::BalanceAlert, context.key);
        if context.is_replay() && self.references.target([&name]).is_some() {
            return Ok(());
        }
        let id = self.references.suggested([&name]).unwrap_or_else(|| self.ambient.uuid());
        self.references.point([&name], id, true);
        let alert = BalanceAlert {
            workspace: context.workspace(),
            id,
            account: context.speaker.account,
            firm: report.firm.clone(),
            units: report.units.clone(),
            created_at: context.at(),
        };
        let payload = BalancePayload {
            id: alert.id.into(),
            firm: alert.firm.clone(),
            units: alert.units.clone(),
            created_at: alert.created_at,
        };
        self.drafts.push(Self::draft(context, EventType::BalanceLow, bytes(&payload)));
        self.balances.push(alert);
        Ok(())
    }

    pub(super) fn campaign(&mut self, context: Context<'_>, report: &CampaignReport) -> Result<(), Rejection> {
        let name = context.speaker.name(RefKind::Campaign, &report.id);
        let known = self.references.target([&name]);
        let id = known.or_else(|| self.references.suggested([&name])).unwrap_or_else(|| self.ambient.uuid());
        let stood = self.campaigns.get(id);
        let was_completed = stood.is_some_and(|row| row.status == "completed");
        // A replay wants the report too: a job that was given up is tried again.
        if let Some(url) = &report.report_url {
            let wanted = WantedReport { id: self.ambient.uuid(), source: context.inbound.source.0, at: context.at() };
            self.report_jobs.entry((context.workspace(), id, url.clone())).or_insert(wanted);
        }
        if was_completed && context.is_replay() && stood.is_some_and(|row| row.report_url == report.report_url) {
            return Ok(());
        }
        let row = CampaignRow {
            workspace_id: context.workspace(),
            id,
            provider_account_id: context.speaker.account,
            external_id: report.id.clone(),
            status: "completed".to_owned(),
            report_url: report.report_url.clone().or(stood.and_then(|row| row.report_url.clone())),
            revision: stood.map_or(1, |row| row.revision + 1),
            created_at: stood.map_or(context.at(), |row| row.created_at),
            completed_at: stood.and_then(|row| row.completed_at).or(Some(context.at())),
        };
        self.references.point([&name], id, false);
        if !was_completed {
            let payload = CampaignPayload {
                id: id.into(),
                external_id: row.external_id.clone(),
                status: row.status.clone(),
                report_url: row.report_url.clone(),
                completed_at: row.completed_at,
                created_at: row.created_at,
            };
            let mut draft = Self::draft(context, EventType::CampaignCompleted, bytes(&payload));
            draft.revision = Some(row.revision);
            self.drafts.push(draft);
        }
        self.campaigns.add(row);
        Ok(())
    }
}
