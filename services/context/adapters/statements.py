"""Every SQL statement of the knowledge store. Each names the tenant first."""

_PACK = "pack_id, version, document_count, chunk_count, content_sha256, updated_at"

FIND_PACK = f"select {_PACK} from packs where tenant = $1 and pack_id = $2"  # noqa: S608 - a constant column list
LIST_PACKS = f"select {_PACK} from packs where tenant = $1 and pack_id > $2 order by pack_id limit $3"  # noqa: S608 - the same
DOCUMENTS = """
    select document_id, title, source, chunk_count, sha256, digest
    from documents where tenant = $1 and pack_id = $2 order by document_id
"""
VECTORS = """
    select distinct on (sha256) sha256, vector_send(embedding) as vector
    from chunks where tenant = $1 and pack_id = $2 and model = $4 and sha256 = any ($3::text[])
"""
_CHUNK = """
    c.pack_id, p.version, c.document_id, c.ordinal, d.title, d.source, c.start_offset, c.end_offset, c.body, c.sha256
"""
_JOINED = """
    join documents d on (d.tenant, d.pack_id, d.document_id) = (c.tenant, c.pack_id, c.document_id)
    join packs p on (p.tenant, p.pack_id) = (c.tenant, c.pack_id)
"""
CHUNKS = f"""
    select {_CHUNK}, c.model, vector_send(c.embedding) as vector
    from chunks c {_JOINED}
    where c.tenant = $1 and c.pack_id = $2 and (c.document_id, c.ordinal) > ($3, $4)
    order by c.document_id, c.ordinal limit $5
"""  # noqa: S608 - constant fragments

LOCK_PACK = """
    insert into packs (tenant, pack_id, version, document_count, chunk_count, content_sha256)
    values ($1, $2, 1, 0, 0, '')
    on conflict (tenant, pack_id) do update set version = packs.version + 1
    returning version
"""
"""Takes the row's lock until the end of the transaction: two writers of one pack queue here."""
FINISH_PACK = f"""
    update packs set
        document_count = (select count(*) from documents where tenant = $1 and pack_id = $2),
        chunk_count = (select coalesce(sum(chunk_count), 0) from documents where tenant = $1 and pack_id = $2),
        content_sha256 = $3,
        updated_at = now()
    where tenant = $1 and pack_id = $2
    returning {_PACK}
"""  # noqa: S608 - a constant column list
DELETE_DOCUMENTS = "delete from documents where tenant = $1 and pack_id = $2 and document_id = any ($3::text[])"
INSERT_DOCUMENTS = """
    insert into documents (tenant, pack_id, document_id, title, source, metadata, sha256, digest, chunk_count)
    select $1, $2, id, title, source, metadata::jsonb, sha256, digest, chunk_count
    from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[])
        as row (id, title, source, metadata, sha256, digest, chunk_count)
"""
INSERT_CHUNKS = """
    insert into chunks (tenant, pack_id, document_id, ordinal, start_offset, end_offset, body, sha256, model, embedding)
    select $1, $2, document_id, ordinal, start_offset, end_offset, body, sha256, $3, embedding::vector
    from unnest($4::text[], $5::int[], $6::int[], $7::int[], $8::text[], $9::text[], $10::text[])
        as row (document_id, ordinal, start_offset, end_offset, body, sha256, embedding)
"""

SEARCH = f"""
with nearest as (
    select place, row_number() over (order by distance) as dense_rank
    from (
        select ctid as place, embedding <=> $4::real[]::vector as distance
        from chunks
        where $4::real[] is not null and tenant = $1 and ($2::text is null or pack_id = $2) and model = $5
        order by embedding <=> $4::real[]::vector
        limit $6
    ) as dense
),
lexemes as (
    select lexeme, (quote_literal(lexeme))::tsquery as query
    from unnest(tsvector_to_array(to_tsvector('pg_catalog.english', $3))) as lexeme
),
occurrences as materialized (
    select chunks.ctid as place, lexeme, ts_rank(words, query, 1) as weight
    from lexemes join chunks on words @@ query
    where tenant = $1 and ($2::text is null or pack_id = $2)
),
rarity as materialized (
    select lexeme, ln(1 + (total - found + 0.5) / (found + 0.5)) as idf
    from (
        select lexeme, count(place)::float8 as found from lexemes left join occurrences using (lexeme) group by lexeme
    ) as found_in
    cross join (
        select coalesce(sum(chunk_count), 0)::float8 as total
        from packs where tenant = $1 and ($2::text is null or pack_id = $2)
    ) as all_chunks
),
worded as (
    select place, coverage, row_number() over (order by score desc, place) as sparse_rank
    from (
        select place, sum(idf * weight) as score, sum(idf) / (select sum(idf) from rarity) as coverage
        from occurrences join rarity using (lexeme)
        group by place
        order by score desc, place
        limit $6
    ) as sparse
)
select {_CHUNK}, vector_send(c.embedding) as vector,
    case when c.model = $5 then 1 - (c.embedding <=> $4::real[]::vector) end as similarity,
    coalesce(dense_rank, 0) as dense_rank, coalesce(sparse_rank, 0) as sparse_rank, coalesce(coverage, 0) as coverage
from nearest full join worded using (place)
join chunks c on c.ctid = place
{_JOINED}
where c.tenant = $1
order by dense_rank, sparse_rank
"""  # noqa: S608 - constant fragments
"""Both searches and everything a reply needs, in one round trip.

Words are ranked by the sum over the question's lexemes of ln(1 + (N - n + 0.5) / (n + 0.5)), the rarity of BM25, times
`ts_rank` with length normalisation, whose sum over positions saturates as BM25's term frequency does. Rows are joined
by their address, which holds within one statement and is far smaller than their key.
"""
