"""A catalogue or template that is wrong stops the start with one line that names file, place and fault."""

import shutil
from pathlib import Path

import pytest

from services.chassis.config import load
from services.router.adapters.files import CATALOGUE, TEMPLATES, WrongFileError, read_catalogue, read_templates
from services.router.config import Config
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


def test_order_and_models_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around commas do not matter."""
    monkeypatch.setenv("MAGISTRATE_ROUTER_PROVIDERS", "openai, local")
    monkeypatch.setenv("MAGISTRATE_ROUTER_MODELS", "local=qwen2.5-coder-1.5b, openai=gpt-4")
    config = load(Config)
    assert config.order == ("openai", "local")
    assert config.preferred_models == {"local": "qwen2.5-coder-1.5b", "openai": "gpt-4"}
