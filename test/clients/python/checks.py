"""Runs checks of one client against a gateway and prints a line for each: `ok NAME` or `failed NAME: WHY`."""

import asyncio
import inspect
import os
import sys
import traceback

BASE = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]
MODELS = os.environ["GATEWAY_MODELS"].split(",")

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def run(checks):
    """`checks` are functions of a model's name; each raises where something is wrong."""
    failed = 0
    for model in MODELS:
        for check in checks:
            name = f"{check.__name__} {model}"
            try:
                result = check(model)
                if inspect.isawaitable(result):
                    asyncio.run(as_coroutine(result))
                print(f"ok {name}", flush=True)
            except Exception as error:  # noqa: BLE001
                failed += 1
                why = " ".join(f"{type(error).__name__}: {error}".split())[:600]
                print(f"failed {name}: {why}", flush=True)
                if os.environ.get("GATEWAY_TRACE"):
                    traceback.print_exc()
    sys.exit(1 if failed else 0)


async def as_coroutine(awaitable):
    return await awaitable
