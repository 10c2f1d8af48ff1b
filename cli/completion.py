"""`admit completion`: the script by which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from .output import say

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete admit's commands and options.

    \b
    bash: admit completion bash > ~/.local/share/bash-completion/completions/admit
    zsh:  admit completion zsh > a folder of $fpath, as _admit
    fish: admit completion fish > ~/.config/fish/completions/admit.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    script = kind(ctx.find_root().command, {}, "admit", "_ADMIT_COMPLETE")
    # Past bash's own version check: the shell that reads it later need not be here.
    say(ShellComplete.source(script).rstrip())
