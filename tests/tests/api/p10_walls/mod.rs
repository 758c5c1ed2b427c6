//! P10: nobody reaches into another's workspace. Every place of the schema that takes an id, a cursor or a text is found
//! by introspection, shown to reach its owner's rows, and then tried by a stranger: the stranger is told what is told of
//! an object that nobody has, and no row of the owner's changes. A new field falls under this by itself; where the walk
//! cannot reach it, it fails and says what to add.

mod answers;
mod lists;
mod probes;
mod rights;

use inlet_tests::{Options, SeededWorkspace, TestServer, filled, schema::Schema, server::mail_hook};

/// Two workspaces that heard the same events under the same ids of their providers.
pub struct TwoWorkspaces {
    /// The server.
    pub server: TestServer,
    /// What it offers.
    pub schema: Schema,
    /// Whose rows they are.
    pub owner: SeededWorkspace,
    /// Who tries to reach them, with the key of every scope in a workspace that has the like of all of them.
    pub stranger: SeededWorkspace,
}

async fn two_workspaces() -> TwoWorkspaces {
    let (server, [owner, stranger]) =
        filled::spawn(Options { mail_hook: Some(mail_hook()), ..Options::default() }).await;
    let schema = Schema::of(&server).await;
    TwoWorkspaces { server, schema, owner, stranger }
}
