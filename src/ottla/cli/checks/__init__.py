"""What `ottla doctor` looks at: this machine, an address, a configuration file, log directories.

Each check answers findings; none changes anything, and none raises for what it finds.
"""
