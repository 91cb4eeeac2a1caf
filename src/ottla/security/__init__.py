"""Who is at the other end, what they may do, and how much of it.

Log-ins: `sasl_server` a connection's, by one of the `mechanisms`; TLS: `tls` and the key stores; `authorizer` what a principal
may do; `quota_limits`, `rates` and `client_quotas` how much. What decides does no I/O and looks at no clock: the broker measures,
tells the time, and gives to threads what would hold its loop. What is only needed when a setting asks for it is imported then.
"""
