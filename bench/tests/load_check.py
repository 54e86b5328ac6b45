"""Holds tg-load against servers that lie: TG_LOAD=build/tg-load python3 bench/tests/load_check.py"""

import unittest

from load_checks.checking import Checking  # noqa: F401
from load_checks.ends import Ends  # noqa: F401
from load_checks.http2 import Http2  # noqa: F401
from load_checks.others import Others  # noqa: F401
from load_checks.parsing import Parsing  # noqa: F401
from load_checks.progress import Progress  # noqa: F401

if __name__ == "__main__":
    unittest.main()
