"""`services.render`: a folder overrides a package's templates, in a sandbox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

import pytest
from plugin_services import MakeServices

from admit.errors import InvalidSetting, PluginFailed


class Render(Protocol):
    """Render a template whose text is given."""

    def __call__(self, text: str, name: str = "mine.txt.j2", **values: object) -> str: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "templates"
    path.mkdir()
    return path


@pytest.fixture
def render(make_services: MakeServices, folder: Path) -> Render:
    """Render a template whose text is given, from the folder of the setting `templates`."""
    services = make_services({"templates": folder})

    def render(text: str, name: str = "mine.txt.j2", **values: object) -> str:
        (folder / name).write_text(text)
        return services.render(name, values, package="admit.plugins")

    return render


def failure(render: Render, text: str, name: str = "mine.txt.j2", **values: object) -> PluginFailed:
    with pytest.raises(PluginFailed) as raised:
        render(text, name, **values)
    return raised.value


def test_values_are_escaped_in_html_only(render: Render) -> None:
    """
    Given a value with markup,
    when it is rendered,
    then it is escaped in `.html.j2` and untouched in `.txt.j2`.
    """
    assert "&lt;b&gt;" == render("{{ x }}", "mine.html.j2", x="<b>")
    assert "<b>" == render("{{ x }}", "mine.txt.j2", x="<b>")


def test_a_changed_template_is_read_again(render: Render) -> None:
    """
    Given a template that was rendered before,
    when its file changes,
    then the next message is made from the new one.
    """
    assert "old" == render("old")
    assert "newer" == render("newer")


def test_a_missing_value_names_template_and_line(render: Render) -> None:
    """
    Given a template that names a value that is not there,
    when it is rendered,
    then the error names the template, the line and the value.
    """
    error = failure(render, "fine\n{{ first_name }}")

    assert "the template 'mine.txt.j2', line 2: 'first_name' is undefined." == error.what
    assert "admit.plugins" == error.plugin


def test_a_syntax_error_names_template_and_line(render: Render) -> None:
    """
    Given a template with a mistake in its syntax,
    when it is rendered,
    then the error names the template and the line.
    """
    assert failure(render, "fine\n{% if %}").what.startswith("the template 'mine.txt.j2', line 2: ")


def test_t3_an_error_quotes_no_value(render: Render) -> None:
    """
    Given a template that does to the link what cannot be done,
    when it is rendered,
    then the error names the place and the kind, neither the value nor a cause that has it.
    """
    for text, kind in (("{{ link + 1 }}", "TypeError"), ("{{ {}[link] }}", "UndefinedError")):
        error = failure(render, text, link="token=0123")

        assert f"the template 'mine.txt.j2', line 1: {kind}." == error.what
        assert error.__cause__ is None
        assert error.__suppress_context__


def test_a_template_that_does_not_exist_is_named(
    make_services: MakeServices, render: Render
) -> None:
    """
    Given the name of a template that exists nowhere,
    when it is rendered or included,
    then the error names it.
    """
    with pytest.raises(PluginFailed, match=r"'nowhere\.txt\.j2' does not exist"):
        make_services().render("nowhere.txt.j2", {}, package="admit.plugins")
    assert "'part.j2' does not exist" in failure(render, "{% include 'part.j2' %}").what


def test_n6_a_template_cannot_leave_its_folder(render: Render, folder: Path) -> None:
    """
    Given a file beside the folder,
    when a template includes it by way of `..`,
    then there is no such template.
    """
    (folder.parent / "secret.txt").write_text("secret")

    assert "does not exist" in failure(render, "{% include '../secret.txt' %}").what


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ values.clear() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% for i in range(10000000) %}x{% endfor %}",
    ],
)
def test_n6_a_template_is_kept_in_its_sandbox(render: Render, text: str) -> None:
    """
    Given a template that reaches for Python's inside, changes a value or counts without end,
    when it is rendered,
    then that is an error that names it.
    """
    assert "mine.txt.j2" in failure(render, text, values={"a": 1}).what


def test_n6_what_a_template_gives_is_limited(render: Render) -> None:
    """
    Given a template that gives more than any message needs,
    when it is rendered,
    then that is an error that names it and the limit.
    """
    text = "{% for i in range(2000) %}" + "x" * 1000 + "{% endfor %}"

    assert (
        "the template 'mine.txt.j2' gives more than 1000000 characters."
        == failure(render, text).what
    )


def test_a_folder_that_does_not_exist_is_named(make_services: MakeServices, tmp_path: Path) -> None:
    """
    Given a setting `templates` that names no folder,
    when a template is rendered,
    then the setting is named, rather than the built-in template used in silence.
    """
    services = make_services({"templates": tmp_path / "nowhere"})

    with pytest.raises(InvalidSetting) as raised:
        services.render("confirm.txt.j2", {}, package="admit.plugins")

    assert "templates" == raised.value.field


@pytest.mark.parametrize("package", ["json", "no_such_package_anywhere"])
def test_a_package_without_templates_is_named(make_services: MakeServices, package: str) -> None:
    """
    Given a package that has no templates, or does not exist,
    when one of them is rendered,
    then the error names the package.
    """
    with pytest.raises(PluginFailed) as raised:
        make_services().render("confirm.txt.j2", {}, package=package)

    assert package == raised.value.plugin


def test_a_package_without_templates_may_have_them_in_the_folder(
    make_services: MakeServices, folder: Path
) -> None:
    """
    Given a package that has no templates,
    when the folder of the setting has the one that is asked for,
    then that is used.
    """
    (folder / "mine.txt.j2").write_text("mine")

    services = make_services({"templates": folder})

    assert "mine" == services.render("mine.txt.j2", {}, package="json")


def test_a_strangers_package_has_its_own_templates(
    make_services: MakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a package of somebody else with a folder `templates`,
    when one of them is rendered,
    then it is found there.
    """
    package = tmp_path / "strangers_plugin_of_this_test"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "templates" / "hello.txt.j2").write_text("Hello {{ name }}")
    monkeypatch.syspath_prepend(tmp_path)

    text = make_services().render("hello.txt.j2", {"name": "Ada"}, package=package.name)

    assert "Hello Ada" == text
    sys.modules.pop(package.name, None)
