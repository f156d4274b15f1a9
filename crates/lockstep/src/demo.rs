//! `lockstep demo`: Lockstep and a local Azure DevOps beside it, with reports imported and work items on two boards.
//!
//! Everything it does goes over the API, as anybody could do it by hand with the other commands. It may be stopped and
//! started again at any point: each step looks first whether it was done.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::{
    Asset, Binding, Connection, Destination, DestinationSettings, ExploitData, ExploitDataOptions,
    ImportOptions, Job, NewConnection, NewDestination, Overview, Page, Rule, SignInMethod, Ticket,
    TicketHealth,
};
use clap::Args;
use emulator::seed::{DEMO_PAT, Seed};
use indicatif::ProgressBar;
use model::Severity;
use model::rule::Criteria;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Client;
use crate::commands::jobs;
use crate::exit::{self, CliError, Outcome};
use crate::login::{self, Saved};
use crate::output::{Output, progress, say};
use crate::serve::{start, told_to_end};

/// Options of `lockstep demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  lockstep demo
  lockstep demo --reset
  lockstep demo --data ./another-demo --bind 127.0.0.1:9000")]
pub(crate) struct DemoArgs {
    /// Folder that keeps the demo over restarts
    #[arg(long, default_value = "lockstep-demo", value_name = "FOLDER")]
    data: PathBuf,
    /// Address of Lockstep
    #[arg(long, default_value = "127.0.0.1:7070", value_name = "ADDRESS")]
    bind: SocketAddr,
    /// Address of the local Azure DevOps
    #[arg(long, default_value = "127.0.0.1:7080", value_name = "ADDRESS")]
    emulator_bind: SocketAddr,
    /// Throw away what is in the folder and start over
    #[arg(long)]
    reset: bool,
    /// Print where everything is as one line of JSON, once it is ready
    #[arg(long)]
    json: bool,
}

/// What the demo keeps beside the data of its parts.
#[derive(Serialize, Deserialize)]
struct Kept {
    password: String,
}

const ORGANIZATION: &str = "contoso";
const PROJECT: &str = "Webshop";
const USERNAME: &str = "admin";

struct Sample {
    asset: &'static str,
    tags: &'static str,
    team: &'static str,
    filename: &'static str,
    report: &'static [u8],
}

const SAMPLES: [Sample; 2] = [
    Sample {
        asset: "storefront",
        tags: "web,customer-facing",
        team: "Storefront",
        filename: "storefront.sarif",
        report: include_bytes!("../demo/storefront.sarif"),
    },
    Sample {
        asset: "payments",
        tags: "image,pci",
        team: "Payments",
        filename: "payments.trivy.json",
        report: include_bytes!("../demo/payments.trivy.json"),
    },
];

/// What the world knows about the exploitation of the samples' vulnerabilities: real entries of KEV, made-up scores.
const EXPLOIT_DATA: [(&str, &[u8]); 2] =
    [("kev.json", include_bytes!("../demo/kev.json")), ("epss.csv", include_bytes!("../demo/epss.csv"))];

/// Runs the demo until it is told to end.
pub(crate) async fn run(args: DemoArgs) -> Outcome {
    if args.reset && args.data.exists() {
        forget(&args.data)?;
        say("Started over: what the demo knew is gone.");
    }
    std::fs::create_dir_all(&args.data).map_err(CliError::broken)?;
    let steps = Steps;

    let step =
        steps.begin("Starting a local Azure DevOps (organization contoso, project Webshop, two teams)");
    let mut seed = Seed::demo();
    // So that signing in with Microsoft can be tried with the application of the demo's directory.
    for application in seed.organizations.iter_mut().flat_map(|of| &mut of.service_principals) {
        application.redirect_uris.push("http://127.0.0.1/connections/callback".into());
    }
    let options = emulator::Options {
        bind: args.emulator_bind,
        seed,
        state_file: Some(args.data.join("azure-devops.json")),
        allow_local_hooks: true,
    };
    let broken = |error: emulator::StartError| CliError::new(exit::BROKEN, server::chain(&error));
    let board = emulator::start(options).await.map_err(broken)?;
    step.done(&format!("answers at {}", board.base_url));

    let step = steps.begin("Starting Lockstep on SQLite");
    let mut settings = server::Settings::new(args.data.join("lockstep"));
    settings.bind = args.bind;
    let origin: url::Url = board.base_url.parse().map_err(CliError::broken)?;
    settings.entra_authority = Some(origin.clone());
    settings.allowed_origins = vec![origin];
    let running = match start_quietly(settings, &args.data).await {
        Ok(running) => running,
        Err(error) => {
            board.stop().await.map_err(broken)?;
            return Err(error);
        }
    };
    let (server, password) = running;
    step.done(&format!("answers at {}", server.url));

    let prepared = prepare(&server.url, &password, &board.base_url, &steps).await;
    let outcome = match prepared {
        Err(error) => Err(error),
        Ok(ready) => announce(&args, &server.url, &board.base_url, &password, &ready),
    };
    let ended = match outcome {
        Ok(()) => told_to_end().await,
        Err(error) => Err(error),
    };
    say("\nStopping; the demo goes on from here when it is started again.");
    server.stop().await;
    board.stop().await.map_err(broken)?;
    ended.map(|()| exit::OK)
}

