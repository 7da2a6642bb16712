"""The program `shoal`: every way in which it can end becomes an exit code.

0 done   1 the data or the model is bad   2 the call is bad   130 interrupted   143 terminated
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    >>> main(["--version"])
    shoal 0.2.0
    0
    """
    try:
        from shoal.cli.endings import BAD_CALL, bad_call, exit_code, not_written
        from shoal.cli.signals import raised
    except KeyboardInterrupt:  # Ctrl-C before anything was begun
        return 130
    given = list(sys.argv[1:] if arguments is None else arguments)
    with raised(for_good=arguments is None), _streams():
        try:
            from shoal.lazily import WithoutPandas

            if arguments is None:  # the process is the program's own
                sys.meta_path.insert(0, WithoutPandas)
            from shoal.cli.app import app

            code = app(given or ["--help"], prog_name="shoal", standalone_mode=False) or 0
            return int(code) if given else BAD_CALL
        except KeyboardInterrupt as interruption:
            return exit_code(interruption)
        except OSError as error:  # of --help: a command handles its own
            return not_written(error)
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own, of a call that is bad
                raise
            return bad_call(error)


@contextmanager
def _streams() -> Iterator[None]:
    """Make any text printable; afterwards ignore that a reader has closed standard output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # Python would print an error of its own when it exits
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
