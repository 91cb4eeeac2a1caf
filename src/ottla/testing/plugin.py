"""The pytest plugin that comes with the package: fixtures that hand a test a running broker.

pytest loads this module in every run of every project that has Ottla installed, used or not. So it imports nothing
of the package until a test asks for a fixture.
"""
