"""README.md is short and draws the lifecycle as it is; links on every page lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from admit.lifecycle import diagram

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of *page*."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_diagram_is_the_one_drawn_from_the_table() -> None:
    """What the README shows is what the engine does."""
    blocks = re.findall(
        r"^```mermaid\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )

    assert [diagram()] == blocks


def test_the_readme_fits_two_screens() -> None:
    """At most 120 lines, so that it is read."""
    assert len(README.read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that a link names."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert [] == broken
