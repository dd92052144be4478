from google import genai
from google.genai import types
from pydantic import BaseModel

from checks import BASE, KEY, WEATHER, run

client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=BASE))
SCHEMA = {name: value for name, value in WEATHER.items() if name != "additionalProperties"}
TOOLS = types.GenerateContentConfig(
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)
            ]
        )
    ],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


class Person(BaseModel):
    name: str
    age: int


def content(model):
    answer = client.models.generate_content(model=model, contents="hi")
    assert answer.text
    assert answer.usage_metadata.candidates_token_count > 0


def stream(model):
    pieces = list(client.models.generate_content_stream(model=model, contents="hi"))
    assert "".join(piece.text or "" for piece in pieces)


def tools(model):
    first = client.models.generate_content(model=model, contents="hi", config=TOOLS)
    call = first.function_calls[0]
    assert "city" in call.args
    result = types.Part(
        function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"})
    )
    turns = [
        types.Content(role="user", parts=[types.Part(text="hi")]),
        first.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    assert client.models.generate_content(model=model, contents=turns, config=TOOLS).text


def structured(model):
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_schema=Person
    )
    answer = client.models.generate_content(model=model, contents="hi", config=config)
    assert isinstance(answer.parsed, Person)


def models(model):
    names = [each.name for each in client.models.list(config={"page_size": 1})]
    assert f"models/{model}" in names


run([content, stream, tools, structured, models])
