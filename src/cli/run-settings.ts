import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { complaintsOf } from '../contracts/complaints.js';
import { messageOf } from '../contracts/errors.js';
import { name, runSettings } from '../contracts/settings.js';
import { cliErrors } from './errors.js';
import type { RunSettings } from '../contracts/settings.js';

/** @throws LabelloopError USAGE where `run` can't be a run's id */
export function checkRunId(run: string): void {
  const checked = name.safeParse(run);
  if (!checked.success) throw cliErrors.runIdInvalid(run, checked.error.issues[0]?.message ?? 'another');
}

/** Settings that have a flag of their own, and the flag. */
export const settingFlags = {
  dataset: '--dataset',
  seed: '--seed',
  preset: '--preset',
  targetError: '--target-error',
  rounds: '--rounds',
  network: '--network',
  student: '--student',
  steps: '--steps',
  posterior: '--posterior',
  passes: '--passes',
  sampling: '--sampling',
  members: '--members',
  threshold: '--threshold',
  score: '--score',
  limit: '--limit',
  classwise: '--classwise',
  scaling: '--scaling',
  weights: '--weights',
  labels: '--labels',
  calibrationShare: '--calibration-share',
  calibrationMost: '--calibration-most',
  validationShare: '--validation-share',
  precision: '--precision',
} as const satisfies Partial<Record<keyof RunSettings, string>>;

export type FlagSettings = Partial<Record<keyof typeof settingFlags, string>>;

/**
 * The settings of a run: the file's, overridden by the flags, checked.
 *
 * @param flags values as typed
 * @param salt overrides the file's; undefined leaves it
 * @throws LabelloopError SETTINGS_INVALID naming the file or flag, the value, what is wrong and what is allowed
 */
export async function readRunSettings(
  file: string | undefined,
  flags: FlagSettings,
  salt: string | undefined,
): Promise<RunSettings> {
  const fromFile = file === undefined ? {} : await readSettingsFile(file);
  const fromFlags = Object.fromEntries(
    Object.keys(settingFlags)
      .map((key) => [key, flags[key as keyof FlagSettings]] as const)
      .filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
      // A dataset may be named by digits alone.
      .map(([key, text]) => [key, key === 'dataset' ? text : valueOf(text)]),
  );
  const given: Record<string, unknown> = { ...fromFile, ...fromFlags, ...(salt === undefined ? {} : { salt }) };
  const checked = runSettings.safeParse(given);
  if (checked.success) return checked.data;
  throw cliErrors.settingsInvalid(
    complaintsOf(checked.error, given, {
      of: (key) =>
        key in fromFlags || file === undefined || given[key] === undefined ? flagOf(key) : `${file}: ${key}`,
      missing: (key) => `Pass it, or put '${key}' into the --settings file.`,
      all: file ?? 'settings',
    }),
  );
}

const flagOf = (key: string): string => (key in settingFlags ? settingFlags[key as keyof typeof settingFlags] : key);

/** '7' -> 7, 'true' -> true; what is neither stays text, for the schema to judge: a share may be '2%'. */
function valueOf(text: string): number | boolean | string {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

async function readSettingsFile(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw cliErrors.settingsFileUnreadable(file, error);
  });
  const content = parseSettings(file, text);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw cliErrors.settingsFileNoMap(file);
  return content as Record<string, unknown>;
}

function parseSettings(file: string, text: string): unknown {
  try {
    // JSON is YAML, so one parser reads both.
    return parse(text);
  } catch (error) {
    throw cliErrors.settingsFileBroken(file, messageOf(error).split('\n')[0] ?? '', error);
  }
}
