//! Composed requests: requests of a webhook in the form that its owner describes. All values come from the event. Each
//! is encoded for its place, so that no value can change the URL's structure, add a header or break the body.

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
    /// The HTTP method of a composed request.
    Method {
        /// All values are in the URL.
        Get = "get",
        /// Has a body.
        Post = "post",
        /// Has a body.
        Put = "put",
        /// Has a body.
        Patch = "patch",
        /// Has no body.
        Delete = "delete",
    }
}

impl Method {
    fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

text_enum! {
    /// The format of a composed body.
    BodyFormat {
        /// `application/json`.
        Json = "json",
        /// `application/x-www-form-urlencoded`.
        Form = "form",
        /// `multipart/form-data`.
        Multipart = "multipart",
    }
}

/// The form of a webhook's requests. The URL is a template too, and belongs to the webhook itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composition {
    /// The HTTP method.
    pub method: Method,
    /// Names and values. The values are templates.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The format of the body.
    pub body_format: BodyFormat,
    /// JSON whose texts are templates. For a form, an object of texts. `None` sends the event itself.
    #[serde(default)]
    pub body: Option<Value>,
}

/// An error in a composition, with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ComposeError {
    /// The position, such as `composition.body.status` or `url`.
    pub path: String,
    /// The problem and its remedy.
    pub problem: String,
}

fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, ComposeError> {
    Err(ComposeError { path: path.into(), problem: problem.into() })
}

/// The most headers.
const MOST_HEADERS: usize = 50;
/// The most bytes of all composed headers, names and values: servers accept about 32 KiB.
const LONGEST_HEADERS: usize = 32 * 1024;
/// The most placeholders of a composition: each is checked against the schema of each type.
const MOST_PLACEHOLDERS: usize = 1_000;

/// A composition that has been read and is ready to compose requests.
#[derive(Debug, Clone)]
pub struct Composer {
    method: Method,
    url: UrlTemplate,
    headers: Vec<(String, Template)>,
    body: Body,
}

/// A composed request without its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The method.
    pub method: Method,
    /// The target.
    pub url: ::url::Url,
    /// Headers beside those of every webhook; visible ASCII.
    pub headers: Vec<(String, String)>,
    /// The content type of the body, if there is one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Composer {
    /// Reads a composition. The caller checks the names of its headers.
    ///
    /// # Errors
    /// The first problem, with its position.
    pub fn read(url: &str, composition: &Composition, targets: TargetPolicy) -> Result<Self, ComposeError> {
        let url = UrlTemplate::read(url, targets).or_else(|problem| wrong("url", problem))?;
        if composition.headers.len() > MOST_HEADERS {
            return wrong("composition.headers", format!("a composition has at most {MOST_HEADERS} headers"));
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

    /// Checks that every one of these types has the member of each placeholder, by their schemas.
    ///
    /// # Errors
    /// The first placeholder without a member, and the type that lacks it.
    pub fn check(&self, kinds: &[(EventType, Value)]) -> Result<(), ComposeError> {
        let mut lacks = Vec::new();
        let mut seen: HashSet<&Path> = HashSet::new();
        let mut count = 0;
        // Stops the search when it returns true. Each distinct path is checked against the schemas once.
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
                    "`@{{{{{}}}}}` is not in the events of type {}: use a member that they have, or remove the type",
                    path.written(),
                    kind.name()
                );
                wrong(place, problem)
            }
            (Some(place), None) => wrong(
                place,
                format!(
                    "a composition has at most {MOST_PLACEHOLDERS} placeholders: send a larger part of the event by one placeholder"
                ),
            ),
            (None, _) => Ok(()),
        }
    }

    /// The position of the first path for which `holds` is true.
    fn place_of<'a>(&'a self, holds: &mut dyn FnMut(&'a Path) -> bool) -> Option<String> {
        if self.url.paths().any(&mut *holds) {
            return Some("url".to_owned());
        }
        if let Some(index) = self.headers.iter().position(|(_, value)| value.paths().any(&mut *holds)) {
            return Some(format!("composition.headers.{index}.value"));
        }
        self.body.place_of(holds).map(|steps| body::place(&steps))
    }

    /// The request for an event. `body` is the event's own body, and `event` its parsed form.
    ///
    /// # Errors
    /// A value of the event is impossible in its place, or the request exceeds a bound; the path has the position.
    pub fn compose(&self, event: &Value, body: &[u8]) -> Result<Composed, ComposeError> {
        let url = self.url.fill(event).or_else(|problem| wrong("url", problem))?;
        let mut left = LONGEST_HEADERS;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (index, (name, template)) in self.headers.iter().enumerate() {
            let mut value = Written::new(left.saturating_sub(name.len()));
            if template.write(event, &mut value, Encoding::Plain, Encoding::Header).is_err() {
                let problem =
                    format!("the headers would have more than {LONGEST_HEADERS} bytes: use shorter members in them");
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
