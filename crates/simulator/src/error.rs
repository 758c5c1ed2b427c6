//! Errors of a run of the simulator.

use std::path::PathBuf;

/// A run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The file with a running server's address cannot be read.
    #[error("cannot read {}: is `inlet dev` running with this data folder?", path.display())]
    NoServer {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A text is not JSON, or not of the expected form.
    #[error("{what} does not have the documented form")]
    Shape {
        /// The name of the text.
        what: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The disk, a process or a socket failed.
    #[error("{what}")]
    Io {
        /// The action that failed.
        what: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A request to the server failed, or its answer could not be read.
    #[error("the server did not answer {what}")]
    Unanswered {
        /// The question.
        what: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The server's answer violates the contract.
    #[error("the server answered {what}: {answer}")]
    Refused {
        /// The question.
        what: String,
        /// The answer, shortened.
        answer: String,
    },
    /// The run ended, but the state differs from the expected one.
    #[error("{count} differences between the acknowledged events and the state of the server: see the report")]
    Differences {
        /// The number of differences.
        count: usize,
    },
    /// The run ended, but a bound was exceeded.
    #[error("{count} bounds were exceeded: see the report")]
    Exceeded {
        /// The number of exceeded bounds.
        count: usize,
    },
    /// This machine lacks a program.
    #[error("{program} was not found: {advice}")]
    MissingProgram {
        /// The name of the program.
        program: String,
        /// How to get it.
        advice: String,
    },
    /// A program failed.
    #[error("{program} failed: {said}")]
    Program {
        /// The name of the program.
        program: String,
        /// The end of its output.
        said: String,
    },
}

impl SimulatorError {
    /// A stable code for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoServer { .. } => "no_server",
            Self::Shape { .. } => "unexpected_shape",
            Self::Io { .. } => "io",
            Self::Unanswered { .. } => "unanswered",
            Self::Refused { .. } => "refused",
            Self::Differences { .. } => "differences",
            Self::Exceeded { .. } => "exceeded",
            Self::MissingProgram { .. } => "missing_program",
            Self::Program { .. } => "program_failed",
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn shape(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        move |source| Self::Shape { what, source }
    }
}
