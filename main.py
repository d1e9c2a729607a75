"""BluLend's command line: `python3 main.py --help` lists what it can do.

Nothing has to be installed first. `bootstrap` prepares the virtual environment
and continues this same command inside it.
"""

import bootstrap

if __name__ == "__main__":
    bootstrap.continue_in_environment()

    from cli.command_line import main

    raise SystemExit(main())
