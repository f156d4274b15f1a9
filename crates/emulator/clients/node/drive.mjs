// Drives an emulator with Microsoft's `azure-devops-node-api` package, and says what it saw.
//
//     node drive.mjs http://127.0.0.1:8087/contoso TOKEN
//
// The organization is the emulator's demo: an Agile project Webshop with the team Payments. Nothing is started here.
// The package answers null where the service says 404, and asks for 7.2 previews wherever OPTIONS lists them.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import * as azdev from "azure-devops-node-api";
import { Operation } from "azure-devops-node-api/interfaces/common/VSSInterfaces.js";
import { BugsBehavior } from "azure-devops-node-api/interfaces/WorkInterfaces.js";
import {
  CommentExpandOptions,
  CommentFormat,
  CommentSortOrder,
  QueryType,
  ReportingRevisionsExpand,
  TreeNodeStructureType,
  WorkItemErrorPolicy,
  WorkItemExpand,
  WorkItemTypeFieldsExpandLevel,
} from "azure-devops-node-api/interfaces/WorkItemTrackingInterfaces.js";

const project = "Webshop";
const team = "Payments";
const here = { project, team };
const url = process.argv[2].replace(/\/+$/, "");
const token = process.argv[3];

const connect = (secret) =>
  new azdev.WebApi(url, azdev.getPersonalAccessTokenHandler(secret), { allowRetries: false });
const connection = connect(token);
const core = await connection.getCoreApi();
const wit = await connection.getWorkItemTrackingApi();
const work = await connection.getWorkApi();

const change = (path, value, op = Operation.Add) => ({ op, path, value });
const field = (name, value) => change(`/fields/${name}`, value);
const create = (title, more = {}, type = "Bug") => {
  const fields = { "System.Title": title, "System.AreaPath": "Webshop\\Payments", ...more };
  const document = Object.entries(fields).map(([name, value]) => field(name, value));
  return wit.createWorkItem(null, document, project, type);
};
const update = (id, ...document) => wit.updateWorkItem(null, document, id);
const read = (id, expand = WorkItemExpand.All) => wit.getWorkItem(id, undefined, undefined, expand);

/** The error of a call that has to be refused with this status; its body is in `result`. */
async function refused(promise, statusCode) {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
  assert.equal(error.statusCode, statusCode, error.message);
  return error;
}

/** A call for which the package has no method: its own machinery finds the route and negotiates the version. */
async function call(method, version, area, location, values = {}, body = undefined) {
  const found = await connection.vsoClient.getVersioningData(version, area, location, values);
  const options = { acceptHeader: `application/json;api-version=${found.apiVersion}` };
  const answer = await (body === undefined
    ? connection.rest[method](found.requestUrl, options)
    : connection.rest[method](found.requestUrl, body, options));
  return answer.result;
}

