//! The text of a pull Secret as Go's `encoding/json` and the kubelet's `config.go` read it.
//!
//! One entry that cannot be read makes the whole Secret unreadable, and then every pull of a Pod that
//! names it fails, for whatever registry. Values are borrowed, looked at and forgotten.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::value::RawValue;

use super::{Key, url};
use crate::engine::json::RawMembers;

/// Go takes bits behind the last byte for what they are: nothing.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    LENIENT.with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    LENIENT.with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// What the kubelet makes of one Secret that a Pod names as a pull secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullSecret {
    /// The kubelet passes it over in silence.
    Ignored(Ignored),
    /// The kubelet cannot read it, and pulls nothing for a Pod that names it.
    Malformed(Malformed),
    /// Its `auths` keys, in the order of the text; there may be none.
    Keys(Vec<Key>),
}

/// The two forms of pull credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.dockerconfigjson`, whose `auths` are the entries. Docker's own `config.json` is one.
    ConfigJson,
    /// `.dockercfg`, which is the entries.
    Cfg,
}

/// Why a Secret holds nothing for the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Its type is none of the two.
    Type,
    /// The member that its type wants is missing or empty.
    NoData(Format),
}

/// Why the kubelet cannot read a Secret; no value of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The entry, when it is one.
    key: Option<String>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Json { line: usize, column: usize },
    Object(&'static str),
    Text(&'static str),
    Base64,
    NoColon,
}

impl Format {
    /// The format that a type of Secret stands for.
    #[must_use]
    pub fn of_type(secret_type: &str) -> Option<Self> {
        [Self::ConfigJson, Self::Cfg].into_iter().find(|format| format.secret_type() == secret_type)
    }

    /// The type of a Secret in this format.
    #[must_use]
    pub fn secret_type(self) -> &'static str {
        match self {
            Self::ConfigJson => "kubernetes.io/dockerconfigjson",
            Self::Cfg => "kubernetes.io/dockercfg",
        }
    }

    /// The member of `data` that holds the credentials.
    #[must_use]
    pub fn data_key(self) -> &'static str {
        match self {
            Self::ConfigJson => ".dockerconfigjson",
            Self::Cfg => ".dockercfg",
        }
    }

    /// Reads the keys out of the credentials.
    ///
    /// # Errors
    /// The kubelet cannot read the text.
    pub fn read(self, text: &[u8]) -> Result<Vec<Key>, Malformed> {
        // Go replaces what is no UTF-8 inside a JSON string, and refuses it elsewhere, as JSON does.
        let text = String::from_utf8_lossy(text);
        let top: &RawValue = serde_json::from_str(&text)
            .map_err(|error| Malformed::whole(Fault::Json { line: error.line(), column: error.column() }))?;
        let entries = match self {
            Self::Cfg => {
                let mut found = Entries::default();
                entries(top, "the content", &mut found)?;
                found
            }
            Self::ConfigJson => config_json(top)?,
        };
        Ok(entries.in_order().map(|(key, has_login)| Key::new(&key, has_login)).collect())
    }
}

impl PullSecret {
    /// Reads a Secret of this type; `data` gives a member of its data, decoded.
    pub fn read<'d>(secret_type: &str, data: impl FnOnce(&str) -> Option<&'d [u8]>) -> Self {
        let Some(format) = Format::of_type(secret_type) else { return Self::Ignored(Ignored::Type) };
        match data(format.data_key()) {
            None | Some([]) => Self::Ignored(Ignored::NoData(format)),
            Some(text) => format.read(text).map_or_else(Self::Malformed, Self::Keys),
        }
    }
}

/// The entries of `auths`: for each key its place in the text, and whether it has a login.
#[derive(Default)]
struct Entries {
    by_key: HashMap<String, (usize, bool)>,
    read: usize,
}

impl Entries {
    /// Of entries with the same key the last one counts.
    fn put(&mut self, key: String, has_login: bool) {
        self.by_key.insert(key, (self.read, has_login));
        self.read += 1;
    }

    fn in_order(self) -> impl Iterator<Item = (String, bool)> {
        let mut entries: Vec<_> = self.by_key.into_iter().collect();
        entries.sort_unstable_by_key(|(_, (place, _))| *place);
        entries.into_iter().map(|(key, (_, has_login))| (key, has_login))
    }
}

