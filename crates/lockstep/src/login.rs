//! The saved login: which server, and what to show it. A file that only its owner may read.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use api::{Me, SignIn};
use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::client::{ApiArgs, Client, read_secret};
use crate::exit::{self, CliError, Outcome};

/// A saved login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The server it is for.
    pub(crate) url: Url,
    /// What to show it.
    pub(crate) secret: Secret,
}

/// What a saved login shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Secret {
    /// An API token.
    Token(String),
    /// A session; it ends when it was not used for 12 hours.
    Session(String),
}

fn file() -> Result<PathBuf, CliError> {
    let folder = if let Some(folder) = std::env::var_os("LOCKSTEP_CONFIG_DIR") {
        PathBuf::from(folder)
    } else if let Some(folder) = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()) {
        PathBuf::from(folder).join("lockstep")
    } else if let Some(folder) = std::env::var_os("APPDATA") {
        PathBuf::from(folder).join("lockstep")
    } else {
        let home = std::env::home_dir().ok_or_else(|| {
            CliError::new(exit::BROKEN, "there is no home folder to keep the login in")
                .next("Set LOCKSTEP_CONFIG_DIR, or use LOCKSTEP_TOKEN instead of a login.")
        })?;
        home.join(".config").join("lockstep")
    };
    Ok(folder.join("login.json"))
}

/// The saved login, if there is one.
pub(crate) fn load() -> Result<Option<Saved>, CliError> {
    let path = file()?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::new(exit::BROKEN, format!("{} cannot be read: {error}", path.display())));
        }
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        CliError::new(exit::BROKEN, format!("{} is damaged: {error}", path.display()))
            .next("Sign in again with `lockstep login`.")
    })
}

fn save(saved: &Saved) -> Result<PathBuf, CliError> {
    let path = file()?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(CliError::broken)?;
    }
    let text = serde_json::to_string_pretty(saved).map_err(CliError::broken)?;
    write_private(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let failed = |error: io::Error| {
        CliError::new(exit::BROKEN, format!("{} cannot be written: {error}", path.display()))
    };
    // Written beside and renamed, so that the file never exists with wider rights or half its content.
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    drop(file);
    fs::rename(&beside, path).map_err(failed)
}

/// Options of `lockstep login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// User name; asked for at a terminal if absent
    #[arg(long, short)]
    username: Option<String>,
    /// File with the password, `-` for standard input; asked for at a terminal if absent
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with an API token to save instead of signing in, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    token_file: Option<PathBuf>,
}

/// Signs in and saves the login.
pub(crate) async fn login(args: LoginArgs) -> Outcome {
    let url = args.api.url()?;
    let (secret, me) = match &args.token_file {
        Some(file) => with_token(&url, read_secret(file)?).await?,
        None => with_password(&args, &url).await?,
    };
    let path = save(&Saved { url: url.clone(), secret })?;
    let output = args.api.output();
    if output.is_json() {
        output.value(&me)?;
    } else {
        output.line(&format!(
            "Signed in to {url} as {}. The login is kept in {}.",
            me.name,
            path.display()
        ))?;
    }
    Ok(exit::OK)
}

async fn with_token(url: &Url, token: String) -> Result<(Secret, Me), CliError> {
    let client = Client::anonymous(url.clone())?;
    let response = client.send(client.request(Method::GET, "session")?.bearer_auth(&token)).await?;
    let me = response.json().await.map_err(CliError::broken)?;
    Ok((Secret::Token(token), me))
}

async fn with_password(args: &LoginArgs, url: &Url) -> Result<(Secret, Me), CliError> {
    let ask = |what: &str, hidden: bool| -> Result<String, CliError> {
        let terminal = console::Term::stderr();
        if !io::stdin().is_terminal() || !terminal.is_term() {
            return Err(CliError::usage(format!("there is no terminal to ask for the {what}"))
                .next("Give --username and --password-file, or --token-file."));
        }
        terminal.write_str(&format!("{what}: ")).map_err(CliError::broken)?;
        let answer = if hidden { terminal.read_secure_line() } else { terminal.read_line() };
        answer.map_err(CliError::broken)
    };
    let username = match &args.username {
        Some(username) => username.clone(),
        None => ask("user name", false)?,
    };
    let password = match &args.password_file {
        Some(file) => read_secret(file)?,
        None => ask("password", true)?,
    };
    open_session(url, username, password).await
}

/// Signs in with a password, without saving anything.
pub(crate) async fn session(url: &Url, username: &str, password: &str) -> Result<Secret, CliError> {
    Ok(open_session(url, username.to_owned(), password.to_owned()).await?.0)
}

async fn open_session(url: &Url, username: String, password: String) -> Result<(Secret, Me), CliError> {
    let client = Client::anonymous(url.clone())?;
    let request = client.request(Method::POST, "session")?.json(&SignIn { username, password });
    let response = client.send(request).await?;
    let start = format!("{}=", server::SESSION_COOKIE);
    let session = response
        .headers()
        .get_all(reqwest::header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| value.split(';').next()?.strip_prefix(&start).map(str::to_owned))
        .ok_or_else(|| CliError::new(exit::BROKEN, format!("{url} gave no session")))?;
    let me = response.json().await.map_err(CliError::broken)?;
    Ok((Secret::Session(session), me))
}

/// Ends the saved session and forgets the login.
pub(crate) async fn logout() -> Outcome {
    let Some(saved) = load()? else { return Ok(exit::OK) };
    if matches!(saved.secret, Secret::Session(_)) {
        match Client::of(saved)?.delete("session").await {
            // It ended already: that is what was wanted.
            Err(error) if error.code == exit::NOT_ALLOWED => {}
            other => other?,
        }
    }
    fs::remove_file(file()?).map_err(CliError::broken)?;
    Ok(exit::OK)
}
