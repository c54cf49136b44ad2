"""Packs, their documents and the searchable chunks of those.

Every row carries its tenant, every key begins with it, and foreign keys include it, so no row can belong to a pack of
another tenant. Row-level security is left out on purpose: `@@` is not leakproof, so the planner would have to check the
policy row by row before it may look at the words, and could not use their index. Every statement names the tenant.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PACKS = """
    create table context.packs (
        tenant          text        not null,
        pack_id         text        not null collate "C",
        version         bigint      not null check (version > 0),
        document_count  integer     not null,
        chunk_count     integer     not null,
        content_sha256  text        not null,
        updated_at      timestamptz not null default now(),
        primary key (tenant, pack_id)
    )
"""
_DOCUMENTS = """
    create table context.documents (
        tenant       text    not null,
        pack_id      text    not null collate "C",
        document_id  text    not null collate "C",
        title        text    not null,
        source       text    not null,
        metadata     jsonb   not null,
        sha256       text    not null,
        digest       text    not null,
        chunk_count  integer not null,
        primary key (tenant, pack_id, document_id),
        foreign key (tenant, pack_id) references context.packs on delete cascade
    )
"""
# Vector (1.5 kB), words and most texts stay together in the row's page: a search reads the words of every chunk that
# shares one with the question, and following a pointer for each costs more than the search itself.
_CHUNKS = """
    create table context.chunks (
        tenant        text     not null,
        pack_id       text     not null collate "C",
        document_id   text     not null collate "C",
        ordinal       integer  not null,
        start_offset  integer  not null,
        end_offset    integer  not null,
        body          text     not null,
        sha256        text     not null,
        model         text     not null,
        embedding     public.vector(384) storage plain not null,
        words         tsvector generated always as (to_tsvector('pg_catalog.english', body)) stored,
        primary key (tenant, pack_id, document_id, ordinal),
        foreign key (tenant, pack_id, document_id) references context.documents on delete cascade
    ) with (toast_tuple_target = 4096)
"""
_STATEMENTS = (
    _PACKS,
    _DOCUMENTS,
    _CHUNKS,
    "create index chunks_embedding on context.chunks using hnsw (embedding public.vector_cosine_ops)",
    "create index chunks_words on context.chunks using gin (words) with (fastupdate = off)",
    "revoke all on schema context from public",
    "grant usage on schema context to context",
    "grant select, insert, update on context.packs to context",
    "grant select, insert, delete on context.documents to context",
    "grant select, insert on context.chunks to context",
    # A filtered search walks the index further until it has enough of the tenant's own chunks (pgvector 0.8).
    "alter role context set hnsw.iterative_scan = 'strict_order'",
    "alter role context set hnsw.ef_search = 100",
)


def upgrade() -> None:
    """Create the tables and grant the service's role what it needs and no more."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop everything that this revision made, with its content."""
    op.execute("select '[1]'::public.vector")  # loads the extension, whose settings no one else may name before
    op.execute("alter role context reset hnsw.ef_search")
    op.execute("alter role context reset hnsw.iterative_scan")
    for table in ("chunks", "documents", "packs"):
        op.execute(f"drop table context.{table}")
    op.execute("revoke usage on schema context from context")
