"""The file of budgets: what is said overrides what is not, and what is wrong stops the start with one line."""

import json
from pathlib import Path

import pytest

from services.router.adapters.budgets import BUDGETS, BudgetsFile, read_budgets
from services.router.adapters.files import WrongFileError
from services.router.core.spend.limits import Budgets, Limit

WHOLE = """
tenant: {micro_usd: 100, requests: 10}
user: {micro_usd: 50}
tenants:
  acme:
    requests: null
    user: {tokens: 7}
    users:
      ada: {micro_usd: 5}
"""


def read(folder: Path, text: str) -> Budgets:
    """Return what a file with ``text`` says."""
    path = folder / "budgets.yaml"
    path.write_text(text)
    return read_budgets(path)


@pytest.mark.spec("C14", "EDG-33")
def test_a_tenant_has_a_hundred_dollars_a_day_as_shipped() -> None:
    """And so has each of its users, as far as the tenant's last."""
    ceilings = read_budgets(BUDGETS).of("anybody", "ada")
    assert (ceilings.tenant, ceilings.user) == (Limit(micro_usd=100_000_000), Limit(micro_usd=100_000_000))


@pytest.mark.spec("EDG-33")
def test_what_is_said_of_one_overrides_what_is_said_of_all(tmp_path: Path) -> None:
    """Field by field; null is without limit, and what is left out stays."""
    budgets = read(tmp_path, WHOLE)
    assert budgets.of("other", "ada").tenant == Limit(micro_usd=100, requests=10)
    assert budgets.of("other", "ada").user == Limit(micro_usd=50)
    assert budgets.of("acme", "ada").tenant == Limit(micro_usd=100)
    assert budgets.of("acme", "bob").user == Limit(micro_usd=50, tokens=7)
    assert budgets.of("acme", "ada").user == Limit(micro_usd=5, tokens=7)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tenant: {}", "user"),
        ("tenant: {micro_usd: -1}\nuser: {}", "tenant.micro_usd"),
        ("tenant: {dollars: 1}\nuser: {}", "tenant.dollars"),
        ("tenant: {micro_usd: 1.5}\nuser: {}", "tenant.micro_usd"),
        ("tenant: {}\nuser: {}\ntenants: {acme: {users: {ada: 5}}}", "tenants.acme.users.ada"),
        ("[", "no YAML"),
        ("", "the whole"),
    ],
)
def test_a_wrong_file_is_named_with_place_and_fault(tmp_path: Path, text: str, place: str) -> None:
    """One line, so that it can be mended."""
    with pytest.raises(WrongFileError) as caught:
        read(tmp_path, text)
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Not a trace, a sentence."""
    with pytest.raises(WrongFileError, match=r"none\.yaml: No such file"):
        read_budgets(tmp_path / "none.yaml")


def test_the_schema_beside_the_file_is_the_one_that_is_checked() -> None:
    """An editor that follows it accepts what the router accepts."""
    written = json.loads(BUDGETS.with_name("budgets.schema.json").read_text())
    assert written == {"$schema": "https://json-schema.org/draft/2020-12/schema", **BudgetsFile.model_json_schema()}
