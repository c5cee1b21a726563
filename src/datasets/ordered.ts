/**
 * Maps with at most `limit` calls of `f` at a time, and gives the results in the order of the source: memory holds `limit`
 * results, and the outcome does not depend on which call is faster.
 */
export async function* mapOrdered<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  f: (value: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  for await (const value of source) {
    const result = f(value);
    // Awaited below; until then a rejection must not count as unhandled.
    result.catch(() => undefined);
    running.push(result);
    if (running.length >= limit) yield await (running.shift() as Promise<R>);
  }
  for (const result of running) yield await result;
}
