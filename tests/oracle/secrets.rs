//! Pull Secrets, right, odd and unreadable, with images that some of their keys serve.

use base64::Engine as _;
use serde_json::{Value, json};

use super::pairs;
use super::seed::Random;

/// A Secret as text, before the API server's base64.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) secret_type: &'static str,
    pub(crate) data_key: &'static str,
    pub(crate) text: Vec<u8>,
}

impl Made {
    /// Tells whether `kubectl create secret docker-registry` could have made it.
    pub(crate) fn is_docker_config(&self) -> bool {
        (self.secret_type, self.data_key) == ("kubernetes.io/dockerconfigjson", ".dockerconfigjson")
    }

    /// The object as the API server stores it.
    pub(crate) fn object(&self) -> Value {
        let data = base64::engine::general_purpose::STANDARD.encode(&self.text);
        json!({ "metadata": { "name": self.name }, "type": self.secret_type, "data": { self.data_key: data } })
    }
}

/// A few Secrets of one Pod, and images for which their keys were made.
pub(crate) fn pod(random: &mut Random) -> (Vec<Made>, Vec<String>) {
    let mut images = Vec::new();
    let secrets = (0..random.between(1, 3)).map(|number| made(random, number, &mut images)).collect();
    images.push(random.pick(&["nginx", "localhost/app", "quay.io/team/app", "MyReg/app"]).to_owned());
    (secrets, images)
}

fn made(random: &mut Random, number: usize, images: &mut Vec<String>) -> Made {
    let entries: Vec<String> = (0..random.between(0, 4))
        .map(|_| {
            let pair = pairs::pair(random);
            images.push(pair.image);
            let key = odd_key(random, &pair.key);
            let key = json_text(random, &key);
            format!("{key}:{}", entry(random))
        })
        .collect();
    let entries = format!("{{{}}}", entries.join(if random.once_in(2) { "," } else { " ,\n\t" }));
    let is_cfg = random.once_in(4);
    let text = if is_cfg { entries } else { config_json(random, &entries) };
    let mut text = text.into_bytes();
    if random.once_in(60) {
        let at = random.below(text.len());
        text[at] = random.pick(b"\"{}[],: \xff\x80\x00nt5");
    }
    if random.once_in(80) {
        text = random
            .pick(&["", "null", "[]", "{}", "5", "\"a:b\"", " null\n", "{\"auths\":null}", "\u{feff}{}"])
            .into();
    }
    let (secret_type, data_key) = match (is_cfg, random.below(40)) {
        (_, 0) => ("Opaque", ".dockerconfigjson"),
        (_, 1) => ("kubernetes.io/dockerconfigjson", ".dockercfg"),
        (_, 2) => ("kubernetes.io/dockercfg", ".dockerconfigjson"),
        (true, _) => ("kubernetes.io/dockercfg", ".dockercfg"),
        (false, _) => ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    };
    Made { name: format!("s{number}"), secret_type, data_key, text }
}

fn config_json(random: &mut Random, entries: &str) -> String {
    let auths = random.pick(&["auths", "auths", "auths", "Auths", "AUTHS", "auth\u{17f}", "auths ", "auth"]);
    let more = random.pick(&[
        "",
        "",
        "",
        r#","HttpHeaders":{"User-Agent":"Docker-Client/19.03"}"#,
        r#","HTTPHEADERS":{"a":null}"#,
        r#","credsStore":"desktop","credHelpers":{"quay.io":"x"},"plugins":{"a":{"b":5}}"#,
        r#","auths":null"#,
        r#","auths":{"quay.io":{"auth":"dTpw"},"docker.io":{}}"#,
    ]);
    let poison = if random.once_in(40) {
        random.pick(&[
            r#","HttpHeaders":{"a":5}"#,
            r#","HttpHeaders":[]"#,
            r#","auths":[]"#,
            r#","auths":"""#,
            "}",
            ",",
        ])
    } else {
        ""
    };
    format!("{{\"{auths}\":{entries}{more}{poison}}}")
}

/// One value of `auths`.
fn entry(random: &mut Random) -> String {
    if random.once_in(40) {
        return random
            .pick(&[
                r#"{"auth":"!"}"#,
                r#"{"auth":"dXNlcg=="}"#,
                r#"{"auth":"dTpw "}"#,
                r#"{"auth":"dTpwdw=="," auth":"dTpw"}"#,
                r#"{"auth":"dTpw="}"#,
                r#"{"auth":"dTpwd"}"#,
                r#"{"auth":5}"#,
                r#"{"username":["u"]}"#,
                r#"{"password":{}}"#,
                r#"{"email":true}"#,
                r#""dTpw""#,
                "[]",
                "5",
                "true",
                r#"{"auth":"\n"}"#,
            ])
            .to_owned();
    }
    random
        .pick(&[
            r#"{"username":"u","password":"p"}"#,
            r#"{"username":"u","password":"p","email":"e@example.com"}"#,
            r#"{"auth":"dTpw"}"#,
            r#"{"auth":"dTpwdw=="}"#,
            r#"{"auth":"dTpwdw"}"#,
            r#"{"auth":"dTpw\r\ndw=\n=\n"}"#,
            r#"{"auth":"dTp3dx=="}"#,
            r#"{"auth":"\u0064Tpw"}"#,
            r#"{"AUTH":"dTpw","UserName":"","paſſword":"p"}"#,
            r#"{"username":"u","auth":"Og=="}"#,
            r#"{"auth":"OnA="}"#,
            r#"{"auth":"","password":"p"}"#,
            r#"{"auth":"Og==","auth":null,"username":"u"}"#,
            r#"{"username":"u","username":null}"#,
            r#"{"username":"u","username":""}"#,
            r#"{"username":"u","USERNAME":"","pas\u0073word":"\ud800"}"#,
            r#"{"identitytoken":"t"}"#,
            r#"{"registrytoken":"t","provider":5}"#,
            "{}",
            "null",
        ])
        .to_owned()
}

/// The key, now and then with what a URL may have.
fn odd_key(random: &mut Random, key: &str) -> String {
    match random.below(30) {
        0 => format!("https://{key}/v1/"),
        1 => format!("http://{key}/v2/"),
        2 => format!("{key}/"),
        3 => format!("{key}?a=b"),
        4 => format!("{key}#a%"),
        5 => format!("{key}%2Fa"),
        6 => key.replacen('a', "%61", 1),
        7 => key.replacen('/', "%3F", 1),
        8 => key.replacen('/', "/v1/", 1),
        9 => format!("user:p@ss@{key}"),
        10 => format!("{key}/%23"),
        11 => random
            .pick(&["https://index.docker.io/v1/", "https://index.docker.io/v1", "https://", "/a"])
            .to_owned(),
        12 => random
            .pick(&["[::1%25%2525a]:5000", "[::B-Z]", "[::%25A-Z]", "[::1%25%25A-Z]", "[fe80::1%25eth0]"])
            .to_owned(),
        _ => key.to_owned(),
    }
}

/// A JSON string of this text, now and then with an escape that need not be.
fn json_text(random: &mut Random, text: &str) -> String {
    let written = Value::from(text).to_string();
    if random.once_in(20) { written.replacen('o', "\\u006f", 1) } else { written }
}
