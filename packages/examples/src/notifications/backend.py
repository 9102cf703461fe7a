"""Notifications from a Python backend, by the standard library alone: tokens, publishing in two ways, and events.

It starts the gateway as well. Needs a Redis: HOLDFAST_REDIS, or one on this machine.
"""
import base64, hashlib, hmac, http.server, json, os, signal, socket, subprocess, sys, threading, time, urllib.parse
from urllib.request import Request, urlopen

PORT = os.environ.get("PORT", "3000")
GATEWAY = "http://127.0.0.1:" + os.environ.get("HOLDFAST_PORT", "8080")
ADMIN = "http://127.0.0.1:" + os.environ.get("HOLDFAST_ADMIN_PORT", "9080")
REDIS = os.environ.setdefault("HOLDFAST_REDIS", "redis://127.0.0.1:6379")
SECRET = json.load(open("holdfast.json"))["jwtSecret"].encode()


def token(user):
    """A token of HS256, good for ten minutes. A real application asks for a password before it gives one."""
    def encoded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": user, "exp": int(time.time()) + 600}]
    head = b".".join(encoded(json.dumps(part).encode()) for part in parts)
    return (head + b"." + encoded(hmac.new(SECRET, head, hashlib.sha256).digest())).decode()


def notify(user, data):
    """To every session of one user, by the admin API."""
    body = json.dumps({"user": user, "data": data}).encode()
    urlopen(Request(ADMIN + "/api/message", body, {"Content-Type": "application/json"}), timeout=5).close()


class Redis:
    """As much of the Redis protocol as a backend needs."""
    def __init__(self):
        url = urllib.parse.urlsplit(REDIS)
        self.stream = socket.create_connection((url.hostname, url.port or 6379)).makefile("rwb")

    def command(self, *words):
        self.stream.write(b"*%d\r\n" % len(words))
        for word in (str(each).encode() for each in words):
            self.stream.write(b"$%d\r\n%s\r\n" % (len(word), word))
        self.stream.flush()
        return self.reply()

    def reply(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"-" or kind == b"":
            raise RuntimeError("Redis: " + (rest.decode() or "the connection has ended"))
        return rest.decode()


def announce(data):
    """To every connection of every instance, by Redis."""
    return Redis().command("PUBLISH", "holdfast:broadcast", json.dumps(data))


def read_events():
    """Prints what clients do. docs/operations.md has a reader that also gets what came while it was down."""
    redis, last = Redis(), "$"
    while True:
        for _, entries in redis.command("XREAD", "BLOCK", 0, "STREAMS", "holdfast:events", last):
            for last, fields in entries:
                event = dict(zip(fields[::2], fields[1::2]))
                print("event:", event["event"], event.get("user", "-"), event.get("data", ""), flush=True)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/":
            self.answer(open("index.html").read().replace("GATEWAY", GATEWAY), "text/html; charset=utf-8")
        elif url.path == "/token":
            self.answer(token(query.get("name", "guest")))
        else:
            self.send_error(404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        notify(body["to"], body) if body["to"] else announce(body)
        self.answer("sent")

    def answer(self, text, content_type="text/plain"):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


threading.Thread(target=read_events, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(PORT)), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
origins = ",".join(f"http://{host}:{PORT}" for host in ("127.0.0.1", "localhost"))
gateway = subprocess.Popen(["holdfast", "start", "--config", "holdfast.json", "--origins", origins])
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda number, _: gateway.send_signal(number))
print(f"open http://127.0.0.1:{PORT}", flush=True)
sys.exit(gateway.wait())
