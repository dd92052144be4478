import json

import openai
from pydantic import BaseModel

from checks import BASE, KEY, WEATHER, run

client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0)
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
HI = [{"role": "user", "content": "hi"}]


class Person(BaseModel):
    name: str
    age: int


def chat(model):
    answer = client.chat.completions.create(model=model, messages=HI)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


def stream(model):
    pieces = list(client.chat.completions.create(model=model, messages=HI, stream=True))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert len(text) > 10
    assert pieces[-1].choices[0].finish_reason == "stop"


def tools(model):
    first = client.chat.completions.create(model=model, messages=HI, tools=TOOLS)
    call = first.choices[0].message.tool_calls[0]
    assert "city" in json.loads(call.function.arguments)
    turns = [*HI, first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = client.chat.completions.create(model=model, messages=turns, tools=TOOLS)
    assert second.choices[0].message.content


def structured(model):
    answer = client.chat.completions.parse(model=model, messages=HI, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)


def refused(model):
    try:
        openai.OpenAI(base_url=f"{BASE}/v1", api_key="sk-never", max_retries=0).chat.completions.create(
            model=model, messages=HI
        )
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
        assert error.request_id
        return
    raise AssertionError("a wrong key was accepted")


run([chat, stream, tools, structured, refused])
