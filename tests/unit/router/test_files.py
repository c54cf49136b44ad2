"""A catalogue or template that is wrong stops the start with one line that names file, place and fault."""

import json
import shutil
from pathlib import Path

import pytest

from services.chassis.config import load
from services.router.adapters.files import (
    CATALOGUE,
    TEMPLATES,
    WrongFileError,
    catalogue_schema,
    pinned,
    read_catalogue,
    read_templates,
)
from services.router.config import Config
from services.router.core.prompt import newest
from services.router.core.request import Domain, Task
from services.topology import VENDORS

MODEL = """
- name: a
  provider: local
  tier: fast
  context_tokens: 10
  input_micro_usd_per_million: 0
  output_micro_usd_per_million: 0
"""


@pytest.mark.spec("RTR-23")
def test_the_shipped_catalogue_names_only_vendors_that_exist() -> None:
    """Every model can be served by some adapter of the topology."""
    assert {model.provider for model in read_catalogue(CATALOGUE).models} <= set(VENDORS)


WRONG = {
    "no YAML": ("models: [", "no YAML"),
    "empty": ("", "the whole"),
    "no models": ("models: []", "models"),
    "unknown field": (f"models:\n{MODEL}  colour: red\n", "models.0.colour"),
    "negative price": (
        f"models:\n{MODEL}".replace("output_micro_usd_per_million: 0", "output_micro_usd_per_million: -1"),
        "models.0.output_micro_usd_per_million",
    ),
    "half a micro-dollar": (
        f"models:\n{MODEL}".replace("input_micro_usd_per_million: 0", "input_micro_usd_per_million: 0.5"),
        "models.0.input_micro_usd_per_million",
    ),
    "unknown tier": (f"models:\n{MODEL}".replace("fast", "golden"), "models.0.tier"),
    "unknown capability": (f"models:\n{MODEL}  capabilities: [fly]\n", "models.0.capabilities.0"),
    "quality above 1": (f"models:\n{MODEL}  quality: 1.5\n", "models.0.quality"),
    "preference for nobody": (f"models:\n{MODEL}preferences: {{market: [b]}}\n", "preferences name b"),
    "preference of no field": (f"models:\n{MODEL}preferences: {{cooking: [a]}}\n", "preferences.cooking"),
    "twice": (f"models:\n{MODEL}{MODEL}", "a is there twice"),
}


