//! Why a sign-in does not work, by meaning, with what a person can do about it.
//!
//! Entra explains itself by AADSTS codes; the text behind a code changes and holds trace ids, so codes alone decide
//! (Microsoft's page "Microsoft Entra authentication and authorization error codes"). What Azure DevOps itself answers
//! stands in azure-devops.md section 4.3.

use serde::Deserialize;

/// Why a credential was not accepted. `Display` continues a sentence that says what was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInFailure {
    /// 401 without a reason: the token is wrong, expired or revoked. An organization that does not exist looks the same.
    #[error("the credential is wrong, expired or revoked, or there is no organization of this name")]
    CredentialRefused,
    /// TF400813: the identity is valid, but not a member of the organization, or the token's scope is too small.
    #[error("the identity is not authorized in this organization, or its token lacks a scope ({0})")]
    NotAuthorized(String),
    /// TF401444: the identity was never added to the organization or never signed in.
    #[error("the identity has never been used in this organization (TF401444)")]
    NeverSignedIn,
    /// VS403463 of the service, or AADSTS5300x of Entra: a conditional access policy refuses it.
    #[error("a conditional access policy refuses this sign-in (VS403463)")]
    ConditionalAccess,
    /// Continuous access evaluation withdrew the token.
    #[error("the access token was withdrawn and a new one is needed")]
    TokenWithdrawn,
    /// A sign-in page or a redirect to one came back in place of data.
    #[error("a sign-in page came back in place of data")]
    SignInPage,
    /// A redirect to another address came back in place of data.
    #[error("a redirect to {0} came back in place of data")]
    Redirected(String),
    /// The service answered as to somebody who did not sign in.
    #[error("the service treats this credential as anonymous")]
    Anonymous,
    /// AADSTS7000215: the client secret is not the application's.
    #[error("Entra does not accept the client secret (AADSTS7000215)")]
    WrongSecret,
    /// AADSTS7000222: the client secret has expired.
    #[error("the client secret has expired (AADSTS7000222)")]
    SecretExpired,
    /// AADSTS7000218: the application is registered as one that has a secret, and none was given.
    #[error("Entra wants the application's client secret (AADSTS7000218)")]
    SecretRequired,
    /// AADSTS700025: the application is registered as one without a secret, and one was given.
    #[error("the application is a public one and must not send a client secret (AADSTS700025)")]
    SecretNotWanted,
    /// AADSTS700016: no such application in the tenant.
    #[error("Entra does not know this application in this tenant (AADSTS700016)")]
    UnknownApplication,
    /// AADSTS7000112 and its kin: the application was switched off.
    #[error("the application is switched off in Entra ({0})")]
    ApplicationDisabled(String),
    /// AADSTS90002: no such tenant.
    #[error("Entra does not know this tenant (AADSTS90002)")]
    UnknownTenant,
    /// AADSTS500011, 650052: the tenant has no service principal of Azure DevOps.
    #[error("this tenant does not know Azure DevOps ({0})")]
    ResourceUnknown(String),
    /// AADSTS65001, 90094 and their kin: nobody, or no administrator, agreed that the application uses Azure DevOps.
    #[error("nobody with the right to do so has agreed that the application may use Azure DevOps ({0})")]
    ConsentMissing(String),
    /// AADSTS65004, or `access_denied`: the person declined.
    #[error("the sign-in was declined or cancelled in the browser")]
    Declined,
    /// AADSTS50011, 500112, 90023: the redirect address is not registered, or not the one the sign-in began with.
    #[error("the redirect address is not one that is registered for the application ({0})")]
    WrongRedirect(String),
    /// AADSTS9002326, 9002327, 700084: the redirect address is registered as that of a single-page application.
    #[error("the redirect address is registered for a single-page application ({0})")]
    SinglePageRedirect(String),
    /// AADSTS50076, 50079 and their kin: more than a password is wanted.
    #[error("Entra wants another proof, such as multi-factor authentication ({0})")]
    MoreProofRequired(String),
    /// AADSTS50020, 50034, 90072: the account is not one of this tenant.
    #[error("the account does not exist in this tenant ({0})")]
    UserNotInTenant(String),
    /// AADSTS50105: the application wants assigned users, and this is none.
    #[error("the account is not assigned to the application (AADSTS50105)")]
    NotAssigned,
    /// AADSTS50053, 50055, 50057: locked, password expired, disabled.
    #[error("the account is disabled or locked, or its password has expired ({0})")]
    AccountDisabled(String),
    /// AADSTS70008, 700082, 50173, 54005 and their kin: what the person once allowed has ended.
    #[error("the sign-in of the person has ended ({0})")]
    SignInAgain(String),
    /// Entra gave no refresh token: the sign-in would end within the hour.
    #[error("Entra gave no refresh token")]
    NoRefreshToken,
    /// AADSTS70021, 700211 to 700213, 70025: no federated credential fits the workload's assertion.
    #[error("no federated credential of the application fits this workload ({0})")]
    FederationMismatch(String),
    /// AADSTS700024: the workload's assertion has expired or is not valid yet.
    #[error("the workload's assertion has expired or is not valid yet (AADSTS700024)")]
    AssertionExpired,
    /// AADSTS50027, 50013, 700027: the workload's assertion is damaged or not signed by its issuer.
    #[error("Entra does not accept the workload's assertion ({0})")]
    AssertionRefused(String),
    /// The file with the workload's assertion cannot be used.
    #[error("the file with the workload's assertion cannot be used: {0}")]
    AssertionUnreadable(String),
    /// The machine has no managed identity, or none with this client id.
    #[error("the machine has no such managed identity ({0})")]
    ManagedIdentityMissing(String),
    /// The service that gives tokens for managed identities does not answer.
    #[error("the managed identity service does not answer: {0}")]
    ManagedIdentityUnreachable(String),
    /// Anything else that was said.
    #[error("Entra refused the sign-in: {0}")]
    Entra(String),
}

