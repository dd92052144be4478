import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesOrJsonWith,
  isErrorOrEmpty,
  jsonWith,
} from '../../../src/dialects/errors/no-answer.js';

const json = 'application/json';

test('an answer is an object with a usual member, or one that tells of no error', () => {
  const isAnswer = jsonWith('choices');
  for (const text of [
    '{"id":"x","choices":[{"message":{"content":"a"}}]}',
    '\ufeff \r\n\t{ "choices" : [] } \r\n\t',
    '{"error":null,"message":"a server adds it","choices":[{}]}',
    '{"hello":1}',
    '{"a":null,"b":false}',
    '{"success":true,"status":"done","result":1}',
    '{"message":"hello","model":"m"}',
    ...['{"ok":true}', '{"status":"ok"}', '{"code":0,"status":"fine"}'],
  ]) {
    assert.equal(isAnswer(Buffer.from(text), json), true, text);
  }
  for (const text of [
    ...['', ' \n', '\ufeff', 'null', '[]', '{}', '[{"choices":[]}]', '"choices"', '1', 'true'],
    ...['{"choices":[{"message":{"content":"a', '{"choices":[{"a":1}]', '{"id":"x', '{"a":1 "b"}'],
    ...['no healthy upstream', '<html></html>', '{"choices":null}', '{"choices": null, "a":null}'],
    '{"detail":[{"loc":["body","choices"],"msg":"\\"choices\\": [] is needed"}]}',
    ...[
      '{"message":"Not Found"}',
      '{"msg":"no","code":7}',
      '{"errors":[]}',
      '{"Message":null,"ERROR_CODE":4}',
    ],
    ...[
      '{"success":false,"a":1}',

      '{"title":"x","status":404}',
    ],
    ...['{"fault":{}}', '{"exception":"x"}', '{"traceback":"x"}', '{"details":"x"}', '{"err":1}'],
  ]) {
    assert.equal(isAnswer(Buffer.from(text), json), false, text);
  }
});

test('some answers may be lists, but not empty ones', () => {
  const isAnswer = jsonWith('results|data', true);
  for (const [text, expected] of [
    ['[{"index":0,"score":1}]', true],
    ['{"data":[]}', true],
    ['[]', false],
    ['[{"detail":"no"}]', false],
    ['[null,{}]', false],
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
  for (const value of [null, undefined, [], {}, { detail: 'no' }, { error_code: 1, data: [] }]) {
    assert.equal(isErrorOrEmpty(value), true, JSON.stringify(value));
  }
  for (const value of [1, 'x', false, { type: 'x' }, { x: 1, success: true }]) {
    assert.equal(isErrorOrEmpty(value), false, JSON.stringify(value));
  }
});
