"""`python -m cli` is the console script."""

from cli.main import main

main()
