"""The docs say what the code does."""

import functools
import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"


def generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def generated():
    return generator().pages()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "commands.md",
        "environment.md",
        "files.md",
        "recipes.md",
        "checklists.md",
        "film-codes.md",
        "rest.json",
    ],
)
def test_generated_pages_are_up_to_date(name):
    wanted = generated()[name]
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == wanted, "run: make docs"


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), README], ids=lambda p: p.name)
def test_every_link_of_the_docs_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_command_of_the_readme_exists():
    from carina.cli.app import app

    known = {command.name for command in (*app.registered_commands, *app.registered_groups)}
    named = set(re.findall(r"^carina (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= known


def test_every_room_and_noun_of_the_glossary_is_where_it_says():
    source = DOCS.parent / "src" / "carina"
    places = re.findall(r"`([a-z_]+(?:/[a-z_]+)?\.py)`", (DOCS / "glossary.md").read_text())
    assert len(places) > 20
    assert [place for place in places if not (source / place).is_file()] == []
