import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { messageOf } from '../contracts/errors.js';
import { name, runSettings } from '../contracts/settings.js';
import { cliErrors } from './errors.js';
import type { z } from 'zod';
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
  rounds: '--rounds',
  targetError: '--target-error',
  threshold: '--threshold',
  calibrationShare: '--calibration-share',
  passes: '--passes',
  steps: '--steps',
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
      .map(([key, text]) => [key, numberOr(text)]),
  );
  const given: Record<string, unknown> = { ...fromFile, ...fromFlags, ...(salt === undefined ? {} : { salt }) };
  const checked = runSettings.safeParse(given);
  if (checked.success) return checked.data;
  throw cliErrors.settingsInvalid(
    checked.error.issues.flatMap((issue) => {
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map(
          (key) => `${file ?? 'settings'}: '${key}' is no setting. Take it out; settings are ${known.join(', ')}.`,
        );
      const key = String(issue.path[0]);
      if (given[key] === undefined)
        return [`${flagOf(key)} is missing (${meaning(key)}). Pass it, or put '${key}' into the --settings file.`];
      const place = key in fromFlags || file === undefined ? flagOf(key) : `${file}: ${key}`;
      return [`${place} ${show(given[key])} ${wrong(issue)} (${key}: ${meaning(key)}).`];
    }),
  );
}

type Issue = z.core.$ZodIssue;

/** What the value must be, as the second half of a sentence that begins with the value. */
function wrong(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${issue.expected === 'int' ? 'a whole number' : issue.expected === 'string' ? 'text' : 'a number'}`;
    case 'too_small':
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_format':
      return `must be made of ${issue.message}`;
    case 'invalid_union':
      return 'must be a share (0.02) or a percentage (2%)';
    default:
      return `is not valid: ${issue.message}`;
  }
}

const known = Object.keys(runSettings.shape);

const flagOf = (key: string): string => (key in settingFlags ? settingFlags[key as keyof typeof settingFlags] : key);

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));

/** What the setting is, in the schema's own words. */
const meaning = (key: string): string => runSettings.shape[key as keyof RunSettings].description ?? key;

/** '7' -> 7; what is no number stays text, for the schema to judge: a share may be '2%'. */
const numberOr = (text: string): number | string =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

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
