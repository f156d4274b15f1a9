//! What the ingest rules of a source would make of a report, or of what it finds now. Nothing is stored.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use model::SourceId;
use model::ingest::{Division, IngestRule, LeftOutReason};

use crate::Refusal;
use crate::engine::Engine;
use crate::ingest::divide::Parts;
use crate::ingest::{Ruled, named_format};

/// Pages of a live preview: people wait for it.
const PREVIEW_PAGES: usize = 3;

/// Assets that a preview lists.
const PREVIEWED_ASSETS: usize = 200;

/// What ingest rules would make of a report. Nothing is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestPreview {
    /// Results in the report, with those that are no weakness seen now.
    pub results: u64,
    /// The assets, the one with most results first; at most 200.
    pub assets: Vec<PreviewedAsset>,
    /// How many assets there are.
    pub assets_total: u64,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that rules leave out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Titles of the first results that no rule is about.
    pub nobodys: Vec<String>,
    /// Results that the report itself says are no weakness now, by reason.
    pub not_seen: Vec<(String, u64)>,
    /// All of it was looked at; a live preview stops after a few pages.
    pub whole: bool,
}

/// What would become of an asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewedAsset {
    /// Name.
    pub name: String,
    /// There is one of that name.
    pub exists: bool,
    /// It would be made.
    pub created: bool,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that the rule leaves out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Tags that it would get, if it does not have them.
    pub tags: Vec<String>,
    /// Titles of the first results.
    pub examples: Vec<String>,
}

impl Engine {
    /// What the rules of a source, or these, would make of a report; without a report of what it finds now. The report is
    /// deleted, and nothing is stored.
    ///
    /// # Errors
    /// If there is no such source, the rules make no sense, or the report cannot be read.
    pub async fn preview_source(
        &self,
        id: SourceId,
        rules: Option<Vec<IngestRule>>,
        report: Option<PathBuf>,
        format: Option<String>,
    ) -> Result<IngestPreview, Refusal> {
        let (file, live) = match report {
            Some(report) => (report, false),
            None => (self.fetch_path(), true),
        };
        let previewed = self.preview(id, rules, &file, live, format).await;
        let _ = tokio::fs::remove_file(&file).await;
        previewed
    }

    async fn preview(
        &self,
        id: SourceId,
        rules: Option<Vec<IngestRule>>,
        file: &Path,
        live: bool,
        format: Option<String>,
    ) -> Result<IngestPreview, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut source = self.source(&mut tx, id).await?;
        drop(tx);
        if let Some(rules) = rules {
            source.rules = rules;
        }
        let Ruled { division, .. } = self.ruled(&source)?;
        let format = named_format(format.as_deref())?;
        let mut preview = IngestPreview { whole: true, ..IngestPreview::default() };
        let format = if live {
            let fetched = self.fetch(&source, file, self.inner.world.now(), Some(PREVIEW_PAGES)).await?;
            preview.whole = fetched.whole;
            Some(reports::Format::DefenderGraph)
        } else {
            format
        };
        let path = file.to_owned();
        let read = tokio::task::spawn_blocking(move || read_parts(&path, format, &division)).await;
        let (summary, runs) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(unreadable(&error.to_string())),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        preview.results = summary.results;
        preview.not_seen =
            summary.left_out.iter().map(|left_out| (left_out.reason.to_owned(), left_out.count)).collect();
        self.add_up(runs, &mut preview).await?;
        Ok(preview)
    }

    async fn add_up(&self, runs: Vec<Parts>, preview: &mut IngestPreview) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut assets: BTreeMap<String, PreviewedAsset> = BTreeMap::new();
        let mut add = |reason, count| *preview.left_out.entry(reason).or_default() += count;
        for parts in runs {
            if parts.nobodys > 0 {
                add(LeftOutReason::NoRule, parts.nobodys);
            }
            preview.nobodys.extend(parts.nobodys_examples);
            for (key, part) in parts.parts.into_iter().filter(|(_, part)| part.read() > 0) {
                let exists = match assets.get(&key) {
                    Some(known) => known.exists,
                    None => store::assets::by_name(&mut tx, &part.asset).await?.is_some(),
                };
                let asset = assets.entry(key).or_default();
                asset.exists = exists;
                for (reason, count) in &part.filtered {
                    add(*reason, *count);
                    *asset.left_out.entry(*reason).or_default() += count;
                }
                if exists || part.create {
                    asset.created |= !exists;
                    asset.taken += part.taken;
                } else if part.taken > 0 {
                    add(LeftOutReason::NoSuchAsset, part.taken);
                    *asset.left_out.entry(LeftOutReason::NoSuchAsset).or_default() += part.taken;
                }
                asset.name = part.asset;
                for tag in part.tags {
                    if !asset.tags.contains(&tag) {
                        asset.tags.push(tag);
                    }
                }
                asset.examples.extend(part.examples);
                asset.examples.truncate(3);
            }
        }
        preview.nobodys.truncate(3);
        preview.assets_total = assets.len() as u64;
        preview.taken = assets.values().map(|asset| asset.taken).sum();
        preview.assets = assets.into_values().collect();
        preview.assets.sort_by(|a, b| b.taken.cmp(&a.taken).then_with(|| a.name.cmp(&b.name)));
        preview.assets.truncate(PREVIEWED_ASSETS);
        Ok(())
    }
}

fn read_parts(
    file: &Path,
    format: Option<reports::Format>,
    division: &Division,
) -> Result<(reports::Summary, Vec<Parts>), reports::Error> {
    let file = File::open(file).map_err(|error| reports::Error::from(reports::ErrorKind::Io(error)))?;
    let mut runs: Vec<Parts> = Vec::new();
    let summary = reports::read(BufReader::new(file), format, &reports::Limits::default(), &mut |event| {
        match event {
            reports::Event::Run(run) => runs.push(Parts::of_run(division, &run)),
            reports::Event::Observation(observation) => {
                if let Some(parts) = runs.last_mut() {
                    parts.take(division, &observation).map_err(Box::new)?;
                }
            }
        }
        Ok(())
    })?;
    Ok((summary, runs))
}

fn unreadable(error: &str) -> Refusal {
    Refusal::invalid(
        "report_invalid",
        "The report cannot be read",
        format!("The report: {error}."),
        "Look at it with 'lockstep inspect', and mend it.",
    )
}
