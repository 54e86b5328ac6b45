"""Flask's generator as an event stream, and, at /html, with the type that Flask gives it. python3 flask_app.py PORT"""
import sys
import time

from flask import Flask, Response

app = Flask(__name__)


def stream():
    for i in range(3):
        yield f"data: {i}\n\n"
        time.sleep(0.01)
    time.sleep(3600)


@app.route("/events")
def events():
    return Response(stream(), mimetype="text/event-stream")


@app.route("/html")
def html():
    return Response(stream())


app.run(port=int(sys.argv[1]), threaded=True)
