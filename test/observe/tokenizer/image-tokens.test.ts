import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageSize } from '../../../src/observe/tokenizer/image-size.js';
import { imageTokens } from '../../../src/observe/tokenizer/image-tokens.js';

/** The first bytes of an image of each format, 640 wide and 480 high. */
const images: Record<string, Buffer> = {
  png: bytes('89504e470d0a1a0a0000000d49484452', '00000280', '000001e0', '0802000000'),
  gif: bytes('474946383961', '8002', 'e001', 'f70000'),
  jpeg: bytes('ffd8', 'ffe000104a46494600010100000100010000', 'ffffc20011080', '1e00280', '030122'),
  'webp, lossy': bytes('52494646000000005745425056503820', '00000000000000', '9d012a', '8002e001'),
  'webp, lossless': bytes(
    '5249464600000000574542505650384c',
    '000000002f',
    littleEndian((640 - 1) | ((480 - 1) << 14)),
    '0000000000',
  ),
  'webp, extended': bytes(
    '52494646000000005745425056503858',
    '0a00000000000000',
    '7f0200',
    'df0100',
  ),
};

for (const [format, image] of Object.entries(images)) {
  test(`the size of an image is read from its bytes (${format})`, () => {
    assert.deepEqual(imageSize(dataUrl(image)), { width: 640, height: 480 });
    for (let end = 0; end < image.length; end++) {
      const size = imageSize(dataUrl(image.subarray(0, end)));
      assert.ok(size === null || size.width === 640, `cut after ${end} bytes`);
    }
  });
}

test('a URL without image data has no known size', () => {
  for (const url of [
    'https://example.com/a.png',
    'data:image/png,abc',
    '',
    dataUrl(Buffer.alloc(99)),
  ]) {
    assert.equal(imageSize(url), null);
  }
});

test("tiles count as in OpenAI's examples", () => {
  const tokens = (width: number, height: number, model = 'gpt-4o', detail = 'high') =>
    imageTokens({ url: dataUrl(png(width, height)), detail }, model);
  assert.equal(tokens(1024, 1024), 765);
  assert.equal(tokens(2048, 4096), 1105);
  assert.equal(tokens(4096, 8192, 'gpt-4o', 'low'), 85);
  assert.equal(tokens(512, 512), 255);
  assert.equal(tokens(1, 1), 255);
  assert.equal(tokens(100_000, 1), 85 + 4 * 170);
  assert.equal(tokens(512, 512, 'gpt-4o-mini'), 2833 + 5667);
  assert.equal(tokens(512, 512, 'o3'), 225);
  assert.equal(tokens(512, 512, 'gpt-5'), 210);
  assert.equal(tokens(512, 512, 'another'), 255);
});

function png(width: number, height: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  return Buffer.concat([bytes('89504e470d0a1a0a0000000d49484452'), size, bytes('0802000000')]);
}

function bytes(...hex: string[]): Buffer {
  return Buffer.from(hex.join(''), 'hex');
}

function littleEndian(value: number): string {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer.toString('hex');
}

function dataUrl(image: Buffer): string {
  return `data:image/any;base64,${image.toString('base64')}`;
}
