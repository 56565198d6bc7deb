"""Whose device has an address where a server speaks for many homes: two homes cannot both have it."""

from alembic import op

revision = "0003"
down_revision = "0002"

_ADDRESSES = """
CREATE TABLE registry_address (
    dialect VARCHAR COLLATE "C" NOT NULL,
    address VARCHAR COLLATE "C" NOT NULL,
    home_id VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (dialect, address)
);
CREATE INDEX ix_registry_address_home_id ON registry_address (home_id);
"""


def upgrade() -> None:
    """In the transaction of the whole migration. Homes of before name no dialect: there is nothing to bring over."""
    for statement in _ADDRESSES.split(";"):
        if statement.strip():
            op.execute(statement)
