from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from checks import BASE, KEY, run


class Person(BaseModel):
    name: str
    age: int


def served(model):
    """Each of its models, with its name."""
    openai = OpenAIProvider(base_url=f"{BASE}/v1", api_key=KEY)
    return {
        "responses": OpenAIResponsesModel(model, provider=openai),
        "chat": OpenAIChatModel(model, provider=openai),
        "messages": AnthropicModel(model, provider=AnthropicProvider(api_key=KEY, base_url=BASE)),
        "gemini": GoogleModel(model, provider=GoogleProvider(api_key=KEY, base_url=BASE)),
    }


async def each(model, act):
    wrong = []
    for name, one in served(model).items():
        try:
            await act(one)
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{name}: {type(error).__name__} {error}")
    assert not wrong, "; ".join(wrong)


async def answer(model):
    async def act(one):
        assert (await Agent(one).run("hi")).output

    await each(model, act)


async def stream(model):
    async def act(one):
        async with Agent(one).run_stream("hi") as result:
            assert "".join([piece async for piece in result.stream_text(delta=True)])

    await each(model, act)


async def tools(model):
    async def act(one):
        calls = []
        agent = Agent(one)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """The weather of a city."""
            calls.append(city)
            return "sunny"

        assert (await agent.run("hi")).output
        assert calls

    await each(model, act)


async def structured(model):
    async def act(one):
        assert isinstance((await Agent(one, output_type=Person).run("hi")).output, Person)

    await each(model, act)


run([answer, stream, tools, structured])
