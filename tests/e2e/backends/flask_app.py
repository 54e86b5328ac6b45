"""A Flask backend with four faces, one for each way to read its events: python3 flask_app.py PORT EVENTS-FILE"""
import gzip
import json
import sys

from flask import Flask, Response, abort, jsonify, request

from store import Store, framed

LATEST = 200

app = Flask(__name__)
store = Store(sys.argv[2])


@app.post("/events")
def add():
    store.append(request.get_json())
    return "", 204


# Server-Sent Events. The comment at once makes Flask send the answer's head before there is an event.
@app.get("/events")
def events():
    after = int(request.headers.get("Last-Event-ID", 0))

    def generate():
        yield ": welcome\n\n"
        for event in store.follow(after):
            yield framed(event) if event else ": still here\n\n"

    return Response(generate(), mimetype="text/event-stream")


# NDJSON: the latest events, then each new one.
@app.get("/lines")
def lines():
    def generate():
        yield "\n"
        for event in store.follow(max(0, len(store.events) - LATEST)):
            yield (json.dumps(event) if event else "") + "\n"

    return Response(generate(), mimetype="application/x-ndjson")


# The latest events, for who asks again and again. The list is long: it is only to be had compressed.
@app.get("/latest")
def latest():
    if "gzip" not in request.accept_encodings:
        abort(406)
    items = store.events[-LATEST:]
    if request.args.get("order") == "newest":
        items.reverse()
    response = Response(gzip.compress(json.dumps(items).encode()), mimetype="application/json")
    response.headers["Content-Encoding"] = "gzip"
    response.set_etag(str(len(store.events)))
    return response.make_conditional(request)


# The events since the one asked for, a page at a time.
@app.get("/changes")
def changes():
    since = request.args.get("since", 0, type=int)
    items = store.events[since:since + 50]
    return jsonify(items=items, next=since + len(items))


app.run(port=int(sys.argv[1]), threaded=True)
