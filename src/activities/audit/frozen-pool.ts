import { problem } from '../../contracts/errors.js';
import type { FrozenLabel } from '../../contracts/audit.js';

/** Bytes of an image's id and of its pixels' digest. */
const ID = 16;
const DIGEST = 32;

/** Machine labels in typed arrays, as a million JavaScript objects would take hundreds of megabytes. */
export class FrozenPool {
  private readonly ids: Buffer;
  private readonly images: Buffer;
  private readonly labels: Int32Array;
  private readonly positions: Uint32Array;
  private readonly scores: Float64Array;
  private count = 0;

  /** @param most labels that may be added */
  constructor(most: number) {
    this.ids = Buffer.alloc(most * ID);
    this.images = Buffer.alloc(most * DIGEST);
    this.labels = new Int32Array(most);
    this.positions = new Uint32Array(most);
    this.scores = new Float64Array(most);
  }

  /** @param row.image SHA-256 of its model-sized pixels */
  add(row: { id: string; image: Buffer; label: number; position: number; score: number }): void {
    const written = this.ids.write(row.id, this.count * ID, 'hex');
    if (written !== ID)
      throw problem('DATASET_INVALID', `image '${row.id}': an id has 32 hexadecimal digits. Import the dataset again.`);
    row.image.copy(this.images, this.count * DIGEST);
    this.labels[this.count] = row.label;
    this.positions[this.count] = row.position;
    // A score that can't be told is the least certain of all.
    this.scores[this.count] = Number.isNaN(row.score) ? Infinity : row.score;
    this.count++;
  }

  /** The rows by certainty, ties by id: place = rank. */
  ranks(): Uint32Array {
    return Uint32Array.from({ length: this.count }, (_, row) => row).sort((a, b) => {
      const [left, right] = [this.scores[a] as number, this.scores[b] as number];
      if (left !== right) return left < right ? -1 : 1;
      return this.ids.compare(this.ids, b * ID, (b + 1) * ID, a * ID, (a + 1) * ID);
    });
  }

  positionAt(row: number): number {
    return this.positions[row] as number;
  }

  scoreAt(row: number): number {
    return this.scores[row] as number;
  }

  lineAt(row: number, rank: number): FrozenLabel {
    return {
      id: this.ids.toString('hex', row * ID, (row + 1) * ID),
      image: this.images.toString('hex', row * DIGEST, (row + 1) * DIGEST),
      label: this.labels[row] as number,
      rank,
    };
  }
}
