"""`python -m services.storage.provenance OPERATOR`: a key and certificates for C2PA, as PEM.

For operators without a certificate that others trust, who run several replicas: all of them need
the same.
"""

from __future__ import annotations

import argparse
import sys

from services.storage.provenance.credentials import made_credentials


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m services.storage.provenance")
    parser.add_argument("operator", help="whose certificate it is")
    sys.stdout.write(made_credentials(parser.parse_args().operator).decode())


if __name__ == "__main__":
    main()
