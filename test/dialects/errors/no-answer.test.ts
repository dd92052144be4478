import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOrJsonWith, isError, jsonWith } from '../../../src/dialects/errors/no-answer.js';

const json = 'application/json';

test('an answer is an object with a usual member, or one that tells of no error', () => {
  const isAnswer = jsonWith('choices');
  for (const text of [
    '{"id":"x","choices":[{"message":{"content":"a"}}]}',
    '\ufeff \r\n\t{ "choices" : [] } \r\n\t',
    '{"error":null,"message":"a server adds it","choices":[{}]}',
    '{"a":null,"b":false}',
    '{"message":"hello","model":"m"}',
    ...['{}', '{"ok":true}', '{"status":"ok"}', '{"code":0,"status":"fine"}', '{"hello":1}'],
  ]) {
    for (const type of [json, undefined, 'text/plain']) {
      assert.equal(isAnswer(Buffer.from(text), type), true, text);
    }
  }
  for (const text of [
    ...['', ' \n', '\ufeff', 'null', '[]', ' [ ] ', '{"a":1 "b"}'],
    '{"detail":[{"loc":["body","choices"],"msg":"\\"choices\\": [] is needed"}]}',
    ...[
      '{"message":"Not Found","data":null}',
      '{"msg":"no","code":7}',
      '{"errors":[]}',
      '{"fault":{}}',
    ],
    ...['{"Message":"x","ERROR_CODE":4}', '{"title":"x","status":404}', '{"choices": null,"id":1}'],
    ...['{"success":false,"a":1}', '{"exception":"x"}', '{"traceback":"x"}', '{"details":"x"}'],
  ]) {
    for (const type of [json, undefined, 'text/plain']) {
      assert.equal(isAnswer(Buffer.from(text), type), false, text);
    }
  }
});

test('a body that is called JSON is one object, and any other is no web page', () => {
  const isAnswer = jsonWith('choices');
  const whole = '{"choices":[{"message":{"content":"a"}}]}';
  for (const text of [
    ...['"choices"', '1', 'true', '[{"choices":[]}]', 'no healthy upstream', '<html></html>'],
    ...[whole.slice(0, -1), whole.slice(0, -5), `data: ${whole}\n\n`, '{"id":"x'],
  ]) {
    for (const type of [json, 'Application/JSON; charset=utf-8', 'application/problem+json']) {
      assert.equal(isAnswer(Buffer.from(text), type), false, text);
    }
    assert.equal(isAnswer(Buffer.from(text), 'application/octet-stream'), true, text);
    assert.equal(isAnswer(Buffer.from(text), undefined), true, text);
  }
  assert.equal(isAnswer(Buffer.from(' <html>'), 'Text/HTML; charset=utf-8'), false);
  assert.equal(isAnswer(Buffer.from('hello'), 'text/html'), true);
});

test('some answers may be lists, but not empty ones', () => {
  const isAnswer = jsonWith('results|data', true);
  for (const [text, expected] of [
    ['[{"index":0,"score":1}]', true],
    ['{"data":[]}', true],
    ['[]', false],
    ['[{"detail":"no"}]', false],
    ['[null]', false],
    ['[{"data":[]}', false],
    ['{"data":[]]', false],
  ] as const) {
    assert.equal(isAnswer(Buffer.from(text), json), expected, text);
  }
});

test('an answer of bytes is judged by its type', () => {
  const isAnswer = bytesOrJsonWith('text', true);
  for (const [text, type, expected] of [
    ['\0\xff', 'audio/mpeg', true],
    ['{"detail":"by chance"}', 'audio/pcm', true],
    ['', 'audio/mpeg', false],
    ['', undefined, false],
    ['', 'text/plain; charset=utf-8', true],
    ['1\n', 'Text/VTT', true],
    ['{"text":""}', json, true],
    ['"hello"', 'Application/JSON; charset=utf-8', true],
    ['{"detail":"no"}', json, false],
    ['null', json, false],
    ['', json, false],
    ['\n<html>', 'text/html', false],
    ['<html>', 'application/xhtml+xml', false],
    ['hello', 'text/html', true],
    ['<html>', 'text/plain', true],
  ] as const) {
    assert.equal(isAnswer(Buffer.from(text, 'latin1'), type), expected, `${type}: ${text}`);
  }
});

test('JSON text is an answer only where some servers write one', () => {
  assert.equal(bytesOrJsonWith('audio')(Buffer.from('"hello"'), json), false);
});

test('events that no dialect has are told from errors in another form', () => {
  for (const value of [null, undefined, [], { detail: 'no' }, { error_code: 1, data: [] }]) {
    assert.equal(isError(value), true, JSON.stringify(value));
  }
  for (const value of [1, 'x', false, {}, { type: 'x' }, { x: 1, success: true }]) {
    assert.equal(isError(value), false, JSON.stringify(value));
  }
});
