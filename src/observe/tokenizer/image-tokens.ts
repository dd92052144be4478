import { familyName } from './encoding-of.js';
import { type ImageSize, imageSize } from './image-size.js';
import { objectOf, textOf } from './json-value.js';

/** The size assumed where it is unknown, such as that of an image at an https URL. */
const defaultSize: ImageSize = { width: 1024, height: 1024 };

/** OpenAI's price of an image in tokens: a base, and one for each tile of 512 pixels. */
const prices: readonly { models: RegExp; base: number; tile: number }[] = [
  { models: /^gpt-4o-mini/, base: 2833, tile: 5667 },
  { models: /^o[13]/, base: 75, tile: 150 },
  { models: /^gpt-5/, base: 70, tile: 140 },
  { models: /^/, base: 85, tile: 170 },
];

/**
 * The tokens of an image part's `image_url`, by OpenAI's rule: in low detail the base price;
 * otherwise the image is scaled to fit 2048 x 2048, then until its shorter side is at most 768,
 * and each tile of 512 x 512 that it touches is added.
 */
export function imageTokens(imageUrl: unknown, model: string): number {
  const name = familyName(model);
  const { base, tile } = prices.find(({ models }) => models.test(name)) ?? { base: 85, tile: 170 };
  const { url, detail } = objectOf(imageUrl);
  if (detail === 'low') return base;
  const size = imageSize(textOf(url ?? imageUrl)) ?? defaultSize;
  return base + tile * tilesOf(size);
}

function tilesOf({ width, height }: ImageSize): number {
  const fit = Math.min(1, 2048 / Math.max(width, height));
  const shrink = Math.min(1, 768 / (Math.min(width, height) * fit));
  const tiles = (side: number) => Math.max(1, Math.ceil(Math.floor(side * fit * shrink) / 512));
  return tiles(width) * tiles(height);
}
