"""The command line: a thin skin over the library. Parse, call, print."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program `shoal` and return its exit code; see `shoal.cli.answers`.

    >>> main(["--version"])
    shoal 0.1.0
    0
    """
    try:
        from shoal.cli.answers import answered
    except KeyboardInterrupt:  # impatience, before anything was begun
        return 130
    return answered(arguments)