/// Deletes the demo's own files: never a folder that holds something else.
fn forget(folder: &Path) -> Result<(), CliError> {
    for entry in std::fs::read_dir(folder).map_err(CliError::broken)? {
        let entry = entry.map_err(CliError::broken)?;
        let name = entry.file_name();
        let known = ["lockstep", "azure-devops.json", "demo.json"].iter().any(|known| name == *known);
        if !known {
            return Err(CliError::usage(format!(
                "{} holds {:?}, which is not the demo's",
                folder.display(),
                name
            ))
            .next("Choose another folder with --data."));
        }
    }
    std::fs::remove_dir_all(folder).map_err(CliError::broken)
}

async fn start_quietly(
    settings: server::Settings,
    data: &Path,
) -> Result<(server::Running, String), CliError> {
    let file = data.join("demo.json");
    let running = start(settings).await?;
    let password = match &running.first_password {
        Some(password) => {
            let kept =
                serde_json::to_string(&Kept { password: password.clone() }).map_err(CliError::broken)?;
            login::write_private(&file, kept.as_bytes())?;
            password.clone()
        }
        None => {
            let text = std::fs::read_to_string(&file).map_err(CliError::broken)?;
            serde_json::from_str::<Kept>(&text).map_err(CliError::broken)?.password
        }
    };
    Ok((running, password))
}

/// What there is to see.
struct Ready {
    open: u64,
    work_items: usize,
}

async fn prepare(url: &url::Url, password: &str, board_url: &str, steps: &Steps) -> Result<Ready, CliError> {
    let secret = login::session(url, USERNAME, password).await?;
    let client = Client::of(Saved { url: url.clone(), secret })?;

    let step = steps.begin("Connecting Lockstep to the board");
    let connections: Page<Connection> = client.get("connections").await?;
    let connection = match connections.items.into_iter().next() {
        Some(connection) => connection,
        None => {
            let new = NewConnection {
                name: "Contoso (demo)".into(),
                description: "The local Azure DevOps of the demo".into(),
                instance_url: board_url.to_owned(),
                organization: ORGANIZATION.into(),
                sign_in: SignInMethod::PersonalAccessToken { token: DEMO_PAT.into() },
            };
            client.post("connections", &new).await?
        }
    };
    if connection.instance_url.trim_end_matches('/') != board_url.trim_end_matches('/') {
        return Err(CliError::usage(format!(
            "the demo in this folder was made with its Azure DevOps at {}, which now answers at {board_url}",
            connection.instance_url
        ))
        .next("Start it with the same --emulator-bind, or start over with --reset."));
    }
    step.done(&connection.name);

    let step = steps.begin("Choosing where work items go");
    let destinations: Page<Destination> = client.get("destinations").await?;
    if destinations.items.is_empty() {
        for (team, asset) in [("Payments", None), ("Storefront", Some("storefront"))] {
            let _: Destination = client
                .post(
                    "destinations",
                    &NewDestination {
                        connection_id: connection.id,
                        binding: asset
                            .map_or(Binding::Default, |asset| Binding::Asset { asset: asset.into() }),
                        settings: settings(team),
                    },
                )
                .await?;
        }
    }
    step.done("bugs of the team Payments by default; bugs of the team Storefront for the asset storefront");

    let step = steps.begin("Subscribing to the board's service hooks");
    let _: Connection = client.act(Method::POST, &format!("connections/{}/hooks", connection.id)).await?;
    step.done("a moved card is noticed at once");

    let assets: Page<Asset> = client.get("assets").await?;
    for sample in &SAMPLES {
        let step = steps.begin(&format!("Importing {}", sample.filename));
        if assets.items.iter().any(|asset| asset.name == sample.asset && asset.last_scan_at.is_some()) {
            step.done("imported before");
            continue;
        }
        let options = ImportOptions {
            asset: sample.asset.into(),
            tags: Some(sample.tags.into()),
            filename: Some(sample.filename.into()),
            ..ImportOptions::default()
        };
        let request = client.request(Method::POST, "imports")?.query(&options).body(sample.report);
        let job: Job = client.send(request).await?.json().await.map_err(CliError::broken)?;
        let job = jobs::wait(&client, job).await?;
        let new = job.import.map_or(0, |import| import.new.total());
        step.done(&format!(
            "{new} findings for the asset {}, boards of the team {}",
            sample.asset, sample.team
        ));
    }

    let step = steps.begin("Loading exploit data");
    let known: Vec<ExploitData> = client.get("exploit-data").await?;
    if known.iter().all(|data| data.loaded.is_none()) {
        for (name, content) in EXPLOIT_DATA {
            let options = ExploitDataOptions { filename: Some(format!("{name} of the demo")) };
            let request = client.request(Method::POST, "exploit-data")?.query(&options).body(content);
            client.send(request).await?;
        }
    }
    step.done("two entries of KEV, and EPSS scores that are made up");

    let step = steps.begin("Saving a rule: everything of medium severity and worse gets a work item");
    let rules: Page<Rule> = client.get("rules").await?;
    if rules.items.is_empty() {
        let rule =
            json!({ "name": "Medium and worse", "criteria": Criteria::severity_at_least(Severity::Medium) });
        let _: Rule = client.post("rules", &rule).await?;
    }
    step.done("its plan was within the budget of 200 a day");

    let step = steps.begin("Creating work items");
    let job: Job = client.post("reconcile", &json!({ "sweep": false })).await?;
    jobs::wait(&client, job).await?;
    let tickets = settled(&client, &step.bar).await?;
    let overview: Overview = client.get("overview").await?;
    step.done(&format!("{} on the boards", tickets.len()));
    Ok(Ready { open: overview.open.total(), work_items: tickets.len() })
}

