import json

import litellm

from checks import BASE, KEY, WEATHER, run

litellm.suppress_debug_info = True
HI = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]


def ways(model):
    return [
        {"model": f"openai/{model}", "api_base": f"{BASE}/v1", "api_key": KEY, "num_retries": 0},
        {"model": f"anthropic/{model}", "api_base": BASE, "api_key": KEY, "max_tokens": 500},
    ]


def answer(model):
    for way in ways(model):
        assert litellm.completion(messages=HI, **way).choices[0].message.content


def stream(model):
    for way in ways(model):
        pieces = litellm.completion(messages=HI, stream=True, **way)
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces)


def tools(model):
    for way in ways(model):
        first = litellm.completion(messages=HI, tools=TOOLS, **way).choices[0].message
        call = first.tool_calls[0]
        assert "city" in json.loads(call.function.arguments)
        turns = [*HI, first, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        assert litellm.completion(messages=turns, tools=TOOLS, **way).choices[0].message.content


def structured(model):
    schema = {"name": "person", "strict": True, "schema": WEATHER}
    for way in ways(model)[:1]:
        answer = litellm.completion(
            messages=HI, response_format={"type": "json_schema", "json_schema": schema}, **way
        )
        assert "city" in json.loads(answer.choices[0].message.content)


run([answer, stream, tools, structured])
