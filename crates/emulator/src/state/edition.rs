//! Which Azure DevOps an organization is: the cloud service, or a collection of a server somebody installed
//! (azure-devops.md section 2).

use super::locations::Number;
use crate::seed::ServerVersion;

/// The service, or a release of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Edition {
    #[default]
    Services,
    Server(ServerVersion),
}

impl Edition {
    pub(crate) fn is_server(self) -> bool {
        self != Self::Services
    }

    /// The newest version it knows. The cloud's is still in preview.
    pub(crate) fn latest(self) -> Number {
        match self {
            Self::Services => (7, 2),
            Self::Server(_) => self.released(),
        }
    }

    /// The newest version that is no preview.
    pub(crate) fn released(self) -> Number {
        match self {
            Self::Server(ServerVersion::V2022) => (7, 0),
            Self::Services | Self::Server(ServerVersion::V2022_1) => (7, 1),
        }
    }

    /// Long texts may be Markdown. That they may not on Server 2022.1 is a guess.
    pub(crate) fn has_markdown_fields(self) -> bool {
        !self.is_server()
    }

    /// Comments have a format.
    pub(crate) fn has_comment_formats(self) -> bool {
        self != Self::Server(ServerVersion::V2022)
    }

    /// The highest `-preview.N` where it differs from the cloud's.
    pub(crate) fn resource_version(self, resource: &str) -> Option<u32> {
        (self == Self::Server(ServerVersion::V2022) && resource == "comments").then_some(3)
    }
}
