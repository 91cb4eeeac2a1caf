"""The server process: connections, requests, answers, and the requests that wait.

A request's way: `listener` accepts, `connection` finds frames in `receive`'s memory, `routes` knows from a frame's first bytes who
decodes, handles and encodes it, a function in `handlers/` asks the rooms below and fills a response, `sending` reads what
the response left in files. What can't be answered yet is a `Pending`; `delayed` and `fetch_sessions` hold those of the data
path, `coordinator_shell` those of coordinators. `server` puts the rooms together and starts them, `process` is the command around it.

The room holds no rule of Kafka's that another room could hold, and never waits on the loop: files and decompression go to
`threads`. Start with `dispatch`, then `connection`.
"""
