//! `lockstep asset`: what is scanned.

use api::{Asset, AssetChange, AssetMerged, Branch, BranchComparison, DeleteBranch, MergeAsset};
use clap::{Args, Subcommand};
use model::Impact;

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
    /// Say what an asset is: its tags, tracked branches, owner and business impact
    #[command(after_help = "\
Examples:
  lockstep asset set shop --owner 'Team Payments' --impact high
  lockstep asset set shop --tag pci --tag web --tracked-branch main")]
    Set {
        /// Name or id of the asset
        asset: String,
        /// All tags that it shall have; may be repeated; '' for none
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// All branches whose scans shall decide; may be repeated; '' for none
        #[arg(long = "tracked-branch", value_name = "BRANCH")]
        tracked_branches: Vec<String>,
        /// Who answers for it; '' for nobody
        #[arg(long)]
        owner: Option<String>,
        /// How much the business depends on it: critical, high, medium, low or unknown
        #[arg(long)]
        impact: Option<Impact>,
    },
    /// Lay an asset aside: its findings are suppressed, their tickets closed or released as the destination says
    Archive {
        /// Name or id of the asset
        asset: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Merge an asset into another one, for good: findings, scans and tickets go over, its name leads to the other one
    #[command(after_help = "\
Example:
  lockstep asset merge shop-legacy shop")]
    Merge {
        /// Name or id of the asset that goes
        asset: String,
        /// Name or id of the asset that stays
        into: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List the branches of an asset, with what is open on each
    Branches {
        /// Name or id of the asset
        asset: String,
    },
    /// Say how two branches of an asset differ
    #[command(after_help = "\
Examples:
  lockstep asset compare shop --base main --head feature/cart
  lockstep findings list --asset shop --branch feature/cart --not-on-branch main     # the findings themselves")]
    Compare {
        /// Name or id of the asset
        asset: String,
        /// The branch that is compared with
        #[arg(long, value_name = "BRANCH")]
        base: String,
        /// The branch that is looked at
        #[arg(long, value_name = "BRANCH")]
        head: String,
    },
    /// Say that a branch is gone: what was seen on no other tracked branch is laid aside until a scan sees it again
    DeleteBranch {
        /// Name or id of the asset
        asset: String,
        /// Name of the branch
        branch: String,
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
        Action::Branches { asset } => {
            let id = lookup::asset(&client, &asset).await?;
            let branches: Vec<Branch> = client.get(&format!("assets/{id}/branches")).await?;
            print_branches(output, &branches)?;
            return Ok(exit::OK);
        }
        Action::Compare { asset, base, head } => {
            let id = lookup::asset(&client, &asset).await?;
            let asked = [("base", base.clone()), ("head", head.clone())];
            let compared: BranchComparison = client.query(&format!("assets/{id}/comparison"), &asked).await?;
            if output.is_json() {
                output.value(&compared)?;
            } else {
                output.facts(&[
                    (format!("only on {head}").as_str(), counts(&compared.only_head)),
                    (format!("only on {base}").as_str(), counts(&compared.only_base)),
                    ("on both", counts(&compared.both)),
                ])?;
            }
            return Ok(exit::OK);
        }
        Action::Rename { asset, name } => (asset, AssetChange { name: Some(name), ..AssetChange::default() }),
        Action::Set { asset, tags, tracked_branches, owner, impact } => {
            let given = |list: Vec<String>| (!list.is_empty()).then_some(list);
            let (tags, tracked_branches) = (given(tags), given(tracked_branches));
            if tags.is_none() && tracked_branches.is_none() && owner.is_none() && impact.is_none() {
                return Err(CliError::usage(
                    "Nothing is to be changed: give --tag, --tracked-branch, --owner or --impact.",
                ));
            }
            (asset, AssetChange { tags, tracked_branches, owner, impact, ..AssetChange::default() })
        }
        Action::Archive { asset, yes } => {
            confirm(&format!("Archive the asset '{asset}'? Its tickets are closed or released."), yes)?;
            (asset, AssetChange { archived: Some(true), ..AssetChange::default() })
        }
        Action::Merge { asset, into, yes } => {
            confirm(&format!("Merge the asset '{asset}' into '{into}'? This cannot be undone."), yes)?;
            let id = lookup::asset(&client, &asset).await?;
            let into = lookup::asset(&client, &into).await?;
            let done: AssetMerged = client.post(&format!("assets/{id}/merge"), &MergeAsset { into }).await?;
            let facts = [("moved", done.moved.to_string()), ("in both", done.same.to_string())];
            if output.is_json() {
                output.value(&done)?
            } else {
                output.facts(&facts)?
            }
            return Ok(exit::OK);
        }
        Action::DeleteBranch { asset, branch } => {
            let id = lookup::asset(&client, &asset).await?;
            let request = DeleteBranch { branch };
            let changed: Asset = client.post(&format!("assets/{id}/delete-branch"), &request).await?;
            print_list(output, &[changed])?;
            return Ok(exit::OK);
        }
        Action::Restore { asset } => (asset, AssetChange { archived: Some(false), ..AssetChange::default() }),
    };
    let id = lookup::asset(&client, &asset).await?;
    let changed: Asset = client.patch(&format!("assets/{id}"), &change).await?;
    print_list(output, &[changed])?;
    Ok(exit::OK)
}

fn print_branches(output: Output, branches: &[Branch]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&branches);
    }
    let rows = branches.iter().map(|branch| {
        vec![
            branch.name.clone().unwrap_or_else(|| "(none named)".to_owned()),
            if branch.tracked { "tracked".to_owned() } else { String::new() },
            counts(&branch.open),
            opt_minute(branch.last_scan_at),
        ]
    });
    output.table(&["Branch", "Decides", "Open", "Last scan"], rows.collect())
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
            asset.impact.to_string(),
            asset.owner.clone(),
            asset.tags.join(", "),
            opt_minute(asset.last_scan_at),
        ]
    });
    output.table(&["Id", "Name", "State", "Open", "Impact", "Owner", "Tags", "Last scan"], rows.collect())
}
