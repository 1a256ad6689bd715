"""Start of the keeper by file path: name the packages around this file without running them, then hand over to `server.main`.

Under `-I -S` nothing of Holdfast is on the path, and nothing but this package shall be: so `holdfast` and `holdfast.host` become empty
packages that only say where their parts lie.
"""

from __future__ import annotations

import os
import sys

if not __package__:
    here = os.path.dirname(os.path.abspath(__file__))
    for name, folder in (("holdfast", os.path.dirname(os.path.dirname(here))), ("holdfast.host", os.path.dirname(here))):
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package

from holdfast.host.keeper.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
