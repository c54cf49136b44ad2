"""The static tiles over HTTP: what C2SP tlog-tiles says is served to those whom a log concerns, nothing to others."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.rows import rows_of
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.tile_store import PostgresTileStore
from services.recorder.adapters.tokens import JwksDoor
from services.recorder.tiles.access import Access
from services.recorder.tiles.app import TileServer
from services.recorder.tiles.serve import serving
from tests.contract.recorder.client import OTHER, append, calling, login, recording
from tests.contract.recorder.exports import export, fill
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.certs import Tokens
from tools.certs.tokens import AUDIENCE, ISSUER
from tools.verify.keys import VERIFIER_KEY, generate
from tools.verify.note import is_signed, read_checkpoint, read_verifier_key

SIZE = 600
FOR_EVER = "max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """600 records of acme, signed, one behind them that is not, and one of another tenant."""

    database: Database
    keys: Path
    exported: Path
    """The same log as `Export` hands it out."""
    origin: str
    other: str


@pytest.fixture(scope="module")
def evidence(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Yield logs that no test changes."""
    root = tmp_path_factory.mktemp("tiles")
    generate(root / "keys")
    with fresh_database(postgres, migrations_of=["recorder"]) as database:
        yield asyncio.run(_recorded(database, root))


async def _recorded(database: Database, root: Path) -> Evidence:
    async with recording(database, root / "keys") as recorder, calling(recorder) as acme:
        await fill(acme, 0, SIZE)
        written = await export(acme, root / "out")
        async with calling(recorder, OTHER) as stranger:
            other = (await append(stranger)).position.origin
            await stranger.GetCheckpoint(pb.GetCheckpointRequest())
        await append(acme, "unsigned", decision_id="unsigned")
    return Evidence(database=database, keys=root / "keys", exported=root / "out", origin=written.origin, other=other)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """Make the key that signs bearer tokens."""
    made = Tokens(tmp_path)
    made.create()
    return made


@asynccontextmanager
async def reading(
    evidence: Evidence, folder: Path, *public: str, tokens: Tokens | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client of a server of tiles, which enters the database by its own role."""
    door = JwksDoor(tokens.jwks_file, issuer=ISSUER, audience=AUDIENCE) if tokens else None
    socket = folder / "tiles.sock"
    async with open_evidence(login(evidence.database, "tiles")) as pool:
        app = TileServer(PostgresTileStore(pool), Access(door, public), checkpoint_max_age_s=1).app()
        way, plain = httpx.AsyncHTTPTransport(uds=str(socket)), {"accept-encoding": "identity"}
        async with (
            serving(app, socket, 0),
            httpx.AsyncClient(transport=way, base_url="http://t", headers=plain) as http,
        ):
            yield http


@pytest.mark.spec("REC-07")
async def test_everything_an_export_has_is_served(evidence: Evidence, tmp_path: Path) -> None:
    """Checkpoint, tiles and bundles are, byte for byte, those that the offline verifier accepts in an export."""
    async with reading(evidence, tmp_path, evidence.origin) as http:
        paths = [evidence.exported / "checkpoint", *evidence.exported.glob("tile/**/*")]
        files = [path for path in paths if path.is_file()]
        for path in files:
            answer = await http.get(f"/{evidence.origin}/{path.relative_to(evidence.exported)}")
            assert (answer.status_code, answer.content) == (200, path.read_bytes()), path
    assert len(files) == 1 + 3 + 1 + 3


async def test_forms_and_caches(evidence: Evidence, tmp_path: Path) -> None:
    """A checkpoint is text that no cache keeps for long; tiles are bytes that every cache may keep for ever."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        checkpoint = await http.get(f"/{evidence.origin}/checkpoint")
        for name in ("tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000"):
            tile = await http.get(f"/{evidence.origin}/{name}")
            assert (tile.headers["content-type"], tile.headers["cache-control"]) == (
                "application/octet-stream",
                FOR_EVER,
            )
            assert ("vary" in tile.headers, tile.headers["server"]) == ("entries" in name, "magistrate")
            head = await http.head(f"/{evidence.origin}/{name}")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(tile.content))

    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "max-age=1"
    key = read_verifier_key((evidence.keys / VERIFIER_KEY).read_text())
    assert is_signed(checkpoint.text, key)
    assert read_checkpoint(checkpoint.text).size == SIZE


