"""A wrong configuration stops the start with one line that says what to mend."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, model_validator

from services.chassis.config import SecretFile, Settings, load


class Config(Settings, env_prefix="MAGISTRATE_ROUTER_"):
    """A room's configuration, as small as it can be."""

    port: int = Field(default=7003, ge=1, le=65535)
    """Port to listen on."""
    mode: Literal["fast", "safe"] = "safe"
    """How to choose."""
    ratio: float = Field(default=0.5, gt=0)
    """Share of the budget."""
    key: SecretFile | None = None
    """The vendor's key."""
    name: str = Field(default="router", pattern="^[a-z]+$")
    """Own name."""
    order: tuple[str, ...] = ("local",)
    """Providers in order."""


class Needy(Settings, env_prefix="MAGISTRATE_NEEDY_"):
    """A configuration with a field that has no default."""

    model: str
    """Model to load."""


class Crossed(Settings, env_prefix="MAGISTRATE_CROSSED_"):
    """A configuration with a rule over two fields."""

    low: int = 1
    high: int = 0

    @model_validator(mode="after")
    def _ordered(self) -> "Crossed":
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


WRONG = [
    ("PORT", "abc", "a whole number at least 1 and at most 65535, for example 7003 (Port to listen on)"),
    ("PORT", "70000", "a whole number at least 1 and at most 65535, for example 7003 (Port to listen on)"),
    ("MODE", "quick", "one of fast, safe, for example safe (How to choose)"),
    ("RATIO", "0", "a number above 0, for example 0.5 (Share of the budget)"),
    ("KEY", "/no/such/file", "the path of a readable file (The vendor's key)"),
    ("ORDER", "local,openai", 'a JSON list, for example ["local"] (Providers in order)'),
    ("ORDER", "[1]", 'a JSON list, for example ["local"] (Providers in order)'),
    ("NAME", "R2", "a text of the form ^[a-z]+$, for example router (Own name)"),
]


@pytest.mark.parametrize(("field", "value", "right"), WRONG)
def test_one_line_names_field_value_and_what_is_right(
    field: str, value: str, right: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on standard output, one line on standard error."""
    monkeypatch.setenv(f"MAGISTRATE_ROUTER_{field}", value)
    with pytest.raises(SystemExit) as ended:
        load(Config)
    out, err = capsys.readouterr()

    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"magistrate: MAGISTRATE_ROUTER_{field}={value} is wrong: ")
    assert err.endswith(f"; right would be {right}\n")


def test_a_missing_value_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A field without a default says how to set it."""
    with pytest.raises(SystemExit):
        load(Needy)

    assert (
        capsys.readouterr().err
        == "magistrate: MAGISTRATE_NEEDY_MODEL is missing; right would be a text (Model to load)\n"
    )


def test_a_rule_over_several_fields_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no single variable is at fault, the rule is named."""
    monkeypatch.setenv("MAGISTRATE_CROSSED_LOW", "2")
    with pytest.raises(SystemExit):
        load(Crossed)

    assert capsys.readouterr().err == "magistrate: Crossed is wrong: low must not be above high\n"


def test_the_environment_may_hold_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of other services and empty ones change nothing."""
    monkeypatch.setenv("MAGISTRATE_ROUTER_UNHEARD_OF", "1")
    monkeypatch.setenv("MAGISTRATE_ROUTER_KEY", "")

    assert load(Config) == Config()


def test_settings_are_frozen() -> None:
    """Nobody changes a configuration after the start."""
    with pytest.raises(ValueError, match="frozen"):
        Config().port = 1


def test_secrets_print_redacted(tmp_path: Path) -> None:
    """Neither the secret nor its place is in any print of the configuration; reading drops the final newline only."""
    file = tmp_path / "key"
    file.write_text(" s3cret \n")
    config = Config(key=SecretFile(file))

    assert config.key is not None
    assert config.key.read() == " s3cret "
    for shown in (repr(config), str(config), str(config.describe())):
        assert "s3cret" not in shown
        assert str(file) not in shown
        assert "[redacted]" in shown
