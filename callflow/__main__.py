"""`python -m callflow` is `rufweiche`."""

from callflow.cli import main

main()
