//! Counts the statements that a server in the test's own process sends to its database.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// The statements so far, of every server of the process.
#[derive(Debug, Clone, Default)]
pub struct Statements(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "summary" | "db.statement") {
            self.0.push_str(&format!("{value:?} "));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if matches!(field.name(), "summary" | "db.statement") {
            self.0.push_str(&value.split_whitespace().collect::<Vec<_>>().join(" "));
            self.0.push(' ');
        }
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

impl Statements {
    /// Begins to count, where no one else in the process listens to what it says.
    #[must_use]
    pub fn count() -> Self {
        static COUNTED: OnceLock<Statements> = OnceLock::new();
        let begin = || {
            let statements = Self::default();
            let filter = Targets::new().with_target("sqlx::query", LevelFilter::DEBUG);
            tracing_subscriber::registry().with(statements.clone().with_filter(filter)).init();
            statements
        };
        COUNTED.get_or_init(begin).clone()
    }

    /// Forgets those so far.
    pub fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// How many were sent that hold one of these texts.
    #[must_use]
    pub fn with(&self, texts: &[&str]) -> usize {
        let statements = self.0.lock().unwrap();
        statements.iter().filter(|statement| texts.iter().any(|text| statement.contains(text))).count()
    }
}
