"""For web applications in Python: who asks, and what they are answered when they may not.

`Callers` – in `fastapi` and `flask`, or `asgi` and `wsgi` for everything else – reads the access
token of a request and asks the engine. It adds no logic: a check is `engine.verify`,
`engine.sessions.user_of` or `engine.sessions.verify_fresh`. No framework is imported unless its
module is.
"""
