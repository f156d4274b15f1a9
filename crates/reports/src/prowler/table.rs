//! Prowler's CSV: commas in version 2, semicolons since.

use model::ScanRun;

use super::Run;
use super::check::{Check, numbered, time};
use crate::ReadSeek;
use crate::draft::Found;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};
use crate::text::short;

/// Whether these are the columns of one of the versions.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["check_id", "status_extended", "severity"])
        || has_all(cells, &["title_text", "check_result", "check_severity"])
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows::default())
}

#[derive(Default)]
struct Rows {
    run: Run,
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn note(&mut self, row: &Row<'_>) {
        self.run.hear(&check(row));
    }

    fn scan(&mut self) -> ScanRun {
        std::mem::take(&mut self.run).scan()
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        if row.get(&["check_id", "title_text"]).is_none() {
            return Err(ErrorKind::invalid("the row names no check; write the report again"));
        }
        Ok(check(row).found())
    }
}

fn check(row: &Row<'_>) -> Check {
    let one = |columns: &[&str]| row.get(columns).and_then(short);
    let long = |columns: &[&str]| row.get(columns).map(str::to_owned);
    let (id, title) = match row.get(&["check_id"]) {
        Some(id) => (id.to_owned(), one(&["check_title"])),
        None => numbered(row.get(&["title_text"]).unwrap_or_default()),
    };
    let links = ["remediation_recommendation_url", "related_url", "additional_urls", "check_doc"];
    Check {
        id,
        title,
        status: long(&["status", "check_result"]).unwrap_or_default(),
        told: long(&["status_extended", "check_result_extended"]),
        muted: row.get(&["muted"]).is_some_and(|word| word.eq_ignore_ascii_case("true")),
        severity: one(&["severity", "check_severity"]),
        account: one(&["account_uid", "account_id", "account_num"]),
        region: one(&["region"]),
        resource_uid: one(&["resource_uid", "resource_arn"]),
        resource_name: one(&["resource_name", "resource_id", "check_resource_id"]),
        resource_type: one(&["resource_type", "check_asff_resource_type"]),
        service: one(&["service_name", "check_servicename"]),
        description: long(&["description"]),
        risk: long(&["risk", "check_risk"]),
        remediation: long(&["remediation_recommendation_text", "check_remediation"]),
        links: links.iter().filter_map(|column| long(&[column])).collect(),
        uid: one(&["finding_uid", "finding_unique_id"]),
        time: row.get(&["timestamp", "assessment_start_time"]).and_then(time),
        prowler_version: one(&["prowler_version"]),
    }
}
