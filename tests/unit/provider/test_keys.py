"""Keys: chosen in turn, set aside one by one, rotated without a restart; and when a refused call is made again."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from services.chassis import metrics
from services.chassis.breaker import Rules
from services.chassis.clock import SystemClock
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError
from services.provider.adapters.key_file import KeyFile
from services.provider.core.book import Outcome
from services.provider.core.completion import Message, Prompt, Role
from services.provider.core.keys import Key, KeyRing, parse
from services.provider.core.usage import Watch
from services.provider.desk import Desk, Order
from tests.fakes.vendors import Answer, FakeVendor, Junk, Refusal, Step, shown_key
from tests.unit.provider.wiring import CALL, KEY, FixedKeys, desk, replace_file

PROMPT = Prompt(model="m", messages=(Message(role=Role.USER, text="How many days of leave?"),), max_tokens=64)
ALONE = Order(call_id="call-1", alone=True)
TWO = (Key("sk-first-0123456789"), Key("sk-second-0123456789"))
LIMITED = Refusal(status=429, retry_after="700")


def keys(fake: FakeVendor) -> list[str]:
    """Return the keys that the vendor was shown, in order."""
    return [shown_key(call) for call in fake.calls]


def outcomes(wired: Desk) -> list[tuple[Outcome | None, str]]:
    """Return how the tries of the call ended."""
    return [(one.outcome, one.reason) for one in wired.recall("call-1").ended]


def test_a_file_has_one_key_a_line() -> None:
    """Comments, empty lines, blanks and repeats are no keys, nor is what no header could carry."""
    assert parse("\ufeff# ours\nsk-a\n\n  sk-b \r\nsk-a\nsk-\x01\nsk-é\n") == (Key("sk-a"), Key("sk-b"))
    assert parse("\ufeffsk-a") == (Key("sk-a"),)


def test_a_fingerprint_tells_keys_apart_and_tells_nothing_else() -> None:
    """It is the beginning of the SHA-256, and a printed key shows no secret."""
    assert Key(KEY).fingerprint == hashlib.sha256(KEY.encode()).hexdigest()[:8]
    assert KEY not in f"{Key(KEY)!r} {Key(KEY)}"


@pytest.mark.spec("PRV-12")
async def test_a_limited_key_is_set_aside_and_the_other_serves(client: httpx.AsyncClient) -> None:
    """The call does not fail; both tries are in the book, and the limited key is not shown again meanwhile."""
    scripts: dict[str, list[Step]] = {TWO[0].secret: [LIMITED]}
    async with FakeVendor(scripts=scripts) as fake:
        wired = desk("openai", client, fake.base_url, keys=FixedKeys(keys=TWO))
        for _ in range(3):
            await wired.generate(PROMPT, CALL)

    first, second = (key.secret for key in TWO)
    assert keys(fake) == [first, second, second, second]
    assert outcomes(wired)[:2] == [(Outcome.FAILED, "PROVIDER_RATE_LIMITED"), (Outcome.WON, "")]
    assert [one.key_fingerprint for one in wired.recall("call-1").ended][:2] == [key.fingerprint for key in TWO]


@pytest.mark.spec("PRV-12")
@pytest.mark.parametrize(
    ("dialect", "unpaid"),
    [
        ("openai", Refusal(status=429, code="insufficient_quota")),
        ("anthropic", Refusal(status=402)),
        ("anthropic", Refusal(status=400, message="Your credit balance is too low to access the Anthropic API.")),
    ],
)
async def test_a_key_that_nobody_pays_for_is_not_shown_again(
    client: httpx.AsyncClient, dialect: str, unpaid: Refusal
) -> None:
    """It is told apart from a limit that passes, in the words that each vendor has for it."""
    async with FakeVendor(scripts={TWO[0].secret: [unpaid]}) as fake:
        wired = desk(dialect, client, fake.base_url, keys=FixedKeys(keys=TWO))
        for _ in range(3):
            await wired.generate(PROMPT, CALL)

    first, second = (key.secret for key in TWO)
    assert keys(fake) == [first, second, second, second]
    assert outcomes(wired)[0] == (Outcome.FAILED, "PROVIDER_CREDENTIALS_REJECTED")


@pytest.mark.spec("PRV-12", "PRV-17")
async def test_when_every_key_is_limited_the_wait_is_passed_on_without_a_call(client: httpx.AsyncClient) -> None:
    """The caller learns when the first key is free again; the vendor is not asked a third time."""
    async with FakeVendor(script=[LIMITED]) as fake:
        wired = desk("openai", client, fake.base_url, keys=FixedKeys(keys=TWO))
        for _ in range(2):
            with pytest.raises(MeshError) as caught:
                await wired.generate(PROMPT, CALL)

    assert (caught.value.kind, caught.value.reason) == (Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED")
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 700
    assert len(fake.calls) == 2


@pytest.mark.spec("PRV-12")
async def test_rejected_keys_rest_until_their_file_changes(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """With all revoked the vendor is left in peace; a new file works with the next call."""
    file = tmp_path / "keys"
    file.write_text("sk-old-1\nsk-old-2\n")
    async with FakeVendor(api_key="sk-new-3") as fake:
        wired = desk("openai", client, fake.base_url, keys=KeyFile(file=SecretFile(file), clock=SystemClock()))
        reasons = []
        for _ in range(2):
            with pytest.raises(MeshError) as caught:
                await wired.generate(PROMPT, CALL)
            reasons.append(caught.value.reason)
        asked = [one.key_fingerprint for one in wired.recall("call-1").ended]
        replace_file(file, "sk-old-1\nsk-new-3\n")
        completion = await wired.generate(PROMPT, CALL)

    assert reasons == ["PROVIDER_CREDENTIALS_REJECTED"] * 2
    assert asked == [Key("sk-old-1").fingerprint, Key("sk-old-2").fingerprint, ""]
    assert completion.text


@pytest.mark.spec("PRV-12")
async def test_a_rejected_key_that_is_made_good_serves_once_its_file_is_written_anew(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Who pays an unpaid key touches its file; until then the vendor is not shown it again."""
    file = tmp_path / "keys"
    file.write_text("sk-1\n")
    async with FakeVendor(api_key="sk-another") as fake:
        wired = desk("openai", client, fake.base_url, keys=KeyFile(file=SecretFile(file), clock=SystemClock()))
        for _ in range(2):
            with pytest.raises(MeshError, match="reject"):
                await wired.generate(PROMPT, CALL)
            fake.api_key = "sk-1"
        replace_file(file, "sk-1\n")
        completion = await wired.generate(PROMPT, CALL)

    shown = Key("sk-1").fingerprint
    assert [one.key_fingerprint for one in wired.recall("call-1").ended] == [shown, "", shown]
    assert completion.text


