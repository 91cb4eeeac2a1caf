"""One thin module per family of APIs: read the request, ask a room, fill the response.

The head of each says which versions it serves and what each version brought. `registered` imports them all; what is not
registered is not announced.
"""
