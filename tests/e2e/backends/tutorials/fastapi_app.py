"""FastAPI's StreamingResponse without `media_type`: the answer has no Content-Type. python3 fastapi_app.py PORT"""
import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def event_generator():
    for i in range(3):
        yield f"data: {i}\n\n"
        await asyncio.sleep(0.01)
    await asyncio.sleep(3600)


@app.get("/events")
async def events():
    return StreamingResponse(event_generator())


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
