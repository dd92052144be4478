import anthropic

from checks import BASE, KEY, WEATHER, run

client = anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0)
TOOLS = [{"name": "get_weather", "description": "Weather", "input_schema": WEATHER}]
HI = [{"role": "user", "content": "hi"}]


def message(model):
    answer = client.messages.create(model=model, max_tokens=1000, messages=HI)
    assert answer.content[0].text
    assert answer.usage.output_tokens > 0
    assert answer._request_id


def stream(model):
    with client.messages.stream(model=model, max_tokens=1000, messages=HI) as events:
        text = "".join(events.text_stream)
        assert text
        assert events.get_final_message().stop_reason == "end_turn"


def tools(model):
    first = client.messages.create(model=model, max_tokens=1000, messages=HI, tools=TOOLS)
    call = next(block for block in first.content if block.type == "tool_use")
    assert "city" in call.input
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(model=model, max_tokens=1000, messages=turns, tools=TOOLS)
    assert second.content[0].text


def refused(model):
    try:
        anthropic.Anthropic(base_url=BASE, api_key="sk-never", max_retries=0).messages.create(
            model=model, max_tokens=10, messages=HI
        )
    except anthropic.AuthenticationError as error:
        assert error.body["error"]["type"] == "authentication_error"
        return
    raise AssertionError("a wrong key was accepted")


def models(model):
    assert model in [each.id for each in client.models.list(limit=100)]


run([message, stream, tools, refused, models])
