from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

from checks import BASE, KEY, run

set_tracing_disabled(True)
CALLS = []


class Person(BaseModel):
    name: str
    age: int


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    CALLS.append(city)
    return "sunny"


def agent(model, **more):
    client = AsyncOpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0)
    served = OpenAIResponsesModel(model=model, openai_client=client)
    return Agent(name="a", model=served, model_settings=ModelSettings(), **more)


async def answer(model):
    assert (await Runner.run(agent(model), "hi")).final_output


async def stream(model):
    result = Runner.run_streamed(agent(model), "hi")
    kinds = [event.type async for event in result.stream_events()]
    assert "raw_response_event" in kinds
    assert result.final_output


async def tools(model):
    CALLS.clear()
    result = await Runner.run(agent(model, tools=[get_weather]), "hi")
    assert CALLS
    assert result.final_output


async def structured(model):
    result = await Runner.run(agent(model, output_type=Person), "hi")
    assert isinstance(result.final_output, Person)


run([answer, stream, tools, structured])
