"""The tables of the registry."""

import sqlalchemy as sa

from carebell.words_sql import Words

AT_ONCE = 500  # below every database's limit of bound values
_WORDS = Words()
METADATA = sa.MetaData()
HOME = sa.Table(
    "registry_home",
    METADATA,
    sa.Column("home_id", _WORDS, primary_key=True),
    sa.Column("body", _WORDS),
    sa.Column("revision", sa.BigInteger, nullable=False, unique=True),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("updated_at", _WORDS, nullable=False),
)
AUDIT = sa.Table(
    "registry_audit",
    METADATA,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("home_id", _WORDS, nullable=False, index=True),
    sa.Column("at", _WORDS, nullable=False),
    sa.Column("by", _WORDS, nullable=False),
    sa.Column("before", _WORDS),
    sa.Column("after", _WORDS),
)
REVISION = sa.Table(
    "registry_revision",
    METADATA,
    sa.Column("name", _WORDS, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)
ADDRESS = sa.Table(
    "registry_address",
    METADATA,
    sa.Column("dialect", _WORDS, primary_key=True),
    sa.Column("address", _WORDS, primary_key=True),
    sa.Column("home_id", _WORDS, nullable=False, index=True),
)
