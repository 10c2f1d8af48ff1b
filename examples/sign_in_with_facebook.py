"""Log in with Facebook: an access token of an app's SDK, of which Facebook says whose it is."""

from __future__ import annotations

import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import admit
from admit.errors import WrongCredentials

ANSWERS = {
    "/debug_token?input_token=EAAB-ada": {
        "data": {"app_id": "1234567890", "type": "USER", "is_valid": True, "user_id": "1815"}
    },
    "/debug_token?input_token=EAAB-of-another-app": {
        "data": {"app_id": "666", "type": "USER", "is_valid": True, "user_id": "1815"}
    },
    "/me": {"id": "1815", "name": "Ada Lovelace", "email": "ada@example.com"},
}
"""What Facebook would say."""


class Graph(BaseHTTPRequestHandler):
    """Stands in Facebook's place."""

    def do_GET(self) -> None:
        content = next(a for path, a in ANSWERS.items() if f"{self.path}&".startswith(path))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Graph) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = {
            "oauth2-facebook.enabled": True,
            "oauth2-facebook.client_id": "1234567890",
            "oauth2-facebook.client_secret": "the app secret",
            # Leave it out for the real one.
            "oauth2-facebook.graph_url": f"http://127.0.0.1:{server.server_port}",
        }
        with admit.open(folder / "users.json", settings=settings) as engine:
            ada = engine.log_in("oauth2-facebook", access_token="EAAB-ada").user
            print("logged in:", ada.state, ada.identities[0].data["name"])
            print("address proved:", ada.address is not None and ada.address.proved_at is not None)
            try:
                engine.log_in("oauth2-facebook", access_token="EAAB-of-another-app")
            except WrongCredentials as refused:
                print("a token for another app:", refused.code)
        server.shutdown()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
