//! `lockstep token`: credentials of pipelines.

use api::{CreatedToken, NewToken, Role, Token};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::{lookup, minute, opt_minute, parse_role, parse_time, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Options of `lockstep token`.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Make a token and print its secret, this once
    #[command(after_help = "\
Examples:
  lockstep token create ci-shop --role importer --expires-at 2026-12-31
  LOCKSTEP_TOKEN=$(lockstep token create ci-shop --role importer)")]
    Create {
        /// What it is for
        name: String,
        /// What it may do: reader, importer, developer, analyst, security_manager or administrator
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// When it stops working: a day or a time [default: never]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires_at: Option<DateTime<Utc>>,
    },
    /// List tokens, newest first
    List,
    /// Make a token stop working
    Revoke {
        /// Name or id of the token
        token: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs `lockstep token`.
pub(crate) async fn run(args: TokenArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::Create { name, role, expires_at } => {
            let created: CreatedToken = client.post("tokens", &NewToken { name, role, expires_at }).await?;
            if output.is_json() {
                output.value(&created)?;
            } else {
                say("The secret is shown this once; keep it in your pipeline's secret store.");
                output.line(&created.secret)?;
            }
        }
        Action::List => print_list(output, &client.list("tokens", &[], None).await?)?,
        Action::Revoke { token, yes } => {
            let id = lookup::token(&client, &token).await?;
            confirm(&format!("Revoke the token '{token}'? Who uses it is locked out at once."), yes)?;
            client.delete(&format!("tokens/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, tokens: &[Token]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&tokens);
    }
    let rows = tokens.iter().map(|token| {
        vec![
            token.id.to_string(),
            token.name.clone(),
            word(&token.role),
            minute(token.created_at),
            token.expires_at.map_or("never".to_owned(), minute),
            opt_minute(token.last_used_at),
        ]
    });
    output.table(&["Id", "Name", "Role", "Made", "Expires", "Last used"], rows.collect())
}
