"""Credentials for the MQTT broker, and who changed them."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = """
CREATE TABLE credential (
    username VARCHAR COLLATE "C" NOT NULL,
    speaker VARCHAR COLLATE "C" NOT NULL,
    home_id VARCHAR COLLATE "C" NOT NULL,
    name VARCHAR COLLATE "C" NOT NULL,
    dialect VARCHAR COLLATE "C" NOT NULL,
    address VARCHAR COLLATE "C" NOT NULL,
    secret VARCHAR COLLATE "C" NOT NULL,
    issued_at VARCHAR COLLATE "C" NOT NULL,
    revoked_at VARCHAR COLLATE "C",
    revision BIGINT NOT NULL,
    settled BOOLEAN NOT NULL,
    PRIMARY KEY (username)
);
CREATE INDEX ix_credential_home_id ON credential (home_id);
CREATE TABLE credential_change (
    username VARCHAR COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    what VARCHAR COLLATE "C" NOT NULL,
    by VARCHAR COLLATE "C" NOT NULL,
    at VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (username, revision)
);
"""


def upgrade() -> None:
    """In the transaction of the whole migration."""
    for statement in _STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)
