//! Images of one layer, packed without a container engine.

use std::env::consts::ARCH;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
/// The unit in which a tar archive counts.
const BLOCK: usize = 512;

/// What a registry stores of an image.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

/// A file of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    /// From the root, without the slash in front.
    pub(crate) path: &'a str,
    pub(crate) is_executable: bool,
    pub(crate) bytes: &'a [u8],
}

impl Image {
    /// With these files and settings, named as in the `config` member of an OCI image configuration.
    pub(crate) fn pack(files: &[File<'_>], settings: &Value) -> Self {
        let layer = archive(files);
        let config = json!({
            "architecture": if ARCH == "aarch64" { "arm64" } else { "amd64" },
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(&layer)]},
        })
        .to_string()
        .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": Self::media_type(),
            "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(&layer), "size": layer.len()}],
        })
        .to_string()
        .into_bytes();
        Self { layer, config, manifest }
    }

    pub(crate) fn media_type() -> &'static str {
        MANIFEST_TYPE
    }

    /// By which a manifest names the image.
    pub(crate) fn digest(&self) -> String {
        digest_of(&self.manifest)
    }

    /// A file that `ctr images import` and `docker load` read.
    pub(crate) fn saved_as(&self, name: &str) -> Vec<u8> {
        let index =
            json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).to_string();
        let file = |path, bytes| File { path, is_executable: false, bytes };
        archive(&[
            file("manifest.json", index.as_bytes()),
            file("config.json", &self.config),
            file("layer.tar", &self.layer),
        ])
    }
}

/// The name of a blob.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hex: String = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A tar archive in the oldest form that all read.
fn archive(files: &[File<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for file in files {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, file.path);
        put(100, if file.is_executable { "0000755" } else { "0000644" });
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", file.bytes.len()));
        put(136, "00000000000");
        // While the sum of the header is taken, the place for it holds blanks.
        put(148, "        ");
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(file.bytes);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}
