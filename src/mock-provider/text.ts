/** The default answer: about 900 bytes of prose. */
export const defaultText =
  'This answer comes from the mock provider of llmproxy. No model wrote it, and no account paid ' +
  'for it. It has the length of a usual short answer, so that what you measure or try with it ' +
  'resembles the real thing: a paragraph or two, plain words, a few commas. Ask again and you ' +
  'get the same words, whatever you ask, because a test wants an answer that it can predict. ' +
  'Set the number of chunks and the interval between them to make a stream that is fast or slow; ' +
  'set a latency to stand for a model that thinks before it speaks; set a fail rate to see how ' +
  'a gateway moves to another provider when one of them is having a bad day. The usage that is ' +
  'reported counts four characters of the prompt as one token, and each chunk of the answer as ' +
  'another. Send tools and the first of them is called, with arguments that its schema allows. ' +
  'There is nothing more to say, so here it ends.';

/** The default text, repeated or cut to this many bytes (it is ASCII). */
export function textOfBytes(bytes: number): string {
  return defaultText.padEnd(bytes, ` ${defaultText}`).slice(0, bytes);
}

/**
 * Splits a text into `count` pieces of about equal length, between words where there are enough.
 * Joined they give the text, or its repetition where it is too short for `count` pieces.
 */
export function splitText(text: string, count: number): string[] {
  if (text === '') {
    return [''];
  }
  const words = text.match(/\s*\S+|\s+$/g) ?? [text];
  const units = words.length >= count ? words : [...text];
  while (units.length < count) {
    units.push(...units.slice(0, count - units.length));
  }
  return Array.from({ length: count }, (_, index) =>
    units
      .slice(
        Math.floor((index * units.length) / count),
        Math.floor(((index + 1) * units.length) / count),
      )
      .join(''),
  );
}
