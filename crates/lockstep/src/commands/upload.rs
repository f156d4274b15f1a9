//! A file goes to the server as it is read, with a bar on standard error.

use std::path::Path;

use futures::TryStreamExt as _;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, Response};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::client::Client;
use crate::exit::{self, CliError};
use crate::output::progress;

/// The name of a file for messages; none for standard input.
pub(crate) fn file_name(file: &Path) -> Option<String> {
    let name = (file.as_os_str() != "-").then(|| file.file_name()).flatten()?;
    Some(name.to_string_lossy().into_owned())
}

/// Sends a file, or standard input for `-`, as the body of a request.
pub(crate) async fn send_file(
    client: &Client,
    request: RequestBuilder,
    file: &Path,
) -> Result<Response, CliError> {
    let mut request = request.header(CONTENT_TYPE, "application/octet-stream");
    let bar;
    if file.as_os_str() == "-" {
        bar = progress(None, "uploading");
        request = request.body(body(tokio::io::stdin(), bar.clone()));
    } else {
        let unreadable = |error: std::io::Error| {
            CliError::new(exit::REFUSED, format!("{} cannot be read: {error}", file.display()))
        };
        let opened = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let about = opened.metadata().await.map_err(unreadable)?;
        if about.is_dir() {
            return Err(CliError::new(exit::REFUSED, format!("{} is a folder", file.display()))
                .next("Name the file itself."));
        }
        bar = progress(Some(about.len()), "uploading");
        if about.is_file() {
            request = request.header(CONTENT_LENGTH, about.len());
        }
        request = request.body(body(opened, bar.clone()));
    }
    let response = client.send(request).await;
    bar.finish_and_clear();
    response
}

fn body(source: impl AsyncRead + Send + 'static, bar: indicatif::ProgressBar) -> Body {
    let chunks = ReaderStream::with_capacity(source, 64 * 1024).inspect_ok(move |chunk| {
        bar.inc(u64::try_from(chunk.len()).unwrap_or(0));
    });
    Body::wrap_stream(chunks)
}
