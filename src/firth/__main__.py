"""``python -m firth``: the command line."""

import sys

from firth.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