impl SignInFailure {
    /// What a person can do about it, one sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::CredentialRefused => {
                "Check the spelling of the organization's name; if it is right, make a new token (or client secret) and save it in the connection."
            }
            Self::NotAuthorized(_) => {
                "Add the identity to the organization (Organization settings > Users) with a Basic licence, and give the token the scopes Work items (read and write) and Project and team (read); also check that the organization's policies allow it."
            }
            Self::NeverSignedIn => {
                "Add the service principal or managed identity to the organization (Organization settings > Users), by the object id of the enterprise application; a person has to sign in once in a browser."
            }
            Self::ConditionalAccess => {
                "Ask the directory's administrator to allow this server's address or this application in the conditional access policy."
            }
            Self::TokenWithdrawn => "Nothing to do: a new token is fetched; if this lasts, check the application in Entra.",
            Self::SignInPage => {
                "Check the organization's name, and whether the token is expired; an unknown organization looks the same."
            }
            Self::Redirected(_) => "Enter the address the service redirects to, or check the organization's name.",
            Self::Anonymous => "Check that the token was saved completely; the organization answers public visitors too.",
            Self::WrongSecret => "Copy the secret's value (not its id) from the application's page in Entra.",
            Self::SecretExpired => "Make a new client secret in Entra and save it in the connection.",
            Self::SecretRequired => {
                "Give the application's client secret, or register the redirect address under 'Mobile and desktop applications'."
            }
            Self::SecretNotWanted => {
                "Leave the client secret blank, or register the redirect address under 'Web'."
            }
            Self::UnknownApplication => "Check the application (client) id and the tenant.",
            Self::ApplicationDisabled(_) => "Ask the directory's administrator to enable the enterprise application.",
            Self::UnknownTenant => "Check the directory (tenant) id.",
            Self::ResourceUnknown(_) => {
                "Use the tenant that the organization is connected to (Organization settings > Microsoft Entra)."
            }
            Self::ConsentMissing(_) => {
                "Ask the directory's administrator to grant consent: Entra > App registrations > the application > API permissions > Azure DevOps > Grant admin consent."
            }
            Self::Declined => "Sign in again and accept what the application asks for.",
            Self::WrongRedirect(_) => {
                "Register exactly the redirect address that Lockstep shows: Entra > App registrations > the application > Authentication."
            }
            Self::SinglePageRedirect(_) => {
                "Remove the redirect address from 'Single-page application' and register it under 'Web'."
            }
            Self::MoreProofRequired(_) => {
                "Sign in with Microsoft again in a browser; a server cannot give this proof, so for unattended use prefer an application or a managed identity."
            }
            Self::UserNotInTenant(_) => {
                "Sign in with a work or school account of this tenant, or have the account invited as a guest."
            }
            Self::NotAssigned => {
                "Assign the account to the application (Entra > Enterprise applications > the application > Users and groups)."
            }
            Self::AccountDisabled(_) => {
                "Ask the directory's administrator to enable the account, or sign in with another one."
            }
            Self::SignInAgain(_) => "Open the connection and sign in with Microsoft again.",
            Self::NoRefreshToken => {
                "Allow the application the permission offline_access (Microsoft Graph, delegated), then sign in again."
            }
            Self::FederationMismatch(_) => {
                "Compare issuer, subject and audience (api://AzureADTokenExchange) of the federated credential in Entra with those of this workload."
            }
            Self::AssertionExpired => {
                "Check that the file with the assertion is renewed by the platform, and the clock of this server."
            }
            Self::AssertionRefused(_) => {
                "Check that the file holds the token of the platform, and that Entra can reach the issuer's keys."
            }
            Self::AssertionUnreadable(_) => {
                "Ask who operates this server to check the file that --federated-token-file names, and the right to read it."
            }
            Self::ManagedIdentityMissing(_) => {
                "Switch a managed identity on for this machine in Azure, or correct its client id in the connection."
            }
            Self::ManagedIdentityUnreachable(_) => {
                "A managed identity works only in Azure; elsewhere use workload identity federation or a client secret."
            }
            Self::Entra(_) => "Look up the AADSTS code, or ask the directory's administrator.",
        }
        .into()
    }

    /// Whether only a person can end it: asking again by itself gives the same answer.
    pub fn needs_a_person(&self) -> bool {
        matches!(
            self,
            Self::CredentialRefused
                | Self::SignInAgain(_)
                | Self::NoRefreshToken
                | Self::Declined
                | Self::MoreProofRequired(_)
                | Self::SinglePageRedirect(_)
        )
    }

    /// Whether a new access token may help: the service did not believe the one it got.
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(self, Self::CredentialRefused | Self::TokenWithdrawn | Self::SignInPage)
    }
}

