//! Whether a store's address may be called: said when it is entered, not only when it is first used.
//!
//! `connectors::http` refuses private addresses at every call, also when a name changes its mind later.

use std::time::Duration;

use url::{Host, Url};

use crate::connectors::http::{HostPolicy, is_private};
use crate::connectors::settings::SettingKind;
use crate::connectors::{InvalidSetting, SettingField, Settings};

/// Time to resolve a name. One that can't be resolved now may be later; calling it will tell.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);
const REFUSED: &str = "is a private address; set ASSENT_ALLOW_PRIVATE_HOSTS=true if that is meant";

/// Refuses settings that name a host which is, or resolves to, a private address.
///
/// # Errors
/// The setting at fault.
pub(crate) async fn check(
    policy: HostPolicy,
    fields: &[SettingField],
    settings: &Settings,
) -> Result<(), InvalidSetting> {
    if policy == HostPolicy::AllowPrivate {
        return Ok(());
    }
    for field in fields {
        if let Some(host) = settings.text(field.name).and_then(|text| host_in(field, text))
            && leads_inside(host).await
        {
            return Err(InvalidSetting::new(field.name, REFUSED));
        }
    }
    Ok(())
}

/// The host of a setting that holds an address, or of one that is named a domain.
fn host_in(field: &SettingField, text: &str) -> Option<Host> {
    let url = match field.kind {
        SettingKind::Url => Url::parse(text).ok()?,
        SettingKind::Text if field.name.ends_with("Domain") => Url::parse(&format!("https://{text}")).ok()?,
        SettingKind::Text | SettingKind::TextList => return None,
    };
    url.host().map(|host| host.to_owned())
}

async fn leads_inside(host: Host) -> bool {
    match host {
        Host::Ipv4(ip) => is_private(ip.into()),
        Host::Ipv6(ip) => is_private(ip.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            if name == "localhost" || name.ends_with(".localhost") {
                return true;
            }
            let lookup = tokio::net::lookup_host((name.as_str(), 443));
            match tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await {
                Ok(Ok(mut addresses)) => addresses.any(|address| is_private(address.ip())),
                Ok(Err(_)) | Err(_) => false,
            }
        }
    }
}
