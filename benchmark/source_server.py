"""A server of photographs in a process of its own: pictures in memory, one thread per connection."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main(port: int, paths: list[str]) -> None:
    """Serves until it is stopped; says so on stdout when it listens."""
    pictures = [Path(path).read_bytes() for path in paths]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = "".join(character for character in self.path if character.isdigit()) or "0"
            body = pictures[int(number) % len(pictures)]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Silent: what is measured is the client."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
