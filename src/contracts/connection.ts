import { z } from 'zod';

/** Where the object store is. */
export const storeConnection = z.strictObject({
  endPoint: z.string(),
  port: z.int(),
  useSSL: z.boolean(),
  accessKey: z.string(),
  secretKey: z.string(),
  bucket: z.string(),
  region: z.string(),
});
export type StoreConnection = z.infer<typeof storeConnection>;

/** Where Temporal is. TLS and API keys come from `temporal.toml` or the environment (`@temporalio/envconfig`). */
export const temporalConnection = z.strictObject({ address: z.string(), namespace: z.string() });

/**
 * The embedded stack of this machine as `labelloop up` left it: `<home>/stack.json`, mode 0600, since it holds the
 * store's keys. Other commands and the client find the stack by it.
 */
export const stackFile = z.strictObject({
  format: z.literal('labelloop.stack/1'),
  temporal: temporalConnection.nullable(),
  ui: z.string().nullable(),
  store: storeConnection.nullable(),
});
export type StackFile = z.infer<typeof stackFile>;
