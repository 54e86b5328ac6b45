"""A FastAPI backend under uvicorn: python3 fastapi_app.py PORT EVENTS-FILE"""
import asyncio
import sys

import uvicorn
from fastapi import FastAPI, Header
from fastapi.responses import StreamingResponse

from store import Store, framed

app = FastAPI()
store = Store(sys.argv[2])
changed = asyncio.Condition()


@app.post("/events", status_code=204)
async def add(event: dict):
    store.append(event)
    async with changed:
        changed.notify_all()


async def follow(after):
    while True:
        async with changed:
            await changed.wait_for(lambda: len(store.events) > after)
        for event in store.events[after:]:
            after = event["id"]
            yield framed(event)


@app.get("/events")
async def events(last_event_id: int = Header(0)):
    return StreamingResponse(follow(last_event_id), media_type="text/event-stream")


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
