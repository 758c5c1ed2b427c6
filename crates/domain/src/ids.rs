//! One newtype for each kind of id, from one registry: a UUIDv7 inside, a [TypeID](https://github.com/jetify-com/typeid)
//! such as `conv_01h455vb4pex5vsknk084sn02q` outside.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an id of a {kind}: expected `{prefix}_` and 26 characters")]
pub struct InvalidId {
    /// The text, cut to 64 characters.
    pub given: String,
    /// The expected kind, e.g. `conversation`.
    pub kind: &'static str,
    /// The prefix of that kind.
    pub prefix: &'static str,
}

/// The least UUIDv7 of this millisecond.
#[must_use]
pub fn first_at(moment: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(moment.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128((millis & 0xffff_ffff_ffff) << 80)
}

/// The time in a UUIDv7, in milliseconds.
#[must_use]
pub fn moment_of(id: Uuid) -> DateTime<Utc> {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(0);
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
}

fn render(prefix: &str, uuid: Uuid) -> String {
    match DynamicType::new(prefix) {
        Ok(tag) => TypeSafeId::from_type_and_uuid(tag, uuid).to_string(),
        Err(_) => uuid.to_string(),
    }
}

fn parse(text: &str) -> Option<(String, Uuid)> {
    let id = text.parse::<TypeSafeId<DynamicType>>().ok()?;
    Some((id.type_prefix().to_owned(), id.uuid()))
}

macro_rules! registry {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $kind:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[cfg_attr(feature = "postgres", derive(sqlx::Type, sea_orm::DeriveValueType))]
            #[cfg_attr(feature = "postgres", sqlx(transparent), sea_orm(try_getable_array))]
            pub struct $name(pub Uuid);

            #[cfg(feature = "postgres")]
            impl sea_orm::TryFromU64 for $name {
                fn try_from_u64(number: u64) -> Result<Self, sea_orm::DbErr> {
                    <Uuid as sea_orm::TryFromU64>::try_from_u64(number).map(Self)
                }
            }

            impl $name {
                /// The prefix of the textual form.
                pub const PREFIX: &'static str = $prefix;
                /// The name of the kind, for error messages.
                pub const KIND: &'static str = $kind;
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&render($prefix, self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = InvalidId;
                fn from_str(text: &str) -> Result<Self, InvalidId> {
                    match parse(text) {
                        Some((prefix, uuid)) if prefix == $prefix => Ok(Self(uuid)),
                        _ => Err(InvalidId { given: text.chars().take(64).collect(), kind: $kind, prefix: $prefix }),
                    }
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                }
            }

            impl From<$name> for AnyId {
                fn from(id: $name) -> Self {
                    Self::$name(id)
                }
            }

            impl From<$name> for Uuid {
                fn from(id: $name) -> Self {
                    id.0
                }
            }

            impl From<Uuid> for $name {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid)
                }
            }
        )*

        /// An id of any kind. Its prefix tells the kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AnyId {
            $(
                #[doc = concat!("`", $prefix, "_...`")]
                $name($name),
            )*
        }

        impl AnyId {
            /// The UUID.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                match self {
                    $(Self::$name(id) => id.0,)*
                }
            }

            /// The prefix of the textual form.
            #[must_use]
            pub fn prefix(self) -> &'static str {
                match self {
                    $(Self::$name(_) => $prefix,)*
                }
            }

            /// The id with this prefix and UUID; `None` for an unknown prefix.
            #[must_use]
            pub fn of(prefix: &str, uuid: Uuid) -> Option<Self> {
                match prefix {
                    $($prefix => Some(Self::$name($name(uuid))),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for AnyId {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&render(self.prefix(), self.uuid()))
            }
        }

        impl FromStr for AnyId {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match parse(text) {
                    $(Some((prefix, uuid)) if prefix == $prefix => Ok(Self::$name($name(uuid))),)*
                    _ => Err(InvalidId { given: text.chars().take(64).collect(), kind: "node", prefix: "<kind>" }),
                }
            }
        }
    };
}

registry! {
    /// A workspace, the tenant of Inlet.
    WorkspaceId "ws" "workspace";
    /// A human being with a login, in any number of workspaces.
    PersonId "per" "person";
    /// A person's membership in one workspace.
    MemberId "mem" "member";
    /// An invitation to become a member.
    InvitationId "inv" "invitation";
    /// Members who share conversations.
    TeamId "team" "team";
    /// A program's credential.
    ApiKeyId "key" "API key";
    /// A member's login.
    SessionId "sess" "session";
    /// An account with a messaging provider.
    ProviderAccountId "acct" "provider account";
    /// One of the workspace's numbers, names or inboxes on a medium.
    ChannelId "chan" "channel";
    /// A URL that a provider posts to.
    SourceId "src" "source";
    /// A person who writes to the workspace.
    ContactId "ctc" "contact";
    /// An address of a contact or a group.
    IdentityId "idn" "identity";
    /// A thread of messages with one address on one channel.
    ConversationId "conv" "conversation";
    /// A message, note, call or activity.
    MessageId "msg" "message";
    /// A file of a message.
    AttachmentId "att" "attachment";
    /// One report on one message.
    StatusReportId "rep" "status report";
    /// A conversation with several participants.
    GroupId "grp" "group";
    /// A mass mailing at the provider.
    CampaignId "camp" "campaign";
    /// The job that fetches a campaign's report.
    ReportJobId "rpj" "report job";
    /// A contact's refusal of messages.
    OptOutId "opt" "opt-out";
    /// A check of a one-time password at the provider.
    VerificationId "ver" "verification";
    /// A provider's warning about low credit.
    BalanceAlertId "bal" "balance alert";
    /// A word that sorts conversations.
    LabelId "lbl" "label";
    /// A provider's request in the raw log.
    InboundEventId "in" "inbound event";
    /// An entry of the event log.
    EventId "evt" "event";
    /// A URL that gets events.
    WebhookId "wh" "webhook";
    /// An event for one webhook.
    DeliveryId "dlv" "delivery";
    /// One HTTP exchange of a delivery.
    AttemptId "atm" "attempt";
    /// An event that waits for the object it belongs to.
    WaitingReferenceId "wait" "waiting reference";
    /// An entry of the audit log.
    AuditEntryId "aud" "audit entry";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_another_kind() {
        let id = ConversationId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        let text = id.to_string();
        assert!(text.starts_with("conv_"), "{text}");
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.parse(), Ok(AnyId::ConversationId(id)));
        assert_eq!(AnyId::of("conv", id.0).map(|id| id.to_string()), Some(text.clone()));
        assert_eq!(text.parse::<MessageId>().map_err(|e| e.kind), Err("message"));
        assert!("conv_".parse::<ConversationId>().is_err());
    }
}
