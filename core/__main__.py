"""`python -m core`: the commands."""

from core.cli import main

if __name__ == "__main__":
    main()
