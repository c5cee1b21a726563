import { messageOf, problem } from '../contracts/errors.js';

/** What the command line itself refuses. */
export const cliErrors = {
  /** `labels export --out FILE` where FILE is there. */
  outputExists: (file: string) =>
    problem('USAGE', `${file} is there already. Pass --force to overwrite it, or another --out.`),

  /** `dataset import --keep random`, which alone would do nothing. */
  keepWithoutLabels: () =>
    problem('USAGE', '--keep says which labels a dry run keeps. Say how many with --keep-labels N, or leave it out.'),

  /** `run start --run 'My run'`. */
  runIdInvalid: (run: string, allowed: string) =>
    problem('USAGE', `--run '${run}': can't be a run's id. Use ${allowed}.`),

  /** `labels export --out labels` without --format. */
  exportFormatUnknown: (file: string) =>
    problem(
      'USAGE',
      `${file}: the extension names no format. End it in .csv, .jsonl or .parquet, or pass --format csv|jsonl|parquet|folder.`,
    ),

  /** `labels export --format folder --out DIR` where DIR has files: old and new labels must not mix. */
  folderNotEmpty: (folder: string) =>
    problem('USAGE', `${folder} is there already and not empty. Name another --out, or remove it first.`),

  /** `novel name RUN limpet`. */
  notNamed: (text: string) =>
    problem('USAGE', `'${text}' names no cluster. Write the cluster's number and the name of its class: 7=limpet.`),

  /** A verb that needs the images of a run that has not found its dataset yet. */
  noDataset: (run: string) =>
    problem('RUN_NO_RESULTS', `Run '${run}' has found no dataset yet. 'labelloop run show ${run}' says how far it is.`),

  /** `tasks export --out tasks` and `answers import RUN answers` without --format. */
  answerFormatUnknown: (file: string) =>
    problem(
      'USAGE',
      `${file}: the extension names no format. End it in .csv, .jsonl or .json (Label Studio), or pass --format csv|jsonl|label-studio.`,
    ),

  /** `tasks export --format label-studio`, which would show nothing. */
  imagesNeeded: () =>
    problem(
      'USAGE',
      'Label Studio shows an image by its address. Pass --images DIR to write the images, or --image-url PREFIX where they are served by their names.',
    ),

  /** `answers import` for an audit or questions in which nobody is asked. */
  truthAnswers: (run: string) =>
    problem(
      'AUDIT_INVALID',
      `People aren't asked about run '${run}': it is a dry run, in which hidden labels answer for them. 'labelloop run show ${run}' says what it came to.`,
    ),

  /** `answers import`: the audit ended or went on elsewhere while answers were on their way. */
  partlyTaken: (taken: number, all: number, cause: unknown) =>
    problem(
      'AUDIT_INVALID',
      `${taken} of ${all} answers were taken, and then one was refused: ${messageOf(cause)} The same import again goes on from there; --skip-unwanted leaves out what is not asked for any more.`,
      cause,
    ),

  /** `questions show` or `stop` of a run of which nobody was asked. */
  noQuestions: (run: string) =>
    problem(
      'AUDIT_UNKNOWN',
      `Nobody was asked about run '${run}' without an audit. 'labelloop review ${run}' asks once it has ended.`,
    ),
  /** `--audit` of something that is no audit's number. */
  notAnAudit: (given: string) =>
    problem('USAGE', `--audit '${given}' must be the number of an audit, from 1. Pass another, or leave it out.`),
  /** `adapt --from` a run whose settings nothing has checked yet. */
  runWithoutModel: (run: string) =>
    problem('RUN_NO_RESULTS', `Run '${run}' has no model yet. Wait for its first round: labelloop run watch ${run}`),
  /** `--by-class` of an audit of all labels. */
  noClass: () =>
    problem(
      'USAGE',
      '--by-class is for an audit of one class. Name it: --class NAME; each class has an audit of its own.',
    ),
  /** Two ways to spend. */
  spendingTwice: (spending: string) =>
    problem('USAGE', `--by-class spends by classes, and --spending ${spending} does not. Pass one of the two.`),
  /** `certificate verify DIR`, and verify.mjs says no. */
  bundleRefused: (dir: string, lines: readonly string[]) =>
    problem('CERTIFICATE_INVALID', `${dir}: the certificate does not hold.\n${lines.join('\n')}`),

  outputNotWritable: (file: string, cause: unknown) =>
    problem(
      'USAGE',
      `${file}: can't be written. Name a file in a folder that exists and that you may write to.`,
      cause,
    ),

  /** `run start --settings FILE`. */
  settingsFileUnreadable: (file: string, cause: unknown) =>
    problem('SETTINGS_INVALID', `${file}: can't be read. Name a YAML or JSON file that exists.`, cause),

  settingsFileBroken: (file: string, detail: string, cause: unknown) =>
    problem('SETTINGS_INVALID', `${file}: is neither YAML nor JSON: ${detail}. Correct it there.`, cause),

  settingsFileNoMap: (file: string) =>
    problem('SETTINGS_INVALID', `${file}: holds no settings. Write 'name: value' lines, such as 'rounds: 3'.`),

  settingsInvalid: (complaints: readonly string[]) => problem('SETTINGS_INVALID', complaints.join('\n')),
};
