"""Create what the caches keep: the epochs of invalidations, and questions with their answers by meaning."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table router.cache_epochs (
        tenant text   primary key,
        epoch  bigint not null check (epoch >= 1)
    )
    """,
    """
    create table router.cache_marks (
        tenant    text        not null,
        domain    text        not null,
        task      text        not null,
        epoch     bigint      not null check (epoch >= 1),
        marked_at timestamptz not null,
        primary key (tenant, domain, task)
    )
    """,
    # The vector type lives in the schema public; the dimensions are those of the mesh's embedding model.
    """
    create table router.cache_questions (
        tenant     text             not null,
        scope      text             not null,
        model      text             not null,
        question   text             not null,
        embedding  public.vector(384) not null,
        entry      text             not null,
        made_at    timestamptz      not null,
        expires_at timestamptz      not null,
        primary key (tenant, scope, model, question)
    )
    """,
    "create index cache_questions_age on router.cache_questions (tenant, made_at)",
    "grant select, insert, update, delete on router.cache_questions to router",
    # A mark may move on and never go: what is forgotten would make old answers good again.
    "grant select, insert, update on router.cache_epochs, router.cache_marks to router",
)


def upgrade() -> None:
    """Create the tables and grant the service's role what it needs and no more."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables with their content."""
    op.execute("drop table router.cache_questions, router.cache_marks, router.cache_epochs")
