"""An LLM's HTTP interface with FastAPI under uvicorn: python3 llm_app.py PORT FILE

Whoever posts {"prompt": …} gets it back as `tokens` tokens, each with its number: as Server-Sent Events that end with
[DONE], or line by line. `hold`: after so many it waits for POST /go; `breaks_after`: so many, and the connection is
gone; `is_numbered`: events have ids, and the request may be repeated with Last-Event-ID; `status`: that instead of an
answer; `is_silent`: not even a head. What it was asked, and how each answer ended, is in FILE, line by line.

An answer ends when its connection does. It asks for that itself: uvicorn 0.32.0 (Debian 13) announces version 2.4 of
ASGI's HTTP, in which send() fails once the client has gone, but does nothing then, and Starlette relies on it.
"""
import asyncio
import json
import os
import sys

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

app = FastAPI()
going = asyncio.Event()


class Ask(BaseModel):
    prompt: str
    tokens: int = 20
    hold: int = -1
    breaks_after: int = -1
    is_numbered: bool = False
    status: int = 200
    is_silent: bool = False


def note(**fact):
    with open(sys.argv[2], "a") as file:
        file.write(json.dumps(fact) + "\n")


async def tokens(ask, request, after=0):
    end = "broken"
    try:
        for n in range(after + 1, ask.tokens + 1):
            if n == ask.hold + 1:
                await going.wait()
            if n == ask.breaks_after + 1 and after == 0:
                raise ConnectionError
            if await request.is_disconnected():
                return
            yield n, {"token": f"{n}:{ask.prompt}"}
            await asyncio.sleep(0.001)
        end = "complete"
    finally:
        note(end=end, prompt=ask.prompt)


async def events(ask, request, after):
    yield ": welcome\n\n"
    async for n, token in tokens(ask, request, after):
        if ask.is_numbered:
            yield f"id: {n}\n"
        yield f"data: {json.dumps(token)}\n\n"
    yield "data: [DONE]\n\n"


async def lines(ask, request):
    async for _, token in tokens(ask, request):
        yield json.dumps({**token, "done": False}) + "\n"
    yield '{"done": true}\n'


async def answer(ask, content, media_type):
    if ask.is_silent:
        await asyncio.sleep(3600)
    if ask.status != 200:
        return JSONResponse({"error": "no"}, ask.status)
    return StreamingResponse(content, media_type=media_type)


@app.post("/answer")
async def answer_events(ask: Ask, request: Request, last_event_id: int = Header(0)):
    note(asked=ask.prompt, type=request.headers["content-type"], after=last_event_id)
    return await answer(ask, events(ask, request, last_event_id), "text/event-stream")


@app.post("/lines")
async def answer_lines(ask: Ask, request: Request):
    note(asked=ask.prompt)
    return await answer(ask, lines(ask, request), "application/x-ndjson")


@app.post("/text")
async def answer_text(request: Request):
    """Whatever is posted is the prompt."""
    ask = Ask(prompt=(await request.body()).decode())
    note(asked=ask.prompt, type=request.headers.get("content-type"))
    return await answer(ask, events(ask, request, 0), "text/event-stream")


@app.post("/go", status_code=204)
async def go():
    going.set()


@app.post("/die")
async def die():
    os._exit(1)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
