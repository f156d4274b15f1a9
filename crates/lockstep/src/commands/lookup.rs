//! People name things; the API wants ids. A name that fits several things fits none.

use api::{
    AlarmTarget, Assessment, Asset, Connection, Destination, Rule, Source, Suppression, Templates, Ticket,
    Token,
};
use model::{
    AlarmTargetId, AssessmentId, AssetId, ConnectionId, DestinationId, RuleId, SuppressionId, TicketId,
    TokenId,
};

use crate::client::Client;
use crate::exit::{self, CliError};

fn only<T>(what: &str, name: &str, mut found: Vec<T>) -> Result<T, CliError> {
    match found.len() {
        0 => Err(CliError::new(exit::REFUSED, format!("there is no {what} '{name}'"))
            .next(format!("List what there is, or give the id of the {what}."))),
        1 => Ok(found.remove(0)),
        many => Err(CliError::new(exit::REFUSED, format!("'{name}' fits {many} {what}s"))
            .next(format!("Give the id of the {what} that is meant."))),
    }
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

/// The asset of that id or name.
pub(crate) async fn asset(client: &Client, name: &str) -> Result<AssetId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Asset> = client.list("assets", &[("q", name.to_owned())], None).await?;
    let found = found.into_iter().filter(|asset| same(&asset.name, name)).collect();
    only("asset", name, found).map(|asset: Asset| asset.id)
}

/// The assessment of that id or name.
pub(crate) async fn assessment(client: &Client, name: &str) -> Result<AssessmentId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Assessment> = client.get("assessments").await?;
    let found = found.into_iter().filter(|assessment| same(&assessment.settings.name, name)).collect();
    only("assessment", name, found).map(|assessment: Assessment| assessment.id)
}

/// The source of that id or name.
pub(crate) async fn source(client: &Client, name: &str) -> Result<Source, CliError> {
    let found: Vec<Source> = client.get("sources").await?;
    let is_it = |source: &Source| same(&source.name, name) || source.id.to_string() == name;
    only("source", name, found.into_iter().filter(is_it).collect())
}

/// The connection of that id or name.
pub(crate) async fn connection(client: &Client, name: &str) -> Result<ConnectionId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Connection> = client.list("connections", &[], None).await?;
    let found = found.into_iter().filter(|connection| same(&connection.name, name)).collect();
    only("connection", name, found).map(|connection: Connection| connection.id)
}

/// The connection of that id or name, or the only one there is.
pub(crate) async fn connection_or_only(
    client: &Client,
    name: Option<&str>,
) -> Result<ConnectionId, CliError> {
    match name {
        Some(name) => connection(client, name).await,
        None => {
            let mut found: Vec<Connection> = client.list("connections", &[], Some(2)).await?;
            match (found.pop(), found.is_empty()) {
                (Some(only), true) => Ok(only.id),
                (None, _) => Err(CliError::new(exit::REFUSED, "there is no connection yet")
                    .next("Make one with `lockstep connection add`.")),
                (Some(_), false) => {
                    Err(CliError::usage("there are several connections")
                        .next("Say which one with --connection."))
                }
            }
        }
    }
}

/// The destination of that id or name.
pub(crate) async fn destination(client: &Client, name: &str) -> Result<DestinationId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Destination> = client.list("destinations", &[], None).await?;
    let found = found.into_iter().filter(|destination| same(&destination.settings.name, name)).collect();
    only("destination", name, found).map(|destination: Destination| destination.id)
}

/// The target of alarms of that id or name.
pub(crate) async fn alarm_target(client: &Client, name: &str) -> Result<AlarmTargetId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<AlarmTarget> = client.list("alarm-targets", &[], None).await?;
    let found = found.into_iter().filter(|target| same(&target.name, name)).collect();
    only("target of alarms", name, found).map(|target: AlarmTarget| target.id)
}

/// The rule of that id or name.
pub(crate) async fn rule(client: &Client, name: &str) -> Result<RuleId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Rule> = client.list("rules", &[], None).await?;
    let found = found.into_iter().filter(|rule| same(&rule.settings.name, name)).collect();
    only("rule", name, found).map(|rule: Rule| rule.id)
}

/// The suppression rule of that id or name.
pub(crate) async fn suppression(client: &Client, name: &str) -> Result<SuppressionId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Suppression> = client.get("suppressions").await?;
    let found = found.into_iter().filter(|rule| same(&rule.settings.name, name)).collect();
    only("suppression rule", name, found).map(|rule: Suppression| rule.id)
}

/// A set of templates has that id or name.
pub(crate) fn is_named(templates: &Templates, name: &str) -> bool {
    same(&templates.set.name, name) || templates.id.to_string() == name
}

/// The set of templates of that id or name.
pub(crate) async fn templates(client: &Client, name: &str) -> Result<Templates, CliError> {
    let found: Vec<Templates> = client.list("templates", &[], None).await?;
    only("set of templates", name, found.into_iter().filter(|known| is_named(known, name)).collect())
}

/// The token of that id or name.
pub(crate) async fn token(client: &Client, name: &str) -> Result<TokenId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found: Vec<Token> = client.list("tokens", &[], None).await?;
    let found = found.into_iter().filter(|token| same(&token.name, name)).collect();
    only("token", name, found).map(|token: Token| token.id)
}

/// The ticket of that id, or of that work item number (`#123` or `123`).
pub(crate) async fn ticket(client: &Client, name: &str) -> Result<TicketId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let number: i64 = name.trim_start_matches('#').parse().map_err(|_| {
        CliError::usage(format!("'{name}' is neither the id of a ticket nor the number of a work item"))
    })?;
    let found: Vec<Ticket> = client.list("tickets", &[("q", number.to_string())], None).await?;
    let is_it = |ticket: &Ticket| ticket.work_item.as_ref().is_some_and(|item| item.id.0 == number);
    only("ticket", name, found.into_iter().filter(is_it).collect()).map(|ticket: Ticket| ticket.id)
}
