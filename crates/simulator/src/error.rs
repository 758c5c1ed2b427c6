//! What ends a run of the simulator.

use std::path::PathBuf;

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The file by which a running server is found cannot be read.
    #[error("cannot read {}: is `inlet dev` running with this data folder?", path.display())]
    NoServer {
        /// Where it was looked for.
        path: PathBuf,
        /// What reading it said.
        #[source]
        source: std::io::Error,
    },
    /// A text that should be JSON, or of a certain shape, is not.
    #[error("{what} is not as documented")]
    Shape {
        /// What was read.
        what: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The disk, a process or a socket failed.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A request to the server could not be made or its answer not be read.
    #[error("the server did not answer {what}")]
    Unanswered {
        /// What was asked.
        what: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// The server answered with something that the contract does not allow.
    #[error("the server answered {what}: {answer}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it said, shortened.
        answer: String,
    },
    /// The run itself went through, but what stands is not what must stand.
    #[error("{count} differences between what was acknowledged and what stands")]
    Differences {
        /// How many.
        count: usize,
    },
    /// The run itself went through, but something went beyond its bound.
    #[error("{count} bounds were exceeded")]
    Exceeded {
        /// How many.
        count: usize,
    },
    /// A program that is needed is not on this machine.
    #[error("{program} was not found: {advice}")]
    MissingProgram {
        /// Its name.
        program: String,
        /// How to get it.
        advice: String,
    },
    /// A program that was started ended badly.
    #[error("{program} failed: {said}")]
    Program {
        /// Its name.
        program: String,
        /// The end of what it wrote.
        said: String,
    },
}

impl SimulatorError {
    /// A stable word for scripts.
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
