"""The program ``sirstgen``: Ctrl-C is one line from the first moment on, also while modules are loaded."""

from __future__ import annotations

from sirstgen.terminal import end_on_interrupt


def main() -> None:
    """Run the command line."""
    end_on_interrupt()
    from sirstgen.cli import main as run

    run()


if __name__ == "__main__":
    main()