/// The error body of a token endpoint. App Service and instance metadata write some members in their own way.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    pub(super) error: String,
    pub(super) error_description: String,
    pub(super) error_codes: Vec<i64>,
    pub(super) message: String,
}

/// Whose sign-in was refused: the same words of Entra may mean something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Application,
    Person,
    Machine,
}

/// The meaning of a refusal of a token endpoint, or of the error that a browser brings back.
pub(super) fn explain(refused: &Refused, whose: Whose) -> SignInFailure {
    if whose == Whose::Machine {
        let said = [&refused.error_description, &refused.message, &refused.error]
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or("no reason was given", String::as_str);
        return SignInFailure::ManagedIdentityMissing(first_line(said));
    }
    let code = refused.error_codes.first().copied().or_else(|| code_in(&refused.error_description));
    let known = code.and_then(by_code);
    let why = known.unwrap_or_else(|| match (code, refused.error.as_str()) {
        (_, "access_denied") => SignInFailure::Declined,
        (_, "consent_required") => SignInFailure::ConsentMissing("consent_required".into()),
        (Some(code), "interaction_required") => SignInFailure::MoreProofRequired(aadsts(code)),
        (Some(code), "invalid_grant") if whose == Whose::Person => SignInFailure::SignInAgain(aadsts(code)),
        (None, "invalid_grant") if whose == Whose::Person => {
            SignInFailure::SignInAgain("invalid_grant".into())
        }
        (Some(_), _) if !refused.error_description.is_empty() => {
            SignInFailure::Entra(first_line(&refused.error_description))
        }
        (Some(code), _) => SignInFailure::Entra(aadsts(code)),
        (None, "") => SignInFailure::Entra("it gave no reason".into()),
        (None, error) => SignInFailure::Entra(error.chars().take(100).collect()),
    });
    // An application has nothing a person could renew.
    match why {
        SignInFailure::SignInAgain(code) if whose == Whose::Application => SignInFailure::Entra(code),
        why => why,
    }
}

fn by_code(code: i64) -> Option<SignInFailure> {
    let text = || aadsts(code);
    Some(match code {
        7_000_215 => SignInFailure::WrongSecret,
        7_000_222 => SignInFailure::SecretExpired,
        7_000_218 => SignInFailure::SecretRequired,
        700_025 => SignInFailure::SecretNotWanted,
        700_016 => SignInFailure::UnknownApplication,
        7_000_112 | 7_000_114 | 7_000_116 => SignInFailure::ApplicationDisabled(text()),
        90_002 | 900_023 | 900_021 | 50_059 => SignInFailure::UnknownTenant,
        500_011 | 650_052 => SignInFailure::ResourceUnknown(text()),
        65_001 | 90_008 | 90_093 | 90_094 | 90_095 | 650_056 | 650_057 => {
            SignInFailure::ConsentMissing(text())
        }
        65_004 => SignInFailure::Declined,
        50_011 | 500_112 => SignInFailure::WrongRedirect(text()),
        9_002_326 | 9_002_327 | 700_084 => SignInFailure::SinglePageRedirect(text()),
        50_072 | 50_074 | 50_076 | 50_078 | 50_079 | 50_158 => SignInFailure::MoreProofRequired(text()),
        53_000..=53_004 | 530_001..=530_099 => SignInFailure::ConditionalAccess,
        50_020 | 50_034 | 50_128 | 50_177 | 51_004 | 90_072 => SignInFailure::UserNotInTenant(text()),
        50_105 => SignInFailure::NotAssigned,
        50_053 | 50_055 | 50_057 => SignInFailure::AccountDisabled(text()),
        // 70000: malformed; 70008, 700082, 70043: expired; 50173, 50132, 50133: revoked; 54005: used before; 501481: another verifier.
        70_000 | 70_008 | 70_043 | 700_082 | 50_173 | 50_089 | 50_132 | 50_133 | 54_005 | 500_133
        | 501_481 | 9_002_313 => SignInFailure::SignInAgain(text()),
        70_021 | 70_025 | 700_211 | 700_212 | 700_213 | 700_223 => SignInFailure::FederationMismatch(text()),
        700_024 => SignInFailure::AssertionExpired,
        50_013 | 50_027 | 700_021 | 700_023 | 700_027 => SignInFailure::AssertionRefused(text()),
        _ => return None,
    })
}

fn aadsts(code: i64) -> String {
    format!("AADSTS{code}")
}

fn code_in(description: &str) -> Option<i64> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
    digits.parse().ok()
}

/// Without what follows: trace ids and times. A description in one line has them after the sentence.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let sentence = line.split(" Trace ID:").next().unwrap_or_default();
    sentence.trim().trim_end_matches('.').chars().take(300).collect()
}
