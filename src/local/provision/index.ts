import { messageOf } from '../../contracts/errors.js';
import { configuredStore, configuredTemporal } from '../../contracts/configured.js';
import type { OnLine } from '../messages.js';
import { messages } from '../messages.js';
import { paths } from '../../contracts/paths.js';
import { locateCompute, provisionCompute } from './compute.js';
import { locateMinio, provisionMinio } from './minio.js';
import { locateTemporal, provisionTemporal } from './temporal.js';
import { locatePythonReaders, locateVersitygw, provisionPythonReaders, provisionVersitygw } from './test-tools.js';
import type { Provisioned, Setting } from './types.js';

interface Provisioner {
  readonly title: string;
  /** Where the user's configuration already has it, in words; null if it doesn't. */
  configured?(env: NodeJS.ProcessEnv): string | null;
  /** Finds it without installing anything. */
  locate(setting: Setting): Promise<Provisioned | null>;
  /** Installs it. */
  provision(setting: Setting): Promise<Provisioned>;
}

const provisioners = {
  temporal: {
    title: 'temporal',
    configured: (env) => configuredTemporal(env)?.address ?? null,
    locate: locateTemporal,
    provision: provisionTemporal,
  },
  minio: {
    title: 'minio',
    configured: (env) => {
      const store = configuredStore(env);
      return store === null ? null : `${store.endPoint}:${store.port}`;
    },
    locate: locateMinio,
    provision: provisionMinio,
  },
  compute: {
    title: 'compute library',
    locate: (setting) => locateCompute(setting),
    provision: (setting) => provisionCompute(setting),
  },
  versitygw: { title: 'versitygw', locate: locateVersitygw, provision: provisionVersitygw },
  pythonReaders: { title: 'python readers', locate: locatePythonReaders, provision: provisionPythonReaders },
} satisfies Record<string, Provisioner>;

/** What set-up can provide. */
export type Thing = keyof typeof provisioners;

/** A thing that the user has configured elsewhere; nothing is installed for it. */
export interface Configured {
  readonly configured: string;
}

export const isConfigured = (found: Provisioned | Configured): found is Configured => 'configured' in found;

export interface ProvisionOptions {
  /** Progress, a line at a time. Default: none. */
  readonly onLine?: OnLine;
  /** Default: this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether servers that the user has configured count. Default: true; tests want their own servers whatever is configured. */
  readonly configured?: boolean;
  /** Things to go on without if no source has them. Default: none. */
  readonly optional?: readonly Thing[];
}

export type Provision<T extends Thing = Thing> = Partial<Record<T, Provisioned | Configured>>;

/**
 * Provides what is named, each from the first source that works: the user's configuration, PATH, the cache, a package
 * registry. All at the same time. Work that was cut off is done again by the next call, and two calls at the same
 * time share it.
 *
 * @returns what was named, less those of `optional` that could not be had
 * @throws SETUP_FAILED for the first of the others that could not, once all have ended
 */
export async function provision<T extends Thing>(
  names: readonly T[],
  options: ProvisionOptions = {},
): Promise<Provision<T>> {
  const outcomes = await Promise.allSettled(names.map((name) => provideOne(name, options)));
  const found: Provision<T> = {};
  for (const [index, outcome] of outcomes.entries()) {
    const name = names[index]!;
    if (outcome.status === 'fulfilled') found[name] = outcome.value;
    else if (options.optional?.includes(name)) {
      options.onLine?.(messages.without(provisioners[name].title, messageOf(outcome.reason)));
    } else throw outcome.reason;
  }
  return found;
}

async function provideOne(name: Thing, options: ProvisionOptions): Promise<Provisioned | Configured> {
  const begun = Date.now();
  const { title, provision: provide } = provisioners[name];
  const onLine = options.onLine ?? (() => undefined);
  const found = await locate(name, options);
  if (found !== null) {
    onLine(
      isConfigured(found)
        ? messages.configured(title, found.configured)
        : messages.found(title, found.version, found.source),
    );
    return found;
  }
  const made = await provide(settingOf(options));
  onLine(messages.done(title, made.version, made.source, Date.now() - begun));
  return made;
}

/** Finds a thing without installing anything; null if it isn't there. */
export async function locate(name: Thing, options: ProvisionOptions = {}): Promise<Provisioned | Configured | null> {
  const provisioner: Provisioner = provisioners[name];
  const where = options.configured === false ? null : provisioner.configured?.(options.env ?? process.env);
  return where ? { configured: where } : await provisioner.locate(settingOf(options));
}

function settingOf({ env = process.env, onLine = () => undefined }: ProvisionOptions): Setting {
  return { cache: paths(env).cache, env, onLine };
}

export type { Provisioned } from './types.js';
