"""Who may do what, and how much of it.

So far: quotas. `quota_limits` says which limit holds for a client, `rates` what it has used lately, `client_quotas` what
follows from the two. Nothing here does I/O or looks at a clock: the broker measures, tells the time, and holds clients back.
"""
