//! `lockstep user`: people who can sign in, and who they are on boards.

use std::path::PathBuf;

use api::{NewUser, Role, User, UserChange};
use clap::{Args, Subcommand};
use model::UserId;

use super::{minute, parse_role, word};
use crate::client::{ApiArgs, Client, read_secret};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep user`.
#[derive(Args, Debug)]
pub(crate) struct UserArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List users by name
    List,
    /// Make a user
    #[command(after_help = "\
Example:
  lockstep user add dana --role developer --address dana@contoso.com --password-file password.txt")]
    Add {
        /// Name to sign in with
        name: String,
        /// What the person may do: reader, importer, developer, analyst, security_manager or administrator
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// File with the first password (`-` for standard input)
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        /// Address by which boards know the person: commands in comments are obeyed for it
        #[arg(long, value_name = "ADDRESS")]
        address: Option<String>,
        /// Identity of the person in the boards' directory
        #[arg(long, value_name = "ID")]
        board_identity: Option<String>,
    },
    /// Change a user; an empty text takes away
    #[command(after_help = "Example:\n  lockstep user change dana --role analyst --address dana@contoso.com")]
    Change {
        /// Name or id of the user
        user: String,
        /// What the person may do from now on
        #[arg(long, value_parser = parse_role)]
        role: Option<Role>,
        /// Address by which boards know the person
        #[arg(long, value_name = "ADDRESS")]
        address: Option<String>,
        /// Identity of the person in the boards' directory
        #[arg(long, value_name = "ID")]
        board_identity: Option<String>,
    },
    /// Remove a user
    Remove {
        /// Name or id of the user
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

async fn named(client: &Client, name: &str) -> Result<UserId, CliError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let users: Vec<User> = client.list("users", &[], None).await?;
    let found = users.into_iter().find(|user| user.name.to_lowercase() == name.to_lowercase());
    found.map(|user| user.id).ok_or_else(|| {
        CliError::new(exit::REFUSED, format!("there is no user '{name}'"))
            .next("List what there is with `lockstep user list`.")
    })
}

/// Runs `lockstep user`.
pub(crate) async fn run(args: UserArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print(output, &client.list("users", &[], None).await?)?,
        Action::Add { name, role, password_file, address, board_identity } => {
            let password = read_secret(&password_file)?;
            let new = NewUser { name, password, role, address, board_identity };
            print(output, &[client.post("users", &new).await?])?;
        }
        Action::Change { user, role, address, board_identity } => {
            let id = named(&client, &user).await?;
            let change = UserChange { role, address, board_identity };
            print(output, &[client.patch(&format!("users/{id}"), &change).await?])?;
        }
        Action::Remove { user, yes } => {
            let id = named(&client, &user).await?;
            confirm(&format!("Remove the user {user}?"), yes)?;
            client.delete(&format!("users/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

fn print(output: Output, users: &[User]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&users);
    }
    let rows = users.iter().map(|user| {
        vec![
            user.id.to_string(),
            user.name.clone(),
            word(&user.role),
            user.address.clone().unwrap_or_default(),
            minute(user.created_at),
        ]
    });
    output.table(&["Id", "Name", "Role", "Address", "Made"], rows.collect())
}
