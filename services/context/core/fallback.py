"""What is said to the model when neither the store nor a copy of the pack can be had (spec row CTX-08)."""

from collections.abc import Mapping

from services.context.core import digests
from services.context.core.values import Chunk, Domain, Hit

STATIC_PACK = "static"
"""Pack id of the templates below, in the provenance of what they gave."""
VERSION = 1
_AWAY = "The knowledge base cannot be reached at the moment. "
_TEMPLATES: Mapping[Domain, str] = {
    Domain.GENERAL: _AWAY
    + "No document of the organisation stands behind this answer. Say so where the question depends on its own "
    "rules, figures or people, and keep to what is generally known.",
    Domain.LITERARY: _AWAY
    + "The works and notes meant for this question are missing. Quote nothing from memory as if it were exact, name "
    "works and authors only where they are certain, and mark interpretation as interpretation.",
    Domain.MARKET: _AWAY
    + "No current price, figure or filing stands behind this answer. State no number as current, name the date at "
    "which general knowledge ends, and give no advice to buy or sell.",
}


def static_pack(domain: Domain | None) -> tuple[Hit, ...]:
    """Return the one template chunk of ``domain``, or nothing where no domain is named."""
    if domain is None:
        return ()
    text = _TEMPLATES[domain]
    chunk = Chunk(
        pack_id=STATIC_PACK,
        pack_version=VERSION,
        document_id=domain.value,
        ordinal=0,
        title="Static pack",
        source="magistrate",
        start=0,
        end=len(text),
        text=text,
        sha256=digests.of_text(text),
    )
    return (Hit(chunk=chunk, score=0.0, similarity=0.0, dense_rank=0, sparse_rank=0, coverage=0.0),)
