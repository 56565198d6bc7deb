"""The first tables: cases, the registry, duties, and the memory of the rules for whoever keeps it in SQL."""

from alembic import op

revision = "0001"
down_revision = None

_CASES = """
CREATE TABLE care_case (
    id VARCHAR COLLATE "C" NOT NULL,
    home_id VARCHAR COLLATE "C" NOT NULL,
    open_home VARCHAR COLLATE "C",
    status VARCHAR COLLATE "C" NOT NULL,
    severity VARCHAR COLLATE "C" NOT NULL,
    opened_at VARCHAR COLLATE "C" NOT NULL,
    updated_at VARCHAR COLLATE "C" NOT NULL,
    due_at VARCHAR COLLATE "C",
    document VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (open_home)
);
CREATE INDEX ix_care_case_due_at ON care_case (due_at);
CREATE INDEX ix_care_case_home_id ON care_case (home_id);
CREATE INDEX ix_care_case_open ON care_case (status, opened_at) WHERE status <> 'closed';
CREATE INDEX ix_care_case_opened_at ON care_case (opened_at);
CREATE TABLE case_alert (
    alert_id VARCHAR COLLATE "C" NOT NULL,
    status VARCHAR COLLATE "C" NOT NULL,
    case_id VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (alert_id, status)
);
CREATE TABLE case_line (
    id BIGINT NOT NULL,
    case_id VARCHAR COLLATE "C" NOT NULL,
    home_id VARCHAR COLLATE "C" NOT NULL,
    at VARCHAR COLLATE "C" NOT NULL,
    what VARCHAR COLLATE "C" NOT NULL,
    by VARCHAR COLLATE "C" NOT NULL,
    why VARCHAR COLLATE "C" NOT NULL,
    source_id VARCHAR COLLATE "C" NOT NULL,
    status VARCHAR COLLATE "C" NOT NULL,
    severity VARCHAR COLLATE "C" NOT NULL,
    data JSON NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_case_line_case_id ON case_line (case_id, id);
CREATE TABLE case_line_base (
    base BIGINT NOT NULL
);
INSERT INTO case_line_base (base) VALUES (0);
CREATE TABLE delivery (
    id VARCHAR COLLATE "C" NOT NULL,
    case_id VARCHAR COLLATE "C" NOT NULL,
    step VARCHAR COLLATE "C" NOT NULL,
    round INTEGER NOT NULL,
    person_id VARCHAR COLLATE "C" NOT NULL,
    person VARCHAR COLLATE "C" NOT NULL,
    role VARCHAR COLLATE "C" NOT NULL,
    language VARCHAR COLLATE "C" NOT NULL,
    channel VARCHAR COLLATE "C" NOT NULL,
    "to" VARCHAR COLLATE "C" NOT NULL,
    purpose VARCHAR COLLATE "C" NOT NULL,
    why VARCHAR COLLATE "C" NOT NULL,
    source_id VARCHAR COLLATE "C" NOT NULL,
    status VARCHAR COLLATE "C" NOT NULL,
    created_at VARCHAR COLLATE "C" NOT NULL,
    due_at VARCHAR COLLATE "C",
    attempts INTEGER NOT NULL,
    first_attempt_at VARCHAR COLLATE "C",
    lease_until VARCHAR COLLATE "C",
    owner VARCHAR COLLATE "C",
    fence INTEGER NOT NULL,
    caught INTEGER NOT NULL,
    ended_at VARCHAR COLLATE "C",
    detail VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_delivery_case_id ON delivery (case_id);
CREATE INDEX ix_delivery_due_at ON delivery (due_at);
CREATE TABLE relay (
    name VARCHAR COLLATE "C" NOT NULL,
    line_id BIGINT NOT NULL,
    PRIMARY KEY (name)
);
"""
_REGISTRY = """
CREATE TABLE registry_audit (
    revision BIGINT NOT NULL,
    home_id VARCHAR COLLATE "C" NOT NULL,
    at VARCHAR COLLATE "C" NOT NULL,
    by VARCHAR COLLATE "C" NOT NULL,
    before VARCHAR COLLATE "C",
    after VARCHAR COLLATE "C",
    PRIMARY KEY (revision)
);
CREATE INDEX ix_registry_audit_home_id ON registry_audit (home_id);
CREATE TABLE registry_home (
    home_id VARCHAR COLLATE "C" NOT NULL,
    body VARCHAR COLLATE "C",
    revision BIGINT NOT NULL,
    removed BOOLEAN NOT NULL,
    updated_at VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (home_id),
    UNIQUE (revision)
);
CREATE TABLE registry_revision (
    name VARCHAR COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO registry_revision (name, revision) VALUES ('home', 0);
"""
_DUTIES = """
CREATE TABLE duty (
    name VARCHAR COLLATE "C" NOT NULL,
    owner VARCHAR COLLATE "C" NOT NULL,
    until VARCHAR COLLATE "C" NOT NULL,
    fence BIGINT NOT NULL,
    PRIMARY KEY (name)
);
"""
_RULES = """
CREATE TABLE rule_fence (
    scope VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    fence BIGINT NOT NULL,
    PRIMARY KEY (scope, partition)
);
CREATE TABLE rule_position (
    scope VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    topic VARCHAR NOT NULL,
    "offset" BIGINT NOT NULL,
    PRIMARY KEY (scope, partition, topic)
);
CREATE TABLE rule_state (
    scope VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    value BYTEA NOT NULL,
    due_at VARCHAR,
    PRIMARY KEY (scope, key)
);
CREATE INDEX ix_rule_state_place ON rule_state (scope, partition, key);
"""


def upgrade() -> None:
    """In the transaction of the whole migration."""
    for statements in (_CASES, _REGISTRY, _DUTIES, _RULES):
        for statement in statements.split(";"):
            if statement.strip():
                op.execute(statement)
