//! Who we are, and whether everything is in place: each step says what is wrong and what to do about it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::client::{Call, Client};
use crate::discovery::RawProject;
use crate::error::{Error, SignInFailure};
use crate::item::null_is_empty;
use crate::route::Version;

/// Work item permissions, on an area (azure-devops.md section 8).
pub(crate) const AREAS: &str = "83e28ad4-2d72-4ceb-97b0-c7726d5502c3";
pub(crate) const READ_ITEMS: i64 = 16;
const READ_AND_WRITE_ITEMS: i64 = 16 | 32;
const TAGGING: &str = "bb50f182-8e5e-40b8-bc21-e8752a1e7ae2";
const CREATE_TAGS: i64 = 2;
const SERVICE_HOOKS: &str = "cb594ebe-87dd-4fc9-ac2c-6a10a4c92046";
const VIEW_AND_EDIT_SUBSCRIPTIONS: i64 = 1 | 2;

/// Where the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deployment {
    /// Azure DevOps Services.
    Hosted,
    /// Azure DevOps Server.
    OnPremises,
}

/// Who the client is for the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Compare it with the id of who changed an item, to know our own changes.
    pub id: String,
    /// Name for people.
    pub display_name: String,
    /// Sign-in name, if the service tells.
    pub unique_name: String,
    /// Identity of the organization.
    pub organization_id: String,
    /// The organization in the service's own spelling; as configured if no project can be seen.
    pub organization: String,
    /// Its address in the service's own spelling.
    pub organization_url: String,
    /// Where the service runs.
    pub deployment: Deployment,
}

