"""The HTTP server: the two APIs that existing App Services clients speak, and one of our own.

`app.make_app()` makes an ASGI application of opened engines; `admit serve` runs it. It adds no
logic: what a route does, the Python API can do.
"""
