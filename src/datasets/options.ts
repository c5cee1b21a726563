import { imageShape, type ImageShape } from '../contracts/dataset.js';
import { name as datasetName } from '../contracts/settings.js';
import { datasetErrors } from './errors.js';
import type { SourceKind } from './source.js';

export interface ImportProgress {
  /** `survey` counts and checks rows, `read` decodes, `store` uploads; in images. */
  phase: 'survey' | 'read' | 'store';
  done: number;
  /** Null while the source is being counted. */
  total: number | null;
}

export interface ImportOptions {
  /** Folder, manifest, or folder of IDX files. */
  path: string;
  /** The dataset's name in the store. */
  name: string;
  /** Found out from the path by default. */
  kind?: SourceKind | undefined;
  /**
   * Model-sized pixels: one number for a square. By default the images' own size where a sample of 100 has one size of at
   * most 64, and 32 otherwise.
   */
  size?: number | { height: number; width: number } | undefined;
  /** 1 where a sample of 100 images is all grey, else 3, by default. */
  channels?: 1 | 3 | undefined;
  /** The classes in their order; by default those of the training labels, sorted. Others are errors. */
  classes?: readonly string[] | undefined;
  /**
   * Another dataset, whose classes and whose pixels' size and channels this one gets: a model of the one can then move to the
   * other ('labelloop adapt'). Few labels or none are enough.
   */
  like?: string | undefined;
  /** The images are negatives, white for black: their pixels are turned round. What people see stays as it came. */
  invert?: boolean | undefined;
  /** Dry run: keep so many labels and hide the others as the truth that nothing but the closing comparison reads. */
  keepLabels?: number | undefined;
  /** Which to keep: `balanced` over the classes (the default) or at `random`. */
  keep?: 'balanced' | 'random' | undefined;
  /** Of the choice of labels, the pool's choice, and the order of the images. 0 by default. */
  seed?: number | undefined;
  /** At most so many images in the pool, chosen at random; all by default. */
  pool?: number | undefined;
  /** Leave images out that can't be taken, and list them, instead of failing at the first. */
  skipBad?: boolean | undefined;
  /** Images a shard: what a worker holds at a time. 4,096 by default: 3 MB of pixels for MNIST, 12 MB for 32x32 colour. */
  shardSize?: number | undefined;
  onProgress?: ((progress: ImportProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const DEFAULT_SHARD = 4096;

/** @throws SETTINGS_INVALID for the first option that can't be */
export function checkOptions(options: ImportOptions) {
  const { size, channels, keepLabels, keep = 'balanced', seed = 0, pool, shardSize = DEFAULT_SHARD } = options;
  const name = datasetName.safeParse(options.name);
  if (!name.success)
    throw datasetErrors.optionInvalid('name', `'${options.name}'`, name.error.issues[0]?.message ?? '');
  const dimensions = typeof size === 'number' ? { height: size, width: size } : size;
  if (dimensions && !imageShape.safeParse({ ...dimensions, channels: 1 }).success)
    throw datasetErrors.optionInvalid('size', `${dimensions.height}x${dimensions.width}`, '8 to 512 pixels a side');
  if (channels !== undefined && ![1, 3].includes(channels))
    throw datasetErrors.optionInvalid('channels', String(channels), '1 or 3');
  const given = (['classes', 'size', 'channels'] as const).find((option) => options[option] !== undefined);
  if (options.like !== undefined && given)
    throw datasetErrors.optionInvalid(
      given,
      JSON.stringify(options[given]),
      `nothing beside like, which has it from '${options.like}'`,
    );
  for (const [option, value] of Object.entries({ keepLabels, pool, shardSize }))
    if (value !== undefined && !(Number.isInteger(value) && value > (option === 'keepLabels' && options.like ? -1 : 0)))
      throw datasetErrors.optionInvalid(option, String(value), 'a whole number above 0');
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    throw datasetErrors.optionInvalid('seed', String(seed), 'a whole number from 0 to 4294967295');
  const classes = options.classes?.map((each) => each.trim().normalize('NFC'));
  if (classes && (new Set(classes).size !== classes.length || classes.length < 2 || classes.includes('')))
    throw datasetErrors.optionInvalid('classes', classes.join(), 'two or more different names');
  return { size: dimensions, channels, classes, keepLabels, keep, seed, pool, shardSize };
}
export type CheckedOptions = ReturnType<typeof checkOptions>;

/** The pixels' shape from what was asked for and what a sample of the images looks like. */
export function chooseShape(
  { size, channels }: CheckedOptions,
  looks: readonly { width: number; height: number; grey: boolean }[],
): ImageShape {
  const [first] = looks;
  const same = first !== undefined && looks.every((look) => look.width === first.width && look.height === first.height);
  const keeps = same && [first.width, first.height].every((side) => side >= 8 && side <= 64);
  const own = keeps ? { height: first.height, width: first.width } : { height: 32, width: 32 };
  const grey = looks.length > 0 && looks.every((look) => look.grey);
  return { ...(size ?? own), channels: channels ?? (grey ? 1 : 3) };
}
