"""The house rules."""

import pytest

from tools.check import house


@pytest.mark.parametrize("host", ["pypi" + ".org", "files.pythonhosted" + ".org", "registry.npmjs" + ".org"])
def test_registry_addresses_are_found(host: str) -> None:
    """The address of a package registry in any text is reported."""
    assert list(house.of_text(f"index = https://{host}/simple"))


def test_paths_of_machines_are_found() -> None:
    """Somebody's home folder in any text is reported."""
    assert list(house.of_text("cd /" + "home/jo/magistrate"))


@pytest.mark.parametrize("mark", ["<" * 7 + " HEAD", ">" * 7 + " other"])
def test_open_merge_conflicts_are_found(mark: str) -> None:
    """Marks that a merge left behind are reported, in any kind of file."""
    assert list(house.of_text(f"one\n{mark}\ntwo"))


def test_ordinary_text_passes() -> None:
    """Ordinary text has nothing to report."""
    assert list(house.of_text("Install with make up; see https://grpc.io.")) == []


@pytest.mark.parametrize("name", ["services/router/utils.py", "helper.py", "tools/common.py", "a/base.py"])
def test_names_that_say_nothing(name: str) -> None:
    """A file that is named for nothing in particular is reported."""
    assert list(house.of_python(name, ""))


@pytest.mark.spec("RTR-21")
def test_long_files_and_functions() -> None:
    """501 lines, or a function of 61, are too long."""
    assert list(house.of_python("core.py", "x = 1\n" * 501))
    assert list(house.of_python("core.py", "def f():\n" + "    x = 1\n" * 61))
    assert list(house.of_python("core.py", "def f():\n" + "    x = 1\n" * 60)) == []
