//! What holds of an integration: what its project says, and where it says nothing what the catalogue says.

use std::collections::BTreeMap;

use super::definition::IntegrationDefinition;
use super::service::{
    AnswerCaching, Authorization, BatchedPath, Probe, RateLimit, RetryClasses, Service, Sla, SyncMethod,
};
use super::signature::SignatureScheme;

/// See the file's comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// Address below which it is called, without a slash at its end; none: it is not called.
    pub base_url: Option<String>,
    /// Where its credential goes.
    pub authorization: Authorization,
    /// Where access tokens are had (OAuth 2).
    pub token_url: Option<String>,
    /// What they are to be good for.
    pub scope: Option<String>,
    /// Further headers of each call.
    pub headers: BTreeMap<String, String>,
    /// How its data reaches the project.
    pub sync: SyncMethod,
    /// How, when its webhooks stay away.
    pub fallback: Option<SyncMethod>,
    /// Time between two polls, in seconds.
    pub poll_interval_s: Option<u32>,
    /// What polls ask for; none: what the probe asks for.
    pub poll_path: Option<String>,
    /// Calls that it takes.
    pub rate_limit: Option<RateLimit>,
    /// What is expected of it.
    pub sla: Sla,
    /// How its webhooks are signed; none: they are not taken.
    pub signature: Option<SignatureScheme>,
    /// Header by which it knows a call again.
    pub idempotency_header: Option<String>,
    /// Says whether it is there.
    pub probe: Option<Probe>,
    /// Answers that may be given again.
    pub caching: AnswerCaching,
    /// Calls that may go together.
    pub batches: Vec<BatchedPath>,
    /// What may be tried again.
    pub retry: RetryClasses,
}

impl Effective {
    /// Puts both together. The service is none for what is not, or no longer, in the catalogue.
    #[must_use]
    pub fn of(service: Option<&Service>, definition: &IntegrationDefinition) -> Self {
        let of_service = |get: fn(&Service) -> Option<String>| service.and_then(get);
        let base_url = definition
            .base_url
            .clone()
            .or_else(|| of_service(|service| service.base_url.clone()));
        let authorization = definition.authorization.clone();
        let mut headers = service.map(|service| service.headers.clone()).unwrap_or_default();
        headers.extend(definition.headers.clone());
        Self {
            base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()),
            authorization: authorization
                .or_else(|| service.map(|service| service.authorization.clone()))
                .unwrap_or(Authorization::Bearer),
            token_url: definition
                .token_url
                .clone()
                .or_else(|| of_service(|service| service.token_url.clone())),
            scope: definition.scope.clone(),
            headers,
            sync: definition
                .sync
                .or_else(|| service.map(|service| service.sync))
                .unwrap_or(SyncMethod::Manual),
            poll_interval_s: definition
                .poll_interval_s
                .or_else(|| service.and_then(|service| service.poll_interval_s)),
            fallback: service.and_then(|service| service.fallback),
            poll_path: definition
                .poll_path
                .clone()
                .or_else(|| of_service(|service| service.poll_path.clone())),
            rate_limit: definition
                .rate_limit
                .or_else(|| service.and_then(|service| service.rate_limit)),
            sla: definition
                .sla
                .or_else(|| service.map(|service| service.sla))
                .unwrap_or_default(),
            signature: definition
                .signature
                .clone()
                .or_else(|| service.and_then(|service| service.signature.clone())),
            idempotency_header: of_service(|service| service.idempotency_header.clone()),
            probe: service.and_then(|service| service.probe.clone()),
            caching: service.map(|service| service.caching.clone()).unwrap_or_default(),
            batches: service.map(|service| service.batches.clone()).unwrap_or_default(),
            retry: service.map(|service| service.retry.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Name;

    #[test]
    fn what_the_project_says_goes_before_what_the_catalogue_says() {
        let service: Service = toml::from_str(
            r#"
            id = "vendor"
            name = "Vendor"
            category = "tests"
            sync = "webhook"
            base_url = "https://api.vendor.example/"
            authorization = { kind = "header", name = "X-Key" }
            headers = { "X-Version" = "1", "X-Other" = "2" }
            rate_limit = { calls = 10, window_s = 1 }
            "#,
        )
        .unwrap();
        let mut definition = IntegrationDefinition::named(Name::parse("", "Vendor").unwrap());
        let as_it_is = Effective::of(Some(&service), &definition);
        assert_eq!(as_it_is.base_url.as_deref(), Some("https://api.vendor.example"));
        assert_eq!(
            as_it_is.authorization,
            Authorization::Header { name: "X-Key".into() }
        );
        assert_eq!(as_it_is.sla, Sla::default());
        definition.base_url = Some("https://eu.vendor.example".into());
        definition.authorization = Some(Authorization::None);
        definition.headers.insert("X-Version".into(), "3".into());
        definition.sync = Some(SyncMethod::Manual);
        let changed = Effective::of(Some(&service), &definition);
        assert_eq!(changed.base_url.as_deref(), Some("https://eu.vendor.example"));
        assert_eq!(
            (changed.authorization, changed.sync),
            (Authorization::None, SyncMethod::Manual)
        );
        assert_eq!(changed.headers["X-Version"], "3");
        assert_eq!(changed.headers["X-Other"], "2");
        assert_eq!(
            changed.rate_limit,
            Some(RateLimit {
                calls: 10,
                window_s: 1
            })
        );
        let custom = Effective::of(None, &definition);
        assert_eq!((custom.rate_limit, custom.signature), (None, None));
    }
}
