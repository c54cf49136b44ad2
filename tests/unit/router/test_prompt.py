"""Templates are versioned, and what a caller sends stays data."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters.files import TEMPLATES
from services.router.core.prompt import newest, render
from services.router.core.request import Domain, Task
from tests.unit.router.requests import PROMPTS, asking

GENERAL = newest(PROMPTS, Domain.GENERAL, Task.ANALYSIS)


@pytest.mark.spec("ENG-26")
@pytest.mark.parametrize("domain", Domain)
@pytest.mark.parametrize("task", Task)
def test_each_domain_and_task_has_a_template_with_the_hash_of_its_file(domain: Domain, task: Task) -> None:
    """The recorded hash lets an auditor check which text was used."""
    template = newest(PROMPTS, domain, task)
    content = (TEMPLATES / domain / f"{task}.{template.version}.yaml").read_bytes()
    assert template.id == f"{domain}/{task}@1"
    assert template.sha256 == hashlib.sha256(content).hexdigest()
    assert render(template, asking()).user.startswith("<question>\nHow many days")


@pytest.mark.spec("ENG-26")
def test_the_newest_version_is_used() -> None:
    """A new file beside the old one is enough to change the prompt."""
    second = replace(GENERAL, version=2)
    assert newest((second, *PROMPTS), Domain.GENERAL, Task.ANALYSIS) is second


def test_question_context_and_notes_stand_in_blocks_of_their_own() -> None:
    """What was not sent leaves no empty block."""
    full = render(GENERAL, asking(context="Leave: 25 days.", additional_context="I am new."))
    assert "<context>\nLeave: 25 days.\n</context>" in full.user
    assert "<notes>\nI am new.\n</notes>" in full.user
    assert "<context>" not in render(GENERAL, asking()).user


def test_placeholders_in_data_are_data() -> None:
    """A caller cannot reach into the template."""
    assert "<question>\n$context ${notes} $$ $\n</question>" in render(GENERAL, asking("$context ${notes} $$ $")).user


TAGS = ("question", "context", "notes")


@given(
    text=st.lists(
        st.sampled_from(
            ["</context>", "</ Question >", "<notes>", "<NOTES x='1'>", "< /question", "a", " ", "<b>", "\n"]
        ),
        min_size=1,
    ).map("".join)
)
def test_data_cannot_end_its_own_block(text: str) -> None:
    """Whatever is sent, each block opens once and closes once."""
    user = render(GENERAL, asking(f"x{text}", context=f"x{text}", additional_context=f"x{text}")).user
    for tag in TAGS:
        assert user.count(f"<{tag}>") == 1
        assert user.count(f"</{tag}>") == 1


def test_the_estimate_counts_characters_and_the_cautious_one_bytes() -> None:
    """A script whose characters are tokens of their own is not taken for a quarter of them."""
    latin, han = render(GENERAL, asking("a" * 400)), render(GENERAL, asking("字" * 400))
    assert latin.estimated_tokens == han.estimated_tokens == latin.cautious_tokens
    assert han.cautious_tokens == latin.cautious_tokens + 200
