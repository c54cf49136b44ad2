"""Create what champions are made of: the row that every score changes, standings, the log of scores, changes, letters.

Scores and changes can be added and read, never changed: an auditor recomputes everything from them.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ARENA = "tenant text not null, domain text not null, task text not null"
_KINDS = "'first', 'promotion', 'demotion', 'rollback'"
_CHAMPION = f"""
    create table router.champion (
        {_ARENA},
        version    bigint           not null default 0 check (version >= 0),
        champion   text             not null default '',
        former     text             not null default '',
        last       text             check (last in ({_KINDS})),
        changed_at timestamptz,
        peak       double precision not null default 0,
        probations integer          not null default 0,
        probation  double precision[] check (cardinality(probation) = 6),
        primary key (tenant, domain, task)
    )
"""
_STANDING = f"""
    create table router.standing (
        {_ARENA},
        model      text               not null,
        ema        double precision   not null check (ema between 0 and 1),
        count      bigint             not null check (count >= 1),
        recent     double precision[] not null check (cardinality(recent) between 1 and 50),
        confidence double precision[] not null check (cardinality(confidence) = 6),
        primary key (tenant, domain, task, model)
    )
"""
_SCORE = f"""
    create table router.score (
        {_ARENA},
        version          bigint           not null,
        decision_id      text             not null,
        model            text             not null,
        score            double precision not null check (score between 0 and 1),
        propensity       double precision not null check (propensity > 0 and propensity <= 1),
        champion_version bigint           not null check (champion_version >= 0),
        heuristic        boolean          not null,
        fell_back        boolean          not null,
        at               timestamptz      not null,
        primary key (tenant, domain, task, version),
        unique (tenant, decision_id)
    )
"""
_CHANGE = f"""
    create table router.champion_change (
        {_ARENA},
        version   bigint           not null,
        change_id text             not null unique,
        kind      text             not null check (kind in ({_KINDS})),
        champion  text             not null,
        previous  text             not null,
        actor     text             not null,
        reason    text             not null,
        risk      double precision not null,
        figures   jsonb            not null,
        at        timestamptz      not null,
        primary key (tenant, domain, task, version)
    )
"""
_OUTBOX = """
    create table router.outbox (
        letter_id text        not null primary key,
        tenant    text        not null,
        subject   text        not null default '',
        body      bytea       not null,
        attempts  integer     not null default 0,
        due_at    timestamptz not null default now()
    )
"""
_STATEMENTS = (
    _CHAMPION,
    _STANDING,
    _SCORE,
    _CHANGE,
    _OUTBOX,
    "create index outbox_due on router.outbox (due_at)",
    "grant select, insert, update on router.champion, router.standing to router",
    "grant select, insert on router.score, router.champion_change to router",
    "grant select, insert, update, delete on router.outbox to router",
)


def upgrade() -> None:
    """Create the tables and grant the service's role what it needs and no more."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them with their content."""
    op.execute("drop table router.outbox, router.champion_change, router.score, router.standing, router.champion")
