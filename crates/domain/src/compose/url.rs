//! A URL with placeholders in its path and query.

use serde_json::Value;
use url::Url;

use super::{
    template::{Path, Piece, Template},
    written::{Encoding, Written},
};
use crate::model::target::TargetPolicy;

/// The most bytes of a composed URL.
const LONGEST: usize = 8 * 1024;

/// A URL with placeholders, in the normal form of the URL standard.
#[derive(Debug, Clone)]
pub(super) struct UrlTemplate {
    template: Template,
}

impl UrlTemplate {
    /// Reads a URL template, and checks the target as far as possible without DNS.
    pub(super) fn read(text: &str, targets: TargetPolicy) -> Result<Self, String> {
        let template = Template::read(text)?;
        let authority = text.find("://").map_or(0, |at| at + 3);
        let fixed = text[authority..].find(['/', '?', '#']).map_or(text.len(), |at| authority + at);
        if text.find("@{{").is_some_and(|at| at < fixed) {
            return Err("a placeholder may stand in the path or the query, not in the scheme, host or port".to_owned());
        }
        if text.split_once('#').is_some_and(|(_, fragment)| fragment.contains("@{{")) {
            return Err(
                "a placeholder after # has no effect, because the part after # is never sent: remove the placeholder"
                    .to_owned(),
            );
        }
        // The URL standard percent-encodes placeholders. So each is replaced by a plain word, and restored afterwards.
        let mut word = "placeholder".to_owned();
        while text.to_ascii_lowercase().contains(&word) {
            word.push('x');
        }
        let with_words = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Place(_) => word.as_str(),
        });
        let url = targets.check_url(&with_words.collect::<String>()).map_err(|error| error.to_string())?;
        let mut texts = url.as_str().split(&word);
        let mut pieces = vec![Piece::Text(texts.next().unwrap_or_default().to_owned())];
        for (path, text) in template.paths().zip(texts) {
            pieces.push(Piece::Place(path.clone()));
            pieces.push(Piece::Text(text.to_owned()));
        }
        Ok(Self { template: Template { pieces } })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.template.paths()
    }

    /// The URL for an event.
    pub(super) fn fill(&self, event: &Value) -> Result<Url, String> {
        let mut out = Written::new(LONGEST);
        let written = self.template.write(event, &mut out, Encoding::Plain, Encoding::Url);
        written.map_err(|_| format!("the URL would have more than {LONGEST} bytes: use shorter members in it"))?;
        let text = out.into_text();
        let url = Url::parse(&text).map_err(|error| error.to_string())?;
        if url.as_str() == text {
            Ok(url)
        } else {
            Err("a value of `.` or `..` between slashes would change the URL's path: use another member there"
                .to_owned())
        }
    }
}