async def test_bundles_are_compressed_on_request(evidence: Evidence, tmp_path: Path) -> None:
    """Entries are JSON and compress well; hashes do not, and who does not ask gets everything as it is."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        plain = await http.get(f"/{evidence.origin}/tile/entries/000")
        refused = await http.get(f"/{evidence.origin}/tile/entries/000", headers={"accept-encoding": "gzip;q=0"})
        async with http.stream(
            "GET", f"/{evidence.origin}/tile/entries/000", headers={"accept-encoding": "gzip"}
        ) as small:
            raw = b"".join([part async for part in small.aiter_raw()])
        tile = await http.get(f"/{evidence.origin}/tile/0/000", headers={"accept-encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert "content-encoding" not in tile.headers
    assert small.headers["content-encoding"] == "gzip"
    assert len(raw) < len(plain.content) / 2
    assert gzip.decompress(raw) == plain.content


async def test_every_signed_width_of_a_tile_is_served(evidence: Evidence, tmp_path: Path) -> None:
    """A partial tile stays readable after the log has grown past it; nothing that is not signed yet is shown."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        full = (await http.get(f"/{evidence.origin}/tile/0/001")).content
        part = await http.get(f"/{evidence.origin}/tile/0/001.p/44")
        unsigned = await http.get(f"/{evidence.origin}/tile/0/002.p/89")
        entries = await http.get(f"/{evidence.origin}/tile/entries/002.p/89")

    assert (part.status_code, part.content) == (200, full[: 44 * 32])
    assert (unsigned.status_code, entries.status_code) == (404, 404)
    assert unsigned.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/0/001.p/0",
        "tile/0/001.p/044",
        "tile/0/001.p/256",
        "tile/64/000",
        "tile/0/003",
        "tile/1/000",
        "tile/2/000",
        "tile/entries/-01",
        "tile/leaves/000",
        "tile/0/..%2f000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "checkpoints",
        "log.json",
    ],
)
async def test_what_is_not_there(evidence: Evidence, tmp_path: Path, name: str) -> None:
    """A name that the format does not have, and a tile that the log has not, are not found."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        assert (await http.get(f"/{evidence.origin}/{name}")).status_code == 404


async def test_nothing_is_written(evidence: Evidence, tmp_path: Path) -> None:
    """Every method but GET and HEAD is refused."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (await http.request(method, f"/{evidence.origin}/checkpoint")).status_code == 405


async def test_closed_unless_opened(evidence: Evidence, tmp_path: Path, tokens: Tokens) -> None:
    """Without a token nothing is told, not even which logs there are; a token opens the logs of its tenant alone."""
    mine, theirs = f"/{evidence.origin}/checkpoint", f"/{evidence.other}/checkpoint"
    token = tokens.mint("auditor", "acme", ["user"])
    async with reading(evidence, tmp_path, tokens=tokens) as http:
        for path in (mine, theirs, "/evidence/local/nobody/2026h2/checkpoint"):
            refused = await http.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        bearer = {"authorization": f"Bearer {token}"}
        assert (await http.get(mine, headers=bearer)).status_code == 200
        assert (await http.get(theirs, headers=bearer)).status_code == 404
    async with reading(evidence, tmp_path) as http:
        assert (await http.get(mine, headers=bearer)).status_code == 401


async def test_public_logs_are_named_one_by_one(evidence: Evidence, tmp_path: Path) -> None:
    """A log that is declared public is read by anybody; another whose name only begins alike is not."""
    async with reading(evidence, tmp_path, evidence.origin, evidence.other[:-1]) as http:
        assert (await http.get(f"/{evidence.origin}/tile/0/000")).status_code == 200
        assert (await http.get(f"/{evidence.other}/checkpoint")).status_code == 401


