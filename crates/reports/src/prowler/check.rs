//! One result of a check on one resource, whatever the spelling of the report.

use chrono::{DateTime, NaiveDateTime, Utc};
use model::{FindingKind, Location, Observation, ReportedSuppression, Vulnerability};

use crate::draft::Found;
use crate::text::{self, body, short};
use crate::{found, severity};

#[derive(Default)]
pub(super) struct Check {
    /// `iam_root_mfa_enabled`, `check11`.
    pub(super) id: String,
    pub(super) title: Option<String>,
    /// `PASS`, `FAIL`, `MANUAL`, `INFO`.
    pub(super) status: String,
    /// What was found at this resource.
    pub(super) told: Option<String>,
    /// Somebody asked not to hear of it.
    pub(super) muted: bool,
    pub(super) severity: Option<String>,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    /// An ARN or another id that is unique in itself.
    pub(super) resource_uid: Option<String>,
    pub(super) resource_name: Option<String>,
    pub(super) resource_type: Option<String>,
    pub(super) service: Option<String>,
    pub(super) description: Option<String>,
    pub(super) risk: Option<String>,
    pub(super) remediation: Option<String>,
    pub(super) links: Vec<String>,
    /// Prowler's own id of the result.
    pub(super) uid: Option<String>,
    pub(super) time: Option<DateTime<Utc>>,
    pub(super) prowler_version: Option<String>,
}

impl Check {
    pub(super) fn is(&self, status: &str) -> bool {
        self.status.eq_ignore_ascii_case(status)
    }

    /// The resource's own id, else account, region and name.
    fn path(&self) -> String {
        match &self.resource_uid {
            Some(uid) => text::one_line(uid),
            None => {
                let parts = [&self.account, &self.region, &self.resource_name];
                text::one_line(&parts.into_iter().flatten().cloned().collect::<Vec<_>>().join("/"))
            }
        }
    }

    pub(super) fn found(&self) -> Found {
        if self.is("PASS") {
            return Found::LeftOut("the status is PASS: the check found nothing");
        }
        if self.is("INFO") {
            return Found::LeftOut("the status is INFO: nothing was judged");
        }
        if self.is("MANUAL") {
            return Found::LeftOut("the status is MANUAL: a person must look");
        }
        let links = self.links.iter().flat_map(|links| links.split_whitespace());
        let texts = [&self.description, &self.risk].into_iter().flatten().cloned();
        let definition = Vulnerability {
            id: short(&self.id).unwrap_or_else(|| "unnamed".to_owned()),
            name: self.title.as_deref().and_then(short),
            description: body(&texts.collect::<Vec<_>>().join("\n\n")),
            remediation: self.remediation.as_deref().and_then(body),
            references: text::references(links),
            tags: self.service.as_deref().and_then(short).into_iter().collect(),
            ..Vulnerability::default()
        };
        let location = Location {
            path: self.path(),
            logical: self.resource_type.as_deref().and_then(short),
            ..Location::default()
        };
        let resource =
            self.resource_name.as_deref().or(self.resource_uid.as_deref()).or(self.region.as_deref());
        let title = text::title(&[definition.name.as_deref()], &definition.id, resource);
        let grade = severity::judge(self.severity.as_deref(), None);
        Found::Observation(Box::new(Observation {
            title,
            scanner_severity: self.severity.as_deref().and_then(short),
            message: self.told.as_deref().and_then(body),
            scanner_fingerprints: found::fingerprint("prowler", self.uid.as_deref()),
            suppression: self.muted.then_some(ReportedSuppression::Accepted),
            ..found::observation(FindingKind::Misconfiguration, definition, grade, location)
        }))
    }
}

/// `[check11] Avoid the use of the root account (Scored)` as id and name.
pub(super) fn numbered(control: &str) -> (String, Option<String>) {
    let inside = control.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some((id, name)) = inside else { return (text::one_line(control), None) };
    let name = name.trim();
    let name = name.strip_suffix("(Scored)").or(name.strip_suffix("(Not Scored)")).unwrap_or(name);
    (text::one_line(id), short(name))
}

/// A time with zone, one without (which is UTC), or seconds since 1970.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let given = text.trim();
    let naive = || {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(given, format).ok())
            .map(|time| time.and_utc())
    };
    text::time(given)
        .or_else(naive)
        .or_else(|| DateTime::from_timestamp(given.parse().ok().filter(|s| *s > 0)?, 0))
}
