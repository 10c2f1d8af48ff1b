"""An exported application, in each of the three layouts that there were (wire-contract.md §7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from admit.errors import InvalidInput

from .expansions import ENVIRONMENTS, KNOWN_TEXT, Expansions, file_of
from .findings import Fields, Findings, Left, Problem, kind_of
from .trees import Tree, opened_tree, read_json

Layout = Literal["current", "v20210101", "legacy"]
_ROOTS: Final[tuple[tuple[str, Layout], ...]] = (
    ("root_config.json", "current"),
    ("realm_config.json", "v20210101"),
    ("config.json", "legacy"),
    ("stitch.json", "legacy"),
)
_ABOUT_THE_ROOT: Final = (
    "config_version", "deployment_model", "provider_region", "location", "jwt_mode",
)  # fmt: skip
"""Where and how the service ran it."""
_NAME: Final = re.compile(r"[\w.-]{1,128}")
_BESIDE: Final = (
    "data_sources/", "graphql/", "hosting/", "http_endpoints/", "log_forwarders/", "services/",
    "sync/", "rules/",
)  # fmt: skip
"""Parts of an application that are no part of accounts."""


@attrs.frozen(kw_only=True)
class ExportedTrigger:
    """A trigger on log-ins, new users or deletions."""

    name: str
    operations: tuple[str, ...]
    function: str
    disabled: bool


@attrs.frozen(kw_only=True)
class ExportedValue:
    """A value that functions read: one of the application, or a secret's."""

    name: str
    secret: str | None
    """The name of the secret that it is; None: it is a plain one."""


