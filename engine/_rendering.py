"""Templates: Jinja2 in its sandbox, from a folder that overrides a package's own."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import InvalidSetting, PluginFailed

if TYPE_CHECKING:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LARGEST_CHARACTERS: Final = 1_000_000
"""Ten times what the largest mail programs show before they cut (security.md N6)."""

_NAMES_A_VARIABLE: Final = re.compile(r"'[A-Za-z_]{1,50}' is undefined")


class Rendering:
    """Renders templates, and keeps those it compiled. Safe to use from any thread."""

    def __init__(self) -> None:
        # Two threads may make the same environment; the second replaces an equal one.
        self._environments: dict[tuple[str, Path | None], ImmutableSandboxedEnvironment] = {}

    def render(
        self, template: str, values: Mapping[str, object], *, package: str, folder: Path | None
    ) -> str:
        """Return *template* filled with *values*.

        It is looked for in *folder*, then in the folder `templates` of *package*; each may extend
        or include the other's. Values are escaped in `.html.j2`. A value that is not there is an
        error, and the sandbox keeps templates from reaching Python's inside.

        Raises:
            PluginFailed: it does not exist or breaks; it is named, no value is quoted.
            InvalidSetting: *folder* does not exist.
        """
        import jinja2

        try:
            found = self._environment(package, folder).get_template(template)
            return _limited(found, values, package)
        except jinja2.TemplateNotFound as error:
            what = f"the template {str(error)!r} does not exist."
            raise PluginFailed(package, "render", what) from None
        except jinja2.TemplateSyntaxError as error:
            where = f"the template {error.name!r}, line {error.lineno}"
            raise PluginFailed(package, "render", f"{where}: {error.message}.") from None
        except (PluginFailed, InvalidSetting):
            raise
        except Exception as error:
            # Most messages quote values, and there is a token among them: neither the message nor
            # the cause goes on, unless it names a variable alone.
            because = (
                str(error) if _NAMES_A_VARIABLE.fullmatch(str(error)) else type(error).__name__
            )
            what = f"the template {_place(error) or repr(template)}: {because}."
            raise PluginFailed(package, "render", what) from None

    def _environment(self, package: str, folder: Path | None) -> ImmutableSandboxedEnvironment:
        if folder is not None and not folder.is_dir():
            raise InvalidSetting("templates", "is no folder.", "Make it, or remove the setting.")
        known = self._environments.get((package, folder))
        if known is None:
            known = self._environments[package, folder] = _new_environment(package, folder)
        return known


def _new_environment(package: str, folder: Path | None) -> ImmutableSandboxedEnvironment:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    loaders: list[jinja2.BaseLoader] = []
    if folder is not None:
        loaders.append(jinja2.FileSystemLoader(folder))
    try:
        loaders.append(jinja2.PackageLoader(package))
    except (ValueError, ImportError):
        if folder is None:
            what = "the package has no folder named templates."
            raise PluginFailed(package, "render", what) from None
    return ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader(loaders),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _limited(template: jinja2.Template, values: Mapping[str, object], package: str) -> str:
    pieces, characters = [], 0
    for piece in template.generate(values):
        characters += len(piece)
        if characters > LARGEST_CHARACTERS:
            what = (
                f"the template {template.name!r} gives more than {LARGEST_CHARACTERS} characters."
            )
            raise PluginFailed(package, "render", what)
        pieces.append(piece)
    return "".join(pieces)


def _place(error: BaseException) -> str | None:
    """Name the template and line that *error* comes from: Jinja2 puts them into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    last = next((f for f in reversed(frames) if f.filename.endswith(".j2")), None)
    return None if last is None else f"{Path(last.filename).name!r}, line {last.lineno}"
