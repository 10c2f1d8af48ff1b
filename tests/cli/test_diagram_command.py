"""`admit diagram`."""

from __future__ import annotations

from pathlib import Path

from cli_calls import Call

from admit.lifecycle import diagram


def test_diagram_prints_what_the_lifecycle_draws(call: Call) -> None:
    """The command adds nothing to the one drawing there is."""
    assert diagram() == call("diagram").stdout


def test_check_is_content_with_a_file_that_shows_the_diagram(call: Call, tmp_path: Path) -> None:
    """The text around it does not matter."""
    page = tmp_path / "README.md"
    page.write_text(f"# A page\n\n```mermaid\n{diagram()}```\n")

    result = call("diagram", "--check", str(page))

    assert (0, True) == (result.exit_code, "as it is" in result.stdout)


def test_check_fails_on_a_file_whose_diagram_is_stale(call: Call, tmp_path: Path) -> None:
    """
    Given a page with an arrow that the table no longer has,
    when it is checked,
    then the command fails, and says what to put there instead.
    """
    page = tmp_path / "README.md"
    page.write_text(diagram().replace("rerun", "again"))

    result = call("diagram", "--check", str(page))

    assert 1 == result.exit_code
    assert "admit diagram" in result.stderr


def test_check_of_a_file_that_is_not_there_is_a_usage_error(call: Call, tmp_path: Path) -> None:
    """A mistyped path is not a stale diagram."""
    assert 2 == call("diagram", "--check", str(tmp_path / "nothing.md")).exit_code
