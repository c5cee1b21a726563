import { certifySettings, settingSchemas } from './settings.js';
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
  return error.issues.flatMap((issue) => {
    // Settings of the audit lie one level down: 'certify.budget'.
    const name = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(name === 'certify' ? certifySettings.shape : settingSchemas);
      const inside = name === '' ? '' : `${name}.`;
      return issue.keys.map(
        (key) =>
          `${places.all}: '${inside}${key}' is no setting. Take it out; settings ${inside && `of '${name}' `}are ${known.join(', ')}.`,
      );
    }
    if (name === '')
      return [`${places.all}: must be an object, such as {"dataset": "shells"}, and not ${show(given)}.`];
    const value = valueAt(given, issue.path);
    if (value === undefined) return [`${places.of(name)} is missing (${meaning(name)}). ${places.missing(name)}`];
    return [`${places.of(name)} ${show(value)} ${wrong(issue)} (${name}: ${meaning(name)}).`];
  });
}

type Issue = z.core.$ZodIssue;

/** What the value must be, as the second half of a sentence that begins with the value. */
function wrong(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${issue.expected === 'int' ? 'a whole number' : issue.expected === 'string' ? 'text' : issue.expected === 'boolean' ? 'true or false' : issue.expected === 'object' ? 'settings of its own, such as {"epsilon": "2%"}' : 'a number'}`;
    case 'too_small':
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_format':
      return `must be made of ${issue.message}`;
    case 'invalid_union':
      return issue.path.at(-1) === 'repair' || issue.path.at(-1) === 'clustersPerClass'
        ? "must be 'auto' or a whole number"
        : 'must be a share (0.02) or a percentage (2%)';
    case 'custom':
      return issue.message;
    default:
      return `is not valid: ${issue.message}`;
  }
}

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value = given;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value;
}

/** What the setting is, in the schema's own words. */
function meaning(name: string): string {
  const [key = '', inside] = name.split('.');
  const schema =
    key === 'certify' && inside !== undefined
      ? certifySettings.shape[inside as keyof typeof certifySettings.shape]
      : settingSchemas[key as keyof typeof settingSchemas];
  return schema?.description ?? name;
}
