//! The tables as sea-orm reads them, with the types of the domain. The modules of `records` re-export most rows as they
//! are, such as `label::Model` as `labels::Label`.

/// Declares what sea-orm asks of an entity without relations and hooks.
macro_rules! no_relations {
    () => {
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    };
}

pub(super) mod attachment;
pub(super) mod attempt;
pub(super) mod balance_alert;
pub(super) mod campaign;
pub(super) mod channel;
pub(super) mod contact;
pub(super) mod contact_group;
pub(super) mod conversation;
pub(super) mod delivery;
pub(super) mod identity;
pub(super) mod inbound_event;
pub(super) mod label;
pub(super) mod message;
pub(super) mod opt_out;
pub(super) mod provider_account;
pub(super) mod report_job;
pub(super) mod status_report;
pub(super) mod team;
pub(super) mod verification;
