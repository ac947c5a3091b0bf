"""The command ``laser``."""

import sys

from laser._laser import command


def main() -> None:
    """Runs the command with the arguments of this process, and ends the process with its exit code."""
    sys.exit(command(["laser", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
