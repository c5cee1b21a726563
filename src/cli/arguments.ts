import { InvalidArgumentError } from 'commander';

/** Parser of an option's whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Give a whole number of at least ${least}.`);
    return value;
  };

/** Parser of an image size: '32' is 32x32, '28x36' is height 28, width 36. Limits: contracts/dataset.ts, `imageShape`. */
export function imageSize(text: string): { height: number; width: number } {
  const [, high, wide] = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text.trim()) ?? [];
  const height = Number(high);
  const width = Number(wide ?? high);
  if (!(height >= 8 && height <= 512 && width >= 8 && width <= 512))
    throw new InvalidArgumentError('Give one number (32) or height x width (28x36), each from 8 to 512.');
  return { height, width };
}
