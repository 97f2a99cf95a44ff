//! pullkey's own image, as the last stage of the Dockerfile describes it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::image::{File, Image};
use super::support::markdown::read;

/// Says why there can be no image.
pub(crate) fn probe() -> Result<(), String> {
    let program =
        program().ok_or("PULLKEY_PROGRAM names no program; `make test-node` builds the one for the image")?;
    let output = Command::new("readelf").args(["--program-headers", "--wide"]).arg(&program).output();
    let output = output.map_err(|error| format!("readelf: {error}"))?;
    if String::from_utf8_lossy(&output.stdout).contains("INTERP") {
        return Err(format!("{} needs other files, and its image has none", program.display()));
    }
    Ok(())
}

/// The image that `docker build` would make: the program, and the settings of the last stage.
pub(crate) fn image() -> Image {
    let program = program().expect("it was there before");
    let bytes = fs::read(&program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let (path, settings) = last_stage(&read("Dockerfile"));
    Image::pack(&[File { path: &path, is_executable: true, bytes: &bytes }], &settings)
}

fn program() -> Option<PathBuf> {
    env::var_os("PULLKEY_PROGRAM").filter(|named| !named.is_empty()).map(PathBuf::from)
}

/// Where the program stands, and the settings as an image has them.
fn last_stage(dockerfile: &str) -> (String, Value) {
    let (_, stage) = dockerfile.split_once("\nFROM scratch\n").expect("the last stage begins with nothing");
    let stage = stage.replace("\\\n", " ");
    let lines = stage.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut path, mut settings, mut variables) = (None, Map::new(), Vec::new());
    for line in lines {
        let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
        match instruction {
            "COPY" => path = rest.split(' ').next_back().map(|path| path.trim_start_matches('/').to_owned()),
            "ENV" => variables.push(rest.to_owned()),
            "USER" => drop(settings.insert("User".to_owned(), json!(rest))),
            "ENTRYPOINT" => {
                let words: Value = serde_json::from_str(rest).expect("the entry point is a list");
                settings.insert("Entrypoint".to_owned(), words);
            }
            // What they say changes nothing in a cluster.
            "LABEL" | "EXPOSE" => {}
            other => panic!("the Dockerfile has an instruction that this test does not know: {other}"),
        }
    }
    settings.insert("Env".to_owned(), json!(variables));
    (path.expect("the last stage copies the program"), Value::Object(settings))
}
