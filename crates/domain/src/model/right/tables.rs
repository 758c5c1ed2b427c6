//! The tables of rights: the requirements of each field and of each kind of object.

use std::{collections::HashMap, sync::LazyLock};

use super::{Need, Right};

const READ_INBOX: Need = Need::Rights(&[Right::ReadInbox]);

const WRITE_INBOX: Need = Need::Rights(&[Right::WriteInbox]);

const READ_SETTINGS: Need = Need::Rights(&[Right::ReadSettings]);

const MANAGE_SOURCES: Need = Need::Rights(&[Right::ManageSources]);

const MANAGE_WEBHOOKS: Need = Need::Rights(&[Right::ManageWebhooks]);

const MANAGE_KEYS: Need = Need::Rights(&[Right::ManageKeys]);

const MANAGE_MEMBERS: Need = Need::Rights(&[Right::ManageMembers]);

/// The requirement of each root field of the API, and of each field below that needs more than its parents. A root
/// field that is missing here is refused.
pub const FIELDS: &[(&str, Need)] = &[
    ("Query.apiKeys", READ_SETTINGS),
    ("Query.attempts", READ_SETTINGS),
    ("Query.auditLog", Need::Rights(&[Right::ReadAudit])),
    ("Query.balanceAlerts", READ_INBOX),
    ("Query.campaigns", READ_INBOX),
    ("Query.channels", READ_INBOX),
    ("Query.contact", READ_INBOX),
    ("Query.contacts", READ_INBOX),
    ("Query.conversation", READ_INBOX),
    ("Query.conversations", READ_INBOX),
    ("Query.deliveries", READ_SETTINGS),
    ("Query.eventSchema", READ_INBOX),
    ("Query.eventTypes", READ_INBOX),
    ("Query.events", READ_INBOX),
    ("Query.groups", READ_INBOX),
    ("Query.head", READ_INBOX),
    ("Query.inboundEvents", READ_SETTINGS),
    ("Query.inboxCounts", READ_INBOX),
    ("Query.invitations", MANAGE_MEMBERS),
    ("Query.labels", READ_INBOX),
    ("Query.members", READ_INBOX),
    ("Query.message", READ_INBOX),
    ("Query.node", Need::Kind),
    ("Query.nodes", Need::Kind),
    ("Query.optOuts", READ_INBOX),
    ("Query.providerAccounts", READ_INBOX),
    ("Query.sessions", Need::Credential),
    ("Query.sources", READ_SETTINGS),
    ("Query.teams", READ_INBOX),
    ("Query.trace", Need::Rights(&[Right::ReadInbox, Right::ReadSettings])),
    ("Query.verifications", READ_INBOX),
    ("Query.viewer", Need::Nothing),
    ("Query.waitingReferences", READ_SETTINGS),
    ("Query.webhooks", READ_SETTINGS),
    ("Mutation.acceptInvitation", Need::Nothing),
    ("Mutation.addLabels", WRITE_INBOX),
    ("Mutation.assignConversation", WRITE_INBOX),
    ("Mutation.changePassword", Need::Session),
    ("Mutation.createApiKey", MANAGE_KEYS),
    ("Mutation.createLabel", WRITE_INBOX),
    ("Mutation.createProviderAccount", MANAGE_SOURCES),
    ("Mutation.createSource", MANAGE_SOURCES),
    ("Mutation.deleteContact", WRITE_INBOX),
    ("Mutation.deleteLabel", WRITE_INBOX),
    ("Mutation.deleteSource", MANAGE_SOURCES),
    ("Mutation.deleteWebhook", MANAGE_WEBHOOKS),
    ("Mutation.finishWebhookRotation", MANAGE_WEBHOOKS),
    ("Mutation.inviteMember", MANAGE_MEMBERS),
    ("Mutation.login", Need::Nothing),
    ("Mutation.logout", Need::Session),
    ("Mutation.markRead", WRITE_INBOX),
    ("Mutation.markUnread", WRITE_INBOX),
    ("Mutation.mergeContacts", WRITE_INBOX),
    ("Mutation.pauseWebhook", MANAGE_WEBHOOKS),
    ("Mutation.previewComposition", MANAGE_WEBHOOKS),
    ("Mutation.previewMapping", MANAGE_SOURCES),
    ("Mutation.recoverWebhook", MANAGE_WEBHOOKS),
    ("Mutation.redeliver", MANAGE_WEBHOOKS),
    ("Mutation.registerWebhook", MANAGE_WEBHOOKS),
    ("Mutation.removeLabels", WRITE_INBOX),
    ("Mutation.replayInboundEvents", MANAGE_SOURCES),
    ("Mutation.requestPasswordReset", Need::Nothing),
    ("Mutation.resetPassword", Need::Nothing),
    ("Mutation.resumeWebhook", MANAGE_WEBHOOKS),
    ("Mutation.revokeApiKey", MANAGE_KEYS),
    ("Mutation.revokeInvitation", MANAGE_MEMBERS),
    ("Mutation.revokeSession", Need::Credential),
    ("Mutation.rotateSourceSecret", MANAGE_SOURCES),
    ("Mutation.rotateWebhookSecret", MANAGE_WEBHOOKS),
    ("Mutation.testWebhook", MANAGE_WEBHOOKS),
    ("Mutation.setAvailability", Need::Member(&[Right::WriteInbox])),
    ("Mutation.setConversationStatus", WRITE_INBOX),
    ("Mutation.setPriority", WRITE_INBOX),
    ("Mutation.setTyping", Need::Member(&[Right::WriteInbox])),
    ("Mutation.snoozeConversation", WRITE_INBOX),
    ("Mutation.unmergeContacts", WRITE_INBOX),
    ("Mutation.updateContact", WRITE_INBOX),
    ("Mutation.updateLabel", WRITE_INBOX),
    ("Mutation.updateMember", MANAGE_MEMBERS),
    ("Mutation.updateSource", MANAGE_SOURCES),
    ("Mutation.updateWebhook", MANAGE_WEBHOOKS),
    ("Subscription.events", READ_INBOX),
    ("Subscription.presence", READ_INBOX),
    // A receiver's answer may repeat the request.
    ("Attempt.responseBody", Need::Rights(&[Right::ReadInbox, Right::ReadNotes])),
    ("Attempt.responseHeaders", Need::Rights(&[Right::ReadInbox, Right::ReadNotes])),
    ("Conversation.unread", READ_INBOX),
    ("Delivery.webhook", READ_SETTINGS),
    ("InboundEvent.events", READ_INBOX),
    // Providers' requests hold the content of the inbox.
    ("InboundEvent.request", Need::Rights(&[Right::ManageSources, Right::ReadInbox])),
    ("Message.clientKey", READ_INBOX),
    ("ReplayedInboundEvent.events", READ_INBOX),
    ("ReplayedInboundEvent.wouldRaise", READ_INBOX),
];