@attrs.frozen(kw_only=True)
class Exported:
    """What the export of an application says of accounts."""

    layout: Layout
    app_id: str | None
    """The client app id; the current layout does not have it."""
    internal_id: str | None = None
    group_id: str | None = None
    name: str = ""
    environment: str = ""
    allowed_origins: tuple[str, ...] = ()
    providers: tuple[object, ...] = ()
    """The provider objects, as they stand there; `provider_settings` reads them."""
    custom_user_data: Mapping[str, Any] = attrs.field(factory=dict)
    functions: tuple[str, ...] = ()
    triggers: tuple[ExportedTrigger, ...] = ()
    values: tuple[ExportedValue, ...] = ()
    secret_values: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Of a legacy folder that has a `secrets.json`, written by hand: name → value."""
    left: tuple[Left, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_exported(path: Path, *, environment: str | None = None) -> Exported:
    """Return what the folder or zip file at *path* says.

    Wrong values are noted in `problems`, so that all of them are told at once.

    Args:
        environment: whose values stand for `%(%%environment.values.…)`; None: the one that the
            application names itself.

    Raises:
        InvalidInput: it is no exported application, or a file in it cannot be read; the file is
            named. *environment* is none of App Services'.
    """
    if environment is not None and environment not in ENVIRONMENTS:
        raise InvalidInput("environment", f"must be one of {KNOWN_TEXT}.")
    with opened_tree(path) as tree:
        return _Reading(tree, environment).done()


class _Reading:
    """One export while it is read."""

    def __init__(self, tree: Tree, environment: str | None) -> None:
        self._tree = tree
        self._found = Findings()
        self._layout: Layout
        self._root, self._layout = self._root_file()
        self._names = sorted(tree.names)
        root = self._object(self._root, expand=False)
        self._environment = root.text("environment") if environment is None else environment
        file = file_of(self._environment)
        given = read_json(tree, file) if file in tree.names else {}
        values = Fields(file, given, self._found).inner("values").rest()
        self._expansions = Expansions(self._environment, values, self._found)
        if self._environment not in ENVIRONMENTS:
            self._found.problem(root.name("environment"), f"must be one of {KNOWN_TEXT}.")

    def done(self) -> Exported:
        """Return what all files say."""
        root = self._object(self._root)
        origins = root.texts("allowed_request_origins")
        custom_data = self._object_if_there("auth/custom_user_data.json")
        if self._layout == "legacy":
            origins = (*origins, *root.inner("security").texts("allowed_request_origins"))
            custom_data = root.inner("custom_user_data_config").rest()
        app_id = root.text("app_id", most=128)
        if app_id and not _NAME.fullmatch(app_id):
            self._found.problem(root.name("app_id"), "is no client app id.")
        meta = Fields(".mdb/app_meta.json", self._json_if_there(".mdb/app_meta.json"), self._found)
        name = root.text("name", most=255)
        root.text("environment")
        self._leave_the_rest(root)
        return Exported(
            layout=self._layout,
            app_id=app_id or None,
            internal_id=self._hex_id(meta, "app_id"),
            group_id=self._hex_id(meta, "group_id"),
            name=name,
            environment=self._environment,
            allowed_origins=origins,
            providers=tuple(self._providers()),
            custom_user_data=custom_data,
            functions=tuple(self._functions()),
            triggers=tuple(self._triggers()),
            values=tuple(self._plain_values()),
            secret_values=self._secret_values(),
            left=tuple(self._found.left),
            problems=tuple(self._found.problems),
        )

    # --- files -----------------------------------------------------------------------------------

    def _root_file(self) -> tuple[str, Layout]:
        for name, layout in _ROOTS:
            if name in self._tree.names:
                return name, layout
        raise InvalidInput(
            "path",
            "is no exported application: it has no root_config.json, realm_config.json, "
            "config.json or stitch.json.",
            "Name the folder that has it.",
        )

    def _json(self, name: str, *, expand: bool = True) -> Any:
        found = read_json(self._tree, name)
        return self._expansions.of(found, name) if expand else found

    def _json_if_there(self, name: str) -> Any:
        return self._json(name) if name in self._tree.names else None

    def _object(self, name: str, *, expand: bool = True) -> Fields:
        return Fields(name, self._json(name, expand=expand), self._found)

    def _object_if_there(self, name: str) -> Mapping[str, Any]:
        return Fields(name, self._json_if_there(name), self._found).rest()

    def _in(self, folder: str) -> list[str]:
        """Return the JSON files right in *folder*."""
        return [
            name
            for name in self._names
            if name.startswith(f"{folder}/") and name.endswith(".json") and name.count("/") == 1
        ]

    def _hex_id(self, meta: Fields, name: str) -> str | None:
        text = meta.text(name, most=64)
        if text and not re.fullmatch(r"[0-9a-f]{24}", text):
            self._found.problem(meta.name(name), "must be 24 hex digits.")
        return text or None

    # --- what there is ---------------------------------------------------------------------------

    def _providers(self) -> Iterator[object]:
        if self._layout == "legacy":
            for name in self._in("auth_providers"):
                yield self._json(name)
            return
        listed = self._json_if_there("auth/providers.json")
        where = "auth/providers.json"
        for kind, given in Fields(where, listed, self._found).rest().items():
            if not isinstance(given, Mapping):
                self._found.problem(f"{where}.{kind}", f"must be an object, not {kind_of(given)}.")
            elif given.get("type", kind) != kind:
                self._found.problem(f"{where}.{kind}.type", f"must be {kind!r:.80}.")
            else:
                yield {**given, "type": kind}

    def _functions(self) -> Iterator[str]:
        found: set[str] = set()
        if self._layout == "legacy":
            pattern = re.compile(r"functions/(.+)/source\.js")
        else:
            pattern = re.compile(r"functions/((?!node_modules/).+)\.js")
            for at, one in enumerate(self._functions_listed()):
                fields = Fields(f"functions/config.json[{at}]", one, self._found)
                found.add(fields.text("name", most=255))
        found |= {match[1] for name in self._names if (match := pattern.fullmatch(name))}
        yield from sorted(name for name in found if name)

    def _functions_listed(self) -> list[Any]:
        listed = self._json_if_there("functions/config.json")
        if listed is None or isinstance(listed, list):
            return listed or []
        self._found.problem("functions/config.json", f"must be an array, not {kind_of(listed)}.")
        return []

    def _triggers(self) -> Iterator[ExportedTrigger]:
        for file in self._in("triggers"):
            fields = self._object(file)
            if fields.text("type", most=64) != "AUTHENTICATION":
                continue
            processor = fields.inner("event_processors").inner("FUNCTION").inner("config")
            yield ExportedTrigger(
                name=fields.text("name", most=255) or Path(file).stem,
                operations=fields.inner("config").texts("operation_type"),
                function=fields.text("function_name", most=255)
                or processor.text("function_name", most=255),
                disabled=fields.truth("disabled"),
            )

    def _plain_values(self) -> Iterator[ExportedValue]:
        for file in self._in("values"):
            fields = self._object(file)
            secret = fields.text("value", most=255) if fields.truth("from_secret") else None
            yield ExportedValue(
                name=fields.text("name", most=255) or Path(file).stem, secret=secret
            )

    def _secret_values(self) -> Mapping[str, str]:
        """Return what `secrets.json` holds: names with texts, or the keys of providers, by the
        provider and the field. (No export has one; tools let people write it.)"""
        given = self._json("secrets.json", expand=False) if "secrets.json" in self._names else {}
        fields = Fields("secrets.json", given, self._found)
        of_providers = fields.inner("auth_providers").rest()
        fields.inner("services")
        found: dict[str, str] = {}
        for name, value in fields.rest().items():
            if isinstance(value, str):
                found[name] = value
            else:
                self._found.problem(fields.name(name), f"must be text, not {kind_of(value)}.")
        for kind, given in of_providers.items():
            for name, value in Fields(f"secrets.json.{kind}", given, self._found).rest().items():
                texts = value if isinstance(value, list) else [value]
                for at, text in enumerate(text for text in texts if isinstance(text, str)):
                    found[f"{kind}.{name}[{at}]"] = text
        return found

    def _leave_the_rest(self, root: Fields) -> None:
        for name in root.rest():
            if name not in _ABOUT_THE_ROOT:
                self._found.leave(root.name(name), "is not known here.")
        for folder in _BESIDE:
            if any(name.startswith(folder) for name in self._names):
                self._found.leave(folder, "is no part of accounts.")
