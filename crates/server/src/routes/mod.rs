//! Routes, one file for each resource. Handlers translate, call one use case, and translate back.

mod acceptances;
mod adoptions;
mod alarms;
mod assessments;
mod assets;
mod attachments;
mod breakers;
mod by_hand;
mod configuration;
mod connection_sign_in;
mod connections;
mod destinations;
mod events;
mod exports;
mod findings;
mod health;
mod hooks;
mod imports;
mod jobs;
mod overview;
mod plan;
mod priority;
mod routing;
mod rules;
mod scans;
mod session;
mod sources;
mod suppressions;
mod templates;
mod tickets;
mod tokens;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// Every route with its description; the paths are complete.
pub(crate) fn all() -> OpenApiRouter<App> {
    let v1 = OpenApiRouter::new()
        .merge(session::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(overview::routes())
        .merge(alarms::routes())
        .merge(breakers::routes())
        .merge(events::routes())
        .merge(assets::routes())
        .merge(assessments::routes())
        .merge(acceptances::routes())
        .merge(suppressions::routes())
        .merge(jobs::routes())
        .merge(scans::routes())
        .merge(findings::routes())
        .merge(exports::routes())
        .merge(priority::routes())
        .merge(imports::routes())
        .merge(sources::routes())
        .merge(by_hand::routes())
        .merge(tickets::routes())
        .merge(attachments::routes())
        .merge(adoptions::routes())
        .merge(plan::routes())
        .merge(connection_sign_in::routes())
        .merge(connections::routes())
        .merge(destinations::routes())
        .merge(routing::routes())
        .merge(rules::routes())
        .merge(templates::routes())
        .merge(configuration::routes());
    health::routes().merge(hooks::routes()).nest("/api/v1", v1)
}
