//! The Azure DevOps client.