fn settings(team: &str) -> DestinationSettings {
    DestinationSettings {
        name: format!("{team} bugs"),
        project: PROJECT.into(),
        team: team.into(),
        board: String::new(),
        lane: String::new(),
        work_item_type: "Bug".into(),
        area: String::new(),
        iteration: Default::default(),
        tags: vec!["security".into()],
        severity_map: model::map::SeverityMap::blank(),
        status_map: Default::default(),
        daily_budget: api::default_daily_budget(),
        fields: Default::default(),
        limits: Default::default(),
        when_archived: Default::default(),
        on_deletion: Default::default(),
    }
}

/// Waits until no ticket is on its way any more.
async fn settled(client: &Client, bar: &ProgressBar) -> Result<Vec<Ticket>, CliError> {
    for _ in 0..240 {
        let page: Page<Ticket> = client.get("tickets?limit=200").await?;
        let under_way = page
            .items
            .iter()
            .filter(|ticket| matches!(ticket.health, TicketHealth::Pending | TicketHealth::Waiting))
            .count();
        if under_way == 0 {
            return Ok(page.items);
        }
        bar.set_message(format!(
            "Creating work items: {} of {}",
            page.items.len() - under_way,
            page.items.len()
        ));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(CliError::new(exit::BROKEN, "the work items were not created within a minute")
        .next("Look at the tickets page: each ticket says what it waits for."))
}

fn announce(
    args: &DemoArgs,
    url: &url::Url,
    board_url: &str,
    password: &str,
    ready: &Ready,
) -> Result<(), CliError> {
    if args.json {
        return Output::new(true).json_line(&json!({
            "url": url,
            "emulator_url": board_url,
            "username": USERNAME,
            "password": password,
            "open_findings": ready.open,
            "work_items": ready.work_items,
        }));
    }
    let board = |team: &str| format!("{board_url}/_emulator/board/{ORGANIZATION}/{PROJECT}/{team}");
    say(&format!(
        "
{} open findings, {} work items.

  Lockstep          {url}
    user name       {USERNAME}
    password        {password}
  Board Storefront  {}
  Board Payments    {}

Try it: open a board, play the developer and drag a card to Closed. Its finding becomes Awaiting Validation:
closing a card proves nothing. Then let a scan speak:

  lockstep login --url {url} --username {USERNAME}
  lockstep import crates/lockstep/demo/storefront-after-a-fix.sarif --asset storefront --wait

What it does not see any more is Fixed and closed; what it still sees opens its work item again, with the evidence.
Stop with Ctrl-C; start again to go on; --reset starts over.",
        ready.open,
        ready.work_items,
        board("Storefront"),
        board("Payments"),
    ));
    Ok(())
}

/// Tells what is being done, step by step.
struct Steps;

struct Step {
    bar: ProgressBar,
    what: String,
}

impl Steps {
    fn begin(&self, what: &str) -> Step {
        let bar = progress(None, what);
        Step { bar, what: what.to_owned() }
    }
}

impl Step {
    fn done(self, how: &str) {
        self.bar.finish_and_clear();
        say(&format!("  ✓ {}: {how}", self.what));
    }
}
