import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesIn, textsIn } from '../../../src/dialects/body/json-texts.js';
import { edited } from '../../../src/dialects/head.js';

const told = (value: unknown) =>
  textsIn(Buffer.from(JSON.stringify(value))).map(({ at, text, kind }) => [at, text, kind]);

test('every text of a body is reported with its path, except format markers', () => {
  assert.deepEqual(
    told({
      model: 'gpt-4o',
      user: 'alice',
      messages: [
        { role: 'system', content: 'be kind' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'hi' },
            { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(80)}` },
          ],
        },
        {
          role: 'assistant',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":"b"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'done' },
      ],
      stop: ['END'],
    }),
    [
      ['user', 'alice', 'text'],
      ['messages[0].content', 'be kind', 'text'],
      ['messages[1].content[0].text', 'hi', 'text'],
      ['messages[2].tool_calls[0].function.name', 'f', 'text'],
      ['messages[2].tool_calls[0].function.arguments', '{"a":"b"}', 'json'],
      ['messages[3].content', 'done', 'text'],
      ['stop[0]', 'END', 'text'],
    ],
  );
});

test('values chosen by a client or model are reported with their names and long numbers', () => {
  assert.deepEqual(
    told({
      content: [
        {
          type: 'tool_use',
          id: 'x',
          name: 'pay',
          input: { id: '42 x', '4111 1': [4242424242424242, 7] },
        },
      ],
    }),
    [
      ['content[0].name', 'pay', 'text'],
      ['content[0].input.id', 'id', 'name'],
      ['content[0].input.id', '42 x', 'text'],
      ['content[0].input.4111 1', '4111 1', 'name'],
      ['content[0].input.4111 1[0]', '4242424242424242', 'number'],
    ],
  );
  assert.deepEqual(
    told({ parts: [{ functionResponse: { name: 'f', response: { role: 'admin' } } }] }),
    [
      ['parts[0].functionResponse.name', 'f', 'text'],
      ['parts[0].functionResponse.response.role', 'role', 'name'],
      ['parts[0].functionResponse.response.role', 'admin', 'text'],
    ],
  );
  // The items of a Responses request are no arguments.
  assert.deepEqual(told({ input: [{ type: 'message', role: 'user', content: 'hi' }] }), [
    ['input[0].content', 'hi', 'text'],
  ]);
});

test('a text in a field of identifiers is reported if it is not an identifier', () => {
  assert.deepEqual(told({ id: 'my secret text', type: 'x', model: 'a b' }), [
    ['id', 'my secret text', 'text'],
    ['model', 'a b', 'text'],
  ]);
  assert.deepEqual(
    told({
      data: 'plain words of a document that is long enough to be taken for base64, but is not',
    }).length,
    1,
  );
});

test('invalid JSON is refused', () => {
  for (const body of ['', '{', '{"a":}', '["x"', 'hi']) {
    assert.throws(() => textsIn(Buffer.from(body)), SyntaxError, body);
  }
  assert.deepEqual(
    textsIn(Buffer.from('"hi"')).map(({ text }) => text),
    ['hi'],
  );
});

test('the places of a text map to its bytes, with any escapes', () => {
  const body = Buffer.from('{"a":"x\\"\\u00e9é\\n电🙂\\ud83d\\ude42z"}');
  const [text] = textsIn(body);
  assert.ok(text);
  const places = placesIn(body, text);
  for (let from = 0; from <= text.text.length; from++) {
    for (let to = from; to <= text.text.length; to++) {
      const isHalf = [from, to].some((at) => {
        const before = text.text.charCodeAt(at - 1);
        return before >= 0xd800 && before < 0xdc00;
      });
      if (isHalf) continue;
      const edit = { start: places[from] ?? 0, end: places[to] ?? 0, bytes: Buffer.from('-') };
      const after = JSON.parse(edited(body, [edit]).toString());
      assert.equal(after.a, `${text.text.slice(0, from)}-${text.text.slice(to)}`);
    }
  }
});
