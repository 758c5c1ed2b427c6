//! The keys for secrets, from the environment or from a file of `inlet dev`.

use std::path::Path;

use inlet_domain::{ambient::Ambient, secrets::Sealer};
use zeroize::Zeroizing;

use crate::{
    error::{InvalidKeys, ServerError},
    files,
};

/// Reads `1:<hex>,2:<hex>`; an entry without a version has version 1.
///
/// # Errors
/// The text holds no key, or an entry is malformed.
pub fn parse(text: &str, ambient: &Ambient) -> Result<Sealer, InvalidKeys> {
    let mut keys: Vec<(u8, [u8; 32])> = Vec::new();
    for (index, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
        let malformed = InvalidKeys::Malformed(index + 1);
        let (version, digits) = entry.split_once(':').unwrap_or(("1", entry));
        let version: u8 = version.trim().parse().ok().filter(|version| *version > 0).ok_or(malformed)?;
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim(), &mut *key).map_err(|_| malformed)?;
        if keys.iter().any(|(known, _)| *known == version) {
            return Err(InvalidKeys::Repeated(version));
        }
        keys.push((version, *key));
    }
    Sealer::new(keys, ambient.clone()).ok_or(InvalidKeys::Missing)
}

/// Reads the keys from a file of mode 0600. If the file does not exist, creates it with a random key.
///
/// # Errors
/// The file cannot be read or written, or holds no keys.
pub fn of_file(path: &Path, ambient: &Ambient) -> Result<Sealer, ServerError> {
    let text = match files::read_optional(path).map_err(ServerError::file("could not read", path))? {
        Some(bytes) => Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
        None => {
            let text = Zeroizing::new(format!("1:{}\n", hex::encode(ambient.random_256())));
            files::write_private(path, text.as_bytes()).map_err(ServerError::file("could not write", path))?;
            text
        }
    };
    Ok(parse(&text, ambient)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_and_refuses_what_is_no_key() {
        let ambient = Ambient::system();
        let key = "ab".repeat(32);
        assert!(parse(&key, &ambient).is_ok());
        assert!(parse(&format!("1:{key}, 2:{key}\n"), &ambient).is_ok());
        assert_eq!(parse("", &ambient).err(), Some(InvalidKeys::Missing));
        assert_eq!(parse(&format!("{key},1:{key}"), &ambient).err(), Some(InvalidKeys::Repeated(1)));
        for bad in ["x", "1:", "0:", "256:", "1:abcd"] {
            let text =
                format!("2:{key},{}", bad.replace("0:", &format!("0:{key}")).replace("256:", &format!("256:{key}")));
            assert_eq!(parse(&text, &ambient).err(), Some(InvalidKeys::Malformed(2)), "{bad}");
        }
    }

    #[test]
    fn the_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.key");
        of_file(&path, &Ambient::system()).unwrap();
        let first = std::fs::read(&path).unwrap();
        of_file(&path, &Ambient::system()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }
}