fn config_json(top: &RawValue) -> Result<Entries, Malformed> {
    let mut found = Entries::default();
    for (name, value) in members(top).ok_or(Malformed::whole(Fault::Object("the content")))? {
        if is_member(&name, "auths") {
            // A second `auths` is read into what the first has left.
            if value.get() == "null" {
                found = Entries::default();
            }
            entries(value, "auths", &mut found)?;
        } else if is_member(&name, "HttpHeaders") {
            let headers = members(value).ok_or(Malformed::whole(Fault::Object("HttpHeaders")))?;
            for (_, value) in headers {
                text(value, "a value of HttpHeaders").map_err(Malformed::whole)?;
            }
        }
    }
    Ok(found)
}

fn entries(value: &RawValue, called: &'static str, found: &mut Entries) -> Result<(), Malformed> {
    for (key, value) in members(value).ok_or(Malformed::whole(Fault::Object(called)))? {
        let has_login =
            has_login(value).map_err(|fault| Malformed { key: Some(url::redacted(&key)), fault })?;
        found.put(key, has_login);
    }
    Ok(())
}

/// Tells whether an entry has a user or a password (`DockerConfigEntry.UnmarshalJSON`).
fn has_login(entry: &RawValue) -> Result<bool, Fault> {
    let (mut user, mut password, mut auth) = ("\"\"", "\"\"", "\"\"");
    for (name, value) in members(entry).ok_or(Fault::Object("the entry"))? {
        let (slot, called) = match () {
            () if is_member(&name, "username") => (Some(&mut user), "username"),
            () if is_member(&name, "password") => (Some(&mut password), "password"),
            () if is_member(&name, "auth") => (Some(&mut auth), "auth"),
            () if is_member(&name, "email") => (None, "email"),
            () => continue,
        };
        let text = text(value, called)?;
        // Null leaves what an earlier member of the same name says.
        if let (Some(slot), Some(text)) = (slot, text) {
            *slot = text;
        }
    }
    if auth == "\"\"" {
        return Ok(user != "\"\"" || password != "\"\"");
    }
    let auth: Cow<'_, str> = serde_json::from_str(auth).map_err(|_| Fault::Base64)?;
    let is_padded = auth.trim().ends_with('=');
    let auth: String = auth.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let decoded = if is_padded { PADDED.decode(auth) } else { UNPADDED.decode(auth) };
    let decoded = decoded.map_err(|_| Fault::Base64)?;
    if decoded.contains(&b':') { Ok(decoded != b":") } else { Err(Fault::NoColon) }
}

/// The members of an object, none for null; nothing when the value is neither.
fn members(value: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    match value.get().as_bytes().first() {
        Some(b'{') => {}
        Some(b'n') => return Some(Vec::new()),
        _ => return None,
    }
    let RawMembers(members) = serde_json::from_str(value.get()).ok()?;
    // Half of a character, which Go replaces and JSON in Rust refuses, is in no registry's name.
    let name = |name: &RawValue| serde_json::from_str(name.get()).unwrap_or_else(|_| "\u{fffd}".to_owned());
    Some(members.into_iter().map(|(key, value)| (name(key), value)).collect())
}

/// A JSON string as it is written, or nothing for null; `what` is said of any other value.
fn text<'v>(value: &'v RawValue, what: &'static str) -> Result<Option<&'v str>, Fault> {
    match value.get().as_bytes().first() {
        Some(b'"') => Ok(Some(value.get())),
        Some(b'n') => Ok(None),
        _ => Err(Fault::Text(what)),
    }
}

/// Go finds a member whatever its case, and takes the long s for an s.
fn is_member(name: &str, wanted: &str) -> bool {
    name.replace('\u{17f}', "s").eq_ignore_ascii_case(wanted)
}

impl Malformed {
    fn whole(fault: Fault) -> Self {
        Self { key: None, fault }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Json { line, column } => write!(f, "it is no JSON (line {line}, column {column})")?,
            Fault::Object(what) => write!(f, "{what} is no object")?,
            Fault::Text(what) => write!(f, "{what} is no text")?,
            Fault::Base64 => f.write_str("auth is not base64")?,
            Fault::NoColon => f.write_str("auth has no colon between user and password")?,
        }
        match &self.key {
            Some(key) => write!(f, " (at {key:?})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}
