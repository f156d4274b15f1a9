//! `lockstep scans`: what was imported.

use api::{Scan, ScanComparison};
use clap::{Args, Subcommand};
use model::ScanId;
use reqwest::Method;

use super::{Limit, counts, lookup, minute, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep scans`.
#[derive(Args, Debug)]
pub(crate) struct ScansArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List scans, latest arrival first
    #[command(after_help = "Example:\n  lockstep scans list --asset shop --limit 5")]
    List {
        /// Only scans of this asset (name or id)
        #[arg(long, value_name = "ASSET")]
        asset: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one scan
    Show {
        /// Id of the scan
        scan: ScanId,
    },
    /// Compare what a scan saw with what another one of the same configuration and branch did
    #[command(after_help = "\
Examples:
  lockstep scans compare 018f…
  lockstep scans compare 018f… --with 018a… --json | jq .new.counts")]
    Compare {
        /// Id of the scan
        scan: ScanId,
        /// Id of the other one; the scan before it if absent
        #[arg(long, value_name = "SCAN")]
        with: Option<ScanId>,
    },
    /// Let a quarantined scan close what it did not see
    Confirm {
        /// Id of the scan
        scan: ScanId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs `lockstep scans`.
pub(crate) async fn run(args: ScansArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List { asset, limit } => {
            let mut filter = Vec::new();
            if let Some(asset) = asset {
                filter.push(("asset", lookup::asset(&client, &asset).await?.to_string()));
            }
            let scans: Vec<Scan> = client.list("scans", &filter, limit.number()).await?;
            print_list(output, &scans)?;
        }
        Action::Show { scan } => print_one(output, &client.get(&format!("scans/{scan}")).await?)?,
        Action::Compare { scan, with } => {
            let path = with.map_or_else(
                || format!("scans/{scan}/comparison"),
                |with| format!("scans/{scan}/comparison?with={with}"),
            );
            let compared: ScanComparison = client.get(&path).await?;
            match output.is_json() {
                true => output.value(&compared)?,
                false => {
                    let earlier = compared
                        .earlier
                        .map_or_else(|| "no earlier scan".to_owned(), |scan| minute(scan.started_at));
                    output.line(&format!("From {earlier} to {}", minute(compared.later.started_at)))?;
                    for (word, side) in [("New:", &compared.new), ("Gone:", &compared.gone)] {
                        output.line(&format!("{word:<11}{}", counts(&side.counts)))?;
                        for finding in &side.findings {
                            output.line(&format!("  {} {}", finding.severity, finding.title))?;
                        }
                    }
                    output.line(&format!("Unchanged: {}", compared.unchanged))?;
                }
            }
        }
        Action::Confirm { scan, yes } => {
            confirm("Close everything that this scan covered and did not see?", yes)?;
            print_one(output, &client.act(Method::POST, &format!("scans/{scan}/confirm")).await?)?;
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, scans: &[Scan]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&scans);
    }
    let rows = scans.iter().map(|scan| {
        vec![
            scan.id.to_string(),
            minute(scan.started_at),
            scan.asset.name.clone(),
            scan.branch.clone().unwrap_or_default(),
            scan.scanner.clone(),
            scan.configuration.clone(),
            word(&scan.state),
            format!("{} new, {} regressed, {} fixed", scan.new, scan.regressed, scan.fixed),
        ]
    });
    output.table(
        &["Id", "Started", "Asset", "Branch", "Scanner", "Configuration", "State", "Findings"],
        rows.collect(),
    )
}

fn print_one(output: Output, scan: &Scan) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(scan);
    }
    let version = scan.scanner_version.as_deref().unwrap_or_default();
    output.facts(&[
        ("scan", scan.id.to_string()),
        ("asset", scan.asset.name.clone()),
        ("scanner", format!("{} {version}", scan.scanner).trim_end().to_owned()),
        ("configuration", scan.configuration.clone()),
        ("branch", scan.branch.clone().unwrap_or_default()),
        ("commit", scan.commit.clone().unwrap_or_default()),
        ("state", word(&scan.state)),
        ("coverage", word(&scan.coverage.extent)),
        ("started", minute(scan.started_at)),
        ("imported", minute(scan.imported_at)),
        ("file", scan.filename.clone().unwrap_or_default()),
        ("results", scan.observations.to_string()),
        ("new", scan.new.to_string()),
        ("regressed", scan.regressed.to_string()),
        ("fixed", scan.fixed.to_string()),
    ])
}
