//! The certificates: what the API server trusts, and what each replica serves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;

use super::finding::{Check, Finding};
use super::home::Home;
use super::installation::Installation;
use crate::certs::bundle::{BYTES_MAX, Bundle, CERTIFICATES_MAX};
use crate::certs::trust;

/// A certificate of files is renewed by hand or by cert-manager; so long before its end somebody should look.
const FILES_WARN: SignedDuration = SignedDuration::from_hours(14 * 24);
const FILES_LATE: SignedDuration = SignedDuration::from_hours(24);

/// What `serve` issues without the flag.
const OWN_LIFE: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn examine(installation: &Installation, home: &Home) -> Vec<Finding> {
    let Some(webhook) = installation.webhook() else { return Vec::new() };
    let encoded = webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(encoded).unwrap_or_default();
    let bundle = Bundle::parse(&bytes);
    let mut findings = bundle_itself(installation, home, &bytes, &bundle);
    // What nobody trusts need not be compared.
    let is_usable = findings.is_empty();
    for replica in &home.replicas {
        let Some(pem) = replica.certificate.found() else { continue };
        let chain = Bundle::parse(pem.as_bytes());
        let chain: Vec<CertificateDer<'_>> =
            chain.anchors().iter().map(|anchor| CertificateDer::from(anchor.der().to_vec())).collect();
        findings.extend(served(installation, home, &replica.pod, &chain, is_usable.then_some(&bundle)));
    }
    findings
}

fn bundle_itself(installation: &Installation, home: &Home, bytes: &[u8], bundle: &Bundle) -> Vec<Finding> {
    let object = installation.object();
    let text = String::from_utf8_lossy(bytes);
    let fix = if home.publishes() {
        format!(
            "the replicas put it right by themselves within seconds; if they do not, see why: kubectl -n {} logs deployment/{}",
            home.namespace,
            home.deployment_name().unwrap_or_default()
        )
    } else {
        "set the CA of the served certificate: certs/set-ca".to_owned()
    };
    let mut findings = Vec::new();
    if bundle.anchors().is_empty() {
        let problem = if bytes.is_empty() {
            "its caBundle is empty: the API server trusts no certificate of a replica, and every Pod that is sent is refused"
        } else {
            "its caBundle has no certificate: every Pod that is sent is refused"
        };
        findings.push(Finding::problem(Check::Bundle, &object, problem, fix));
    } else if text.contains("-----END CERTIFICATE----------BEGIN") {
        let problem =
            "in its caBundle a line end is missing between two certificates: the API server loses both";
        findings.push(Finding::problem(Check::Bundle, &object, problem, fix));
    } else if !bundle.fits() {
        let problem = format!(
            "its caBundle has more than {CERTIFICATES_MAX} certificates or {} KiB, which costs the API server memory at every change",
            BYTES_MAX / 1024
        );
        let fix = "take out what is not pullkey's; with your own files, give only the CA that signed the certificate";
        findings.push(Finding::warning(Check::Bundle, &object, problem, fix));
    }
    findings
}

/// What one replica serves; `bundle` is what is trusted.
fn served(
    installation: &Installation,
    home: &Home,
    pod: &str,
    chain: &[CertificateDer<'_>],
    bundle: Option<&Bundle>,
) -> Vec<Finding> {
    let object = home.pod_object(pod);
    let Some(leaf) = chain.first() else { return Vec::new() };
    let restart = format!("kubectl -n {} delete pod {pod}", home.namespace);
    let mut findings = Vec::new();
    let host = format!("{}.{}.svc", home.service_name, home.namespace);
    if !trust::is_for(leaf, &host) {
        let problem =
            format!("the certificate that it serves is not for {host}, which the API server asks for");
        let fix = if home.publishes() {
            "set --dns-name to that name in its arguments".to_owned()
        } else {
            format!("issue a certificate for {host} (certs/README.md)")
        };
        findings.push(Finding::problem(Check::CertificateName, &object, problem, fix));
    }
    if let Some(reason) =
        bundle.and_then(|bundle| trust::verify(chain, bundle.anchors(), installation.now).err())
    {
        let problem = format!(
            "the API server does not trust the certificate that it serves ({reason}): Pods that are sent to it are refused"
        );
        let fix = if home.publishes() {
            format!(
                "see in its log why it cannot publish the certificate, such as a right that is missing: kubectl -n {} logs {pod}",
                home.namespace
            )
        } else {
            "set the CA of the served certificate: certs/set-ca".to_owned()
        };
        findings.push(Finding::problem(Check::CertificateTrust, &object, problem, fix));
    }
    if let Some((from, to)) = trust::validity(leaf) {
        findings.extend(time(home, &object, installation.now, from, to, &restart));
    }
    findings
}

/// Says when a renewal is late.
fn time(
    home: &Home,
    object: &str,
    now: Timestamp,
    from: Timestamp,
    to: Timestamp,
    restart: &str,
) -> Option<Finding> {
    let left = to.duration_since(now);
    let (warn, late, fix) = if home.publishes() {
        // Its own begin an hour before they are issued, and are renewed at two thirds of their life.
        let life = home.program().and_then(|program| program.option("--certificate-life"));
        let life = life.and_then(|life| life.parse().ok()).unwrap_or(OWN_LIFE);
        (life / 4, life / 8, restart.to_owned())
    } else {
        let fix = "renew it (certs/README.md), or see why cert-manager does not".to_owned();
        let life = to.duration_since(from);
        (FILES_WARN.min(life / 4), FILES_LATE.min(life / 8), fix)
    };
    if left >= warn {
        return None;
    }
    let problem = if left <= SignedDuration::ZERO {
        format!("the certificate that it serves expired at {to}: Pods that are sent to it are refused")
    } else {
        format!("the certificate that it serves ends at {to}, and has not been renewed")
    };
    Some(if left < late {
        Finding::problem(Check::CertificateTime, object, problem, fix)
    } else {
        Finding::warning(Check::CertificateTime, object, problem, fix)
    })
}
