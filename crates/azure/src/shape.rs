//! Which fields of a work item type hold what, for one team's board.

use model::process::WorkItemType;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::discovery::RawBoard;
use crate::error::Error;
use crate::item::integer;
use crate::refusal::Missing;

const REPRO_STEPS: &str = "Microsoft.VSTS.TCM.ReproSteps";
const DESCRIPTION: &str = "System.Description";
const SEVERITY: &str = "Microsoft.VSTS.Common.Severity";
const PRIORITY: &str = "Microsoft.VSTS.Common.Priority";
const DUE_DATE: &str = "Microsoft.VSTS.Scheduling.DueDate";

/// What a client must know to write and read items of one type for one team. It may be stored: the process behind it
/// changes rarely (azure-devops.md section 6 suggests a day).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemShape {
    /// Name of the work item type.
    pub work_item_type: String,
    /// Field with the long text that people see: ReproSteps for types that have it (Bug), else Description.
    pub description_field: String,
    /// Field with the severity, if the type has one.
    pub severity_field: Option<String>,
    /// Values that the severity may have, in the order of the process.
    pub severities: Vec<String>,
    /// Field with the priority, if the type has one.
    pub priority_field: Option<String>,
    /// Values that the priority may have.
    pub priorities: Vec<i64>,
    /// Field with the due date, if the type has one.
    #[serde(default)]
    pub due_date_field: Option<String>,
    /// `WEF_…_Kanban.Column` of the board, if the type has cards there.
    pub column_field: Option<String>,
    /// `WEF_…_Kanban.Lane` of the board, if the type has cards there.
    pub lane_field: Option<String>,
    /// `WEF_…_Kanban.Column.Done` of the board, if the type has cards there.
    pub done_field: Option<String>,
    /// Columns with a Doing and a Done half; only for them the half may be written.
    pub split_columns: Vec<String>,
    /// Area for items that name none: the team's default, else the project's root.
    pub default_area: String,
    /// Iteration for items that name none: the team's backlog iteration, else the project's root.
    pub default_iteration: String,
}

impl ItemShape {
    /// A shape that knows no board and no process: for looking at items whose destination is not known.
    pub fn plain(project: &str, work_item_type: &str) -> Self {
        Self {
            work_item_type: work_item_type.to_owned(),
            description_field: DESCRIPTION.to_owned(),
            severity_field: Some(SEVERITY.to_owned()),
            severities: Vec::new(),
            priority_field: Some(PRIORITY.to_owned()),
            priorities: Vec::new(),
            due_date_field: Some(DUE_DATE.to_owned()),
            column_field: None,
            lane_field: None,
            done_field: None,
            split_columns: Vec::new(),
            default_area: project.to_owned(),
            default_iteration: project.to_owned(),
        }
    }

    /// The shape of a type, without any board: for an item that is not where its destination is.
    pub fn of_type(project: &str, work_item_type: &WorkItemType) -> Self {
        let field = |name: &str| work_item_type.fields.contains(name).then(|| name.to_owned());
        Self {
            description_field: field(REPRO_STEPS).unwrap_or_else(|| DESCRIPTION.to_owned()),
            severity_field: field(SEVERITY),
            priority_field: field(PRIORITY),
            ..Self::plain(project, &work_item_type.name)
        }
    }

    /// Whether that column has a Done half.
    pub(crate) fn is_split(&self, column: &str) -> bool {
        self.split_columns.iter().any(|split| split.eq_ignore_ascii_case(column))
    }
}

impl Client {
    /// Learns the shape of a work item type for a team and, if one is named, its board. Four to six reads.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project, team, board or type do not exist.
    pub async fn item_shape(
        &self,
        project: &str,
        team: &str,
        board: Option<&str>,
        work_item_type: &str,
    ) -> Result<ItemShape, Error> {
        let project_name = self.project(project).await?.name;
        let types = self.work_item_types(project).await?;
        let found =
            types.iter().find(|known| known.name.eq_ignore_ascii_case(work_item_type)).ok_or_else(|| {
                Error::NotFound {
                    operation: format!("read the work item type {work_item_type} of project {project_name}"),
                    what: Missing::WorkItemType,
                    code: Some("VS402323".into()),
                    message: "it is not there, or it is disabled".into(),
                }
            })?;
        let has = |name: &str| found.fields.contains(name);
        let (severities, priorities) = if has(SEVERITY) || has(PRIORITY) {
            self.allowed_values(project, found).await?
        } else {
            (Vec::new(), Vec::new())
        };
        let mut shape = ItemShape {
            work_item_type: found.name.clone(),
            description_field: if has(REPRO_STEPS) { REPRO_STEPS } else { DESCRIPTION }.to_owned(),
            severity_field: has(SEVERITY).then(|| SEVERITY.to_owned()),
            severities,
            priority_field: has(PRIORITY).then(|| PRIORITY.to_owned()),
            priorities,
            due_date_field: has(DUE_DATE).then(|| DUE_DATE.to_owned()),
            column_field: None,
            lane_field: None,
            done_field: None,
            split_columns: Vec::new(),
            default_area: self
                .team_areas(project, team)
                .await?
                .default
                .unwrap_or_else(|| project_name.clone()),
            default_iteration: self.backlog_iteration(project, &project_name, team).await?,
        };
        if let Some(board) = board {
            let raw = self.raw_board(project, team, board).await?;
            add_board(&mut shape, &raw);
        }
        Ok(shape)
    }

    /// Allowed severities and priorities.
    async fn allowed_values(
        &self,
        project: &str,
        work_item_type: &WorkItemType,
    ) -> Result<(Vec<String>, Vec<i64>), Error> {
        let fields = self.type_fields(project, &work_item_type.name).await?;
        let values = |name: &str| {
            fields
                .iter()
                .find(|field| field.reference_name == name)
                .map(|field| field.allowed_values.clone())
                .unwrap_or_default()
        };
        let severities =
            values(SEVERITY).iter().filter_map(|value| value.as_str()).map(str::to_owned).collect();
        let priorities = values(PRIORITY).iter().filter_map(integer).collect();
        Ok((severities, priorities))
    }
}

fn add_board(shape: &mut ItemShape, raw: &RawBoard) {
    if !raw.layout().shows_type(&shape.work_item_type) {
        return;
    }
    shape.column_field = raw.fields.column_field.reference_name.clone();
    shape.lane_field = raw.fields.row_field.reference_name.clone();
    shape.done_field = raw.fields.done_field.reference_name.clone();
    shape.split_columns =
        raw.columns.iter().filter(|column| column.is_split).map(|column| column.name.clone()).collect();
}
