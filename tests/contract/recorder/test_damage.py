"""An exported folder in which anything was changed does not verify, and the verdict names what and where."""

import asyncio
import base64
import hashlib
import json
import shutil
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tools.verify
from tests.contract.recorder.exports import made
from tests.fakes.postgres import PostgresServer, fresh_database
from tools.verify.archive import Damage, Found, verify_archive
from tools.verify.archive.__main__ import main
from tools.verify.archive.sums import line
from tools.verify.keys import VERIFIER_KEY, generate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pristine:
    """An export of 600 records and the erasure of a person, and the key."""

    folder: Path
    key: Path


@pytest.fixture(scope="module")
def pristine(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """Export a log once, with the content about one person in both forms."""
    root = tmp_path_factory.mktemp("export")
    generate(root / "keys")
    with fresh_database(postgres, migrations_of=["recorder"]) as database:
        made(database, root / "keys", root / "out", include_payloads=True, include_sealed=True, subject_id="person-7")
    return Pristine(folder=root / "out", key=root / "keys" / VERIFIER_KEY)


BASE64 = (string.ascii_letters + string.digits + "+/").encode()


@pytest.fixture
def copy(pristine: Pristine, tmp_path: Path) -> Path:
    """Return a copy that may be damaged."""
    shutil.copytree(pristine.folder, tmp_path / "copy")
    return tmp_path / "copy"


def check(folder: Path, pristine: Pristine) -> Found:
    """Return the verdict."""
    return verify_archive(folder, pristine.key.read_text())


def flip(path: Path, at: int = 0) -> None:
    """Change one byte; what was base64 stays base64."""
    raw = bytearray(path.read_bytes())
    raw[at] = ord("B") if raw[at] in BASE64 and raw[at] != ord("B") else raw[at] ^ 1
    path.write_bytes(raw)


def reseal(folder: Path) -> None:
    """Write the digests anew, as whoever damages a folder on purpose would."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [line(name, (folder / name).read_bytes()) for name in names if name != "SHA256SUMS"]
    (folder / "SHA256SUMS").write_text("".join(lines))


@pytest.mark.spec("REC-07", "REC-15")
def test_what_was_exported_verifies(pristine: Pristine) -> None:
    """Nothing changed, nothing found; every record, all content and six earlier checkpoints were looked at."""
    found = check(pristine.folder, pristine)

    assert found.damage is None, found.explanation
    assert (found.start, found.stop, found.tree_size, found.earlier) == (0, 601, 601, 6)
    assert found.content == {"ERASED": 60, "OPENED": 60, "PRESENT": 481, "SEALED": 60}


# Of a flipped byte: the file, the byte, what is found, the first bad index.
FLIPS: dict[str, tuple[str, int, Damage, int | None]] = {
    "signed root": ("checkpoint", 50, Damage.SIGNATURE, None),
    "signature": ("checkpoint", -9, Damage.SIGNATURE, None),
    "earlier signature": ("checkpoints/300", -9, Damage.SIGNATURE, None),
    "leaf in a full tile": ("tile/0/001", 10 * 32 + 5, Damage.TILE, 266),
    "leaf in the tile at the edge": ("tile/0/002.p/89", 88 * 32, Damage.TILE, 600),
    "hash of the level above": ("tile/1/000.p/2", 32, Damage.TILE, 256),
    "record": ("tile/entries/000", 40, Damage.RECORD, 0),
    "record at the edge": ("tile/entries/002.p/89", 40, Damage.RECORD, 512),
    "content": ("content/007", 0, Damage.CONTENT, 7),
    "sealed content": ("sealed/597", 30, Damage.CONTENT, 597),
    "nonce": ("content.jsonl", 0, Damage.FORM, None),
    "facts": ("log.json", 0, Damage.FORM, None),
    "digest": ("SHA256SUMS", 0, Damage.SUM, None),
    "readme": ("README.txt", 0, Damage.SUM, None),
}


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("case", FLIPS)
@pytest.mark.parametrize("resealed", [False, True], ids=["by accident", "on purpose"])
def test_a_flipped_byte_is_found(copy: Path, pristine: Pristine, case: str, resealed: bool) -> None:
    """One byte changed in a file of any kind is found, whether or not the digests were written anew to fit it."""
    file, at, damage, index = FLIPS[case]
    flip(copy / file, at)
    if resealed:
        reseal(copy)

    found = check(copy, pristine)

    if damage is Damage.SUM and resealed:
        assert found.verified  # such a file carries no evidence, and the new digests are of what is there
    else:
        assert (found.damage, found.index) == (damage, index), found.explanation
        assert found.file in {file, "README.txt" if file == "SHA256SUMS" else ""}


@pytest.mark.spec("REC-07")
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_can_change(copy: Path, pristine: Pristine, data: st.DataObject) -> None:
    """Whatever byte of whatever file becomes whatever other byte, the folder does not verify."""
    path = data.draw(st.sampled_from(sorted(file for file in copy.rglob("*") if file.is_file())))
    before = path.read_bytes()
    at, other = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(1, 255))
    path.write_bytes(before[:at] + bytes([before[at] ^ other]) + before[at + 1 :])

    found = check(copy, pristine)
    path.write_bytes(before)

    assert not found.verified, (path.name, at)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
facts_changes = st.dictionaries(st.sampled_from(["origin", "tree_size", "start_index", "end_index"]), json_values)
line_changes = st.dictionaries(
    st.sampled_from(["index", "state", "nonce", "sealed", "basis", "erasure", "file"]), json_values, min_size=1
)


@given(facts=facts_changes, at=st.integers(0, 600), line=line_changes)
@example(facts={}, at=1, line={"state": []})
@example(facts={}, at=0, line={"erasure": {"origin": [], "index": {}}})
@example(facts={}, at=7, line={"nonce": {}, "sealed": []})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_facts_say(
    copy: Path, pristine: Pristine, facts: dict[str, object], at: int, line: dict[str, object]
) -> None:
    """Values of any kind where others belong are damage or change nothing; they never end the check with an error."""
    log, content = copy / "log.json", copy / "content.jsonl"
    before = log.read_bytes(), content.read_bytes()
    log.write_text(json.dumps(json.loads(before[0]) | facts))
    lines = before[1].decode().splitlines()
    lines[at] = json.dumps(json.loads(lines[at]) | line)
    content.write_text("\n".join(lines) + "\n")
    reseal(copy)

    found = check(copy, pristine)
    log.write_bytes(before[0])
    content.write_bytes(before[1])

    assert found.verified or found.explanation


@given(st.sampled_from(["checkpoint", "tile/entries/001", "tile/1/000.p/2", "content.jsonl", "log.json"]), st.binary())
@example("content.jsonl", b"[" * 100_000)
@example("log.json", b"[" * 100_000)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds(copy: Path, pristine: Pristine, name: str, garbage: bytes) -> None:
    """Any bytes in the place of a file are damage, never an error of the check."""
    before = (copy / name).read_bytes()
    (copy / name).write_bytes(garbage)
    reseal(copy)

    found = check(copy, pristine)
    (copy / name).write_bytes(before)

    assert not found.verified


@pytest.mark.spec("REC-07")
def test_every_missing_file_is_found(copy: Path, pristine: Pristine) -> None:
    """Any one file taken away is missed, with the first index that it held."""
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    for path in [
        path for path in files if path.parent.name not in {"content", "sealed"} or path.name in {"007", "597"}
    ]:
        content = path.read_bytes()
        path.unlink()
        found = check(copy, pristine)
        path.write_bytes(content)
        name = path.relative_to(copy).as_posix()
        assert (found.damage, found.file) == (Damage.MISSING, name), name
    assert check(copy, pristine).verified


def _swap_records(folder: Path) -> None:
    path = folder / "tile/entries/001"
    records = _records(path.read_bytes())
    records[3], records[4] = records[4], records[3]
    path.write_bytes(_bundle(records))


def _swap_leaves_too(folder: Path) -> None:
    _swap_records(folder)
    path = folder / "tile/0/001"
    raw = path.read_bytes()
    path.write_bytes(raw[:96] + raw[128:160] + raw[96:128] + raw[160:])


def _cut_bundle(folder: Path) -> None:
    path = folder / "tile/entries/002.p/89"
    path.write_bytes(path.read_bytes()[:-1])


def _drop_last_record(folder: Path) -> None:
    path = folder / "tile/entries/002.p/89"
    path.write_bytes(_bundle(_records(path.read_bytes())[:-1]))


def _cut_tile(folder: Path) -> None:
    path = folder / "tile/0/002.p/89"
    path.write_bytes(path.read_bytes()[:-32])


def _claim_less(folder: Path) -> None:
    """Take the last record away from everything but the signature."""
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps(facts | {"tree_size": 600, "end_index": 600}))


def _roll_back(folder: Path) -> None:
    """Show an older checkpoint of the same log as if nothing had come after it."""
    (folder / "checkpoint").write_bytes((folder / "checkpoints/300").read_bytes())
    _claim_less(folder)


def _forget_the_end(folder: Path) -> None:
    """Make the folder what it would have been at 300 records: it agrees with itself, and an older signature."""
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps(facts | {"tree_size": 300, "end_index": 300}))
    (folder / "checkpoint").write_bytes((folder / "checkpoints/300").read_bytes())
    for size in (300, 400, 500, 600):
        (folder / f"checkpoints/{size}").unlink()
    lines = (folder / "content.jsonl").read_text().splitlines()[:300]
    facts = [{"index": json.loads(line)["index"], "state": "PRESENT"} for line in lines]
    (folder / "content.jsonl").write_text("".join(json.dumps(each) + "\n" for each in facts))
    leaves, records = (folder / "tile/0/001").read_bytes(), _records((folder / "tile/entries/001").read_bytes())
    above = (folder / "tile/1/000.p/2").read_bytes()
    for name, content in (
        ("tile/0/001.p/44", leaves[: 44 * 32]),
        ("tile/1/000.p/1", above[:32]),
        ("tile/entries/001.p/44", _bundle(records[:44])),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    reseal(folder)


def _rename_earlier(folder: Path) -> None:
    (folder / "checkpoints/300").rename(folder / "checkpoints/301")


def _hide(folder: Path) -> None:
    """Say of a record that it was erased, though the erasure does not name it."""
    lines = (folder / "content.jsonl").read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[0]) | {"index": 1})
    (folder / "content.jsonl").write_text("\n".join(lines) + "\n")


def _other_basis(folder: Path) -> None:
    path = folder / "content.jsonl"
    path.write_text(path.read_text().replace("17(1)(a)", "17(1)(b)", 1))


def _other_nonce(folder: Path) -> None:
    path = folder / "content.jsonl"
    lines = path.read_text().splitlines()
    lines[7] = json.dumps(json.loads(lines[7]) | {"nonce": "00" * 32})
    path.write_text("\n".join(lines) + "\n")


def _drop_line(folder: Path) -> None:
    path = folder / "content.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:5] + lines[6:]) + "\n")


def _rewrite(folder: Path) -> None:
    """Alter a record and everything above it up to the root, as a forger without the key can."""
    path = folder / "tile/entries/002.p/89"
    records = _records(path.read_bytes())
    records[0] = records[0].replace(b'"decision":"d512"', b'"decision":"d513"')
    path.write_bytes(_bundle(records))
    (folder / "tile/0/002.p/89").write_bytes(b"".join(hashlib.sha256(b"\0" + each).digest() for each in records))


DAMAGES: dict[str, tuple[Callable[[Path], None], Damage, int | None]] = {
    "two records swapped": (_swap_records, Damage.RECORD, 259),
    "two records swapped with their leaves": (_swap_leaves_too, Damage.RECORD, 256),
    "a bundle cut within a record": (_cut_bundle, Damage.FORM, 600),
    "the last record taken away": (_drop_last_record, Damage.FORM, 600),
    "a tile cut": (_cut_tile, Damage.FORM, 512),
    "a shorter log claimed": (_claim_less, Damage.FORM, None),
    "an older checkpoint of other facts": (_roll_back, Damage.FORM, None),
    "an earlier checkpoint under another size": (_rename_earlier, Damage.FORM, None),
    "a record said to be erased": (_hide, Damage.ERASURE, 1),
    "an erasure with another basis": (_other_basis, Damage.ERASURE, 0),
    "another nonce": (_other_nonce, Damage.CONTENT, 7),
    "a line taken away": (_drop_line, Damage.FORM, 5),
    "a log rewritten without the key": (_rewrite, Damage.ROOT, 500),
}


@pytest.mark.spec("REC-07", "REC-15")
@pytest.mark.parametrize("case", DAMAGES)
def test_damage_on_purpose_is_found(copy: Path, pristine: Pristine, case: str) -> None:
    """Whatever is changed, though the digests were written anew to fit it, is found and named."""
    harm, damage, index = DAMAGES[case]
    harm(copy)
    reseal(copy)

    found = check(copy, pristine)

    assert (found.damage, found.index) == (damage, index), found.explanation


@pytest.mark.spec("REC-07")
def test_another_key_verifies_nothing(pristine: Pristine, tmp_path: Path) -> None:
    """With the key of another log, or one that is none, nothing is verified."""
    generate(tmp_path)

    assert verify_archive(pristine.folder, (tmp_path / VERIFIER_KEY).read_text()).damage is Damage.SIGNATURE
    assert verify_archive(pristine.folder, "no key").damage is Damage.KEY
    assert verify_archive(pristine.folder, "").damage is Damage.KEY
    both = (tmp_path / VERIFIER_KEY).read_text() + "# the old one\n" + pristine.key.read_text()
    assert verify_archive(pristine.folder, both).verified


@pytest.mark.spec("REC-07")
def test_a_kept_checkpoint_tells_of_a_cut_end(pristine: Pristine, copy: Path) -> None:
    """Whoever kept a checkpoint sees that a log ends before it, or was rewritten since; the signature alone cannot."""
    kept = (pristine.folder / "checkpoint").read_text()
    older = (pristine.folder / "checkpoints/500").read_text()

    assert verify_archive(copy, pristine.key.read_text(), kept=[kept, older]).earlier == 8
    forged = older.replace(older.split("\n")[2], base64.b64encode(bytes(32)).decode())
    assert verify_archive(copy, pristine.key.read_text(), kept=[forged]).damage is Damage.SIGNATURE
    _forget_the_end(copy)
    assert check(copy, pristine).tree_size == 300
    cut = verify_archive(copy, pristine.key.read_text(), kept=[kept])
    assert (cut.damage, cut.index) == (Damage.HISTORY, 300)


def test_command_line(pristine: Pristine, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program says in one line what it found and ends with 0, 1 for damage, 2 for wrong usage."""
    assert main([str(pristine.folder), "--key", str(pristine.key)]) == 0
    assert "verified: all records of the 601" in capsys.readouterr().out
    flip(copy / "tile/entries/001", 40)
    assert main([str(copy), "--key", str(pristine.key)]) == 1
    assert capsys.readouterr().out.startswith("NOT verified (record): record 256 was altered")
    with pytest.raises(SystemExit) as end:
        main([str(copy / "nowhere"), "--key", str(pristine.key)])
    assert end.value.code == 2


async def test_needs_nothing_of_ours(pristine: Pristine, tmp_path: Path) -> None:
    """The verifier runs in an interpreter that has neither the services nor gRPC, from its own files alone."""
    shutil.copytree(Path(tools.verify.__path__[0]), tmp_path / "tools" / "verify")
    (tmp_path / "tools" / "__init__.py").touch()
    lock = "import sys; sys.modules.update(dict.fromkeys(['grpc', 'google', 'services', 'magistrate', 'asyncpg']))\n"
    run = "import runpy; runpy.run_module('tools.verify.archive', run_name='__main__')"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", lock + run, str(pristine.folder), "--key", str(pristine.key)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()

    assert (process.returncode, output.decode().split(":")[0]) == (0, "verified")


def _records(raw: bytes) -> list[bytes]:
    return list(_read(raw))


def _read(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 2], "big")
        yield raw[at + 2 : at + 2 + length]
        at += 2 + length


def _bundle(records: list[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in records)
