import sharp from 'sharp';
import type { Sharp } from 'sharp';
import type { Question } from '../contracts/audit.js';
import type { QuestionImage } from '../client/index.js';
import type { ReviewSource } from './source.js';

/** Longest side of an image as it is shown at first, in pixels; more would not fit on most screens. */
const VIEW_SIDE = 1_200;
/** PNG bytes that are kept: some hundred views, or tens of thousands of small images. */
const KEPT_BYTES = 96 * 2 ** 20;

/** `view`: fits a screen; `full`: at its own size. */
export type PictureSize = 'view' | 'full';

/** The images of questions as PNG. Recent views are kept, and two that ask for the same one wait for one rendering. */
export class Pictures {
  private readonly kept = new Map<string, Promise<Uint8Array>>();
  private readonly sizes = new Map<string, number>();
  private bytes = 0;

  constructor(private readonly source: Pick<ReviewSource, 'image'>) {}

  async png(question: Question, size: PictureSize): Promise<Uint8Array> {
    // An image at its own size may have hundreds of megabytes; it is looked at once, and the browser keeps it.
    if (size === 'full') return this.render(question, size);
    const { id } = question;
    const found = this.kept.get(id) ?? this.render(question, size);
    this.kept.delete(id);
    this.kept.set(id, found);
    try {
      const png = await found;
      this.account(id, png.byteLength);
      return png;
    } catch (error) {
      this.kept.delete(id);
      throw error;
    }
  }

  private async render(question: Question, size: PictureSize): Promise<Uint8Array> {
    return toPng(await this.source.image(question), size);
  }

  private account(id: string, bytes: number): void {
    if (this.sizes.has(id)) return;
    this.sizes.set(id, bytes);
    this.bytes += bytes;
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= KEPT_BYTES) return;
      this.kept.delete(oldest);
      this.bytes -= this.sizes.get(oldest) ?? 0;
      this.sizes.delete(oldest);
    }
  }
}

/** The file as a browser would show it, turned as its EXIF says, without metadata; else the model's pixels. */
export async function toPng({ original, pixels, shape }: QuestionImage, size: PictureSize): Promise<Uint8Array> {
  if (original !== null) {
    const png = await encode(sharp(original.bytes, { failOn: 'none' }).autoOrient(), size).catch(() => null);
    // A file that the importer read and this build of libvips can't: the model's pixels are better than nothing.
    if (png !== null) return png;
  }
  const { height, width, channels } = shape;
  return encode(sharp(pixels, { raw: { width, height, channels } }), size);
}

function encode(image: Sharp, size: PictureSize): Promise<Buffer> {
  const fitted =
    size === 'full'
      ? image
      : image.resize({ width: VIEW_SIDE, height: VIEW_SIDE, fit: 'inside', withoutEnlargement: true });
  // Little compression: the way is short, and the wait is the encoder's.
  return fitted.png({ compressionLevel: size === 'full' ? 1 : 3 }).toBuffer();
}
