-- Ids are UUIDs, times are microseconds since 1970 in UTC, documents are JSON text.

CREATE TABLE app_user (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    -- Address by which boards know the person, in lower case.
    address TEXT UNIQUE,
    -- Identity of the boards' directory.
    board_identity TEXT UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE session (
    secret_hash BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES app_user(id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE api_token (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);

CREATE TABLE asset (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL,
    tracked_branches TEXT NOT NULL,
    -- Who answers for it.
    owner TEXT NOT NULL DEFAULT '',
    -- How much the business depends on it.
    impact TEXT NOT NULL DEFAULT 'unknown',
    -- Since when it is laid aside.
    archived_at BIGINT,
    created_at BIGINT NOT NULL,
    last_scan_at BIGINT
);

-- Names of assets that were merged into another one.
CREATE TABLE asset_alias (
    name_folded TEXT PRIMARY KEY,
    asset_id BLOB NOT NULL REFERENCES asset(id) ON DELETE CASCADE
);

-- A scanner with a name for how it was run; absence speaks only within one of these.
CREATE TABLE configuration (
    id BLOB PRIMARY KEY,
    asset_id BLOB NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    scanner TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (asset_id, scanner, name)
);

CREATE TABLE job (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT,
    message TEXT NOT NULL DEFAULT '',
    problem TEXT,
    result TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    lease_owner BLOB,
    lease_until BIGINT,
    -- The only replica that may run it, because the report lies in its data folder.
    only_owner BLOB
);
CREATE INDEX job_by_state ON job (state, created_at);

-- Pieces of work that group scans and findings.
CREATE TABLE assessment (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Days such as 2026-01-31.
    starts_on TEXT,
    ends_on TEXT,
    created_at BIGINT NOT NULL,
    completed_at BIGINT
);

CREATE TABLE scan (
    id BLOB PRIMARY KEY,
    job_id BLOB NOT NULL REFERENCES job(id),
    run_number BIGINT NOT NULL,
    asset_id BLOB NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    configuration_id BLOB NOT NULL REFERENCES configuration(id) ON DELETE CASCADE,
    branch TEXT NOT NULL,
    commit_id TEXT,
    scanner_version TEXT,
    format TEXT NOT NULL,
    -- What makes it the same scan again: its run id, its start, or its bytes.
    identity TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    imported_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    coverage TEXT NOT NULL,
    observations BIGINT NOT NULL DEFAULT 0,
    new_findings BIGINT NOT NULL DEFAULT 0,
    regressed_findings BIGINT NOT NULL DEFAULT 0,
    fixed_findings BIGINT NOT NULL DEFAULT 0,
    filename TEXT,
    -- The assessment that it belongs to.
    assessment_id BLOB REFERENCES assessment(id) ON DELETE SET NULL,
    -- How far it has taken effect (JSON), until its import is done.
    progress TEXT,
    UNIQUE (job_id, asset_id, run_number)
);
CREATE INDEX scan_newest ON scan (configuration_id, branch, started_at) WHERE state = 'committed';
CREATE INDEX scan_by_asset ON scan (asset_id, id);
CREATE UNIQUE INDEX scan_identity ON scan (configuration_id, branch, identity) WHERE state <> 'failed';

CREATE INDEX scan_quarantined ON scan (id) WHERE state = 'quarantined';
CREATE INDEX scan_in_progress ON scan (job_id) WHERE progress IS NOT NULL;

-- Results of a scan that is being imported; each is gone once it has taken effect.
CREATE TABLE observation (
    scan_id BLOB NOT NULL REFERENCES scan(id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    place_key TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (scan_id, seq)
);
CREATE INDEX observation_by_place ON observation (scan_id, place_key, seq);
CREATE INDEX observation_by_path ON observation (scan_id, path, seq);

-- Risks that somebody accepted.
CREATE TABLE acceptance (
    id BLOB PRIMARY KEY,
    -- Reason, evidence, end and what follows it (JSON).
    terms TEXT NOT NULL,
    -- Its end, once more.
    until BIGINT,
    approver TEXT NOT NULL,
    requested_by TEXT,
    granted_at BIGINT NOT NULL,
    extended_at BIGINT,
    extended_by TEXT,
    revoked_at BIGINT,
    revoked_by TEXT,
    revoked_reason TEXT
);
CREATE INDEX acceptance_until ON acceptance (until) WHERE until IS NOT NULL AND revoked_at IS NULL;

-- One row once somebody has decided how far acceptances may go.
CREATE TABLE acceptance_policy (
    id BIGINT PRIMARY KEY,
    policy TEXT NOT NULL
);

-- Rules that say which findings are not to be looked at.
CREATE TABLE suppression (
    id BLOB PRIMARY KEY,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    settings TEXT NOT NULL,
    -- When everything is asked about again because time has passed.
    look_again_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE finding (
    id BLOB PRIMARY KEY,
    asset_id BLOB NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    place_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity BIGINT NOT NULL,
    title TEXT NOT NULL,
    vulnerability_id TEXT NOT NULL,
    place TEXT NOT NULL,
    scanner TEXT NOT NULL,
    status TEXT NOT NULL,
    triage TEXT NOT NULL,
    -- When a temporary decision ends.
    until BIGINT,
    -- A decision that somebody on the board asks for.
    request TEXT,
    -- The acceptance that covers it, and the rule that suppresses it.
    acceptance_id BLOB REFERENCES acceptance(id),
    suppressed_by BLOB,
    -- What it shares with findings of other scanners about the same vulnerability in the same component.
    correlation_id BLOB,
    regressed BIGINT NOT NULL DEFAULT 0,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- Since when it has been open without a break.
    open_since BIGINT NOT NULL,
    -- EPSS in millionths, the highest of its CVEs.
    epss BIGINT,
    known_exploited BOOLEAN NOT NULL DEFAULT FALSE,
    -- Risk score, 0 to 100.
    risk BIGINT NOT NULL DEFAULT 0,
    -- From when on it is approaching its due date, and when that is.
    warn_at BIGINT,
    due_at BIGINT,
    -- The latest observation, as JSON.
    detail TEXT NOT NULL,
    -- Title, vulnerability and place in lower case.
    search TEXT NOT NULL,
    -- The rules have not looked at it since it changed.
    undecided BOOLEAN NOT NULL,
    UNIQUE (asset_id, fingerprint)
);
CREATE INDEX finding_by_place ON finding (asset_id, place_key);
CREATE INDEX finding_by_severity ON finding (severity DESC, id);
CREATE INDEX finding_by_status ON finding (status, severity DESC, id);
CREATE INDEX finding_by_asset ON finding (asset_id, status, severity DESC, id);
CREATE INDEX finding_undecided ON finding (id, asset_id) WHERE undecided;
CREATE INDEX finding_request ON finding (id) WHERE request IS NOT NULL;
CREATE INDEX finding_by_risk ON finding (status, risk DESC, id);
CREATE INDEX finding_due ON finding (due_at) WHERE due_at IS NOT NULL
    AND status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation');
CREATE INDEX finding_until ON finding (until) WHERE until IS NOT NULL;
CREATE INDEX finding_by_acceptance ON finding (acceptance_id, id) WHERE acceptance_id IS NOT NULL;
CREATE INDEX finding_suppressed ON finding (suppressed_by, id) WHERE suppressed_by IS NOT NULL;
CREATE INDEX finding_correlated ON finding (correlation_id, id) WHERE correlation_id IS NOT NULL;

-- By what the findings of an asset are known to correlate.
CREATE TABLE correlation_key (
    asset_id BLOB NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    correlation_key TEXT NOT NULL,
    correlation_id BLOB NOT NULL,
    PRIMARY KEY (asset_id, correlation_key)
);
CREATE INDEX correlation_key_by_correlation ON correlation_key (correlation_id);

-- What an acceptance covers, or covered, and what each finding was before.
CREATE TABLE acceptance_finding (
    acceptance_id BLOB NOT NULL REFERENCES acceptance(id) ON DELETE CASCADE,
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    then_status TEXT NOT NULL,
    PRIMARY KEY (finding_id, acceptance_id)
);
CREATE INDEX acceptance_finding_by_acceptance ON acceptance_finding (acceptance_id, finding_id);

CREATE TABLE assessment_finding (
    assessment_id BLOB NOT NULL REFERENCES assessment(id) ON DELETE CASCADE,
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    PRIMARY KEY (finding_id, assessment_id)
);
CREATE INDEX assessment_finding_by_assessment ON assessment_finding (assessment_id, finding_id);

-- Likelihood that a vulnerability is exploited in the next 30 days, in millionths.
CREATE TABLE epss (
    cve TEXT PRIMARY KEY,
    score BIGINT NOT NULL,
    percentile BIGINT NOT NULL
);

-- Vulnerabilities that are known to be exploited. Days are texts such as 2026-01-31.
CREATE TABLE kev (
    cve TEXT PRIMARY KEY,
    added_on TEXT NOT NULL,
    due_on TEXT,
    ransomware BOOLEAN NOT NULL,
    required_action TEXT NOT NULL
);

-- What was loaded of these two: `epss` or `kev`.
CREATE TABLE exploit_data (
    source TEXT PRIMARY KEY,
    published_at BIGINT NOT NULL,
    loaded_at BIGINT NOT NULL,
    version TEXT,
    records BIGINT NOT NULL,
    -- The file or the address that it came from, and who loaded it.
    origin TEXT NOT NULL,
    loaded_by TEXT NOT NULL
);

-- When the addresses of exploit data are asked again, and what went wrong the last time.
CREATE TABLE exploit_feed (
    source TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL,
    problem TEXT
);

-- One row once somebody has decided how long findings may stay open.
CREATE TABLE sla (
    id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    matrix TEXT NOT NULL
);

-- What scans of one configuration on one branch say about a finding.
CREATE TABLE detection (
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    configuration_id BLOB NOT NULL REFERENCES configuration(id) ON DELETE CASCADE,
    branch TEXT NOT NULL,
    -- Where they see it; the finding has the place that is shown, and branches may differ after a file was renamed.
    place_key TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    path TEXT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_absent_at BIGINT,
    -- Where and how it was last seen, to recognise it when it moves (JSON).
    sighting TEXT NOT NULL,
    -- The scan that saw it last.
    seen_by BLOB NOT NULL,
    PRIMARY KEY (finding_id, configuration_id, branch)
);
CREATE INDEX detection_by_place ON detection (configuration_id, branch, place_key);
-- Only what is there can go: the cost of a scan does not grow with what was fixed long ago.
CREATE INDEX detection_present ON detection (configuration_id, branch, finding_id)
    WHERE last_absent_at IS NULL OR last_absent_at <= last_seen_at;

-- From the scan that saw a finding until the one that covered its place and did not: only where that changes is a row.
CREATE TABLE presence (
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    configuration_id BLOB NOT NULL REFERENCES configuration(id) ON DELETE CASCADE,
    branch TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (finding_id, configuration_id, branch, since)
);
CREATE INDEX presence_by_since ON presence (configuration_id, branch, since);
CREATE INDEX presence_by_until ON presence (configuration_id, branch, until) WHERE until IS NOT NULL;

-- Every change with its cause.
CREATE TABLE audit (
    id BLOB PRIMARY KEY,
    at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    cause TEXT NOT NULL,
    cause_label TEXT NOT NULL,
    what TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    fields TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX audit_by_subject ON audit (subject, subject_id, id);

CREATE TABLE connection (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    instance_url TEXT NOT NULL,
    organization TEXT NOT NULL,
    sign_in TEXT NOT NULL,
    secret BLOB NOT NULL,
    mode TEXT NOT NULL,
    problem TEXT,
    -- Who we are on the board (JSON), once it was asked.
    identity TEXT,
    hook_secret BLOB NOT NULL,
    hook_secret_hash BLOB NOT NULL UNIQUE,
    -- Our subscriptions (JSON list).
    subscriptions TEXT NOT NULL DEFAULT '[]',
    -- How far the reporting feed was read (JSON).
    feed TEXT NOT NULL DEFAULT '{}',
    feed_due_at BIGINT NOT NULL DEFAULT 0,
    sweep_due_at BIGINT NOT NULL DEFAULT 0,
    -- When the destinations are compared with the process of their projects again.
    process_due_at BIGINT NOT NULL DEFAULT 0,
    -- How severities are said where a destination says nothing (JSON), once a person decided.
    severity_map TEXT,
    -- Work items changed before this were looked at for copies of ours.
    copies_seen_until BIGINT NOT NULL DEFAULT 0,
    last_contact_at BIGINT,
    -- How long the latest changes of people took to be followed, in milliseconds, oldest first (JSON list).
    lags TEXT NOT NULL DEFAULT '[]',
    blocked_until BIGINT NOT NULL DEFAULT 0,
    lease_owner BLOB,
    lease_until BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

CREATE TABLE destination (
    id BLOB PRIMARY KEY,
    connection_id BLOB NOT NULL REFERENCES connection(id) ON DELETE CASCADE,
    -- What it is bound to (JSON), and the same in one word: no two are bound to the same.
    binding TEXT NOT NULL,
    binding_key TEXT NOT NULL UNIQUE,
    -- The asset that the binding names.
    asset_id BLOB REFERENCES asset(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    -- The type, the board and the field names as last read (JSON).
    process TEXT NOT NULL,
    -- What does not fit the board any more (JSON).
    drift TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX destination_by_asset ON destination (asset_id) WHERE asset_id IS NOT NULL;

-- How many work items were created at a destination on a day (days since 1970, UTC).
CREATE TABLE destination_day (
    destination_id BLOB NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (destination_id, day)
);

CREATE TABLE rule (
    id BLOB PRIMARY KEY,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    settings TEXT NOT NULL,
    -- What was first seen before is not new.
    since BIGINT NOT NULL,
    -- When everything is asked about again because time has passed.
    look_again_at BIGINT,
    created_at BIGINT NOT NULL
);

-- What work items say.
CREATE TABLE template_set (
    id BLOB PRIMARY KEY,
    name_folded TEXT NOT NULL UNIQUE,
    -- Counts up with each change.
    version BIGINT NOT NULL,
    -- Templates and what is left out (JSON).
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
-- One row: the finding up to which the rules have come on their way through all of them; none if they are not on it.
CREATE TABLE rule_walk (
    id BIGINT PRIMARY KEY,
    walked_to BLOB
);
INSERT INTO rule_walk (id, walked_to) VALUES (1, NULL);

CREATE TABLE ticket (
    id BLOB PRIMARY KEY,
    connection_id BLOB NOT NULL REFERENCES connection(id) ON DELETE CASCADE,
    destination_id BLOB NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
    group_key TEXT NOT NULL,
    -- The ticket of the same group that it comes after.
    comes_after BLOB REFERENCES ticket(id) ON DELETE SET NULL,
    -- Stands inside the work item and nowhere else.
    token TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    health TEXT NOT NULL,
    work_item_id BIGINT,
    -- The work item as last read (JSON).
    work_item TEXT,
    -- What both sides last agreed on (JSON).
    base TEXT,
    -- A write whose outcome is not known yet (JSON).
    intent TEXT,
    -- What is remembered to follow the work item wherever it goes (JSON).
    following TEXT NOT NULL DEFAULT '{}',
    -- Other live work items carry its key.
    has_copies BOOLEAN NOT NULL DEFAULT FALSE,
    conflicts TEXT NOT NULL DEFAULT '[]',
    -- Counts up with each reason to look again; clean when it equals `synced_mark`.
    mark BIGINT NOT NULL,
    synced_mark BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL DEFAULT 0,
    parked BOOLEAN NOT NULL,
    -- Parked because a person undid what was written, not because it failed.
    undone BOOLEAN NOT NULL DEFAULT FALSE,
    -- Status that the card was last taken to say, as in `base`; for counting without reading documents.
    agreed_status TEXT,
    -- When we moved the card within the last day (JSON).
    moves TEXT NOT NULL DEFAULT '[]',
    problem TEXT,
    next_step TEXT,
    synced_at BIGINT,
    created_at BIGINT NOT NULL,
    -- Name and sign-in name of whom the work item is assigned to, in lower case; empty for nobody.
    assignee TEXT NOT NULL DEFAULT '',
    -- When its comments have to be looked at; none if there is no reason.
    talk_at BIGINT,
    -- Revision and number of comments of the work item when its comments were last read.
    comments_revision BIGINT NOT NULL DEFAULT 0,
    comments_count BIGINT NOT NULL DEFAULT 0,
    UNIQUE (destination_id, group_key)
);
CREATE INDEX ticket_talk ON ticket (connection_id, talk_at) WHERE talk_at IS NOT NULL;
CREATE UNIQUE INDEX ticket_work_item ON ticket (connection_id, work_item_id) WHERE work_item_id IS NOT NULL;
CREATE INDEX ticket_dirty ON ticket (connection_id, next_attempt_at, id) WHERE mark <> synced_mark AND NOT parked;
CREATE INDEX ticket_by_health ON ticket (health, id);

CREATE INDEX ticket_with_copies ON ticket (connection_id, id) WHERE has_copies;

-- Work items that a ticket had before, and the key that stands in each: whoever restores one is recognised.
CREATE TABLE ticket_former (
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    work_item_id BIGINT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (ticket_id, work_item_id)
);
CREATE INDEX ticket_former_by_token ON ticket_former (token);

-- Plans that people applied, and undid. The rows outlive their tickets.
CREATE TABLE plan_apply (
    id BLOB PRIMARY KEY,
    at BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    -- The apply that this one undoes.
    undoes BLOB REFERENCES plan_apply(id) ON DELETE CASCADE
);

CREATE TABLE plan_apply_ticket (
    apply_id BLOB NOT NULL REFERENCES plan_apply(id) ON DELETE CASCADE,
    ticket_id BLOB NOT NULL,
    position BIGINT NOT NULL,
    title TEXT NOT NULL,
    -- 'waiting', 'applied' or 'refused'.
    state TEXT NOT NULL,
    reason TEXT,
    work_item_id BIGINT,
    -- Revision at which it left the work item.
    revision BIGINT,
    -- What was written, and what stood there before (JSON).
    written TEXT,
    -- The apply that undid it.
    undone_by BLOB REFERENCES plan_apply(id) ON DELETE SET NULL,
    PRIMARY KEY (apply_id, ticket_id)
);

CREATE TABLE ticket_finding (
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    PRIMARY KEY (finding_id, ticket_id)
);
CREATE INDEX ticket_finding_by_ticket ON ticket_finding (ticket_id);

-- What is known of files that a scan renames, by the place where it sees them; gone once it is in effect.
CREATE TABLE scan_renamed (
    scan_id BLOB NOT NULL REFERENCES scan(id) ON DELETE CASCADE,
    place_key TEXT NOT NULL,
    finding_id BLOB NOT NULL REFERENCES finding(id) ON DELETE CASCADE,
    PRIMARY KEY (scan_id, place_key, finding_id)
);

-- Tickets that a scan changes something for. They are looked at once all of it is in effect.
CREATE TABLE scan_ticket (
    scan_id BLOB NOT NULL REFERENCES scan(id) ON DELETE CASCADE,
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    PRIMARY KEY (scan_id, ticket_id)
);

-- The rules that make a ticket what it is.
CREATE TABLE ticket_rule (
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    rule_id BLOB NOT NULL REFERENCES rule(id) ON DELETE CASCADE,
    -- The first leads.
    position BIGINT NOT NULL,
    PRIMARY KEY (ticket_id, rule_id)
);
CREATE INDEX ticket_rule_by_rule ON ticket_rule (rule_id);

-- Deliveries of service hooks: hints that something may have changed.
CREATE TABLE hook_delivery (
    connection_id BLOB NOT NULL REFERENCES connection(id) ON DELETE CASCADE,
    event_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    work_item_id BIGINT,
    PRIMARY KEY (connection_id, event_id)
);
CREATE INDEX hook_delivery_by_time ON hook_delivery (received_at);

-- What people said here and on the board about a ticket, and what Lockstep said to explain a change.
CREATE TABLE comment (
    id BLOB PRIMARY KEY,
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    -- Where it was written: here, board, explanation.
    side TEXT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    is_private BOOLEAN NOT NULL,
    -- Stands in ours on the board; empty for the others.
    token TEXT NOT NULL,
    -- Counts the texts; `carried` is the one that was carried to the board, 0 if none was.
    revision BIGINT NOT NULL,
    carried BIGINT NOT NULL DEFAULT 0,
    -- The work item that it stands on; the ticket may have got another one since.
    work_item_id BIGINT,
    board_id BIGINT,
    board_version BIGINT NOT NULL DEFAULT 0,
    -- Its words on the board when they were last read.
    board_words TEXT,
    -- Nothing more of it is carried over: a person changed or deleted it on the board, or we deleted it there.
    is_over BOOLEAN NOT NULL DEFAULT FALSE,
    problem TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT
);
CREATE INDEX comment_by_ticket ON comment (ticket_id, created_at, id);
CREATE UNIQUE INDEX comment_on_board ON comment (ticket_id, board_id) WHERE board_id IS NOT NULL;

-- Versions of comments on the board whose command was obeyed.
CREATE TABLE comment_command (
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    board_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    obeyed_at BIGINT NOT NULL,
    PRIMARY KEY (ticket_id, board_id, version)
);

-- Files that people attached to a ticket.
CREATE TABLE attachment (
    id BLOB PRIMARY KEY,
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    content BLOB NOT NULL,
    -- For people here only: it never leaves.
    is_private BOOLEAN NOT NULL,
    -- Identity on the board, once its bytes are there.
    board_id TEXT,
    is_attached BOOLEAN NOT NULL DEFAULT FALSE,
    -- The work item that it was attached to; the ticket may have got another one since.
    work_item_id BIGINT,
    -- It may have been attached before the work item went.
    in_doubt BOOLEAN NOT NULL DEFAULT FALSE,
    -- Nothing more is done with it on the board.
    is_over BOOLEAN NOT NULL DEFAULT FALSE,
    problem TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    added_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX attachment_by_ticket ON attachment (ticket_id, added_at, id);

-- What a person should know. At most one is open for each kind and subject.
CREATE TABLE alarm (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    what TEXT NOT NULL,
    next_step TEXT NOT NULL,
    link TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    last_raised_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    acknowledged_by TEXT,
    acknowledged_at BIGINT,
    cleared_at BIGINT
);
CREATE UNIQUE INDEX alarm_open ON alarm (kind, subject) WHERE cleared_at IS NULL;

-- Where alarms are sent.
CREATE TABLE alarm_target (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    -- Address and so on (JSON).
    settings TEXT NOT NULL,
    secret BLOB NOT NULL,
    -- Why the latest delivery failed.
    problem TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE alarm_delivery (
    id BLOB PRIMARY KEY,
    target_id BLOB NOT NULL REFERENCES alarm_target(id) ON DELETE CASCADE,
    alarm_id BLOB REFERENCES alarm(id) ON DELETE CASCADE,
    -- What is said (JSON).
    message TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    problem TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX alarm_delivery_due ON alarm_delivery (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX alarm_delivery_by_target ON alarm_delivery (target_id, id);

-- A destination where more would happen at once than usual; a person decides.
CREATE TABLE breaker (
    id BLOB PRIMARY KEY,
    destination_id BLOB NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
    stroke TEXT NOT NULL,
    verdict TEXT NOT NULL,
    tripped_at BIGINT NOT NULL,
    bound BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT
);
CREATE UNIQUE INDEX breaker_waiting ON breaker (destination_id, stroke) WHERE verdict = 'waiting';

CREATE TABLE breaker_ticket (
    breaker_id BLOB NOT NULL REFERENCES breaker(id) ON DELETE CASCADE,
    ticket_id BLOB NOT NULL REFERENCES ticket(id) ON DELETE CASCADE,
    held_at BIGINT NOT NULL,
    PRIMARY KEY (breaker_id, ticket_id)
);
CREATE INDEX breaker_ticket_by_ticket ON breaker_ticket (ticket_id);

-- Where findings come from, with its ingest rules.
CREATE TABLE source (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    -- Where it is fetched from, as whom, and how often (JSON); none: its reports are uploaded.
    settings TEXT,
    -- What it signs in with, sealed; empty if it needs nothing.
    secret BLOB NOT NULL,
    -- JSON.
    rules TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- Counts up with each change by a person.
    version BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_owner BLOB,
    lease_until BIGINT NOT NULL,
    -- The last one that was taken in (JSON).
    last_run TEXT,
    -- What went wrong since.
    problem TEXT,
    created_at BIGINT NOT NULL
);
