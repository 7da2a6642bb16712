"""`pinned.py` is what the tests of fits and of files share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
