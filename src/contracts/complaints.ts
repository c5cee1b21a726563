import { settingSchemas } from './settings.js';
import type { z } from 'zod';

/** How the places of settings are called where they were given: flags, lines of a file, names of an input. */
export interface Places {
  /** Of a setting that has a value. */
  of(key: string): string;
  /** What to do about one that is missing. */
  missing(key: string): string;
  /** What the settings as a whole came from. */
  all: string;
}

/** Settings of a workflow or a program: an object with the settings' own names. */
export const inputPlaces: Places = {
  of: (key) => key,
  missing: (key) => `Put '${key}' into the run's settings.`,
  all: 'settings',
};

/**
 * What is wrong with settings, a sentence each: place, value, what it must be, and what it is for. Whoever starts a run, by
 * whatever tool, reads the same.
 */
export function complaintsOf(error: z.ZodError, given: unknown, places: Places = inputPlaces): string[] {
  const values = (typeof given === 'object' ? given : null) as Record<string, unknown> | null;
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(
        (key) => `${places.all}: '${key}' is no setting. Take it out; settings are ${known.join(', ')}.`,
      );
    const key = issue.path[0];
    if (key === undefined)
      return [`${places.all}: must be an object, such as {"dataset": "shells"}, and not ${show(given)}.`];
    const name = String(key);
    const value = values?.[name];
    if (value === undefined) return [`${places.of(name)} is missing (${meaning(name)}). ${places.missing(name)}`];
    return [`${places.of(name)} ${show(value)} ${wrong(issue)} (${name}: ${meaning(name)}).`];
  });
}

type Issue = z.core.$ZodIssue;

/** What the value must be, as the second half of a sentence that begins with the value. */
function wrong(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${issue.expected === 'int' ? 'a whole number' : issue.expected === 'string' ? 'text' : issue.expected === 'boolean' ? 'true or false' : 'a number'}`;
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
    case 'custom':
      return issue.message;
    default:
      return `is not valid: ${issue.message}`;
  }
}

const known = Object.keys(settingSchemas);

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));

/** What the setting is, in the schema's own words. */
const meaning = (key: string): string => settingSchemas[key as keyof typeof settingSchemas].description ?? key;