/// The requirement of reading an object by its id, for each kind. Only its member, and members who manage members, see
/// a session.
pub const KINDS: &[(&str, Need)] = &[
    ("ApiKey", READ_INBOX),
    ("Attachment", READ_INBOX),
    ("Attempt", READ_SETTINGS),
    ("AuditEntry", Need::Rights(&[Right::ReadAudit])),
    ("BalanceAlert", READ_INBOX),
    ("Campaign", READ_INBOX),
    ("Channel", READ_INBOX),
    ("Contact", READ_INBOX),
    ("Conversation", READ_INBOX),
    ("Delivery", READ_SETTINGS),
    ("Event", READ_INBOX),
    ("Group", READ_INBOX),
    ("Identity", READ_INBOX),
    ("InboundEvent", READ_SETTINGS),
    ("Invitation", MANAGE_MEMBERS),
    ("Label", READ_INBOX),
    ("Member", READ_INBOX),
    ("Message", READ_INBOX),
    ("OptOut", READ_INBOX),
    ("ProviderAccount", READ_INBOX),
    ("Session", Need::Credential),
    ("Source", READ_SETTINGS),
    ("StatusReport", READ_INBOX),
    ("Team", READ_INBOX),
    ("Verification", READ_INBOX),
    ("WaitingReference", READ_SETTINGS),
    ("Webhook", READ_SETTINGS),
];

/// The requirement of a field, by type and name such as `Mutation.login`, with the name as a static text.
#[must_use]
pub fn field(name: &str) -> Option<(&'static str, Need)> {
    static FIELDS_BY_NAME: LazyLock<HashMap<&str, (&'static str, Need)>> =
        LazyLock::new(|| FIELDS.iter().map(|entry| (entry.0, *entry)).collect());
    FIELDS_BY_NAME.get(name).copied()
}

/// The requirement of a kind of object; `None` for a missing kind, which no one may see.
#[must_use]
pub fn kind(name: &str) -> Option<Need> {
    KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, need)| *need)
}
