//! The first page, and the version.

use std::collections::BTreeMap;

use api::{Attention, HealthCount, Overview, SeverityCounts, StatusCount, TicketHealth, Version};
use axum::extract::State;
use model::Status;
use store::views;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::priority::sla_counts;
use crate::App;
use crate::problem::Answer;
use crate::translate;

const RECENT_SCANS: u32 = 5;

/// Requests that are counted.
const MOST_REQUESTS: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(overview)).routes(routes!(version))
}

/// What somebody needs to see first
#[utoipa::path(get, path = "/overview", tag = "Overview", responses((status = 200, body = Overview)))]
async fn overview(State(app): State<App>) -> Answer<axum::Json<Overview>> {
    let mut tx = app.db.read().await?;
    let mut open = SeverityCounts::default();
    let mut by_status: BTreeMap<Status, u64> = BTreeMap::new();
    for (status, severity, count) in views::overview::findings(&mut tx).await? {
        *by_status.entry(status).or_default() += count;
        if status.is_open() {
            open.add(severity, count);
        }
    }
    let mut tickets = Vec::new();
    for (health, count) in views::overview::tickets(&mut tx).await? {
        let health: TicketHealth = translate::word("health of a ticket", &health)?;
        tickets.push(HealthCount { health, count });
    }
    tickets.sort_by_key(|count| count.health);

    let mut attention = Vec::new();
    for problem in views::overview::board_problems(&mut tx).await? {
        attention.push(Attention {
            message: format!("{}: {}", problem.name, problem.problem),
            next_step: "Open the connection and check it.".to_owned(),
            link: format!("/connections/{}", problem.connection_id),
        });
    }
    let requests = store::findings::requested(&mut tx, MOST_REQUESTS).await?;
    if let Some(first) = requests.first() {
        let many = i64::try_from(requests.len()).is_ok_and(|found| found >= MOST_REQUESTS);
        attention.push(Attention {
            message: format!(
                "{}{} ask{} for a decision on the board.",
                requests.len(),
                if many {
                    " or more findings"
                } else if requests.len() == 1 {
                    " finding"
                } else {
                    " findings"
                },
                if requests.len() == 1 { "s" } else { "" },
            ),
            next_step: "Decide, or refuse: then the card goes back with a comment.".to_owned(),
            link: if requests.len() == 1 { format!("/findings/{}", first.id) } else { "/alarms".to_owned() },
        });
    }
    let quarantined = views::overview::quarantined_scans(&mut tx).await?;
    if quarantined > 0 {
        attention.push(Attention {
            message: format!(
                "{quarantined} scan{} saw suspiciously few findings.",
                if quarantined == 1 { "" } else { "s" }
            ),
            next_step: "Confirm the scan if so many findings are really fixed.".to_owned(),
            link: "/scans".to_owned(),
        });
    }
    attention
        .extend(tickets.iter().filter_map(|count| translate::ticket_attention(count.health, count.count)));

    let recent_scans = views::scans::page(&mut tx, None, None, RECENT_SCANS).await?;
    Ok(axum::Json(Overview {
        open,
        by_status: by_status.into_iter().map(|(status, count)| StatusCount { status, count }).collect(),
        sla: sla_counts(store::sla::counts(&mut tx, app.now()).await?),
        known_exploited: views::overview::known_exploited(&mut tx).await?,
        tickets,
        assets: views::overview::assets(&mut tx).await?,
        recent_scans: recent_scans.into_iter().map(translate::scan).collect::<Answer<_>>()?,
        attention,
    }))
}

/// Version of the server
#[utoipa::path(get, path = "/version", tag = "Operation", responses((status = 200, body = Version)))]
async fn version(State(app): State<App>) -> axum::Json<Version> {
    axum::Json(Version { version: env!("CARGO_PKG_VERSION").to_owned(), database: app.db.kind().to_owned() })
}
