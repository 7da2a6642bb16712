"""The command line: a thin skin over the library. Parse, call, print."""


def main() -> None:
    """Run the command `shoal`."""
    from shoal.cli.app import app

    app()
