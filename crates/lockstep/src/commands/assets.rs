//! `lockstep asset`: what is scanned.

use api::{Asset, AssetChange};
use clap::{Args, Subcommand};

use super::{Limit, counts, lookup, opt_minute};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep asset`.
#[derive(Args, Debug)]
pub(crate) struct AssetArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List assets by name
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Give an asset another name; work items that show the old one show the new one then
    Rename {
        /// Name or id of the asset
        asset: String,
        /// New name
        name: String,
    },
    /// Lay an asset aside: its findings are suppressed, their tickets closed or released as the destination says
    Archive {
        /// Name or id of the asset
        asset: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take an asset up again
    Restore {
        /// Name or id of the asset
        asset: String,
    },
}

/// Runs `lockstep asset`.
pub(crate) async fn run(args: AssetArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let (asset, change) = match args.action {
        Action::List { limit } => {
            print_list(output, &client.list("assets", &[], limit.number()).await?)?;
            return Ok(exit::OK);
        }
        Action::Rename { asset, name } => (asset, AssetChange { name: Some(name), ..AssetChange::default() }),
        Action::Archive { asset, yes } => {
            confirm(&format!("Archive the asset '{asset}'? Its tickets are closed or released."), yes)?;
            (asset, AssetChange { archived: Some(true), ..AssetChange::default() })
        }
        Action::Restore { asset } => (asset, AssetChange { archived: Some(false), ..AssetChange::default() }),
    };
    let id = lookup::asset(&client, &asset).await?;
    let changed: Asset = client.patch(&format!("assets/{id}"), &change).await?;
    print_list(output, &[changed])?;
    Ok(exit::OK)
}

fn print_list(output: Output, assets: &[Asset]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&assets);
    }
    let rows = assets.iter().map(|asset| {
        vec![
            asset.id.to_string(),
            asset.name.clone(),
            if asset.archived { "archived".to_owned() } else { String::new() },
            counts(&asset.open),
            asset.tags.join(", "),
            opt_minute(asset.last_scan_at),
        ]
    });
    output.table(&["Id", "Name", "State", "Open", "Tags", "Last scan"], rows.collect())
}
