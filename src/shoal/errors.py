"""What can go wrong, as a family.

    ShoalError
    ├── SettingError      (ValueError)   a parameter or an option asks for what cannot be
    │   └── MemoryRefused (MemoryError)  … because it would need more memory than there is
    ├── DataError         (ValueError)   a table, a column or an array is not fit for the job
    ├── ModelFileError    (ValueError)   a .shoal file is damaged, or from another world
    ├── FileError         (OSError)      a file cannot be read or written
    └── ClusterError      (RuntimeError) a cluster has no scheduler, no worker, or no memory

    ShoalWarning          (UserWarning)  the fit ended, but not as hoped

Every message says what was expected, what came, and what to do. The command line ends with
2 after a SettingError (the call is bad) and with 1 after all others (the data or model is).
"""


class ShoalError(Exception):
    """The parent of every error that shoal raises on purpose."""


class SettingError(ShoalError, ValueError):
    """A parameter or an option asks for what cannot be."""


class MemoryRefused(SettingError, MemoryError):
    """A setting would need more memory than there is; nothing was allocated."""


class DataError(ShoalError, ValueError):
    """A table, a column or an array is not fit for the job."""


class ModelFileError(ShoalError, ValueError):
    """A model file is damaged, or was written by something else."""


class FileError(ShoalError, OSError):
    """A file cannot be read or written."""


class ClusterError(ShoalError, RuntimeError):
    """A cluster cannot go on: no scheduler answers, no worker is there, or none has the memory."""


class ShoalWarning(UserWarning):
    """The fit ended, but not as hoped: the message says why and what to change."""
