//! `lockstep template`: what work items say.

use std::path::PathBuf;

use api::{Destination, NewDestination, TemplateExample, TemplatePreview, TemplatePreviewRequest, Templates};
use clap::{Args, Subcommand, ValueEnum};
use model::FindingId;
use model::content::{Part, STANDARD_NAME, TemplateSet, plain};

use super::{lookup, minute};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep template`.
#[derive(Args, Debug)]
pub(crate) struct TemplateArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List sets of templates
    List,
    /// Show a set of templates; with --part the bare text of one
    #[command(after_help = "\
Examples:
  lockstep template show standard --part block > block.html
  lockstep template show ours --json")]
    Show {
        /// Name or id of the set; `standard` for the built-in one
        name: String,
        /// Only this part, as it is written
        #[arg(long, value_enum)]
        part: Option<PartArg>,
    },
    /// Say what templates would make of real findings; nothing is saved
    #[command(after_help = "\
Examples:
  lockstep template preview --block block.html
  lockstep template preview ours --ticket '#123'")]
    Preview {
        /// Start from this set; the standard one if absent
        name: Option<String>,
        #[command(flatten)]
        parts: PartsArgs,
        /// Try them on this ticket (id, or number of its work item: #123)
        #[arg(long, value_name = "TICKET", conflicts_with = "finding")]
        ticket: Option<String>,
        /// Try them on this finding
        #[arg(long, value_name = "ID")]
        finding: Option<FindingId>,
    },
    /// Save a set of templates: a new one, or what is named of a known one
    #[command(after_help = "\
Examples:
  lockstep template save ours --title title.txt --block block.html
  lockstep template save ours --hide-snippets true --replace '[0-9]{16}'")]
    Save {
        /// Name of the set
        name: String,
        #[command(flatten)]
        parts: PartsArgs,
        /// Another name for it from now on
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
    },
    /// Let a destination use a set of templates; its work items are brought up to date
    #[command(after_help = "\
Examples:
  lockstep template use ours --destination payments
  lockstep template use standard --destination payments")]
    Use {
        /// Name or id of the set; `standard` for the built-in one
        name: String,
        /// The destination (name or id)
        #[arg(long, value_name = "DESTINATION")]
        destination: String,
    },
    /// Remove a set of templates that no destination uses
    Remove {
        /// Name or id of the set
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What is said about a set; what is not named stays as it is.
#[derive(Args, Debug)]
struct PartsArgs {
    /// File with the template of the title (`-` for standard input); an empty one means the standard one
    #[arg(long, value_name = "FILE")]
    title: Option<PathBuf>,
    /// File with the template of the block
    #[arg(long, value_name = "FILE")]
    block: Option<PathBuf>,
    /// File with the template of the comment that explains a move
    #[arg(long, value_name = "FILE")]
    comment: Option<PathBuf>,
    /// File with the template of further tags
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
    /// Show no lines of code
    #[arg(long, value_name = "BOOL")]
    hide_snippets: Option<bool>,
    /// Leave out lines and references that match this pattern; may be repeated, replaces the list, an empty one clears it
    #[arg(long, value_name = "PATTERN")]
    leave_out: Option<Vec<String>>,
    /// Replace what matches this pattern by dots; may be repeated, replaces the list, an empty one clears it
    #[arg(long, value_name = "PATTERN")]
    replace: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PartArg {
    /// The title
    Title,
    /// The block in the long text
    Block,
    /// The comment that explains a move
    Comment,
    /// Further tags
    Tags,
}

impl From<PartArg> for Part {
    fn from(part: PartArg) -> Self {
        match part {
            PartArg::Title => Self::Title,
            PartArg::Block => Self::Block,
            PartArg::Comment => Self::Comment,
            PartArg::Tags => Self::Tags,
        }
    }
}

impl PartsArgs {
    fn apply(self, set: &mut TemplateSet) -> Result<(), CliError> {
        let files = [
            (self.title, &mut set.title),
            (self.block, &mut set.block),
            (self.comment, &mut set.comment),
            (self.tags, &mut set.tags),
        ];
        for (file, text) in files {
            if let Some(file) = file {
                *text = read(&file)?;
            }
        }
        let patterns = |list: Vec<String>| list.into_iter().filter(|text| !text.is_empty()).collect();
        set.redaction.hide_snippets = self.hide_snippets.unwrap_or(set.redaction.hide_snippets);
        if let Some(list) = self.leave_out {
            set.redaction.leave_out = patterns(list);
        }
        if let Some(list) = self.replace {
            set.redaction.replace = patterns(list);
        }
        Ok(())
    }
}

fn read(file: &PathBuf) -> Result<String, CliError> {
    let text = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.map_err(|error| CliError::usage(format!("{} cannot be read: {error}", file.display())))
}

async fn named(client: &Client, name: &str) -> Result<TemplateSet, CliError> {
    if name.eq_ignore_ascii_case(STANDARD_NAME) {
        return client.get("templates/standard").await;
    }
    Ok(lookup::templates(client, name).await?.set)
}

/// Runs `lockstep template`.
pub(crate) async fn run(args: TemplateArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.list("templates", &[], None).await?)?,
        Action::Show { name, part } => {
            let set = named(&client, &name).await?;
            match part {
                Some(part) => output.line(set.of(part.into()).trim_end())?,
                None => print_set(output, &set)?,
            }
        }
        Action::Preview { name, parts, ticket, finding } => {
            let mut set = match name {
                Some(name) => named(&client, &name).await?,
                None => TemplateSet::default(),
            };
            parts.apply(&mut set)?;
            // Nothing is saved: the name is not looked at.
            set.name = "preview".into();
            let ticket = match ticket {
                Some(ticket) => Some(lookup::ticket(&client, &ticket).await?),
                None => None,
            };
            let request = TemplatePreviewRequest { set, ticket, finding };
            let preview: TemplatePreview = client.post("templates/preview", &request).await?;
            let is_right = preview.problems.is_empty();
            print_preview(output, &preview)?;
            return Ok(if is_right { exit::OK } else { exit::REFUSED });
        }
        Action::Save { name, parts, rename } => {
            let known: Vec<Templates> = client.list("templates", &[], None).await?;
            let known = known.into_iter().find(|known| lookup::is_named(known, &name));
            let mut set = known.as_ref().map_or_else(
                || TemplateSet { name: name.clone(), ..TemplateSet::default() },
                |known| known.set.clone(),
            );
            parts.apply(&mut set)?;
            if let Some(rename) = rename {
                set.name = rename;
            }
            let saved: Templates = match known {
                Some(known) => client.put(&format!("templates/{}", known.id), &set).await?,
                None => client.post("templates", &set).await?,
            };
            match output.is_json() {
                true => output.value(&saved)?,
                false => print_list(output, &[saved])?,
            }
        }
        Action::Use { name, destination } => {
            let templates = match name.eq_ignore_ascii_case(STANDARD_NAME) {
                true => None,
                false => Some(lookup::templates(&client, &name).await?.id),
            };
            let id = lookup::destination(&client, &destination).await?;
            let known: Destination = client.get(&format!("destinations/{id}")).await?;
            let mut changed = NewDestination {
                connection_id: known.connection.id,
                binding: known.binding,
                settings: known.settings,
            };
            changed.settings.fields.templates = templates;
            let saved: Destination = client.put(&format!("destinations/{id}"), &changed).await?;
            match output.is_json() {
                true => output.value(&saved)?,
                false => {
                    output.line(&format!("{} uses the templates {name} from now on.", saved.settings.name))?
                }
            }
        }
        Action::Remove { name, yes } => {
            let known = lookup::templates(&client, &name).await?;
            confirm(&format!("Remove the templates {}?", known.set.name), yes)?;
            client.delete(&format!("templates/{}", known.id)).await?;
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, list: &[Templates]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&list);
    }
    let rows = list.iter().map(|templates| {
        let own = Part::ALL.into_iter().filter(|part| !templates.set.of(*part).trim().is_empty());
        let destinations: Vec<&str> =
            templates.destinations.iter().map(|named| named.name.as_str()).collect();
        vec![
            templates.id.to_string(),
            templates.set.name.clone(),
            own.map(Part::as_str).collect::<Vec<_>>().join(", "),
            destinations.join(", "),
            templates.work_items.to_string(),
            minute(templates.changed_at),
        ]
    });
    output.table(&["Id", "Name", "Own parts", "Destinations", "Work items", "Changed"], rows.collect())
}

fn print_set(output: Output, set: &TemplateSet) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(set);
    }
    let standard = |text: &str| match text.trim().is_empty() {
        true => "(standard)".to_owned(),
        false => format!("\n{}", text.trim_end()),
    };
    let list = |patterns: &[String]| patterns.join("\n");
    output.facts(&[
        ("name", set.name.clone()),
        ("title", standard(&set.title)),
        ("block", standard(&set.block)),
        ("comment", standard(&set.comment)),
        ("tags", standard(&set.tags)),
        ("snippets", if set.redaction.hide_snippets { "hidden" } else { "shown" }.to_owned()),
        ("left out", list(&set.redaction.leave_out)),
        ("replaced", list(&set.redaction.replace)),
    ])
}

fn print_preview(output: Output, preview: &TemplatePreview) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(preview);
    }
    for problem in &preview.problems {
        output.line(&format!("problem: {}", problem.sentence()))?;
    }
    if preview.examples.is_empty() {
        output.line("There are no findings to try them on yet: import a report first.")?;
    }
    for example in &preview.examples {
        print_example(output, example)?;
    }
    Ok(())
}

fn print_example(output: Output, example: &TemplateExample) -> Result<(), CliError> {
    let of = match example.ticket {
        Some(id) => format!("ticket {id}"),
        None => format!("finding {}", example.finding.map(|id| id.to_string()).unwrap_or_default()),
    };
    let title = match example.title_length > example.title.chars().count() as u64 {
        true => format!("{} (cut from {} characters)", example.title, example.title_length),
        false => example.title.clone(),
    };
    output.facts(&[
        ("on", of),
        ("title", title),
        ("tags", example.tags.join(", ")),
        ("block", format!("{} characters\n{}", example.block_length, plain(&example.block))),
        ("comment", example.comment.as_deref().map(plain).unwrap_or_default()),
    ])
}
