//! URLs that a tenant may have Inlet call. The client checks the addresses of a name again when it connects.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::{InnerAddress, inner};

/// Exceptions from "https and public addresses only".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetPolicy {
    /// Allows the machine itself, by http too, for development.
    pub allow_loopback: bool,
    /// Allows http to public addresses.
    pub allow_http: bool,
}

/// The reason why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The text is no absolute URL.
    #[error("this is not an absolute URL: {0}")]
    Unreadable(#[from] url::ParseError),
    /// The URL is longer than 2,048 bytes.
    #[error("a URL has at most 2048 bytes: use a shorter one")]
    TooLong,
    /// The scheme is neither http nor https.
    #[error("a URL begins with {allowed}, and not with `{scheme}:`")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// The allowed schemes.
        allowed: &'static str,
    },
    /// The scheme is http, but only https is allowed.
    #[error("the URL must begin with https://: http is not allowed for this host")]
    Insecure,
    /// The URL has a user name or password, which logs would show.
    #[error("a URL may not contain a user name or password: the request is signed instead")]
    Credentials,
    /// The URL has no host.
    #[error("the URL has no host: add one")]
    NoHost,
    /// The address is an inner one.
    #[error("{address} is not a public address ({kind})")]
    Inner {
        /// The address as it was parsed.
        address: String,
        /// The kind of address.
        kind: InnerAddress,
    },
}

impl TargetPolicy {
    /// Whether a connection to `address` may be opened.
    ///
    /// # Errors
    /// The kind of the inner address.
    pub fn check_address(self, address: IpAddr) -> Result<(), InnerAddress> {
        match inner(address) {
            None => Ok(()),
            Some(InnerAddress::Loopback) if self.allow_loopback => Ok(()),
            Some(kind) => Err(kind),
        }
    }

    /// Parses a URL and checks everything that needs no DNS: scheme, credentials, host, and a literal address in every
    /// spelling that a browser accepts.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check_url(self, text: &str) -> Result<Url, TargetError> {
        if text.len() > 2048 {
            return Err(TargetError::TooLong);
        }
        let url = Url::parse(text)?;
        self.check(&url)?;
        Ok(url)
    }

    /// As [`TargetPolicy::check_url`], for a parsed URL.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(self, url: &Url) -> Result<(), TargetError> {
        if !matches!(url.scheme(), "http" | "https") {
            let allowed = match (self.allow_http, self.allow_loopback) {
                (true, _) => "`https://` or `http://`",
                (false, true) => "`https://`, or to this machine with `http://`",
                (false, false) => "`https://`",
            };
            return Err(TargetError::Scheme { scheme: url.scheme().to_owned(), allowed });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let refuse = |address: String, kind| Err(TargetError::Inner { address, kind });
        let loopback = match url.host() {
            None | Some(Host::Domain("")) => return Err(TargetError::NoHost),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                let local = name == "localhost" || name.ends_with(".localhost");
                if local && !self.allow_loopback {
                    return refuse(name.to_owned(), InnerAddress::Loopback);
                }
                local
            }
            Some(Host::Ipv4(address)) => match self.check_address(address.into()) {
                Ok(()) => address.is_loopback(),
                Err(kind) => return refuse(address.to_string(), kind),
            },
            Some(Host::Ipv6(address)) => match self.check_address(address.into()) {
                Ok(()) => address.is_loopback(),
                Err(kind) => return refuse(address.to_string(), kind),
            },
        };
        if url.scheme() == "http" && !self.allow_http && !loopback { Err(TargetError::Insecure) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: TargetPolicy = TargetPolicy { allow_loopback: false, allow_http: false };
    const DEVELOPMENT: TargetPolicy = TargetPolicy { allow_loopback: true, allow_http: false };

    #[test]
    fn takes_https_to_a_name_or_a_public_address() {
        for good in ["https://example.com/hook?a=b", "https://1.1.1.1:8443/", "https://[2606:4700::1111]/"] {
            STRICT.check_url(good).unwrap();
        }
    }

    #[test]
    fn refuses_an_inner_address_in_every_spelling() {
        for inner in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://１２７.０.０.１/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
        ] {
            assert!(matches!(STRICT.check_url(inner), Err(TargetError::Inner { .. })), "{inner}");
        }
    }

    #[test]
    fn refuses_what_is_no_plain_web_target() {
        assert!(matches!(STRICT.check_url("ftp://example.com/"), Err(TargetError::Scheme { .. })));
        assert!(matches!(STRICT.check_url("file:///etc/passwd"), Err(TargetError::Scheme { .. })));
        assert_eq!(STRICT.check_url("http://example.com/"), Err(TargetError::Insecure));
        assert_eq!(STRICT.check_url("https://user@example.com/"), Err(TargetError::Credentials));
        assert_eq!(STRICT.check_url("https://:pass@example.com/"), Err(TargetError::Credentials));
        assert!(matches!(STRICT.check_url("example.com"), Err(TargetError::Unreadable(_))));
        assert!(matches!(STRICT.check_url("https://"), Err(TargetError::Unreadable(_))));
        assert_eq!(STRICT.check_url(&format!("https://example.com/{}", "a".repeat(2048))), Err(TargetError::TooLong));
    }

    #[test]
    fn the_development_switch_lets_loopback_through_and_nothing_else() {
        for good in ["http://127.0.0.1:9009/", "http://localhost:9009/", "http://[::1]:9009/"] {
            DEVELOPMENT.check_url(good).unwrap();
        }
        assert_eq!(DEVELOPMENT.check_url("http://example.com/"), Err(TargetError::Insecure));
        assert!(DEVELOPMENT.check_url("http://10.0.0.1/").is_err());
        let told = DEVELOPMENT.check_url("ftp://localhost/").unwrap_err().to_string();
        assert!(told.contains("to this machine with `http://`, and not with `ftp:`"), "{told}");
        assert!(DEVELOPMENT.check_url("http://[::ffff:127.0.0.1]/").is_err());
    }
}
