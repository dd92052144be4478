from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from checks import BASE, KEY, run


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


def both(model, act):
    for use_responses_api in (False, True):
        act(
            ChatOpenAI(
                model=model,
                base_url=f"{BASE}/v1",
                api_key=KEY,
                max_retries=0,
                use_responses_api=use_responses_api,
            )
        )


def answer(model):
    def act(llm):
        assert llm.invoke("hi").text

    both(model, act)


def stream(model):
    def act(llm):
        assert "".join(piece.text for piece in llm.stream("hi"))

    both(model, act)


def tools(model):
    def act(llm):
        bound = llm.bind_tools([get_weather])
        first = bound.invoke([HumanMessage("hi")])
        call = first.tool_calls[0]
        assert "city" in call["args"]
        result = ToolMessage("sunny", tool_call_id=call["id"])
        assert bound.invoke([HumanMessage("hi"), first, result]).text

    both(model, act)


def structured(model):
    def act(llm):
        assert isinstance(llm.with_structured_output(Person).invoke("hi"), Person)

    both(model, act)


run([answer, stream, tools, structured])
