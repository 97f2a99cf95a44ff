//! Image names, most of them nearly right, with every oddity of the grammar on purpose.

use super::parts::{ADDRESSES, DISTURBING, HOSTS, ODD, PORTS, SEPARATORS, WRONG_SEPARATORS};
use super::seed::Random;

const HEX: &str = "0123456789abcdef";
const WORD: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// One image name.
pub(crate) fn image(random: &mut Random) -> String {
    if random.once_in(50) {
        return random.pick(ODD).to_owned();
    }
    if random.once_in(50) {
        // An image identifier, and what is nearly one.
        let length = random.between(63, 65);
        let alphabet = random.pick(&[HEX, HEX, HEX, "0123456789abcdefg", "0123456789abcdefABCDEF"]);
        return random.text(alphabet, length);
    }

    let mut host = if random.once_in(3) { String::new() } else { authority(random) + "/" };
    let mut path = path(random);
    if random.once_in(12) {
        let hosts = ["", "docker.io/", "index.docker.io/", "a.b/", "my_reg.example.com/", "localhost:1/"];
        host = String::from(random.pick(&hosts));
        path = path_of_nearly_255_bytes(random, &host);
    }
    let mut name = host + &path + &tag(random) + &digest(random);

    if random.once_in(30) {
        let scheme =
            random.pick(&["https://", "http://", "docker://", "oci://", "HTTPS://", "//", " ", "\n"]);
        name.insert_str(0, scheme);
    }
    if random.once_in(20) {
        name += random.pick(&["/", ":", "@", "\n", " ", "\t", "\0", "//", ":latest", "\r\n", "\u{2028}"]);
    }
    if random.once_in(4) {
        for _ in 0..random.between(1, 2) {
            name = disturbed(random, &name);
        }
    }
    name
}

/// A host with or without a port.
pub(crate) fn authority(random: &mut Random) -> String {
    let mut authority = match random.below(10) {
        0..4 => random.pick(HOSTS).to_owned(),
        4..6 => format!("[{}]", ipv6(random)),
        _ => (0..random.between(1, 4)).map(|_| label(random)).collect::<Vec<_>>().join("."),
    };
    if random.once_in(3) {
        authority += ":";
        authority += random.pick(PORTS);
    }
    authority
}

/// An address as it stands between brackets: a right one, a wrong one, or any run of its characters.
pub(crate) fn ipv6(random: &mut Random) -> String {
    match random.below(6) {
        0 => random.pick(ADDRESSES).to_owned(),
        1 => {
            let length = random.between(1, 12);
            random.text("0123456789abcdefABCDEF::::::", length)
        }
        _ => {
            let mut groups: Vec<String> = (0..8)
                .map(|_| {
                    let length = random.between(1, 4);
                    random.text("0123456789abcdefA", length)
                })
                .collect();
            if random.once_in(2) {
                let from = random.below(8);
                let to = random.between(from, 7);
                groups.splice(from..=to, [String::new()]);
            }
            let joined = groups.join(":");
            // An address that is shortened at one of its ends has two colons there.
            match (joined.starts_with(':'), joined.ends_with(':')) {
                (true, false) => format!(":{joined}"),
                (false, true) => joined + ":",
                _ => joined,
            }
        }
    }
}

fn label(random: &mut Random) -> String {
    let length = random.between(1, 8);
    let mut label = random.text(WORD, length);
    if random.once_in(6) {
        label = label.to_uppercase();
    }
    if random.once_in(6) {
        let separator = random.pick(&["-", "--", "_", "__"]);
        label += separator;
        // Without a second part the label ends in its separator, which is wrong.
        if !random.once_in(8) {
            label += &random.text(WORD, 2);
        }
    }
    label
}

fn path(random: &mut Random) -> String {
    (0..random.between(1, 4)).map(|_| component(random)).collect::<Vec<_>>().join("/")
}

/// One component of a repository path, seldom a wrong one.
pub(crate) fn component(random: &mut Random) -> String {
    if random.once_in(12) {
        return random
            .pick(&["v1", "v2", "library", "a", "0", "App", "", "localhost", "docker.io"])
            .to_owned();
    }
    let length = random.between(1, 6);
    let mut component = random.text(WORD, length);
    for _ in 0..random.pick(&[0, 0, 1, 2]) {
        let separators = if random.once_in(20) { WRONG_SEPARATORS } else { SEPARATORS };
        component += random.pick(separators);
        component += &random.text(WORD, 2);
    }
    component
}

/// The limit counts `library/`, where it is added, and the host, where it is no domain.
fn path_of_nearly_255_bytes(random: &mut Random, host: &str) -> String {
    let added = match host {
        "" | "docker.io/" | "index.docker.io/" => "library/".len(),
        "my_reg.example.com/" => host.len(),
        _ => 0,
    };
    let added = if random.once_in(4) { 0 } else { added };
    let length = random.between(253, 257) - added;
    let mut path = random.text(WORD, length);
    if random.once_in(2) {
        path.replace_range(100..101, random.pick(&["/", ".", "_", "-"]));
    }
    path
}

pub(crate) fn tag(random: &mut Random) -> String {
    match random.below(16) {
        0..6 => String::new(),
        6..12 => random.pick(&[":latest", ":1.2.3", ":V1_a-B", ":_", ":5000", ":0"]).to_owned(),
        12 => {
            let length = random.between(127, 129);
            format!(":{}", random.text("abcXYZ019_.-", length))
        }
        13 => {
            random.pick(&[":", ":.a", ":-a", ":a+b", ":a b", ":\u{212a}", ":\u{130}x", ":\u{e9}"]).to_owned()
        }
        _ => format!(":{}", component(random)),
    }
}

pub(crate) fn digest(random: &mut Random) -> String {
    if !random.once_in(5) {
        return String::new();
    }
    let (algorithm, right) = random.pick(&[("sha256", 64), ("sha256", 64), ("sha384", 96), ("sha512", 128)]);
    let algorithm = match random.below(12) {
        0 => random.pick(&[
            "md5",
            "sha1",
            "SHA256",
            "Sha512",
            "sha256+b64",
            "sha256.x",
            "a_b-c",
            "a__b",
            "1sha",
            "",
            "sha256:sha256",
            "x+Y",
            "blake3",
        ]),
        _ => algorithm,
    };
    let length = match random.below(8) {
        0 => random.pick(&[0, 31, 32, 33, right - 1, right + 1, 64, 96, 128]),
        _ => right,
    };
    let alphabet = match random.below(8) {
        0 => random.pick(&["0123456789ABCDEF", "0123456789abcdefA", "0123456789abcdefg"]),
        _ => HEX,
    };
    format!("@{algorithm}:{}", random.text(alphabet, length))
}

/// A text with one character more, less, changed, doubled, or in the other case.
pub(crate) fn disturbed(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = random.below(chars.len() + 1);
    if at == chars.len() || random.once_in(3) {
        chars.insert(at, disturbing(random));
        return chars.into_iter().collect();
    }
    match random.below(5) {
        0 => drop(chars.remove(at)),
        1 => chars.insert(at, chars[at]),
        2 => chars[at] = swap_case(chars[at]),
        3 => {
            let other = random.below(chars.len());
            chars.swap(at, other);
        }
        _ => chars[at] = disturbing(random),
    }
    chars.into_iter().collect()
}

fn disturbing(random: &mut Random) -> char {
    let characters: Vec<char> = DISTURBING.chars().collect();
    random.pick(&characters)
}

/// The letter in its other case, of ASCII only.
pub(crate) fn swap_case(letter: char) -> char {
    if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
}