@pytest.mark.parametrize(("text", "place"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_catalogue_is_refused(tmp_path: Path, text: str, place: str) -> None:
    """The one line says where to look."""
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(WrongFileError) as caught:
        read_catalogue(path)

    assert str(path) in str(caught.value)
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.spec("RTR-23")
def test_the_committed_schema_is_that_of_the_reader() -> None:
    """An editor that follows it and the router that reads the file agree; the catalogue names it."""
    committed = CATALOGUE.with_name("catalogue.schema.json")
    assert json.loads(committed.read_text()) == catalogue_schema()
    assert CATALOGUE.read_text().startswith(f"# yaml-language-server: $schema={committed.name}\n")


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    """No field beyond the known, and every model with its price."""
    model = catalogue_schema()["$defs"]["_Model"]
    assert model["additionalProperties"] is False
    assert {"name", "provider", "tier", "context_tokens", "output_micro_usd_per_million"} <= set(model["required"])


def test_what_a_catalogue_leaves_out_is_unknown_not_nothing(tmp_path: Path) -> None:
    """Quality and speed have middling guesses; what is declared is taken as it is."""
    path = tmp_path / "models.yaml"
    path.write_text(f"models:\n{MODEL}{MODEL.replace('name: a', 'name: b')}  quality: 0.9\n  first_token_ms: 250\n")
    unknown, known = read_catalogue(path).models
    assert (unknown.quality, unknown.first_token_s) == (0.5, 1.0)
    assert (known.quality, known.first_token_s) == (0.9, 0.25)


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    """Return a folder in which general/analysis has two versions side by side."""
    shutil.copytree(TEMPLATES, tmp_path, dirs_exist_ok=True)
    first = tmp_path / "general" / "analysis.1.yaml"
    second = first.with_name("analysis.2.yaml")
    second.write_text(first.read_text().replace("version: 1", "version: 2").replace("one or two", "three"))
    return tmp_path


@pytest.mark.spec("ENG-26")
@pytest.mark.parametrize(("versions", "chosen"), [({}, 2), ({"general/analysis": 1}, 1), ({"market/analysis": 1}, 2)])
def test_versions_lie_side_by_side_and_one_may_be_pinned(
    two_versions: Path, versions: dict[str, int], chosen: int
) -> None:
    """The newest counts unless another is pinned; each has its own hash."""
    templates = read_templates(two_versions)
    counts = newest(pinned(templates, versions), Domain.GENERAL, Task.ANALYSIS)
    assert counts.id == f"general/analysis@{chosen}"
    assert len({template.sha256 for template in templates}) == len(templates) == 10


@pytest.mark.spec("ENG-26")
def test_a_version_that_is_not_there_cannot_be_pinned(two_versions: Path) -> None:
    """The line names the file that is missing."""
    with pytest.raises(WrongFileError, match=r"general/analysis\.3\.yaml"):
        pinned(read_templates(two_versions), {"general/analysis": 3})


def test_a_catalogue_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The operating system's word for it is in the line."""
    with pytest.raises(WrongFileError, match="No such file"):
        read_catalogue(tmp_path / "none.yaml")


@pytest.mark.spec("ENG-26")
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("$question", "$answer"), "user must name"),
        (("version: 1", "version: 2"), "does not fit the file's name"),
        (("temperature", "heat"), "temperature: Field required"),
    ],
)
def test_a_wrong_template_is_refused(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    """A template that would lose the question, or lie about its version, is never used."""
    shutil.copytree(TEMPLATES, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "general" / "analysis.1.yaml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(WrongFileError, match=fault):
        read_templates(tmp_path)


def test_a_missing_template_is_refused(tmp_path: Path) -> None:
    """Each domain and task must have one."""
    shutil.copytree(TEMPLATES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "market" / "reasoning.1.yaml").unlink()
    with pytest.raises(WrongFileError, match=r"market/reasoning\.1\.yaml"):
        read_templates(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROVIDERS", "local,nobody"),
        ("PROVIDERS", "local,local"),
        ("PROVIDERS", ","),
        ("MODELS", "smollm2-135m"),
        ("MODELS", "nobody=x"),
        ("STRATEGY", "magic"),
        ("TEMPLATES", "general/analysis"),
        ("TEMPLATES", "general/analysis=0"),
        ("VOTERS", "1"),
        ("EXPLORE_SHARE", "0.6"),
        ("HEDGE_DELAY_S", "0"),
        ("MAX_REQUEST_MICRO_USD", "0.5"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    """The line names the variable and its value."""
    monkeypatch.setenv(f"MAGISTRATE_ROUTER_{name}", value)
    with pytest.raises(SystemExit) as stopped:
        load(Config)
    lines = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert len(lines) == 1
    assert f"MAGISTRATE_ROUTER_{name}={value}" in lines[0]
    if name == "STRATEGY":
        assert "configured, domain, cost, speed, quality, adaptive" in lines[0]


def test_order_and_models_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around commas do not matter."""
    monkeypatch.setenv("MAGISTRATE_ROUTER_PROVIDERS", "openai, local")
    monkeypatch.setenv("MAGISTRATE_ROUTER_MODELS", "local=qwen2.5-coder-1.5b, openai=gpt-4")
    config = load(Config)
    assert config.order == ("openai", "local")
    assert config.preferred_models == {"local": "qwen2.5-coder-1.5b", "openai": "gpt-4"}
