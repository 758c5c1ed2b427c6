//! Composed requests: what a webhook sends when its owner says how it is to look. Values come from the event alone, and
//! each is encoded for where it stands, so that no value can change the URL's structure, add a header or break the body.

mod body;
mod template;
mod url;
mod written;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::template::Path;
use self::{
    body::Body,
    template::Template,
    url::UrlTemplate,
    written::{Encoding, Written},
};
use crate::{event::EventType, model::target::TargetPolicy, text_enum};

text_enum! {
    /// How a composed request is made.
    Method {
        /// All in the URL; it has no body.
        Get = "get",
        /// With a body.
        Post = "post",
        /// With a body.
        Put = "put",
        /// With a body.
        Patch = "patch",
        /// It has no body.
        Delete = "delete",
    }
}

impl Method {
    fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

text_enum! {
    /// How a composed body is written.
    BodyFormat {
        /// `application/json`.
        Json = "json",
        /// `application/x-www-form-urlencoded`.
        Form = "form",
        /// `multipart/form-data`.
        Multipart = "multipart",
    }
}

/// How a webhook's requests are to look. The URL, a template too, is the webhook's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composition {
    /// The method.
    pub method: Method,
    /// Names and values; the values are templates.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// How the body is written.
    pub body_format: BodyFormat,
    /// JSON whose texts are templates; of a form, an object of texts. Without one the event itself is sent.
    #[serde(default)]
    pub body: Option<Value>,
}

/// What is wrong with a composition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ComposeError {
    /// Such as `composition.body.status` or `url`.
    pub path: String,
    /// What is wrong and what to do.
    pub problem: String,
}

fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, ComposeError> {
    Err(ComposeError { path: path.into(), problem: problem.into() })
}

/// The most headers.
const MOST_HEADERS: usize = 50;
/// The most bytes of all headers that are composed, names and values: servers take no more than some 32 KiB.
const LONGEST_HEADERS: usize = 32 * 1024;
/// The most placeholders in all: each is held against the schema of each type.
const MOST_PLACEHOLDERS: usize = 1_000;

/// A composition, read and ready.
#[derive(Debug, Clone)]
pub struct Composer {
    method: Method,
    url: UrlTemplate,
    headers: Vec<(String, Template)>,
    body: Body,
}

/// A request as it is to be sent, but for its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: ::url::Url,
    /// Beside the ones that every webhook has; visible ASCII.
    pub headers: Vec<(String, String)>,
    /// Of the body, where there is one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Composer {
    /// Reads a composition. The names of its headers are the caller's to check.
    ///
    /// # Errors
    /// With the first thing that is wrong, and where.
    pub fn read(url: &str, composition: &Composition, targets: TargetPolicy) -> Result<Self, ComposeError> {
        let url = UrlTemplate::read(url, targets).or_else(|problem| wrong("url", problem))?;
        if composition.headers.len() > MOST_HEADERS {
            return wrong("composition.headers", format!("there may be {MOST_HEADERS} headers at most"));
        }
        let mut headers = Vec::with_capacity(composition.headers.len());
        for (index, (name, value)) in composition.headers.iter().enumerate() {
            let path = format!("composition.headers.{index}.value");
            if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) || value.len() > 4096 {
                return wrong(path, "a header's value is up to 4,096 visible ASCII characters");
            }
            let template = Template::read(value).or_else(|problem| wrong(path, problem))?;
            headers.push((name.clone(), template));
        }
        let body = Body::read(composition)?;
        Ok(Self { method: composition.method, url, headers, body })
    }

    /// Checks that each placeholder names something that every one of these types has, by their schemas.
    ///
    /// # Errors
    /// With the first that does not, and the type that lacks it.
    pub fn check(&self, kinds: &[(EventType, Value)]) -> Result<(), ComposeError> {
        let mut lacks = Vec::new();
        let mut seen: HashSet<&Path> = HashSet::new();
        let mut count = 0;
        // Whether nothing further need be looked at: a path that stands in many places is held against the schemas once.
        let mut is_told = |path| {
            count += 1;
            if lacks.is_empty() && count <= MOST_PLACEHOLDERS && seen.insert(path) {
                let lacking = kinds.iter().find(|(_, schema)| !path.is_declared(schema));
                lacks.extend(lacking.map(|(kind, _)| (path, *kind)));
            }
            !lacks.is_empty() || count > MOST_PLACEHOLDERS
        };
        let place = self.place_of(&mut is_told);
        match (place, lacks.first()) {
            (Some(place), Some((path, kind))) => {
                let problem = format!(
                    "`@{{{{{}}}}}` is not in the events of type {}: name a member that it has, or leave the type out",
                    path.written(),
                    kind.name()
                );
                wrong(place, problem)
            }
            (Some(place), None) => wrong(
                place,
                format!(
                    "there may be {MOST_PLACEHOLDERS} placeholders at most in all: send a larger part of the event by one"
                ),
            ),
            (None, _) => Ok(()),
        }
    }

    /// Where the first path stands for which this holds.
    fn place_of<'a>(&'a self, holds: &mut dyn FnMut(&'a Path) -> bool) -> Option<String> {
        if self.url.paths().any(&mut *holds) {
            return Some("url".to_owned());
        }
        if let Some(index) = self.headers.iter().position(|(_, value)| value.paths().any(&mut *holds)) {
            return Some(format!("composition.headers.{index}.value"));
        }
        self.body.place_of(holds).map(|steps| body::place(&steps))
    }

    /// The request for an event; `body` is the event as every other webhook gets it, and `event` the same, read.
    ///
    /// # Errors
    /// Where the event's values cannot stand where they are to: the path says where.
    pub fn compose(&self, event: &Value, body: &[u8]) -> Result<Composed, ComposeError> {
        let url = self.url.fill(event).or_else(|problem| wrong("url", problem))?;
        let mut left = LONGEST_HEADERS;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (index, (name, template)) in self.headers.iter().enumerate() {
            let mut value = Written::new(left.saturating_sub(name.len()));
            if template.write(event, &mut value, Encoding::Plain, Encoding::Header).is_err() {
                let problem =
                    format!("the headers would have more than {LONGEST_HEADERS} bytes: name shorter members in them");
                return wrong(format!("composition.headers.{index}.value"), problem);
            }
            left = left.saturating_sub(name.len() + value.len());
            headers.push((name.clone(), value.into_text()));
        }
        let (content_type, body) = self.body.write(event, body)?;
        Ok(Composed { method: self.method, url, headers, content_type, body })
    }
}

#[cfg(test)]
mod tests;
