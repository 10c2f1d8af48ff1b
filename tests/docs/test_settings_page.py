"""docs/settings.md has every setting of admit and its built-in plugins, as the code has it."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pytest

from admit import SettingInfo
from admit.providers import ProviderSettings
from admit.settings import SOURCES, fields, to_text
from admit.testing import MemoryStore
from admit.testing import open as open_engine

BUILT_IN = (
    *("anonymous", "api-key", "apple", "appservices", "auto", "console"),
    *("custom-function", "custom-token"),
    *("email", "facebook", "folder", "function", "google", "imported-hashes", "oidc"),
    *("password", "password-policy", "server", "smtp"),
)
OF_EACH_PROVIDER = frozenset(fields(ProviderSettings))
SHOWN_FOR = "local-userpass"
"""The page has the settings of each provider once, as they are of this one."""
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def built_in() -> tuple[SettingInfo, ...]:
    """Return the settings of an engine that has loaded what comes with admit."""
    with open_engine(MemoryStore(), discover=BUILT_IN) as engine:
        providers = {p for plugin in engine.plugins() for p in plugin.offers}
        return tuple(
            info
            for info in engine.settings.all()
            if f"provider {section_of(info)}" not in providers
            or section_of(info) == SHOWN_FOR
            or info.name.rpartition(".")[2] not in OF_EACH_PROVIDER
        )


def section_of(info: SettingInfo) -> str:
    """Return `email` for `email.subject`, nothing for the engine's own."""
    return info.name.rpartition(".")[0]


TABLES = {
    section: list(infos)
    for section, infos in groupby(sorted(built_in(), key=section_of), section_of)
}


def table(infos: list[SettingInfo]) -> str:
    """Return the settings of one section as the page shows them."""
    rows = ["| setting | default | bounds | where | what |", "|---|---|---|---|---|"]
    for info in infos:
        about = info.about
        bounds = " or ".join(about.choices or ())
        if about.minimum is not None or about.maximum is not None:
            least = "" if about.minimum is None else to_text(about.minimum)
            most = "" if about.maximum is None else to_text(about.maximum)
            bounds = f"{least} – {most}".strip()
        places = [place for place in SOURCES[1:] if place in about.where]
        where = "anywhere" if len(places) == len(SOURCES) - 1 else ", ".join(places)
        cells = (f"`{info.name}`", to_text(info.default), bounds, where, about.help)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("section", sorted(TABLES), ids=lambda section: section or "engine")
def test_the_page_has_the_table_of_each_section(section: str) -> None:
    """Names, defaults, bounds and places stand on the page as the code has them."""
    assert table(TABLES[section]) in PAGE.read_text("utf-8")


def test_the_page_has_no_setting_that_does_not_exist() -> None:
    """Nothing is left over from before."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert len(built_in()) == len(rows)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=60), "60 days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_duration_is_written_as_people_say_it(duration: timedelta, text: str) -> None:
    """One is singular, everything else is not."""
    assert text == to_text(duration)
