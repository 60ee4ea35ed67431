"""The command line: ``python -m sirstgen``."""

from sirstgen.cli import main

if __name__ == "__main__":
    main()
