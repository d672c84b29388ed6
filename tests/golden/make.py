"""Make the golden files with the programs of others: ``python tests/golden/make.py [NAME...]``.

Each maker writes into a folder of its own, with ``versions.json`` beside the files. The files are committed, so that
tests need none of these programs; run this only to make new ones, and look at what changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from make_fasttext import make_fasttext  # noqa: E402
from make_floret import make_floret  # noqa: E402
from make_kenlm import make_kenlm  # noqa: E402
from make_lmplz import make_lmplz  # noqa: E402
from make_others import make_others  # noqa: E402

MAKERS = {
    "fasttext": make_fasttext,
    "floret": make_floret,
    "kenlm": make_kenlm,
    "lmplz": make_lmplz,
    "others": make_others,
}


def main(names: list[str]) -> None:
    """Run the makers named, or all."""
    for name in names or list(MAKERS):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        MAKERS[name](folder)
        print(f"{name}: {len(list(folder.iterdir()))} files")


if __name__ == "__main__":
    main(sys.argv[1:])
