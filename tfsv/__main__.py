"""`python -m tfsv` does what `tfsv` does."""

from tfsv.commands.main import main

if __name__ == "__main__":
    main()
