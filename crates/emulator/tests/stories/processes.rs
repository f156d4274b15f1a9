//! The definitions agree with the published ones. The files are not part of this repository; without them the
//! test says so.

use std::{collections::BTreeSet, path::Path};

use emulator::{
    Seed,
    seed::{ProcessKind, ProjectSeed},
};
use serde_json::Value;

use crate::common::World;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/process");

#[tokio::test]
async fn states_categories_and_transitions_agree_with_the_published_processes() {
    if !Path::new(FIXTURES).exists() {
        println!("skipped: {FIXTURES} is not there");
        return;
    }
    let mut seed = Seed::demo();
    let kinds = [
        ("agile", ProcessKind::Agile),
        ("scrum", ProcessKind::Scrum),
        ("basic", ProcessKind::Basic),
        ("cmmi", ProcessKind::Cmmi),
    ];
    seed.organizations[0].projects.extend(kinds.map(|(name, kind)| ProjectSeed::new(name, kind)));
    let world = World::seeded(seed).await;
    for (name, _) in kinds {
        let file = std::fs::read_to_string(format!("{FIXTURES}/{name}.json")).unwrap();
        let published: Value = serde_json::from_str(&file).unwrap();
        let types = world.get(&format!("{name}/_apis/wit/workitemtypes")).await.good();
        let types = types["value"].as_array().unwrap();
        assert!(types.len() >= 3, "{name}");
        for ours in types {
            let title = format!("{name} {}", ours["name"]);
            let theirs =
                published["types"].as_array().unwrap().iter().find(|t| t["name"] == ours["name"]).unwrap();
            for state in theirs["states"].as_array().unwrap() {
                let own = ours["states"].as_array().unwrap().iter().find(|s| s["name"] == state["name"]);
                let own = own.unwrap_or_else(|| panic!("{title} lacks {}", state["name"]));
                if !state["category"].is_null() {
                    assert_eq!(own["category"], state["category"], "{title} {}", state["name"]);
                }
            }
            let word = |v: &Value| v.as_str().unwrap().to_owned();
            let expected: BTreeSet<(String, String)> = theirs["transitions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| (word(&t["from"]), word(&t["to"])))
                .collect();
            let shown: BTreeSet<(String, String)> = ours["transitions"]
                .as_object()
                .unwrap()
                .iter()
                .flat_map(|(from, list)| {
                    list.as_array().unwrap().iter().map(|t| (from.clone(), word(&t["to"])))
                })
                .filter(|(from, to)| from != to)
                .collect();
            assert_eq!(shown, expected, "{title}");
        }
    }
}
