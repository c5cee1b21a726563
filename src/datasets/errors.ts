import { messageOf, problem } from '../contracts/errors.js';

const SKIP = "or leave such images out with '--skip-bad'";

/** `<file>:<row>`, or the file alone where the image is a file of its own. */
export const place = (file: string, row?: number): string => (row === undefined ? file : `${file}:${row}`);

/** Every message that an import or an export can show; `at` is the place of the row or the file. */
export const datasetErrors = {
  sourceMissing: (path: string) => problem('DATASET_INVALID', `${path}: no such file or folder. Check the path.`),
  formatUnknown: (path: string) =>
    problem(
      'DATASET_FORMAT_UNKNOWN',
      `${path}: not a format that can be imported. Give a folder of images (a folder a class), a manifest (.csv, .tsv, .jsonl) or a folder with IDX files; unpack archives first.`,
    ),
  imageMissing: (at: string, image: string) =>
    problem('DATASET_IMAGE_MISSING', `${at}: no image '${image}'. Fix the path, ${SKIP}.`),
  imageUnnamed: (at: string, label: string | null) =>
    problem(
      'DATASET_IMAGE_MISSING',
      `${at}: ${label === null ? 'an empty row' : `a label '${label}' without an image`}. Name the image, ${SKIP}.`,
    ),
  imageBroken: (at: string, cause: unknown) =>
    problem(
      'DATASET_IMAGE_BROKEN',
      `${at}: the image can't be decoded (${messageOf(cause).split('\n')[0]}). Replace the file, ${SKIP}.`,
      cause,
    ),
  imageChanged: (path: string) =>
    problem(
      'DATASET_IMAGE_BROKEN',
      `${path}: changed while it was being imported. Import again when nothing writes there.`,
    ),
  classUnknown: (at: string, label: string, known: string) =>
    problem('DATASET_CLASS_UNKNOWN', `${at}: class '${label}' is not among ${known}. Fix the label, ${SKIP}.`),
  idDuplicate: (at: string, id: string, first: string) =>
    problem('DATASET_ID_DUPLICATE', `${at}: id '${id}' is that of ${first} too. Make the ids unique, ${SKIP}.`),
  labelConflict: (at: string, label: string, first: string, firstLabel: string) =>
    problem(
      'DATASET_LABEL_CONFLICT',
      `${at}: labelled '${label}', and ${first}, which has the same content, '${firstLabel}'. Correct one of them, ${SKIP}.`,
    ),
  testUnlabelled: (at: string) =>
    problem(
      'DATASET_INVALID',
      `${at}: a test image without a label. Label it, or move it out of the test split, ${SKIP}.`,
    ),
  poolLabelled: (at: string, label: string) =>
    problem(
      'DATASET_INVALID',
      `${at}: an image of the pool has label '${label}'. Leave the label empty, or the split, and hide labels with '--keep-labels' (${SKIP}).`,
    ),
  splitUnknown: (at: string, split: string) =>
    problem('DATASET_INVALID', `${at}: split '${split}' is none of train, validation, test, pool. Fix it, ${SKIP}.`),
  rowBroken: (at: string, cause: string) =>
    problem('DATASET_INVALID', `${at}: the row can't be read (${cause}). Fix it, ${SKIP}.`),
  fileBroken: (at: string, cause: string) =>
    problem('DATASET_INVALID', `${at}: ${cause}. Fix the file, or get it again.`),
  columnsUnknown: (file: string, found: string[]) =>
    problem(
      'DATASET_INVALID',
      `${file}: no column names the images; it has ${found.join(', ') || 'none'}. Call one 'file_name' (or 'path', 'image'), and others 'label', 'split', 'id' where there are such.`,
    ),
  nothingLabelled: (path: string) =>
    problem(
      'DATASET_INVALID',
      `${path}: no labelled images. Put some into a folder a class, or fill the column 'label'; a few of each class are enough to start.`,
    ),
  classesTooFew: (path: string, classes: readonly string[]) =>
    problem('DATASET_INVALID', `${path}: all labels are '${classes.join()}'. There must be two classes or more.`),
  classTooSmall: (path: string, name: string, count: number) =>
    problem(
      'DATASET_INVALID',
      `${path}: class '${name}' has ${count} labelled image${count === 1 ? '' : 's'}; one to train from and one to check with are needed. Label more of it, keep more labels ('--keep-labels'), or leave the class out.`,
    ),
  keepTooMany: (path: string, keep: number, labelled: number) =>
    problem(
      'DATASET_INVALID',
      `${path}: can't keep ${keep} labels and hide the others: ${labelled} images are labelled. Keep fewer, or import without '--keep-labels'.`,
    ),
  optionInvalid: (option: string, found: string, expected: string) =>
    problem('SETTINGS_INVALID', `${option} is ${found}; it must be ${expected}.`),
  exists: (name: string) =>
    problem('DATASET_EXISTS', `a data set '${name}' is there already, with other content. Choose another name.`),
  unknown: (name: string, known: string[]) =>
    problem(
      'DATASET_UNKNOWN',
      `no data set '${name}'; there ${known.length === 0 ? 'are none' : `is ${known.join(', ')}`}. 'labelloop dataset import PATH --name ${name}' imports one.`,
    ),
  classPresent: (name: string, classes: readonly string[]) =>
    problem(
      'SETTINGS_INVALID',
      `'${name}' can't be added to the classes ${classes.join(', ')}. Give names that are not empty and not among them, each once.`,
    ),
  nothingAdded: (name: string) =>
    problem('SETTINGS_INVALID', `nothing is added to '${name}'. Name a class that it has not, or images of its pool.`),
  answerUnknown: (name: string, id: string) =>
    problem('SETTINGS_INVALID', `the pool of '${name}' has no image '${id}'. Take ids from a run of this dataset.`),
  cancelled: () => problem('CANCELLED', 'the import was cancelled; nothing was added. Start it again when you like.'),
};