/// One step of [`Client::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStep {
    /// What was checked, in words for people.
    pub name: String,
    /// How it went.
    pub outcome: CheckOutcome,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckOutcome {
    /// Well. The text is a remark, often empty.
    Ok {
        /// What was found.
        note: String,
    },
    /// Not well.
    Failed {
        /// What and why, one sentence.
        message: String,
        /// What to do about it, one sentence.
        next_step: String,
    },
    /// It was not tried, because a step before failed or it does not apply.
    Skipped {
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawConnection {
    authenticated_user: RawUser,
    #[serde(default, deserialize_with = "null_is_empty")]
    instance_id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    deployment_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawUser {
    #[serde(default, deserialize_with = "null_is_empty")]
    id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    descriptor: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    provider_display_name: String,
    #[serde(default)]
    custom_display_name: Option<String>,
    #[serde(default)]
    properties: Value,
}

#[derive(Deserialize)]
struct RawNode {
    identifier: String,
}

#[derive(Deserialize)]
struct RawEvaluations {
    evaluations: Vec<RawEvaluation>,
}

#[derive(Deserialize)]
struct RawEvaluation {
    #[serde(default, deserialize_with = "null_is_empty")]
    value: bool,
}

impl Client {
    /// Who the client is, and how the organization spells itself. Two reads.
    ///
    /// # Errors
    /// [`Error::SignIn`] for a credential that is not accepted, also where the service answers anonymously.
    pub async fn check(&self) -> Result<Identity, Error> {
        let mut identity = self.identity().await?;
        // Only links that come back show the service's spelling. Not seeing projects is for `verify` to explain.
        if let Ok(projects) = self.project_page(1, 0).await {
            adopt_spelling(&mut identity, projects.first());
        }
        Ok(identity)
    }

    async fn identity(&self) -> Result<Identity, Error> {
        let route = self.route(&["_apis", "connectionData"], Version::ConnectionData);
        let operation = format!("sign in to {}", self.organization());
        let raw: RawConnection = self.json(Call::get(operation.clone(), route)).await?;
        let user = raw.authenticated_user;
        let is_anonymous = user.descriptor.to_ascii_lowercase().contains("anonymous")
            || user.provider_display_name.eq_ignore_ascii_case("anonymous")
            || !user.id.bytes().any(|byte| byte.is_ascii_alphanumeric() && byte != b'0');
        if is_anonymous {
            return Err(Error::SignIn { operation, why: SignInFailure::Anonymous });
        }
        Ok(Identity {
            id: user.id,
            display_name: user
                .custom_display_name
                .filter(|name| !name.is_empty())
                .unwrap_or(user.provider_display_name),
            unique_name: user
                .properties
                .pointer("/Account/$value")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            organization_id: raw.instance_id,
            organization: self.organization().to_owned(),
            organization_url: self.base().to_string(),
            deployment: if raw.deployment_type.eq_ignore_ascii_case("onPremises") {
                Deployment::OnPremises
            } else {
                Deployment::Hosted
            },
        })
    }

    /// Checks step by step what Lockstep needs: token, sign-in, projects, and for a project its types and permissions.
    pub async fn verify(&self, project: Option<&str>) -> Vec<CheckStep> {
        let mut steps = Steps::default();
        // What was known a minute ago proves nothing.
        self.forget_definitions();

        match self.fetch_token("get an access token").await {
            Ok(Some(giver)) => steps.ok("Access token", &format!("{giver} gave one")),
            Ok(None) => steps.skip("Access token", "a personal access token is used as it is"),
            Err(error) => steps.fail("Access token", &error),
        }

        if let Some(identity) = steps.run("Sign-in", self.identity()).await {
            steps.ok("Sign-in", &format!("as {}", identity.display_name));
        }

        if let Some(projects) = steps.run("Projects", self.project_page(1, 0)).await {
            match projects.first() {
                Some(first) => steps.ok("Projects", &self.spelling_note(first)),
                None => steps.fail_with(
                    "Projects",
                    "The identity sees no project in this organization".into(),
                    "Add the identity to a project's team (or to its Contributors), with a Basic licence."
                        .into(),
                ),
            }
        }

        let Some(project) = project else { return steps.done };
        self.verify_project(project, &mut steps).await;
        steps.done
    }

    async fn verify_project(&self, project: &str, steps: &mut Steps) {
        let Some(found) = steps.run("Project", self.project(project)).await else {
            for name in ["Work item types", "Edit work items", "Create tags", "Service hooks"] {
                steps.skip(name, "a step before failed");
            }
            return;
        };
        steps.ok("Project", &found.name);

        if let Some(types) = steps.run("Work item types", self.work_item_types(&found.id)).await {
            match types.len() {
                0 => steps.fail_with(
                    "Work item types",
                    format!("Project {} offers no work item type", found.name),
                    "Check that Boards is switched on for the project.".into(),
                ),
                count => steps.ok("Work item types", &format!("{count} types")),
            }
        }

        let route = self
            .route(&[&found.id, "_apis", "wit", "classificationnodes", "areas"], Version::Released)
            .with("$depth", "0");
        let operation = format!("read the areas of project {}", found.name);
        if let Some(root) =
            steps.run("Edit work items", self.json::<RawNode>(Call::get(operation, route))).await
        {
            let token = format!("vstfs:///Classification/Node/{}", root.identifier);
            self.verify_permission(
                steps,
                "Edit work items",
                (AREAS, &token, READ_AND_WRITE_ITEMS),
                (
                    format!("The identity may not view and edit work items in the root area of project {}", found.name),
                    "Allow 'View work items in this node' and 'Edit work items in this node' (Project settings > Project configuration > Areas > Security); if the destination's area is another one, allow it there.",
                ),
            )
            .await;
        }

        self.verify_permission(
            steps,
            "Create tags",
            (TAGGING, &format!("/{}", found.id), CREATE_TAGS),
            (
                format!("The identity may not create tags in project {}", found.name),
                "Allow 'Create tag definition' (Project settings > Permissions), or use only tags that exist.",
            ),
        )
        .await;

        self.verify_permission(
            steps,
            "Service hooks",
            (SERVICE_HOOKS, &format!("PublisherSecurity/{}", found.id), VIEW_AND_EDIT_SUBSCRIPTIONS),
            (
                format!("The identity may not subscribe to events of project {}", found.name),
                "Make it a project administrator, or let an administrator create the subscriptions; without them, changes are found by the feed and by sweeps.",
            ),
        )
        .await;
    }

    /// Has this identity all of these permissions on what a token names (section 8)?
    pub(crate) async fn is_allowed(
        &self,
        operation: String,
        namespace: &str,
        token: &str,
        permissions: i64,
    ) -> Result<bool, Error> {
        let route = self.route(&["_apis", "security", "permissionevaluationbatch"], Version::Released);
        let body = json!({ "alwaysAllowAdministrators": false, "evaluations": [
            { "securityNamespaceId": namespace, "token": token, "permissions": permissions } ] });
        let answer: RawEvaluations = self.json(Call::ask(operation, route, body)).await?;
        Ok(!answer.evaluations.is_empty() && answer.evaluations.iter().all(|one| one.value))
    }

    async fn verify_permission(
        &self,
        steps: &mut Steps,
        name: &str,
        (namespace, token, permissions): (&str, &str, i64),
        (message, next_step): (String, &str),
    ) {
        let operation = format!("look up the permission '{name}'");
        let asked = self.is_allowed(operation, namespace, token, permissions);
        if let Some(is_allowed) = steps.run(name, asked).await {
            if is_allowed {
                steps.ok(name, "");
            } else {
                steps.fail_with(name, message, next_step.into());
            }
        }
    }

    /// A difference in case is worth a word, never a failure (design.md section 8).
    fn spelling_note(&self, project: &RawProject) -> String {
        match organization_of(&project.url) {
            Some((name, _))
                if name != self.organization() && name.eq_ignore_ascii_case(self.organization()) =>
            {
                format!("the organization spells itself {name}")
            }
            _ => String::new(),
        }
    }
}

fn adopt_spelling(identity: &mut Identity, project: Option<&RawProject>) {
    if let Some((name, url)) = project.and_then(|project| organization_of(&project.url)) {
        // Old links name the organization in the host; only a difference in case is a spelling.
        if name.eq_ignore_ascii_case(&identity.organization) {
            identity.organization = name;
            identity.organization_url = url;
        }
    }
}

/// Name and address of the organization in a link of the service: what stands before `_apis`.
fn organization_of(link: &str) -> Option<(String, String)> {
    let base = Url::parse(link.split_once("/_apis/")?.0).ok()?;
    let last = base.path_segments()?.next_back()?;
    let name = percent_encoding::percent_decode_str(last).decode_utf8().ok()?.into_owned();
    Some((name, base.to_string()))
}

/// The steps so far. Once the connection itself has failed, the rest is not tried.
#[derive(Default)]
struct Steps {
    done: Vec<CheckStep>,
}

impl Steps {
    fn add(&mut self, name: &str, outcome: CheckOutcome) {
        self.done.push(CheckStep { name: name.to_owned(), outcome });
    }

    fn ok(&mut self, name: &str, note: &str) {
        self.add(name, CheckOutcome::Ok { note: note.to_owned() });
    }

    fn skip(&mut self, name: &str, reason: &str) {
        self.add(name, CheckOutcome::Skipped { reason: reason.to_owned() });
    }

    fn fail(&mut self, name: &str, error: &Error) {
        let next_step = match error {
            // Everything but the organization itself is named in later steps.
            Error::NotFound { .. } if name == "Sign-in" => {
                "Check the organization's name and the address before it.".to_owned()
            }
            error => error.next_step(),
        };
        self.fail_with(name, error.message(), next_step);
    }

    fn fail_with(&mut self, name: &str, message: String, next_step: String) {
        self.add(name, CheckOutcome::Failed { message, next_step });
    }

    /// The result of a step, unless it failed (which is noted) or one that it rests on did.
    async fn run<T>(&mut self, name: &str, step: impl Future<Output = Result<T, Error>>) -> Option<T> {
        let rests_on_failure = self.done.iter().any(|before| {
            matches!(before.outcome, CheckOutcome::Failed { .. })
                && matches!(before.name.as_str(), "Access token" | "Sign-in")
        });
        if rests_on_failure {
            self.skip(name, "a step before failed");
            return None;
        }
        match step.await {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(name, &error);
                None
            }
        }
    }
}
