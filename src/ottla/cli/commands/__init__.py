"""One module a subcommand: its arguments, its help, and how its answer looks."""