async def test_tokens_that_open_nothing(evidence: Evidence, tmp_path: Path, tokens: Tokens) -> None:
    """An expired token, one of another key, one without a tenant, and what is no token at all are refused."""
    foreign = Tokens(tmp_path / "foreign")
    foreign.create()
    bad = [
        tokens.mint("auditor", "acme", ["user"], ttl_s=-10),
        foreign.mint("auditor", "acme", ["user"]),
        tokens.mint("auditor", "", ["user"]),
        tokens.mint("auditor", "acme", ["user"])[:-4] + "AAAA",
        "no token",
    ]
    async with reading(evidence, tmp_path, tokens=tokens) as http:
        for token in bad:
            answer = await http.get(f"/{evidence.origin}/checkpoint", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 401, token
        basic = await http.get(f"/{evidence.origin}/checkpoint", headers={"authorization": "Basic YWNtZTp4"})
    assert basic.status_code == 401


async def test_rotated_key_set(evidence: Evidence, tmp_path: Path, tokens: Tokens) -> None:
    """A new key set counts from the moment it is there; one that cannot be read leaves the last one in force."""
    fresh = Tokens(tmp_path / "fresh")
    fresh.create()
    path, old, new = f"/{evidence.origin}/checkpoint", tokens.mint("a", "acme", []), fresh.mint("a", "acme", [])

    async def status(http: httpx.AsyncClient, token: str) -> int:
        return (await http.get(path, headers={"authorization": f"Bearer {token}"})).status_code

    async with reading(evidence, tmp_path, tokens=tokens) as http:
        assert (await status(http, old), await status(http, new)) == (200, 401)
        tokens.jwks_file.write_text("{")
        assert await status(http, old) == 200
        tokens.jwks_file.write_bytes(fresh.jwks_file.read_bytes())
        assert (await status(http, old), await status(http, new)) == (401, 200)


@pytest.mark.parametrize(
    "statement",
    [
        "select sealed from recorder.ev_body",
        "select wrapped from recorder.dek",
        "select ik from recorder.ev",
        "select root from recorder.checkpoint",
        "insert into recorder.node values (1, 8, 0, sha256(''))",
        "update recorder.head set size = 0",
        "select recorder.open_log('a', 'b')",
    ],
)
def test_its_role_reads_what_is_public_and_no_more(evidence: Evidence, statement: str) -> None:
    """The server's role can neither write nor see content, keys or who recorded what."""
    with (
        psycopg.connect(evidence.database.dsn("tiles")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


async def test_its_role_sees_one_tenant_at_a_time(evidence: Evidence) -> None:
    """Records and hashes are shown of the tenant whose log is read, and of nobody where none is named."""
    async with open_evidence(login(evidence.database, "tiles")) as pool:
        for tenant, count in (("", 0), ("other", 1), ("acme", SIZE + 1)):
            with rows_of(tenant):
                assert await pool.fetchval("select count(leaf) from ev") == count


async def test_without_its_database(evidence: Evidence, tmp_path: Path) -> None:
    """While the database is away the answer is 503, which is not kept, and the next request is tried again."""
    async with open_evidence(login(evidence.database, "tiles")) as pool:
        socket = tmp_path / "tiles.sock"
        app = TileServer(PostgresTileStore(pool), Access(None, ["evidence/"]), checkpoint_max_age_s=1).app()
        way = httpx.AsyncHTTPTransport(uds=str(socket))
        async with serving(app, socket, 0), httpx.AsyncClient(transport=way, base_url="http://t") as http:
            await pool.close()
            answer = await http.get(f"/{evidence.origin}/checkpoint")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["cache-control"] == "no-store"


async def test_leaves_are_hashes_of_entries(evidence: Evidence, tmp_path: Path) -> None:
    """Each entry of a bundle hashes to its place in the tile of the same number (RFC 6962)."""
    async with reading(evidence, tmp_path, "evidence/") as http:
        bundle = (await http.get(f"/{evidence.origin}/tile/entries/002.p/88")).content
        leaves = (await http.get(f"/{evidence.origin}/tile/0/002.p/88")).content
    at, hashes = 0, b""
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        hashes += hashlib.sha256(b"\x00" + bundle[at + 2 : at + 2 + length]).digest()
        at += 2 + length

    assert hashes == leaves
