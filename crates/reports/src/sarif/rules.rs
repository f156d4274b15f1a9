//! Finds the rule that a result points to (SARIF 2.1.0 sections 3.27.5 to 3.27.7 and 3.52).

use std::collections::HashMap;

use super::model::{Rule, RuleReference, SarifResult, Tool, ToolComponent, ToolComponentReference};

/// Rules of the driver and of its extensions.
#[derive(Default)]
pub(super) struct Rules {
    /// The driver first.
    components: Vec<Indexed>,
}

#[derive(Default)]
struct Indexed {
    component: ToolComponent,
    by_id: HashMap<String, usize>,
    by_guid: HashMap<String, usize>,
}

impl Indexed {
    fn new(component: ToolComponent) -> Self {
        let mut by_id = HashMap::new();
        let mut by_guid = HashMap::new();
        for (position, rule) in component.rules.iter().enumerate() {
            if let Some(id) = rule.id.as_deref() {
                by_id.entry(id.to_owned()).or_insert(position);
            }
            if let Some(guid) = rule.guid.as_deref() {
                by_guid.entry(guid.to_ascii_lowercase()).or_insert(position);
            }
        }
        Self { component, by_id, by_guid }
    }

    /// By id, else by the id without its last parts: `CA1000/1` is described by `CA1000` (3.5.4).
    fn by_id(&self, id: &str) -> Option<&Rule> {
        let mut id = id;
        loop {
            if let Some(position) = self.by_id.get(id) {
                return self.component.rules.get(*position);
            }
            id = id.rsplit_once('/')?.0;
        }
    }
}

/// Whether `id` is the rule's id or lies below it in the hierarchy.
fn agrees(id: &str, rule: &Rule) -> bool {
    let Some(of_rule) = rule.id.as_deref() else { return true };
    id == of_rule || id.strip_prefix(of_rule).is_some_and(|rest| rest.starts_with('/'))
}

impl Rules {
    pub(super) fn new(tool: Tool) -> Self {
        let driver = tool.driver.unwrap_or_default();
        let components = std::iter::once(driver).chain(tool.extensions).map(Indexed::new).collect();
        Self { components }
    }

    fn component(&self, reference: Option<&ToolComponentReference>) -> Option<&Indexed> {
        let Some(reference) = reference else { return self.components.first() };
        if let Some(index) = reference.index.0 {
            return self.components.get(index + 1);
        }
        let named = |part: &ToolComponent| {
            (reference.guid.is_some() && reference.guid == part.guid)
                || (reference.name.is_some() && reference.name == part.name)
        };
        self.components.iter().find(|part| named(&part.component))
    }

    /// The rule of a result, with the component that holds it. The index wins unless the id says otherwise, because
    /// merged reports carry indexes of another file.
    pub(super) fn of(&self, result: &SarifResult) -> Option<(&Rule, &ToolComponent)> {
        let reference = result.rule.as_ref();
        let id = rule_id(result);
        let index = reference.and_then(|rule| rule.index.0).or(result.rule_index.0);
        let home = self.component(reference.and_then(|rule| rule.tool_component.as_ref()));
        let guid = reference.and_then(|rule| rule.guid.as_deref()).map(str::to_ascii_lowercase);
        let by_index = || home.and_then(|home| Some((home.component.rules.get(index?)?, &home.component)));
        let by_id = || {
            let homes = home.into_iter().chain(&self.components);
            homes.filter_map(|home| Some((home.by_id(id?)?, &home.component))).next()
        };
        let by_guid = || {
            let position = |home: &Indexed| home.by_guid.get(guid.as_deref()?).copied();
            self.components
                .iter()
                .find_map(|home| Some((&home.component.rules[position(home)?], &home.component)))
        };
        by_index()
            .filter(|(rule, _)| id.is_none_or(|id| agrees(id, rule)))
            .or_else(by_id)
            .or_else(by_guid)
            .or_else(by_index)
    }

    /// The component whose texts a result without a rule may use.
    pub(super) fn driver(&self) -> Option<&ToolComponent> {
        self.components.first().map(|home| &home.component)
    }
}

/// The id that the result itself gives.
pub(super) fn rule_id(result: &SarifResult) -> Option<&str> {
    let of_reference = result.rule.as_ref().and_then(|rule| rule.id.as_deref());
    [result.rule_id.as_deref(), of_reference].into_iter().flatten().map(str::trim).find(|id| !id.is_empty())
}

impl RuleReference {
    /// Whether this points at the rule: by id, else by its position in the driver.
    pub(super) fn means(&self, rule: &Rule, position_holds: impl Fn(usize) -> bool) -> bool {
        match (&self.id, &rule.id) {
            (Some(id), Some(_)) => agrees(id, rule),
            _ => self.index.0.is_some_and(position_holds),
        }
    }
}