const stories = {
  async "who we are is told by the connection data"() {
    const data = await connection.connect();
    assert.equal(data.authenticatedUser.providerDisplayName, "Lockstep Service");
    const locations = await connection.getLocationsApi();
    assert.equal((await locations.getConnectionData()).instanceId, data.instanceId);
    const area = await locations.getResourceArea("5264459e-e5e0-4bd8-b118-0985e68a4ec5");
    assert.equal(area.locationUrl, `${url}/`);
  },

  async "identities are found by name"() {
    const identities = "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7";
    const route = await connection.vsoClient.getVersioningData("7.1", "IMS", identities, {}, {
      searchFilter: "General",
      filterValue: "Ada Marsh",
    });
    const found = await connection.rest.get(route.requestUrl);
    assert.deepEqual(
      found.result.value.map((identity) => identity.providerDisplayName),
      ["Ada Marsh"],
    );
  },

  async "projects, teams and members"() {
    const projects = await core.getProjects();
    assert.ok(projects.some((found) => found.name === project));
    const one = await core.getProject(project, true);
    assert.equal(one.capabilities.processTemplate.templateName, "Agile");
    const teams = await core.getTeams(one.id);
    assert.ok(teams.some((found) => found.name === team));
    const payments = await core.getTeam(project, team);
    const members = await core.getTeamMembersWithExtendedProperties(one.id, payments.id);
    assert.ok(members.some((member) => member.identity.displayName === "Ada Marsh"));
    assert.ok((await core.getAllTeams()).length >= teams.length);
    assert.equal(await core.getProject("Nowhere"), null, "not found");
  },

  async "team settings and areas"() {
    const settings = await work.getTeamSettings(here);
    assert.equal(settings.bugsBehavior, BugsBehavior.AsRequirements);
    const areas = await work.getTeamFieldValues(here);
    assert.equal(areas.defaultValue, "Webshop\\Payments");
    assert.ok(Array.isArray(await work.getTeamIterations(here)));
  },

  async "boards with columns and rows"() {
    const boards = await work.getBoards(here);
    const stories = boards.find((board) => board.name === "Stories");
    const board = await work.getBoard(here, stories.id);
    assert.match(board.fields.columnField.referenceName, /^WEF_[0-9A-F]{32}_Kanban\.Column$/);
    const columns = await work.getBoardColumns(here, "Stories");
    const split = columns.find((column) => column.name === "In Review");
    assert.ok(split.isSplit && split.stateMappings.Bug === "Active");
    assert.ok((await work.getBoardRows(here, "Stories")).some((row) => row.name === "Expedite"));
    const levels = await work.getBacklogConfigurations(here);
    assert.ok(levels.requirementBacklog.workItemTypes.some((type) => type.name === "Bug"));
  },

  async "types with states, fields and categories"() {
    const types = await wit.getWorkItemTypes(project);
    assert.ok(types.some((type) => type.name === "User Story"));
    const bug = await wit.getWorkItemType(project, "Bug");
    assert.deepEqual(
      bug.transitions[""].map((step) => step.to),
      ["New"],
    );
    const states = await wit.getWorkItemTypeStates(project, "Bug");
    assert.equal(states.find((state) => state.name === "Closed").category, "Completed");
    const severity = await wit.getWorkItemTypeFieldWithReferences(
      project,
      "Bug",
      "Microsoft.VSTS.Common.Severity",
      WorkItemTypeFieldsExpandLevel.All,
    );
    assert.ok(severity.allowedValues.includes("1 - Critical"));
    const category = await wit.getWorkItemTypeCategory(project, "Microsoft.BugCategory");
    assert.equal(category.defaultWorkItemType.name, "Bug");
    assert.equal((await wit.getField("System.State")).referenceName, "System.State");
    const relations = await wit.getRelationTypes();
    assert.ok(relations.some((relation) => relation.referenceName === "System.LinkTypes.Related"));
  },

  async "areas and iterations"() {
    const roots = await wit.getRootNodes(project, 2);
    assert.deepEqual(
      roots.map((root) => root.structureType).sort(),
      [TreeNodeStructureType.Area, TreeNodeStructureType.Iteration],
    );
    const made = await wit.createOrUpdateClassificationNode({ name: "From Node" }, project, "areas");
    assert.equal(made.path, "\\Webshop\\Area\\From Node");
    const again = await wit.getClassificationNode(project, "areas", "From Node", 1);
    assert.equal(again.id, made.id);
  },

  async "an item is created, read and updated on its revision"() {
    const made = await create("made by Node", { "System.Tags": "alpha; beta" });
    assert.equal(made.rev, 1);
    assert.equal((await read(made.id)).fields["System.CreatedBy"].displayName, "Lockstep Service");
    const changed = await update(
      made.id,
      change("/rev", 1, Operation.Test),
      change("/fields/System.State", "Active", Operation.Replace),
    );
    assert.equal(changed.rev, 2);
    assert.equal(changed.fields["System.State"], "Active");
    const lost = [change("/rev", 1, Operation.Test), field("System.Title", "lost")];
    const stale = await refused(update(made.id, ...lost), 412);
    assert.equal(stale.result.typeKey, "TestPatchOperationFailedException");
    const board = await work.getBoard(here, "Stories");
    const moved = await update(made.id, field(board.fields.columnField.referenceName, "In Review"));
    assert.equal(moved.fields["System.BoardColumn"], "In Review");
    assert.equal(await read(987654), null, "not found");
  },

  async "revisions and updates are kept"() {
    const item = await create("history");
    await update(item.id, field("System.Title", "history, changed"));
    const revisions = await wit.getRevisions(item.id);
    assert.deepEqual(
      revisions.map((revision) => revision.rev),
      [1, 2],
    );
    assert.equal((await wit.getRevision(item.id, 1)).fields["System.Title"], "history");
    const updates = await wit.getUpdates(item.id, 10, 0);
    assert.equal(updates.at(-1).fields["System.Title"].oldValue, "history");
    assert.ok(updates[0].revisedDate instanceof Date);
  },

  async "relations and attachments are added and read back"() {
    const [parent, child] = [await create("parent", {}, "User Story"), await create("child")];
    const link = { rel: "System.LinkTypes.Hierarchy-Reverse", url: parent.url };
    assert.equal((await update(child.id, change("/relations/-", link))).rev, 1);
    const twice = await refused(update(child.id, change("/relations/-", link)), 400);
    assert.equal(twice.result.typeKey, "RelationAlreadyExistsException");
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 251));
    const uploaded = await wit.createAttachment(null, Readable.from([content]), "evidence.bin", "simple", project);
    const attributes = { name: "evidence.bin" };
    await update(child.id, change("/relations/-", { rel: "AttachedFile", url: uploaded.url, attributes }));
    const { relations } = await read(child.id, WorkItemExpand.Relations);
    assert.deepEqual(relations.map((relation) => relation.rel).sort(), ["AttachedFile", link.rel]);
    const stream = await wit.getAttachmentContent(uploaded.id, "evidence.bin", project, true);
    assert.ok(content.equals(await buffer(stream)));
    const at = relations.findIndex((relation) => relation.rel === link.rel);
    await update(child.id, change(`/relations/${at}`, undefined, Operation.Remove));
    assert.equal((await read(child.id)).relations.length, 1);
  },

  async "comments are written, changed and deleted"() {
    const item = await create("comments");
    const first = await wit.addComment({ text: "<p>first</p>" }, project, item.id);
    assert.equal(first.format, CommentFormat.Html);
    const second = await wit.addComment({ text: "<p>second</p>" }, project, item.id);
    const edited = await wit.updateComment({ text: "<p>changed</p>" }, project, item.id, second.id);
    assert.equal(edited.version, 2);
    const page = await wit.getComments(project, item.id, 1, undefined, false, CommentExpandOptions.RenderedText, CommentSortOrder.Asc);
    assert.deepEqual([page.totalCount, page.comments[0].id], [2, first.id]);
    await wit.deleteComment(project, item.id, first.id);
    const left = await wit.getComments(project, item.id);
    assert.deepEqual(
      left.comments.map((comment) => comment.text),
      ["<p>changed</p>"],
    );
  },

  async "queries and batches find items"() {
    const tags = { "System.Tags": "from-node-wiql" };
    const ids = [];
    for (const title of ["query 0", "query 1", "query 2"]) {
      ids.push((await create(title, tags)).id);
    }
    const query =
      "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project " +
      "AND [System.Tags] CONTAINS 'from-node-wiql' ORDER BY [System.Id]";
    const found = await wit.queryByWiql({ query }, here, false, 2);
    assert.equal(found.queryType, QueryType.Flat);
    assert.deepEqual(
      found.workItems.map((item) => item.id),
      ids.slice(0, 2),
    );
    const batch = { ids, fields: ["System.Title"], errorPolicy: WorkItemErrorPolicy.Omit, $expand: WorkItemExpand.None };
    const some = await wit.getWorkItemsBatch(batch, project);
    assert.deepEqual(
      some.map((item) => item.fields["System.Title"]),
      ["query 0", "query 1", "query 2"],
    );
    const listed = await wit.getWorkItems(
      [...ids, 999_999],
      undefined,
      undefined,
      WorkItemExpand.None,
      WorkItemErrorPolicy.Omit,
    );
    assert.deepEqual(
      listed.map((item) => item?.id ?? null),
      [...ids, null],
    );
    const broken = await refused(wit.queryByWiql({ query: "SELECT [No.Such] FROM WorkItems" }, here), 400);
    assert.match(broken.message, /TF51005/);
  },

  async "many changes go in one $batch"() {
    const item = await create("in a batch");
    const operations = [
      {
        method: "PATCH",
        uri: `/${project}/_apis/wit/workItems/$Bug?api-version=7.1`,
        headers: { "Content-Type": "application/json-patch+json" },
        body: [change("/id", "-1"), field("System.Title", "new in a batch")],
      },
      {
        method: "PATCH",
        uri: `/_apis/wit/workItems/${item.id}?api-version=7.1`,
        headers: { "Content-Type": "application/json-patch+json" },
        body: [change("/rev", 1, Operation.Test), field("System.Title", "changed in a batch")],
      },
    ];
    const answer = await call("create", "7.1", "wit", "92eefc1f-1e81-473d-88d6-749205248dc3", {}, operations);
    const bodies = answer.value.map((one) => JSON.parse(one.body));
    assert.deepEqual(
      bodies.map((body) => body.fields["System.Title"]),
      ["new in a batch", "changed in a batch"],
    );
  },

  async "tags are listed"() {
    await create("tagged", { "System.Tags": "node-tag" });
    const tags = await wit.getTags(project);
    const tag = tags.find((found) => found.name === "node-tag");
    assert.equal((await wit.getTag(project, "node-tag")).id, tag.id);
  },

  async "items are deleted and restored"() {
    const item = await create("deleted");
    const gone = await wit.deleteWorkItem(item.id, project);
    assert.deepEqual([gone.id, gone.code], [item.id, 200]);
    assert.equal(await read(item.id), null);
    assert.equal((await wit.getDeletedWorkItem(item.id, project)).name, "deleted");
    assert.equal((await wit.getDeletedWorkItems([item.id], project)).length, 1);
    assert.ok((await wit.getDeletedWorkItemShallowReferences(project)).length >= 1);
    await wit.restoreWorkItem({ isDeleted: false }, item.id, project);
    assert.equal((await read(item.id)).fields["System.Title"], "deleted");
    await wit.deleteWorkItem(item.id, project);
    await wit.destroyWorkItem(item.id, project);
    assert.equal(await wit.getDeletedWorkItem(item.id, project), null);
  },

  async "the reporting feed tells what changed"() {
    const first = await wit.readReportingRevisionsGet(project, undefined, undefined, undefined, undefined, true, true);
    assert.ok(first.isLastBatch && first.values.length > 0);
    const item = await create("fed");
    const filter = { fields: ["System.Title"], types: ["Bug"], includeIdentityRef: true };
    const news = await wit.readReportingRevisionsPost(
      filter,
      project,
      first.continuationToken,
      undefined,
      ReportingRevisionsExpand.Fields,
    );
    assert.deepEqual(
      news.values.map((revision) => [revision.id, revision.fields["System.Title"]]),
      [[item.id, "fed"]],
    );
    const links = await wit.getReportingLinksByLinkType(project);
    assert.ok(links.values.some((link) => link.rel === "System.LinkTypes.Hierarchy-Reverse"));
  },

  async "subscriptions are created, changed, tested and deleted"() {
    const subscriptions = "fc50d02a-849f-41fb-8af1-0a5216103269";
    const projectId = (await core.getProject(project)).id;
    const wanted = {
      publisherId: "tfs",
      eventType: "workitem.created",
      resourceVersion: "1.0",
      consumerId: "webHooks",
      consumerActionId: "httpRequest",
      publisherInputs: { projectId, workItemType: "Bug" },
      consumerInputs: { url: `${url}/nobody/listens`, basicAuthUsername: "u", basicAuthPassword: "secret" },
    };
    const made = await call("create", "7.1", "hooks", subscriptions, {}, wanted);
    assert.equal(made.consumerInputs.basicAuthPassword, "********");
    const subscriptionId = made.id;
    const listed = await call("get", "7.1", "hooks", subscriptions);
    assert.ok(listed.value.some((subscription) => subscription.id === subscriptionId));
    const changed = { ...made, publisherInputs: { ...made.publisherInputs, workItemType: "Task" } };
    const replaced = await call("replace", "7.1", "hooks", subscriptions, { subscriptionId }, changed);
    assert.equal(replaced.publisherInputs.workItemType, "Task");
    const notification = { details: { ...wanted, eventType: "workitem.updated" } };
    const test = await call("create", "7.1", "hooks", "1139462c-7e27-4524-a997-31b9b73551fe", {}, notification);
    assert.equal(test.subscriptionId, "00000000-0000-0000-0000-000000000000");
    await call("del", "7.1", "hooks", subscriptions, { subscriptionId });
    assert.equal(await call("get", "7.1", "hooks", subscriptions, { subscriptionId }), null);
  },

  async "refusals are typed"() {
    const rule = await refused(create("x", { "System.State": "Resolved" }), 400);
    assert.equal(rule.result.typeKey, "RuleValidationException");
    const unknown = await refused(create("x", { "No.Such": 1 }), 400);
    assert.match(unknown.message, /^TF51535/);
    await refused(connect("wrong").connect(), 401);
  },
};

let failed = 0;
for (const [name, tell] of Object.entries(stories)) {
  try {
    await tell();
    console.log(`  ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`  FAILED  ${name}\n${error.stack}`);
  }
}
console.log(`azure-devops-node-api: ${Object.keys(stories).length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
