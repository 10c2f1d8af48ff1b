"""`python -m admit.cli`: the `admit` command where its script is not on the path."""

from . import main

main(prog_name="admit")
