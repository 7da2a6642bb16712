"""`written_out.py` is what the tests of coded columns and of sparse rows share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
