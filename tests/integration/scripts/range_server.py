"""Serves one folder on a free loopback port, with byte ranges, and writes the port into PORT_FILE.

A file named `cut` in the folder holds a number of bytes: the next answer ends after so many bytes and
the file is removed. A file named `slow` makes each 4096 bytes take 50 ms. Each request's range is
appended to the file `requests`.
"""

import http.server
import os
import pathlib
import sys
import time

folder, port_file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range", "")
        with open(folder / "requests", "a") as requests:
            requests.write(f"{self.path} {wanted or 'all'}\n")
        path = folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if wanted and begin >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - begin))
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.send_body(data[begin:])

    def send_body(self, body):
        cut = folder / "cut"
        if cut.exists():
            body = body[: int(cut.read_text())]
            cut.unlink()
        for begin in range(0, len(body), 4096):
            try:
                self.wfile.write(body[begin : begin + 4096])
            except ConnectionError:  # the test killed the download
                return
            if (folder / "slow").exists():
                time.sleep(0.05)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port_file.with_suffix(".part").write_text(str(server.server_port))
os.replace(port_file.with_suffix(".part"), port_file)
server.serve_forever()
