import { MOST_QUESTIONS } from '../../contracts/questions.js';

/** An image without a label, and how the model's passes differ on it, in nats. */
export interface OpenImage {
  position: number;
  epistemic: number;
  entropy: number;
}

/** Keeps the images of a pool that a person's answer teaches most: more of them than anybody answers beside an audit. */
export class MostUseful<Image extends OpenImage> {
  private kept: Image[] = [];

  offer(image: Image): void {
    this.kept.push(image);
    // Sorting seldom, as the pool may have a million images.
    if (this.kept.length >= 4 * MOST_QUESTIONS) this.kept = first(this.kept);
  }

  /** The most useful first. */
  chosen(): Image[] {
    return first(this.kept);
  }
}

/** Where the passes disagree most (BALD) first, and of equal ones the most uncertain. */
const first = <Image extends OpenImage>(images: Image[]): Image[] =>
  images
    .sort(
      (a, b) =>
        number(b.epistemic) - number(a.epistemic) || number(b.entropy) - number(a.entropy) || a.position - b.position,
    )
    .slice(0, MOST_QUESTIONS);

const number = (value: number): number => (Number.isNaN(value) ? 0 : value);
