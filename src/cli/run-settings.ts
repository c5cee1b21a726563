import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { complaintsOf } from '../contracts/complaints.js';
import { messageOf } from '../contracts/errors.js';
import { name, runSettings } from '../contracts/settings.js';
import { cliErrors } from './errors.js';
import type { AuditSettings } from '../contracts/audit.js';
import type { CertifySettingsInput, RunSettings } from '../contracts/settings.js';

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
  crossFit: '--cross-fit',
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
  labelsFrom: '--labels-from',
} as const satisfies Partial<Record<keyof RunSettings, string>>;

/** Flags of the audit at a run's end, and the settings under `certify` that they are. */
export const auditFlags = {
  certify: { setting: 'epsilon', flag: '--certify' },
  confidence: { setting: 'confidence', flag: '--confidence' },
  auditBudget: { setting: 'budget', flag: '--audit-budget' },
  instrument: { setting: 'instrument', flag: '--instrument' },
  answers: { setting: 'answers', flag: '--answers' },
  nonceFrom: { setting: 'nonceFrom', flag: '--nonce-from' },
} as const satisfies Record<string, { setting: keyof AuditSettings; flag: string }>;

export type FlagSettings = Partial<Record<keyof typeof settingFlags | keyof typeof auditFlags, string>>;

/**
 * The settings of a run: the file's, overridden by the flags, checked.
 *
 * @param flags values as typed
 * @param salt overrides the file's; undefined leaves it
 * @param moved of `adapt`: what holds where neither file nor flags say otherwise, and what its own flags say
 * @throws LabelloopError SETTINGS_INVALID naming the file or flag, the value, what is wrong and what is allowed
 */
export async function readRunSettings(
  file: string | undefined,
  flags: FlagSettings,
  salt: string | undefined,
  moved: { basis: Record<string, unknown>; adapt: Record<string, unknown> } | null = null,
): Promise<RunSettings> {
  const fromFile = file === undefined ? {} : await readSettingsFile(file);
  const fromFlags = Object.fromEntries(
    Object.keys(settingFlags)
      .map((key) => [key, flags[key as keyof FlagSettings]] as const)
      .filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
      // A dataset may be named by digits alone.
      .map(([key, text]) => [key, key === 'dataset' ? text : valueOf(text)]),
  );
  const audit = auditFromFlags(flags);
  const given: Record<string, unknown> = {
    ...moved?.basis,
    ...fromFile,
    ...fromFlags,
    ...(audit === null ? {} : { certify: { ...(fromFile['certify'] as object | undefined), ...audit } }),
    ...(moved === null ? {} : { adapt: { ...(fromFile['adapt'] as object | undefined), ...moved.adapt } }),
    ...(salt === undefined ? {} : { salt }),
  };
  const checked = runSettings.safeParse(given);
  if (checked.success) return checked.data;
  throw cliErrors.settingsInvalid(
    complaintsOf(checked.error, given, {
      of: (key) =>
        key in fromFlags ||
        givesAudit(flags, key) ||
        (moved !== null && key.startsWith('adapt.') && key.slice(6) in moved.adapt) ||
        file === undefined ||
        given[key.split('.')[0] as string] === undefined
          ? flagOf(key)
          : `${file}: ${key}`,
      missing: (key) => `Pass it, or put '${key}' into the --settings file.`,
      all: file ?? 'settings',
    }),
  );
}

/** Settings under `certify` that flags give; null where none does. */
function auditFromFlags(flags: FlagSettings): Record<string, unknown> | null {
  const given = Object.entries(auditFlags).flatMap(([key, { setting }]) => {
    const text = flags[key as keyof typeof auditFlags];
    return text === undefined ? [] : [[setting, valueOf(text)] as const];
  });
  return given.length === 0 ? null : Object.fromEntries(given);
}

const auditFlagOf = (key: string) => Object.entries(auditFlags).find(([, { setting }]) => key === `certify.${setting}`);

/** Whether a flag gives this setting of the audit. */
const givesAudit = (flags: FlagSettings, key: string): boolean => {
  const found = auditFlagOf(key);
  return found !== undefined && flags[found[0] as keyof typeof auditFlags] !== undefined;
};

/** Flags of `audit start`, by setting. */
const startFlags: Record<string, string> = {
  epsilon: '--error',
  confidence: '--confidence',
  budget: '--budget',
  instrument: '--instrument',
  drawing: '--drawing',
  class: '--class',
  spending: '--spending',
  repair: '--repair',
  double: '--double',
  nonceFrom: '--nonce-from',
  answers: '--answers',
};

/**
 * The settings of `audit start`, checked.
 *
 * @param flags values as typed; `error` is epsilon
 * @throws LabelloopError SETTINGS_INVALID naming the flag, the value, what is wrong and what is allowed
 */
export function readAuditSettings({ error, byClass, ...flags }: Record<string, unknown>): CertifySettingsInput {
  const { spending = 'classes' } = flags;
  if (byClass === true && spending !== 'classes') throw cliErrors.spendingTwice(String(spending));
  if (byClass === true && flags['class'] === undefined) throw cliErrors.noClass();
  const given = Object.fromEntries(
    Object.entries({ epsilon: error, ...flags, ...(byClass === true ? { spending } : {}) })
      .filter(([key, value]) => key in startFlags && typeof value === 'string')
      // A class may be named by digits alone.
      .map(([key, value]) => [key, key === 'class' ? value : valueOf(value as string)]),
  );
  const checked = runSettings.safeParse({ dataset: 'any', certify: given });
  if (checked.success) return checked.data.certify as CertifySettingsInput;
  throw cliErrors.settingsInvalid(
    complaintsOf(
      checked.error,
      { certify: given },
      {
        of: (key) => startFlags[key.replace('certify.', '')] ?? key,
        missing: () => 'Pass it.',
        all: 'audit start',
      },
    ),
  );
}

/** Flags of `adapt`, by setting. */
const adaptFlags: Record<string, string> = {
  'adapt.from': '--from',
  'adapt.ask': '--labels',
  'adapt.answers': '--answers',
};

const flagOf = (key: string): string =>
  adaptFlags[key] ??
  auditFlagOf(key)?.[1].flag ??
  (key in settingFlags ? settingFlags[key as keyof typeof settingFlags] : key);

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
