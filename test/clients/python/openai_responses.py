import json

import openai
from pydantic import BaseModel

from checks import BASE, KEY, WEATHER, run

client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0)
TOOLS = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]


class Person(BaseModel):
    name: str
    age: int


def answer(model):
    response = client.responses.create(model=model, input="hi")
    assert response.output_text
    assert response.usage.output_tokens > 0


def stream(model):
    with client.responses.stream(model=model, input="hi") as events:
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert text == events.get_final_response().output_text != ""


def tools(model):
    first = client.responses.create(model=model, input="hi", tools=TOOLS, store=False)
    call = next(item for item in first.output if item.type == "function_call")
    assert "city" in json.loads(call.arguments)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    turns = [{"role": "user", "content": "hi"}, *first.output, result]
    second = client.responses.create(model=model, input=turns, tools=TOOLS, store=False)
    assert second.output_text


def structured(model):
    response = client.responses.parse(model=model, input="hi", text_format=Person)
    assert isinstance(response.output_parsed, Person)


run([answer, stream, tools, structured])
