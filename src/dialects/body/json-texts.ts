/**
 * The texts of a JSON body with their places, so that a part of one can be replaced while all other
 * bytes stay unchanged. Everything counts as text unless known otherwise: a forgotten field would
 * let texts bypass the checks.
 */

export interface JsonText {
  /** Path, such as `messages[0].content`. */
  at: string;
  /** The last name in the path. */
  name: string;
  /** Place in the body, with the quotes. */
  start: number;
  end: number;
  text: string;
  /**
   * `json`: the text is itself JSON, such as the arguments of a tool call. `name` and `number`: a
   * member's name, or a number, within values chosen by a client or model, such as those arguments.
   */
  kind: 'text' | 'json' | 'name' | 'number';
}

/** Members that define how the rest is read, or refer to something. */
const identifiers = new Set([
  ...['type', 'role', 'id', 'object', 'model', 'event', 'status', 'format', 'detail', 'effort'],
  ...['tool_call_id', 'tool_use_id', 'call_id', 'item_id', 'response_id', 'previous_response_id'],
  ...['file_id', 'container', 'conversation', 'index', 'encoding_format', 'service_tier'],
  ...['finish_reason', 'finishReason', 'stop_reason', 'system_fingerprint', 'modelVersion'],
  ...['media_type', 'mimeType', 'mime_type', 'responseId', 'fileUri', 'phase'],
]);
const identifier = /^[\w.:/@+-]{1,256}$/;

/** Members with encoded, signed or encrypted values. */
const binaries = new Set([
  ...['data', 'b64_json', 'file_data', 'signature', 'encrypted_content', 'url', 'image_url'],
  ...['thoughtSignature', 'thought_signature', 'partial_image_b64', 'audio', 'obfuscation'],
]);
const minBinaryLength = 64;
const base64 = /^(?:data:[\w.+-]+\/[\w.+-]+(?:;[\w.=+-]+)*;base64,)?[A-Za-z0-9+/_-]+={0,2}$/;

/** Members whose text is JSON. */
const jsonNames = new Set(['arguments', 'partial_json']);

/** Shorter numbers do not identify a person. */
const minDigits = 9;

interface Frame {
  isArray: boolean;
  /** True if everything in it was chosen by a client or a model. */
  isFree: boolean;
  at: string;
  name: string;
  index: number;
}

const quote = 0x22;
const backslash = 0x5c;

/**
 * The texts of a body, in order.
 * @throws SyntaxError where it is not JSON.
 */
export function textsIn(body: Buffer): JsonText[] {
  JSON.parse(body.toString('utf8'));
  const found: JsonText[] = [];
  const stack: Frame[] = [];
  let frame: Frame = { isArray: true, isFree: false, at: '', name: '', index: -1 };
  let expectsName = false;
  for (let place = 0; place < body.length; ) {
    const byte = body[place] as number;
    if (byte === quote) {
      const end = endOfString(body, place);
      if (expectsName) {
        frame.name = stringAt(body, place, end);
        if (frame.isFree) add(place, end, frame.name, 'name');
        expectsName = false;
      } else if (!isBinary(body, place, end, frame.name)) {
        const text = stringAt(body, place, end);
        if (text !== '' && (frame.isFree || !isIdentifier(frame.name, text))) {
          add(place, end, text, jsonNames.has(frame.name) ? 'json' : 'text');
        }
      }
      place = end;
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) {
      const isArray = byte === 0x5b;
      const isFree = frame.isFree || (!isArray && isFreeObject(frame, stack));
      stack.push(frame);
      frame = { isArray, isFree, at: pathOf(frame), name: isArray ? frame.name : '', index: 0 };
      expectsName = !isArray;
    } else if (byte === 0x7d || byte === 0x5d) {
      frame = stack.pop() ?? frame;
      expectsName = false;
    } else if (byte === 0x2c) {
      if (frame.isArray) frame.index++;
      else expectsName = true;
    } else if (frame.isFree && (byte === 0x2d || (byte >= 0x30 && byte <= 0x39))) {
      const end = endOfNumber(body, place);
      const text = body.toString('latin1', place, end);
      if (text.replace(/\D/g, '').length >= minDigits) add(place, end, text, 'number');
      place = end;
      continue;
    }
    place++;
  }
  return found;

  function add(start: number, end: number, text: string, kind: JsonText['kind']): void {
    found.push({ at: pathOf(frame), name: frame.name, start, end, text, kind });
  }
}

function pathOf({ isArray, at, name, index }: Frame): string {
  if (isArray) return index < 0 ? '' : `${at}[${index}]`;
  return at === '' ? name : `${at}.${name}`;
}

/** Tool arguments and results that are objects, and a key owner's metadata of a request. */
function isFreeObject({ name, isArray }: Frame, stack: readonly Frame[]): boolean {
  if (isArray) return false;
  if (name === 'input' || name === 'args' || name === 'metadata') return true;
  const parent = stack.at(-1)?.name ?? '';
  return name === 'response' && /^function_?response$/i.test(parent);
}

function isIdentifier(name: string, text: string): boolean {
  return identifiers.has(name) && identifier.test(text);
}

function isBinary(body: Buffer, start: number, end: number, name: string): boolean {
  if (end - start < minBinaryLength || !binaries.has(name)) return false;
  return base64.test(body.toString('latin1', start + 1, end - 1).replaceAll('\\/', '/'));
}

function stringAt(body: Buffer, start: number, end: number): string {
  return JSON.parse(body.toString('utf8', start, end));
}

/** Position after the closing quote. */
function endOfString(body: Buffer, start: number): number {
  for (let from = start + 1; ; ) {
    const end = body.indexOf(quote, from);
    if (end < 0) return body.length;
    let slashes = 0;
    while (body[end - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return end + 1;
    from = end + 1;
  }
}

function endOfNumber(body: Buffer, start: number): number {
  let end = start + 1;
  while (end < body.length && /[\d.eE+-]/.test(String.fromCharCode(body[end] as number))) end++;
  return end;
}

/**
 * Maps each UTF-16 unit of a string, and its end, to a place in the body, so that a replacement
 * preserves the escapes of the rest.
 * @param start of the string, at its opening quote.
 */
export function placesIn(body: Buffer, { start, text }: JsonText): Int32Array {
  const places = new Int32Array(text.length + 1);
  let place = start + 1;
  for (let unit = 0; unit < text.length; unit++) {
    places[unit] = place;
    const byte = body[place] as number;
    if (byte === backslash) place += body[place + 1] === 0x75 ? 6 : 2;
    else if (byte < 0x80) place++;
    else if (byte < 0xe0) place += 2;
    else if (byte < 0xf0) place += 3;
    else {
      place += 4;
      // Both halves of a pair map to the same four bytes.
      unit++;
      places[unit] = place;
    }
  }
  places[text.length] = place;
  return places;
}
