"""The command line: a thin layer over the library. Imports go down only.

main            the entry: signals, streams, exit codes
app             the commands as a caller sees them: arguments and help
commands        what each command does
report          the page of `shoal train --report`
refuse          calls that are refused before a table is read
split streaming columns writers     the rows of tables: training and test part, in and out
record scores   what a model file says of its training; how good predictions are
endings         how a command ends: its exit code, its last message
screen          what people see
typed           options in messages, and the command that repeats a training
signature       commands whose options are generated
options         every option, from `settings.FIELDS`; what a call asks for, as a value
signals         Ctrl-C, SIGTERM, SIGHUP
"""

from shoal.cli.main import main

__all__ = ["main"]
