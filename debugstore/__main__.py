"""`python -m debugstore` is the `debugstore` command."""

from debugstore_cli.main import main

main()
