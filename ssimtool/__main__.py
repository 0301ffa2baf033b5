"""Entry point of `python -m ssimtool`."""

from ssimtool.cli import main

if __name__ == "__main__":
    main()
