"""The statement that lists records: for each query the one that an index answers."""

from services.recorder.core.search import BLOCK, blocks
from services.recorder.ports import Query

INDEXED = "DECISION"
"""The kind whose facts are in an index."""
LIST = """
select seq, ik, leaf, envelope, kind, decision_id, content_type, intent, recorded_at
from {source} ev
where log = $1 and seq >= $2 and seq < $3 and (kind = $4 or $4 = '') and (decision_id = $5 or $5 = '')
  and ($6::timestamptz is null or recorded_at >= $6) and ($7::timestamptz is null or recorded_at < $7)
  {more}
order by seq limit $8"""
OPEN = "and exists (select from obligation o where o.log = ev.log and o.seq = ev.seq)"
ALL = "ev"
# Only a query that asks for facts pays for them; the view lets it use their index. The planner cannot know how often a
# fact occurs, and would read the whole log in its order for a rare one: "offset 0" has it look into each block instead.
IN_BLOCKS = f"""unnest($9::bigint[]) as block (number) cross join lateral (
    select * from searchable where log = $1 and kind = '{INDEXED}' {{facts}} offset 0)"""  # noqa: S608 - a constant
FACT_OF_BLOCK = "and facts(envelope, seq) @> array[block.number || ' ' || ${fact}]"
# Other kinds are read through: a look at the bytes tells most of the records that lack the fact.
SEARCHABLE = "searchable"
READ_THROUGH = 64 * BLOCK
"""Records after which reading through has gone on for long enough: some tenths of a second."""
FACT = f"""and position(${{mark}}::bytea in envelope) > 0
  and facts(envelope, seq) @> array[seq / {BLOCK} || ' ' || ${{fact}}]
  """


def reads_through(query: Query) -> bool:
    """Return whether no index leads to what meets a query."""
    return bool(query.facts) and query.kind != INDEXED and not query.decision_id


def listing(log: int, query: Query, part: range, limit: int) -> tuple[str, list[object]]:
    """Return the statement for the first records of a part of a log that meet a query, and its values."""
    values: list[object] = [log, part.start, part.stop, query.kind, query.decision_id, query.since, query.until, limit]
    source, more = ALL, OPEN if query.open_intents else ""
    if query.facts and query.kind == INDEXED:
        values += [blocks(part), *(fact.text for fact in query.facts)]
        facts = (FACT_OF_BLOCK.format(fact=number) for number in range(10, len(values) + 1))
        source = IN_BLOCKS.format(facts=" ".join(facts))
    elif query.facts:
        source = SEARCHABLE
        for fact in query.facts:
            values += [fact.mark, fact.text]
            more += FACT.format(mark=len(values) - 1, fact=len(values))
    return LIST.format(source=source, more=more), values
