import canonicalize from 'canonicalize';

/** Canonical JSON (RFC 8785): equal values have equal bytes. Throws on what JSON can't hold, such as NaN. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError(`a ${typeof value} has no JSON`);
  return text;
}