@pytest.mark.spec("PRV-12")
async def test_a_rotation_under_load_fails_no_call(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """Calls that run keep the key with which they began, later ones take the new one."""
    file = tmp_path / "keys"
    file.write_text("sk-old-1\n")
    async with FakeVendor(script=[Answer(delay_s=0.01)]) as fake:
        wired = desk("openai", client, fake.base_url, keys=KeyFile(file=SecretFile(file), clock=SystemClock()))
        async with asyncio.TaskGroup() as group:
            for n in range(40):
                if n == 20:
                    await fake.arrived.wait()
                    replace_file(file, "sk-new-2\n")
                group.create_task(wired.generate(PROMPT, CALL))

    assert {outcome for outcome, _ in outcomes(wired)} == {Outcome.WON}
    assert set(keys(fake)) == {"sk-old-1", "sk-new-2"}


@pytest.mark.spec("PRV-17", "T29")
async def test_a_key_that_keeps_failing_is_left_alone(client: httpx.AsyncClient) -> None:
    """After five faults no call is made; refusals of a request do not count."""
    script: list[Step] = [*[Refusal(status=422)] * 6, *[Refusal(status=500)] * 5, Answer()]
    async with FakeVendor(script=script) as fake:
        wired = desk("openai", client, fake.base_url, rules=Rules())
        for _ in range(12):
            with pytest.raises(MeshError) as caught:
                await wired.generate(PROMPT, CALL)

    assert len(fake.calls) == 11
    assert caught.value.reason == "PROVIDER_UNAVAILABLE"
    assert caught.value.retry_after_s is not None
    assert 50 < caught.value.retry_after_s <= 60


REPEATED: list[tuple[list[Step], list[float], int]] = [
    ([Refusal(status=503), Refusal(status=503), Answer()], [0.5, 1.0], 3),
    ([Refusal(status=429, retry_after="0.02"), Answer()], [0.02], 2),
    ([Refusal(status=529), Answer()], [0.5], 2),
]


@pytest.mark.spec("PRV-03", "C2")
@pytest.mark.parametrize(("script", "waits", "calls"), REPEATED)
async def test_alone_a_refusal_that_costs_nothing_is_waited_for(
    client: httpx.AsyncClient, script: list[Step], waits: list[float], calls: int
) -> None:
    """Half of 1 s, of 2 s, ... where the draw is a half; the vendor's own word wins."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        # What the vendor asked for has to pass; the rest need not.
        await asyncio.sleep(seconds if seconds < 0.1 else 0)

    async with FakeVendor(script=script) as fake:
        await desk("openai", client, fake.base_url, sleep=sleep).generate(PROMPT, ALONE)

    assert slept == waits
    assert len(fake.calls) == calls


ONCE: list[tuple[Step, Order, float | None]] = [
    (Refusal(status=503), CALL, None),
    (Refusal(status=500), ALONE, None),
    (Refusal(status=401), ALONE, None),
    (Refusal(status=400), ALONE, None),
    (Junk(), ALONE, None),
    (Answer(stall_after=0), ALONE, 0.05),
    (Answer(cut_after=2), ALONE, None),
    (Refusal(status=429, retry_after="30"), ALONE, 5.0),
]


@pytest.mark.spec("PRV-03", "T17")
@pytest.mark.parametrize(("step", "order", "remaining"), ONCE)
async def test_what_may_be_paid_twice_or_comes_too_late_is_not_made_again(
    client: httpx.AsyncClient, step: Step, order: Order, remaining: float | None
) -> None:
    """In an order the proxy moves on; work that was begun, a fault of ours and a wait beyond the deadline end it."""
    async with FakeVendor(script=[step]) as fake:
        # The time grows short only once the vendor is at work: else it might not even be asked.
        wired = desk("openai", client, fake.base_url, remaining_s=lambda: remaining if fake.arrived.is_set() else None)
        with pytest.raises(MeshError):
            await wired.generate(PROMPT, order)

    assert len(fake.calls) == 1


@pytest.mark.spec("PRV-12")
def test_unusual_use_is_noticed_once_a_window_and_never_becomes_usual() -> None:
    """Ten windows of about 100 tokens, then one of 1,000: an alarm; the next usual window is none."""
    watch = Watch(window_s=60.0)
    alarms = [watch.add(100 + n % 3, 60.0 * n) for n in range(11)]
    leak = [watch.add(500, 660.0), watch.add(500, 661.0)]
    after = watch.add(101, 720.0)

    assert not any(alarms)
    assert leak == [True, False]
    assert not after


@pytest.mark.spec("PRV-12", "PRV-18")
async def test_use_is_counted_by_fingerprint_and_no_metric_shows_a_key(client: httpx.AsyncClient) -> None:
    """Tokens and tries of a key are found under its fingerprint only."""
    async with FakeVendor(script=[Answer(), Refusal(status=401, message=KEY), Junk(body=KEY.encode())]) as fake:
        wired = desk("anthropic", client, fake.base_url)
        wired.show_keys()
        await wired.generate(PROMPT, CALL)
        for _ in range(2):
            with pytest.raises(MeshError):
                await wired.generate(PROMPT, CALL)
    shown = metrics.exposition().decode()

    assert f'key_tokens_total{{direction="output",key="{Key(KEY).fingerprint}",provider="anthropic"}}' in shown
    assert 'magistrate_provider_key_rotation_due{provider="anthropic"} 0.0' in shown
    assert KEY not in shown


def test_an_empty_ring_says_that_there_is_no_key() -> None:
    """A file without a key is a fault of ours, told as such."""
    with pytest.raises(MeshError) as caught:
        KeyRing("openai", None).take(0.0)

    assert caught.value.reason == "PROVIDER_CREDENTIALS_REJECTED"
